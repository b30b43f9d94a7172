"""Which interval a number or time lies in decides another column: groups of ages, long flows, anything of 0 or more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from seedstock.core.errors import InputError
from seedstock.core.table import Column
from seedstock.encoding.rules.cells import MISSING, Codes, Numbers, numbers, set_numbers
from seedstock.encoding.rules.decimals import between
from seedstock.encoding.rules.grouped import Grouped, grouped_in
from seedstock.encoding.rules.rule import worth
from seedstock.encoding.rules.view import View, by_chance

_GLANCE = 2_000
_VALUES = 24
_RUNS = 32
_LEAST_VALUES = 30
_SEVERAL = 4
_SPELLED = 5
_SHORT = 5
"""Rows that an interval has at least, unless its value has no other."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Intervals(Grouped):
    """A child that is the same all over each interval of its parent.

    Attributes
    ----------
    cuts : float64 ndarray, shape (groups - 1,)
        Ends of the intervals, ascending; times in microseconds.
    upper : bool ndarray, shape (groups - 1,)
        Whether an end itself lies in the interval above it.
    low, high : float
        The parent's range.
    step : float
        Its grid, 0 where there is none.
    family : str
        What it holds: ``number``, ``time`` or ``duration``.
    """

    cuts: Numbers
    upper: NDArray[np.bool_]
    low: float
    high: float
    step: float
    family: str

    kind: ClassVar[str] = "intervals"

    @property
    def text(self) -> str:
        if len(self.images) > _SPELLED:
            return f"intervals of {self.parent} decide {self.child}"
        first, *values = self.domain.values[self.images].tolist()
        ends = zip(values, self.upper, self.cuts, strict=True)
        said = [f"{value} {'from' if from_ else 'above'} {self._shown(cut)}" for value, from_, cut in ends]
        return f"{self.parent} decides {self.child}: {', '.join([str(first), *said])}"

    def _shown(self, cut: float) -> str:
        if self.family == "number":
            return f"{cut:.10g}"
        moment = np.datetime64(round(cut), "us")
        return str(moment if self.family == "time" else moment - np.datetime64(0, "us"))

    def groups(self, column: Column) -> Codes:
        x = numbers(column)
        place = np.searchsorted(self.cuts, x, side="left")
        at = np.minimum(place, len(self.cuts) - 1)
        out = place + ((self.cuts[at] == x) & (place < len(self.cuts)) & self.upper[at])
        return np.where(np.isnan(x), -1, out).astype(np.int64)

    def moved(self, column: Column, wanted: Codes, g: np.random.Generator) -> Column:
        """Draw anywhere in the nearest interval of the wanted value."""
        x = numbers(column)
        ends = np.concatenate([[self.low], self.cuts, [self.high]])
        fits = self.images[None, :] == wanted[:, None]
        away = np.maximum(ends[:-1] - x[:, None], x[:, None] - ends[1:])
        nearest = np.argmin(np.where(fits, away, np.inf), axis=1)
        low, high = ends[nearest], ends[nearest + 1]
        out, left = column, fits.any(axis=1)
        # An end may belong to the neighbour, and so may what rounding makes of a value near one.
        for new in (low + g.random(len(x)) * (high - low), high, low, (low + high) / 2):
            made = set_numbers(column, left, new, self.step)
            good = left & (self.groups(made) == nearest)
            out = Column(np.where(good, made.values, out.values), out.missing & ~good)
            left &= ~good
        return out

    def settings(self) -> dict[str, Any]:
        ends = {"cuts": self.cuts.tolist(), "upper": self.upper.tolist()}
        own = {"low": self.low, "high": self.high, "step": self.step, "family": self.family}
        return super().settings() | ends | own

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        cuts, upper = np.asarray(value["cuts"], float), np.asarray(value["upper"], bool)
        low, high, step = (float(value[k]) for k in ("low", "high", "step"))
        if cuts.ndim != 1 or cuts.shape != upper.shape or not len(cuts) or (cuts[1:] <= cuts[:-1]).any():
            raise InputError("a rule's intervals must be sorted")
        if not np.isfinite([*cuts, low, high, step]).all() or low > high or step < 0:
            raise InputError("a rule's numbers must be finite")
        return cls(
            cuts=cuts, upper=upper, low=low, high=high, step=step, family=str(value["family"]),
            **grouped_in(value, len(cuts) + 1), **counts,
        )  # fmt: skip


def find(view: View) -> list[tuple[str, str]]:
    """Return (parent, child) where a few rows, put in order, show fewer changes of the child than chance would make."""
    parents = [p for p in view.numeric if view.k(p) >= _LEAST_VALUES]
    children = [c for c in view.names if 2 <= len(view.coded(c)[0].values) <= _VALUES]
    few = slice(0, _GLANCE)
    ordered = {p: np.argsort(view.numbers(p)[few], kind="stable") for p in parents}
    return [
        (parent, child)
        for parent in parents
        for child in children
        if child != parent and _beyond_chance(view, parent, child, ordered[parent], len(parents) * len(children))
    ]


def _beyond_chance(view: View, parent: str, child: str, order: Codes, tests: int) -> bool:
    """Tell whether a child changes so seldom along its parent that chance does not explain it; `order` sorts rows."""
    x, codes = view.numbers(parent)[order], view.coded(child)[1][order]
    here = ~np.isnan(x) & (codes != MISSING)
    x, codes = x[here], codes[here]
    if view.repeats(parent):
        # Rows of one value may be alike for that value's sake: values count, and intervals must be of several.
        codes = codes[np.concatenate([[True], x[1:] != x[:-1]])] if len(x) else codes
        if (codes[1:] != codes[:-1]).sum() + 1 > len(codes) / _SEVERAL:
            return False
    return len(codes) > 0 and _told(codes) < by_chance(tests)


def _told(codes: Codes) -> float:
    """Return the log probability that codes of these shares, dealt at random, change so seldom; 0 for too many changes.

    >>> round(float(np.exp(_told(np.array([0, 0, 0, 1, 1, 1])))), 9) == 2 * 5 / 20
    True
    """
    n, runs = len(codes), 1 + int((codes[1:] != codes[:-1]).sum())
    counts = np.unique(codes, return_counts=True)[1]
    k = len(counts)
    if k < 2 or runs > _RUNS:
        return 0.0
    ways = gammaln(n) - gammaln(runs) - gammaln(n - runs + 1) + np.log(k) + (runs - 1) * np.log(max(k - 1, 1))
    return min(0.0, float(ways - gammaln(n + 1) + gammaln(counts + 1).sum()))


def fit(view: View, parent: str, child: str, declared: bool = False) -> Intervals | None:
    """Return the rule with the counts of all rows; None where one value of the parent has two of the child."""
    x, (domain, codes) = view.numbers(parent), view.coded(child)
    if not declared and not _beyond_chance(view, parent, child, np.argsort(x, kind="stable"), len(view.names) ** 2):
        return None
    here = np.flatnonzero(~np.isnan(x) & (codes != MISSING))
    here = here[np.argsort(x[here], kind="stable")]
    x, codes = x[here], codes[here]
    usual = ~_exceptions(codes)
    x, codes = x[usual], codes[usual]
    change = np.flatnonzero(codes[1:] != codes[:-1])
    if not 0 < len(change) < _RUNS or (x[change] == x[change + 1]).any():
        return None
    cuts = np.array([_cut(low, high) for low, high in zip(x[change], x[change + 1], strict=True)])
    rule = Intervals(
        parent=parent, child=child, domain=domain, images=codes[[0, *(change + 1)]], cuts=cuts,
        upper=cuts > x[change], low=float(x[0]), high=float(x[-1]), step=view.step(parent), family=view.family(parent),
        declared=declared,
    )  # fmt: skip
    rule = rule.counted(view.table, view.present((parent, child)) & ~view.usual(child))
    return rule if declared or worth(rule) else None


def _exceptions(codes: Codes) -> NDArray[np.bool_]:
    """Tell which codes, in order, stand among others although most of their kind stand together elsewhere.

    >>> _exceptions(np.array([0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1, 2])).nonzero()[0].tolist()
    [5, 6, 7]
    """
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    lengths = np.diff([*starts, len(codes)])
    longest = np.zeros(int(codes.max(initial=0)) + 1, np.int64)
    np.maximum.at(longest, codes[starts], lengths)
    return np.repeat((lengths < _SHORT) & (lengths < longest[codes[starts]]), lengths)


def _cut(low: float, high: float) -> float:
    """Return the shortest decimal from a value to the next one, where a rule that somebody made has its end."""
    found = 0.0 if low <= 0 <= high else between(low, high)
    return high if found is None else found


def declare(view: View, spec: Mapping[str, Any]) -> Intervals:
    """Make a declared rule: ``parent`` and ``child``."""
    parent, child = str(spec["parent"]), str(spec["child"])
    if parent not in view.numeric:
        raise InputError(f"a rule needs intervals of {parent!r}, which is no column of varied numbers or times")
    rule = fit(view, parent, child, declared=True)
    if rule is None:
        raise InputError(f"no intervals of {parent!r} decide {child!r}: it changes in more than {_RUNS} places")
    return rule
