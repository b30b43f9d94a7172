"""Whether a classifier tells whole synthetic sequences from real ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.schema import TableSchema
from seedstock.metrics._auc import auc, auc_interval
from seedstock.metrics._events import Events, Floats
from seedstock.metrics._learners import boosting, out_of_fold
from seedstock.metrics.sequences import _levels, _states

_LEAST = 20
_SHARES = 10


@dataclass(frozen=True)
class SequenceDetection:
    """AUC of boosted trees that tell synthetic sequences from held-out ones: ``sequence_detection``, 0.5 is ideal.

    A sequence is known by its number of events, its span, the mean and spread of the logarithms of its gaps, the mean,
    spread and mean step of each number, and the shares of each category and of its changes. The floor is the same
    between training and held-out sequences.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        sides = [Events.of(d) for d in (evidence.train, evidence.holdout, evidence.synthetic)]
        least = min(len(s.lengths) for s in sides)
        if least < _LEAST:
            return []  # a few sequences are too few to learn from
        train, held, drawn = (features(s, sides[0], evidence.train.columns) for s in sides)
        value, interval = _told(held, drawn, rng.child("drawn"))
        floor, _ = _told(held, train, rng.child("real"))
        good = 0.5 + max(2 * abs(floor - 0.5), 0.1)
        return [Score("sequence_detection", value, floor, "half", good, interval, n=len(drawn))]


def _told(real: Floats, other: Floats, rng: Rng) -> tuple[float, tuple[float, float] | None]:
    n = min(len(real), len(other))
    g = rng.generator()
    a, b = (x[np.sort(g.choice(len(x), n, replace=False))] for x in (real, other))
    y = np.arange(2 * n) >= n
    seed = rng.integer() % 2**31
    p = out_of_fold(partial(boosting, np.zeros(a.shape[1], bool), seed), np.concatenate([a, b]), y, seed)
    return auc(p, y), auc_interval(p, y)


def features(e: Events, ruler: Events, schema: TableSchema) -> Floats:
    """Return what each sequence is known by, shape (sequences, d)."""
    m = len(e.lengths)
    index = np.cumsum(e.first) - 1
    start = np.flatnonzero(e.first)
    n = e.lengths.astype(float)
    parts: list[NDArray[np.float64]] = [n, e.times[start + e.lengths - 1] - e.times[start]]
    parts += _moments(np.log1p(np.maximum(e.gaps, 0)), index, m)
    for name, column in schema.columns.items():
        if {"order", "entity"} & set(column.roles) or name not in e.table:
            continue
        cells = e.table[name]
        if column.kind == "number" and not cells.is_text:
            x = np.where(cells.missing, np.nan, cells.values.astype(float))
            step = np.where(e.first, np.nan, np.abs(np.diff(x, prepend=x[:1])))
            parts += [*_moments(x, index, m), _moments(step, index, m)[0]]
        elif column.kind in ("category", "boolean"):
            levels = _levels(ruler.table[name])[:_SHARES]
            codes = _states(cells, levels)
            parts += [np.bincount(index[codes == k], minlength=m) / n for k in range(len(levels))]
            change = np.where(e.first, 0.0, np.diff(codes, prepend=codes[:1]) != 0)
            parts.append(np.bincount(index, change, m) / n)
    return np.column_stack(parts)


def _moments(x: Floats, index: NDArray[np.int64], m: int) -> list[Floats]:
    known = np.isfinite(x)
    n = np.bincount(index[known], minlength=m)
    with np.errstate(all="ignore"):
        mean = np.bincount(index[known], x[known], m) / n
        square = np.bincount(index[known], x[known] ** 2, m) / n
        return [mean, np.sqrt(np.maximum(square - mean**2, 0))]


METRIC = SequenceDetection
TINY = SequenceDetection()
SOURCE = "Classifier two-sample test: Lopez-Paz and Oquab 2017; features of sequences of our own choice."
DOMAIN = "sequence"
