"""Rows that are whole series one after the other, laid beside each other by their times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence
from seedstock.core.table import Dataset
from seedstock.physics.series import Series, series_of, time_column

Floats = NDArray[np.float64]
_PARTS = 10
_LEAST_SERIES = 20


@dataclass(frozen=True, eq=False)
class Aligned:
    """Real rows and m synthetic series at the same T moments, or in the same T parts of the time.

    Attributes
    ----------
    train, held : int ndarray
        Which moments were learned from, and which came after.
    real : mapping of str to ndarray, shape (T,)
        NaN where nothing was observed.
    drawn : mapping of str to ndarray, shape (m, T)
    """

    train: NDArray[np.intp]
    held: NDArray[np.intp]
    real: dict[str, Floats]
    drawn: dict[str, Floats]


def aligned(evidence: Evidence) -> Aligned | None:
    """Return real rows and synthetic series at the same moments; None where there are too few series.

    Where series have times of their own (arrivals), the time is parted, and rows are counted and columns averaged in
    each part.
    """
    name = time_column(evidence.train)
    train = series_of(evidence.train, name, monotone=False)
    held, drawn = (_on_clock(train, d, name) for d in (evidence.holdout, evidence.synthetic))
    cut = np.flatnonzero(np.diff(drawn.t) < 0) + 1
    starts, ends = np.r_[0, cut], np.r_[cut, len(drawn.t)]
    # The last series may be cut off.
    starts, ends = starts[:-1], ends[:-1]
    if len(starts) < _LEAST_SERIES:
        return None
    t = np.r_[train.t, held.t]
    order = np.argsort(t, kind="stable")
    t, after = t[order], (order >= len(train.t))
    values = {c: np.r_[train.values[c], held.values[c]][order] for c in train.values if c in held.values}
    size = ends - starts
    if (size == len(t)).all() and np.allclose(drawn.t[: len(t)], t, rtol=1e-6, atol=1e-6 * max(np.ptp(t), 1e-300)):
        rows = starts[:, None] + np.arange(len(t))
        series = {c: drawn.values[c][rows] for c in values if c in drawn.values}
        return Aligned(np.flatnonzero(~after), np.flatnonzero(after), {c: values[c] for c in series}, series)
    return _parts(t, after, values, drawn, starts, ends)


def _on_clock(like: Series, data: Dataset, name: str) -> Series:
    found = series_of(data, name, monotone=False)
    return Series(like.clock(data.table[name]), found.values, name)


def _parts(
    t: Floats, after: NDArray[np.bool_], values: dict[str, Floats], drawn: Series, starts: Floats, ends: Floats
) -> Aligned | None:
    if not after.any() or after.all():
        return None
    cut = t[after].min()
    edges = np.unique(np.r_[np.linspace(t[0], cut, 4 * _PARTS + 1), np.linspace(cut, t[-1], _PARTS + 1)])
    real: dict[str, Floats] = {"rows": np.histogram(t, edges)[0].astype(float)}
    made: dict[str, list[Floats]] = {"rows": []}
    for c, y in values.items():
        real[c] = _means(t, y, edges)
        made[c] = []
    for a, b in zip(starts.astype(int), ends.astype(int), strict=True):
        own = drawn.t[a:b]
        made["rows"].append(np.histogram(own, edges)[0].astype(float))
        for c in values:
            made[c].append(_means(own, drawn.values[c][a:b], edges))
    k = np.arange(len(edges) - 1)
    later = edges[:-1] >= cut
    return Aligned(k[~later], k[later], real, {c: np.stack(v) for c, v in made.items()})


def _means(t: Floats, y: Floats, edges: Floats) -> Floats:
    here = np.isfinite(y)
    n = np.histogram(t[here], edges)[0]
    total = np.histogram(t[here], edges, weights=y[here])[0]
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def two_sided(rep: Floats, observed: float) -> float:
    """Return twice the smaller tail probability of an observed number among replicates, at most 1.

    >>> two_sided(np.arange(99.0), 1e9)
    0.01
    """
    rep = rep[np.isfinite(rep)]
    if not len(rep) or not np.isfinite(observed):
        return float("nan")
    above = float((rep > observed).sum() + 0.5 * (rep == observed).sum())
    return float(min(1.0, 2 * (min(above, len(rep) - above) + 0.5) / (len(rep) + 1)))
