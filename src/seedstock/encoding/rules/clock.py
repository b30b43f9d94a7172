"""One time of day is another one so many minutes later, hours and minutes written as one number: 1259, 1300."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.rule import Fixed, is_fixed, worth
from seedstock.encoding.rules.view import View

_DAY = 1440
_GLANCE = 200
_FEWEST = 50
_LEAST_TIMES = 30


@dataclass(frozen=True, eq=False, kw_only=True)
class Clock(Formula):
    """``end = start + minutes`` on a clock of 24 hours; it says nothing where the start is no time of day.

    Attributes
    ----------
    start, minutes, end : str
        Columns: hours and minutes as one number (0 to 2400), and minutes of either sign.
    midnight : tuple of two float
        How midnight is written in `start` and `end`: 0 or 2400.
    """

    start: str
    minutes: str
    end: str
    midnight: tuple[float, float]

    kind: ClassVar[str] = "clock"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.start, self.minutes, self.end)

    @property
    def text(self) -> str:
        return f"{self.end} = {self.start} + {self.minutes} minutes, as times of day"

    def _wanted(self, table: Table) -> Numbers:
        return minutes_of(numbers(table[self.start])) + numbers(table[self.minutes])

    def value(self, table: Table) -> Numbers:
        return written(self._wanted(table), self.midnight[1])

    def near(self, want: Numbers, table: Table) -> Mask:
        out: Mask = (minutes_of(numbers(table[self.end])) - minutes_of(want)) % _DAY == 0
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Set the end; where it is fixed, move the minutes by half a day at most; where both are, the start."""
        n, want = len(table), self._wanted(table)
        late = minutes_of(numbers(table[self.end])) - want
        held, kept = (is_fixed(fixed, name, n) for name in (self.end, self.minutes))
        minutes = numbers(table[self.minutes]) + (late + _DAY // 2) % _DAY - _DAY // 2
        start = written(minutes_of(numbers(table[self.start])) + late, self.midnight[0])
        first = held & kept & ~is_fixed(fixed, self.start, n)
        return {
            self.end: set_numbers(table[self.end], ~held, self.value(table), 1.0),
            self.minutes: set_numbers(table[self.minutes], held & ~kept, minutes, 1.0),
            self.start: set_numbers(table[self.start], first, start, 1.0),
        }

    def settings(self) -> dict[str, Any]:
        return {"start": self.start, "minutes": self.minutes, "end": self.end, "midnight": list(self.midnight)}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        first, second = map(float, value["midnight"])
        if not {first, second} <= {0.0, 100.0 * 24}:
            raise InputError("a clock's midnight is 0 or 2400")
        start, minutes, end = (str(value[k]) for k in ("start", "minutes", "end"))
        return cls(start=start, minutes=minutes, end=end, midnight=(first, second), **counts)


def minutes_of(x: Numbers) -> Numbers:
    """Return minutes since midnight, NaN where a number is no time of day.

    >>> minutes_of(np.array([0.0, 1259.0, 2400.0, 1260.0])).tolist()
    [0.0, 779.0, 1440.0, nan]
    """
    hours, minutes = np.floor(x / 100), x % 100
    good = (x >= 0) & (x <= 2400) & (minutes < 60) & (x % 1 == 0)
    return np.where(good, 60 * hours + minutes, np.nan)


def written(minutes: Numbers, midnight: float) -> Numbers:
    """Return minutes since some midnight as hours and minutes in one number.

    >>> written(np.array([779.0, 780.0, 1440.0, -1.0]), 2400.0).tolist()
    [1259.0, 1300.0, 2400.0, 2359.0]
    """
    of_day = minutes % _DAY
    return np.where(of_day == 0, midnight, 100 * np.floor(of_day / 60) + of_day % 60)


def find(view: View) -> list[tuple[str, str, str]]:
    """Return (start, minutes, end) that hold in nearly all of a few rows."""
    names = [n for n in view.numeric if view.family(n) == "number" and view.step(n) >= 1]
    times = [n for n in names if view.k(n) >= _LEAST_TIMES and not np.isnan(_known(minutes_of, view.numbers(n))).any()]
    found = []
    for end in times:
        rows = np.flatnonzero(~view.usual(end) & ~view.table[end].missing)[:_GLANCE]
        for start in times:
            ahead = minutes_of(view.numbers(end)[rows]) - minutes_of(view.numbers(start)[rows])
            for minutes in names:
                if len({start, minutes, end}) < 3 or minutes in times:
                    continue
                off = ahead - view.numbers(minutes)[rows]
                here = ~np.isnan(off)
                if here.sum() >= _FEWEST and (off[here] % _DAY == 0).mean() > 0.97:
                    found.append((start, minutes, end))
    return found


def _known(of: Any, x: Numbers) -> Numbers:
    return np.asarray(of(x[~np.isnan(x)]))


def fit(view: View, start: str, minutes: str, end: str, declared: bool = False) -> Clock | None:
    """Return the rule with the counts of all rows; None where it does not hold."""
    late = [
        2400.0 if (view.numbers(n) == 2400).any() and not (view.numbers(n) == 0).any() else 0.0 for n in (start, end)
    ]
    rule = Clock(start=start, minutes=minutes, end=end, midnight=(late[0], late[1]), declared=declared)
    rule = rule.counted(view.table, view.unusual(rule.columns))
    return rule if declared or (worth(rule) and rule.support >= _FEWEST) else None


def declare(view: View, spec: Mapping[str, Any]) -> Clock:
    """Make a declared rule: ``start``, ``minutes`` and ``end``."""
    names = [str(spec[k]) for k in ("start", "minutes", "end")]
    for name in names:
        if name not in view.numeric:
            raise InputError(f"a rule computes with {name!r}, which is no column of varied finite numbers")
    rule = fit(view, *names, declared=True)
    assert rule is not None
    return rule
