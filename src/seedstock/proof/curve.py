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


def real_equivalent(curve: Mapping[int, NDArray[np.float64]], n: int, gain: float) -> float:
    """Return the number of real rows alone that are as good as n of them and a gain, by the monotone curve of means.

    No gain is worth n rows, however flat the curve is there. Between sizes the curve is taken as linear in the
    logarithm of the rows; what lies beyond its ends gets its ends.

    Parameters
    ----------
    curve : mapping of int to ndarray, shape (seeds,)
        Rows -> scores of real rows alone, higher is better; n is among them.
    n : int
    gain : float
        In units of the score, over n real rows alone.

    Examples
    --------
    >>> curve = {100: np.array([0.6]), 400: np.array([0.8])}
    >>> real_equivalent(curve, 100, 0.1), real_equivalent(curve, 400, 0.0)
    (200.0, 400.0)
    """
    sizes = np.array(sorted(curve), float)
    means = np.array([curve[int(s)].mean() for s in sizes])
    rising = IsotonicRegression().fit_transform(np.log(sizes), means)
    here = int(np.searchsorted(sizes, n))
    level = rising[here] + gain
    if level > rising[here]:
        reached = np.flatnonzero(rising[here:] >= level)
        if not len(reached):
            return float(sizes[-1])
        k = here + int(reached[0]) - 1
    elif level < rising[here]:
        below = np.flatnonzero(rising[: here + 1] <= level)
        if not len(below):
            return float(sizes[0])
        k = int(below[-1])
    else:
        return float(n)
    t = (level - rising[k]) / (rising[k + 1] - rising[k])
    return float(np.round(np.exp((1 - t) * np.log(sizes[k]) + t * np.log(sizes[k + 1])), 6))


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
