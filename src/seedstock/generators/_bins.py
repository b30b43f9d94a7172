"""Values put into at most 256 bins a feature: once for all the trees that are grown over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.generators._stored_trees import Tree

Floats = NDArray[np.float64]
Binned = NDArray[np.uint8]
"""Bins of n rows' values of p features, shape (p, n)."""


@dataclass(frozen=True, eq=False)
class Bins:
    """Ends of each feature's bins; a value lies in the first bin whose end it does not exceed, the last has none.

    Attributes
    ----------
    ends : tuple of p float64 ndarrays
        Ascending.
    """

    ends: tuple[Floats, ...]

    @classmethod
    def of(cls, X: NDArray[Any], most: int = 255) -> Self:
        """Find bins for the columns of X, shape (n, p): a bin a value, or bins of like numbers of rows."""
        return cls(tuple(_ends(X[:, j], most) for j in range(X.shape[1])))

    def place(self, X: NDArray[Any]) -> Binned:
        """Return the bins of the columns of X, shape (n, p)."""
        out = np.empty(X.shape[::-1], np.uint8)
        for j, ends in enumerate(self.ends):
            out[j] = place(X[:, j], ends)
        return out

    def unplaced(self, trees: Sequence[Tree]) -> list[Tree]:
        """Return trees that ask for bins as trees that ask for values."""
        out = []
        for tree in trees:
            threshold = np.zeros(len(tree["threshold"]))
            for node in np.flatnonzero(tree["feature"] >= 0):
                threshold[node] = self.ends[tree["feature"][node]][int(tree["threshold"][node])]
            out.append({**tree, "threshold": threshold})
        return out


def place(x: NDArray[Any], ends: Floats) -> NDArray[np.int64]:
    """Return how many of the ends are below each value, shape (n,)."""
    if len(x) and x.min() >= 0 and x.max() < len(x) and ((whole := x.astype(np.int64)) == x).all():
        # Codes are looked up once each, not once a row.
        return np.searchsorted(ends, np.arange(whole.max() + 1), side="left")[whole]
    return np.searchsorted(ends, x, side="left")


def _ends(x: NDArray[Any], most: int) -> Floats:
    """Return the ends of one feature's bins.

    >>> _ends(np.array([3.0, 1.0, 1.0, 7.0]), 255).tolist()
    [2.0, 5.0]
    """
    ordered = np.sort(x)
    new = np.flatnonzero(np.diff(ordered) > 0)
    if len(new) < most:
        return (ordered[new] + ordered[new + 1]) / 2
    return np.unique(ordered[np.arange(1, most) * len(x) // most]).astype(float)
