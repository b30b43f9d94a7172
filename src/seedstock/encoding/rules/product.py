"""One number is the product or the ratio of two others, rounded to its grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed, names_in, worth
from seedstock.encoding.rules.view import View

_GLANCE = 96
_WIDEST = 60
_FEWEST = 50
_FACTORS = {"product": (1.0, 0.01), "ratio": (1.0, 100.0)}


@dataclass(frozen=True, eq=False, kw_only=True)
class Product(Rule):
    """``child = factor * a * b`` or ``child = factor * a / b``, rounded; it says nothing where b is 0.

    Attributes
    ----------
    parents : tuple of two str
    child : str
    divided : bool
        Whether it is a ratio.
    factor : float
    steps : tuple of three floats
        Grids of a, b and the child, 0 where there is none.
    """

    parents: tuple[str, ...]
    child: str
    divided: bool
    factor: float
    steps: tuple[float, ...]

    kind: ClassVar[str] = "product"
    computes: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.parents, self.child)

    @property
    def text(self) -> str:
        factor = "" if self.factor == 1 else f"{self.factor:g} * "
        return f"{self.child} = {factor}{self.parents[0]} {'/' if self.divided else '*'} {self.parents[1]}"

    def _value(self, table: Table) -> Numbers:
        a, b = (numbers(table[p]) for p in self.parents)
        return _of(a, b, self.divided, self.factor)

    def holds(self, table: Table) -> Mask:
        want, is_ = self._value(table), numbers(table[self.child])
        near: Mask = np.abs(want - is_) <= self.steps[2] / 2 * (1 + 1e-9) + 1e-9 * np.abs(want)
        return near | np.isnan(want) | np.isnan(is_)

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n = len(table)
        held = is_fixed(fixed, self.child, n)
        out = {self.child: set_numbers(table[self.child], ~held, self._value(table), self.steps[2])}
        if not held.any():
            return out
        c = numbers(table[self.child]) / self.factor
        a, b = (numbers(table[p]) for p in self.parents)
        with np.errstate(divide="ignore", invalid="ignore"):
            candidates = (c * b, a / c) if self.divided else (c / b, c / a)
        left = held
        for p, step, new, which in zip(self.parents, self.steps, candidates, (0, 1), strict=False):
            new = np.round(new / step) * step if step else new
            value = _of(*((new, b) if which == 0 else (a, new)), self.divided, 1.0)
            near = np.abs(value - c) * self.factor <= self.steps[2] / 2 + 1e-9 * np.abs(c)
            fits = left & near & np.isfinite(new) & ~is_fixed(fixed, p, n)
            out[p] = set_numbers(table[p], fits, new, step)
            left = left & ~fits
        return out

    def settings(self) -> dict[str, Any]:
        return {
            "parents": list(self.parents),
            "child": self.child,
            "divided": self.divided,
            "factor": self.factor,
            "steps": list(self.steps),
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        parents, factor, steps = (
            names_in(value, "parents", 2),
            float(value["factor"]),
            tuple(map(float, value["steps"])),
        )
        if len(parents) != 2 or len(steps) != 3 or not np.isfinite([factor, *steps]).all() or not factor:
            raise InputError("a rule of kind 'product' needs two parents, three steps and a factor")
        child, divided = str(value["child"]), bool(value["divided"])
        return cls(parents=parents, child=child, divided=divided, factor=factor, steps=steps, **counts)


def _of(a: Numbers, b: Numbers, divided: bool, factor: float) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out = factor * a / b if divided else factor * (a * b)
    return np.where(np.isfinite(out), out, np.nan)


def find(view: View) -> list[tuple[str, str, str, bool, float]]:
    """Return (a, b, child, divided, factor) of the products and ratios that a few rows allow."""
    names = [n for n in view.numeric if view.k(n) >= 5 and view.family(n) == "number"]
    names = sorted(names, key=view.k, reverse=True)[:_WIDEST]
    names = [n for n in view.names if n in names]
    if len(names) < 3:
        return []
    found = []
    X = np.stack([view.numbers(n) for n in names], axis=1)
    steps = np.array([view.step(n) for n in names])
    usual = np.stack([view.usual(n) for n in names], axis=1)
    for j, child in enumerate(names):
        # Rows where the child is telling: not its usual value.
        rows = np.flatnonzero(~usual[:, j] & np.isfinite(X[:, j]))[:_GLANCE]
        if len(rows) < _GLANCE // 3:
            continue
        small, c = X[rows], X[rows, j]
        for divided, factor in [(d, f) for d in (False, True) for f in _FACTORS["ratio" if d else "product"]]:
            for i, a in enumerate(names):
                value = _of(small[:, i, None], small, divided, factor)
                near = np.abs(value - c[:, None]) <= steps[j] / 2 * (1 + 1e-9) + 1e-9 * np.abs(value)
                there = np.isfinite(value)
                agrees = (near | ~there).mean(axis=0) > 0.97
                enough = there.sum(axis=0) >= len(rows) // 3
                for m in np.flatnonzero(agrees & enough):
                    if len({i, j, m}) == 3 and (divided or i < m):
                        found.append((a, names[m], child, divided, factor))
    return found


def looseness(view: View, child: str) -> float:
    """Return a child's step relative to its size: of three columns, the one with the least says the most."""
    return view.step(child) / max(float(np.nanmedian(np.abs(view.numbers(child)))), 1e-300)


def fit(view: View, a: str, b: str, child: str, divided: bool, factor: float, declared: bool = False) -> Product | None:
    """Return the rule with the counts of all rows; None where it does not hold or says too little."""
    steps = tuple(view.step(n) for n in (a, b, child))
    rule = Product(parents=(a, b), child=child, divided=divided, factor=factor, steps=steps, declared=declared)
    x, y, z = (view.numbers(n) for n in (a, b, child))
    rule = rule.counted(view.table, ~view.usual(child) & np.isfinite(_of(x, y, divided, factor)) & np.isfinite(z))
    if declared:
        return rule
    if not worth(rule) or rule.support < _FEWEST:
        return None
    # Were the second factor dealt at random and the rule still near true, the grid would be too coarse to tell.
    shuffled = np.random.default_rng(0).permutation(y)
    mixed = _of(x, shuffled, divided, factor)
    far = (np.abs(mixed - z) > steps[2] / 2 + 1e-9 * np.abs(mixed)) & ~view.usual(child)
    return rule if far.sum() >= max(_FEWEST, 0.2 * rule.support) else None


def declare(view: View, spec: Mapping[str, Any]) -> Product:
    """Make a declared product or ratio: two ``parents``, a ``child``, and where wanted a ``factor``."""
    parents, child = names_in(spec, "parents", 2), str(spec["child"])
    if len(parents) != 2:
        raise InputError(f"a rule of kind {spec['kind']!r} for {child!r} needs two parents, not {len(parents)}")
    for name in (*parents, child):
        if name not in view.numeric:
            raise InputError(f"a rule computes with {name!r}, which is no column of varied finite numbers or times")
    rule = fit(view, *parents, child, spec["kind"] == "ratio", float(spec.get("factor", 1.0)), declared=True)
    assert rule is not None
    return rule
