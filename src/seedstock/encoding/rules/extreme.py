"""One number is the largest or smallest of others, their distance, or the size of one whatever its sign."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.rule import Fixed, is_fixed, names_in, worth
from seedstock.encoding.rules.view import View

_GLANCE = 64
_WIDEST = 40
_FEWEST = 50
_EACH = 0.05
"""Share of the rows that each parent decides at least: else it is another one, with exceptions."""
_HOW = ("largest", "smallest", "distance", "size")


@dataclass(frozen=True, eq=False, kw_only=True)
class Extreme(Formula):
    """``child = max(a, b)``, ``min(a, b)``, ``|a - b|`` or ``|a|``.

    Attributes
    ----------
    parents : tuple of one or two str
    child : str
    how : {"largest", "smallest", "distance", "size"}
    steps : tuple of float
        Grids of the parents and the child, 0 where there is none.
    """

    parents: tuple[str, ...]
    child: str
    how: str
    steps: tuple[float, ...]

    kind: ClassVar[str] = "extreme"

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.parents, self.child)

    @property
    def text(self) -> str:
        if self.how in ("distance", "size"):
            return f"{self.child} = |{' - '.join(self.parents)}|"
        return f"{self.child} = the {self.how} of {' and '.join(self.parents)}"

    def value(self, table: Table) -> Numbers:
        return _value([numbers(table[p]) for p in self.parents], self.how)

    def near(self, want: Numbers, table: Table) -> Mask:
        largest = np.max([np.abs(numbers(table[p])) for p in self.parents], axis=0)
        out: Mask = np.abs(numbers(table[self.child]) - want) <= (
            2 * np.spacing(largest) if len(self.parents) > 1 else 0
        )
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Set the child; where it is fixed, a parent moves so far that the rule holds, or all that must."""
        n = len(table)
        held = is_fixed(fixed, self.child, n)
        out = {self.child: set_numbers(table[self.child], ~held, self.value(table), self.steps[-1])}
        x, child = {p: numbers(table[p]) for p in self.parents}, numbers(table[self.child])
        free = {p: held & ~is_fixed(fixed, p, n) for p in self.parents}
        if self.how in ("largest", "smallest"):
            bound = np.minimum if self.how == "largest" else np.maximum
            x = {p: np.where(free[p], bound(x[p], child), x[p]) for p in self.parents}
        left = held.copy()
        for p, step in zip(self.parents, self.steps, strict=False):
            others = [x[q] for q in self.parents if q != p]
            new = _solved(child, x[p], others, self.how)
            good = left & free[p] & np.isfinite(new) & self.near(_value([new, *others], self.how), table)
            x[p] = np.where(good, new, x[p])
            out[p] = set_numbers(table[p], free[p], x[p], step)
            left &= ~good
        for p, step in zip(self.parents, self.steps, strict=False):
            out[p] = set_numbers(table[p], free[p], x[p], step)
        return out

    def settings(self) -> dict[str, Any]:
        return {"parents": list(self.parents), "child": self.child, "how": self.how, "steps": list(self.steps)}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        parents, how, steps = names_in(value, "parents"), str(value["how"]), tuple(map(float, value["steps"]))
        if how not in _HOW or len(parents) != (1 if how == "size" else 2) or len(steps) != len(parents) + 1:
            raise InputError("a rule's extreme does not match its columns")
        if not np.isfinite(steps).all() or min(steps) < 0:
            raise InputError("a rule's numbers must be finite")
        return cls(parents=parents, child=str(value["child"]), how=how, steps=steps, **counts)


def _value(x: Sequence[Numbers], how: str) -> Numbers:
    if how == "largest":
        return np.maximum(*x)
    if how == "smallest":
        return np.minimum(*x)
    return np.abs(x[0] - x[1]) if how == "distance" else np.abs(x[0])


def _solved(child: Numbers, x: Numbers, others: Sequence[Numbers], how: str) -> Numbers:
    """Return what a parent must be, next to what it is where there are two ways."""
    if how == "size":
        return np.where(x < 0, -child, child)
    if how == "distance":
        return np.where(x < others[0], others[0] - child, others[0] + child)
    return child


def find(view: View, computed: Collection[str]) -> list[tuple[tuple[str, ...], str, str]]:
    """Return (parents, how, child) that nearly all of a few rows keep, for columns that nothing else computes."""
    names = [n for n in view.numeric if view.k(n) >= 5][:_WIDEST]
    found: list[tuple[tuple[str, ...], str, str]] = []
    for child in (n for n in names if n not in computed):
        rows = np.flatnonzero(~view.usual(child) & np.isfinite(view.numbers(child)))[:_GLANCE]
        able = [n for n in names if n != child and view.family(n) == view.family(child)]
        if len(rows) < _GLANCE // 2 or not able:
            continue
        y, x = view.numbers(child)[rows], np.stack([view.numbers(n)[rows] for n in able], axis=1)
        moves, signed = view.family(child) != "time", (x < 0).any(axis=0) & (x > 0).any(axis=0)
        if moves:
            sized = np.flatnonzero(_same(np.abs(x), y[:, None], np.abs(x)) & signed)
            found += [((able[i],), "size", child) for i in sized]
        one, other, y = x[:, :, None], x[:, None, :], y[:, None, None]
        for how in ("largest", "smallest", *(["distance"] if moves else [])):
            size = np.maximum(np.abs(one), np.abs(other)) if how == "distance" else np.abs(y)
            pairs = np.triu(_same(_value([one, other], how), y, size), 1)
            found += [((able[i], able[k]), how, child) for i, k in np.argwhere(pairs)]
    return found


def _same(value: Numbers, child: Numbers, size: Numbers) -> Mask:
    """Tell which values, shape (n_rows, ...), are the child's in nearly all rows, up to what floats of a size leave."""
    here = np.isfinite(value) & np.isfinite(child)
    with np.errstate(invalid="ignore"):
        near = here & (np.abs(value - child) <= 4 * np.spacing(np.abs(size)))
    out: Mask = (here.sum(axis=0) >= _GLANCE // 2) & (near.sum(axis=0) > 0.97 * here.sum(axis=0))
    return out


def fit(view: View, parents: Sequence[str], how: str, child: str, declared: bool = False) -> Extreme | None:
    """Return the rule with the counts of all rows; None where it does not hold, or another column says as much."""
    steps = tuple(map(view.step, (*parents, child)))
    rule = Extreme(parents=tuple(parents), child=child, how=how, steps=steps, declared=declared)
    rule = rule.counted(view.table, ~view.usual(child) & view.present(rule.columns))
    if declared:
        return rule
    if not worth(rule) or rule.support < _FEWEST:
        return None
    x, y = [view.numbers(p) for p in parents], view.numbers(child)
    here = np.isfinite(y)
    # Where one sign or one parent decides (nearly) all rows, it is a plain line with exceptions.
    plain = [x[0], -x[0]] if how == "size" else [x[0] - x[1], x[1] - x[0]] if how == "distance" else list(x)
    return rule if all((np.abs(p - y)[here] > 0).mean() >= _EACH for p in plain) else None


def declare(view: View, spec: Mapping[str, Any]) -> Extreme:
    """Make a declared rule: ``parents``, ``how`` and ``child``."""
    parents, how, child = names_in(spec, "parents"), str(spec["how"]), str(spec["child"])
    if how not in _HOW:
        raise InputError(f"a rule's 'how' must be one of {', '.join(_HOW)}, not {how!r}")
    if len(parents) != (1 if how == "size" else 2):
        raise InputError(f"the {how} is of {'one column' if how == 'size' else 'two columns'}, not {len(parents)}")
    families = {view.family(name) for name in (*parents, child) if name in view.numeric}
    if len(families) != 1 or not {*parents, child} <= {*view.numeric}:
        raise InputError(f"the {how} needs columns of varied numbers, or all of times, and {child!r} is none of theirs")
    rule = fit(view, parents, how, child, declared=True)
    assert rule is not None
    return rule
