"""Density-ratio resampling: a known ratio recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms
from seedstock.generators import _filter
from seedstock.generators._filter import Filter
from seedstock.generators._raking import bins_of, rake


def draw_uniform(n: int, rng: Rng, keep: Filter | None) -> dict[str, np.ndarray]:
    """A model that draws 0..9 uniformly, for a world where 0..4 are three times as common as 5..9."""
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < n:
        stream = rng.child(len(parts))
        x = stream.generator().integers(10, size=n)
        parts.append(x if keep is None else x[keep.keep({"x": x}, stream.child("keep").generator())])
    return {"x": np.concatenate(parts)[:n]}


def test_a_round_that_finds_nothing_is_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    real = {"x": np.random.default_rng(5).integers(10, size=3_000)}

    def nothing(table: np.ndarray, *rest: object, **more: object) -> tuple[list[object], np.ndarray]:
        asked.append(table.shape[1])
        return [], np.empty(0)

    monkeypatch.setattr(_filter, "boost", nothing)
    fitted = Filter.fit(draw_uniform, real, {"x": 10}, Rng(3), 8)
    assert asked == [5 * 3_000]  # one round: the real rows, and four drawn ones for each
    assert not fitted.trees
    assert fitted.rate > 0.8  # what raking the shares of 3,000 rows leaves


def test_rows_are_drawn_in_parts_of_their_own_whoever_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_filter, "_PART", 300)
    one, two = (_filter._drawn(np.asarray, draw_uniform, ("x",), 1_000, Rng(4), threads) for threads in (1, 2))
    np.testing.assert_array_equal(np.vstack(one), np.vstack(two))
    assert [part.shape for part in one] == [(300, 1), (300, 1), (300, 1), (100, 1)]
    assert not np.array_equal(one[0], one[1])


def test_a_known_ratio_is_recovered() -> None:
    g = np.random.default_rng(2)
    real = {"x": g.choice(10, size=20_000, p=np.r_[np.full(5, 0.15), np.full(5, 0.05)])}
    fitted = Filter.fit(draw_uniform, real, {"x": 10}, Rng(3), 3)
    weight = np.exp(fitted.log_weight({"x": np.arange(10)}))
    assert weight[:5].mean() / weight[5:].mean() == pytest.approx(3.0, rel=0.1)
    kept = draw_uniform(20_000, Rng(4), fitted)["x"]
    assert (kept < 5).mean() == pytest.approx(0.75, abs=0.02)
    assert fitted.rate == pytest.approx((weight / weight.max()).mean(), abs=0.05)


def test_a_known_ratio_is_recovered_among_more_values_than_bins() -> None:
    g = np.random.default_rng(2)
    upper = g.random(20_000) < 0.75
    real = {"x": g.integers(500, size=20_000) + 500 * upper}

    def draw(n: int, rng: Rng, keep: Filter | None) -> dict[str, np.ndarray]:
        return {"x": rng.generator().integers(1_000, size=n)}

    fitted = Filter.fit(draw, real, {"x": 1_000}, Rng(3), 3)
    weight = np.exp(fitted._by_trees({"x": np.arange(1_000)}))  # factors of single codes would make up for wrong trees
    assert weight[500:].mean() / weight[:500].mean() == pytest.approx(3.0, rel=0.15)
    assert weight[510:].min() > weight[:490].max()


def test_the_state_round_trips_and_damage_is_found() -> None:
    g = np.random.default_rng(5)
    fitted = Filter.fit(draw_uniform, {"x": g.integers(7, size=3_000)}, {"x": 10}, Rng(6), 1)
    state = fitted.state()
    known = {"x": Atoms(np.arange(10), np.ones(10, np.int64), 1.0, False)}
    again = Filter.from_state(state, known)
    codes = {"x": np.arange(10)}
    np.testing.assert_array_equal(again.log_weight(codes), fitted.log_weight(codes))
    for part, value in (("left", 10**6), ("right", 0), ("feature", 5)):
        bad = state.arrays[part].copy()
        bad[np.flatnonzero(state.arrays["feature"] >= 0)[0]] = value
        with pytest.raises(InputError, match="damaged"):
            Filter.from_state(replace(state, arrays={**state.arrays, part: bad}), known)
    for wrong in ({"y": known["x"]}, {"x": Atoms(np.arange(9), np.ones(9, np.int64), 1.0, False)}):
        with pytest.raises(InputError, match="damaged"):
            Filter.from_state(State(state.arrays, state.meta), wrong)


def test_raking_finds_the_weights_that_proportional_fitting_finds() -> None:
    """Two dependent columns: the factors' product is the textbook's fit of the drawn table to the real margins."""
    g = np.random.default_rng(7)
    drawn_table = np.array([[0.30, 0.10, 0.05], [0.05, 0.20, 0.30]])
    rows, columns = np.array([0.6, 0.4]), np.array([0.3, 0.45, 0.25])
    fitted = drawn_table.copy()
    for _ in range(200):
        fitted *= (rows / fitted.sum(axis=1))[:, None]
        fitted *= columns / fitted.sum(axis=0)
    n = 400_000
    cell = g.choice(6, n, p=drawn_table.ravel())
    drawn = {"a": cell // 3, "b": cell % 3}
    real = {"a": g.choice(2, n, p=rows), "b": g.choice(3, n, p=columns)}
    factors = rake(real, drawn, {"a": 2, "b": 3}, np.ones(n))
    made = drawn_table * np.exp(factors["a"])[:, None] * np.exp(factors["b"])
    np.testing.assert_allclose(made / made.sum(), fitted, atol=0.004)


def test_no_few_rows_decide_a_factor() -> None:
    g = np.random.default_rng(8)
    codes = np.minimum(g.geometric(0.02, size=3_000), 400) - 1
    counts = np.bincount(bins_of(codes, 500)[codes])
    assert counts.min() >= 50
    assert len(counts) > 15
    assert (np.diff(bins_of(codes, 500)) >= 0).all()
