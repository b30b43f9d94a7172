"""A time without its finer part is a column of its own: the date of a time stamp, its time of day, its full hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.core.zones import in_utc, zone_of
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.part import local_times, zone_in
from seedstock.encoding.rules.rule import Fixed, is_fixed, worth
from seedstock.encoding.rules.view import View

_GLANCE = 500
_FEWEST = 30
_CLOCK = "time of day"
_FLOORS: dict[str, Callable[[Any], Any]] = {
    "second": lambda t: t.astype("M8[s]"),
    "minute": lambda t: t.astype("M8[m]"),
    "hour": lambda t: t.astype("M8[h]"),
    "date": lambda t: t.astype("M8[D]"),
    "week": lambda t: t.astype("M8[D]") - (t.astype("M8[D]").astype(np.int64) + 3) % 7,
    "month": lambda t: t.astype("M8[M]"),
    "year": lambda t: t.astype("M8[Y]"),
}
"""What is left of a time -> when that began."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Moment(Formula):
    """``child = date of parent`` and the like, on the clocks of the columns' zones.

    Attributes
    ----------
    parent, child : str
    part : str
        A key of `_FLOORS`, or ``time of day``.
    zones : tuple of two str
        Of the parent and the child; empty where there is none.
    """

    parent: str
    child: str
    part: str
    zones: tuple[str, str]

    kind: ClassVar[str] = "moment"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.parent, self.child)

    @property
    def text(self) -> str:
        if self.part in ("date", _CLOCK):
            return f"{self.child} = the {self.part} of {self.parent}"
        return f"{self.child} = when the {self.part} of {self.parent} began"

    def value(self, table: Table) -> Numbers:
        column = table[self.parent]
        local = local_times(column.values, self.zones[0])
        out = self._of(local)
        if self.zones[1] and self.part != _CLOCK:
            out = _utc(out, self.zones[1])
        return np.where(column.missing, np.nan, out.astype(np.int64).astype(float))

    def _of(self, local: Any) -> Any:
        if self.part == _CLOCK:
            return local - local.astype("M8[D]").astype("M8[us]")
        return _FLOORS[self.part](local).astype("M8[us]")

    def near(self, want: Numbers, table: Table) -> Mask:
        out: Mask = numbers(table[self.child]) == want
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Set the child; where it is fixed, move the parent to it and leave the rest of it."""
        n, parent, child = len(table), table[self.parent], table[self.child]
        held = is_fixed(fixed, self.child, n)
        local = local_times(parent.values, self.zones[0])
        if self.part == _CLOCK:
            moved = local.astype("M8[D]").astype("M8[us]") + child.values.astype("m8[us]")
        else:
            moved = local_times(child.values, self.zones[1]) + (local - self._of(local))
        shifted = _utc(moved, self.zones[0]) if self.zones[0] else moved
        free = held & ~is_fixed(fixed, self.parent, n)
        return {
            self.child: set_numbers(child, ~held, self.value(table), 1.0),
            self.parent: set_numbers(parent, free, shifted.astype(np.int64).astype(float), 1.0),
        }

    def settings(self) -> dict[str, Any]:
        return {"parent": self.parent, "child": self.child, "part": self.part, "zones": list(self.zones)}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        part, (first, second) = str(value["part"]), map(str, value["zones"])
        if part not in _FLOORS and part != _CLOCK:
            raise InputError("a rule's part of a time is none")
        for zone in filter(None, (first, second)):
            zone_of(zone)
        return cls(parent=str(value["parent"]), child=str(value["child"]), part=part, zones=(first, second), **counts)


def _utc(values: Any, zone: str) -> Any:
    kinds, place = np.unique(values, return_inverse=True)
    return in_utc(kinds, zone)[place]


def find(view: View) -> list[tuple[str, str, str]]:
    """Return (parent, part, child) that hold in nearly all of a few rows, where the parent has more than the part."""
    zones = {n: zone for n in view.numeric if view.family(n) != "number" and (zone := zone_in(view, n)) is not None}
    found = []
    for parent in (n for n in zones if view.family(n) == "time"):
        for child in zones:
            if child == parent or view.k(child) > view.k(parent):
                continue
            table = view.table.select([parent, child]).take(np.flatnonzero(view.present((parent, child)))[:_GLANCE])
            parts = list(_FLOORS) if view.family(child) == "time" else [_CLOCK]
            for part in parts if len(table) >= _FEWEST else ():
                rule = Moment(parent=parent, child=child, part=part, zones=(zones[parent], zones[child]))
                coarser = numbers(table[parent]) != numbers(table[child])
                if rule.holds(table).mean() > 0.97 and coarser.mean() > 0.05:
                    found.append((parent, part, child))
                    break
    return found


def fit(view: View, parent: str, part: str, child: str, declared: bool = False) -> Moment | None:
    """Return the rule with the counts of all rows; None where it does not hold."""
    first, second = zone_in(view, parent), zone_in(view, child)
    if first is None or second is None:
        return None
    rule = Moment(parent=parent, child=child, part=part, zones=(first, second), declared=declared)
    rule = rule.counted(view.table, view.present((parent, child)) & ~view.usual(child))
    return rule if declared or (worth(rule) and rule.support >= _FEWEST) else None


def declare(view: View, spec: Mapping[str, Any]) -> Moment:
    """Make a declared rule: ``parent``, ``part`` and ``child``."""
    parent, part, child = str(spec["parent"]), str(spec["part"]), str(spec["child"])
    if part not in (*_FLOORS, _CLOCK):
        raise InputError(f"a rule's part must be one of {', '.join((*_FLOORS, _CLOCK))}, not {part!r}")
    wanted = "duration" if part == _CLOCK else "time"
    if view.family(parent) != "time" or view.family(child) != wanted:
        raise InputError(f"a rule needs the {part} of {parent!r} in {child!r}, and one of them holds no times")
    rule = fit(view, parent, part, child, declared=True)
    if rule is None:
        raise InputError(f"a rule needs the clocks of {parent!r}, and nothing is known here of its zone")
    return rule
