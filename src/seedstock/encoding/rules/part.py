"""A part of a time decides another column: its hour, weekday, month or year, however that is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column
from seedstock.core.zones import in_zone, is_known, unit_and_zone, zone_of
from seedstock.encoding.rules.cells import MISSING, Codes, Domain
from seedstock.encoding.rules.depends import beyond_chance, pure
from seedstock.encoding.rules.grouped import Grouped, grouped_in, images_of
from seedstock.encoding.rules.rule import worth
from seedstock.encoding.rules.view import View

_GLANCE = 2_000
_VALUES = 400
_LEAST_VALUES = 8
_YEARS = 400
_SHARED = 2
"""Values of the parent that have a part in common, on average."""
_LONG = np.timedelta64(28, "D").astype("m8[us]")

Times = NDArray[Any]
"""datetime64[us], as clocks of the column's zone show them."""


def _since(t: Times, whole: str, part: str) -> Codes:
    return (t.astype(f"M8[{part}]") - t.astype(f"M8[{whole}]").astype(f"M8[{part}]")).astype(np.int64)


def _months(t: Times) -> Codes:
    # From the year 1800 on, so that no number is below 0.
    return np.clip(t.astype("M8[M]").astype(np.int64) + 170 * 12, 0, 12 * _YEARS - 1)


_PARTS: dict[str, tuple[int, str, Callable[[Times], Codes]]] = {
    "weekday": (7, "D", lambda t: (t.astype("M8[D]").astype(np.int64) + 3) % 7),
    "quarter": (4, "D", lambda t: _since(t, "Y", "M") // 3),
    "month": (12, "D", lambda t: _since(t, "Y", "M")),
    "hour": (24, "h", lambda t: _since(t, "D", "h")),
    "day": (31, "D", lambda t: _since(t, "M", "D")),
    "minute": (60, "m", lambda t: _since(t, "h", "m")),
    "second": (60, "s", lambda t: _since(t, "m", "s")),
    "week": (54, "D", lambda t: _week(t)),
    "year": (_YEARS, "years", lambda t: _months(t) // 12),
    "day of the year": (366, "D", lambda t: _since(t, "Y", "D")),
    "year and quarter": (4 * _YEARS, "years", lambda t: _months(t) // 3),
    "year and month": (12 * _YEARS, "years", _months),
}
"""Part -> how many there are, the unit in which a time is moved to another one, and how it is read off."""


def _week(t: Times) -> Codes:
    """Return the week by ISO 8601: that of its Thursday."""
    days = t.astype("M8[D]")
    thursday = days - (days.astype(np.int64) + 3) % 7 + 3
    return _since(thursday, "Y", "D") // 7 + 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Part(Grouped):
    """A child that follows from a part of a time.

    Attributes
    ----------
    part : str
        One of the keys of `_PARTS`.
    zone : str
        Where the clock hangs; empty where times have no zone.
    low, high : int
        The parent's range, in microseconds.
    """

    part: str
    zone: str
    low: int
    high: int

    kind: ClassVar[str] = "part"

    @property
    def text(self) -> str:
        return f"the {self.part} of {self.parent} decides {self.child}"

    def groups(self, column: Column) -> Codes:
        return np.where(column.missing, -1, _PARTS[self.part][2](local_times(column.values, self.zone)))

    def moved(self, column: Column, wanted: Codes, g: np.random.Generator) -> Column:
        """Move a time as little as that takes, within the range of the real ones."""
        unit = _PARTS[self.part][1]
        one = _LONG if unit == "years" else np.timedelta64(1, unit).astype("m8[us]")
        values, left = column.values.copy(), ~column.missing
        for k in range(1, _VALUES):
            for shift in (k * one, -k * one):
                rows = np.flatnonzero(left)
                if not len(rows):
                    return Column(values, column.missing)
                new = Column.of(column.values[rows] + shift)
                ticks = new.values.astype(np.int64)
                good = (self.expected(new) == wanted[rows]) & (ticks >= self.low) & (ticks <= self.high)
                values[rows[good]] = new.values[good]
                left[rows[good]] = False
        return Column(values, column.missing)

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"part": self.part, "zone": self.zone, "low": self.low, "high": self.high}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        part, zone, low, high = str(value["part"]), str(value["zone"]), int(value["low"]), int(value["high"])
        if part not in _PARTS or low > high:
            raise InputError("a rule's part of a time is none")
        if zone:
            zone_of(zone)
        return cls(part=part, zone=zone, low=low, high=high, **grouped_in(value, _PARTS[part][0]), **counts)


def local_times(values: Times, zone: str) -> Times:
    """Return times as clocks of a zone show them, or as they are where there is none."""
    return in_zone(values, zone) if zone else values.astype("M8[us]")


def zone_in(view: View, name: str) -> str | None:
    """Return the zone of a column of times, empty where it has none; None where nothing is known of it."""
    zone = unit_and_zone(view.schema[name].dtype)[1] or ""
    return zone if not zone or is_known(zone) else None


def find(view: View) -> list[tuple[str, str, str]]:
    """Return (parent, part, child) where the coarsest part of a time that decides a child does so beyond chance."""
    times = [n for n in view.numeric if view.family(n) == "time" and view.k(n) >= _LEAST_VALUES]
    children = [c for c in view.names if 2 <= len(view.coded(c)[0].values) <= _VALUES and c not in times]
    found = []
    for parent in times:
        if (zone := zone_in(view, parent)) is None:
            continue
        local = local_times(view.table[parent].values, zone)
        groups = {part: read(local) for part, (_, _, read) in _PARTS.items()}
        for child in children:
            here = view.present((parent, child))
            codes, tests = view.coded(child)[1][here], len(times) * len(children) * len(_PARTS)
            for part, group in groups.items():
                own = group[here]
                # Where each part is one value, nothing is learned from it that the value does not say.
                if view.k(parent) < _SHARED * len(np.unique(own)):
                    continue
                if pure(own[:_GLANCE], codes[:_GLANCE]) and beyond_chance(own, codes, tests):
                    found.append((parent, part, child))
                    break
    return found


def fit(view: View, parent: str, part: str, child: str, declared: bool = False) -> Part | None:
    """Return the rule with the counts of all rows; None where it does not hold."""
    column, (domain, codes) = view.table[parent], view.coded(child)
    ticks, zone = column.values[~column.missing].astype("M8[us]").astype(np.int64), zone_in(view, parent)
    if not len(ticks) or zone is None:
        return None
    rule = Part(
        parent=parent, child=child, domain=domain, images=np.zeros(0, np.int64), part=part, zone=zone,
        low=int(ticks.min()), high=int(ticks.max()), declared=declared,
    )  # fmt: skip
    images = images_of(rule.groups(column), codes, _PARTS[part][0])
    rule = _replaced(rule, *_continued(domain, images))
    rule = rule.counted(view.table, view.present((parent, child)) & ~view.usual(child))
    return rule if declared or worth(rule) else None


def _replaced(rule: Part, domain: Domain, images: Codes) -> Part:
    return Part(**{**vars(rule), "domain": domain, "images": images})


def _continued(domain: Domain, images: Codes) -> tuple[Domain, Codes]:
    """Return the look-up with parts that no row has, where a whole number counts them: hour 3 follows 2 and 4."""
    known = np.flatnonzero(images != MISSING)
    if domain.values.dtype.kind not in "if" or len(known) < 3:
        return domain, images
    first = domain.values[images[known]] - known
    if (first != first[0]).any():
        return domain, images
    inner = np.arange(known[0], known[-1] + 1)
    out = np.full(len(images), MISSING, np.int64)
    out[inner] = np.arange(len(inner))
    return Domain((inner + first[0]).astype(domain.values.dtype)), out


def declare(view: View, spec: Mapping[str, Any]) -> Part:
    """Make a declared rule: ``part``, of a ``parent``, and its ``child``."""
    parent, part, child = str(spec["parent"]), str(spec["part"]), str(spec["child"])
    if part not in _PARTS:
        raise InputError(f"a rule's part must be one of {', '.join(_PARTS)}, not {part!r}")
    rule = fit(view, parent, part, child, declared=True) if view.family(parent) == "time" else None
    if rule is None:
        raise InputError(f"a rule needs the {part} of {parent!r}, which holds no dates or times")
    return rule
