from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedstock.core.results import State
from seedstock.core.rng import Rng, blocks
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

SCHEMA = Schema(
    {
        "data": TableSchema(
            {
                "key": ColumnSchema("id", ("key",), "int64", 0),
                "age": ColumnSchema("number", (), "int64", 0),
                "income": ColumnSchema("number", (), "float64", 2),
                "weight": ColumnSchema("number", (), "float64"),
                "city": ColumnSchema("category"),
                "job": ColumnSchema("category"),
                "member": ColumnSchema("boolean", (), "bool", format="no/yes"),
                "since": ColumnSchema("datetime", (), "datetime[us]"),
                "class": ColumnSchema("category", ("target",)),
            }
        )
    }
)


def people(n: int, seed: int = 0, first: int = 0) -> Dataset:
    """Rows of a table that is easy to tell apart from others."""
    g = np.random.default_rng(seed)
    columns = {
        "key": Column.of(np.arange(first, first + n)),
        "age": Column.of(g.integers(18, 90, n)),
        "income": Column.of(np.round(np.exp(g.normal(10, 0.8, n)), 2), g.random(n) < 0.05),
        "weight": Column.of(g.normal(70, 12, n)),
        "city": Column.of_texts([f"city {k}" for k in g.geometric(0.08, n)]),
        "job": Column.of_texts([None if k == 0 else f"job {k}" for k in g.integers(0, 25, n)]),
        "member": Column.of(g.random(n) < 0.3),
        "since": Column.of(np.datetime64("2020-01-01", "us") + g.integers(0, 10**14, n).astype("m8[us]")),
        "class": Column.of_texts(np.where(g.random(n) < 0.2, "high", "low").tolist()),
    }
    return Dataset({"data": Table(columns)}, SCHEMA, {"path": "people.csv", "rows": n})


@dataclass(frozen=True)
class People:
    """A fitted model whose distribution is known: it draws `people`."""

    schema: Schema = SCHEMA

    def sample(self, n: int, rng: Rng, given: Table | None = None, start: int = 0) -> Dataset:
        parts = [
            people(rows, rng.child("block", b).integer(), start + k * 16384).table
            for k, (b, rows) in enumerate(blocks(n, start))
        ]
        return people(0).with_table(Table.concat(parts)) if parts else people(0)

    def state(self) -> State:
        return State({}, {})

    @classmethod
    def from_state(cls, state: State) -> People:
        return cls()


@pytest.fixture(scope="session")
def draw_people() -> Callable[..., Dataset]:
    return people


@pytest.fixture(scope="session")
def people_model() -> People:
    return People()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own folder that is empty."""
    monkeypatch.setenv("SEEDSTOCK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def rewrite() -> Callable[..., Dataset]:
    """Return a function that replaces a share of each column's cells by others of the column."""

    def change(data: Dataset, share: float, seed: int = 0, columns: Any = None) -> Dataset:
        g = np.random.default_rng(seed)
        out = {}
        for name in columns or data.table.names:
            c = data.table[name]
            rows = np.arange(len(c))
            hit = g.random(len(c)) < share
            rows[hit] = g.permutation(len(c))[hit]
            out[name] = c.take(rows)
        return data.with_table(data.table.assign(out))

    return change
