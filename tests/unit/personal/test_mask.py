"""People in a data set are replaced, one for one, and nobody real is left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedstock.core.schema import ColumnSchema, Link, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.network.keyed import Keyed
from seedstock.personal.made import StandIns
from seedstock.personal.mask import kept, mask
from seedstock.personal.types import is_card, is_iban


def _data(**columns: list[str | None]) -> Dataset:
    schema = TableSchema({name: ColumnSchema("category") for name in columns})
    return Dataset({"t": Table({n: Column.of_texts(t) for n, t in columns.items()})}, Schema({"t": schema}))


def _texts(column: Column) -> list[str | None]:
    return list(column.texts())


@pytest.mark.parametrize("plain", [True, False], ids=["own", "faker"])
def test_one_for_one_and_nobody_real(plain: bool) -> None:
    names = ["Ann Smith", "John Brown", "Wei Chen", "Ann Smith", None]
    mails = ["ann@bank.com", "john@bank.com", "wei@web.de", "ann@bank.com", None]
    masked = mask(_data(name=names, mail=mails), b"key", plain)
    out = masked.data.table
    for column, real in (("name", names), ("mail", mails)):
        made = _texts(out[column])
        assert made[0] == made[3]
        assert len({*made[:3]}) == 3
        assert made[4] is None
        assert not {*made} & {*real} - {None}
    assert all(m.endswith(".example") for m in out["mail"].texts() if m)
    assert masked.facts["columns"] == {"t": {"name": "name", "mail": "email"}}
    again = mask(_data(name=names, mail=mails), b"key", plain).data.table
    assert _texts(again["name"]) == _texts(out["name"])
    assert _texts(mask(_data(name=names, mail=mails), b"other", plain).data.table["mail"]) != _texts(out["mail"])


def test_writings_of_one_name_stay_writings_of_one() -> None:
    out = mask(_data(name=["Ann Smith", "ANN SMITH", "ann smith", "Wei Chen", "John Brown"]), b"key").data.table["name"]
    a, b, c = (str(t) for t in out.texts()[:3])
    assert a.upper() == b
    assert a.lower() == c
    assert a != "Ann Smith"


def test_addresses_within_texts_and_conditions_follow() -> None:
    data = _data(mail=["ann@bank.com", "bob@bank.com"], note=["write to ann@bank.com, please", "nothing"])
    masked = mask(data, b"key")
    mail = str(masked.data.table["mail"].texts()[0])
    assert _texts(masked.data.table["note"]) == [f"write to {mail}, please", "nothing"]
    assert masked.texts({"mail": ["ann@bank.com"]}) == {"mail": [mail]}
    assert masked.texts("mail=ann@bank.com") == f"mail={mail}"
    part = masked.tables(Table({"mail": Column.of_texts(["bob@bank.com"])}))
    assert _texts(part["mail"]) == [masked.data.table["mail"].texts()[1]]


def test_keys_of_linked_tables_stay_together() -> None:
    mails = [f"p{i}@x.com" for i in range(30)]
    schema = Schema(
        {
            "people": TableSchema({"mail": ColumnSchema("id", roles=("key",))}),
            "orders": TableSchema({"who": ColumnSchema("category")}),
        },
        (Link("orders", "who", "people", "mail"),),
    )
    tables = {
        "people": Table({"mail": Column.of_texts(mails)}),
        "orders": Table({"who": Column.of_texts(mails[:7] * 3)}),
    }
    out = mask(Dataset(tables, schema), b"key").data
    parents = _texts(out.tables["people"]["mail"])
    assert _texts(out.tables["orders"]["who"]) == parents[:7] * 3
    assert not set(parents) & set(mails)
    assert len(set(parents)) == 30
    assert out.schema.tables["people"]["mail"].kind == "id"


def test_numbers_keep_their_length_and_are_nobodys() -> None:
    data = _data(
        card=["4539578763621486", "4111 1111 1111 1111"],
        iban=["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"],
        ssn=["123-45-6789", "234-56-7890"],
        tel=["+49 30 1234567", "+49 40 7654321"],
    )
    out = mask(data, b"key").data.table
    cards = [str(t) for t in out["card"].texts()]
    assert [len(c) for c in cards] == [16, 19]
    assert not any(is_card(c.replace(" ", "")) for c in cards)
    assert not any(is_iban(str(t)) for t in out["iban"].texts())
    assert all(str(t).startswith("666-") for t in out["ssn"].texts())
    assert all(str(t).startswith("+49 ") and len(str(t)) == 14 for t in out["tel"].texts())


def test_numeric_columns_are_replaced_as_numbers() -> None:
    values = np.array([4155552671, 4155552672, 4155552671], np.int64)
    schema = Schema({"t": TableSchema({"phone": ColumnSchema("number"), "n": ColumnSchema("number")})})
    table = Table({"phone": Column(values, np.zeros(3, bool)), "n": Column(values, np.zeros(3, bool))})
    out = mask(Dataset({"t": table}, schema), b"key").data.table
    made = out["phone"].values
    assert made.dtype == np.int64
    assert made[0] == made[2] != made[1]
    assert not set(made.tolist()) & set(values.tolist())
    assert {len(str(v)) for v in made.tolist()} == {10}
    assert out["n"].values is values or (out["n"].values == values).all()


def test_the_target_and_placeholders_stay() -> None:
    schema = Schema({"t": TableSchema({"owner": ColumnSchema("category", roles=("target",))})})
    table = Table({"owner": Column.of_texts(["Ann Smith", "Wei Chen", "John Brown"])})
    data = Dataset({"t": table}, schema)
    assert mask(data, b"key").data is data
    out = mask(_data(name=["Ann Smith", "unknown", "Wei Chen", "John Brown", "Jane Miller"]), b"key").data.table
    assert out["name"].texts()[1] == "unknown"


def test_without_people_nothing_is_asked_for() -> None:
    def secret() -> tuple[bytes, str]:
        raise AssertionError("no key is needed")

    data = _data(city=["Rome", "Oslo"])
    assert mask(data, secret).data is data
    assert kept(data) is data


def test_what_is_kept_is_said() -> None:
    data = kept(_data(mail=["ann@bank.com", "bob@bank.com"]))
    assert data.origin["personal"] == {"kept": True, "columns": {"t": {"mail": "email"}}}
    assert "kept as they are" in data.notes[0]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["phone", "iban", "card number", "social security number", "email", "name"]), st.text(max_size=40)
)
def test_any_text_has_a_stand_in(kind: str, text: str) -> None:
    made = StandIns(Keyed(b"k"), plain=True)
    assert made(kind, text) == made(kind, text)
    assert made(kind, text, 60) == made(kind, text, 60)


def test_many_names_get_as_many_stand_ins() -> None:
    names = [f"Ann {chr(65 + i // 26)}{chr(97 + i % 26)}son" for i in range(600)]
    for plain in (True, False):
        out = mask(_data(name=names), b"key", plain).data.table["name"].texts()
        assert len(set(out)) == 600
