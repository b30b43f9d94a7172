"""Trees grown and evaluated by scikit-learn's compiled code: the one place that knows it.

The grower and the predictor are not part of scikit-learn's public face. `tests/truth` holds them to a literal walk
(`test_leaf_masks.py`) and to the classifier that is made of them (`test_boosting.py`), so that a release that changes
them is noticed there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.grower import TreeGrower
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

_BINS = 256
"""Bins of a feature, of which the last is for missing values; none are missing here."""
_PENALTY = 1.0
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


class GrownTree:
    """One tree grown by second-order gains (Chen and Guestrin 2016, eq. 7) over the bins of p features.

    Parameters
    ----------
    table : uint8 ndarray, shape (p, n)
        At most 255 bins a feature.
    gradients, hessians : float ndarrays, shape (n,)
    leaves, min_rows : int
        Most leaves, and fewest rows of one.
    step : float
        By which the leaves' values are shrunk.
    """

    def __init__(
        self, table: NDArray[np.uint8], gradients: NDArray[Any], hessians: NDArray[Any], leaves: int, min_rows: int,
        step: float,
    ) -> None:  # fmt: skip
        filled = table.max(axis=1).astype(np.uint32) + 1
        self._grower = TreeGrower(
            table.T, gradients.astype(np.float32), hessians.astype(np.float32), max_leaf_nodes=leaves,
            min_samples_leaf=min_rows, n_bins=_BINS, n_bins_non_missing=filled, l2_regularization=_PENALTY,
            shrinkage=step, n_threads=1,
        )  # fmt: skip
        self._grower.grow()
        self._tree = self._grower.make_predictor([np.arange(_BINS, dtype=float)] * len(table))

    def add_to(self, total: NDArray[np.float64]) -> None:
        """Add to the rows from which the tree was grown, shape (n,), the values of their leaves."""
        for leaf in self._grower.finalized_leaves:
            total[leaf.sample_indices] += leaf.value

    def of(self, table: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the values of other rows by their bins, shape (p, m)."""
        values: NDArray[np.float64] = self._tree.predict_binned(table.T, _BINS - 1, 1)
        return values

    def nodes(self) -> dict[str, NDArray[Any]]:
        """Return the tree as arrays of nodes; its thresholds are numbers of bins."""
        nodes = self._tree.nodes
        leaf = nodes["is_leaf"].astype(bool)
        return {
            "feature": np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32),
            "threshold": np.where(leaf, 0, nodes["bin_threshold"]).astype(float),
            "left": nodes["left"].astype(np.int32),
            "right": nodes["right"].astype(np.int32),
            "value": np.where(leaf, nodes["value"], 0.0),
        }
