"""Probabilities from models that have not seen the row: three unlike learners, cross-fitted and mixed."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

from seedstock.checks._frame import Frame, Matrix, Rows, Target, class_target, frame, sample
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

MOST_ROWS = 40_000
"""Rows that are learned from; of more, a sample."""
FOLDS = 4
_TINY = 1e-6
_MADE: WeakKeyDictionary[Dataset, dict[tuple[int, tuple[str, ...]], CrossFit | None]] = WeakKeyDictionary()


class CrossFit:
    """Out-of-sample class probabilities.

    Attributes
    ----------
    rows : int64 ndarray, shape (m,)
        Rows with a label that were looked at.
    target : Target
    y : int64 ndarray, shape (m,)
        Their classes, 0..k-1 among `classes`.
    P : float64 ndarray, shape (m, k)
    weights : tuple of float
        The share that each learner has in P.
    """

    def __init__(self, rows: Rows, target: Target, y: Rows, P: Matrix, weights: tuple[float, ...], of: Frame) -> None:
        self.rows, self.target, self.y, self.P, self.weights, self.frame = rows, target, y, P, weights, of


def cross_fit(data: Dataset, rng: Rng, drop: tuple[str, ...] = ()) -> CrossFit | None:
    """Return the probabilities of the target's classes, or None where there are too few rows or one class.

    Asked twice about one data set with one seed, the second answer comes from memory.
    """
    known = _MADE.setdefault(data, {})
    key = (rng.seed, drop)
    if key not in known:
        known[key] = _cross_fit(data, Rng(rng.seed).child("cross-fit"), drop)
    return known[key]


def _cross_fit(data: Dataset, rng: Rng, drop: tuple[str, ...]) -> CrossFit | None:
    target = class_target(data)
    if target is None:
        return None
    labelled = np.flatnonzero(target.codes >= 0)
    counts = np.bincount(target.codes[labelled], minlength=len(target.classes))
    # A class of less than five rows cannot be learned; its rows are no evidence against it.
    big = np.flatnonzero(counts >= 5)
    if len(big) < 2 or len(labelled) < 30:
        return None
    place = np.full(len(counts), -1)
    place[big] = np.arange(len(big))
    labelled = labelled[place[target.codes[labelled]] >= 0]
    rows = labelled[sample(len(labelled), MOST_ROWS, rng.child("rows").generator())]
    y = place[target.codes[rows]].astype(np.int64)
    features = frame(data, rows, drop=(target.name, *drop))
    if not features.X.shape[1]:
        return None
    P, weights = probabilities(features, y, len(big), rng)
    kept = Target(target.name, np.where(target.codes >= 0, place[target.codes], -1), target.classes[big])
    return CrossFit(rows, kept, y, P, weights, features)


def probabilities(features: Frame, y: Rows, k: int, rng: Rng, folds: int = FOLDS) -> tuple[Matrix, tuple[float, ...]]:
    """Return cross-fitted probabilities, shape (n, k), and each learner's share in them."""
    n = len(y)
    seed = rng.child("models").integer()
    linear = features.linear()
    learners = [
        (make, linear if kind == "linear" else np.nan_to_num(features.X, nan=-1e9) if kind == "forest" else features.X)
        for kind, make in learners_for(features, k, n, seed).items()
    ]
    each = np.full((len(learners), n, k), _TINY)
    with quiet():
        for train, test in stratified(y, folds, rng):
            for m, (make, X) in enumerate(learners):
                if not X.shape[1]:
                    each[m, test] = 1.0 / k
                    continue
                model = make().fit(dense(X, train), y[train])
                out = np.full((len(test), k), _TINY)
                out[:, model.classes_] += model.predict_proba(X[test])
                each[m, test] = out / out.sum(1, keepdims=True)
    return mixture(each, y)


def mixture(each: NDArray[np.float64], y: Rows) -> tuple[Matrix, tuple[float, ...]]:
    """Mix learners' probabilities, shape (learners, n, k), with the weights under which the labels are likeliest.

    Expectation-maximisation for the weights alone, which converges to the best mixture (Cover and Thomas 2006, 16.3).
    """
    hit = each[:, np.arange(len(y)), y]
    w = np.full(len(each), 1.0 / len(each))
    for _ in range(50):
        shares = w[:, None] * hit
        w = (shares / shares.sum(0)).mean(1)
    w = 0.8 * w + 0.2 / len(w)  # a little of each: they err differently
    return np.einsum("m,mnk->nk", w, each), tuple(float(v) for v in w)


def learners_for(features: Frame, k: int, n: int, seed: int) -> dict[str, Callable[[], Any]]:
    out: dict[str, Callable[[], Any]] = {
        "linear": lambda: LogisticRegression(C=0.3, max_iter=60, tol=1e-2),
        "forest": lambda: ExtraTreesClassifier(
            80 if n < 20_000 else 40, min_samples_leaf=3, max_features="sqrt", random_state=seed
        ),
    }
    if k <= 20 and n >= 200:
        steps = max(10, 60 // max(1, k // 3))
        out["boosting"] = lambda: boosting(features.categorical, seed, steps)
    return out


def boosting(categorical: NDArray[np.bool_], seed: int, steps: int = 60, regression: bool = False) -> Any:
    """Return histogram gradient boosting of a bounded size."""
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return kind(
        max_iter=steps,
        learning_rate=0.12,
        max_leaf_nodes=24,
        early_stopping=False,
        l2_regularization=5.0,
        categorical_features=categorical if categorical.any() else None,
        random_state=seed,
    )


def dense(X: Matrix, rows: Rows) -> Matrix:
    """Return training rows in which no column is empty: histogram boosting cannot bin such a column."""
    part = X[rows]
    empty = np.isnan(part).all(0)
    if empty.any():
        part[:, empty] = 0.0
    return part


def stratified(y: Rows, folds: int, rng: Rng) -> list[tuple[Rows, Rows]]:
    """Return stratified folds: each class is dealt out in random order."""
    g = rng.child("folds").generator()
    order = np.lexsort((g.random(len(y)), y))
    fold = np.empty(len(y), np.int64)
    fold[order] = np.arange(len(y)) % folds
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(folds)]


def predict_numbers(features: Frame, y: NDArray[np.float64], rng: Rng, folds: int = 3, steps: int = 50) -> Matrix:
    """Return for each row a boosted prediction of a number by models that have not seen the row, shape (n,)."""
    out = np.zeros(len(y))
    seed = rng.child("models").integer()
    splitter = KFold(folds, shuffle=True, random_state=seed)
    with quiet():
        for train, test in splitter.split(y):
            model = boosting(features.categorical, seed, steps, regression=True)
            out[test] = model.fit(dense(features.X, train), y[train]).predict(features.X[test])
    return out


class quiet:  # noqa: N801  (a context, like contextlib.suppress)
    """One thread, and no warnings of models that stopped early: good enough to judge by."""

    def __enter__(self) -> None:
        self._threads: AbstractContextManager[Any] = threadpool_limits(limits=1)
        self._warnings = warnings.catch_warnings()
        self._errors = np.errstate(all="ignore")
        self._threads.__enter__()
        self._warnings.__enter__()
        self._errors.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *details: Any) -> None:
        self._errors.__exit__(*details)
        self._warnings.__exit__(*details)
        self._threads.__exit__(*details)
