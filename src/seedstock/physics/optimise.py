"""The highest point of a density, and its curvature there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LogDensity = Callable[[Floats], Floats]
_STEP = 1e-3


@dataclass(frozen=True, eq=False)
class Mode:
    """A maximum: where, how high, and the normal distribution that touches it.

    Attributes
    ----------
    at : ndarray, shape (p,)
    value : float
    covariance : ndarray, shape (p, p)
        The inverse of the negative Hessian; directions without curvature get the spread `widest`.
    """

    at: Floats
    value: float
    covariance: Floats


def maximise(
    log_density: LogDensity, starts: Floats, g: np.random.Generator, generations: int = 120, population: int = 96
) -> Mode:
    """Climb from many starts at once: differential evolution over the best of them, then Newton steps.

    Parameters
    ----------
    log_density : callable
        Takes points of shape (m, p) and returns shape (m,); -inf is allowed.
    starts : ndarray, shape (n, p)
        Draws of the prior, say. At least one must have a finite density.

    Notes
    -----
    Storn and Price (1997), current-to-best/1/bin; Newton with the absolute values of the Hessian's eigenvalues.
    """
    p = starts.shape[1]
    value = log_density(starts)
    order = np.argsort(-value)
    order = order[np.isfinite(value[order])][:population]
    x, f = starts[order].copy(), value[order].copy()
    while len(x) < 4:
        x, f = np.concatenate([x, x + 0.1 * g.standard_normal(x.shape)]), np.concatenate([f, np.full(len(f), -np.inf)])
    n = len(x)
    for _ in range(generations):
        best = x[np.argmax(f)]
        a, b = g.integers(n, size=(2, n))
        weight = g.uniform(0.4, 0.9, (n, 1))
        trial = x + weight * (best - x) + weight * (x[a] - x[b]) + 1e-6 * g.standard_normal(x.shape)
        keep = g.random((n, p)) > 0.85
        keep[np.arange(n), g.integers(p, size=n)] = False
        trial = np.where(keep, x, trial)
        new = log_density(trial)
        better = new > f
        x[better], f[better] = trial[better], new[better]
        top = np.sort(f)[-max(4, n // 2) :]
        if np.isfinite(top[0]) and top[-1] - top[0] < 0.5:
            break
    return polish(log_density, x[np.argmax(f)])


def polish(log_density: LogDensity, at: Floats, rounds: int = 25, widest: float = 3.0) -> Mode:
    """Climb by Newton steps from one point, shape (p,)."""
    x = at.copy()
    value = float(log_density(x[None])[0])
    scales = np.array([1.0, 0.5, 0.25, 0.1, 0.03, 0.01, 0.001])
    covariance = np.eye(len(x)) * widest**2
    for _ in range(rounds):
        gradient, hessian = derivatives(log_density, x, value)
        values, vectors = np.linalg.eigh(-hessian)
        curvature = np.maximum(np.abs(values), widest**-2)
        covariance = (vectors / np.where(values > widest**-2, values, widest**-2)) @ vectors.T
        step = vectors @ ((vectors.T @ gradient) / curvature)
        tries = x + scales[:, None] * step
        f = log_density(tries)
        k = int(np.argmax(f))
        if not f[k] > value + 1e-4:
            break
        x, value = tries[k], float(f[k])
    return Mode(x, value, covariance)


def derivatives(log_density: LogDensity, x: Floats, value: float, step: float = _STEP) -> tuple[Floats, Floats]:
    """Return the gradient (p,) and the Hessian (p, p) by central differences, in one call of the density."""
    p = len(x)
    i, j = np.triu_indices(p, 1)
    e = step * np.eye(p)
    points = np.concatenate([x + e, x - e, x + e[i] + e[j], x - e[i] - e[j], x + e[i] - e[j], x - e[i] + e[j]])
    f = log_density(points)
    f = np.where(np.isfinite(f), f, value - 1e3)
    up, down = f[:p], f[p : 2 * p]
    gradient = (up - down) / (2 * step)
    hessian = np.diag((up - 2 * value + down) / step**2)
    k = len(i)
    pp, mm, pm, mp = (f[2 * p + q * k : 2 * p + (q + 1) * k] for q in range(4))
    hessian[i, j] = hessian[j, i] = (pp + mm - pm - mp) / (4 * step**2)
    return gradient, hessian
