"""Detection: can a classifier tell synthetic rows from real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._auc import auc, auc_interval, null_half_width
from seedstock.metrics._columns import sizes, thin_all
from seedstock.metrics._features import Features, Matrix, encode
from seedstock.metrics._learners import boosting, fit, linear, out_of_fold, probabilities

MIN_ROWS = 12
"""Fewer rows a side cannot be parted into three folds that say anything."""


@dataclass(frozen=True)
class Detection:
    """Three scores, all from out-of-fold predictions of three folds.

    ``c2st``: train against synthetic by gradient boosting, as 1 - (2 max(1/2, AUC) - 1): 1 is indistinguishable,
    0 is told apart without error. ``detection_auc``: the same learner, holdout against equally many synthetic
    rows; 0.5 is ideal. ``logistic_auc``: holdout against synthetic by logistic regression. The floor is train
    against holdout, by the same learner.

    At most `max_rows` rows a side; the details name the columns that tell most.
    """

    max_rows: int = 30_000
    iterations: int = 100

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        thinned = thin_all(evidence, self.max_rows, rng.child("thin"))
        features = encode(thinned)
        info = {**features.details, "rows": sizes(thinned)}
        train, holdout, synthetic = features.parts
        if min(len(train), len(holdout), len(synthetic)) < MIN_ROWS or not features.names:
            why = f"three folds need {MIN_ROWS} rows a side" if features.names else "no column can be learned"
            nan = float("nan")
            return [
                Score("c2st", nan, nan, "high", 0.8, details={**info, "why": why}),
                Score("detection_auc", nan, nan, "half", 0.6, details={**info, "why": why}),
                Score("logistic_auc", nan, nan, "half", 0.6, details={**info, "why": why}),
            ]

        def by_boosting(a: Matrix, b: Matrix, name: str) -> _Told:
            seed = rng.child(name).integer()
            return _tell(a, b, lambda: boosting(features.categorical, seed, iterations=self.iterations, rate=0.2), seed)

        floor = by_boosting(*_even(train, holdout, rng.child("floor")), "floor")
        c2st = by_boosting(*_even(train, synthetic, rng.child("c2st")), "c2st")
        detection = by_boosting(*_even(holdout, synthetic, rng.child("detection")), "detection")
        telling = most_telling(features, rng.child("telling"))
        a, b, c = features.standardised()
        seed = rng.child("logistic").integer()
        line_floor = _tell(*_even(a, b, rng.child("floor")), linear, seed)
        line = _tell(*_even(b, c, rng.child("detection")), linear, seed)
        return [
            Score(
                "c2st",
                _c2st(c2st.auc),
                _c2st(floor.auc),
                "high",
                max(0.0, 0.8 - 2 * c2st.noise),
                _c2st_interval(c2st.interval),
                c2st.n,
                {**info, "auc": c2st.auc, "most_telling": telling},
            ),
            Score(
                "detection_auc",
                detection.auc,
                floor.auc,
                "half",
                max(0.6, 0.5 + detection.noise),
                detection.interval,
                detection.n,
                info,
            ),
            Score(
                "logistic_auc",
                line.auc,
                line_floor.auc,
                "half",
                max(0.6, 0.5 + line.noise),
                line.interval,
                line.n,
                info,
            ),
        ]


@dataclass(frozen=True)
class _Told:
    auc: float
    interval: tuple[float, float] | None
    n: int
    noise: float


def _tell(a: Matrix, b: Matrix, make: Any, seed: int) -> _Told:
    y = np.arange(len(a) + len(b)) >= len(a)
    scores = out_of_fold(make, np.concatenate([a, b]), y, seed)
    return _Told(auc(scores, y), auc_interval(scores, y), len(y), null_half_width(len(a), len(b)))


def _even(a: Matrix, b: Matrix, rng: Rng) -> tuple[Matrix, Matrix]:
    """Return as many rows of both: all of the smaller one."""
    n = min(len(a), len(b))
    g = rng.generator()
    return tuple(x if len(x) == n else x[np.sort(g.permutation(len(x))[:n])] for x in (a, b))  # type: ignore[return-value]


def most_telling(features: Features, rng: Rng, limit: int = 4_000) -> list[dict[str, Any]]:
    """Return the columns by how much the classifier loses when a column is shuffled, greatest first.

    One model on half of at most `limit` rows a side, permutation importance on the other half: AUC points.
    """
    a, b = _even(features.parts[0][:], features.parts[2][:], rng)
    g = rng.child("rows").generator()
    n = min(len(a), limit)
    rows = g.permutation(len(a))[:n]
    X, y = np.concatenate([a[rows], b[rows]]), np.arange(2 * n) >= n
    half = np.tile(np.arange(n) % 2 == 0, 2)
    model = fit(boosting(features.categorical, rng.integer(), iterations=50), X[half], y[half])
    test, truth = X[~half], y[~half]
    base = auc(probabilities(model, test)[:, 1], truth)
    out: list[dict[str, Any]] = []
    shuffle: NDArray[np.int64] = g.permutation(len(test))
    for j, name in enumerate(features.names):
        changed = test.copy()
        changed[:, j] = changed[shuffle, j]
        loss = base - auc(probabilities(model, changed)[:, 1], truth)
        out.append({"column": name, "auc_lost": round(max(0.0, loss), 4)})
    return sorted((o for o in out if o["auc_lost"] > 0), key=lambda o: (-o["auc_lost"], o["column"]))[:10]


def _c2st(x: float) -> float:
    return 1 - (2 * max(0.5, x) - 1)


def _c2st_interval(x: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if x is None else (_c2st(x[1]), _c2st(x[0]))


METRIC = Detection
TINY = Detection(max_rows=1_000, iterations=20)
SOURCE = "Lopez-Paz and Oquab 2017, Revisiting classifier two-sample tests; SDMetrics detection metrics; DeLong 1988"
