"""A plan comes back from its state, and makes the same cells."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.plan import Plan


def data(n: int = 300) -> Dataset:
    g = np.random.default_rng(0)
    cells = {
        "key": ("id", Column.of_texts([None if i == 7 else f"u{i:06d}" for i in range(n)])),
        "x": ("number", Column.of(g.normal(size=n))),
        "kind": ("category", Column.of_texts(g.choice(["a", "b", "ü"], n).tolist())),
        "when": ("datetime", Column.of(np.datetime64("2020-01-01T12:30", "us") + np.arange(n).astype("m8[D]"))),
        "note": ("text", Column.of_texts(["all is well here"] * n)),
    }
    schema = {k: ColumnSchema(kind, dtype=str(c.values.dtype)) for k, (kind, c) in cells.items()}  # type: ignore[arg-type]
    return Dataset({"data": Table({k: c for k, (_, c) in cells.items()})}, Schema({"data": TableSchema(schema)}))


def test_state_round_trip() -> None:
    plan, codes = Plan.fit(data())
    again = Plan.from_state(plan.state())
    assert again.schema == plan.schema
    assert again.makers == plan.makers
    assert again.empty == plan.empty
    tables = [p.assemble(codes, 300, Rng(3), 0, Rng(4)) for p in (plan, again)]
    assert tables[0].equals(tables[1])
    assert tables[0].names == data().table.names


def test_learned_and_made_columns_are_apart() -> None:
    plan, codes = Plan.fit(data())
    assert list(plan.atoms) == list(codes) == ["x", "kind", "when"]
    assert list(plan.makers) == ["key", "note"]
    assert plan.empty["key"] == pytest.approx(1 / 300)


def test_no_rows_are_refused() -> None:
    with pytest.raises(InputError, match="at least one row"):
        Plan.fit(data().take(slice(0, 0)))
