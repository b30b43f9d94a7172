"""Latent normals given the cells that some columns fell into."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri_exp

from seedstock.encoding.atoms import Codes
from seedstock.generators._copula_blocks import Block, Floats

_SMALLEST = 0.02


def truncated(low: Floats, high: Floats, u: Floats) -> Floats:
    """Return standard normals between low and high from uniform numbers u, by inversion in the nearer tail.

    >>> truncated(np.array([-np.inf, 9.0]), np.array([np.inf, 9.1]), np.array([0.5, 0.5])).round(2).tolist()
    [0.0, 9.04]
    """
    flip = low > 0
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    u = np.maximum(np.where(flip, 1 - u, u), 1e-300)
    # In logarithms: probabilities beyond 38 standard deviations are 0 in float64.
    top = log_ndtr(b)
    x = np.clip(ndtri_exp(top + np.log(u + (1 - u) * np.exp(np.minimum(log_ndtr(a) - top, 0)))), a, b)
    return np.asarray(np.where(flip, -x, x), float)


def loosened(correlation: Floats) -> tuple[Floats, float]:
    """Return a correlation with a little independent noise mixed in where it is nearly singular, and the share kept.

    Gibbs sampling moves by the conditional spread of one axis given the others, and would stand still without any.
    Well-conditioned correlations, and a single axis, come back as they are.
    """
    smallest = float(np.linalg.eigvalsh(correlation)[0])
    kept = 1.0 if smallest >= _SMALLEST else (1 - _SMALLEST) / (1 - smallest)
    return kept * correlation + (1 - kept) * np.eye(len(correlation)), kept


def given_cells(
    blocks: list[Block], codes: list[Codes], correlation: Floats, sweeps: int, g: np.random.Generator
) -> Floats:
    """Draw the latent normals of given columns, shape (n, p), by Gibbs sampling inside their cells.

    The draw starts from a sequential one, each axis given those before it, and then sweeps; a single axis needs
    none and is exact. Source: Geweke 1991; Hoff 2007, Extending the rank likelihood, section 3.

    Parameters
    ----------
    blocks, codes : list
        The given columns' blocks, and their codes, each of shape (n,).
    correlation : float64 ndarray, shape (p, p)
        Of the given columns' axes.
    """
    n, p = len(codes[0]), len(correlation)
    starts = np.cumsum([0] + [b.width for b in blocks])
    axes: list[tuple[int, NDArray[np.int64]]] = [(i, np.arange(starts[i], starts[i + 1])) for i in range(len(blocks))]
    z = np.concatenate([b.scores()[c] for b, c in zip(blocks, codes, strict=True)], axis=1)

    def move(column: int, axis: int, mean: Floats, spread: float) -> None:
        s, e = starts[column], starts[column + 1]
        low, high = blocks[column].limits(codes[column], z[:, s:e], axis - s)
        x = truncated((low - mean) / spread, (high - mean) / spread, g.random(n))
        z[:, axis] = np.clip(mean + spread * x, low, high)

    root = np.linalg.cholesky(correlation)
    for column, own in axes:
        for axis in own:
            if not axis:
                move(column, axis, np.zeros(n), 1.0)
                continue
            slope = np.linalg.solve(correlation[:axis, :axis], correlation[:axis, axis])
            move(column, axis, z[:, :axis] @ slope, float(root[axis, axis]))
    if p == 1:
        return z
    precision = np.linalg.inv(correlation)
    for _ in range(sweeps):
        for column, own in axes:
            for axis in own:
                spread = 1 / np.sqrt(precision[axis, axis])
                mean = z[:, axis] - (z @ precision[axis]) / precision[axis, axis]
                move(column, axis, mean, float(spread))
    return z
