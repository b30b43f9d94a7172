"""Cells are there where a category says so, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms
from seedstock.generators._forest_fitted import ForestFitted
from seedstock.generators._presence import Presence, draw_order
from seedstock.generators.forest import Forest

EVENTS, FIELDS = 12, 9


def has_of() -> np.ndarray:
    """Which field belongs to which kind of event, shape (EVENTS, FIELDS)."""
    return np.random.default_rng(1).random((EVENTS, FIELDS)) < 0.4


def log(n: int = 3_000, seed: int = 0) -> tuple[Dataset, np.ndarray]:
    g = np.random.default_rng(seed)
    share = 1 / np.arange(1, EVENTS + 1) ** 1.5
    event = g.choice(EVENTS, n, p=share / share.sum())
    there = has_of()[event]
    table = {"event": Column.of_texts([f"E{e:02d}" for e in event])}
    schema = {"event": ColumnSchema("category")}
    for f in range(FIELDS):
        # Each event fills a field in its own way, and so does the field before it.
        if f % 3:
            values = np.round(g.lognormal(1 + event % 3, 0.7, n), 2)
            schema[f"f{f}"] = ColumnSchema("number", dtype="float64")
        else:
            values = (event * 7 + g.integers(0, 8, n)) % 25
            schema[f"f{f}"] = ColumnSchema("number", dtype="int64", decimals=0)
        table[f"f{f}"] = Column.of(values, ~there[:, f])
    return Dataset({"log": Table(table)}, Schema({"log": TableSchema(schema)})), event


def wrong(table: Table) -> np.ndarray:
    event = np.array([int(t[1:]) for t in table["event"].texts()])
    there = np.stack([~table[f"f{f}"].missing for f in range(FIELDS)], axis=1)
    return (there != has_of()[event]).any(axis=1)


@pytest.fixture(scope="module")
def fitted() -> ForestFitted:
    return Forest(trees=8).fit(log()[0], Rng(1))


def test_every_drawn_event_has_its_fields_and_no_others(fitted: ForestFitted) -> None:
    drawn = fitted.draw(4_000, Rng(2), fitted._wanted(4_000, None))
    table = Table({name: fitted.plan.atoms[name].column(codes, Rng(3).generator()) for name, codes in drawn.items()})
    assert not wrong(table).any()
    without = {name: replace(one, presence=None) for name, one in fitted.conditionals.items()}
    plain = ForestFitted(replace(fitted.plan, rules=()), fitted.order, without).draw(
        4_000, Rng(2), fitted._wanted(4_000, None)
    )
    plain_table = Table({n: fitted.plan.atoms[n].column(c, Rng(3).generator()) for n, c in plain.items()})
    assert wrong(plain_table).mean() > 0.005, "without it, and without rules, the leaves' shrinkage lets fields in"


def test_values_stay_those_of_their_event(fitted: ForestFitted) -> None:
    data, event = log()
    made = fitted.sample(6_000, Rng(4)).table
    kinds = np.array([int(t[1:]) for t in made["event"].texts()])
    for f in (1, 2, 4):
        for e in np.flatnonzero(has_of()[:3, f]):
            real = np.log(data.table[f"f{f}"].values[event == e]).mean()
            assert abs(np.log(made[f"f{f}"].values[kinds == e]).mean() - real) < 0.15


def test_it_is_kept_in_a_model_file(fitted: ForestFitted) -> None:
    again = ForestFitted.from_state(fitted.state())
    assert again.sample(500, Rng(5)).table.equals(fitted.sample(500, Rng(5)).table)
    assert not wrong(again.sample(2_000, Rng(6)).table).any()


def test_chance_decides_nothing() -> None:
    g = np.random.default_rng(0)
    found = 0
    for _ in range(300):
        event, gone = g.integers(0, 10, 400), g.random(400) < 0.3
        atoms = Atoms(np.array(list("abcdefghij"), object), np.bincount(event, minlength=10), 0.0, False)
        cell = Atoms(np.array(["x"], object), np.array([(~gone).sum(), gone.sum()]), 0.0, False)
        found += Presence.fit(cell, gone.astype(np.int64), {"event": (atoms, event)}) is not None
    assert not found


def test_what_decides_comes_first() -> None:
    data, _ = log()
    schema = {**data.schema.tables["log"].columns}
    event = np.array([int(t[1:]) for t in data.table["event"].texts()])
    flag = Column.of(np.arange(3_000) % 2 == 0, ~has_of()[event, 0])
    atoms, codes = {}, {}
    for name, column in {"event": data.table["event"], "flag": flag}.items():
        atoms[name], codes[name] = Atoms.fit(column, schema.get(name, ColumnSchema("boolean")))
    assert atoms["flag"].k < atoms["event"].k
    assert draw_order(atoms, codes) == ["event", "flag"]


@pytest.mark.parametrize("numbered", [False, True])
def test_rare_events_keep_to_it_though_another_event_may_leave_the_field_out(numbered: bool) -> None:
    rows = np.repeat(np.arange(10), [200, 200, 100, 100, 100, 50, 50, 20, 12, 12])
    gone = ~np.isin(rows, [0, 3, 8])
    gone[rows == 0] = np.arange(200) % 4 == 0
    names = np.arange(10) if numbered else np.array(list("abcdefghij"), object)
    atoms = Atoms(names, np.bincount(rows), 1.0 if numbered else 0.0, False)
    cell = Atoms(np.array(["x"], object), np.array([(~gone).sum(), gone.sum()]), 0.0, False)
    found = Presence.fit(cell, gone.astype(np.int64), {"event": (atoms, rows)})
    assert found is not None
    assert found.needs["event"].tolist() == [0, -1, -1, 1, -1, -1, -1, -1, 1, -1]


def test_where_half_the_events_leave_it_open_rare_ones_stay_open() -> None:
    rows = np.repeat(np.arange(6), [200, 200, 200, 200, 12, 12])
    gone = np.isin(rows, [1, 4])
    gone[rows >= 2] |= np.random.default_rng(0).random(len(rows))[rows >= 2] < 0.5
    gone[rows == 5] = False
    atoms = Atoms(np.array(list("abcdef"), object), np.bincount(rows), 0.0, False)
    cell = Atoms(np.array(["x"], object), np.array([(~gone).sum(), gone.sum()]), 0.0, False)
    found = Presence.fit(cell, gone.astype(np.int64), {"event": (atoms, rows)})
    assert found is not None
    assert found.needs["event"][[4, 5]].tolist() == [0, 0]
