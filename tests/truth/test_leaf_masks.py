"""Trees looked up all at once, against a literal walk down each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedstock.core.errors import InputError
from seedstock.generators._compiled import CompiledTree
from seedstock.generators._leaf_masks import LeafMasks
from seedstock.generators._stored_trees import MOST_LEAVES, Tree, joined, parted


def random_tree(leaves: int, g: np.random.Generator, features: int) -> dict[str, np.ndarray]:
    """Split a random leaf until there are so many."""
    n = 2 * leaves - 1
    tree = {
        "feature": np.full(n, -1, np.int32), "threshold": np.zeros(n), "left": np.zeros(n, np.int32),
        "right": np.zeros(n, np.int32), "value": g.normal(size=n),
    }  # fmt: skip
    open_, used = [0], 1
    while used < n:
        node = open_.pop(g.integers(len(open_)))
        tree["feature"][node], tree["threshold"][node] = g.integers(features), g.integers(6)
        tree["left"][node], tree["right"][node] = used, used + 1
        open_ += [used, used + 1]
        used += 2
    return tree


def walk(tree: Tree, x: np.ndarray) -> float:
    node = 0
    while tree["feature"][node] >= 0:
        goes_left = x[tree["feature"][node]] <= tree["threshold"][node]
        node = tree["left"][node] if goes_left else tree["right"][node]
    return float(tree["value"][node])


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32), most=st.integers(1, MOST_LEAVES), trees=st.integers(1, 9), rows=st.integers(0, 200),
    codes=st.booleans(),
)  # fmt: skip
def test_as_a_literal_walk(seed: int, most: int, trees: int, rows: int, codes: bool) -> None:
    g = np.random.default_rng(seed)
    grown = [random_tree(int(g.integers(1, most + 1)), g, 4) for _ in range(trees)]
    # Values on the thresholds, between them and beyond them, and none at all; codes are looked up once each.
    values = np.arange(8.0) if codes else [*np.arange(-1, 7, 0.5), np.nan, np.inf, -np.inf]
    X = g.choice(values, size=(rows, 4))
    expected = [sum(walk(tree, x) for tree in grown) for x in X]
    np.testing.assert_allclose(LeafMasks.of(grown, 4).total(X), expected, atol=1e-6)


def test_compiled_trees_do_as_a_literal_walk() -> None:
    g = np.random.default_rng(2)
    X = g.choice(np.arange(-1, 7, 0.5), size=(200, 3))
    for tree in (random_tree(leaves, g, 3) for leaves in (1, 2, 16, 32)):
        np.testing.assert_array_equal(CompiledTree(**tree)(X), [walk(tree, x) for x in X])


def test_sums_are_exact_in_any_order_and_never_overflow() -> None:
    g = np.random.default_rng(4)
    grown = [random_tree(12, g, 3) for _ in range(40)]
    X = g.integers(0, 8, size=(500, 3)).astype(float)
    np.testing.assert_array_equal(LeafMasks.of(grown, 3).total(X), LeafMasks.of(grown[::-1], 3).total(X))
    huge = [{**tree, "value": tree["value"] * 1e9} for tree in grown]
    np.testing.assert_allclose(LeafMasks.of(huge, 3).total(X), 1e9 * LeafMasks.of(grown, 3).total(X), atol=1e4)


def test_groups_share_their_places() -> None:
    g = np.random.default_rng(1)
    groups = [[random_tree(size, g, 3) for size in sizes] for sizes in ((5, 8), (24, 32, 2), ())]
    X = g.integers(-1, 8, size=(1_000, 3)).astype(float)
    beside = LeafMasks.side_by_side(groups, 3)
    places = beside[0].places(X[:, :-1])
    for masks, trees in zip(beside, groups, strict=True):
        np.testing.assert_allclose(masks.total_at(places, X[:, -1]), LeafMasks.of(trees, 3).total(X), atol=1e-6)


@pytest.mark.parametrize("how", ["two parents", "too many leaves", "backwards", "no number", "beyond all sums"])
def test_a_damaged_tree_is_refused(how: str) -> None:
    tree = random_tree(MOST_LEAVES + (how == "too many leaves"), np.random.default_rng(2), 3)
    inner = np.flatnonzero(tree["feature"] >= 0)
    if how == "two parents":
        tree["right"][inner[0]] = tree["left"][inner[0]]
    elif how == "backwards":
        tree["left"][inner[-1]] = 0
    elif how == "no number":
        tree["value"][0] = np.nan
    elif how == "beyond all sums":
        tree["value"][0] = 1e308
    with pytest.raises(InputError, match="damaged"):
        parted(*joined([tree]), 3)
