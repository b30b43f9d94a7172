"""Regular series: memory, rhythm, course and what channels have in common, and whether forecasts learn from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._windows import Grid, grids

Floats = NDArray[np.float64]

_LAGS = 24
_PARTS = 12
_NEAR = 4
_PAST = 8
_LEAST = 30
_MOST_COLUMNS = 20
_SLACK = 5.0
"""Percent by which a good value may lie above the floor."""
_DAY = 86_400e6


@dataclass(frozen=True)
class Windows:
    """Distances of what makes series, in percent, 0 best; each beside that of held-out stretches.

    ``autocorrelation_error``: difference of autocorrelations, a mean over lags (some of each length, those of whole
    days and weeks among them) and numbers. ``profile_error``: difference of the means at each hour of the day, day of
    the week and month, in percent of the spread. ``course_error``: that of the medians in twelve parts of the time.
    ``cross_correlation_error``: difference of the correlations of two numbers up to four moments apart.
    ``predictive_error``: error of a one-step forecast that learned from the synthetic series, tested on held-out
    stretches, in percent of the spread; the floor is the error of one that learned from the training rows.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        sides = grids(evidence)
        if sides is None:
            return []
        train, held, drawn = sides
        names = list(train.values)[:_MOST_COLUMNS]
        scale = {c: float(np.nanstd(train.values[c])) or 1.0 for c in names}
        lags = _lags(train, held)
        compared: dict[str, Callable[[Grid], dict[str, float]]] = {
            "autocorrelation_error": lambda g: {c: _memory(train, g, c, lags) for c in names},
            "profile_error": lambda g: {c: _profile(train, g, c) / scale[c] for c in names},
            "course_error": lambda g: {c: _course(train, g, c) / scale[c] for c in names},
            "cross_correlation_error": lambda g: _crossed(train, g, names),
        }
        n = int((drawn.row >= 0).sum())
        scores = []
        for name, measure in compared.items():
            value, floor = measure(drawn), measure(held)
            known = [c for c in value if np.isfinite(value[c])]
            if not known:
                continue
            total, least = (100 * float(np.mean([side[c] for c in known])) for side in (value, floor))
            good = 1.5 * least + _SLACK if np.isfinite(least) else np.inf
            details = {"columns": {c: 100 * value[c] for c in known}}
            scores.append(Score(name, total, least, "low", good, n=n, details=details))
        errors = {c: (_foretold(drawn, held, c), _foretold(train, held, c)) for c in names}
        known = [c for c in names if np.isfinite(errors[c]).all()]
        if known:
            value, floor = (100 * float(np.mean([errors[c][i] / scale[c] for c in known])) for i in (0, 1))
            details = {"columns": {c: 100 * errors[c][0] / scale[c] for c in known}}
            scores.append(Score("predictive_error", value, floor, "low", 1.1 * floor + 1, n=n, details=details))
        return scores


def _lags(train: Grid, held: Grid) -> list[int]:
    """Return lags of each length, and those of the calendar, that held-out stretches can show."""
    known = (held.row >= 0).any(axis=1)
    change = np.flatnonzero(np.diff(np.r_[False, known, False]))
    longest = int(np.diff(change)[::2].max(initial=0))
    most = max(longest // 2, 1)
    chosen = np.unique(np.geomspace(1, most, _LAGS).round().astype(int))
    whole = [round(x) for x in train.steps.cycles().values() if abs(x - round(x)) < 1e-6]
    return sorted({*chosen.tolist(), *(w for w in whole if 1 <= w <= most)})


def _memory(train: Grid, other: Grid, name: str, lags: list[int]) -> float:
    a, b = (_autocorrelations(g.values[name], lags) for g in (train, other))
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.abs(a - b)[both].mean()) if both.any() else float("nan")


def _autocorrelations(x: Floats, lags: list[int]) -> Floats:
    x = x - np.nanmean(x, axis=0) if np.isfinite(x).any() else x
    return np.array([_correlation(x[: len(x) - lag], x[lag:]) for lag in lags])


def _correlation(a: Floats, b: Floats) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < _LEAST:
        return float("nan")
    a, b = a[both] - a[both].mean(), b[both] - b[both].mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def _phases(g: Grid) -> list[tuple[NDArray[np.int64], int]]:
    """Return hour of the day, day of the week and month of each moment, where the step is short enough for them."""
    out = []
    step = g.steps.size * (30 * _DAY if g.steps.unit == "month" else 1)
    for length, phases in ((_DAY, 24), (7 * _DAY, 7), (365.2425 * _DAY, 12)):
        if g.steps.unit != "number" and 2 * step <= length:
            place = np.mod(g.steps.ticks(g.moments) + 3 * _DAY * (phases == 7), length)
            out.append((np.floor(place / (length / phases)).astype(np.int64), phases))
    return out


def _profile(train: Grid, other: Grid, name: str) -> float:
    """Return the root mean square difference of means by hour of the day, day of the week and month."""
    found = [
        _apart(_means(train.values[name], mine, phases), _means(other.values[name], theirs, phases))
        for (mine, phases), (theirs, _) in zip(_phases(train), _phases(other), strict=True)
    ]
    known = [f for f in found if np.isfinite(f)]
    return float(np.mean(known)) if known else float("nan")


def _course(train: Grid, other: Grid, name: str) -> float:
    """Return the root mean square difference of medians in parts of the training rows' time, cycles taken out."""
    first, last = train.moments[0], train.moments[-1]
    left = [g.values[name].copy() for g in (train, other)]
    for (mine, phases), (theirs, _) in list(zip(_phases(train), _phases(other), strict=True))[:2]:
        own = np.nan_to_num(_means(left[0], mine, phases) - np.nanmean(left[0]))
        left = [x - own[p][:, None] for x, p in zip(left, (mine, theirs), strict=True)]
    sides = []
    for g, x in zip((train, other), left, strict=True):
        part = ((g.moments - first) * _PARTS // (last - first + 1)).astype(np.int64)
        own = np.full(_PARTS, np.nan)
        for p in range(_PARTS):
            here = x[part == p]
            if np.isfinite(here).sum() >= _LEAST:
                own[p] = np.nanmedian(here)
        sides.append(own)
    return _apart(*sides)


def _means(x: Floats, part: NDArray[np.int64], parts: int) -> Floats:
    """Return the mean deviation of each part from the mean of all of its series; NaN where there are few readings."""
    known = np.isfinite(x)
    rows = np.repeat(part[:, None], x.shape[1], axis=1)[known]
    n = np.bincount(rows, minlength=parts)
    total = np.bincount(rows, x[known], minlength=parts)
    return np.where(n >= 5, total / np.maximum(n, 1), np.nan)


def _apart(a: Floats, b: Floats) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.sqrt(np.mean((a - b)[both] ** 2))) if both.any() else float("nan")


def _crossed(train: Grid, other: Grid, names: list[str]) -> dict[str, float]:
    out = {}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            gaps = []
            for lag in range(-_NEAR, _NEAR + 1):
                a, b = (_shifted(g.values[first], g.values[second], lag) for g in (train, other))
                gaps.append(abs(a - b))
            known = [g for g in gaps if np.isfinite(g)]
            if known:
                out[f"{first}, {second}"] = float(np.mean(known))
    return out


def _shifted(x: Floats, y: Floats, lag: int) -> float:
    if x.shape != y.shape:
        return float("nan")
    a, b = (x[: len(x) - lag], y[lag:]) if lag >= 0 else (x[-lag:], y[: len(y) + lag])
    return _correlation(a, b)


def _foretold(learned: Grid, held: Grid, name: str) -> float:
    """Return the root mean square error on held-out readings of a linear forecast from the last moments."""
    X, y = _steps(learned, name)
    Z, truth = _steps(held, name)
    if len(y) < 2 * X.shape[1] or len(truth) < _LEAST:
        return float("nan")
    middle, size = X.mean(axis=0), X.std(axis=0) + 1e-12
    A = np.c_[np.ones(len(X)), (X - middle) / size]
    coef = np.linalg.solve(A.T @ A + 1e-3 * len(A) * np.eye(A.shape[1]) * 1e-3, A.T @ y)
    guess = np.c_[np.ones(len(Z)), (Z - middle) / size] @ coef
    return float(np.sqrt(np.mean((guess - truth) ** 2)))


def _steps(g: Grid, name: str) -> tuple[Floats, Floats]:
    """Return the last moments of all numbers and the clock, and what comes next."""
    columns = [g.values[c] for c in list(g.values)[:_MOST_COLUMNS]]
    y = g.values[name]
    T, S = y.shape
    if T <= _PAST or any(c.shape != y.shape for c in columns):
        return np.zeros((0, 1)), np.zeros(0)
    parts = [y[_PAST - lag : T - lag] for lag in range(1, _PAST + 1)]
    parts += [c[_PAST - 1 : T - 1] for c in columns if c is not y]
    ticks = g.steps.ticks(g.moments[_PAST:])
    if g.steps.unit != "number":
        for length in (_DAY, 7 * _DAY, 365.2425 * _DAY):
            turn = 2 * np.pi * np.mod(ticks / length, 1.0)
            parts += [np.repeat(f(turn)[:, None], S, axis=1) for f in (np.cos, np.sin)]
    X = np.stack([p.reshape(-1) for p in parts], axis=1)
    after = y[_PAST:].reshape(-1)
    known = np.isfinite(X).all(axis=1) & np.isfinite(after)
    return X[known], after[known]


METRIC = Windows
TINY = Windows()
SOURCE = (
    "Autocorrelation, discriminative and predictive scores as in Yoon, Jarrett and van der Schaar (2019), "
    "Time-series generative adversarial networks, section 5; the forecast is linear, so that it is the same each time."
)
DOMAIN = "regular"
