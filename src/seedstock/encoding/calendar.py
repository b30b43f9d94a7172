"""Times that keep to the calendar: new moments with the weekdays and hours of real ones.

A moment between two neighbours could lie in the night between two working days. Where hours or weekdays are uneven, a
new moment is put together instead: the day of one real moment, moved by whole weeks where few share it, and the time of
day of another real moment of about that date, moved a little where few share that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Ticks = NDArray[np.int64]

DAY = 86_400_000_000
"""Microseconds."""
_WEEK = 7
_UNEVEN = 0.05
"""Distance (total variation) from even shares, from which unevenness counts."""
_CHANCE = 1e-6
_NEAR = 8
_BLUR = 600_000_000
_FEW = 5


@dataclass(frozen=True, eq=False)
class Calendar:
    """What is kept of sorted moments (microseconds), shape (k,), with the rows up to each of them, shape (k,)."""

    moments: Ticks
    upto: Ticks
    day_is_shared: NDArray[np.bool_]
    hour_is_shared: NDArray[np.bool_]
    weekdays: bool
    hours: bool

    @classmethod
    def of(cls, values: NDArray[Any], counts: NDArray[np.int64]) -> Self | None:
        """Find out what sorted datetime64 values keep to; None where it is nothing.

        Examples
        --------
        >>> days = np.arange("2024-01-01", "2026-01-01", dtype="M8[D]").astype("M8[us]")
        >>> Calendar.of(days, np.ones(len(days), int)) is None
        True
        >>> working = days[(days.astype("M8[D]").astype(int) + 3) % 7 < 5]
        >>> Calendar.of(working, np.ones(len(working), int)).weekdays
        True
        """
        moments = values.astype("M8[us]").astype(np.int64)
        day, hour = np.divmod(moments, DAY)
        if not len(day) or day[-1] - day[0] < 2 * _WEEK:
            return None
        weekdays = _uneven(np.bincount((day + 3) % _WEEK, counts, _WEEK))
        hours = bool((hour != hour[0]).any()) and _uneven(np.bincount(hour * 24 // DAY, counts, 24))
        if not weekdays and not hours:
            return None
        return cls(moments, np.cumsum(counts), _shared(day, counts), _shared(hour, counts), weekdays, hours)

    def between(self, codes: NDArray[np.int64], plain: Ticks, g: np.random.Generator) -> Ticks:
        """Return new moments in microseconds for codes, shape (n,).

        Parameters
        ----------
        plain : int64 ndarray, shape (n,)
            Moments between the codes' neighbours: where the calendar tells nothing, these are taken.
        """
        day, hour = np.divmod(plain, DAY)
        if self.weekdays:
            weeks = np.where(self.day_is_shared[codes], 0, g.integers(-1, 2, len(codes)))
            day = self.moments[codes] // DAY + _WEEK * weeks
            beyond = (day < self.moments[0] // DAY) | (day > self.moments[-1] // DAY)
            day = np.where(beyond, self.moments[codes] // DAY, day)
        if self.hours:
            # One of the rows about it, so that shared moments count as often as they come.
            row = self.upto[codes] - 1 + g.integers(-_NEAR, _NEAR + 1, len(codes))
            other = np.searchsorted(self.upto, np.clip(row, 0, self.upto[-1] - 1), side="right")
            hour = self.moments[other] % DAY
            blurred = hour + g.integers(-_BLUR, _BLUR + 1, len(codes))
            hour = np.where(self.hour_is_shared[other] | (blurred < 0) | (blurred >= DAY), hour, blurred)
        return day * DAY + hour


def _uneven(counts: NDArray[np.float64]) -> bool:
    """Tell whether shares are uneven, by enough and beyond chance (chi-squared test)."""
    total, parts = counts.sum(), len(counts)
    distance = 0.5 * np.abs(counts / total - 1 / parts).sum()
    statistic = float(((counts - total / parts) ** 2).sum() * parts / total)
    return bool(distance > _UNEVEN and chi2.sf(statistic, parts - 1) < _CHANCE)


def _shared(part: Ticks, counts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which moments share their day, or their time of day, with more rows than would single one out."""
    _, at = np.unique(part, return_inverse=True)
    shared: NDArray[np.bool_] = (np.bincount(at, counts) > _FEW)[at]
    return shared
