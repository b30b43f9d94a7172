"""Fresh stand-ins for columns in which each row has its own."""

from __future__ import annotations

import pytest

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.personal import PersonalMaker

_MAILS = [f"p{i}@bank.com" for i in range(50)]
_PHONES = [f"+49 30 {1000000 + 7 * i}" for i in range(50)]


def _maker(texts: list[str], name: str = "x") -> PersonalMaker:
    maker = PersonalMaker.fit(Column.of_texts(texts), ColumnSchema("text"), name)
    assert maker is not None
    return maker


def test_mails_are_never_twice_and_never_real() -> None:
    made = _maker(_MAILS).make(2000, Rng(0), 0).texts()
    assert len(set(made)) == 2000
    assert not set(made) & set(_MAILS)
    assert all(str(m).endswith(".example") for m in made)


def test_blocks_are_the_same_as_one_draw() -> None:
    maker = _maker(_MAILS)
    assert list(maker.make(30, Rng(3), 0).texts()[20:]) == list(maker.make(10, Rng(3), 20).texts())


def test_phones_are_written_as_the_real_ones() -> None:
    made = [str(t) for t in _maker(_PHONES).make(200, Rng(0), 0).texts()]
    assert all(t.startswith("+49 ") and len(t) == 14 and t[3] == t[6] == " " for t in made)
    assert not set(made) & set(_PHONES)


def test_other_texts_have_another_maker() -> None:
    assert PersonalMaker.fit(Column.of_texts(["a word", "two words"]), ColumnSchema("text"), "note") is None


def test_it_comes_back_from_its_state_and_damage_is_told() -> None:
    maker = _maker(_PHONES)
    again = PersonalMaker.from_json(maker.to_json())
    assert again == maker
    with pytest.raises(InputError, match="damaged"):
        PersonalMaker.from_json({**maker.to_json(), "weights": [0]})
