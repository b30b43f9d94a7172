"""A teacher: unlike learners, weighted by how well each foresees rows that it has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.proof.folds import folds
from seedstock.proof.learners import Learner
from seedstock.proof.task import Design, Target

Matrix = NDArray[np.float64]
Predict = Callable[[Dataset], Matrix]
_SHARE = 0.02
"""A member with less weight than this is left out."""
_PRIOR = 2.0
"""Rows' worth of belief in each member before any is tried: few rows cannot tell members apart."""
MEMBERS = ("linear", "stiff linear", "trees", "boosting", "kernel", "net")


@dataclass(frozen=True, eq=False)
class Teacher:
    """A weighted mean of unlike learners (stacking).

    Attributes
    ----------
    weights : dict of str to float
        Each member's share.
    predict : callable
        Rows -> class probabilities, shape (n, k), or numbers, shape (n, 1).
    own : ndarray, shape (n, k) or (n, 1)
        The same for the rows that it learned from, each by members that have not seen it.
    """

    weights: dict[str, float]
    predict: Predict
    own: Matrix

    @classmethod
    def fit(cls, data: Dataset, target: Target, rng: Rng, k: int = 3) -> Teacher:
        """Learn from real rows.

        The members' shares maximise the likelihood of held-out classes (by EM, as of a mixture's weights), or give
        the least squares of held-out numbers.
        """
        Y = target.values(data)
        own = {name: np.zeros_like(Y) for name in MEMBERS}
        for j, (train, test) in enumerate(folds(Y, target, k, rng.child("folds"))):
            for name in MEMBERS:
                member = _member(name, data.take(train), target, rng.child(name, j))
                own[name][test] = member(data.take(test))
        shares = _shares(np.stack([own[name] for name in MEMBERS]), Y, target.is_number)
        used = {name: float(s) for name, s in zip(MEMBERS, shares, strict=True) if s >= _SHARE}
        total = sum(used.values())
        weights = {name: s / total for name, s in used.items()}
        members = {name: _member(name, data, target, rng.child(name)) for name in weights}

        def predict(rows: Dataset) -> Matrix:
            return np.asarray(sum(w * members[name](rows) for name, w in weights.items()))

        return cls(weights, predict, np.asarray(sum(w * own[name] for name, w in weights.items())))


def _shares(own: NDArray[np.float64], Y: Matrix, number: bool) -> NDArray[np.float64]:
    """Return members' weights from their held-out predictions, shape (members, n, k)."""
    if number:
        A = own[:, :, 0].T
        centre = Y.mean()
        # The penalty keeps weights of members that say the same from running apart.
        ridge = np.sqrt(0.01 * len(Y)) * Y.std() * np.eye(len(own))
        w = nnls(np.vstack([A - centre, ridge]), np.concatenate([(Y[:, 0] - centre), ridge.sum(0) / len(own)]))[0]
        return np.asarray(w / w.sum()) if w.sum() else np.full(len(own), 1 / len(own))
    likely = np.maximum((own * Y).sum(2), 1e-3)
    w = np.full(len(own), 1 / len(own))
    for _ in range(50):
        r = w[:, None] * likely
        w = (r / r.sum(0)).sum(1) + _PRIOR
        w /= w.sum()
    return np.asarray(w)


def _member(name: str, data: Dataset, target: Target, rng: Rng) -> Predict:
    design = Design.of(data, target.name)
    Y, seed, number = target.values(data), rng.integer(), target.is_number
    weight = np.ones(len(Y))
    plain = {"linear": ("linear", {"C": 0.3}), "stiff linear": ("linear", {"C": 0.02}), "net": ("net", {"alpha": 1.0})}
    plain["boosting"] = ("boosting", {"max_iter": 60, "min_samples_leaf": 5})
    if name in plain:
        learner = Learner(*plain[name], number=number, seed=seed)
        features = design.scaled if learner.scaled else design.ordinal
        fitted = learner.fit(features(data), Y, weight)
        return lambda rows: fitted.predict(features(rows))
    return _foreign(_trees(number, seed) if name == "trees" else _kernel(number, len(Y), seed), design, data, Y, number)


def _trees(number: bool, seed: int) -> Any:
    kind = ExtraTreesRegressor if number else ExtraTreesClassifier
    return kind(80, min_samples_leaf=2, max_features=None if number else "sqrt", random_state=seed)


def _kernel(number: bool, n: int, seed: int) -> Any:
    head = Ridge(alpha=0.3) if number else LogisticRegression(C=3.0, max_iter=200, tol=1e-3)
    return make_pipeline(Nystroem(gamma=None, n_components=min(n, 200), random_state=seed), head)


def _foreign(model: Any, design: Design, data: Dataset, Y: Matrix, number: bool) -> Predict:
    X = design.scaled(data)
    y = Y[:, 0] if number else Y.argmax(1)
    centre, spread = (float(y.mean()), float(y.std()) or 1.0) if number else (0.0, 1.0)
    k = Y.shape[1]
    if not number and len(np.unique(y)) == 1:
        return lambda rows: np.repeat(np.eye(k)[y[:1]], len(rows.table), axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no convergence; more classes than rows of one
        model.fit(X, (y - centre) / spread if number else y)

    def predict(rows: Dataset) -> Matrix:
        if number:
            return np.asarray(model.predict(design.scaled(rows))[:, None] * spread + centre)
        out = np.zeros((len(rows.table), k))
        out[:, model.classes_] = model.predict_proba(design.scaled(rows))
        return out

    return predict
