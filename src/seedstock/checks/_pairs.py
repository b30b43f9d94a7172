"""How much two columns together say about a target that neither says alone: joint cells, and their arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]
Matrix = NDArray[np.float64]
MOST_COLUMNS = 40
"""Columns of which all pairs are tried: those that say most by themselves."""
ROWS = 10_000
_CELLS = 24
_BINS = 400


@dataclass(frozen=True)
class Pair:
    """Two columns and what they explain together.

    Attributes
    ----------
    names : tuple of str
    how : str
        How they are taken: "together", or an arithmetic such as "difference".
    explained : float
        Share of the target's variance out of fold.
    """

    names: tuple[str, str]
    how: str
    explained: float


def explained(codes: Codes, y: Matrix, fold: Codes, folds: int) -> float:
    """Return the share of the target's variance (summed over its columns) that means in cells explain out of fold.

    Parameters
    ----------
    codes : int64 ndarray, shape (n,)
        -1 is a cell of its own.
    y : float64 ndarray, shape (n, k)
        Without gaps.
    fold : int64 ndarray, shape (n,)
        0 to `folds` - 1.

    Examples
    --------
    >>> codes = np.arange(400) % 2
    >>> y = codes[:, None].astype(float)
    >>> round(explained(codes, y, np.arange(400) // 2 % 4, 4), 3)
    1.0
    """
    codes = codes - codes.min(initial=0)
    m = int(codes.max(initial=0)) + 1
    mean = y.mean(0)
    total = float(((y - mean) ** 2).sum())
    if total <= 0 or m < 2:
        return 0.0
    place = fold * m + codes
    n = np.bincount(place, minlength=folds * m).reshape(folds, m)
    n_rest = (n.sum(0) - n).reshape(-1)
    left = 0.0
    for j in range(y.shape[1]):
        sums = np.bincount(place, y[:, j], minlength=folds * m).reshape(folds, m)
        guess = ((sums.sum(0) - sums).reshape(-1) + 0.05 * mean[j]) / (n_rest + 0.05)
        left += float(((y[:, j] - guess[place]) ** 2).sum())
    return max(0.0, 1.0 - left / total)


def best_pairs(
    features: Mapping[str, tuple[Matrix | None, Codes]], alone: Mapping[str, float], y: Matrix, fold: Codes, folds: int
) -> list[Pair]:
    """Return the pairs of columns by what they explain together, most first.

    Parameters
    ----------
    features : mapping of str to (numbers or None, codes)
        Each column as numbers with NaN where missing, shape (n,), and as codes with -1 where missing.
    alone : mapping of str to float
        What each column explains by itself.
    y, fold, folds
        As in `explained`.
    """
    names = sorted(features, key=lambda c: -alone.get(c, 0.0))[:MOST_COLUMNS]
    cells = {c: _coarse(*features[c]) for c in names}
    places = {c: _number(features[c][0]) for c in names}
    out: list[Pair] = []
    for a, b in combinations(names, 2):
        joint = cells[a] * (int(cells[b].max(initial=0)) + 1) + cells[b]
        best = Pair((a, b), "together", explained(joint, y, fold, folds))
        x, z = places[a], places[b]
        if x is not None and z is not None:
            for how, value in _arithmetic(x, z):
                score = explained(quantiles(value), y, fold, folds)
                if score > best.explained:
                    best = Pair((a, b), how, score)
        out.append(best)
    return sorted(out, key=lambda p: -p.explained)


def _arithmetic(x: Matrix, z: Matrix) -> Iterator[tuple[str, Matrix]]:
    with np.errstate(all="ignore"):
        yield "difference", x - z
        yield "sum", x + z
        yield "product", x * z
        yield "ratio", x / z


def _number(x: Matrix | None) -> Matrix | None:
    """Return a column of numbers that arithmetic can say more of than its few values do."""
    return x if x is not None and len(np.unique(x[:200])) > 4 else None


def _coarse(x: Matrix | None, codes: Codes) -> Codes:
    """Return at most 26 cells of a column, from 0: its commonest values or its quantiles."""
    if x is not None and len(np.unique(codes)) > _CELLS:
        return quantiles(x, _CELLS) + 1
    common = np.argsort(-np.bincount(codes + 1), kind="stable")[:_CELLS]
    place = np.full(int(codes.max(initial=0)) + 2, _CELLS)
    place[common] = np.arange(len(common))
    return place[codes + 1]


def quantiles(x: Matrix, bins: int | None = None) -> Codes:
    """Return the quantile bin of each number, -1 where it is none; about ten rows a bin unless it is said."""
    known = np.isfinite(x)
    out = np.full(len(x), -1, np.int64)
    if not known.any():
        return out
    count = bins or int(np.clip(known.sum() // 10, 40, _BINS))
    order = np.sort(x[known])
    edges = np.unique(order[np.linspace(0, len(order) - 1, count + 1)[1:-1].astype(int)])
    out[known] = np.searchsorted(edges, x[known], "right")
    return out
