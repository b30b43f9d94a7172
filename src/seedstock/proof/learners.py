"""The learners of a proof: a linear model, a small tree, gradient boosting and a small neural net.

Each learns from soft labels: a row with class probabilities counts as one row a class, weighted by the probability.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
_LEAST = 0.05
"""Class probabilities below this are left out of the soft labels."""
NAMES = ("linear", "tree", "boosting", "net")
GRIDS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "linear": tuple({"C": c} for c in (0.003, 0.03, 0.3, 3.0)),
    "tree": tuple({"max_leaf_nodes": k} for k in (4, 8, 16)),
    "boosting": (
        {"max_iter": 30, "min_samples_leaf": 5},
        {"max_iter": 100, "min_samples_leaf": 5},
        {"max_iter": 100, "min_samples_leaf": 20},
    ),
    "net": ({"alpha": 0.03}, {"alpha": 1.0}),
}


@dataclass(frozen=True)
class Learner:
    """One learner with its settings.

    Attributes
    ----------
    name : {"linear", "tree", "boosting", "net"}
    settings : mapping
    number : bool
        Whether a number is predicted.
    seed : int
    """

    name: str
    settings: Mapping[str, Any]
    number: bool
    seed: int = 0

    @property
    def scaled(self) -> bool:
        """Whether it takes scaled features, and not ordinal ones."""
        return self.name in ("linear", "net")

    def fit(self, X: Matrix, Y: Matrix, weight: Vector) -> Predictor:
        """Learn Y, shape (n, k), from rows X, shape (n, d), with the rows' weights, shape (n,)."""
        if self.number:
            y, k = Y[:, 0], 1
        else:
            k = Y.shape[1]
            rows, classes = np.nonzero(np.minimum(_LEAST, Y.max(1, keepdims=True) / 2) < Y)
            X, y, weight = X[rows], classes, Y[rows, classes] * weight[rows]
            if len(np.unique(y)) == 1:
                return Predictor(None, np.eye(k)[y[:1]], k)
        # Settings such as C and leaf sizes mean rows: a sum of weights far from n would change them.
        weight = weight * (len(weight) / weight.sum())
        centre, spread = (float(y.mean()), float(y.std()) or 1.0) if self.number else (0.0, 1.0)
        if self.number:
            y = (y - centre) / spread
        model = self._model(k)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore", UserWarning)  # no convergence; more classes than rows of one
            empty = np.isnan(X).all(0)
            model.fit(np.where(empty, 0.0, X), y, sample_weight=weight)
        return Predictor(model, None, k, self.number, centre, spread)

    def _model(self, classes: int) -> Any:
        s, number = dict(self.settings), self.number
        if self.name == "linear":
            return Ridge(alpha=1 / s["C"]) if number else LogisticRegression(max_iter=200, tol=1e-3, **s)
        if self.name == "tree":
            kind = DecisionTreeRegressor if number else DecisionTreeClassifier
            return kind(random_state=self.seed, min_weight_fraction_leaf=0.01, **s)
        if self.name == "net":
            kind = MLPRegressor if number else MLPClassifier
            return kind(hidden_layer_sizes=(32,), solver="lbfgs", max_iter=150, random_state=self.seed, **s)
        # One tree a class and iteration: many classes get fewer iterations.
        s["max_iter"] = max(10, s["max_iter"] * 3 // max(classes, 3))
        kind = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
        return kind(learning_rate=0.1, early_stopping=False, l2_regularization=1.0, random_state=self.seed, **s)


@dataclass(frozen=True)
class Predictor:
    """A fitted learner: predicts probabilities, shape (n, k), or numbers, shape (n, 1)."""

    model: Any
    constant: Matrix | None
    k: int
    number: bool = False
    centre: float = 0.0
    spread: float = 1.0

    def predict(self, X: Matrix) -> Matrix:
        if self.constant is not None:
            return np.repeat(self.constant, len(X), axis=0)
        with np.errstate(all="ignore"):
            if self.number:
                out: Matrix = self.model.predict(X)[:, None] * self.spread + self.centre
                return out
            p = np.zeros((len(X), self.k))
            p[:, self.model.classes_] = self.model.predict_proba(X)
        return p
