"""Random numbers that are spread evenly over rows: drawn shares then come nearer to the learned ones than by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_GOLDEN = (5**0.5 - 1) / 2
"""Its multiples fill the unit interval with the smallest gaps of all (Kronecker sequence)."""

_SMALL = 1 << 16
"""Keys below it are put in order digit by digit."""

_CELLS = 6
"""Cells of a grid along each column."""


def even(order: NDArray[np.int64], g: np.random.Generator) -> NDArray[np.float64]:
    """Return numbers between 0 and 1, shape (n,), for rows in an order, shape (n,).

    Each number alone is uniform. Those of any stretch of the order, long or short, lie evenly: systematic sampling
    with a random start (Cranley and Patterson 1976) along a golden-ratio sequence, so that what equal rows draw
    comes in its exact shares, up to one or two rows.

    Examples
    --------
    >>> u = even(np.arange(1000), np.random.default_rng(0))
    >>> bool(np.abs(np.sort(u) - (np.arange(1000) + 0.5) / 1000).max() < 0.003)
    True
    """
    u = np.empty(len(order))
    u[order] = (g.random() + _GOLDEN * np.arange(len(order))) % 1.0
    return u


def in_order(keys: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return the order of keys of 0 or more, shape (n,), equal ones as they come; faster than a stable argsort.

    >>> in_order(np.array([2, 0, 2, 1])).tolist()
    [1, 3, 0, 2]
    """
    if keys.max(initial=0) < _SMALL:
        return np.argsort(keys.astype(np.uint16), kind="stable")
    n = max(len(keys), 1)
    both = keys.astype(np.int64) * n + np.arange(len(keys))
    both.sort()
    both %= n
    return both


def dealt(k: int, n: int, g: np.random.Generator) -> NDArray[np.int64]:
    """Return n numbers below k in random order, each as often as the others up to one.

    >>> np.sort(np.bincount(dealt(3, 7, np.random.default_rng(0)))).tolist()
    [2, 2, 3]
    """
    return (g.permutation(n) + g.integers(k)) % k


def kept(probability: NDArray[np.float64], order: NDArray[np.int64], g: np.random.Generator) -> NDArray[np.bool_]:
    """Return which rows are kept, each with its probability, shape (n,): systematic sampling along an order.

    Of the rows of any stretch of the order, as many are kept as their probabilities add up to, up to one
    (Madow 1949).

    Examples
    --------
    >>> keep = kept(np.full(1000, 0.25), np.arange(1000), np.random.default_rng(0))
    >>> keep.reshape(10, 100).sum(axis=1).tolist()
    [25, 25, 25, 25, 25, 25, 25, 25, 25, 25]
    """
    ends = np.floor(np.cumsum(probability[order]) + g.random())
    out = np.empty(len(order), bool)
    out[order] = np.diff(ends, prepend=0.0) > 0
    return out


def likeness(columns: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return an order of rows, shape (n,), in which like rows stand together: cells of a grid over some columns."""
    cell = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        counts = np.cumsum(np.bincount(column))
        cell = cell * _CELLS + ((counts - 1) * _CELLS // counts[-1])[column]
    return in_order(cell * (int(columns[-1].max()) + 1) + columns[-1])
