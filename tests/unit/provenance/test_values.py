"""Columns that are known by their values, whatever they are called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.register import Register
from seedstock.provenance.trace import trace
from seedstock.provenance.values import KEPT, Values, alike, packed, renamed, unpacked, values_of

KEY = b"k" * 32


def called(data: Dataset, names: dict[str, str]) -> Dataset:
    """Return the data under other names, in another order of columns."""
    order = sorted(data.table.names, key=lambda c: names.get(c, c)[::-1])
    table = Table({names.get(c, c): data.table[c] for c in order}, len(data.table))
    schema = TableSchema({names.get(c, c): data.columns[c] for c in order})
    return replace(data, tables={data.name: table}, schema=Schema({data.name: schema}))


@pytest.fixture
def book(tmp_path, draw_people) -> Register:
    own = Register(tmp_path / "r.sqlite")
    own.add(draw_people(3_000, 1), "people")
    return own


def test_a_file_with_other_names_is_found(book, draw_people):
    names = {c: f"v{k}" for k, c in enumerate(draw_people(1).table)}
    half = called(draw_people(3_000, 1).take(np.random.default_rng(0).permutation(3_000)[:1_500]), names)
    (found,) = trace(half, register=book)["overlaps"]
    assert (found["exact_rows"], found["verdict"], found["direction"]) == (
        1_500,
        "related",
        "this file is part of people",
    )
    assert found["renamed"] == {new: old for old, new in names.items()}


def test_a_few_other_names_are_seen_through(book, draw_people):
    file = called(draw_people(3_000, 1), {"income": "earnings", "city": "place"})
    (found,) = trace(file, register=book)["overlaps"]
    assert found["exact_rows"] == 3_000
    assert found["renamed"] == {"earnings": "income", "place": "city"}


def test_other_names_and_fewer_columns(book, draw_people):
    data = draw_people(3_000, 1)
    fewer = data.columns.columns.copy()
    fewer.pop("since")
    kept = replace(data, tables={data.name: Table({c: data.table[c] for c in fewer})},
                   schema=Schema({data.name: TableSchema(fewer)}))  # fmt: skip
    (found,) = trace(called(kept, {c: c.upper() for c in fewer}), register=book)["overlaps"]
    assert found["verdict"] == "related"
    assert found["near_rows"] > 0


def test_another_sample_under_other_names_is_no_relative(book, draw_people):
    other = called(draw_people(3_000, 2, first=10_000), {c: f"v{k}" for k, c in enumerate(draw_people(1).table)})
    found = trace(other, register=book)["overlaps"]
    assert all(o["exact_rows"] == 0 and o["verdict"] != "related" for o in found)


def test_an_unrelated_table_is_not_taken_for_it(book):
    g = np.random.default_rng(5)
    table = Table({f"x{k}": Column.of(g.integers(0, 5 + 300 * k, 3_000)) for k in range(9)})
    schema = TableSchema({c: ColumnSchema("number", dtype="int64") for c in table})
    assert trace(Dataset({"t": table}, Schema({"t": schema})), register=book)["overlaps"] == []


def test_chunks_and_packing_keep_the_values():
    g = np.random.default_rng(0)
    columns = {
        "unique": Column.of(g.normal(size=100_000)),
        "few": Column.of(g.integers(0, 20, 100_000)),
        "text": Column.of_texts([None if v == 3 else f"t{v}" for v in g.integers(0, 30, 100_000)]),
    }
    schemas = {c: ColumnSchema("category" if c == "text" else "number") for c in columns}
    table = Table(columns)
    whole = values_of(table, schemas, KEY)
    parts = {c: Values(KEY) for c in columns}
    for k in range(0, 100_000, 30_000):
        for c in columns:
            parts[c].add(table[c].take(slice(k, k + 30_000)), schemas[c])
    for c in columns:
        assert (whole[c].hashes == parts[c].hashes).all()
        assert parts[c].counts == pytest.approx(whole[c].counts, rel=0.15)
        assert alike(whole[c], parts[c]) > 0.95
    assert len(whole["unique"].hashes) == KEPT
    assert len(whole["text"].hashes) == 30  # the missing cells among them
    again = unpacked(*packed(whole))
    assert renamed({c.upper(): v for c, v in again.items()}, whole) == {c.upper(): c for c in columns}


def test_numbers_and_their_texts_are_one_column():
    x = np.arange(50.0) / 4
    number = Values(KEY).add(Column.of(x), ColumnSchema("number"))
    text = Values(KEY).add(Column.of_texts([repr(v) for v in x.tolist()]), ColumnSchema("category"))
    assert alike(number, text) == 1.0
