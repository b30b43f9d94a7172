"""`rank_label_errors`: from given labels and anybody's out-of-sample probabilities to wrong labels, with a cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from seedstock.core.errors import InputError

Matrix = NDArray[np.float64]
_ROUNDS = 25
_TINY = 1e-6
_TEMPERATURE_ROWS = 5_000
_FLOOR = 0.002
"""Rate of wrong labels that is always allowed for: no large table is without any."""
_EVEN = 0.3
"""Share of errors that are taken to befall all pairs of classes alike: people err in ways that no matrix tells."""
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
    expects few errors, and at least as noisy as the labels are among the surest predictions; rows are ranked
    through it with 30 % of the errors spread evenly, and b is then the likeliest one. Each row's error probability
    is 1 - P(true = label | row, label). It is calibrated, so the cut with the best
    expected F1 needs no threshold from hand.

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
    logs = np.log(np.maximum(P / P.sum(1, keepdims=True), _TINY))
    if not n or k < 2:
        zero = np.zeros(n)
        return LabelErrors(np.arange(n), zero, 0, y, np.eye(k), 0.0, 0.0)
    noise, _ = _channel(logs, y)
    plateau, evidence = _plateau(P, y)
    noise = _at_least(noise, plateau)
    # A pair of classes in which no error was seen for sure may have some all the same.
    through = (1 - _EVEN) * noise + _EVEN * _even(noise, y)
    sharp, _ = _fit_sharp(logs, y, through)
    prior = _sharpened(logs, sharp)
    joint = prior * through[:, y].T
    seen = np.maximum(joint.sum(1), 1e-300)
    stay = joint[np.arange(n), y] / seen
    wrong = np.clip(1.0 - stay, 0.0, 1.0)
    # Probabilities near 1 are all alike; their odds are not.
    others = joint.copy()
    others[np.arange(n), y] = 0.0
    odds = np.log(others.sum(1) + 1e-300) - np.log(joint[np.arange(n), y] + 1e-300)
    ranked = np.lexsort((np.arange(n), -odds))
    return LabelErrors(ranked, wrong, _cut(wrong), joint.argmax(1), noise, float(wrong.sum()), evidence)


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


def _channel(logs: Matrix, y: NDArray[np.int64]) -> tuple[Matrix, float]:
    """Return the noise matrix (k, k) and the sharpening, by expectation-maximisation."""
    k = logs.shape[1]
    counts = np.bincount(y, minlength=k) + 1.0
    popular = counts / counts.sum()
    noise = 0.95 * np.eye(k) + 0.05 * popular
    sharp = 1.0
    # Prior: twenty rows a class that are right, and a tenth of a row that is wrong, spread by popularity.
    prior = np.diag(np.minimum(20.0, 0.1 * counts)) + 0.1 * popular
    for step in range(_ROUNDS):
        if step % 5 == 0:
            sharp, _ = _fit_sharp(logs, y, noise)
            pi = _sharpened(logs, sharp)
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
    return noise, sharp


def _plateau(P: Matrix, y: NDArray[np.int64]) -> tuple[Matrix, float]:
    """Return each class's rate of wrong labels, shape (k,), read off the surest predictions, and its evidence.

    Where labels are right, disagreement falls to nothing as predictions become surer; noise leaves a plateau. The
    disagreement of the surest fifth and of the next fifth, extended linearly to the surest row, is its height.
    """
    n, k = P.shape
    guess = P.argmax(1)
    sure = P[np.arange(n), guess]
    wrong = guess != y
    ends = np.zeros((k, 4))
    for j in range(k):
        rows = np.flatnonzero(guess == j)
        rows = rows[np.argsort(-sure[rows], kind="stable")]
        fifth = -(-len(rows) // 5)
        for part, at in enumerate((rows[:fifth], rows[fifth : 2 * fifth])):
            ends[j, 2 * part : 2 * part + 2] = wrong[at].sum(), len(at)
    all_rows = ends.sum(0)
    if not _tells_noise(P, y, wrong, sure):
        return np.full(k, _FLOOR), 0.0

    def height(a: Matrix) -> tuple[float, float]:
        d1, d2 = a[0] / max(a[1], 1), a[2] / max(a[3], 1)
        variance = 4 * (d1 + 0.5 / max(a[1], 1)) / max(a[1], 1) + d2 / max(a[3], 1)
        rate = float(np.clip(min(2 * d1 - d2, d1), 0.0, 0.6))
        return rate, float(rate / np.sqrt(variance))

    common, evidence = height(all_rows)
    # Few rows of a class say little: they are pulled to the common rate.
    own = np.array([height(a)[0] for a in ends])
    weight = ends[:, 1] / (ends[:, 1] + 50.0)
    return np.maximum(weight * own + (1 - weight) * common, _FLOOR), evidence


def _tells_noise(P: Matrix, y: NDArray[np.int64], wrong: NDArray[np.bool_], sure: Matrix) -> bool:
    """Tell whether a plateau can be told from features that simply do not decide the class.

    Either the predictions explain a third of the labels' entropy, or the surest fifth is wrong far less often than the
    least sure one.
    """
    n, k = P.shape
    popular = (np.bincount(y, minlength=k) + 0.5) / (n + 0.5 * k)
    entropy = float(-np.log(popular[y]).mean())
    loss = float(-np.log(np.maximum(P[np.arange(n), y] / P.sum(1), _TINY)).mean())
    skill = 1.0 - loss / max(entropy, 1e-12)
    order = np.argsort(-sure, kind="stable")
    fifth = -(-n // 5)
    first, last = wrong[order[:fifth]].mean(), wrong[order[-fifth:]].mean()
    return skill >= 0.33 or (skill >= 0.04 and last >= 1.8 * first)


def _even(noise: Matrix, y: NDArray[np.int64]) -> Matrix:
    """Return the channel in which all errors of this one's rate are alike, shape (k, k)."""
    k = len(noise)
    rate = float((1.0 - np.diag(noise))[y].mean())
    out = np.full((k, k), rate / (k - 1))
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
    """Return how many of the rows, most surely wrong first, give the best expected F1."""
    best_first = np.sort(wrong)[::-1]
    hits = np.cumsum(best_first)
    f1 = 2 * hits / (np.arange(1, len(hits) + 1) + hits[-1] + 1e-12)
    k = int(f1.argmax()) + 1
    return int(min(k, (best_first >= 0.3).sum()))
