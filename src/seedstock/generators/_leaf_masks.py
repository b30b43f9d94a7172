"""The sum of many small trees, found for all of them at once instead of walking down each.

Each node that a row fails rules out the leaves on its left; what is left after all nodes is known by its lowest
bit, the leaf that a walk would have reached (Lucchese et al. 2015, QuickScorer, section 3). Which leaves a value of
one feature rules out is looked up for all trees together, so that a row costs one lookup a feature; features with few
thresholds share one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.generators._bins import place
from seedstock.generators._stored_trees import Tree

Floats = NDArray[np.float64]
Places = list[NDArray[np.int64]]
"""Of each group of features: which of its places each row has, shape (n,)."""

_CELLS = 1 << 17
"""Rows times trees that are worked on at a time: they stay in a processor's cache."""
_TOGETHER = 512
"""Places of features that are looked up together, at most."""
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
    groups : list of lists of int
        Features that are looked up together; the last feature stands apart, for it may be known later.
    left_over : list of ndarrays, shape (places, trees)
        Of each group, and then of the last feature: the leaves that remain, as bits of 8, 16 or 32, for each place
        among the thresholds.
    values : int32 ndarray, shape (trees, 8, 16 or 32)
        A tree's value by the hash of its leaf's bit, `_hash`, in units: whole numbers add up to the same everywhere.
    unit : float
        The least power of two for which no sum of all trees' values overflows.
    """

    thresholds: list[Floats]
    groups: list[list[int]]
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
        tables = [np.bitwise_and.accumulate(table, axis=0) for table in tables]
        groups = _groups([len(at) for at in thresholds[:-1]])
        left_over = [reduce(_both, [tables[f] for f in group]) for group in groups]
        unit = 2.0 ** np.ceil(np.log2(max(float(np.abs(values).max(axis=1).sum()), 1.0)) - _BITS)
        return cls(thresholds, groups, [*left_over, tables[-1]], np.round(values / unit).astype(np.int32), unit)

    def total(self, X: NDArray[Any]) -> Floats:
        """Return the sum of all trees' values for each row of X, shape (n, p)."""
        return self.total_at(self.places(X), X[:, -1])

    def places(self, X: NDArray[Any]) -> Places:
        """Return where the values of all features but the last, the first columns of X, lie among their thresholds."""
        out = []
        for group in self.groups:
            at = place(X[:, group[0]], self.thresholds[group[0]])
            for feature in group[1:]:
                at = at * (len(self.thresholds[feature]) + 1) + place(X[:, feature], self.thresholds[feature])
            out.append(at)
        return out

    def total_at(self, places: Places, last: NDArray[Any]) -> Floats:
        """Return the sum of all trees' values for n rows by their places and the values of the last feature."""
        trees, n = len(self.values), len(last)
        out = np.zeros(n)
        if not trees:
            return out
        asked = list(zip(self.left_over, [*places, place(last, self.thresholds[-1])], strict=True))
        values = self.values.ravel()
        small = np.uint16 if len(values) <= 1 << 16 else np.int64
        first = np.arange(0, len(values), self.values.shape[1]).astype(small)
        rows = max(_FEWEST_ROWS, _CELLS // trees)
        for start in range(0, n, rows):
            block = slice(start, min(start + rows, n))
            # All places are inside: what is looked up for "clip" is not checked once more.
            left = asked[0][0].take(asked[0][1][block], axis=0, mode="clip")
            for table, at in asked[1:]:
                left &= table.take(at[block], axis=0, mode="clip")
            left &= -left
            out[block] = values.take(_hash(left) + first, mode="clip").sum(axis=1, dtype=np.int32)
        return out * self.unit


def _groups(thresholds: Sequence[int]) -> list[list[int]]:
    """Return groups of features that have few places together, by how many thresholds each has; some have none.

    >>> _groups([1, 0, 300, 20, 20])
    [[0, 3], [4], [2]]
    """
    out: list[list[int]] = []
    size = _TOGETHER
    for feature in np.argsort(thresholds, kind="stable").tolist():
        if not thresholds[feature]:
            continue
        size *= thresholds[feature] + 1
        if size <= _TOGETHER:
            out[-1].append(feature)
        else:
            out.append([feature])
            size = thresholds[feature] + 1
    return out


def _both(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return what is left over for each place in one table with each in another."""
    both: NDArray[Any] = (one[:, None] & other[None]).reshape(len(one) * len(other), one.shape[1])
    return both


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
