"""Awkward tables that everything must stand: one row, one column, constants, gaps, huge and odd values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from seedstock.core.schema import ColumnSchema, Kind, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

Cells = dict[str, tuple[Kind, Column]]


def dataset(cells: Cells, target: str | None = None, **schema: dict[str, object]) -> Dataset:
    """Return a data set of columns; keyword arguments change the schema of one column."""
    columns = {}
    for name, (kind, column) in cells.items():
        roles = ("target",) if name == target else ()
        columns[name] = ColumnSchema(kind, **{"roles": roles, "dtype": _dtype(kind, column), **schema.get(name, {})})
    return Dataset({"data": Table({n: c for n, (_, c) in cells.items()})}, Schema({"data": TableSchema(columns)}))


def _dtype(kind: Kind, column: Column) -> str:
    if column.is_text:
        return "string"
    return {"M": "datetime[us]", "m": "duration[us]", "b": "bool"}.get(
        column.values.dtype.kind, str(column.values.dtype)
    )


def texts(values: list[str | None]) -> Column:
    return Column.of_texts(values)


def whole(values: list[int]) -> Column:
    return Column.of(np.array(values, np.int64))


def mixed(n: int = 400, seed: int = 0) -> Dataset:
    """Every kind of column, dependent on each other, with gaps: the ordinary case."""
    g = np.random.default_rng(seed)
    x = g.normal(size=n)
    group = np.where(x + 0.5 * g.normal(size=n) > 0, "high", np.where(g.random(n) < 0.5, "low", "middle"))
    gaps = g.random(n) < 0.1
    when = np.datetime64("2024-03-01", "us") + (g.integers(0, 400, n) * 86_400_000_000).astype("m8[us]")
    flag = (x > 0.3) ^ (g.random(n) < 0.1)
    return dataset(
        {
            "key": ("id", texts([f"K-{i:05d}" for i in range(n)])),
            "x": ("number", Column.of(np.round(x, 2))),
            "count": ("number", whole((g.poisson(np.exp(0.5 * x)) * 5).tolist())),
            "gappy": ("number", Column.of(x * 2 + g.normal(size=n), gaps)),
            "group": ("category", texts([None if m else t for t, m in zip(group, g.random(n) < 0.05, strict=True)])),
            "flag": ("boolean", Column.of(flag)),
            "when": ("datetime", Column.of(when)),
            "took": ("duration", Column.of((np.abs(x) * 1e6).astype("m8[us]"))),
            "note": ("text", texts([f"seen by {t} on day {i}" for i, t in enumerate(group)])),
        },
        target="group",
        x={"decimals": 2},
    )


def one_row() -> Dataset:
    return mixed(400).take(slice(0, 1))


def two_rows() -> Dataset:
    return mixed(400).take(slice(0, 2))


def one_column() -> Dataset:
    return dataset({"x": ("number", Column.of(np.random.default_rng(1).normal(size=200)))})


def constant() -> Dataset:
    n = 60
    return dataset({
        "c": ("number", whole([7] * n)),
        "t": ("category", texts(["same"] * n)),
        "x": ("number", Column.of(np.linspace(0, 1, n))),
    })  # fmt: skip


def all_constant() -> Dataset:
    return dataset({"c": ("number", whole([7] * 30)), "t": ("category", texts(["same"] * 30))})


def all_missing() -> Dataset:
    n = 50
    return dataset({
        "n": ("number", Column.of(np.full(n, np.nan))),
        "t": ("category", texts([None] * n)),
        "d": ("datetime", Column.of(np.full(n, np.datetime64("NaT"), "M8[us]"))),
        "x": ("number", whole(list(range(n)))),
    })  # fmt: skip


def all_distinct() -> Dataset:
    n = 300
    g = np.random.default_rng(2)
    return dataset(
        {"t": ("category", texts([f"v{i}" for i in range(n)])), "x": ("number", Column.of(g.normal(size=n)))}
    )


def many_categories() -> Dataset:
    n = 20_000
    g = np.random.default_rng(3)
    codes = np.concatenate([np.arange(10_000), g.integers(10_000, size=n - 10_000)])
    return dataset({
        "c": ("category", texts([f"c{i}" for i in codes])),
        "y": ("category", texts(g.choice(["a", "b"], n).tolist())),
    })  # fmt: skip


def only_text() -> Dataset:
    g = np.random.default_rng(4)
    words = ["seed", "stock", "leaf", "root", "soil"]
    return dataset({"t": ("text", texts([" ".join(g.choice(words, 4)) for _ in range(120)]))})


def only_dates() -> Dataset:
    days = np.datetime64("1999-12-31", "us") + np.arange(150).astype("m8[D]")
    return dataset({"a": ("datetime", Column.of(days)), "b": ("datetime", Column.of(days[::-1]))})


def unicode_names() -> Dataset:
    g = np.random.default_rng(5)
    return dataset({
        "größe ∑": ("number", Column.of(g.normal(size=80))),
        "": ("category", texts(g.choice(["ja", "nein", "\u202e\x1b[2J<b>"], 80).tolist())),
        "名前.x/y": ("category", texts(g.choice(["=1+1", "'\"\\", "a,b\nc"], 80).tolist())),
    })  # fmt: skip


def duplicate_rows() -> Dataset:
    return mixed(40).take(np.tile(np.arange(5), 30))


def infinities() -> Dataset:
    x = np.random.default_rng(6).normal(size=100)
    x[:3] = [np.inf, -np.inf, 1e300]
    return dataset({"x": ("number", Column.of(x)), "y": ("number", Column.of(np.arange(100.0)))})


def huge_integers() -> Dataset:
    x = np.arange(90, dtype=np.int64)
    x[:4] = [2**63 - 1, -(2**63), 2**53 + 1, 0]
    return dataset({"x": ("number", Column.of(x)), "y": ("category", texts(["a", "b", "c"] * 30))})


def seen_once() -> Dataset:
    y = ["common"] * 199 + ["once"]
    return dataset({"y": ("category", texts(y)), "x": ("number", whole(list(range(200))))}, target="y")


def zoned_times() -> Dataset:
    """Times of a zone with gaps, years beyond Python's calendar, and what was read off them."""
    g = np.random.default_rng(5)
    seen = np.datetime64("2024-01-01", "us") + g.integers(0, 366 * 86_400, 300).astype("m8[s]")
    seen[:2] = np.array(["0001-01-01", "9999-12-31"], "M8[us]")
    gone = g.random(300) < 0.2
    hours = Column(seen.astype("M8[h]").astype(int) % 24, gone)
    return dataset(
        {
            "seen": ("datetime", Column(np.where(gone, np.datetime64("NaT"), seen), gone)),
            "hour": ("number", hours),
            "rate": ("number", Column.of(np.where(g.random(300) < 0.2, np.inf, g.normal(size=300)))),
        },
        seen={"dtype": "datetime[us, Europe/Berlin]"},
    )


def tiny_numbers() -> Dataset:
    g = np.random.default_rng(7)
    return dataset(
        {"x": ("number", Column.of(g.normal(size=100) * 1e-300)), "y": ("boolean", Column.of(g.random(100) < 0.5))}
    )


TABLES: dict[str, Callable[[], Dataset]] = {
    f.__name__: f
    for f in (
        mixed, one_row, two_rows, one_column, constant, all_constant, all_missing, all_distinct, many_categories,
        only_text, only_dates, unicode_names, duplicate_rows, infinities, huge_integers, seen_once, tiny_numbers,
        zoned_times,
    )
}  # fmt: skip
