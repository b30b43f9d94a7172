"""People's mistakes, held out: made mixtures that no choice was made on, seen by annotators through a blur.

Three annotators look at each row's place in space through a blur of their own and say the nearest class; the label is
what two of them say. Two unlike learners see the place itself, and learn from these labels.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from wrong_labels import beside, scores

from seedstock import rank_label_errors

MIXTURES = {"5 classes": (5, 8, 1.5), "10 classes": (10, 20, 1.2), "25 classes": (25, 30, 1.2)}
LEARNERS = {
    "linear": lambda: LogisticRegression(C=0.3, max_iter=200),
    "trees": lambda: ExtraTreesClassifier(100, min_samples_leaf=2, random_state=0),
}
ROWS = 3_000
SHARE = 0.09


def people() -> dict[str, Any]:
    """Average precision and F1 of the cut, beside the peer, and what is named where all labels are right."""
    out: dict[str, Any] = {}
    for seed, (name, (k, d, apart)) in enumerate(MIXTURES.items()):
        g = np.random.default_rng(1_000 + seed)
        centres = apart * g.normal(size=(k, d))
        true = g.integers(0, k, ROWS)
        X = centres[true] + g.normal(size=(ROWS, d))
        given = {
            "right": true,
            "people": annotated(X, centres, true, g),
            "symmetric": swapped(true, k, np.full(k, SHARE), g.integers(1, k, ROWS), g),
            "by class": swapped(true, k, SHARE * np.where(np.arange(k) % 2, 2 / 3, 4 / 3), np.ones(ROWS, int), g),
        }
        for kind, y in given.items():
            for learner, make in LEARNERS.items():
                P = cross_val_predict(make(), X, y, cv=5, method="predict_proba")
                found = rank_label_errors(y, P)
                entry: dict[str, Any] = {"named": len(found.flagged), "true": int((y != true).sum())}
                if kind != "right":
                    place = np.empty(ROWS)
                    place[found.ranked] = -np.arange(ROWS)
                    entry["ours"] = scores(y != true, place, found.flagged)
                    if peer := os.environ.get("CLEANLAB_PYTHON"):
                        entry["cleanlab"] = beside(peer, y, P, y != true)
                out[f"{name}, {kind}, {learner}"] = entry
    return out


def annotated(X: np.ndarray, centres: np.ndarray, true: np.ndarray, g: np.random.Generator) -> np.ndarray:
    """Labels by a majority of three; the blur is the one that gives nearly the wanted share of mistakes."""
    blurs = [g.normal(size=X.shape) for _ in range(3)]
    low, high = 0.0, 6.0
    for _ in range(12):
        blur = (low + high) / 2
        said = [(((X + blur * b)[:, None] - centres) ** 2).sum(-1).argmin(1) for b in blurs]
        label = np.where(said[1] == said[2], said[1], said[0])
        low, high = (low, blur) if (label != true).mean() > SHARE else (blur, high)
    return label


def swapped(true: np.ndarray, k: int, rate: np.ndarray, step: np.ndarray, g: np.random.Generator) -> np.ndarray:
    bad = g.random(len(true)) < rate[true]
    return np.where(bad, (true + step) % k, true)
