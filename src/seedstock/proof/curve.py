"""The learning curve of real rows, and how many real rows a score is worth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

from seedstock.core.rng import Rng

SIZES = (20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)


def sizes_up_to(n: int) -> list[int]:
    """Return the sizes of the nested subsets of n rows, n itself at the end.

    >>> sizes_up_to(260)
    [20, 50, 100, 200, 260]
    """
    below = [s for s in SIZES if s < n / 1.2]
    return [*below, min(n, SIZES[-1])] if not below or below[-1] != SIZES[-1] else below


def real_equivalent(curve: Mapping[int, NDArray[np.float64]], score: float) -> float:
    """Return the number of real rows whose mean score is as good, by the monotone curve through the measured sizes.

    Between sizes the curve is taken as linear in the logarithm of the rows; what lies beyond its ends gets its ends.

    Parameters
    ----------
    curve : mapping of int to ndarray, shape (seeds,)
        Rows -> scores of real rows alone, higher is better.
    score : float

    Examples
    --------
    >>> real_equivalent({100: np.array([0.6]), 400: np.array([0.8])}, 0.7)
    200.0
    """
    sizes = np.array(sorted(curve), float)
    means = np.array([curve[int(s)].mean() for s in sizes])
    rising = IsotonicRegression().fit_transform(np.log(sizes), means)
    if score <= rising[0]:
        return float(sizes[0])
    if score > rising[-1]:
        return float(sizes[-1])
    k = int(np.searchsorted(rising, score, "left"))
    low, high = rising[k - 1], rising[k]
    t = (score - low) / (high - low)
    return float(np.round(np.exp((1 - t) * np.log(sizes[k - 1]) + t * np.log(sizes[k])), 6))


def gap_closed(
    real: NDArray[np.float64], arm: NDArray[np.float64], many: NDArray[np.float64], rng: Rng, resamples: int = 400
) -> tuple[float, tuple[float, float]]:
    """Return the share of the gap between few and many real rows that an arm closes, and its 90 % interval.

    The ratio of the summed gains, over runs, sizes or data sets in any mixture: a single small gap cannot blow it up.
    NaN where many rows are no better than few.

    Parameters
    ----------
    real, arm, many : ndarrays, shape (runs,)
        Scores of few real rows alone, with the extra rows, and of many real rows, of the same runs.
    """
    gain, gap = arm - real, many - real
    if gap.sum() <= 0:
        return float("nan"), (float("nan"), float("nan"))
    g = rng.generator()
    picks = g.integers(len(gain), size=(resamples, len(gain)))
    below = np.maximum(gap[picks].sum(1), 0.1 * gap.sum())
    low, high = np.quantile(gain[picks].sum(1) / below, [0.05, 0.95])
    return float(gain.sum() / gap.sum()), (float(low), float(high))
