"""What the models of arrivals share: gaps of events in a window, and numbers that tell processes apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from seedstock.physics.series import Series

Floats = NDArray[np.float64]
MOST_EVENTS = 200_000
"""Events of one simulation at most; a process that would explode is cut here."""


def gaps_of(series: Series) -> Floats:
    """Return the times between the events of a series; the first event only starts the clock."""
    return np.diff(series.t)


def mean_rate(series: Series) -> float:
    """Return events per time over the whole window."""
    return max(len(series.t) - 1, 1) / (float(np.ptp(series.t)) or 1.0)


def cap(t: Floats) -> int:
    """Return how many events one simulation may have, where data have events at the times t."""
    return min(MOST_EVENTS, 20 * len(t) + 1_000) if len(t) > 2 else MOST_EVENTS


def pad(times: list[Floats]) -> Floats:
    """Return lists of events as rows, shape (m, most), NaN at the end."""
    out = np.full((len(times), max((len(x) for x in times), default=0)), np.nan)
    for row, x in zip(out, times, strict=True):
        row[: len(x)] = x
    return out


def each(m: int, one: Callable[[int], Floats]) -> Mapping[str, Floats]:
    """Simulate m lists of events one by one; each starts with the event at 0 that started the clock."""
    return {"time": pad([np.concatenate([[0.0], one(k)]) for k in range(m)])}
