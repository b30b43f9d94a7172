"""Regular times: the step of a series of readings, and each reading's place on its grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Unit = Literal["us", "month", "number"]
Moments = NDArray[np.int64]

_OFF = 0.25
"""Part of a step by which a time may lie off the grid."""
_ON_GRID = 0.95
_COVERED = 0.15
_TIMES = ((86_400_000_000, "day"), (3_600_000_000, "hour"), (60_000_000, "minute"), (1_000_000, "second"),
          (1_000, "millisecond"), (1, "microsecond"))  # fmt: skip


@dataclass(frozen=True)
class Steps:
    """A grid of times at equal steps.

    Attributes
    ----------
    unit : {"us", "month", "number"}
        What `size` counts: microseconds, calendar months, or the column's own unit.
    size : float
        Length of a step.
    origin : float
        Time of moment 0, in microseconds or the column's own unit; of months, that of the first one.
    month_end : bool
        Whether months are told by their last day.

    Examples
    --------
    >>> hours = np.arange("2024-01-01T00", "2024-01-03T00", dtype="M8[h]").astype("M8[us]")
    >>> steps = Steps.find(hours)
    >>> steps.text, steps.index(hours)[-1], steps.times(np.array([48]))
    ('1 hour', np.int64(47), array(['2024-01-03T00:00:00.000000'], dtype='datetime64[us]'))
    """

    unit: Unit
    size: float
    origin: float
    month_end: bool = False

    @classmethod
    def find(cls, times: NDArray[Any], owner: NDArray[np.int64] | None = None) -> Self | None:
        """Return the grid on which at least 95 % of the times lie; None where there is none.

        Parameters
        ----------
        times : ndarray, shape (n,)
            Dates and times, durations or numbers, in any order.
        owner : int64 ndarray, shape (n,) or None
            Number of the series that each time belongs to; all share one grid.
        """
        if len(times) < 3:
            return None
        if times.dtype.kind == "M" and (found := cls._months(times, owner)) is not None:
            return found
        whole = times.dtype.kind != "f"
        x = times.astype(np.int64).astype(float) if whole else times.astype(float)
        if not np.isfinite(x).all() or np.ptp(x) <= 0:
            return None
        longest = x if owner is None else x[owner == np.bincount(owner).argmax()]
        known = np.unique(longest)
        gaps = np.diff(known)
        if not len(gaps):
            return None
        for size in np.unique(np.quantile(gaps, [0.5, 0.05], method="nearest"))[::-1].tolist():
            origin, best = float(known[0]), size
            if np.abs(np.round((x - origin) / size) * size - (x - origin)).max() > 1e-6 * size:
                # Steps are counted from reading to reading: a clock that is not quite right drifts off any grid.
                place = np.r_[0, np.cumsum(np.maximum(np.round(gaps / size), 1))]
                best, late = (float(v) for v in np.polyfit(place, known - origin, 1))
                if not 0.8 * size < best < 1.25 * size:
                    continue
                best, origin = _plain(best, origin + late, len(known), times.dtype.kind in "mM")
            first = np.round((x.min() - origin) / best) * best + origin
            k = np.round((x - first) / best)
            near = np.abs(x - first - best * k) <= _OFF * best
            if near.mean() >= _ON_GRID and len(np.unique(k)) / (np.ptp(k) + 1) >= _COVERED:
                unit: Unit = "us" if times.dtype.kind in "mM" else "number"
                return cls(unit, float(round(best)) if whole else best, float(round(first)) if whole else float(first))
        return None

    @classmethod
    def _months(cls, times: NDArray[Any], owner: NDArray[np.int64] | None) -> Self | None:
        days = times.astype("M8[D]")
        clock = (times - days).astype("m8[us]").astype(np.int64)
        months = days.astype("M8[M]")
        day = (days - months.astype("M8[D]")).astype(np.int64)
        end = bool((((days + np.timedelta64(1, "D")).astype("M8[M]") - months).astype(np.int64) == 1).all())
        if (clock != clock[0]).any() or not (end or (day == day[0]).all()):
            return None
        m = months.astype(np.int64)
        gaps = _gaps(m.astype(float), owner).astype(np.int64)
        gaps = gaps[gaps > 0]
        size = int(np.gcd.reduce(gaps)) if len(gaps) else 0
        if not size or len(np.unique(m)) / (np.ptp(m) / size + 1) < _COVERED:
            return None
        return cls("month", float(size), float(times.min().astype("M8[us]").astype(np.int64)), end)

    def index(self, times: NDArray[Any]) -> Moments:
        """Return the number of the moment nearest to each time, shape (n,)."""
        if self.unit == "month":
            first = np.int64(self.origin).astype("M8[us]").astype("M8[M]").astype(np.int64)
            return np.asarray((times.astype("M8[M]").astype(np.int64) - first) // int(self.size))
        x = times.astype(np.int64) if times.dtype.kind in "mM" else times
        return np.asarray(np.round((x - self.origin) / self.size)).astype(np.int64)

    def ticks(self, k: Moments) -> NDArray[np.float64]:
        """Return the times of moments in microseconds, or in the column's own unit, shape (n,)."""
        if self.unit != "month":
            return np.asarray(self.origin + self.size * k)
        first = np.int64(self.origin).astype("M8[us]")
        month = first.astype("M8[M]") + (int(self.size) * k).astype("m8[M]")
        if self.month_end:
            day = (month + 1).astype("M8[D]") - np.timedelta64(1, "D")
        else:
            day = month.astype("M8[D]") + (first.astype("M8[D]") - first.astype("M8[M]").astype("M8[D]"))
        clock = first - first.astype("M8[D]").astype("M8[us]")
        return np.asarray((day.astype("M8[us]") + clock).astype(np.int64).astype(float))

    def times(self, k: Moments, dtype: str = "M8[us]") -> NDArray[Any]:
        """Return the times of moments: dates and times, or whatever the column holds."""
        ticks = self.ticks(k)
        if np.dtype(dtype).kind == "f":
            return ticks.astype(dtype)
        return np.round(ticks).astype(np.int64).astype(dtype)

    def cycles(self) -> dict[str, float]:
        """Return how many steps an hour, a day, a week and a year have, where they have at least two."""
        if self.unit == "number":
            return {}
        if self.unit == "month":
            return {"year": 12 / self.size} if self.size <= 6 else {}
        day = 86_400_000_000 / self.size
        all_ = {"hour": day / 24, "day": day, "week": 7 * day, "year": 365.2425 * day}
        return {name: n for name, n in all_.items() if n >= 2}

    @property
    def text(self) -> str:
        """The step in words."""
        if self.unit == "number":
            return f"{self.size:g}"
        if self.unit == "month":
            return _plural(self.size, "month")
        for size, name in _TIMES:
            if self.size >= size:
                return _plural(self.size / size, name)
        return f"{self.size:g} microseconds"

    def to_json(self) -> dict[str, Any]:
        """Return JSON values for `from_json`."""
        return {"unit": self.unit, "size": self.size, "origin": self.origin, "month_end": self.month_end}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Make it again; a `ValueError` where it cannot be."""
        size, origin = float(value["size"]), float(value["origin"])
        if value["unit"] not in ("us", "month", "number") or not (size > 0 and np.isfinite([size, origin]).all()):
            raise ValueError("steps that are none")
        return cls(value["unit"], size, origin, bool(value["month_end"]))


def _plural(n: float, word: str) -> str:
    return f"{n:g} {word}" + ("" if n == 1 else "s")


def _plain(size: float, origin: float, n: int, is_time: bool) -> tuple[float, float]:
    """Return a step as people would set it, and where it starts, if n readings do not tell it from the one found."""
    units = [float(u) for u, _ in _TIMES] if is_time else [10.0**p for p in range(6, -7, -1)]
    for unit in units:
        near = round(size / unit) * unit
        if near > 0 and abs(near - size) * n < _OFF * size:
            start = round(origin / unit) * unit
            return near, start if abs(start - origin) < _OFF * size / 2 else origin
    return size, origin


def _gaps(x: NDArray[np.float64], owner: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Return the steps between neighbours of each series, in order of time."""
    if owner is None:
        return np.diff(np.sort(x))
    order = np.lexsort((x, owner))
    return np.asarray(np.diff(x[order])[np.diff(owner[order]) == 0])
