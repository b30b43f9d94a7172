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

from seedstock.generators._bins import place
from seedstock.generators._stored_trees import Tree

Floats = NDArray[np.float64]
Places = list[NDArray[np.int64] | None]
"""Of each feature: how many of its thresholds are below each row's value, shape (n,); None where nothing asks."""

_CELLS = 1 << 17
"""Rows times trees that are worked on at a time: they stay in a processor's cache."""
_BITS = 30
"""Bits of a sum of values; a unit is small beside what a single tree tells."""
_FEWEST_ROWS = 64
_WIDTHS: dict[int, tuple[Any, int]] = {8: (np.uint8, 0x17), 16: (np.uint16, 0x09AF), 32: (np.uint32, 0x077CB531)}
"""Leaves of a tree at most -> the numbers whose bits they are, and a de Bruijn sequence of as many bits.

A power of two times the sequence shifts it, and its first bits then differ for each power (Leiserson, Prokop and
Randall 1998): the place of a lone bit without a search.
"""


@dataclass(frozen=True, eq=False)
class LeafMasks:
    """Trees of at most `_stored_trees.MOST_LEAVES` leaves over p features.

    Attributes
    ----------
    thresholds : list of p float64 ndarrays
        All thresholds of each feature, ascending.
    left_over : list of p ndarrays, shape (thresholds + 1, trees)
        The leaves that remain, as bits of 8, 16 or 32, for a value above so many thresholds.
    values : int32 ndarray, shape (trees, 8, 16 or 32)
        A tree's value by the hash of its leaf's bit, `_hash`, in units: whole numbers add up to the same everywhere.
    unit : float
        The least power of two for which no sum of all trees' values overflows.
    """

    thresholds: list[Floats]
    left_over: list[NDArray[Any]]
    values: NDArray[np.int32]
    unit: float

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
        most = max((len(leaves) for leaves, _ in walked), default=1)
        width = next(w for w in _WIDTHS if most <= w)
        dtype = _WIDTHS[width][0]
        every = int(np.iinfo(dtype).max)
        place = _hash(np.left_shift(1, np.arange(width)).astype(dtype))
        values = np.zeros((len(trees), width))
        tables = [np.full((len(at) + 1, len(trees)), every, dtype) for at in thresholds]
        for i, (tree, (leaves, lefts)) in enumerate(zip(trees, walked, strict=True)):
            values[i, place[: len(leaves)]] = tree["value"][leaves]
            for node, left in lefts.items():
                feature = int(tree["feature"][node])
                above = np.searchsorted(thresholds[feature], tree["threshold"][node]) + 1
                tables[feature][above, i] &= dtype(every & ~left)
        most = float(np.abs(values).max(axis=1).sum())
        unit = 2.0 ** np.ceil(np.log2(max(most, 1.0)) - _BITS)
        whole = np.round(values / unit).astype(np.int32)
        return cls(thresholds, [np.bitwise_and.accumulate(table, axis=0) for table in tables], whole, unit)

    def total(self, X: Floats) -> Floats:
        """Return the sum of all trees' values for each row of X, shape (n, p)."""
        return self.total_at(self.places(X), len(X))

    def places(self, X: Floats) -> Places:
        """Return where the first features' values X, shape (n, q), lie among their thresholds."""
        return [self.place(X[:, feature], feature) for feature in range(X.shape[1])]

    def place(self, x: NDArray[Any], feature: int) -> NDArray[np.int64] | None:
        """Return where one feature's values, shape (n,), lie among its thresholds."""
        return place(x, self.thresholds[feature]) if len(self.thresholds[feature]) else None

    def total_at(self, places: Places, n: int) -> Floats:
        """Return the sum of all trees' values for n rows whose features' places are known."""
        trees = self.values.shape[0]
        out = np.zeros(n)
        asked = [(table, at) for table, at in zip(self.left_over, places, strict=True) if at is not None]
        if not trees:
            return out
        values, dtype = self.values.ravel(), self.left_over[0].dtype
        first = np.arange(0, len(values), self.values.shape[1]).astype(np.uint16 if len(values) <= 1 << 16 else np.int64)
        rows = max(_FEWEST_ROWS, _CELLS // trees)
        for start in range(0, n, rows):
            block = slice(start, min(start + rows, n))
            left = np.full((block.stop - start, trees), np.iinfo(dtype).max, dtype)
            # All places are inside: what is looked up for "clip" is not checked once more.
            for table, at in asked:
                left &= table.take(at[block], axis=0, mode="clip")
            left &= -left
            out[block] = values.take(_hash(left) + first, mode="clip").sum(axis=1, dtype=np.int32)
        return out * self.unit


def _hash(bit: NDArray[Any]) -> NDArray[Any]:
    """Return a number of its own, below the type's bits, for each power of two of uint8, uint16 or uint32.

    >>> sorted(_hash(np.left_shift(1, np.arange(16)).astype(np.uint16)).tolist()) == list(range(16))
    True
    """
    width = 8 * bit.itemsize
    dtype, sequence = _WIDTHS[width]
    return bit * dtype(sequence) >> dtype(width - width.bit_length() + 1)


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
