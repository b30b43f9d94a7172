"""The sum of many small trees, found for all of them at once instead of walking down each.

Each node that a row fails rules out the leaves on its left; what is left after all nodes is known by its lowest
bit, the leaf that a walk would have reached (Lucchese et al. 2015, QuickScorer, section 3). Which leaves a value of
one feature rules out is looked up for all trees together, so that a row costs one lookup a feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.generators._stored_trees import MOST_LEAVES, Tree

Floats = NDArray[np.float64]
Places = list[NDArray[np.int64] | None]
"""Of each feature: how many of its thresholds are below each row's value, shape (n,); None where nothing asks."""

_CELLS = 1 << 16
"""Rows times trees that are worked on at a time: they stay in a processor's cache."""
_FEWEST_ROWS = 64
_BYTE = 8
_FLOAT_ONE, _FLOAT_SHIFT = 127, 23
"""A float32 writes a power of two as the power and 127, above 23 bits."""


@dataclass(frozen=True, eq=False)
class LeafMasks:
    """Trees of at most `MOST_LEAVES` leaves over p features.

    Attributes
    ----------
    thresholds : list of p float64 ndarrays
        All thresholds of each feature, ascending.
    left_over : list of p ndarrays, shape (thresholds + 1, trees)
        The leaves that remain, as bits of uint8 or uint32, for a value above so many thresholds.
    values : float64 ndarray, shape (trees, 256 or 32)
        A tree's value by all that remains (uint8), or by its leaf's number (uint32).
    """

    thresholds: list[Floats]
    left_over: list[NDArray[Any]]
    values: Floats

    @classmethod
    def of(cls, trees: Sequence[Tree], n_features: int) -> Self:
        """Make the lookups of checked trees."""
        return cls._with(trees, _thresholds(trees, n_features))

    @classmethod
    def side_by_side(cls, groups: Sequence[Sequence[Tree]], n_features: int) -> list[Self]:
        """Make the lookups of groups of trees that are asked about the same rows, whose places they share."""
        thresholds = _thresholds([tree for trees in groups for tree in trees], n_features)
        return [cls._with(trees, thresholds) for trees in groups]

    @classmethod
    def _with(cls, trees: Sequence[Tree], thresholds: list[Floats]) -> Self:
        walked = [_walk(tree) for tree in trees]
        small = max((len(leaves) for leaves, _ in walked), default=1) <= _BYTE
        dtype: Any = np.uint8 if small else np.uint32
        every = int(np.iinfo(dtype).max)
        values = np.zeros((len(trees), every + 1 if small else MOST_LEAVES))
        tables = [np.full((len(at) + 1, len(trees)), every, dtype) for at in thresholds]
        for i, (tree, (leaves, lefts)) in enumerate(zip(trees, walked, strict=True)):
            own = tree["value"][leaves]
            values[i] = own[_lowest_bit(len(own))] if small else np.resize(own, MOST_LEAVES)
            for node, left in lefts.items():
                feature = int(tree["feature"][node])
                above = np.searchsorted(thresholds[feature], tree["threshold"][node]) + 1
                tables[feature][above, i] &= dtype(every & ~left)
        return cls(thresholds, [np.bitwise_and.accumulate(table, axis=0) for table in tables], values)

    def total(self, X: Floats) -> Floats:
        """Return the sum of all trees' values for each row of X, shape (n, p)."""
        return self.total_at(self.places(X), len(X))

    def places(self, X: Floats) -> Places:
        """Return where the first features' values X, shape (n, q), lie among their thresholds."""
        return [self.place(X[:, feature], feature) for feature in range(X.shape[1])]

    def place(self, x: NDArray[Any], feature: int) -> NDArray[np.int64] | None:
        """Return where one feature's values, shape (n,), lie among its thresholds."""
        at = self.thresholds[feature]
        return np.searchsorted(at, x, side="left") if len(at) else None

    def total_at(self, places: Places, n: int) -> Floats:
        """Return the sum of all trees' values for n rows whose features' places are known."""
        trees, width = self.values.shape
        out = np.zeros(n)
        values, first = self.values.ravel(), np.arange(trees) * width
        asked = [(table, place) for table, place in zip(self.left_over, places, strict=True) if place is not None]
        every = np.full(trees, np.iinfo(self.left_over[0].dtype).max, self.left_over[0].dtype)
        rows = max(_FEWEST_ROWS, _CELLS // max(trees, 1))
        for start in range(0, n, rows):
            block = slice(start, min(start + rows, n))
            left = np.tile(every, (block.stop - start, 1))
            for table, place in asked:
                left &= table.take(place[block], axis=0)
            out[block] = values.take((left if left.itemsize == 1 else _lowest(left)) + first).sum(axis=1)
        return out


def _lowest(bits: NDArray[np.uint32]) -> NDArray[np.int32]:
    """Return the place of each number's lowest bit.

    >>> _lowest(np.array([1, 6, 1 << 31], np.uint32)).tolist()
    [0, 1, 31]
    """
    power = (bits & (~bits + np.uint32(1))).astype(np.float32)
    return (power.view(np.int32) >> _FLOAT_SHIFT) - _FLOAT_ONE


def _lowest_bit(leaves: int) -> NDArray[np.int64]:
    """Return the place of the lowest bit, below `leaves`, of each number of a byte; 0 where there is none."""
    at: NDArray[np.int64] = (np.arange(1 << _BYTE)[:, None] >> np.arange(leaves) & 1).argmax(axis=1)
    return at


def _thresholds(trees: Sequence[Tree], n_features: int) -> list[Floats]:
    """Return what the trees compare each feature with, ascending."""
    feature = np.concatenate([np.empty(0, np.int32), *(t["feature"] for t in trees)])
    threshold = np.concatenate([np.empty(0), *(t["threshold"] for t in trees)])
    return [np.unique(threshold[feature == f]) for f in range(n_features)]


def _walk(tree: Tree) -> tuple[list[int], dict[int, int]]:
    """Return a tree's leaves from left to right, and the leaves on the left of each inner node, as bits."""
    leaves: list[int] = []
    lefts: dict[int, int] = {}
    feature, left, right = tree["feature"].tolist(), tree["left"].tolist(), tree["right"].tolist()
    todo: list[tuple[int, int | None]] = [(0, None)]
    while todo:
        node, before = todo.pop()
        if before is not None:  # its left side has been walked
            lefts[node] = (1 << len(leaves)) - (1 << before)
            todo.append((right[node], None))
        elif feature[node] >= 0:
            todo += [(node, len(leaves)), (left[node], None)]
        else:
            leaves.append(node)
    return leaves, lefts
