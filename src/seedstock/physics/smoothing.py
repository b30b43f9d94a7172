"""Smoothing of series by penalised splines, many times on the same times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

Floats = NDArray[np.float64]
_MOST_KNOTS = 150
_GRID = 400
_GUARD = 1.4
"""Guards against the interpolation that plain cross-validation sometimes likes (Kim and Gu 2004)."""


class Smoother:
    """Cubic splines with a penalty on their third differences, chosen by generalised cross-validation.

    Parameters
    ----------
    t : ndarray, shape (n,)
        Ascending, distinct.

    Attributes
    ----------
    grid : ndarray, shape (N,)
        Even times at which smoothed values are given.

    Notes
    -----
    Eilers and Marx (1996); in the Demmler-Reinsch basis both forms are diagonal, and a penalty costs a sum.

    Examples
    --------
    >>> t = np.linspace(0, 6, 80)
    >>> smoother = Smoother(t)
    >>> bool(np.abs(smoother.smooth(np.sin(t)[:, None])[0][:, 0] - np.sin(smoother.grid)).max() < 2e-3)
    True
    """

    def __init__(self, t: Floats) -> None:
        self.grid: Floats = np.linspace(t[0], t[-1], max(_GRID, 2 * len(t)))
        edges = np.quantile(t, np.linspace(0, 1, min(len(t) - 2, _MOST_KNOTS)))
        knots = np.concatenate([[t[0]] * 3, edges, [t[-1]] * 3])
        basis = BSpline.design_matrix(t, knots, 3).toarray()
        bend = np.diff(np.eye(basis.shape[1]), 3, axis=0)
        root = np.linalg.cholesky(basis.T @ basis + 1e-10 * np.eye(basis.shape[1]))
        u, s, _ = np.linalg.svd(np.linalg.solve(root, bend.T))
        d = np.zeros(len(u))
        d[: len(s)] = s**2
        turned = np.linalg.solve(root.T, u)
        self._at_data = basis @ turned
        self._at_grid = BSpline.design_matrix(self.grid, knots, 3).toarray() @ turned
        strengths = np.logspace(-9, 6, 61) / max(float(np.median(d[d > 0])), 1e-300)
        self._shrink = 1 / (1 + strengths[:, None] * d)

    def smooth(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Smooth columns of shape (n, k); returns them on the grid, at the data's times, and the sd of the noise."""
        n = len(x)
        grid, data, noise = [], [], []
        for column in x.T:
            c = self._at_data.T @ column
            rest = ((column[:, None] - self._at_data @ (self._shrink * c).T) ** 2).mean(axis=0)
            freedom = self._shrink.sum(axis=1)
            best = int(np.argmin(rest / np.maximum(1 - _GUARD * freedom / n, 1e-3) ** 2))
            c = self._shrink[best] * c
            grid.append(self._at_grid @ c)
            data.append(self._at_data @ c)
            noise.append(np.sqrt(rest[best] / max(1 - freedom[best] / n, 0.05)))
        return np.stack(grid, axis=1), np.stack(data, axis=1), np.array(noise)
