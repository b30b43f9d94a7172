"""Boosted trees over bins, against scikit-learn's own classifier."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import HistGradientBoostingClassifier

from seedstock.generators._bins import Bins
from seedstock.generators._boosting import _parted, boost
from seedstock.generators._compiled import CompiledTree
from seedstock.generators._stored_trees import Tree


def total(trees: list[Tree], X: np.ndarray) -> np.ndarray:
    return np.sum([CompiledTree(**tree)(X) for tree in trees], axis=0)


def two_kinds(n: int, seed: int, values: int = 30) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    X = g.integers(values, size=(n, 4)).astype(float)
    return X, g.random(n) < 1 / (1 + np.exp(-(X[:, 0] - X[:, 1]) / values * 6))


def test_trees_are_those_of_the_classifier_for_the_same_rows() -> None:
    X, y = two_kinds(4_000, 1)
    seen, held = slice(1_000, None), slice(None, 1_000)
    model = HistGradientBoostingClassifier(
        learning_rate=0.2, max_iter=25, max_leaf_nodes=12, min_samples_leaf=40, l2_regularization=1.0,
        early_stopping=False,
    ).fit(X[seen], y[seen])  # fmt: skip
    bins = Bins.of(X)
    table = bins.place(X)
    trees, odds = boost(table[:, seen], y[seen], 0, 25, 40, 12, (table[:, held], y[held]), 0.2)
    own = total(bins.unplaced(trees), X)
    then = list(model.staged_decision_function(X))[len(trees) - 1]
    np.testing.assert_allclose(own, then, atol=1e-4)  # gradients are single numbers there as here
    np.testing.assert_allclose(own[held], odds)


def test_kinds_weigh_the_same_where_no_rows_are_held_out() -> None:
    X, y = two_kinds(6_000, 2)
    rare = y & (np.arange(6_000) % 8 > 0)
    X, y = X[~rare], y[~rare]
    bins = Bins.of(X)
    table = bins.place(X)
    seen, _ = _parted(y, 5)
    model = HistGradientBoostingClassifier(
        learning_rate=0.15, max_iter=4, max_leaf_nodes=8, min_samples_leaf=50, l2_regularization=1.0,
        early_stopping=False, class_weight="balanced",
    ).fit(X[seen], y[seen])  # fmt: skip
    trees, _ = boost(table, y, 5, 4, 50)
    assert len(trees) == 4
    np.testing.assert_allclose(total(bins.unplaced(trees), X), model.decision_function(X), atol=1e-4)


def test_a_fifth_of_each_kind_is_held_out() -> None:
    y = np.arange(1_000) % 10 == 0
    seen, held = _parted(y, 3)
    assert np.array_equal(np.sort(np.concatenate([seen, held])), np.arange(1_000))
    assert (len(held), y[held].sum()) == (200, 20)
    assert not np.array_equal(held, _parted(y, 4)[1])


def test_columns_of_more_values_than_bins_are_cut_where_rows_are_many() -> None:
    g = np.random.default_rng(2)
    X = np.column_stack([np.floor(np.exp(g.normal(size=3_000)) * 1_000), g.integers(3, size=3_000)]).astype(float)
    y = g.random(3_000) < np.where(X[:, 0] > 1_000, 0.8, 0.2)
    bins = Bins.of(X)
    trees = bins.unplaced(boost(bins.place(X), y, 3, 40, 50)[0])
    thresholds = np.concatenate([t["threshold"][t["feature"] == 0] for t in trees])
    assert set(thresholds) <= set(X[:, 0])  # values of the column, not numbers of bins
    odds = total(trees, X)
    assert odds[X[:, 0] > 1_050].mean() - odds[X[:, 0] < 950].mean() > 1.5


def test_boosting_ends_at_the_tree_that_tells_held_out_rows_best() -> None:
    X, y = two_kinds(3_000, 3, 50)
    table = Bins.of(X).place(X)
    best, odds = boost(table[:, 600:], y[600:], 1, 200, 20, held=(table[:, :600], y[:600]))
    at = np.cumsum([CompiledTree(**tree)(table[:, :600].T.astype(float)) for tree in best], axis=0)
    losses = np.logaddexp(0, np.where(y[:600], -at, at)).mean(axis=1)
    assert len(best) < 200
    assert losses.argmin() == len(losses) - 1
    np.testing.assert_allclose(at[-1], odds)


def test_where_nothing_tells_there_is_no_tree_but_a_baseline() -> None:
    g = np.random.default_rng(4)
    X, y = g.integers(9, size=(4_000, 2)).astype(float), g.random(4_000) < 0.2
    assert len(boost(Bins.of(X).place(X), y, 1, 50, 200)[0]) < 9  # by chance a few
    none = np.zeros((2, 4_000), np.uint8)
    assert not boost(none, y, 1, 50, 200)[0]
    (only,), _ = boost(none[:, 500:], y[500:], 1, 50, 200, held=(none[:, :500], y[:500]))
    assert 1 / (1 + np.exp(-only["value"][only["feature"] < 0])) == pytest.approx(0.2, abs=0.05)


@given(arrays(np.float64, st.tuples(st.integers(1, 400), st.integers(1, 3)), elements=st.integers(-5, 900)),
       st.integers(2, 255))  # fmt: skip
def test_bins_keep_the_order_of_values(X: np.ndarray, most: int) -> None:
    bins = Bins.of(X, most)
    table = bins.place(X)
    for x, at, ends in zip(X.T, table, bins.ends, strict=True):
        order = np.argsort(x, kind="stable")
        assert (np.diff(at[order].astype(int)) >= 0).all()
        assert at.max() <= len(ends) < most
        if len(np.unique(x)) <= most:
            assert len(np.unique(at)) == len(np.unique(x))
        # A split of bins is the split of values at the end of the bin.
        for b, end in enumerate(ends):
            np.testing.assert_array_equal(at <= b, x <= end)
