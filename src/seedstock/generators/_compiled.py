"""Trees evaluated by scikit-learn's compiled predictor: the one place that knows it.

The predictor is not part of scikit-learn's public face. `tests/truth/test_filter.py` holds it to a literal walk, so
that a release that changes it is noticed there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

_PATIENCE, _HELD_PATIENCE = 8, 12
"""Trees after which boosting ends if none of them tells held-out rows better: a fifth of the rows, or given ones."""
_NO_SETS = np.zeros((0, 8), np.uint32)


class CompiledTree:
    """One tree that gives each row the value of its leaf.

    Nodes are arrays of one length; `feature` is -1 in leaves; rows with a value <= threshold go left. Indices are
    trusted here: who loads them checks them.
    """

    def __init__(
        self,
        feature: NDArray[Any],
        threshold: NDArray[Any],
        left: NDArray[Any],
        right: NDArray[Any],
        value: NDArray[Any],
    ) -> None:
        nodes = np.zeros(len(feature), PREDICTOR_RECORD_DTYPE)
        leaf = feature < 0
        nodes["feature_idx"] = np.where(leaf, 0, feature)
        nodes["num_threshold"], nodes["value"], nodes["is_leaf"] = threshold, value, leaf
        nodes["left"], nodes["right"] = np.where(leaf, 0, left), np.where(leaf, 0, right)
        self._tree = TreePredictor(nodes, _NO_SETS, _NO_SETS)

    def __call__(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value of each row of X, shape (n, p)."""
        features = np.zeros(X.shape[1], np.uint32)
        values: NDArray[np.float64] = self._tree.predict(X, _NO_SETS, features, 1)
        return values


def boost(
    X: NDArray[np.float64],
    y: NDArray[np.bool_],
    seed: int,
    iterations: int,
    min_rows: int,
    leaves: int = 8,
    bins: int = 255,
    held: tuple[NDArray[np.float64], NDArray[np.bool_]] | None = None,
    step: float = 0.15,
) -> list[dict[str, Any]]:
    """Boost small trees that tell y, and return their nodes.

    How many is found out on rows that are `held` out: their sum is then the log odds of y, and there is one at least.
    Without them a fifth of the rows is taken, both classes weigh the same, and the sum is the log odds up to a
    constant; there is none where nothing tells y. `step` is the rate.
    """
    model = HistGradientBoostingClassifier(
        learning_rate=step, max_iter=iterations, max_leaf_nodes=leaves, min_samples_leaf=min_rows,
        l2_regularization=1.0, early_stopping=True, validation_fraction=0.2,
        n_iter_no_change=_HELD_PATIENCE if held else _PATIENCE, max_bins=bins,
        class_weight=None if held else "balanced", random_state=seed,
    )  # fmt: skip
    edges = {} if held else _edges(X, bins)
    if edges:
        X = X.copy()
        for j, own in edges.items():
            X[:, j] = np.searchsorted(own, X[:, j])
    # Small trees grow no faster on several cores, and columns are learned side by side.
    with threadpool_limits(limits=1, user_api="openmp"):
        model.fit(X, y, X_val=held[0], y_val=held[1]) if held else model.fit(X, y)
    best = int(np.argmax(model.validation_score_))
    trees = []
    for (tree,) in model._predictors[: max(best, 1 if held else 0)]:
        nodes = tree.nodes
        leaf = nodes["is_leaf"].astype(bool)
        trees.append(
            {
                "feature": np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
                "threshold": nodes["num_threshold"].astype(float),
                "left": nodes["left"].astype(np.int32),
                "right": nodes["right"].astype(np.int32),
                "value": np.where(leaf, nodes["value"], 0.0),
            }
        )
    for nodes in trees:
        for j, own in edges.items():
            here = nodes["feature"] == j
            nodes["threshold"][here] = own[nodes["threshold"][here].astype(np.int64)]
    if held:
        first = trees[0]
        first["value"] = np.where(first["feature"] < 0, first["value"] + float(model._baseline_prediction[0, 0]), 0.0)
    return trees


def _edges(X: NDArray[np.float64], bins: int) -> dict[int, NDArray[np.float64]]:
    """Return ends of bins for the columns of X with more values than bins.

    scikit-learn would look for them among weighted rows, one bin after the other, which takes longer than the trees.
    """
    out = {}
    for j in range(X.shape[1]):
        column = np.sort(X[:, j])
        if 1 + int((np.diff(column) > 0).sum()) > bins:
            out[j] = np.unique(column[np.arange(1, bins) * len(column) // bins])
    return out
