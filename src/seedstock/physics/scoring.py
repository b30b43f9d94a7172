"""Scores of a forecast, and the statistical forecast that a mechanism must stand beside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


def crps(draws: Floats, y: Floats) -> Floats:
    """Return the continuous ranked probability score of each observation; lower is better, 0 is perfect.

    Parameters
    ----------
    draws : ndarray, shape (m, T)
        Draws of the forecast.
    y : ndarray, shape (T,)

    Notes
    -----
    Gneiting and Raftery (2007), equation 21: E|X - y| - E|X - X'|/2, with the fair estimate of the second term.

    Examples
    --------
    >>> crps(np.array([[0.0], [2.0]]), np.array([1.0]))
    array([0.])
    """
    x = np.sort(draws, axis=0)
    m = len(x)
    weights = 2 * np.arange(m) - m + 1.0
    spread = (weights[:, None] * x).sum(axis=0) / (m * max(m - 1, 1))
    return np.asarray(np.abs(x - y).mean(axis=0) - spread)


def forecast(y: Floats, steps: int, n: int, g: np.random.Generator) -> Floats:
    """Draw n forecasts of the next steps of a series: an autoregression of order 1 about a mean or a random walk.

    Of the two the one with the smaller corrected AIC is taken. Series without a negative value stay so.

    Parameters
    ----------
    y : ndarray, shape (T,)
        Evenly spaced; missing values are bridged.

    Returns
    -------
    ndarray, shape (n, steps)
    """
    here = np.isfinite(y)
    if here.sum() < 3:
        return np.repeat(g.choice(y[here], n)[:, None], steps, axis=1)
    y = np.interp(np.arange(len(y)), np.flatnonzero(here), y[here])
    x, z = y[:-1], y[1:]
    k = len(z)
    floor = 1e-12 * max(1.0, float(np.abs(y).max())) ** 2
    walk = np.diff(y)
    candidates = [(1.0, 0.0, walk)]
    if x.std() > 0:
        slope = float(np.clip(np.cov(x, z, bias=True)[0, 1] / x.var(), -0.99, 0.999))
        level = float(z.mean() - slope * x.mean())
        candidates.append((slope, level, z - level - slope * x))
    sizes = [float((e**2).mean()) + floor for *_, e in candidates]
    aic = [k * np.log(s) + 2 * p * k / max(k - p - 1, 1) for s, p in zip(sizes, (1, 3), strict=False)]
    best = int(np.argmin(aic))
    slope, level, _ = candidates[best]
    sd = np.sqrt(sizes[best] * k / max(k - (1, 2)[best], 1))
    out = np.empty((n, steps))
    now = np.full(n, y[-1])
    for h in range(steps):
        now = level + slope * now + sd * g.standard_normal(n)
        out[:, h] = now
    return np.maximum(out, 0) if y.min() >= 0 else out


def renewal_log_score(gaps: Floats, later: Floats) -> float:
    """Return the mean log density of later gaps under a gamma distribution fitted to earlier ones."""
    gaps = np.maximum(gaps, 1e-12 * max(float(gaps.max(initial=0.0)), 1e-300))
    shape, _, scale = stats.gamma.fit(gaps, floc=0) if len(gaps) > 2 and np.ptp(gaps) > 0 else (1.0, 0.0, gaps.mean())
    return float(stats.gamma.logpdf(np.maximum(later, 1e-12 * scale), shape, scale=scale).mean())
