"""How infectious is it? What a model loses by learning from contaminated rows, on rows that are not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._clean import apply
from seedstock.checks._fit import boosting, quiet
from seedstock.checks._frame import Frame, class_target, frame, sample
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

_ROWS = 15_000
_FOLDS = 5
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
        95 % interval of `points`.
    advice : str
    """

    check: str
    rows: int
    points: float
    interval: tuple[float, float]
    advice: str


def damage(data: Dataset, findings: Sequence[Finding], rng: Rng, max_seconds: float = 30.0) -> dict[str, Damage]:
    """Estimate for each kind of finding what a model loses by learning from the rows as they are.

    A boosted model is cross-fitted twice on the same folds of at most 15,000 rows: on the rows as they are, and on the
    rows with the kind's edits made (where it proposes none, without its rows). Both are tested on rows that no finding
    touches, and the difference is bootstrapped over these.

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
        interval = (points - 1.96 * spread, points + 1.96 * spread)
        sure = interval[0] > 0
        name = check.replace("_", " ")
        if sure:
            advice = f"mend {name} first: {n_rows:,} rows, {points:+.1f} points"
        else:
            advice = f"{name}: no loss that can be measured on {int(clean.sum()):,} clean rows"
        out.append(Damage(check, n_rows, points, interval, advice))
    return {d.check: d for d in sorted(out, key=lambda d: -d.points)}


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
    """Return for each row whether a model that has not seen it finds its class, shape (n,)."""
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
            model = boosting(categorical[~empty], seed, 40)
            model.fit(part[:, ~empty], labels[train])
            out[test] = model.predict(X[test][:, ~empty]) == y[test]
    return out
