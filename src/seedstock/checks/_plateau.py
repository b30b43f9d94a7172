"""The rate of wrong labels of each class, read off the labels that the surest predictions contradict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
_FLOOR = 0.002
"""Rate of wrong labels that is always allowed for: no large table is without any."""
_TINY = 1e-6
_SKILL = (0.04, 0.12, 0.33)
"""Share of the labels' entropy that predictions explain: too little to see a plateau, enough, and enough for any."""
_LEVEL = (0.6, 0.85)
"""Disagreement of the surest fifth, in that of the next one: falling, flat."""
_BEND = (-0.05, 0.05)
"""By how much disagreement rises more in the lower half of the fifths than in the upper one."""
_CONTRAST = (1.1, 1.4)
"""Disagreement of the least sure fifth, in that of the surest."""
_SURE = (1.0, 3.0)
"""Height of a plateau in its standard errors."""


def plateau(P: Matrix, y: NDArray[np.int64], told: float) -> tuple[Matrix, float]:
    """Return each class's rate of wrong labels, shape (k,), and its evidence in standard errors.

    Where labels are right, disagreement falls to nothing as predictions become surer; noise leaves a plateau. The
    disagreement of the surest fifth and of the next fifth, extended linearly to the surest row, is its height. Features
    that do not decide the class leave one as well: where predictions explain little, it counts as far as noise is told,
    or, class by class, as far as the curve is flat at its top and bends below, which features that tell little do not
    leave.

    Parameters
    ----------
    P : float64 ndarray, shape (n, k)
        Out-of-sample probabilities.
    y : int64 ndarray, shape (n,)
        The given labels.
    told : float
        How far noise is told from elsewhere, 0 to 1.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> q = 1 / (1 + np.exp(-6 * g.normal(size=8000)))
    >>> true = (g.random(8000) < q).astype(int)
    >>> given = np.where(g.random(8000) < np.where(true == 1, 0.3, 0.1), 1 - true, true)
    >>> p = 0.1 + 0.6 * q
    >>> plateau(np.column_stack([1 - p, p]), given, 0.0)[0].round(1).tolist()
    [0.1, 0.3]
    """
    n, k = P.shape
    guess = P.argmax(1)
    sure = P[np.arange(n), guess]
    wrong = guess != y
    fifths = np.zeros((k, 5, 2))  # contradicted, and rows
    for j, rows in surest_first(P):
        for part, at in enumerate(np.array_split(rows, 5)):
            fifths[j, part] = wrong[at].sum(), len(at)
    skill = _skill(P, y)
    belief = _belief(skill, wrong, sure, told)
    common, evidence = _height(fifths.sum(0))
    # Few rows of a class say little: they are pulled to the common rate.
    own, own_evidence = np.array([_height(f) for f in fifths]).T
    weight = fifths[:, 0, 1] / (fifths[:, 0, 1] + 50.0)
    rate = belief * (weight * own + (1 - weight) * common)
    sure_of = np.array([_rise(e, *_SURE) for e in own_evidence])
    flat = _rise(skill, *_SKILL[:2]) * sure_of * np.array([_flat(f) for f in fifths])
    if flat.any():
        top = fifths[:, 0, 0] / np.maximum(fifths[:, 0, 1], 1)
        level = flat * top + (1 - flat) * own
        # Where the curve leaves it open, the rate is that of plateaus seen elsewhere, half as far as the curve allows.
        seen = float((flat * level).sum() / flat.sum())
        level = flat * level + (1 - flat) * np.clip(seen, own, (own + top) / 2)
        rate = np.maximum(rate, flat.max() * level)
    return np.maximum(rate, _FLOOR), max(belief * evidence, float((flat * own_evidence).max()))


def surest_first(P: Matrix) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each class and the rows that it is predicted for, the surest first."""
    guess = P.argmax(1)
    sure = P[np.arange(len(P)), guess]
    for j in range(P.shape[1]):
        rows = np.flatnonzero(guess == j)
        yield j, rows[np.argsort(-sure[rows], kind="stable")]


def _height(fifths: Matrix) -> tuple[float, float]:
    """Return the disagreement that is left at the surest row, by a line through two fifths, and its evidence."""
    (a, n), (b, m) = fifths[0], fifths[1]
    d1, d2 = a / max(n, 1), b / max(m, 1)
    variance = 4 * (d1 + 0.5 / max(n, 1)) / max(n, 1) + d2 / max(m, 1)
    rate = float(np.clip(min(2 * d1 - d2, d1), 0.0, 0.6))
    return rate, float(rate / np.sqrt(variance))


def _flat(fifths: Matrix) -> float:
    """Return how far the surest rows of a class lie on a plateau, 0 to 1: flat at the top, and steeper below.

    Features that tell little give a curve that is steepest at its top; those that tell the class, one that ends at 0.
    """
    n = fifths[:, 1]
    if not fifths[0].all():
        return 0.0
    d = fifths[:, 0] / np.maximum(n, 1)
    bend = float((d[4] - d[2]) - (d[2] - d[0]))
    return _rise(d[0] / max(d[1], _TINY), *_LEVEL) * _rise(bend, *_BEND) * _rise(d[4] / d[0], *_CONTRAST)


def _skill(P: Matrix, y: NDArray[np.int64]) -> float:
    """Return the share of the labels' entropy that the predictions explain."""
    n, k = P.shape
    popular = (np.bincount(y, minlength=k) + 0.5) / (n + 0.5 * k)
    entropy = float(-np.log(popular[y]).mean())
    loss = float(-np.log(np.maximum(P[np.arange(n), y] / P.sum(1), _TINY)).mean())
    return 1.0 - loss / max(entropy, 1e-12)


def _belief(skill: float, wrong: NDArray[np.bool_], sure: Matrix, told: float) -> float:
    """Return how far a plateau is noise, 0 to 1, and not features that simply do not decide the class.

    Wholly, if the predictions explain a third of the labels' entropy; as far as noise is told otherwise, if the surest
    fifth is wrong far less often than the least sure one.
    """
    n = len(wrong)
    order = np.argsort(-sure, kind="stable")
    fifth = -(-n // 5)
    first, last = wrong[order[:fifth]].mean(), wrong[order[-fifth:]].mean()
    if skill >= _SKILL[2]:
        return 1.0
    return told if skill >= _SKILL[0] and last >= 1.8 * first else 0.0


def _rise(x: float, low: float, high: float) -> float:
    """Return 0 below `low`, 1 above `high`, and a straight line between."""
    return float(np.clip((x - low) / (high - low), 0.0, 1.0))
