"""Rows that are odd together only: each of their values is an everyday one."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.checks._run import run_checks
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

N = 3_000


def worlds() -> dict[str, np.ndarray]:
    g = np.random.default_rng(21)
    apart = g.normal(size=(N, 8))
    tied = g.normal(size=(N, 6))
    tied[:, 1] = 0.9 * tied[:, 0] + 0.44 * tied[:, 1]
    humps = 4 * g.normal(size=(3, 8))[g.integers(0, 3, N)] + g.normal(size=(N, 8))
    heavy = np.exp(g.normal(size=(N, 5)) + 0.8 * g.normal(size=(N, 1)))
    t = g.uniform(0, 6, N)
    curve = np.column_stack([np.sin(t), np.cos(t), t]) + 0.1 * g.normal(size=(N, 3))
    return {"apart": apart, "tied": tied, "humps": humps, "heavy": heavy, "curve": curve}


WORLDS = worlds()


def together(X: np.ndarray) -> list[Finding]:
    columns = {f"x{j}": Column.of(X[:, j]) for j in range(X.shape[1])}
    schema = TableSchema({c: ColumnSchema("number", dtype="float64") for c in columns})
    found = run_checks(Dataset({"t": Table(columns)}, Schema({"t": schema})), Rng(0), ["outliers"])
    return [f for f in found if f.column is None and f.severity != "low"]


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_is_odd_in_what_is_as_it_should_be(world: str) -> None:
    assert together(WORLDS[world]) == []


@pytest.mark.parametrize("world", ["apart", "tied", "heavy", "curve"])
@pytest.mark.parametrize("share", [0.02, 0.04])
def test_a_crowd_at_everyday_values(world: str, share: float) -> None:
    X = WORLDS[world].copy()
    g = np.random.default_rng(22)
    rows = np.sort(g.choice(N, int(share * N), replace=False))
    for j, at in ((0, 0.92), (1, 0.08)):
        X[rows, j] = np.quantile(X[:, j], at + 0.012 * g.normal(size=len(rows)))
    found = {r for f in together(X) for r in f.rows}
    assert len(found & set(rows.tolist())) >= 0.75 * len(rows)
    assert len(found) <= 2 * len(rows)


def test_a_number_that_contradicts_the_column_that_it_follows() -> None:
    X = WORLDS["tied"].copy()
    rows = np.flatnonzero((np.abs(X[:, 0]) > 1.2) & (np.abs(X[:, 0]) < 2.0))[::15]
    X[rows, 1] = -X[rows, 0]
    found = {r for f in together(X) for r in f.rows}
    assert len(found & set(rows.tolist())) >= 0.9 * len(rows)
    assert len(found - set(rows.tolist())) <= 2
