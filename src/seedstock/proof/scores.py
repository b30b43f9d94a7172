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
