"""`rank_label_errors`: from given labels and anybody's out-of-sample probabilities to wrong labels, with a cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from seedstock.checks._doubt import doubt
from seedstock.checks._plateau import plateau, surest_first
from seedstock.core.errors import InputError

Matrix = NDArray[np.float64]
_ROUNDS = 25
_TINY = 1e-6
_TEMPERATURE_ROWS = 5_000
_RATES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""Rates of wrong labels from which the channel's estimation may start; the likeliest one is taken."""
_GAIN = 5.0
"""Gain in log likelihood from which a channel is believed as it was estimated."""
_TOLD = 0.1
"""Gain in log likelihood, per contradicted label, at which half of the errors are taken to follow the classes."""
_AT_TOP = 0.3
"""Weight of the same gain among the surest predictions, where classes that overlap leave a trace as well."""
_LEAST_RATE = 0.25
"""Share of the mean rate that either of two classes has at least."""
_LEAST = 0.3
"""No row is named whose label is wrong with less than this probability."""
_FULL_CLASSES = 60
"""Classes up to which every pair has a noise rate of its own; beyond, each class has one."""


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """Which labels are wrong.

    Attributes
    ----------
    ranked : int64 ndarray, shape (n,)
        All rows, most surely wrong first.
    probability : float64 ndarray, shape (n,)
        Probability of each row's label to be wrong.
    n_cut : int
        The first `n_cut` of `ranked` are to be taken for wrong: the cut with the best expected F1.
    suggested : int64 ndarray, shape (n,)
        The likeliest class of each row, as an index of the columns of the probabilities.
    noise : float64 ndarray, shape (k, k)
        ``noise[j, l]`` is the estimated probability that a row of class j is labelled l.
    expected : float
        Expected number of wrong labels.
    evidence : float
        Standard errors by which labels that contradict the surest predictions exceed what clean labels would give.
    """

    ranked: NDArray[np.int64]
    probability: Matrix
    n_cut: int
    suggested: NDArray[np.int64]
    noise: Matrix
    expected: float
    evidence: float

    @property
    def flagged(self) -> NDArray[np.int64]:
        """The rows to take for wrong, most sure first."""
        return self.ranked[: self.n_cut]


def rank_label_errors(labels: ArrayLike, probabilities: ArrayLike, classes: ArrayLike | None = None) -> LabelErrors:
    """Rank the rows by the probability that their label is wrong, and say where to cut.

    The given label is the true one seen through a noisy channel. With p the given probabilities, pi_ij proportional to
    p_ij ** b is the true class's distribution (b sharpens what was learned from noisy labels), and
    P(label l | row i) = sum_j pi_ij noise_jl. The channel is estimated by expectation-maximisation under a prior that
    expects few errors, and at least as noisy as the labels are among the surest predictions. The less the labels'
    likelihood gains by pairs of classes, the more evenly the errors are spread over all of them; b is then the
    likeliest one. Each row's error probability is 1 - P(true = label | row, label). People mistake single rows, not
    classes: what the channel leaves of labels that the predictions contradict is weighed by `doubt`, and joins.
    The cut with the best expected F1 needs no threshold from hand.

    Parameters
    ----------
    labels : array of shape (n,)
        The given labels: column numbers of `probabilities`, or values of `classes`.
    probabilities : array of shape (n, k)
        From any classifier, for rows that it was not trained on.
    classes : array of shape (k,) or None
        The class of each column.

    Returns
    -------
    LabelErrors

    Raises
    ------
    InputError
        Where shapes do not fit, a label has no column, or a number is negative or no number.

    Notes
    -----
    Source: the channel after Natarajan et al. (2013) and Northcutt, Jiang and Chuang, Confident learning (2021);
    the cut after Lipton, Elkan and Naryanaswamy, Optimal thresholding for F1 (2014).

    Examples
    --------
    >>> p = np.array([[0.9, 0.1]] * 50 + [[0.1, 0.9]] * 50)
    >>> y = np.repeat([0, 1], 50)
    >>> y[7] = 1
    >>> found = rank_label_errors(y, p)
    >>> int(found.ranked[0]), int(found.suggested[7])
    (7, 0)
    """
    P, y = _checked(labels, probabilities, classes)
    n, k = P.shape
    if not n or k < 2:
        zero = np.zeros(n)
        return LabelErrors(np.arange(n), zero, 0, y, np.eye(k), 0.0, 0.0)
    P = P / P.sum(1, keepdims=True)
    logs = np.log(np.maximum(P, _smallest(P)))
    noise = _channel(logs, y)
    told = _told(logs, y, noise)
    rates, evidence = plateau(P, y, told)
    noise = _at_least(told * noise + (1.0 - told) * np.eye(k), rates)
    share = _even_share(logs, y, noise)
    ranked, wrong, likeliest = _through(logs, y, noise, share)
    calibrated = _sharpened(logs, _fit_sharp(logs, y, np.eye(k))[0])
    rest = ranked[_cut(wrong[ranked]) :]
    weight = doubt(calibrated[rest], y[rest])
    if weight > 0:
        # Mistakes that follow the row and not its class: ranked by the row's own probabilities, for the most part.
        ranked, wrong, likeliest = _through(logs, y, noise, share + (1 - share) * weight)
        own = weight * (1.0 - calibrated[np.arange(n), y])
        wrong = np.where((calibrated.argmax(1) != y) & (own >= 0.5), np.maximum(wrong, own), wrong)
    return LabelErrors(ranked, wrong, _cut(wrong[ranked]), likeliest, noise, float(wrong.sum()), evidence)


def _through(
    logs: Matrix, y: NDArray[np.int64], noise: Matrix, share: float
) -> tuple[NDArray[np.int64], Matrix, NDArray[np.int64]]:
    """Return the ranking, each row's error probability and its likeliest class, a share of the errors spread evenly."""
    rows = np.arange(len(y))
    through = (1 - share) * noise + share * _even(noise, y)
    sharp, _ = _fit_sharp(logs, y, through)
    joint = _sharpened(logs, sharp) * through[:, y].T
    stay = joint[rows, y] / np.maximum(joint.sum(1), 1e-300)
    # Probabilities near 1 are all alike; their odds are not.
    others = joint.copy()
    others[rows, y] = 0.0
    odds = np.log(others.sum(1) + 1e-300) - np.log(joint[rows, y] + 1e-300)
    return np.lexsort((rows, -odds)), np.clip(1.0 - stay, 0.0, 1.0), joint.argmax(1)


def _even_share(logs: Matrix, y: NDArray[np.int64], noise: Matrix) -> float:
    """Return the share of errors to spread evenly: 1 where pairs of classes explain no more than chance would.

    What they explain is read off the labels' likelihood through the channel, and, since a model that has learned the
    noise gains nothing by it, off the labels that the surest predictions contradict.
    """
    n, k = logs.shape
    contradicted = max(int((logs.argmax(1) != y).sum()), 1)
    gain = (_fit_sharp(logs, y, noise)[1] - _fit_sharp(logs, y, _even(noise, y))[1]) * n
    told = max(gain - (k * (k - 1) if k <= _FULL_CLASSES else k) / 2, 0.0) / contradicted
    pairs = np.zeros((k, k))
    for j, rows in surest_first(logs):
        top = y[rows[: -(-len(rows) // 5)]]
        pairs[j] = np.bincount(top, minlength=k)
    np.fill_diagonal(pairs, 0.0)
    expected = pairs.sum(1, keepdims=True) / (k - 1)
    apart = float((pairs * np.log(np.maximum(pairs, 1.0) / np.maximum(expected, 1e-12))).sum())
    told = max(told, _AT_TOP * max(apart - k * (k - 2) / 2, 0.0) / max(float(pairs.sum()), 1.0))
    return float(1.0 / (1.0 + told / _TOLD))


def _smallest(P: Matrix) -> float:
    """Return what a probability of 0 stands for: half of the smallest step, where shares of votes were counted."""
    zero = P <= _TINY
    return max(_TINY, 0.5 * float(P[~zero].min())) if zero.any() else _TINY


def _checked(labels: ArrayLike, probabilities: ArrayLike, classes: ArrayLike | None) -> tuple[Matrix, Any]:
    P = np.asarray(probabilities, np.float64)
    y = np.asarray(labels)
    if P.ndim != 2 or y.ndim != 1 or len(P) != len(y):
        raise InputError(
            f"labels of shape (n,) and probabilities of shape (n, classes) are needed, not {y.shape} and {P.shape}"
        )
    if not np.isfinite(P).all() or (P < 0).any() or (P.sum(1) <= 0).any():
        raise InputError("probabilities must be numbers of 0 or more with a positive sum in each row")
    if classes is not None:
        index = {c: i for i, c in enumerate(np.asarray(classes, object).tolist())}
        unknown = sorted({str(v) for v in y.tolist() if v not in index})
        if len(index) != P.shape[1] or unknown:
            what = f"the label {unknown[0]!r}" if unknown else f"{len(index)} names"
            raise InputError(f"each column of the probabilities needs one class, and {what} does not fit")
        y = np.array([index[v] for v in y.tolist()], np.int64)
    if y.dtype.kind not in "iu" or (len(y) and (y.min() < 0 or y.max() >= P.shape[1])):
        raise InputError(
            f"labels must be column numbers from 0 to {P.shape[1] - 1}; else name the columns in `classes`"
        )
    return P, y.astype(np.int64)


def _sharpened(logs: Matrix, sharp: float) -> Matrix:
    z = sharp * logs
    z -= z.max(1, keepdims=True)
    out = np.exp(z)
    out /= out.sum(1, keepdims=True)
    return np.asarray(out, np.float64)


def _channel(logs: Matrix, y: NDArray[np.int64]) -> Matrix:
    """Return the noise matrix (k, k), by expectation-maximisation from the likeliest even rate."""
    k = logs.shape[1]
    counts = np.bincount(y, minlength=k) + 1.0
    popular = counts / counts.sum()
    starts = [(1 - rate - rate / (k - 1)) * np.eye(k) + rate / (k - 1) for rate in _RATES]
    noise = max(starts, key=lambda start: _fit_sharp(logs, y, start)[1])
    # Prior: twenty rows a class that are right, and a tenth of a row that is wrong, spread by popularity.
    prior = np.diag(np.minimum(20.0, 0.1 * counts)) + 0.1 * popular
    for step in range(_ROUNDS):
        if step % 5 == 0:
            pi = _sharpened(logs, _fit_sharp(logs, y, noise)[0])
        joint = pi * noise[:, y].T
        joint /= np.maximum(joint.sum(1, keepdims=True), 1e-300)
        moved = np.stack([np.bincount(y, joint[:, j], minlength=k) for j in range(k)])
        if k > _FULL_CLASSES:
            kept = np.diag(moved).copy()
            lost = moved.sum(1) - kept
            moved = lost[:, None] * popular
            np.fill_diagonal(moved, kept)
        new = moved + prior
        new /= new.sum(1, keepdims=True)
        change = np.abs(new - noise).max()
        noise = new
        if change < 1e-4 and step % 5 == 4:
            break
    return np.asarray(noise, np.float64)


def _told(logs: Matrix, y: NDArray[np.int64], noise: Matrix) -> float:
    """Return how far to believe in noise, 0 to 1, by how much likelier the labels are with it than without."""
    k = logs.shape[1]
    even = [(1 - rate - rate / (k - 1)) * np.eye(k) + rate / (k - 1) for rate in _RATES]
    best = max(_fit_sharp(logs, y, channel)[1] for channel in (noise, *even))
    return float(np.clip((best - _fit_sharp(logs, y, np.eye(k))[1]) * len(y) / _GAIN, 0.0, 1.0))


def _even(noise: Matrix, y: NDArray[np.int64]) -> Matrix:
    """Return the channel in which all errors of this one's rate are alike, shape (k, k).

    Two classes keep a rate each, no less than a quarter of the mean: there are no pairs to tell the one from the other.
    """
    k = len(noise)
    rate = 1.0 - np.diag(noise)
    mean = float(rate[y].mean())
    rate = np.maximum(rate, _LEAST_RATE * mean) if k == 2 else np.full(k, mean)
    out = np.repeat(rate[:, None] / (k - 1), k, axis=1)
    np.fill_diagonal(out, 1.0 - rate)
    return out


def _at_least(noise: Matrix, rate: Matrix) -> Matrix:
    """Return the noise matrix with at least these rates of leaving each class."""
    leave = 1.0 - np.diag(noise)
    wanted = np.maximum(leave, rate)
    off = noise - np.diag(np.diag(noise))
    off += 1e-3 * off.sum(1, keepdims=True) / len(noise) + 1e-9
    np.fill_diagonal(off, 0.0)
    out = off / off.sum(1, keepdims=True) * wanted[:, None]
    np.fill_diagonal(out, 1.0 - wanted)
    return np.asarray(out, np.float64)


def _fit_sharp(logs: Matrix, y: NDArray[np.int64], noise: Matrix) -> tuple[float, float]:
    """Return the sharpening under which the labels are likeliest through this channel, and the mean log likelihood."""
    step = max(1, len(y) // _TEMPERATURE_ROWS)
    part, seen = logs[::step], y[::step]
    through = noise[:, seen].T

    def loss(log_sharp: float) -> float:
        pi = _sharpened(part, float(np.exp(log_sharp)))
        # A weak pull towards 1: with few rows nothing else holds it.
        return float(-np.log((pi * through).sum(1) + 1e-12).mean()) + log_sharp**2 * 2.0 / max(len(seen), 1)

    best = minimize_scalar(loss, bounds=(np.log(0.3), np.log(8.0)), method="bounded", options={"xatol": 0.01})
    return float(np.exp(best.x)), float(-best.fun)


def _cut(wrong: Matrix) -> int:
    """Return how many of the rows, in the order of their ranks, give the best expected F1."""
    hits = np.cumsum(wrong)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1] + 1e-12)
    return int(min(int(f1.argmax()) + 1, (wrong >= _LEAST).sum()))
