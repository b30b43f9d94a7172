"""Latent normals given the cells that some columns fell into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri_exp

from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Codes
from seedstock.generators._copula_blocks import Block, Floats
from seedstock.generators._copula_sets import first_codes, move_in_set

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


@dataclass(frozen=True, eq=False)
class GivenColumn:
    """A column with conditions in some rows.

    Attributes
    ----------
    block : Block
    codes : int64 ndarray, shape (n,)
        Given codes, or the numbers of sets.
    sets : mapping of int to float64 ndarray, shape (k,)
        Which share of each code is allowed.
    counts : int64 ndarray, shape (k,)
    """

    block: Block
    codes: Codes
    sets: Mapping[int, Shares]
    counts: NDArray[np.int64]


def given_cells(
    columns: list[GivenColumn], correlation: Floats, sweeps: int, g: np.random.Generator
) -> tuple[Floats, list[Codes]]:
    """Draw the latent normals of given columns, shape (n, p), by Gibbs sampling inside their cells; and their codes.

    The draw starts from a sequential one, each axis given those before it, and then sweeps; a single axis needs
    none and is exact. Source: Geweke 1991; Hoff 2007, Extending the rank likelihood, section 3.

    Parameters
    ----------
    correlation : float64 ndarray, shape (p, p)
        Of the given columns' axes.
    """
    n, p = len(columns[0].codes), len(correlation)
    starts = np.cumsum([0] + [c.block.width for c in columns])
    codes = [first_codes(c.codes, c.sets, c.counts, g) for c in columns]
    z = np.concatenate([c.block.scores()[own] for c, own in zip(columns, codes, strict=True)], axis=1)

    def move(i: int, axis: int, mean: Floats, spread: float) -> None:
        s, e = starts[i], starts[i + 1]
        low, high = columns[i].block.limits(codes[i], z[:, s:e], axis - s)
        x = truncated((low - mean) / spread, (high - mean) / spread, g.random(n))
        z[:, axis] = np.clip(mean + spread * x, low, high)

    def move_sets(i: int) -> None:
        own = np.arange(starts[i], starts[i + 1])
        rest = np.setdiff1d(np.arange(p), own)
        inverse = np.linalg.inv(precision[np.ix_(own, own)])
        root = np.linalg.cholesky(inverse)
        slope = -inverse @ precision[np.ix_(own, rest)]
        for number, share in columns[i].sets.items():
            rows = np.flatnonzero(columns[i].codes == number)
            mean = z[np.ix_(rows, rest)] @ slope.T
            z[np.ix_(rows, own)], codes[i][rows] = move_in_set(
                columns[i].block, share, columns[i].counts, z[np.ix_(rows, own)], codes[i][rows], mean, root, g
            )

    root = np.linalg.cholesky(correlation)
    for i in range(len(columns)):
        for axis in range(starts[i], starts[i + 1]):
            if not axis:
                move(i, axis, np.zeros(n), 1.0)
                continue
            slope = np.linalg.solve(correlation[:axis, :axis], correlation[:axis, axis])
            move(i, axis, z[:, :axis] @ slope, float(root[axis, axis]))
    if p == 1:
        return z, codes
    precision = np.linalg.inv(correlation)
    for _ in range(sweeps):
        for i in range(len(columns)):
            move_sets(i)
            for axis in range(starts[i], starts[i + 1]):
                spread = 1 / np.sqrt(precision[axis, axis])
                mean = z[:, axis] - (z @ precision[axis]) / precision[axis, axis]
                move(i, axis, mean, float(spread))
    return z, codes
