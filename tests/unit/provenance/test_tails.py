from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.tails import tail_gate


def data(n: int, seed: int, rare: float = 0.01, scale: float = 1.0, clip: float = np.inf) -> Dataset:
    g = np.random.default_rng(seed)
    x = np.clip(g.normal(0, scale, n), -clip, clip)
    schema = {
        "x": ColumnSchema("number", dtype="float64"),
        "heavy": ColumnSchema("number", dtype="float64"),
        "c": ColumnSchema("category"),
        "flag": ColumnSchema("boolean", dtype="bool"),
        "when": ColumnSchema("datetime", dtype="datetime[us]"),
    }
    columns = {
        "x": Column.of(x),
        "heavy": Column.of(np.exp(g.normal(0, 2, n))),
        "c": Column.of_texts(np.where(g.random(n) < rare, "rare", "common").tolist()),
        "flag": Column.of(g.random(n) < 0.5),
        "when": Column.of(np.datetime64("2020-01-01", "us") + g.integers(0, 10**12, n).astype("m8[us]")),
    }
    return Dataset({"data": Table(columns)}, Schema({"data": TableSchema(schema)}))


def test_another_sample_passes():
    fails = [tail_gate(data(2_000, k), data(1_500, 100 + k)).lost for k in range(60)]
    assert sum(map(bool, fails)) <= 1


def test_each_loss_is_named():
    real = data(3_000, 1)
    assert "c: 1 of 2 categories are lost" in tail_gate(real, data(3_000, 2, rare=0.0)).lost
    assert any(w.startswith("x: its variance") for w in tail_gate(real, data(3_000, 2, scale=0.7)).lost)
    assert any(w.startswith("x: its variance") for w in tail_gate(real, data(3_000, 2, scale=1.5)).lost)
    clipped = tail_gate(real, data(3_000, 2, clip=2.0)).lost
    assert {"x: its low tail holds 0% of its due", "x: its high tail holds 0% of its due"} <= set(clipped)


def test_what_chance_leaves_out_is_no_loss():
    real = data(3_000, 1, rare=0.002)
    assert tail_gate(real, data(200, 2, rare=0.0)).ok


@pytest.mark.parametrize("n", [0, 1, 5])
def test_small_tables_say_nothing(n):
    assert tail_gate(data(n, 1), data(n, 2)).ok
    assert tail_gate(data(100, 1), data(n, 2)).ok


def test_constants_and_infinities():
    schema = Schema({"data": TableSchema({"x": ColumnSchema("number", dtype="float64")})})
    a, b = (Dataset({"data": Table({"x": Column.of(v)})}, schema) for v in (np.full(99, 3.0), np.full(99, np.inf)))
    assert tail_gate(a, a).ok
    assert tail_gate(b, a).ok
    assert tail_gate(a, a).to_json() == {"ok": True, "lost": [], "columns": {"x": {}}}
