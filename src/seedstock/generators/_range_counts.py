"""How many codes below a bound stand in a stretch of an array, and which is the i-th smallest of them.

A wavelet matrix (Claude, Navarro and Ordóñez 2015, section 3): both answers take one step a bit of the codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class RangeCounts:
    """Answers about stretches of an array of codes, for arrays of questions of shape (n,).

    Examples
    --------
    >>> counts = RangeCounts(np.array([3, 1, 2, 3, 0]))
    >>> start, end = np.array([0, 1]), np.array([3, 5])
    >>> counts.below(np.array([3, 3]), start, end).tolist()
    [2, 3]
    >>> counts.smallest(np.array([0, 3]), start, end).tolist()
    [1, 3]
    """

    def __init__(self, codes: NDArray[Any]) -> None:
        self._bits = max(int(codes.max(initial=0)).bit_length(), 1)
        self._zeros: list[NDArray[np.int32]] = []
        level = np.asarray(codes, np.int32)
        for bit in range(self._bits - 1, -1, -1):
            zero = (level >> bit & 1) == 0
            self._zeros.append(np.concatenate([[0], np.cumsum(zero)]).astype(np.int32))
            level = np.concatenate([level[zero], level[~zero]])

    def below(self, bound: Ints, start: NDArray[Any], end: NDArray[Any]) -> Ints:
        """Return how many of the codes at places start..end-1 are smaller than the bound."""
        start, end = start.astype(np.int64), end.astype(np.int64)
        everything = bound >= 1 << self._bits
        out, size = np.zeros(len(bound), np.int64), end - start
        for i, zeros in enumerate(self._zeros):
            one = (bound >> (self._bits - 1 - i) & 1) == 1
            first, last, total = zeros[start].astype(np.int64), zeros[end].astype(np.int64), int(zeros[-1])
            out += np.where(one, last - first, 0)
            start, end = np.where(one, total + start - first, first), np.where(one, total + end - last, last)
        return np.where(everything, size, np.where(bound <= 0, 0, out))

    def smallest(self, rank: Ints, start: NDArray[Any], end: NDArray[Any]) -> Ints:
        """Return the code of that rank (0 is the smallest) among those at places start..end-1."""
        start, end = start.astype(np.int64), end.astype(np.int64)
        out = np.zeros(len(rank), np.int64)
        for i, zeros in enumerate(self._zeros):
            first, last, total = zeros[start].astype(np.int64), zeros[end].astype(np.int64), int(zeros[-1])
            one = rank >= last - first
            rank = np.where(one, rank - (last - first), rank)
            out |= one.astype(np.int64) << (self._bits - 1 - i)
            start, end = np.where(one, total + start - first, first), np.where(one, total + end - last, last)
        return out
