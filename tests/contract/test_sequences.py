"""Generators and measures of sequences: exact rows, the same seeds, whole state, and planted defects found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from seedstock import catalog
from seedstock.core.errors import InputError
from seedstock.core.given import Allowed, Given
from seedstock.core.results import Evidence, Score, State
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.split import split
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources.read import read

NAMES = catalog.names("generators", "sequence")
HOUR = 3_600_000_000


def events(hosts: int, seed: int, kind_matters: bool = True) -> Dataset:
    """Hosts that log in, read and write by a Markov chain in working hours; databases are ten times as fast."""
    g = np.random.default_rng(seed)
    follow = {
        "login": ("read", "write"), "read": ("read", "write", "logout"), "write": ("logout",), "logout": ("login",)
    }  # fmt: skip
    host, when, kind, what, size = [], [], [], [], []
    for h in range(hosts):
        now = 8 * HOUR + g.uniform(0, 8) * HOUR + g.integers(0, 5) * 24 * HOUR
        own, state = "web" if h % 3 else "db", "login"
        for _ in range(1 + g.poisson(12)):
            host.append(f"host {h}"), when.append(int(now)), kind.append(own), what.append(state)
            size.append(round(float(g.lognormal(4 if state == "read" else 1, 0.5)), 2))
            now += g.exponential(20 if own == "db" and kind_matters else 200) * 1e6
            state = str(g.choice(follow[state]))
    table = Table(
        {
            "host": Column.of_texts(host), "time": Column.of(np.array(when, "M8[us]")), "kind": Column.of_texts(kind),
            "action": Column.of_texts(what), "size": Column.of(np.array(size)),
        }
    )  # fmt: skip
    schema = {
        "host": ColumnSchema("id", ("entity",)), "time": ColumnSchema("datetime", ("order",), dtype="datetime[us]"),
        "kind": ColumnSchema("category"), "action": ColumnSchema("category"),
        "size": ColumnSchema("number", dtype="float64", decimals=2),
    }  # fmt: skip
    return Dataset({"log": table}, Schema({"log": TableSchema(schema)}))


@cache
def real() -> Dataset:
    return events(150, 0)


@cache
def fitted(name: str) -> Any:
    return catalog.load("generators", name).GENERATOR().fit(real(), Rng(0))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [0, 1, 17, 500])
def test_rows_are_as_many_as_asked_and_the_same_for_a_seed(name: str, n: int) -> None:
    drawn = fitted(name).sample(n, Rng(5)).table
    assert len(drawn) == n
    assert drawn.names == real().table.names
    assert drawn.equals(fitted(name).sample(n, Rng(5)).table)
    if n > 100:
        assert not drawn.equals(fitted(name).sample(n, Rng(6)).table)


@pytest.mark.parametrize("name", NAMES)
def test_the_state_is_the_whole_model(name: str) -> None:
    state = fitted(name).state()
    again = type(fitted(name)).from_state(State(dict(state.arrays), state.meta))
    assert again.sample(300, Rng(3)).table.equals(fitted(name).sample(300, Rng(3)).table)
    with pytest.raises(InputError, match="damaged"):
        type(fitted(name)).from_state(State({}, state.meta))


@pytest.mark.parametrize("name", NAMES)
def test_later_blocks_do_not_depend_on_earlier_ones(name: str) -> None:
    data = events(10, 3)
    model = catalog.load("generators", name).TINY.fit(data, Rng(1))
    whole = model.sample(BLOCK_ROWS + 50, Rng(2)).table
    assert whole.take(slice(BLOCK_ROWS, None)).equals(model.sample(50, Rng(2), start=BLOCK_ROWS).table)


@pytest.mark.parametrize("name", NAMES)
def test_what_belongs_to_the_entity_stays_with_it_and_times_do_not_go_back(name: str) -> None:
    drawn = fitted(name).sample(1_500, Rng(1)).table
    host, kind = drawn["host"].texts(), drawn["kind"].texts()
    assert len({(a, b) for a, b in zip(host, kind, strict=True)}) == len(set(host)) > 50
    times = drawn["time"].values.astype("i8")
    assert all((np.diff(times[host == h]) >= 0).all() for h in set(host))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("hosts", [1, 2], ids=["one entity", "two entities"])
def test_few_sequences_are_learned_from(name: str, hosts: int) -> None:
    drawn = catalog.load("generators", name).TINY.fit(events(hosts, 2), Rng(0)).sample(40, Rng(0))
    assert len(drawn.table) == 40


def test_a_single_sequence_may_be_longer_than_the_learned_one() -> None:
    one = events(1, 2)
    columns = {c: s for c, s in one.columns.columns.items() if c != "host"}
    data = Dataset({"log": one.table.select(list(columns))}, Schema({"log": TableSchema(columns)}))
    drawn = catalog.load("generators", "sequence").TINY.fit(data, Rng(0)).sample(3 * len(data.table), Rng(0))
    assert len(drawn.table) == 3 * len(data.table)


@pytest.mark.parametrize("name", NAMES)
def test_one_event_is_learned_from(name: str) -> None:
    data = real().take(slice(0, 1))
    assert len(catalog.load("generators", name).TINY.fit(data, Rng(0)).sample(5, Rng(0)).table) == 5


def scores(synthetic: Dataset) -> dict[str, Score]:
    train, held = split(real(), 0.4, Rng(0))
    evidence = Evidence(train, held, synthetic)
    found = [catalog.load("metrics", name).METRIC()(evidence, Rng(1)) for name in catalog.names("metrics", "sequence")]
    return {s.name: s for part in found for s in part}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_is_like_what_was_held_out(name: str) -> None:
    train, _ = split(real(), 0.4, Rng(0))
    drawn = catalog.load("generators", name).GENERATOR().fit(train, Rng(0)).sample(1_500, Rng(1))
    found = scores(drawn)
    assert {"sequence_length_error", "gap_error", "transition_error", "rhythm_error"} <= set(found)
    bad = {k: (s.value, s.floor) for k, s in found.items() if s.ok is False}
    assert len(bad) <= 1, bad


def test_other_real_sequences_score_as_the_floor() -> None:
    assert all(s.ok for s in scores(events(150, 9)).values())


def broken(column: str) -> Dataset:
    data = events(150, 9)
    g = np.random.default_rng(0)
    table = data.table
    cells = table[column].take(g.permutation(len(table)))
    if column == "time":
        t = table["time"].values.astype("i8")
        cells = Column.of((t - t % (24 * HOUR) + (t % HOUR)).astype("M8[us]"))
    return data.with_table(table.assign({column: cells}))


@pytest.mark.parametrize(
    ("synthetic", "told"),
    [
        (lambda: broken("action"), "transition_error"),
        (lambda: events(150, 9, kind_matters=False), "gap_error"),
        (lambda: broken("time"), "rhythm_error"),
        (lambda: events(150, 9).take(np.arange(900)), None),
        (lambda: broken("action"), "sequence_detection"),
    ],
    ids=["shuffled actions", "one pace", "wrong hours", "fewer", "shuffled actions, whole"],
)
def test_planted_defects_are_told(synthetic: Any, told: str | None) -> None:
    found = scores(synthetic())
    assert told is None or found[told].ok is False


def test_conditions_are_refused_in_one_line() -> None:
    asked = Table({"kind": Column.of_texts(["db"] * 3)})
    for given in (asked, Given.everywhere({}, {"kind": Allowed(missing=True)}, 3)):
        with pytest.raises(InputError, match="conditions"):
            fitted("sequence").sample(3, Rng(0), given=given)
    assert len(fitted("sequence").sample(3, Rng(0), given=Given(Table({}, 3))).table) == 3


def test_rows_without_times_are_refused_or_told() -> None:
    table = real().table
    gone = np.arange(len(table)) % 3 == 0
    lost = table.assign({"time": replace(table["time"], missing=gone)})
    with pytest.raises(InputError, match="no time"):
        catalog.load("generators", "sequence").TINY.fit(real().with_table(lost), Rng(0))


def test_a_count_of_rows_may_be_the_order() -> None:
    g = np.random.default_rng(0)
    users = np.array([f"u{i}" for i in g.integers(12, size=400)])
    rows = {"event_id": np.arange(400), "user": users, "size": g.poisson(9, 400)}
    data = read(rows, roles={"user": "entity", "event_id": "order"})
    assert data.columns["event_id"].kind == "number"
    drawn = catalog.load("generators", "sequence").TINY.fit(data, Rng(0)).sample(50, Rng(1)).table
    assert (np.diff(drawn["event_id"].values[drawn["user"].texts() == drawn["user"].texts()[0]]) >= 0).all()
    assert read(rows).columns["event_id"].kind == "id"
