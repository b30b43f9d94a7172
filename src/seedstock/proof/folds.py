"""Folds of few rows: stratified by class, or by the rank of a number."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.proof.task import Target

Rows = NDArray[np.int64]


def folds(Y: NDArray[np.float64], target: Target, k: int, rng: Rng) -> Iterator[tuple[Rows, Rows]]:
    """Yield (train, test) row numbers of k folds; each class, and each stretch of a number, is dealt out evenly.

    >>> one_hot = np.eye(2)[[0] * 6 + [1] * 3]
    >>> [one_hot[test].sum(0).tolist() for _, test in folds(one_hot, Target("y", ("a", "b")), 3, Rng(0))]
    [[2.0, 1.0], [2.0, 1.0], [2.0, 1.0]]
    """
    n = len(Y)
    g = rng.generator()
    shuffled = g.permutation(n)
    key = Y[shuffled, 0] if target.is_number else Y[shuffled].argmax(1)
    order = shuffled[np.argsort(key, kind="stable")]
    fold = np.empty(n, np.int64)
    fold[order] = np.arange(n) % min(k, n)
    for j in range(min(k, n)):
        yield np.flatnonzero(fold != j), np.flatnonzero(fold == j)
