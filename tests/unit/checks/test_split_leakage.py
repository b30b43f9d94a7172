"""What stands on both sides of a split: rows, near-same rows, entities, identifiers."""

from __future__ import annotations

import numpy as np

from seedstock.checks._run import run_checks
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table


def side(n: int, seed: int, ids: list[str] | None = None, entity: bool = False) -> Dataset:
    g = np.random.default_rng(seed)
    cells = {c: Column.of(np.round(g.normal(50, 10, n), 3)) for c in "abcdef"}
    cells["town"] = Column.of_texts(g.choice([f"town {k}" for k in range(30)], n).tolist())
    columns = {c: ColumnSchema("category" if c == "town" else "number") for c in cells}
    if ids is not None:
        cells["key"] = Column.of_texts(ids)
        columns["key"] = ColumnSchema("id", roles=("entity",) if entity else ())
    return Dataset({"t": Table(cells)}, Schema({"t": TableSchema(columns)}))


def leaks(train: Dataset, test: Dataset) -> dict[str, Finding]:
    return {str(f.details["kind"]): f for f in run_checks(train, Rng(0), ["split_leakage"], against=test)}


def near_copies(source: Dataset, other: Dataset, k: int) -> Dataset:
    """Lay k rows of the source, numbers a little off, over the first rows of the other side."""
    g = np.random.default_rng(7)
    cells = {}
    for name, column in other.table.columns.items():
        if column.is_text:
            texts = column.texts()
            texts[:k] = source.table[name].texts()[:k]
            cells[name] = Column.of_texts(texts)
        else:
            values = column.values.copy()
            values[:k] = source.table[name].values[:k] * (1 + 1e-3 * g.normal(size=k))
            cells[name] = Column.of(values)
    return other.with_table(other.table.assign(cells))


def test_independent_sides_share_nothing() -> None:
    assert leaks(side(1_500, 1), side(700, 2)) == {}


def test_finds_near_same_rows() -> None:
    train = side(1_500, 1)
    found = leaks(train, near_copies(train, side(700, 2), 60))
    assert set(found) == {"near"}
    assert found["near"].severity == "high"
    assert len(set(found["near"].rows) & set(range(60))) >= 55
    assert max(found["near"].rows) < 60
    assert found["near"].details["pairs"][0][0] == found["near"].details["pairs"][0][1]


def test_same_rows_are_told_of_once() -> None:
    train = side(1_500, 1)
    found = leaks(train, train.take(np.arange(40)))
    assert set(found) == {"rows"}
    assert found["rows"].rows == tuple(range(40))


def test_finds_entities_and_identifiers_on_both_sides() -> None:
    g = np.random.default_rng(3)
    names = [f"k{v:08x}" for v in g.integers(0, 2**31, 2_000)]
    a, b = names[:1_000], names[950:1_600]
    entity = leaks(side(1_000, 1, a, True), side(650, 2, b, True))
    assert set(entity) == {"entity"}
    assert entity["entity"].severity == "high"
    plain = leaks(side(1_000, 1, a), side(650, 2, b))
    assert set(plain) == {"identifier"}
    assert plain["identifier"].rows == tuple(range(950, 1_000))


def test_a_counter_that_starts_anew_is_no_identifier_of_things() -> None:
    a, b = ([f"row-{k}" for k in range(n)] for n in (1_000, 600))
    assert leaks(side(1_000, 1, a), side(600, 2, b)) == {}
