"""The rhythm of day and week: of a few drawn gaps, those that end at an hour when events do come are preferred.

Trees learn how long gaps are at each hour, and hardly that long ones end in the morning: whether a gap of 70,000
seconds or of 75,000 does, no split can tell. So the hours at which drawn gaps end are counted beside those at which the
real ones do, and the ratio of both is a weight, as in sampling and importance resampling (Rubin 1988).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.generators._sequence_history import DAY

Numbers = NDArray[np.float64]
_HOURS, _DAYS = 24, 7
_PRIOR = 5.0
"""Events by which a pair of hours is drawn to what the hour of its end has, and each day to a ratio of 1."""
_MOST = 100.0


@dataclass(frozen=True, eq=False)
class Rhythm:
    """How much more often real gaps end at an hour than drawn ones do.

    Attributes
    ----------
    hours : float64 ndarray, shape (24, 24)
        Logarithms of ratios by the hour at which a gap begins and the one at which it ends.
    days : float64 ndarray, shape (7,)
        By the day of the week at which it ends, for what the hours leave.
    """

    hours: Numbers
    days: Numbers

    @classmethod
    def none(cls) -> Self:
        """Return a rhythm that prefers nothing."""
        return cls(np.zeros((_HOURS, _HOURS)), np.zeros(_DAYS))

    @classmethod
    def fit(cls, before: Numbers, real: Numbers, drawn: Numbers) -> Self:
        """Compare n real gaps with drawn ones from the same moments.

        Parameters
        ----------
        before : float64 ndarray, shape (n,)
            Microseconds at which gaps begin.
        real : float64 ndarray, shape (n,)
        drawn : float64 ndarray, shape (k, n)
            NaN where a gap is not possible.

        Examples
        --------
        >>> hour = 3_600e6
        >>> g = np.random.default_rng(1)
        >>> begin = g.integers(0, 100, 900) * 24 * hour + 17 * hour
        >>> rhythm = Rhythm.fit(begin, np.full(900, 15 * hour), g.integers(1, 24, (4, 900)) * hour)
        >>> rhythm.hours[17].argmax()
        np.int64(8)
        """
        known = np.isfinite(drawn)
        weight = known / np.maximum(known.sum(0), 1)
        here = known.any(0)
        start, ends = np.broadcast_to(before, drawn.shape)[known], (before + drawn)[known]
        cell = _hour(start) * _HOURS + _hour(ends)
        own = _hour(before) * _HOURS + _hour(before + real)
        size = _HOURS * _HOURS
        seen = np.bincount(own[here], minlength=size)
        made = np.bincount(cell, weight[known], size)
        # An hour at which no gap begins has nothing of its own, and must not keep those who come there by mistake.
        ends_at = np.exp(_log_ratio(*(x.reshape(_HOURS, _HOURS).sum(0) for x in (seen, made)), prior=1.0))
        hours = _log_ratio(seen.reshape(_HOURS, _HOURS), made.reshape(_HOURS, _HOURS), ends_at)
        weight = weight[known] * np.exp(hours.ravel()[cell])
        days = _log_ratio(
            np.bincount(_day(before + real)[here], minlength=_DAYS), np.bincount(_day(ends), weight, _DAYS)
        )
        return cls(hours, days)

    def pick(self, before: Numbers, gaps: Numbers, g: np.random.Generator) -> NDArray[np.int64]:
        """Return which of k gaps each of n rows takes, shape (n,); one that is NaN only where all are."""
        ends = before + np.nan_to_num(gaps)
        weight = self.hours[_hour(before)[None], _hour(ends)] + self.days[_day(ends)]
        weight = np.where(np.isfinite(gaps), weight, -np.inf)
        return np.asarray((weight + g.gumbel(size=weight.shape)).argmax(0), np.int64)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `from_arrays` needs."""
        return {"hours": self.hours, "days": self.days}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Make it again."""
        made = cls(np.asarray(arrays["hours"], float), np.asarray(arrays["days"], float))
        if made.hours.shape != (_HOURS, _HOURS) or made.days.shape != (_DAYS,):
            raise InputError("this model is damaged: its rhythm has no hours and days; fit it again")
        return made


def _log_ratio(seen: NDArray[Any], made: NDArray[Any], usual: Numbers | float = 1.0, prior: float = _PRIOR) -> Numbers:
    ratio = (seen + prior * usual) / (made + prior)
    return np.asarray(np.log(np.clip(ratio, 1 / _MOST, _MOST)))


def _hour(times: Numbers) -> NDArray[np.int64]:
    return np.floor(np.mod(times, DAY) / (DAY / _HOURS)).astype(np.int64) % _HOURS


def _day(times: Numbers) -> NDArray[np.int64]:
    return np.mod(np.floor(times / DAY) + 3, _DAYS).astype(np.int64)
