"""Every check, found through the catalog: recall on planted contamination, false alarms, awkward tables, purity."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from seedstock import catalog
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset, Table

from . import awkward

NAMES = catalog.names("checks", "table")
SHARE = 0.02


def module(name: str) -> ModuleType:
    return catalog.load("checks", name)


def clean_table(seed: int, n: int = 1_500) -> Dataset:
    """An honest table of everything: skewed, heavy-tailed and discrete columns, a class that depends on them."""
    g = np.random.default_rng(seed)
    size = g.normal(size=n)
    region = g.choice(["North Hill", "South Bay", "East Park", "West End"], n, p=[0.4, 0.3, 0.2, 0.1])
    income = np.exp(10 + 0.5 * size + 0.3 * g.normal(size=n))
    height = 170 + 8 * size * 0.4 + 7 * g.normal(size=n)
    bonus = np.where(g.random(n) < 0.7, 0.0, np.exp(6 + g.normal(size=n)))
    visits = g.poisson(np.exp(1 + 0.4 * size))
    score = 1.8 * size + 0.6 * (region == "North Hill") + 0.3 * g.normal(size=n)
    when = np.datetime64("2023-01-01", "us") + (g.integers(0, 700, n) * 86_400_000_000).astype("m8[us]")
    city = np.array([f"{r} {k}" for r, k in zip(region, g.integers(1, 9, n), strict=True)], object)
    words = np.array(["seed", "stock", "leaf", "root", "soil", "rain", "field", "crop", "bloom", "stem"], object)
    notes = [" ".join(w) for w in words[g.integers(0, len(words), (n, 6))]]
    return awkward.dataset(
        {
            "key": ("id", Column.of_texts([f"R{seed}-{i:06d}" for i in g.permutation(n)])),
            "income": ("number", Column.of(np.round(income, 2))),
            "height": ("number", Column.of(np.round(height, 1), g.random(n) < 0.03)),
            "bonus": ("number", Column.of(np.round(bonus, 2))),
            "visits": ("number", Column.of(visits.astype(np.int64))),
            "size": ("number", Column.of(np.round(np.exp(1 + size), 3))),
            "region": ("category", Column.of_texts(region.tolist())),
            "city": ("category", Column.of_texts(city)),
            "member": ("boolean", Column.of(g.random(n) < 0.3 + 0.2 * (size > 0))),
            "when": ("datetime", Column.of(when)),
            "note": ("text", Column.of_texts(notes)),
            "class": ("category", Column.of_texts(np.where(score > 0.2, "yes", "no").tolist())),
        },
        target="class",
        height={"decimals": 1},
    )


def coarse_table(seed: int, n: int = 1_000) -> Dataset:
    """Three categories, where nearly all rows repeat others."""
    g = np.random.default_rng(seed)
    return awkward.dataset(
        {
            "a": ("category", Column.of_texts(g.choice(["red", "green", "blue"], n).tolist())),
            "b": ("category", Column.of_texts(g.choice(["low", "high"], n).tolist())),
            "y": ("category", Column.of_texts(g.choice(["yes", "no"], n, p=[0.3, 0.7]).tolist())),
        },
        target="y",
    )


def wide_numbers(seed: int, n: int = 800) -> Dataset:
    """Numbers only: two clusters, a heavy tail, a count, a share, a trend in time, a target to regress."""
    g = np.random.default_rng(seed)
    cells: awkward.Cells = {
        "clusters": ("number", Column.of(np.where(g.random(n) < 0.3, 60.0, 10.0) + g.normal(size=n))),
        "tail": ("number", Column.of(np.abs(g.standard_t(3, n)))),
        "count": ("number", Column.of(g.negative_binomial(2, 0.2, n).astype(np.int64))),
        "share": ("number", Column.of(g.beta(2, 5, n))),
        "celsius": ("number", Column.of(np.round(12 + 9 * g.normal(size=n), 1))),
        "hours": ("number", Column.of(np.exp(g.normal(size=n) * 1.5))),
    }
    x = np.column_stack([np.asarray(c.values, float) for _, c in cells.values()])
    cells["y"] = ("number", Column.of(x @ g.normal(size=x.shape[1]) / x.std() + g.normal(size=n)))
    return awkward.dataset(cells, target="y")


CLEAN = {"clean_table": clean_table, "coarse_table": coarse_table, "wide_numbers": wide_numbers}


def many_columns() -> Dataset:
    g = np.random.default_rng(9)
    return awkward.dataset({f"c{i}": ("number", Column.of(g.normal(size=60))) for i in range(2_000)})


def one_class() -> Dataset:
    g = np.random.default_rng(10)
    return awkward.dataset(
        {"x": ("number", Column.of(g.normal(size=90))), "y": ("category", awkward.texts(["a"] * 90))}, target="y"
    )


def no_rows() -> Dataset:
    return awkward.mixed(40).take(slice(0, 0))


def long_texts() -> Dataset:
    return awkward.dataset({"t": ("text", awkward.texts(["x" * 1_000_000 + str(i) for i in range(3)]))})


AWKWARD = {**awkward.TABLES, "many_columns": many_columns, "one_class": one_class, "no_rows": no_rows,
           "long_texts": long_texts}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_declares_what_it_is(name: str) -> None:
    m = module(name)
    assert 0 <= m.CHECK.false_alarms <= 0.2
    assert isinstance(m.CHECK.exact, bool)
    assert m.SOURCE
    assert callable(m.plant)


@pytest.mark.parametrize("name", NAMES)
def test_finds_what_was_planted(name: str) -> None:
    m = module(name)
    needed = 0.9 if m.CHECK.exact else 0.75
    tried = 0
    for make in (clean_table, wide_numbers):
        before = make(3)
        data, rows = m.plant(before, SHARE, Rng(5))
        if rows is None:
            continue
        tried += 1
        found = m.CHECK()(data, Rng(1).child("check", name))
        assert found, "nothing found"
        known = {(f.column, f.message) for f in m.CHECK()(before, Rng(1).child("check", name))}
        new = [f for f in found if (f.column, f.message) not in known]
        assert any(f.severity != "low" for f in new)
        if len(rows):
            seen = {r for f in new for r in f.rows}
            recall = len(seen & set(rows.tolist())) / len(rows)
            assert recall >= needed, f"recall {recall:.2f} on {make.__name__}"
    assert tried, "this check's plant applies to no clean table"


@pytest.mark.parametrize("name", NAMES)
def test_keeps_its_false_alarm_bound(name: str) -> None:
    m = module(name)
    alarms = {}
    for make in CLEAN.values():
        for seed in (11, 12, 13):
            found = m.CHECK()(make(seed), Rng(seed).child("check", name))
            alarms[make.__name__, seed] = [f.message for f in found if f.severity == "high"]
    wrong = {k: v for k, v in alarms.items() if v}
    assert len(wrong) <= m.CHECK.false_alarms * len(alarms), wrong


@pytest.mark.parametrize("name", NAMES)
def test_survives_awkward_tables(name: str) -> None:
    check = module(name).CHECK()
    for title, make in AWKWARD.items():
        data = make()
        for f in check(data, Rng(2)):
            assert f.check == name, title
            assert f.table == data.name
            assert f.column is None or f.column in data.table
            assert f.severity in ("high", "medium", "low")
            assert 0 <= f.confidence <= 1
            assert f.message
            assert f.fix
            assert "\n" not in f.message
            assert list(f.rows) == sorted(set(f.rows))
            assert all(type(r) is int and 0 <= r < len(data.table) for r in f.rows)
            assert all(0 <= e.row < len(data.table) and (e.column is None or e.column in data.table) for e in f.edits)


@pytest.mark.parametrize("name", NAMES)
def test_is_deterministic_and_leaves_its_input_alone(name: str) -> None:
    m = module(name)
    data, _ = m.plant(clean_table(4, 700), SHARE, Rng(6))
    copy = Dataset(
        {"data": Table({
            n: Column(c.values.copy(), c.missing.copy(), None if c.levels is None else c.levels.copy())
            for n, c in data.table.columns.items()
        })}, data.schema,
    )  # fmt: skip
    first, second = m.CHECK()(data, Rng(3)), m.CHECK()(copy, Rng(3))
    assert [f.to_json() for f in first] == [f.to_json() for f in second]
    assert [f.edits for f in first] == [f.edits for f in second]
    assert data.table.equals(copy.table)


def test_planting_changes_the_rows_it_names() -> None:
    for name in NAMES:
        before = clean_table(5, 600)
        after, rows = module(name).plant(before, SHARE, Rng(7))
        if rows is None:
            continue
        assert not (after.table.names == before.table.names and after.table.equals(before.table)), name
