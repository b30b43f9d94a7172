"""Regular readings: known by themselves, parted by stretches, drawn on the grid, and planted defects found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from seedstock import catalog, stages
from seedstock.api.reading import read
from seedstock.clock import Clock, Silent
from seedstock.core.errors import InputError
from seedstock.core.given import Allowed, Given
from seedstock.core.regular import HELD
from seedstock.core.results import Evidence, Score, State
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.split import split_stretches
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators._series_course import regimes
from seedstock.generators.time_series import GENERATOR, TINY, TimeSeriesFitted

HOUR = np.timedelta64(1, "h")
rng = np.random.default_rng


def planted(n: int, seed: int, sensors: int = 1, gaps: bool = False) -> Dataset:
    """Hourly load and temperature: trend, a day's and a week's cycle, AR(1) of 0.8 and 0.6, correlated, rare surges."""
    parts = [_one(n, np.random.default_rng(seed + 100 * s)) for s in range(sensors)]
    frame: dict[str, Any] = {c: np.concatenate([p[c] for p in parts]) for c in parts[0]}
    if sensors > 1:
        frame = {"sensor": np.repeat([f"s{s}" for s in range(sensors)], n), **frame}
    if gaps:
        g = np.random.default_rng(seed)
        frame["temp"] = np.where(g.random(len(frame["temp"])) < 0.05, np.nan, frame["temp"])
        keep = np.ones(len(frame["load"]), bool)
        for start in g.integers(0, len(keep) - 20, 8):
            keep[start : start + g.integers(3, 12)] = False
        frame = {c: v[keep] for c, v in frame.items()}
    return read(frame)


def _one(n: int, g: np.random.Generator) -> dict[str, Any]:
    t = np.arange(n)
    w = g.standard_normal((n, 2))
    w[:, 1] = 0.7 * w[:, 0] + np.sqrt(1 - 0.49) * w[:, 1]
    r = np.zeros((n, 2))
    for i in range(1, n):
        r[i] = np.array([0.8, 0.6]) * r[i - 1] + w[i]
    surge = np.zeros(n, bool)
    for start in range(int(g.integers(50, 300)), n, 700):
        surge[start : start + int(g.integers(20, 60))] = True
    load = 50 + 0.002 * t + 5 * np.sin(2 * np.pi * t / 24) + 3 * np.cos(2 * np.pi * t / 168) + r[:, 0] + 15 * surge
    temp = 20 - 0.001 * t + 4 * np.sin(2 * np.pi * t / 24 + 1) + r[:, 1]
    return {
        "time": (np.datetime64("2024-01-01") + t * HOUR).astype("M8[us]"),
        "load": load.round(3), "temp": temp.round(3), "state": np.where(surge, "surge", "normal"),
    }  # fmt: skip


@cache
def real() -> Dataset:
    return planted(2_000, 0)


@cache
def fitted() -> TimeSeriesFitted:
    return GENERATOR().fit(real(), Rng(0))


def hours(data: Dataset) -> np.ndarray[Any, Any]:
    return (data.table["time"].values - np.datetime64("2024-01-01")) // HOUR


def test_readings_are_known_by_themselves_and_the_notes_say_so() -> None:
    assert real().domain == "regular"
    assert real().columns.with_role("order") == ["time"]
    assert any("one every 1 hour" in note for note in real().notes)
    assert catalog.default_generator("regular") == "time_series"
    three = planted(300, 1, sensors=3)
    assert three.domain == "regular"
    assert three.columns.with_role("entity") == ["sensor"]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: {**f, "time": np.random.default_rng(0).permutation(f["time"])},
        lambda f: {**f, "time": f["time"] - f["time"].astype("i8") % 7_200_000_000},
        lambda f: {**f, "time": f["time"][0] + np.sort(rng(0).integers(0, 10**13, 400)).astype("m8[us]")},
        lambda f: {"time": f["time"], "state": f["state"]},
        lambda f: {c: v[:40] for c, v in f.items()},
    ],
    ids=["unsorted", "duplicate times", "any times", "no numbers", "few rows"],
)  # fmt: skip
def test_other_tables_stay_tables(change: Any) -> None:
    frame = change(_one(400, np.random.default_rng(0)))
    data = read({c: np.asarray(v) for c, v in frame.items()})
    assert data.domain == "table"
    assert not data.columns.with_role("order")


def test_what_the_user_says_of_roles_wins() -> None:
    frame = _one(400, np.random.default_rng(0))
    assert read(frame, roles={"time": ()}).domain == "table"
    shuffled = np.random.default_rng(0).permutation(400)
    told = read({c: np.asarray(v)[shuffled] for c, v in frame.items()}, roles={"time": "order"})
    assert told.domain == "regular"
    drawn = TINY.fit(told, Rng(0)).sample(400, Rng(0))
    assert (hours(drawn) == np.arange(400)).all()


@pytest.mark.parametrize("n", [0, 1, 17, 3_000])
def test_rows_are_as_many_as_asked_on_the_grid_and_the_same_for_a_seed(n: int) -> None:
    drawn = fitted().sample(n, Rng(5))
    assert (hours(drawn) == np.arange(n)).all()
    assert drawn.table.names == real().table.names
    assert drawn.table.equals(fitted().sample(n, Rng(5)).table)
    if n > 100:
        assert not drawn.table.equals(fitted().sample(n, Rng(6)).table)


def test_blocks_go_on_where_the_one_before_ended_whoever_draws_them() -> None:
    model = TINY.fit(planted(400, 3), Rng(1))
    whole = model.sample(BLOCK_ROWS + 500, Rng(2)).table
    fresh = type(model).from_state(model.state())
    assert whole.take(slice(BLOCK_ROWS, None)).equals(fresh.sample(500, Rng(2), start=BLOCK_ROWS).table)
    r = whole["load"].values
    jump = np.abs(np.diff(r))
    assert jump[BLOCK_ROWS - 1] <= jump.max()
    assert (np.diff(hours(model.sample(BLOCK_ROWS + 500, Rng(2)))) == 1).all()
    low, high = planted(400, 3).table["load"].values.min(), planted(400, 3).table["load"].values.max()
    assert low <= r.min()
    assert r.max() <= high


def test_the_state_is_the_whole_model_and_damage_is_told() -> None:
    state = fitted().state()
    again = TimeSeriesFitted.from_state(State(dict(state.arrays), state.meta))
    assert again.sample(300, Rng(3)).table.equals(fitted().sample(300, Rng(3)).table)
    for name in ("walk.0.donors.kind", "walk.0.usual", "walk.0.lags"):
        with pytest.raises(InputError, match="damaged"):
            TimeSeriesFitted.from_state(State({k: v for k, v in state.arrays.items() if k != name}, state.meta))
    kinds = state.arrays["walk.0.donors.kind"] + 50
    with pytest.raises(InputError, match="damaged"):
        TimeSeriesFitted.from_state(State({**state.arrays, "walk.0.donors.kind": kinds}, state.meta))


def test_the_holdout_is_whole_stretches_and_no_row_is_on_both_sides() -> None:
    train, held = split_stretches(real(), 0.2, Rng(0))
    assert len(train.table) + len(held.table) == 2_000
    assert abs(len(held.table) - 400) < 40
    k, j = hours(train), hours(held)
    assert not set(k.tolist()) & set(j.tolist())
    assert (np.diff(np.sort(j)) > 1).sum() < 5
    assert len(train.origin[HELD]) == 5
    drawn = TINY.fit(train, Rng(0)).sample(2_000, Rng(0))
    assert (hours(drawn) == np.arange(2_000)).all()  # what was held out is no gap
    three, other = split_stretches(planted(300, 1, sensors=3), 0.2, Rng(0))
    assert not set(hours(three).tolist()) & set(hours(other).tolist())


def test_series_of_several_sensors_come_as_they_were() -> None:
    data = planted(400, 1, sensors=3)
    drawn = GENERATOR(trees=4).fit(data, Rng(0)).sample(1_200, Rng(0))
    assert drawn.table["sensor"].texts().tolist() == data.table["sensor"].texts().tolist()
    assert (drawn.table["time"].values == data.table["time"].values).all()


def test_gaps_and_missing_cells_are_a_habit() -> None:
    data = planted(2_000, 4, gaps=True)
    drawn = GENERATOR(trees=10).fit(data, Rng(0)).sample(len(data.table), Rng(1))
    for side in (data, drawn):
        assert 0.03 < side.table["temp"].missing.mean() < 0.07
        lost = int(hours(side).max()) + 1 - len(side.table)
        assert 15 < lost < 150
        assert (np.diff(hours(side)) > 1).sum() >= 3


def test_working_hours_stay_closed_at_night() -> None:
    frame = _one(24 * 7 * 8, np.random.default_rng(0))
    t = np.arange(24 * 7 * 8)
    open_ = (t % 24 >= 8) & (t % 24 < 18) & (t // 24 % 7 < 5)
    data = read({c: v[open_] for c, v in frame.items()})
    assert data.domain == "regular"
    drawn = hours(TINY.fit(data, Rng(0)).sample(int(open_.sum()), Rng(0)))
    assert (drawn == t[open_]).all()


@pytest.mark.parametrize("step", ["month", "number"])
def test_months_and_plain_numbers_are_grids_too(step: str) -> None:
    g = np.random.default_rng(0)
    k = np.arange(120)
    x = 10 + 3 * np.sin(2 * np.pi * k / 12) + g.normal(0, 0.5, 120)
    month = (np.datetime64("2010-01") + k).astype("M8[D]").astype("M8[us]")
    data = read({"time": month if step == "month" else 0.5 * k, "x": x.round(2)})
    assert data.domain == "regular"
    drawn = TINY.fit(data, Rng(0)).sample(120, Rng(0))
    assert (drawn.table["time"].values == data.table["time"].values).all()


@pytest.mark.parametrize("rows", [1, 2, 19], ids=["one row", "two rows", "nineteen rows"])
def test_too_few_readings_are_refused_in_one_line(rows: int) -> None:
    data = real().take(slice(0, rows))
    assert data.domain == "table"
    with pytest.raises(InputError, match="at least 20 readings"):
        TINY.fit(data, Rng(0))


def test_duplicate_times_are_refused_or_left_out() -> None:
    twice = real().with_table(real().table.concat([real().table, real().table]))
    with pytest.raises(InputError, match="no grid of equal steps"):
        TINY.fit(twice, Rng(0))
    some = real().with_table(real().table.concat([real().table, real().table.take(slice(0, 10))]))
    model = TINY.fit(some, Rng(0))
    assert any("10 rows" in note for note in model.notes)


@pytest.mark.parametrize("x", [np.full(100, 3.5), np.r_[np.full(99, 1.0), np.inf], np.full(100, np.nan)],
                         ids=["constant", "an infinity", "all missing"])  # fmt: skip
def test_awkward_numbers_are_learned_from(x: np.ndarray[Any, Any]) -> None:
    times = np.datetime64("2024-01-01", "us") + np.arange(100) * HOUR
    data = read({"time": times, "x": x, "y": np.arange(100.0)})
    drawn = TINY.fit(data, Rng(0)).sample(50, Rng(0)).table
    assert len(drawn) == 50
    if np.isfinite(x).all():
        assert (drawn["x"].values == 3.5).all()


def test_rows_without_a_time_are_left_out_and_told() -> None:
    table = real().table
    gone = np.arange(len(table)) % 100 == 0
    lost = real().with_table(table.assign({"time": replace(table["time"], missing=gone)}))
    assert any("20 rows" in note for note in TINY.fit(lost, Rng(0)).notes)


def test_conditions_are_refused_in_one_line() -> None:
    asked = real().table.take(slice(0, 3)).select(["state"])
    for given in (asked, Given.everywhere({}, {"state": Allowed(missing=True)}, 3)):
        with pytest.raises(InputError, match="conditions"):
            fitted().sample(3, Rng(0), given=given)
    assert len(fitted().sample(3, Rng(0), given=Given(Table({}, 3))).table) == 3


def test_an_unnamed_regime_is_a_regime() -> None:
    r = np.random.default_rng(0).normal(size=(500, 2))
    r[100:130, 0] += 9
    found = regimes(r)
    assert (found[100:130, 0] == 1).mean() > 0.9
    assert (found[:, 0] != 0).sum() < 35
    assert not found[:, 1].any()


def scores(synthetic: Dataset) -> dict[str, Score]:
    train, held = split_stretches(real(), 0.3, Rng(0))
    names = [*catalog.names("metrics", "regular"), "sequence_detection", "sequences"]
    judged = stages.judge(Evidence(train, held, synthetic), 0, Clock(Silent()), names)
    return {s.name: s for s in judged.scores}


def test_what_is_drawn_is_like_what_was_held_out() -> None:
    train, _ = split_stretches(real(), 0.3, Rng(0))
    found = scores(GENERATOR().fit(train, Rng(0)).sample(2_000, Rng(1)))
    assert {"autocorrelation_error", "profile_error", "course_error", "predictive_error"} <= set(found)
    assert "sequence_length_error" not in found
    assert "sequence_detection" in found
    assert not {k: (s.value, s.floor) for k, s in found.items() if s.ok is False}


def shuffled(names: list[str], by: int = 1) -> Dataset:
    data = planted(2_000, 9)
    g = np.random.default_rng(0)
    if by == 1:
        rows = g.permutation(2_000)
        return data.with_table(data.table.assign({c: data.table[c].take(rows) for c in names}))
    return data.with_table(data.table.assign({c: Column.of(np.roll(data.table[c].values, by)) for c in names}))


def drifting() -> Dataset:
    data = planted(2_000, 9)
    load = Column.of(data.table["load"].values + 0.005 * np.arange(2_000))
    return data.with_table(data.table.assign({"load": load}))


@pytest.mark.parametrize(
    ("synthetic", "told"),
    [
        (lambda: shuffled(["load", "temp", "state"]), "autocorrelation_error"),
        (lambda: shuffled(["load", "temp", "state"]), "predictive_error"),
        (lambda: shuffled(["load", "temp"], by=12), "profile_error"),
        (lambda: shuffled(["temp"], by=6), "cross_correlation_error"),
        (lambda: shuffled(["load", "temp"]), "memory_error"),
        (lambda: shuffled(["load", "temp", "state"]), "sequence_detection"),
        (lambda: drifting(), "course_error"),
    ],
    ids=["shuffled", "shuffled, forecast", "half a day late", "one column late", "memory", "whole windows", "drift"],
)  # fmt: skip
def test_planted_defects_are_told(synthetic: Any, told: str) -> None:
    found = scores(synthetic())
    assert found[told].ok is False, found[told]


def test_other_real_readings_score_as_the_floor() -> None:
    assert not {k: (s.value, s.good) for k, s in scores(planted(2_000, 9)).items() if s.ok is False}
