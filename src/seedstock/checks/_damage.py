"""How infectious is it? What a model loses by learning from contaminated rows, on rows that are not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.ensemble import ExtraTreesClassifier

from seedstock.checks._clean import apply
from seedstock.checks._fit import boosting, quiet
from seedstock.checks._frame import Frame, class_target, frame, sample
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

_ROWS = 12_000
_FOLDS = 3
_TREES = 40
_LEAST_ROWS = 100


@dataclass(frozen=True)
class Damage:
    """What one kind of contamination costs.

    Attributes
    ----------
    check : str
    rows : int
        Rows that it touches.
    points : float
        Accuracy, in percent points, that a model gains on clean rows when it is mended or left out; negative where
        leaving it out costs more than it gives.
    interval : tuple of float
        95 % interval of `points`, for all kinds together.
    advice : str
    """

    check: str
    rows: int
    points: float
    interval: tuple[float, float]
    advice: str

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON values."""
        return {**asdict(self), "interval": list(self.interval)}


def weigh(data: Dataset, findings: Sequence[Finding], rng: Rng, max_seconds: float = 30.0) -> list[Damage]:
    """Return what `damage` estimates, costliest first; nothing where the data are no table, or it cannot be told."""
    if data.domain not in ("table", "sequence", "regular") or max_seconds <= 0:
        return []
    try:
        with np.errstate(all="ignore"):
            return list(damage(data, findings, rng, max_seconds).values())
    except Exception:  # an estimate that fails must not cost the findings that it weighs
        return []


def damage(data: Dataset, findings: Sequence[Finding], rng: Rng, max_seconds: float = 30.0) -> dict[str, Damage]:
    """Estimate for each kind of finding what a model loses by learning from the rows as they are.

    Two models, boosting and a forest of full-grown trees, are cross-fitted twice on the same folds of at most 12,000
    rows: on the rows as they are, and on the rows with the kind's edits made (where it proposes none, without its
    rows). Both are tested on rows that no finding touches, and the difference of their mean accuracy is bootstrapped
    over these.

    Returns
    -------
    dict of str to Damage
        By check, costliest first. Empty where there is no class to learn, or too few clean rows.
    """
    target = class_target(data)
    if target is None or len(target.classes) < 2:
        return {}
    n = len(data.table)
    by_check: dict[str, list[Finding]] = {}
    for f in findings:
        if f.rows and f.table == data.name and f.severity != "low":
            by_check.setdefault(f.check, []).append(f)
    touched = np.zeros(n, bool)
    for fs in by_check.values():
        for f in fs:
            touched[list(f.rows)] = True
    rows = sample(n, _ROWS, rng.child("rows").generator())
    rows = rows[target.codes[rows] >= 0]
    clean = ~touched[rows]
    if clean.sum() < _LEAST_ROWS:
        return {}
    fold = rng.child("folds").generator().integers(0, _FOLDS, len(rows))
    seed = rng.child("model").integer()
    start = time.monotonic()
    y = target.codes[rows]
    tested = frame(data, rows, drop=(target.name,))
    as_is = _right(tested, tested.X, y, np.ones(len(rows), bool), clean, fold, y, seed)
    out: list[Damage] = []
    # All kinds together hold at 95 % (Bonferroni): of eight kinds one would else seem to matter by chance.
    reach = float(norm.isf(0.025 / max(len(by_check), 1)))
    for check, fs in sorted(by_check.items(), key=lambda item: -sum(len(f.rows) for f in item[1])):
        if time.monotonic() - start > max_seconds:
            break
        X, labels, keep = _mended(data, fs, rows, target.name, tested, y)
        mended = _right(tested, X, labels, keep, clean, fold, y, seed)
        gain = 100 * (mended - as_is)[clean]
        g = rng.child("bootstrap", check).generator()
        draws = gain[g.integers(0, len(gain), (400, len(gain)))].mean(1) if len(gain) <= 20_000 else None
        spread = float(draws.std()) if draws is not None else float(gain.std() / np.sqrt(len(gain)))
        points = float(gain.mean())
        n_rows = len({r for f in fs for r in f.rows})
        interval = (points - reach * spread, points + reach * spread)
        advice = _advice(check, n_rows, points, interval, int(clean.sum()))
        out.append(Damage(check, n_rows, points, interval, advice))
    # What surely costs something first; a mean that chance explains says little.
    return {d.check: d for d in sorted(out, key=lambda d: (d.interval[0] <= 0, -d.points))}


def _advice(check: str, rows: int, points: float, interval: tuple[float, float], tested: int) -> str:
    """Return what to do first, and what it gives.

    >>> _advice("label_errors", 212, 1.8, (1.1, 2.5), 5_000)
    'fix these 212 labels first: +1.8 points'
    """
    name = check.replace("_", " ")
    if interval[0] > 0:
        what = f"{rows:,} labels" if check == "label_errors" else f"{rows:,} rows ({name})"
        return f"fix these {what} first: {points:+.1f} points"
    if interval[1] < 0:
        return f"{name}: leave its {rows:,} rows in, mending them costs {-points:.1f} points"
    return f"{name}: no loss that can be measured on {tested:,} clean rows"


def _mended(
    data: Dataset, findings: Sequence[Finding], rows: NDArray[np.int64], target: str, as_is: Frame, y: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return features and labels with the findings' edits made, and which rows to keep."""
    place = np.full(len(data.table), -1)
    place[rows] = np.arange(len(rows))
    cells = [e for f in findings for e in f.edits if e.column is not None and place[e.row] >= 0]
    drop = {e.row for f in findings for e in f.edits if e.column is None}
    drop |= {r for f in findings if not f.edits for r in f.rows}
    keep = ~np.isin(rows, sorted(drop))
    if not cells:
        return as_is.X, y, keep
    part = data.take(rows)
    mended, _ = apply(part, [replace(e, row=int(place[e.row])) for e in cells])
    # The same columns in the same places: a text column that became numbers keeps its place.
    X = frame(mended, None, drop=(target,))
    known = class_target(mended)
    codes = y
    if known is not None and any(e.column == target for e in cells):
        original = class_target(data)
        assert original is not None
        index = {c: i for i, c in enumerate(original.classes.tolist())}
        names = np.array([index.get(c, -1) for c in known.classes.tolist()], np.int64)
        codes = np.where(known.codes >= 0, names[known.codes], -1)
        keep = keep & (codes >= 0)
    if X.names != as_is.names or (X.categorical != as_is.categorical).any() or any(e.column != target for e in cells):
        # Codes of categories depend on the rows: mended features are used for learning and for testing alike.
        return X.X, codes, keep
    return as_is.X, codes, keep


def _right(
    features: Frame, X: NDArray[np.float64], labels: NDArray[np.int64], keep: NDArray[np.bool_],
    tested: NDArray[np.bool_], fold: NDArray[np.int64], y: NDArray[np.int64], seed: int,
) -> NDArray[np.float64]:  # fmt: skip
    """Return for each row the share of models, none of which has seen it, that find its class, shape (n,)."""
    out = np.zeros(len(y))
    categorical = features.categorical if X.shape[1] == len(features.categorical) else np.zeros(X.shape[1], bool)
    with quiet():
        for f in range(_FOLDS):
            train = (fold != f) & keep
            test = np.flatnonzero((fold == f) & tested)
            if not len(test) or len(np.unique(labels[train])) < 2:
                continue
            part = X[train]
            empty = np.isnan(part).all(0)
            models = (
                boosting(categorical[~empty], seed, _TREES),
                # Full-grown trees learn wrong rows by heart; boosting of a bounded size hardly does.
                ExtraTreesClassifier(_TREES, max_features="sqrt", random_state=seed),
            )
            for model, gaps in zip(models, (np.nan, -1e9), strict=True):
                model.fit(np.nan_to_num(part[:, ~empty], nan=gaps), labels[train])
                hit = model.predict(np.nan_to_num(X[test][:, ~empty], nan=gaps)) == y[test]
                out[test] += hit / len(models)
    return out
