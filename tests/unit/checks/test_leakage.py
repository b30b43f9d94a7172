"""Leakage: pairs of columns that give the target away, and information from after the event."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.checks.after_event import AfterEvent
from seedstock.checks.target_leakage import TargetLeakage
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

N = 2_000


def table(**cells: np.ndarray) -> Dataset:
    kinds = {"M": "datetime", "O": "category", "U": "category"}
    columns = {c: Column.of_texts(v.tolist()) if v.dtype.kind in "OU" else Column.of(v) for c, v in cells.items()}
    schema = {
        c: ColumnSchema(kinds.get(v.dtype.kind, "number"), roles=("target",) if c == "y" else ())  # type: ignore[arg-type]
        for c, v in cells.items()
    }
    return Dataset({"t": Table(columns)}, Schema({"t": TableSchema(schema)}))


def parts(seed: int = 0) -> dict[str, np.ndarray]:
    g = np.random.default_rng(seed)
    return {
        "a": g.choice(["red", "blue"], N), "b": g.choice(["red", "blue"], N),
        "x": g.normal(5, 1, N), "z": g.normal(5, 1, N), "w": g.normal(size=N),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("which", "how"),
    [("same", "together"), ("above", "difference"), ("sum", "sum"), ("product", "product"), ("ratio", "ratio")],
)
def test_finds_a_pair_that_gives_the_target_away(which: str, how: str) -> None:
    p = parts()
    y = {
        "same": np.where(p["a"] == p["b"], "yes", "no"), "above": np.where(p["x"] > p["z"], "yes", "no"),
        "sum": p["x"] + p["z"], "product": p["x"] * p["z"], "ratio": p["x"] / p["z"],
    }[which]  # fmt: skip
    (found,) = TargetLeakage()(table(**p, y=y), Rng(0))
    assert found.severity == "high"
    assert set(found.details["columns"]) == ({"a", "b"} if which == "same" else {"x", "z"})
    assert found.details["how"] == how


def test_leaves_pairs_alone_that_say_much_but_not_all() -> None:
    p = parts(1)
    noise = np.random.default_rng(2).normal(0, 0.5, N)
    assert TargetLeakage()(table(**p, y=np.where(p["x"] + noise > p["z"], "yes", "no")), Rng(0)) == []


def times(late: np.ndarray, seed: int = 0) -> Dataset:
    g = np.random.default_rng(seed)
    opened = np.datetime64("2024-01-01", "us") + g.integers(0, 300, N).astype("m8[D]")
    closed = opened + np.where(late, g.integers(40, 90, N), g.integers(1, 45, N)).astype("m8[D]")
    return table(opened=opened, closed=closed, y=np.where(np.random.default_rng(3).random(N) < 0.3, "late", "fine"))


def test_finds_a_time_from_after_the_event() -> None:
    (found,) = AfterEvent()(times(np.random.default_rng(3).random(N) < 0.3), Rng(0))
    assert (found.column, found.details["before"]) == ("closed", "opened")


def test_a_later_time_that_says_nothing_is_no_leak() -> None:
    assert AfterEvent()(times(np.zeros(N, bool)), Rng(0)) == []
