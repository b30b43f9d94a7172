"""Rows that are odd together: values that contradict each other, and small crowds in a spot where nothing else is."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, poisson, rankdata

from seedstock.checks._cells import numbers
from seedstock.core.table import Column, Dataset

Matrix = NDArray[np.float64]
Mask = NDArray[np.bool_]
MOST_COLUMNS = 30
_MOST_SHARE = 0.06
_MOST_TIED = 0.04
_MOST_KINDS = 50
_OF_A_KIND = 0.5
_FINE = 0.02
"""Share of equal cells up to which ranks are even enough to count rows in squares of them."""
_LEAST_VALUES = 50
_STRONG = 0.5
"""Correlation from which a column is expected to follow another."""
_RIM = 2.2
_EXPLAINED = 0.36
"""Share of a column's variance that the others must explain before it can contradict them."""
_TIMES = 3.2
"""Rows in a spot, in rows to be expected from those around it."""
_SQUARES = ((2, 1), (3, 2))
"""Sides of spots and of the rims around them, in cells."""
_CHANCE = 1e-6
"""Chance of one such spot anywhere in a table without any."""


def normal_scores(data: Dataset) -> tuple[list[str], Matrix, NDArray[np.bool_]]:
    """Return the columns of graded numbers, their ranks as normal scores, shape (n, d), and which are finely graded.

    NaN where missing, and where many cells share one value: such rows are no part of the spread. Columns that a
    category decides for the most part are left out: each kind crowds around a place of its own.
    """
    kinds = [
        data.table[c].codes()[0]
        for c in data.columns.of_kind("category")
        if data.table[c].is_text and c != data.columns.target and _levels(data.table[c]) <= _MOST_KINDS
    ]
    names: list[str] = []
    fine: list[bool] = []
    parts: list[Matrix] = []
    for name in data.columns.of_kind("number", "datetime", "duration"):
        x = numbers(data.table[name])
        if x is None or name == data.columns.target or len(names) == MOST_COLUMNS:
            continue
        known = np.isfinite(x)
        values, counts = np.unique(x[known], return_counts=True)
        tied = counts > _MOST_TIED * known.sum()
        if tied.any():
            known &= ~np.isin(x, values[tied])
        if len(values) < _LEAST_VALUES or known.sum() < 0.3 * len(x):
            continue
        z = np.full(len(x), np.nan)
        z[known] = norm.ppf((rankdata(x[known]) - 0.5) / known.sum())
        if any(_explained(z[known], code[known]) > _OF_A_KIND for code in kinds):
            continue
        names.append(name)
        fine.append(bool(counts.max() <= _FINE * known.sum()))
        parts.append(z)
    return names, np.column_stack(parts) if parts else np.zeros((len(data.table), 0)), np.array(fine, bool)


def _levels(column: Column) -> int:
    return 0 if column.levels is None else len(column.levels)


def _explained(z: Matrix, kind: NDArray[np.int64]) -> float:
    """Return the share of the variance that is between kinds."""
    counts = np.maximum(np.bincount(kind), 1)
    means = np.bincount(kind, z) / counts
    return float((counts * means**2).sum() / len(z) - z.mean() ** 2) / max(float(z.var()), 1e-12)


def residuals(Z: Matrix) -> list[tuple[tuple[int, ...], Matrix]]:
    """Return what is left of each column that the others explain, and of each pair that goes together.

    The covariance is that of the nine tenths of the rows nearest to the centre, so that odd rows do not explain
    themselves (one step of Rousseeuw and Van Driessen 1999).

    Returns
    -------
    list of ((column, ...), float64 ndarray of shape (n,))
    """
    n, d = Z.shape
    if d < 2 or n < 50 * d:
        return []
    gap = np.isnan(Z)
    Z = np.where(gap, 0.0, Z)
    S = np.cov(Z.T) + 1e-3 * np.eye(d)
    far = np.einsum("ij,jk,ik->i", Z, np.linalg.inv(S), Z)
    S = np.cov(Z[far <= np.quantile(far, 0.9)].T) + 1e-3 * np.eye(d)
    K = np.linalg.inv(S)
    # At the rims ranks bend what is straight; odd values by themselves are found there in any case.
    gap |= np.abs(Z) > _RIM
    scale = np.sqrt(np.diag(S))
    out: list[tuple[tuple[int, ...], Matrix]] = []
    for j in range(d):
        if 1 / (K[j, j] * S[j, j]) < 1 - _EXPLAINED:
            out.append(((j,), np.where(gap[:, j], np.nan, Z @ K[:, j] / K[j, j])))
    for i, j in combinations(range(d), 2):
        r = S[i, j] / (scale[i] * scale[j])
        if abs(r) > _STRONG:
            left = Z[:, i] / scale[i] - np.sign(r) * Z[:, j] / scale[j]
            out.append(((i, j), np.where(gap[:, i] | gap[:, j], np.nan, left)))
    return out


def spots(Z: Matrix, fine: NDArray[np.bool_]) -> list[tuple[tuple[int, int], Mask]]:
    """Return pairs of columns with a spot that holds several times the rows that the cells around it make likely.

    Ranks are even in each column, so a spot says that values go together: a square of the plane of ranks of some rows,
    and at most 6 % of all, in which a Poisson number with the mean of the ring around it would hardly ever be so many.

    Returns
    -------
    list of ((column, column), bool ndarray of shape (n,))
    """
    n, d = Z.shape
    m = int(np.clip(np.sqrt(n) / 2, 8, 40))
    if d < 2 or n < 300:
        return []
    known = np.isfinite(Z)
    cells = np.minimum((norm.cdf(np.where(known, Z, 0.0)) * m).astype(np.int64), m - 1)
    limit = _CHANCE / (len(_SQUARES) * d * (d - 1) / 2 * m**2)
    out: list[tuple[tuple[int, int], Mask]] = []
    for i, j in combinations(np.flatnonzero(fine).tolist(), 2):
        both = known[:, i] & known[:, j]
        total = int(both.sum())
        grid = np.bincount((cells[:, i] * m + cells[:, j])[both], minlength=m * m).reshape(m, m)
        hit = np.zeros((m, m), bool)
        for side, rim in _SQUARES:
            inner, outer, size = _sums(grid, side, rim)
            around = side**2 * (outer - inner + 1) / (size - side**2)
            dense = (inner >= 8) & (inner <= _MOST_SHARE * total) & (inner > _TIMES * around)
            for a, b in np.argwhere(dense & (poisson.sf(inner - 1, around) < limit)).tolist():
                # The spot, and the cells at its rim that are fuller than the rest of the rim.
                at = np.s_[max(a - 1, 0) : a + side + 1, max(b - 1, 0) : b + side + 1]
                hit[at] |= grid[at] > 2 * around[a, b] / side**2 + 1
                hit[a : a + side, b : b + side] = True
        if not hit.any():
            continue
        rows = both & hit[cells[:, i], cells[:, j]]
        if rows.sum() <= _MOST_SHARE * n:
            out.append(((i, j), rows))
    return out


def _sums(
    grid: NDArray[np.int64], side: int, rim: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return for each square of cells its rows, those in it and the rim around it, and how many cells these are."""
    m = len(grid)
    total = np.pad(np.pad(grid, rim).cumsum(0).cumsum(1), ((1, 0), (1, 0)))  # over cells padded by a rim of none
    low = np.arange(m - side + 1)

    def box(first: NDArray[np.int64], wide: int) -> NDArray[np.int64]:
        a, b = first, first + wide
        out: NDArray[np.int64] = total[np.ix_(b, b)] - total[np.ix_(a, b)] - total[np.ix_(b, a)] + total[np.ix_(a, a)]
        return out

    wide = np.minimum(low + side + rim, m) - np.maximum(low - rim, 0)
    return box(low + rim, side), box(low, side + 2 * rim), wide[:, None] * wide[None, :]
