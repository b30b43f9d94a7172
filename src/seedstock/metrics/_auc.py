"""Area under the ROC curve: ranks, intervals, resampling, and the true positives at few false ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def auc(scores: Floats, positive: Bools) -> float:
    """Return the probability that a positive outscores a negative, ties counted half; NaN with one class.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if not n0 or not n1:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - n1 * (n1 + 1) / 2) / (n0 * n1))


def auc_interval(scores: Floats, positive: Bools) -> tuple[float, float] | None:
    """Return the 95 % interval of `auc` by DeLong's variance (DeLong et al. 1988; Sun and Xu 2014)."""
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if n0 < 2 or n1 < 2:
        return None
    ranks = rankdata(scores)
    within_positive = rankdata(scores[positive])
    within_negative = rankdata(scores[~positive])
    v10 = (ranks[positive] - within_positive) / n0
    v01 = 1 - (ranks[~positive] - within_negative) / n1
    value = float(v10.mean())
    half = 1.96 * float(np.sqrt(v10.var(ddof=1) / n1 + v01.var(ddof=1) / n0))
    return max(0.0, value - half), min(1.0, value + half)


def null_half_width(n0: int, n1: int) -> float:
    """Return 1.96 standard deviations of the AUC of scores that know nothing, of n0 negatives and n1 positives."""
    if n0 < 1 or n1 < 1:
        return 0.5
    return float(min(0.5, 1.96 * np.sqrt((n0 + n1 + 1) / (12 * n0 * n1))))


def resampled_auc(scores: Floats, positive: Bools, weights: Floats) -> Floats:
    """Return the AUC under each row of resampling weights, shape (b,).

    Parameters
    ----------
    scores : ndarray, shape (n,)
    positive : bool ndarray, shape (n,)
    weights : ndarray, shape (b, n)
        How often each row was drawn in each resample.
    """
    order = np.argsort(scores, kind="stable")
    s = scores[order]
    w = weights[:, order]
    up = np.where(positive[order], w, 0.0)
    down = w - up
    starts = np.flatnonzero(np.r_[True, s[1:] != s[:-1]])
    up = np.add.reduceat(up, starts, axis=1)
    down = np.add.reduceat(down, starts, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    total = up.sum(1) * down.sum(1)
    out: Floats = np.divide((up * below).sum(1), total, out=np.full(len(w), np.nan), where=total > 0)
    return out


def true_positives_at(scores: Floats, positive: Bools, false_positives: float = 0.01) -> float:
    """Return the true positive rate at a false positive rate, straight lines between the ROC curve's points.

    >>> true_positives_at(np.zeros(200), np.arange(200) < 100)
    0.01
    """
    n1 = int(positive.sum())
    n0 = len(positive) - n1
    if not n0 or not n1:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    s = scores[order]
    ends = np.flatnonzero(np.r_[s[1:] != s[:-1], True])
    tp = np.r_[0, np.cumsum(positive[order])[ends]] / n1
    fp = np.r_[0, np.cumsum(~positive[order])[ends]] / n0
    # At equal false positives the last point is the highest.
    last = np.r_[fp[1:] != fp[:-1], True]
    return float(np.interp(false_positives, fp[last], tp[last]))


def bootstrap_weights(n: int, resamples: int, generator: np.random.Generator) -> Floats:
    """Return how often each of n rows is drawn in each resample of n, shape (resamples, n)."""
    draws = generator.integers(0, max(n, 1), (resamples, n)) + np.arange(resamples)[:, None] * n
    return np.bincount(draws.reshape(-1), minlength=resamples * n).reshape(resamples, n).astype(np.float64)


def percentile_interval(values: Floats) -> tuple[float, float] | None:
    """Return the central 95 % of resampled values; None where fewer than ten are known."""
    known = values[np.isfinite(values)]
    if len(known) < 10:
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
