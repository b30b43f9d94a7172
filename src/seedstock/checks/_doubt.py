"""`doubt`: are labels wrong where predictions contradict them, or do the features not tell the classes apart?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
_MOST = 0.85
"""A prediction that contradicts a label is itself wrong now and then."""
_USUAL = 0.9
"""Sure contradictions among right labels, in units of the squared share of all contradictions."""
_EXCESS = (0.004, 0.010)
_SHARE = (0.16, 0.22)
_SKILL = (0.68, 0.76)


def doubt(probabilities: Matrix, labels: NDArray[np.int64]) -> float:
    """Return how far labels are to be taken for wrong where calibrated predictions contradict them, 0 to 1.

    Mistakes that follow the row rather than its class, as people's do, leave no trace in calibrated probabilities: a
    label of 30 % may be a rare truth or a common mistake. What speaks for mistakes is that the classes are told apart
    well, that few labels are contradicted, and that more of these than usual are contradicted by predictions as sure
    as those of the other class are on average. Where a fifth of the labels is contradicted, the features are in doubt.

    Parameters
    ----------
    probabilities : float64 ndarray, shape (n, k)
    labels : int64 ndarray, shape (n,)
        The given ones.

    Notes
    -----
    Source: the confident joint of Northcutt, Jiang and Chuang, Confident learning (2021). The three thresholds are
    judgement, set on made mixtures and on digits with planted mistakes: see benchmarks/contamination.

    Examples
    --------
    >>> p = np.tile(0.01 + 0.9 * np.eye(10), (30, 1))
    >>> y = np.tile(np.arange(10), 30)
    >>> doubt(p, y)
    0.0
    >>> y[::11] = (y[::11] + 1) % 10
    >>> doubt(p, y)
    0.85
    """
    n, k = probabilities.shape
    if not n:
        return 0.0
    rows = np.arange(n)
    contradicted = float((probabilities.argmax(1) != labels).mean())
    average = np.array([probabilities[labels == j, j].mean() if (labels == j).any() else 1.0 for j in range(k)])
    sure = np.where(probabilities >= average, probabilities, -1.0)
    surely = float(((sure.max(1) >= 0) & (sure.argmax(1) != labels)).mean())
    popular = (np.bincount(labels, minlength=k) + 0.5) / (n + 0.5 * k)
    loss = -np.log(np.maximum(probabilities[rows, labels], 1e-9)).mean()
    skill = 1.0 - float(loss / max(-np.log(popular[labels]).mean(), 1e-12))
    excess = _rise(surely - _USUAL * contradicted**2, *_EXCESS)
    return _MOST * excess * (1.0 - _rise(contradicted, *_SHARE)) * _rise(skill, *_SKILL)


def _rise(x: float, low: float, high: float) -> float:
    """Return 0 below `low`, 1 above `high`, and a straight line between."""
    return float(np.clip((x - low) / (high - low), 0.0, 1.0))
