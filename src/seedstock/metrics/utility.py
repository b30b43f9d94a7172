"""Utility: train on synthetic rows, test on real ones, beside training on real rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Direction, Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._auc import bootstrap_weights, percentile_interval, resampled_auc
from seedstock.metrics._columns import NUMERIC, common_codes, is_amount, numbers, sizes, thin
from seedstock.metrics._features import Matrix, encode
from seedstock.metrics._learners import boosting, fit, linear, probabilities
from seedstock.metrics._threads import one_thread

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Utility:
    """Two learners, gradient boosting and a linear model, learn the target from synthetic rows; the holdout tests.

    For a category or boolean: ``utility_boosting_auc`` (several classes: mean of one against the rest) and
    ``utility_boosting_macro_f1``; for a number: ``utility_boosting_rmse``, with R2 in the details; the same with
    ``linear``. The floor, in truth the aim, is the same learner trained on the real train rows. Intervals are
    bootstraps over the holdout; the details have the paired interval of the difference to the floor. Good is a loss
    of at most 0.02 AUC, 0.03 F1 or 10 % RMSE, and 0.5 / sqrt(n) more for the chance of n rows to learn from.

    Rows without a target are set aside. At most `max_rows` rows to learn from, `max_test` to test on, `max_classes`
    classes; rarer ones are one class "other".
    """

    max_rows: int = 40_000
    max_test: int = 20_000
    max_classes: int = 20
    iterations: int = 100
    resamples: int = 200

    group: ClassVar[str] = "utility"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        target = evidence.target
        if target is None:
            return []
        kind = evidence.train.columns[target].kind
        if kind not in (*NUMERIC, "category", "boolean"):
            return []
        e = replace(
            evidence,
            train=thin(_known(evidence.train, target), self.max_rows, rng.child("train")),
            holdout=thin(_known(evidence.holdout, target), self.max_test, rng.child("holdout")),
            synthetic=thin(_known(evidence.synthetic, target), self.max_rows, rng.child("synthetic")),
        )
        number = is_amount(e.train.table[target], kind)
        names = ("rmse",) if number else ("auc", "macro_f1")
        features = encode(e, drop=[target])
        why = None
        if min(sizes(e).values()) < 2:
            why = "each side needs 2 rows with a known target"
        elif not features.names:
            why = "there is no column to learn from"
        y, labels = _targets(e, target, number, self.max_classes)
        if not why and not number and len(np.unique(y[1])) < 2:
            why = "the holdout has one class only"
        info = {**features.details, "rows": sizes(e), "target": target, "classes": list(labels)}
        if why:
            nan = float("nan")
            better: Direction = "low" if number else "high"
            return [
                Score(f"utility_{learner}_{name}", nan, nan, better, nan, details={**info, "why": why})
                for learner in ("boosting", "linear")
                for name in names
            ]
        weights = bootstrap_weights(len(y[1]), self.resamples, rng.child("bootstrap").generator())
        out = []
        for learner, X in (("boosting", features.parts), ("linear", features.standardised())):
            seed = rng.child(learner).integer()
            make = _Maker(learner, features.categorical, seed, number, self.iterations, len(labels))
            if number:
                out.append(_regression(learner, make, X, y, weights, info))
            else:
                out += _classification(learner, make, X, y, len(labels), weights, info)
        return out


@dataclass(frozen=True)
class _Maker:
    learner: str
    categorical: NDArray[np.bool_]
    seed: int
    number: bool
    iterations: int
    classes: int

    def __call__(self) -> Any:
        if self.learner == "linear":
            return linear(self.number)
        # One tree a class and iteration: many classes get fewer iterations.
        iterations = (
            self.iterations if self.classes <= 3 else max(self.iterations // 5, 3 * self.iterations // self.classes)
        )
        return boosting(self.categorical, self.seed, self.number, iterations)


def _known(data: Any, target: str) -> Any:
    column = data.table[target]
    bad = column.missing
    if column.values.dtype.kind == "f":
        bad = bad | ~np.isfinite(column.values)
    return data.take(~bad) if bad.any() else data


def _targets(e: Evidence, target: str, number: bool, limit: int) -> tuple[list[Any], tuple[str, ...]]:
    cells = [d.table[target] for d in (e.train, e.holdout, e.synthetic)]
    if number:
        return [numbers(c) for c in cells], ()
    codes, labels = common_codes(cells)
    if len(labels) <= limit:
        return list(codes), labels
    counts = np.bincount(codes[0], minlength=len(labels))
    kept = np.sort(np.argsort(-counts, kind="stable")[: limit - 1])
    new = np.full(len(labels), limit - 1)
    new[kept] = np.arange(limit - 1)
    return [new[c] for c in codes], (*(labels[k] for k in kept), "other")


def _regression(learner: str, make: Any, X: Any, y: list[Any], weights: Matrix, info: dict[str, Any]) -> Score:
    # In units of the real target's spread: sums of squares of huge numbers would overflow.
    unit = float(np.abs(y[0]).max()) or 1.0
    y = [v / unit for v in y]
    errors = []
    for part in (2, 0):
        centre, spread = float(y[part].mean()), float(y[part].std()) or 1.0
        predicted = _predict(fit(make(), X[part], (y[part] - centre) / spread), X[1]) * spread + centre
        errors.append((predicted - y[1]) ** 2)
    total = float(((y[1] - y[1].mean()) ** 2).mean())
    value, floor = (unit * float(np.sqrt(e.mean())) for e in errors)
    boot = [unit * np.sqrt(weights @ e / len(e)) for e in errors]
    details = {
        **info,
        "r2": None if not total else 1 - float(errors[0].mean()) / total,
        "r2_floor": None if not total else 1 - float(errors[1].mean()) / total,
        "difference_interval": percentile_interval(boot[0] - boot[1]),
    }
    name = f"utility_{learner}_rmse"
    return Score(name, value, floor, "low", (1.1 + _slack(y)) * floor, percentile_interval(boot[0]), len(y[1]), details)


def _predict(model: Any, X: Matrix) -> Matrix:
    with one_thread():
        out: Matrix = model.predict(X)
    return out


def _classification(
    learner: str, make: Any, X: Any, y: list[Codes], k: int, weights: Matrix, info: dict[str, Any]
) -> list[Score]:
    auc, f1 = [], []
    for part in (2, 0):
        p = _probabilities(make, X[part], y[part], X[1], k)
        auc.append(_macro_auc(p, y[1], weights))
        f1.append(_macro_f1(p.argmax(1), y[1], k, weights))
    missing = sorted(set(range(k)) & set(y[0].tolist()) - set(y[2].tolist()))
    slack = _slack(y)
    info = {**info, "classes_missing_in_synthetic": [info["classes"][c] for c in missing]}
    out = []
    for name, (made, real), allowed in (("auc", auc, 0.02), ("macro_f1", f1, 0.03)):
        details = {**info, "difference_interval": percentile_interval(made[1:] - real[1:])}
        good = float(max(0.0, real[0] - allowed - slack))
        interval = percentile_interval(made[1:])
        out.append(
            Score(
                f"utility_{learner}_{name}", float(made[0]), float(real[0]), "high", good, interval, len(y[1]), details
            )
        )
    return out


def _slack(y: list[Any]) -> float:
    """Return how much two equally good samples to learn from may differ, beside what is allowed anyway."""
    return 0.5 / float(np.sqrt(min(len(y[0]), len(y[2]))))


def _probabilities(make: Any, X: Matrix, y: Codes, test: Matrix, k: int) -> Matrix:
    """Return the k classes' probabilities; classes that the learner has not seen get 0."""
    seen, inverse = np.unique(y, return_inverse=True)
    out = np.zeros((len(test), k))
    if len(seen) == 1:
        out[:, seen[0]] = 1.0
        return out
    out[:, seen] = probabilities(fit(make(), X, inverse.reshape(-1)), test)
    return out


def _macro_auc(p: Matrix, y: Codes, weights: Matrix) -> Matrix:
    """Return the mean AUC of one class against the rest, over the classes in the holdout: plain, then resampled."""
    w = np.vstack([np.ones(len(y)), weights])
    classes = np.unique(y)
    if len(classes) == 2 and p.shape[1] == 2:
        classes = classes[1:]
    per_class = [resampled_auc(p[:, c], y == c, w) for c in classes]
    return _mean_over_known(np.array(per_class))


def _macro_f1(predicted: Codes, y: Codes, k: int, weights: Matrix) -> Matrix:
    w = np.vstack([np.ones(len(y)), weights])
    scores = []
    for c in np.unique(y):
        hit = w @ ((predicted == c) & (y == c)).astype(np.float64)
        total = w @ ((predicted == c).astype(np.float64) + (y == c))
        scores.append(np.divide(2 * hit, total, out=np.full(len(w), np.nan), where=total > 0))
    return _mean_over_known(np.array(scores))


def _mean_over_known(x: Matrix) -> Matrix:
    known = ~np.isnan(x)
    n = known.sum(0)
    out: Matrix = np.divide(np.where(known, x, 0).sum(0), n, out=np.full(x.shape[1], np.nan), where=n > 0)
    return out


METRIC = Utility
TINY = Utility(max_rows=3_000, max_test=1_000, iterations=30, resamples=50)
SOURCE = (
    "Esteban et al. 2017, train on synthetic, test on real (arXiv 1706.02633); Hand and Till 2001 for several classes"
)
