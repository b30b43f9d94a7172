"""`label`: fill missing labels from few given ones, and abstain where the answer is not clear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._fit import dense, learners_for, quiet, stratified
from seedstock.checks._frame import Frame, class_target, frame, sample
from seedstock.checks._votes import Combined, propose
from seedstock.core.errors import InputError
from seedstock.core.results import Edit
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset

_FOLDS = 5
_SURE = 0.95
_MOST_LEARNED = 20_000
_MOST_ASKED = 50_000
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels for the rows that had none.

    Attributes
    ----------
    rows : int64 ndarray, shape (m,)
        The rows without a label.
    classes : ndarray, shape (k,)
    probability : float64 ndarray, shape (m, k)
    sets : bool ndarray, shape (m, k)
        The classes that cannot be ruled out at the asked confidence.
    """

    rows: NDArray[np.int64]
    classes: NDArray[np.object_]
    probability: Matrix
    sets: NDArray[np.bool_]

    @property
    def decided(self) -> NDArray[np.bool_]:
        """Which rows have one class left, shape (m,); the others abstain."""
        return np.asarray(self.sets.sum(1) == 1)

    def edits(self, table: str, column: str) -> list[Edit]:
        """Return the labels of the decided rows as edits."""
        out: list[Edit] = []
        if not self.decided.any():
            return out
        best = self.probability.argmax(1)
        for i in np.flatnonzero(self.decided).tolist():
            k = int(self.sets[i].argmax())
            text = {True: "true", False: "false"}.get(self.classes[k], str(self.classes[k]))
            p = float(self.probability[i, k])
            why = "learned from the labelled rows" if k == best[i] else "the only class that is not ruled out"
            out.append(Edit(table, int(self.rows[i]), column, None, text, "label", p, True, why))
        return out


def label(data: Dataset, column: str, rng: Rng, confidence: float = 0.95, opinions: Matrix | None = None) -> Labels:
    """Label the rows of one table whose cell in a column is missing.

    Unlike learners are trained on the labelled rows, and once more with the rows added of which they are sure
    (self-training). The same is done without a fifth of the labelled rows in turn; what the models say about these
    calibrates, for each class by itself, which classes can be ruled out: among rows like the labelled ones, the true
    class is ruled out in at most ``1 - confidence`` of the cases.

    Parameters
    ----------
    column : str
        A category, boolean, or small whole number.
    confidence : float
        Above 0.5 and below 1.
    opinions : float64 ndarray, shape (n, w), or None
        Further features of all rows, such as what labelling rules say; NaN where they say nothing.

    Raises
    ------
    InputError
        Where fewer than two classes have five labelled rows each, where the labels are too few for the confidence, or
        nothing is missing.

    Notes
    -----
    Source: Vovk, Cross-conformal predictors (2015), with the class-conditional taxonomy of Vovk, Lindsay, Nouretdinov
    and Gammerman, Mondrian confidence machine (2003); self-training after Yarowsky (1995).
    """
    if not 0.5 < confidence < 1:
        raise InputError(f"the confidence must be above 0.5 and below 1, not {confidence}")
    data = with_target(data, column)
    target = class_target(data)
    if target is None:
        raise InputError(f"{column!r} has no classes to learn; take a column of categories with some cells filled")
    counts = np.bincount(target.codes[target.codes >= 0], minlength=len(target.classes))
    big = np.flatnonzero(counts >= 5)
    if len(big) < 2:
        raise InputError(f"two classes of {column!r} need five labelled rows each; there are {counts.tolist()}")
    place = np.full(len(counts), -1)
    place[big] = np.arange(len(big))
    y = np.where(target.codes >= 0, place[target.codes], -1)
    open_rows = np.flatnonzero(target.codes < 0)
    if not len(open_rows):
        raise InputError(f"no cell of {column!r} is missing: there is nothing to label")
    known = np.flatnonzero(y >= 0)
    if len(known) > _MOST_LEARNED:
        known = np.sort(rng.child("rows").generator().choice(known, _MOST_LEARNED, replace=False))
    rows = np.concatenate([known, open_rows])
    if len(known) + 1 < 1 / (1 - confidence):
        raise InputError(
            f"{len(known)} labels cannot give a confidence of {confidence:.3g}: that takes "
            f"{int(np.ceil(1 / (1 - confidence))) - 1}; label more rows, or ask for less"
        )
    features = frame(data, rows, drop=(column,))
    if opinions is not None:
        names = tuple(f"rules {j}" for j in range(opinions.shape[1]))
        plain = np.append(features.categorical, np.zeros(len(names), bool))
        features = Frame((*features.names, *names), plain, np.hstack([features.X, opinions[rows]]))
    if not features.X.shape[1]:
        raise InputError(f"nothing but {column!r} can be learned from; bring columns that tell its classes")
    n, k = len(known), len(big)
    own = np.zeros((n, k))
    # What is learned without a fold is also what the fold's calibration speaks for.
    total = np.zeros((len(open_rows), k))
    folds = min(_FOLDS, int(counts[big].min()))
    for train, test in stratified(y[known], folds, rng):
        P = _learn(features, y[known], train, np.concatenate([test, np.arange(n, len(rows))]), k, rng)
        own[test] = P[: len(test)]
        total += P[len(test) :] / folds
    return Labels(open_rows, target.classes[big], total, _sets(own, y[known], total, 1 - confidence))


def _learn(
    features: Frame, y: NDArray[np.int64], train: NDArray[np.int64], ask: NDArray[np.int64], k: int, rng: Rng
) -> Matrix:
    """Return probabilities of the rows in `ask`, learned from `train`, then also from sure ones of the open rows."""
    linear = features.linear()
    plain = np.nan_to_num(features.X, nan=-1e9)
    made = learners_for(features, k, len(train), rng.child("models").integer())
    X = {"linear": linear, "forest": plain, "boosting": features.X}
    labels = y[train]
    rows = train
    n = len(y)
    P = np.zeros((len(ask), k))
    with quiet():
        for _ in range(2):
            P[:] = 0
            for kind, make in made.items():
                if not X[kind].shape[1]:
                    continue
                model = make().fit(dense(X[kind], rows), labels)
                P[:, model.classes_] += model.predict_proba(X[kind][ask]) / len(made)
            P = np.maximum(P, 1e-6)
            P /= P.sum(1, keepdims=True)
            sure = np.flatnonzero((ask >= n) & (P.max(1) >= _SURE))[: 3 * len(train)]
            if not len(sure):
                break
            rows = np.concatenate([train, ask[sure]])
            labels = np.concatenate([y[train], P[sure].argmax(1)])
    return P


def _sets(own: Matrix, y: NDArray[np.int64], P: Matrix, miss: float) -> NDArray[np.bool_]:
    """Return which classes cannot be ruled out: those whose probability is not below what their own rows get.

    A class that has too few rows to be ruled out by them is held to those of all such classes together, or of all.
    """
    k = P.shape[1]
    counts = np.bincount(y, minlength=k)
    small = counts + 1 < 2 / miss
    hit = own[np.arange(len(y)), y]
    pooled = hit[small[y]] if small[y].sum() + 1 >= 2 / miss else hit
    out = np.zeros(P.shape, bool)
    for j in range(k):
        score = np.sort(pooled if small[j] else hit[y == j])
        # p-value: share of the class's own rows, the new one included, with no higher probability.
        p = (np.searchsorted(score, P[:, j], "right") + 1) / (len(score) + 1)
        out[:, j] = p > miss
    return out


def with_target(data: Dataset, column: str) -> Dataset:
    """Return the data with this column, and no other, as target."""
    columns = data.columns
    for c, s in columns.columns.items():
        roles = tuple(r for r in s.roles if r != "target")
        columns = columns.replace_column(c, roles=(*roles, "target") if c == column else roles)
    data.table[column]  # an InputError, where there is none
    return Dataset({data.name: data.table}, Schema({data.name: columns}))


def next_rows(
    data: Dataset, column: str, rows: NDArray[np.int64], probability: Matrix | None, n: int, rng: Rng
) -> NDArray[np.int64]:
    """Return the n rows to label next, of those without a label; most worth a question first.

    Parameters
    ----------
    rows : int64 ndarray, shape (m,)
        The rows without a label.
    probability : float64 ndarray, shape (m, k), or None
        What is known of them; without it the rows are only far from each other.
    """
    if not len(rows) or n < 1:
        return np.zeros(0, np.int64)
    part = sample(len(rows), _MOST_ASKED, rng.child("next").generator())
    known = np.full((len(part), 2), 0.5) if probability is None else probability[part]
    X = frame(data, rows[part], drop=(column,)).linear()
    if not X.shape[1]:
        X = np.zeros((len(part), 1))
    return rows[part[propose(known, X, min(n, len(part)))]]


def enough(data: Dataset, column: str) -> bool:
    """Tell whether there are labels to learn from: two classes with five rows each."""
    target = class_target(with_target(data, column))
    if target is None:
        return False
    counts = np.bincount(target.codes[target.codes >= 0], minlength=len(target.classes))
    return bool((counts >= 5).sum() >= 2)


def label_by_rules(rows: NDArray[np.int64], combined: Combined, confidence: float) -> Labels:
    """Label rows by what rules say alone: where one class has at least the probability that was asked for."""
    P = combined.probability[rows]
    sets = np.where(np.isnan(P), True, 1 - confidence < P)
    sets &= ~((confidence <= P).any(1)[:, None] & (confidence > P))
    classes = np.array(combined.classes, object)
    return Labels(rows, classes, np.where(np.isnan(P), 1.0 / max(P.shape[1], 1), P), sets)
