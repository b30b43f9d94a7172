"""Sequences: how long they are, when events come, and what follows what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.table import Column
from seedstock.metrics._events import Events, Floats
from seedstock.metrics._windows import WINDOW
from seedstock.metrics.shapes import ks_distance

_MAX_STATES = 30
_WINDOWS = 10
_HOUR, _DAY = 3_600e6, 86_400e6
_SLACK = 5.0
"""Percent by which a good value may lie above the floor."""


@dataclass(frozen=True)
class Sequences:
    """Distances of what makes sequences, in percent, 0 best; each beside that of held-out sequences.

    ``sequence_length_error``: Kolmogorov-Smirnov distance of the numbers of events. ``gap_error``: that of the times
    between events, and by transition in the details. ``transition_error``: total variation of which value follows
    which, a mean over categories. ``rhythm_error``: total variation of the hours of the day and the days of the week.
    ``burst_error``: Kolmogorov-Smirnov distance of the events in windows of ten median gaps. ``memory_error``: how far
    the correlations of a number with the one before it are apart, times 100, a mean over numbers.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        train, held, drawn = (Events.of(d) for d in (evidence.train, evidence.holdout, evidence.synthetic))
        kinds = {c: s.kind for c, s in evidence.train.columns.columns.items()}
        measures: dict[str, Callable[[Events], tuple[float, dict[str, Any]]]] = {
            "sequence_length_error": lambda e: (ks_distance(train.lengths.astype(float), e.lengths.astype(float)), {}),
            "gap_error": lambda e: _gaps(train, e, kinds),
            "transition_error": lambda e: _transitions(train, e, kinds),
            "rhythm_error": lambda e: _rhythm(train, e),
            "burst_error": lambda e: (ks_distance(_bursts(train, train), _bursts(e, train)), {}),
            "memory_error": lambda e: _memory(train, e, kinds),
        }
        single = len(train.lengths) == 1
        # Windows of readings are as long as they were cut, and come when they were cut.
        cut = evidence.train.columns.with_role("entity") == [WINDOW]
        told = {"sequence_length_error", "rhythm_error", "burst_error"} if cut else set()
        if cut and len(np.unique(train.gaps[~train.first])) < 2:
            told.add("gap_error")
        scores = []
        for name, measure in measures.items():
            if name in told or (single and name == "sequence_length_error"):
                continue  # one sequence is as long as it is asked to be
            (value, details), (floor, _) = measure(drawn), measure(held)
            details = {k: v for k, v in details.items() if not np.isnan(v)}
            if np.isnan(value):
                continue  # there is nothing of the kind: no date, no category, no number
            good = 100 * (0.0 if np.isnan(floor) else 1.5 * floor) + _SLACK
            columns = {"columns": {k: 100 * v for k, v in details.items()}} if details else {}
            scores.append(Score(name, 100 * value, 100 * floor, "low", good, n=len(drawn.owner), details=columns))
        return scores


def _states(column: Column, levels: list[str]) -> NDArray[np.int64]:
    """Return codes of the commonest values; one code more for all others and for missing cells."""
    place = {level: k for k, level in enumerate(levels)}
    if column.is_text and column.levels is not None:
        of_level = np.array([place.get(str(v), len(levels)) for v in column.levels] or [0], np.int64)
        codes = of_level[column.values] if len(column.levels) else np.full(len(column), len(levels))
    else:
        codes = np.array([place.get(str(v), len(levels)) for v in column.values.tolist()], np.int64)
    return np.where(column.missing, len(levels), codes)


def _levels(column: Column) -> list[str]:
    texts = column.texts() if column.is_text else column.values.astype(str)
    values, counts = np.unique(np.asarray(texts)[~column.missing].astype(str), return_counts=True)
    return [str(v) for v in values[np.argsort(-counts, kind="stable")][:_MAX_STATES]]


def _changing(train: Events, kinds: dict[str, str]) -> list[str]:
    """Return the categories that change within sequences."""
    out = []
    for name, kind in kinds.items():
        if kind in ("category", "boolean") and name in train.table:
            codes = _states(train.table[name], _levels(train.table[name]))
            if ((codes[1:] != codes[:-1]) & ~train.first[1:]).any():
                out.append(name)
    return out


def _pairs(e: Events, name: str, levels: list[str]) -> tuple[NDArray[np.int64], Floats]:
    codes, k = _states(e.table[name], levels), len(levels) + 1
    later = np.flatnonzero(~e.first)
    return codes[later - 1] * k + codes[later], e.gaps[later]


def _transitions(train: Events, e: Events, kinds: dict[str, str]) -> tuple[float, dict[str, float]]:
    out = {}
    for name in _changing(train, kinds):
        levels = _levels(train.table[name])
        k = (len(levels) + 1) ** 2
        shares = []
        for side in (train, e):
            pairs, _ = _pairs(side, name, levels)
            shares.append(np.bincount(pairs, minlength=k) / max(len(pairs), 1))
        out[name] = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return (float(np.mean(list(out.values()))) if out else float("nan")), out


def _gaps(train: Events, e: Events, kinds: dict[str, str]) -> tuple[float, dict[str, float]]:
    """Return the distance of all gaps, and for each changing category the mean over its transitions, by their share."""
    by = {}
    for name in _changing(train, kinds):
        levels = _levels(train.table[name])
        (own, mine), (other, theirs) = _pairs(train, name, levels), _pairs(e, name, levels)
        total = weight = 0.0
        for pair, n in zip(*np.unique(own, return_counts=True), strict=True):
            if n >= 20 and (other == pair).sum() >= 5:
                total += n * ks_distance(mine[own == pair], theirs[other == pair])
                weight += n
        by[name] = total / weight if weight else float("nan")
    return ks_distance(train.gaps, e.gaps), by


def _rhythm(train: Events, e: Events) -> tuple[float, dict[str, float]]:
    if not train.is_time or not len(e.times):
        return float("nan"), {}
    out = {}
    for name, unit, k in (("hour of day", _HOUR, 24), ("day of week", _DAY, 7)):
        shares = [np.bincount((s.times // unit).astype(np.int64) % k, minlength=k) / len(s.times) for s in (train, e)]
        out[name] = float(np.abs(shares[0] - shares[1]).sum() / 2)
    return float(np.mean(list(out.values()))), out


def _bursts(e: Events, ruler: Events) -> Floats:
    """Return the events in windows of ten of the ruler's median gaps that hold any, shape (windows,)."""
    middle = np.nanmedian(ruler.gaps) if (~ruler.first).any() else 0.0
    width = _WINDOWS * middle if middle > 0 else max(float(np.nanmean(ruler.gaps)) if (~ruler.first).any() else 0, 1e-9)
    start = np.repeat(e.times[e.first], e.lengths)
    window = np.floor((e.times - start) / width)
    change = e.first | np.r_[True, window[1:] != window[:-1]]
    return np.diff(np.r_[np.flatnonzero(change), len(window)]).astype(float)


def _memory(train: Events, e: Events, kinds: dict[str, str]) -> tuple[float, dict[str, float]]:
    out = {}
    for name, kind in kinds.items():
        if kind == "number" and name in train.table and name in e.table and not train.table[name].is_text:
            a, b = _lagged(train, name), _lagged(e, name)
            if not (np.isnan(a) or np.isnan(b)):
                out[name] = abs(a - b)
    return (float(np.mean(list(out.values()))) if out else float("nan")), out


def _lagged(e: Events, name: str) -> float:
    """Return the rank correlation of a number with the one before it in the same sequence; NaN where it has none."""
    from scipy.stats import rankdata

    column = e.table[name]
    x = np.where(column.missing, np.nan, column.values.astype(float))
    later = np.flatnonzero(~e.first)
    a, b = x[later - 1], x[later]
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < 20 or np.ptp(a[known]) == 0 or np.ptp(b[known]) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a[known]), rankdata(b[known]))[0, 1])


METRIC = Sequences
TINY = Sequences()
SOURCE = (
    "Distances as in the field's common reports; bursts as counts in windows (Kleinberg 2003 gives the finer model)."
)
DOMAIN = "sequence"
