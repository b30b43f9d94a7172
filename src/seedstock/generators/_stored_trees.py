"""Trees as flat arrays: joined for a saved model, parted and checked on the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError

Tree = Mapping[str, NDArray[Any]]
"""Arrays of nodes: feature (-1 in leaves), threshold, left, right, value."""

MOST_LEAVES = 32
"""Leaves of a boosted tree at most: as many as a number has bits."""
_FAR = 1e9
"""Beyond any sum of log odds."""

_PARTS = {"feature": np.int32, "threshold": np.float64, "left": np.int32, "right": np.int32, "value": np.float64}


def joined(trees: Sequence[Tree]) -> tuple[dict[str, NDArray[Any]], list[int]]:
    """Return the arrays of all trees end to end, and how many nodes each has.

    Examples
    --------
    >>> leaf = {"feature": np.array([-1]), "threshold": np.zeros(1), "left": np.array([0]), "right": np.array([0])}
    >>> arrays, sizes = joined([leaf | {"value": np.array([0.5])}, leaf | {"value": np.array([0.25])}])
    >>> sizes, arrays["value"].tolist(), [t["value"].tolist() for t in parted(arrays, sizes, 1)]
    ([1, 1], [0.5, 0.25], [[0.5], [0.25]])
    """
    if not trees:
        return {}, []
    return {part: np.concatenate([t[part] for t in trees]) for part in _PARTS}, [len(t["feature"]) for t in trees]


def parted(arrays: Mapping[str, NDArray[Any]], sizes: Sequence[int], n_features: int) -> tuple[Tree, ...]:
    """Return the trees again; every index is checked, for compiled code will follow it.

    Raises
    ------
    InputError
        If a tree points outside itself or at a feature that is not there, or a value is none that trees have.
    """
    ends = np.cumsum(sizes).astype(int).tolist()
    trees = []
    for start, end in zip([0, *ends], ends, strict=False):
        tree = {part: np.asarray(arrays[part][start:end], dtype) for part, dtype in _PARTS.items()}
        n, inner = end - start, tree["feature"] >= 0
        own, below = np.flatnonzero(inner), np.concatenate([tree["left"][inner], tree["right"][inner]])
        fits = (
            n > 0
            and all(len(a) == n for a in tree.values())
            and (tree["feature"] < n_features).all()
            # Children come after their parents, which rules out circles, and have but one.
            and all(((tree[s][inner] > own) & (tree[s][inner] < n)).all() for s in ("left", "right"))
            and len(np.unique(below)) == len(below)
            and n - len(own) <= MOST_LEAVES
            and (np.abs(tree["value"]) < _FAR).all()
        )
        if not fits:
            raise InputError(
                "this model is damaged: its boosted trees point outside themselves or hold no log odds; fit it again"
            )
        trees.append(tree)
    return tuple(trees)
