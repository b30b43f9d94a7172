"""Density-ratio resampling: the compiled trees against a literal walk, and a known ratio recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms
from seedstock.generators import _filter
from seedstock.generators._compiled import CompiledTree, boost
from seedstock.generators._filter import Filter
from seedstock.generators._raking import bins_of, rake


def walk(tree: dict[str, np.ndarray], x: np.ndarray) -> float:
    node = 0
    while tree["feature"][node] >= 0:
        goes_left = x[tree["feature"][node]] <= tree["threshold"][node]
        node = tree["left"][node] if goes_left else tree["right"][node]
    return float(tree["value"][node])


def test_compiled_trees_do_as_a_literal_walk() -> None:
    g = np.random.default_rng(0)
    X = g.integers(0, 30, size=(3_000, 4)).astype(float)
    y = g.random(3_000) < 1 / (1 + np.exp(-(X[:, 0] - X[:, 1]) / 5))
    for tree in boost(X, y, 1, 10, 50):
        compiled = CompiledTree(**tree)(X[:200])
        np.testing.assert_array_equal(compiled, [walk(tree, x) for x in X[:200]])


def test_the_trees_add_up_to_the_classifiers_own_score() -> None:
    g = np.random.default_rng(1)
    X = g.integers(200, size=(2_000, 3)).astype(float)
    y = X[:, 0] / 60 + g.normal(size=2_000) > 1.7
    model = HistGradientBoostingClassifier(
        learning_rate=0.15, max_iter=5, max_leaf_nodes=8, min_samples_leaf=50, l2_regularization=1.0,
        early_stopping=True, validation_fraction=0.2, n_iter_no_change=8, class_weight="balanced", random_state=1,
    ).fit(X, y)  # fmt: skip
    total = sum(CompiledTree(**tree)(X) for tree in boost(X, y, 1, 5, 50))
    shift = model.decision_function(X) - total
    np.testing.assert_allclose(shift, shift[0], atol=1e-9)


def test_columns_of_more_values_than_bins_are_cut_where_rows_are_many() -> None:
    g = np.random.default_rng(2)
    X = np.column_stack([np.floor(np.exp(g.normal(size=3_000)) * 1_000), g.integers(3, size=3_000)]).astype(float)
    y = g.random(3_000) < np.where(X[:, 0] > 1_000, 0.8, 0.2)
    trees = boost(X, y, 3, 40, 50)
    thresholds = np.concatenate([t["threshold"][t["feature"] == 0] for t in trees])
    assert set(thresholds) <= set(X[:, 0])  # values of the column, not numbers of bins
    total = sum(CompiledTree(**tree)(X) for tree in trees)
    assert total[X[:, 0] > 1_050].mean() - total[X[:, 0] < 950].mean() > 1.5
    np.testing.assert_array_equal(
        sum(CompiledTree(**tree)(X[:9]) for tree in trees), [sum(walk(tree, x) for tree in trees) for x in X[:9]]
    )


def held_losses(trees: list[dict[str, np.ndarray]], X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Log loss of held-out rows after each tree."""
    odds = np.cumsum([CompiledTree(**tree)(X) for tree in trees], axis=0)
    return np.logaddexp(0, np.where(y, -odds, odds)).mean(axis=1)


def test_boosting_ends_at_the_tree_that_tells_held_out_rows_best() -> None:
    g = np.random.default_rng(3)
    X = g.integers(50, size=(3_000, 4)).astype(float)
    y = g.random(3_000) < 1 / (1 + np.exp(-(X[:, 0] - X[:, 1]) / 10))
    held = X[:600], y[:600]
    losses = held_losses(best := boost(X[600:], y[600:], 1, 200, 20, held=held), *held)
    assert len(best) < 200
    assert losses.argmin() == len(losses) - 1


def test_where_nothing_tells_there_is_no_tree_but_a_baseline() -> None:
    g = np.random.default_rng(4)
    X, y = g.integers(9, size=(4_000, 2)).astype(float), g.random(4_000) < 0.2
    assert len(boost(X, y, 1, 50, 200)) < 9  # by chance a few
    assert not boost(np.zeros((4_000, 2)), y, 1, 50, 200)
    (only,) = boost(np.zeros((3_500, 2)), y[500:], 1, 50, 200, held=(np.zeros((500, 2)), y[:500]))
    assert 1 / (1 + np.exp(-only["value"][only["feature"] < 0])) == pytest.approx(0.2, abs=0.05)


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

    def nothing(X: np.ndarray, *rest: object, **more: object) -> list[object]:
        asked.append(len(X))
        return []

    monkeypatch.setattr(_filter, "boost", nothing)
    fitted = Filter.fit(draw_uniform, real, {"x": 10}, Rng(3), 8)
    assert asked == [5 * 3_000]  # one round: the real rows, and four drawn ones for each
    assert not fitted.trees
    assert fitted.rate > 0.8  # what raking the shares of 3,000 rows leaves


def test_rows_are_drawn_in_parts_of_their_own_whoever_draws_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_filter, "_PART", 300)
    one, two = (_filter._rows(draw_uniform, ("x",), 1_000, Rng(4), threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (1_000, 1)
    assert not np.array_equal(one[:300], one[300:600])


def test_a_known_ratio_is_recovered() -> None:
    g = np.random.default_rng(2)
    real = {"x": g.choice(10, size=20_000, p=np.r_[np.full(5, 0.15), np.full(5, 0.05)])}
    fitted = Filter.fit(draw_uniform, real, {"x": 10}, Rng(3), 3)
    weight = np.exp(fitted.log_weight({"x": np.arange(10)}))
    assert weight[:5].mean() / weight[5:].mean() == pytest.approx(3.0, rel=0.1)
    kept = draw_uniform(20_000, Rng(4), fitted)["x"]
    assert (kept < 5).mean() == pytest.approx(0.75, abs=0.02)
    assert fitted.rate == pytest.approx((weight / weight.max()).mean(), abs=0.05)


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
