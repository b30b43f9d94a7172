"""The generator of regular series against planted answers: trend, cycles, AR(1), what channels share, and regimes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from seedstock.core.rng import Rng
from seedstock.generators._series_course import fit_course
from seedstock.generators._series_dynamics import filled, fit_lags
from seedstock.generators.time_series import TimeSeries
from seedstock.sources.read import read

N = 6_000
SURGE, WIDTH, EVERY = 15.0, 40, 1_000
Floats = np.ndarray[Any, Any]


def ar(g: np.random.Generator, n: int, phi: float, w: Floats | None = None) -> Floats:
    w = g.standard_normal(n) if w is None else w
    r = np.zeros(n)
    for i in range(1, n):
        r[i] = phi * r[i - 1] + w[i]
    return r


@cache
def planted(seed: int) -> dict[str, Floats]:
    g = np.random.default_rng(seed)
    t = np.arange(N)
    w = g.standard_normal(N)
    other = 0.7 * w + np.sqrt(1 - 0.49) * g.standard_normal(N)
    surge = np.zeros(N, bool)
    start = int(g.integers(100, 500))
    while start < N:
        surge[start : start + WIDTH] = True
        start += EVERY - 350 + int(g.integers(700))
    day, week = 2 * np.pi * t / 24, 2 * np.pi * t / 168
    load = 50 + 0.002 * t + 5 * np.sin(day) + 3 * np.cos(week) + ar(g, N, 0.8, w) + SURGE * surge
    temp = 20 - 0.001 * t + 4 * np.sin(day + 1) + ar(g, N, 0.6, other)
    times = np.datetime64("2024-01-01", "us") + t * np.timedelta64(1, "h")
    return {"time": times, "load": load.round(3), "temp": temp.round(3), "state": np.where(surge, "surge", "normal")}


def found(frame: dict[str, Floats]) -> dict[str, float]:
    """Return what least squares on the planted form say of a series."""
    t = np.arange(len(frame["load"]))
    surge = frame["state"] == "surge"
    day, week = 2 * np.pi * t / 24, 2 * np.pi * t / 168
    B = np.stack([np.ones(len(t)), t, np.cos(day), np.sin(day), np.cos(week), np.sin(week), surge], axis=1)
    out: dict[str, float] = {}
    rest = {}
    for c in ("load", "temp"):
        coef = np.linalg.lstsq(B, frame[c], rcond=None)[0]
        r = rest[c] = frame[c] - B @ coef
        out |= {f"slope of {c}": coef[1], f"day of {c}": float(np.hypot(*coef[2:4]))}
        out |= {f"week of {c}": float(np.hypot(*coef[4:6])), f"surge of {c}": coef[6]}
        out |= {f"AR(1) of {c}": float(np.corrcoef(r[1:], r[:-1])[0, 1]), f"spread of {c}": float(r.std())}
    out["correlation"] = float(np.corrcoef(rest["load"], rest["temp"])[0, 1])
    out["later"] = float(np.corrcoef(rest["load"][:-2], rest["temp"][2:])[0, 1])
    change = np.diff(np.r_[0, surge.astype(int), 0])
    runs = np.flatnonzero(change < 0) - np.flatnonzero(change > 0)
    return out | {"surges": float(surge.mean()), "surge's length": float(runs.mean()) if len(runs) else 0.0}


@cache
def drawn(seed: int) -> dict[str, float]:
    model = TimeSeries().fit(read(planted(seed), roles={"time": "order"}), Rng(seed))
    means: dict[str, list[float]] = {}
    for k in range(4):
        table = model.sample(N, Rng(100 + k)).table
        frame = {c: table[c].texts() if table[c].is_text else table[c].values for c in table}
        assert (np.diff(frame["time"]) == np.timedelta64(1, "h")).all()
        for name, value in found(frame).items():
            means.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in means.items()}


TRUTH = {
    "AR(1) of load": (0.8, 0.04), "AR(1) of temp": (0.6, 0.05), "day of load": (5.0, 0.25), "day of temp": (4.0, 0.2),
    "week of load": (3.0, 0.3), "week of temp": (0.0, 0.2), "slope of load": (0.002, 0.0003),
    "slope of temp": (-0.001, 0.0002), "spread of load": (1.667, 0.15), "spread of temp": (1.25, 0.12),
    "surge of load": (SURGE, 1.5), "surge of temp": (0.0, 0.8),
    "surges": (WIDTH / EVERY, 0.02), "surge's length": (WIDTH, 16.0),
}  # fmt: skip
# Stationary correlation of two AR(1) whose innovations correlate by rho: rho sqrt((1-a²)(1-b²)) / (1 - ab).
TRUTH["correlation"] = (0.7 * np.sqrt((1 - 0.64) * (1 - 0.36)) / (1 - 0.48), 0.05)
TRUTH["later"] = (TRUTH["correlation"][0] * 0.36, 0.06)  # two steps on, temp remembers 0.6² of it


@pytest.mark.parametrize("name", TRUTH, ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_drawn_series_have_what_was_planted(name: str, seed: int) -> None:
    truth, tolerance = TRUTH[name]
    assert abs(drawn(seed)[name] - truth) < tolerance, (drawn(seed)[name], found(planted(seed))[name])


def test_the_course_is_the_planted_one() -> None:
    t = np.arange(N)
    course = fit_course(planted(0)["load"], t, N, {"day": 24.0, "week": 168.0, "year": 8765.82})
    assert course.amplitudes()["day"] == pytest.approx(5, abs=0.25)
    assert course.amplitudes()["week"] == pytest.approx(3, abs=0.3)
    assert (course.levels[-1] - course.levels[0]) / (N - 1) == pytest.approx(0.002, abs=0.0003)
    assert course.trend(np.array([10 * N]))[0] == course.levels[-1]  # no drift beyond the end


def test_cycles_off_the_calendar_are_found_at_their_length() -> None:
    g = np.random.default_rng(0)
    t = np.arange(2_000)
    course = fit_course(2 * np.sin(2 * np.pi * t / 37) + g.standard_normal(2_000), t, 2_000, {})
    assert course.of == ("37 steps",)
    assert course.amplitudes()["37 steps"] == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("kind", ["noise", "walk", "AR(1)"])
def test_where_there_is_no_cycle_none_is_found(kind: str) -> None:
    g = np.random.default_rng(1)
    wrong = 0
    for _ in range(20):
        x = {"noise": g.standard_normal, "walk": lambda n: np.cumsum(g.standard_normal(n)),
             "AR(1)": lambda n: ar(g, n, 0.9)}[kind](1_000)  # fmt: skip
        wrong += len(fit_course(x, np.arange(1_000), 1_000, {"day": 24.0}).frequency) > 0
    assert wrong <= 2


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.95, 1.0])
def test_lags_are_the_planted_ones_and_never_explode(phi: float) -> None:
    r = ar(np.random.default_rng(2), 4_000, phi)
    lags = fit_lags((r / r.std())[:, None], [])
    size = float(lags.weight.sum()) if len(lags.lags) else 0.0
    assert size == pytest.approx(min(phi, 0.999), abs=0.04)
    assert size < 1


def test_two_lags_and_another_channel_are_found() -> None:
    g = np.random.default_rng(3)
    x = np.zeros((5_000, 2))
    for i in range(2, 5_000):
        x[i, 0] = 0.5 * x[i - 1, 0] + 0.3 * x[i - 2, 0] + g.standard_normal()
        x[i, 1] = 0.4 * x[i - 1, 1] + 0.5 * x[i - 1, 0] + g.standard_normal()
    lags = fit_lags(x, [])
    assert lags.lags.tolist()[:2] == [1, 2]
    weight = lags.weight[:, :4]
    assert weight == pytest.approx(np.array([[0.5, 0, 0.3, 0], [0.5, 0.4, 0, 0]]), abs=0.06)
    _, E = filled(x, lags)
    assert E[10:].std(axis=0) == pytest.approx([1, 1], abs=0.05)


def test_a_random_walk_stays_in_its_range() -> None:
    walk = np.cumsum(np.random.default_rng(5).standard_normal(1_500)).round(2)
    times = np.datetime64("2024-01-01", "us") + np.arange(1_500) * np.timedelta64(1, "m")
    model = TimeSeries(trees=4).fit(read({"time": times, "x": walk}, roles={"time": "order"}), Rng(0))
    x = model.sample(20_000, Rng(0)).table["x"].values
    assert walk.min() <= x.min()
    assert x.max() <= walk.max()
    assert len(np.unique(x[-5_000:])) > 100


def test_spread_that_follows_the_hour_is_kept() -> None:
    g = np.random.default_rng(6)
    t = np.arange(4_000)
    by_hour = np.where((t % 24 >= 8) & (t % 24 < 18), 3.0, 0.5)
    times = np.datetime64("2024-01-01", "us") + t * np.timedelta64(1, "h")
    x = (by_hour * g.standard_normal(4_000)).round(3)
    model = TimeSeries().fit(read({"time": times, "x": x}, roles={"time": "order"}), Rng(0))
    made = model.sample(4_000, Rng(1)).table["x"].values
    for own, width in ((by_hour == 3.0, 3.0), (by_hour == 0.5, 0.5)):
        assert made[own].std() == pytest.approx(width, rel=0.35)


def test_zero_at_night_is_zero_at_night() -> None:
    g = np.random.default_rng(7)
    t = np.arange(3_000)
    sun = np.maximum(np.sin(2 * np.pi * (t % 24 - 6) / 24), 0)
    x = np.where(sun > 0.01, (800 * sun * np.clip(0.7 + 0.2 * ar(g, 3_000, 0.7), 0.05, 1)).round(1), 0.0)
    times = np.datetime64("2024-01-01", "us") + t * np.timedelta64(1, "h")
    model = TimeSeries().fit(read({"time": times, "x": x}, roles={"time": "order"}), Rng(0))
    made = model.sample(3_000, Rng(1)).table["x"].values
    night = sun <= 0.01
    assert (made[night] == 0).mean() > 0.97
    assert (made[~night] == 0).mean() < 0.05
    assert made[~night].mean() == pytest.approx(x[~night].mean(), rel=0.1)
