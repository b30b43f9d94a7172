from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.content import ContentHash, content_of


def test_chunks_do_not_matter(draw_people):
    data = draw_people(1_000)
    for size in (1, 7, 333, 1_000):
        h = ContentHash()
        for k in range(0, 1_000, size):
            h.add(data.table.take(slice(k, k + size)), data.columns.columns)
        assert h.digest() == content_of(data)["content"]


@given(st.integers(0, 49), st.sampled_from(["age", "income", "city", "member", "since"]))
def test_every_cell_counts(draw_people, row, name):
    data = draw_people(50)
    other = draw_people(50, seed=1).table[name]
    rows = np.arange(50)
    cell = data.table[name].take(rows[row : row + 1])
    if cell.equals(other.take(rows[row : row + 1])):
        return
    both = Column.concat([data.table[name], other])
    changed = data.with_table(data.table.assign({name: both.take(np.where(rows == row, 50 + rows, rows))}))
    assert content_of(changed)["content"] != content_of(data)["content"]
    differ = {c for c, h in content_of(data)["columns"].items() if content_of(changed)["columns"][c] != h}
    assert differ == {name}


def test_what_a_file_cannot_keep_does_not_count():
    whole = Table({"x": Column.of(np.array([1, 2, 3])), "y": Column.of(np.array([0.0, -0.0, np.nan]))})
    floats = Table({"y": Column.of(np.array([-0.0, 0.0, np.nan])), "x": Column.of(np.array([1.0, 2.0, 3.0]))})
    assert ContentHash().add(whole).digest() == ContentHash().add(floats).digest()
    # Levels in another order, and an unused one.
    a = Column.of_texts(["b", "a", None])
    b = Column(np.array([2, 1, 0], np.int32), np.array([False, False, True]), np.array(["z", "a", "b"], object))
    assert ContentHash().add(Table({"t": a})).digest() == ContentHash().add(Table({"t": b})).digest()


def test_large_integers_are_told_apart():
    a, b = (Table({"x": Column.of(np.array([2**60 + k]))}) for k in (1, 2))
    assert ContentHash().add(a).digest() != ContentHash().add(b).digest()


def test_single_precision_is_compared_as_such():
    schema = Schema({"data": TableSchema({"x": ColumnSchema("number", dtype="float32")})})
    x = np.array([0.1, 0.2])
    data = [Dataset({"data": Table({"x": Column.of(v)})}, schema) for v in (x, x.astype(np.float32).astype(float))]
    assert content_of(data[0]) == content_of(data[1])
    double = replace(schema, tables={"data": TableSchema({"x": ColumnSchema("number", dtype="float64")})})
    assert content_of(replace(data[0], schema=double)) != content_of(replace(data[1], schema=double))


def test_missing_is_not_a_value():
    a = Table({"x": Column(np.array([0.0, 1.0]), np.array([True, False]))})
    b = Table({"x": Column(np.array([0.0, 1.0]), np.array([False, False]))})
    assert ContentHash().add(a).digest() != ContentHash().add(b).digest()


def test_infinities_images_and_no_rows():
    images = Column(np.zeros((2, 3, 3, 1), np.uint8), np.zeros(2, bool))
    other = Column(np.ones((2, 3, 3, 1), np.uint8), np.zeros(2, bool))
    assert ContentHash().add(Table({"i": images})).digest() != ContentHash().add(Table({"i": other})).digest()
    low, high = (Table({"x": Column.of(np.array([v]))}) for v in (-np.inf, np.inf))
    assert ContentHash().add(low).digest() != ContentHash().add(high).digest()
    assert ContentHash().add(Table({"x": Column.of(np.empty(0))})).n_rows == 0


def test_chunks_of_other_columns_are_refused():
    with pytest.raises(InputError, match="same columns"):
        ContentHash().add(Table({"x": Column.of(np.arange(2))})).add(Table({"y": Column.of(np.arange(2))}))
