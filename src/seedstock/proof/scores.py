"""How good predictions are: one score to compare by, and what stands beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from seedstock.proof.task import Target

Matrix = NDArray[np.float64]


def measure_of(target: Target) -> str:
    """Return what the score is: ``AUC`` (of several classes: mean of one against the rest), or ``R2`` of a number."""
    return "R2" if target.is_number else "AUC"


def score(predicted: Matrix, Y: Matrix, target: Target) -> float:
    """Return the score of predictions of the true Y, higher is better; NaN where the truth has one class only."""
    if target.is_number:
        total = float(((Y - Y.mean()) ** 2).sum())
        return 1 - float(((predicted - Y) ** 2).sum()) / total if total else float("nan")
    return float(np.mean(list(_aucs(predicted, Y).values()))) if len(np.unique(Y.argmax(1))) > 1 else float("nan")


def placements(predicted: Matrix, Y: Matrix) -> NDArray[np.float64]:
    """Return for each row the share of other classes' rows that are less likely of its class than it is, shape (n,).

    Their mean over a class is its AUC; of differences of two predictors' the spread gives the standard error (DeLong et
    al. 1988). Without rows of another class it is one half.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])
    >>> placements(p, np.eye(2)[[0, 1, 1]]).tolist()
    [1.0, 1.0, 1.0]
    """
    own = Y.argmax(1)
    mine, theirs = predicted[np.arange(len(own)), own], predicted[:, own]  # theirs[j, i]: row j of row i's class
    other = own[:, None] != own
    below = ((theirs < mine) + 0.5 * (theirs == mine)) * other
    return np.where(other.any(0), below.sum(0) / np.maximum(other.sum(0), 1), 0.5)


def mean_rise(d: NDArray[np.float64], classes: NDArray[np.int64]) -> tuple[float, float]:
    """Return by how much an AUC rises and the standard error, from differences of placements, shape (n,).

    Classes of one row have no spread and are left out; without two others there is nothing to say: (0, inf).
    """
    parts = [d[classes == k] for k in np.unique(classes)]
    parts = [part for part in parts if len(part) > 1]
    if len(parts) < 2:
        return 0.0, float("inf")
    spread = sum(float(part.var(ddof=1)) / len(part) for part in parts)
    return float(np.mean([part.mean() for part in parts])), 2 / len(parts) * float(np.sqrt(spread))


def details(predicted: Matrix, Y: Matrix, target: Target) -> dict[str, Any]:
    """Return calibration and per-class scores as JSON values.

    Classes: ``log_loss``, ``brier``, ``calibration_error`` (mean distance of confidence from hits over ten bins; Naeini
    et al. 2015), ``accuracy``, and per class ``auc`` and ``recall``. Numbers: ``rmse``.
    """
    if target.is_number:
        return {"rmse": float(np.sqrt(((predicted - Y) ** 2).mean()))}
    p = np.clip(predicted, 1e-6, None)
    p = p / p.sum(1, keepdims=True)
    right = p.argmax(1) == Y.argmax(1)
    confidence = p.max(1)
    bins = np.minimum((confidence * 10).astype(int), 9)
    gaps = np.bincount(bins, right - confidence, minlength=10)
    aucs = _aucs(p, Y)
    classes = {
        name: {"auc": aucs.get(k), "recall": float(right[Y[:, k] > 0].mean()) if Y[:, k].any() else None}
        for k, name in enumerate(target.classes)
    }
    return {
        "accuracy": float(right.mean()),
        "log_loss": float(-np.log((p * Y).sum(1)).mean()),
        "brier": float(((p - Y) ** 2).sum(1).mean()),
        "calibration_error": float(np.abs(gaps).sum() / len(Y)),
        "classes": classes,
    }


def _aucs(predicted: Matrix, Y: Matrix) -> dict[int, float]:
    """Return the AUC of each class against the rest; of two classes they are equal, and the second's is left out."""
    here = [k for k in range(Y.shape[1]) if 0 < Y[:, k].sum() < len(Y)]
    if Y.shape[1] == 2:
        here = here[:1]
    return {k: float(roc_auc_score(Y[:, k], predicted[:, k])) for k in here}
