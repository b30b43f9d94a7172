"""Regular series as a panel: one row a moment, one column a series and reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.regular import HELD, Readings
from seedstock.core.steps import Steps
from seedstock.core.table import Column, Dataset

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_PHASES = 2_016
_WEEKS = 4
_CLOSED = 0.05
_OPEN = 0.9


@dataclass(frozen=True, eq=False)
class Calendar:
    """The moments at which there are readings at all: all, or those of some phases of the week (working hours).

    Attributes
    ----------
    steps : Steps
    cycle : int
        Moments of a week, or 1.
    phases : int64 ndarray, shape (o,)
        Those of them at which there are readings, ascending.
    span : int
        Open moments from the first to the last reading.
    """

    steps: Steps
    cycle: int
    phases: Ints
    span: int

    def moment(self, i: Ints) -> Ints:
        """Return the grid's moment of each open moment."""
        return (i // len(self.phases)) * self.cycle + self.phases[i % len(self.phases)]

    def place(self, k: Ints) -> Ints:
        """Return which open moment each of the grid's moments is; one that is closed is the next open one."""
        return (k // self.cycle) * len(self.phases) + np.searchsorted(self.phases, k % self.cycle)

    def is_open(self, k: Ints) -> NDArray[np.bool_]:
        """Tell whether there are readings at moments."""
        return np.isin(k % self.cycle, self.phases)

    def clock(self, i: Ints) -> dict[str, Floats]:
        """Return what of the calendar may matter, by open moment: hour, day of the week, month, part of the span."""
        k = self.moment(i)
        out: dict[str, Floats] = {"elapsed": np.round(16 * np.clip(i / max(self.span - 1, 1), 0, 1))}
        if self.steps.unit == "number":
            return out
        ticks = self.steps.ticks(k)
        day = 86_400e6
        cycles = self.steps.cycles()
        if "day" in cycles:
            out["hour"] = np.floor(np.mod(ticks, day) / (day / 96))
        if "week" in cycles:
            out["weekday"] = np.mod(np.floor(ticks / day) + 3, 7)  # 1970-01-01 was a Thursday
        if "year" in cycles and self.span > cycles["year"] / 2:
            out["month"] = np.mod(ticks.astype(np.int64).astype("M8[us]").astype("M8[M]").astype(np.int64), 12).astype(
                float
            )
        return out

    def to_json(self) -> dict[str, Any]:
        """Return JSON values for `from_json`."""
        own = {"cycle": self.cycle, "phases": self.phases.tolist(), "span": self.span}
        return {"steps": self.steps.to_json(), **own}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Make it again; a `ValueError` where it cannot be."""
        cycle, span = int(value["cycle"]), int(value["span"])
        phases = np.array(value["phases"], np.int64)
        if not (0 < cycle <= _MOST_PHASES and len(phases) and span > 0 and (np.diff(phases) > 0).all()):
            raise ValueError("a calendar without open moments")
        if phases[0] < 0 or phases[-1] >= cycle:
            raise ValueError("a calendar whose moments lie outside its week")
        return cls(Steps.from_json(dict(value["steps"])), cycle, phases, span)


@dataclass(frozen=True, eq=False)
class Panel:
    """The readings of S series at T open moments.

    Attributes
    ----------
    calendar : Calendar
    row : int64 ndarray, shape (T, S)
        Row of the table; -1 where there is none.
    held : bool ndarray, shape (T,)
        Moments of which nothing is known, because they were held out.
    lost : int
        Rows that were left out: without a time, or a second one at its moment.
    """

    calendar: Calendar
    row: Ints
    held: NDArray[np.bool_]
    lost: int

    @classmethod
    def of(cls, data: Dataset, found: Readings) -> Self:
        """Lay a data set's rows on the grid."""
        steps, known = found.steps, ~data.table[found.order].missing
        k, owner = found.moment, found.owner
        width = int(k[known].max()) + 1
        stretches = data.origin.get(HELD, [])
        held = np.zeros(width, bool)
        for begin, end in stretches:
            held[max(0, _at(steps, begin)) : max(0, _at(steps, end) + 1)] = True
        before = max([0, *(-_at(steps, begin) for begin, _ in stretches)])
        after = max([width, *(_at(steps, end) + 1 for _, end in stretches)])
        if before or after > width:
            # What was held out lies before the first reading, or after the last one: the span is the whole one.
            steps = Steps(steps.unit, steps.size, float(steps.ticks(np.array([-before]))[0]), steps.month_end)
            held = np.r_[np.ones(before, bool), held, np.ones(after - width, bool)]
            k, width = k + before, before + after
        seen = np.zeros(width, bool)
        seen[k[known]] = True
        calendar = _calendar(steps, seen, held)
        row = np.full((calendar.span, found.series), -1, np.int64)
        keep = np.flatnonzero(known & calendar.is_open(k))[::-1]  # of two at one moment, the first one stays
        row[calendar.place(k[keep]), owner[keep]] = keep
        return cls(calendar, row, held[calendar.moment(np.arange(calendar.span))], len(k) - int((row >= 0).sum()))

    def cells(self, column: Column) -> Floats:
        """Return a column of numbers or durations laid on the grid; NaN where there is none, shape (T, S)."""
        values = column.values.astype("i8") if column.values.dtype.kind in "mM" else column.values
        values = np.where(column.missing | ~np.isfinite(values.astype(float)), np.nan, values.astype(float))
        return np.where(self.row >= 0, values[self.row], np.nan)


def _at(steps: Steps, tick: float) -> int:
    kind = "f8" if steps.unit == "number" else "M8[us]"
    value = np.array([tick]) if kind == "f8" else np.array([round(tick)], np.int64).astype(kind)
    return int(steps.index(value)[0])


def _calendar(steps: Steps, seen: NDArray[np.bool_], held: NDArray[np.bool_]) -> Calendar:
    """Return the calendar; phases of the week without any reading are closed, where they are all that is missing."""
    k = np.arange(len(seen))
    week = steps.cycles().get("week", 0.0)
    whole = round(week)
    if 2 <= whole <= _MOST_PHASES and abs(week - whole) < 1e-9 and len(seen) >= _WEEKS * whole:
        n = np.bincount(k[~held] % whole, minlength=whole)
        share = np.bincount(k[seen] % whole, minlength=whole) / np.maximum(n, 1)
        closed = (share <= 0.02) & (n >= _WEEKS - 1)
        if closed.mean() >= _CLOSED and not closed.all() and share[~closed].mean() >= _OPEN:
            phases = np.flatnonzero(~closed)
            last = int(k[seen | held].max())
            span = (last // whole) * len(phases) + int(np.searchsorted(phases, last % whole, side="right"))
            return Calendar(steps, whole, phases, max(span, 1))
    return Calendar(steps, 1, np.zeros(1, np.int64), len(seen))
