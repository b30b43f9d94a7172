"""One number is the logarithm of another one, of either sign and any base, rounded as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.decimals import between
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.rule import Fixed, digits_in, errors_in, is_fixed, worth
from seedstock.encoding.rules.view import View

_GLANCE = 2_000
_FEWEST = 50
_LEAST_VALUES = 10
_BASES = {"log": 1.0, "log10": 1 / np.log(10), "log2": 1 / np.log(2)}
_WEIGHTS = (1.0, -1.0, 10.0, -10.0, 20.0)
"""Logarithms themselves, acidity, decibels of powers and of amplitudes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Logarithm(Formula):
    """``child = constant + weight * base(shift + parent)``, rounded; it says nothing where there is no logarithm.

    Attributes
    ----------
    parent, child : str
    base : {"log", "log10", "log2"}
    weight, shift, constant : float
    steps : tuple of two float
        Grids of the parent and the child, 0 where there is none.
    relative : float
        Error of the child as a share of its value, with which it is written.
    slack : float
        What the parent's error, if it is off any grid, makes of the child at most.
    digits : int
        Significant digits that the child is written with, 0 where as many as fit; or `decimals.SINGLE`.
    """

    parent: str
    child: str
    base: str
    weight: float
    shift: float
    constant: float
    steps: tuple[float, float]
    relative: float
    slack: float
    digits: int

    kind: ClassVar[str] = "logarithm"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.parent, self.child)

    @property
    def text(self) -> str:
        inner = f"{self.shift:g} + {self.parent}" if self.shift else self.parent
        weight = {1.0: "", -1.0: "-"}.get(self.weight, f"{self.weight:g} * ")
        constant = f" {'-' if self.constant < 0 else '+'} {abs(self.constant):.10g}" if self.constant else ""
        return f"{self.child} = {weight}{self.base}({inner}){constant}"

    def value(self, table: Table) -> Numbers:
        return self.constant + _log(numbers(table[self.parent]), self.base, self.weight, self.shift)

    def near(self, want: Numbers, table: Table) -> Mask:
        allowed = self.steps[1] / 2 * (1 + 1e-9) + self.slack + (1e-9 + self.relative) * np.abs(want) + 1e-12
        out: Mask = np.abs(want - numbers(table[self.child])) <= allowed
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n, child = len(table), numbers(table[self.child])
        held = is_fixed(fixed, self.child, n)
        with np.errstate(over="ignore"):
            parent = np.exp((child - self.constant) / (self.weight * _BASES[self.base])) - self.shift
        parent = np.round(parent / self.steps[0]) * self.steps[0] if self.steps[0] else parent
        value = self.constant + _log(parent, self.base, self.weight, self.shift)
        fits = held & self.near(value, table) & ~is_fixed(fixed, self.parent, n)
        return {
            self.child: set_numbers(table[self.child], ~held, self.value(table), self.steps[1], self.digits),
            self.parent: set_numbers(table[self.parent], fits, parent, self.steps[0]),
        }

    def settings(self) -> dict[str, Any]:
        names = ("parent", "child", "base", "weight", "shift", "constant", "relative", "slack", "digits")
        return {**{name: getattr(self, name) for name in names}, "steps": list(self.steps)}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        weight, shift, constant, slack = (float(value[k]) for k in ("weight", "shift", "constant", "slack"))
        first, second = map(float, value["steps"])
        base = str(value["base"])
        if base not in _BASES or not weight:
            raise InputError(f"a logarithm needs a base among {', '.join(_BASES)}, and a weight other than 0")
        if not np.isfinite([weight, shift, constant, slack, first, second]).all() or min(first, second, slack) < 0:
            raise InputError("a rule's numbers must be finite")
        (relative,), digits = errors_in(value, "relative"), digits_in(value)
        return cls(
            parent=str(value["parent"]), child=str(value["child"]), base=base, weight=weight, shift=shift,
            constant=constant, steps=(first, second), relative=relative, slack=slack, digits=digits, **counts,
        )  # fmt: skip


def _log(x: Numbers, base: str, weight: float, shift: float) -> Numbers:
    """Return the weighted logarithms, NaN where there is none."""
    inner = x + shift
    out: Numbers = weight * _BASES[base] * np.log(np.where(inner > 0, inner, np.nan))
    return out


Candidate = tuple[str, str, str, float, float, float]


def find(view: View) -> list[Candidate]:
    """Return (parent, child, base, weight, shift, constant) of the logarithms in a few rows."""
    names = [n for n in view.numeric if view.k(n) >= _LEAST_VALUES and view.family(n) == "number"]
    found: list[Candidate] = []
    if len(names) < 2:
        return found
    X = np.stack([view.numbers(n)[:_GLANCE] for n in names], axis=1)
    for shift in (0.0, 1.0):
        L = _log(X, "log", 1.0, shift)
        for i, j in np.argwhere(_correlations(L, X) > 0.999):
            if i != j and view.k(names[j]) <= view.k(names[i]):
                found += _lines(view, names[i], names[j], L[:, i], X[:, j], shift)
    return found


def _correlations(a: Numbers, b: Numbers) -> Numbers:
    """Return |correlation| of each column of one matrix with each of the other, gaps at the mean."""

    def standard(x: Numbers) -> Numbers:
        here = np.isfinite(x)
        mean = np.where(here, x, 0.0).sum(axis=0) / np.maximum(here.sum(axis=0), 1)
        z = np.where(here, x - mean, 0.0)
        size: Numbers = np.sqrt((z**2).sum(axis=0))
        return z / np.where(size > 0, size, 1.0)

    out: Numbers = np.abs(standard(a).T @ standard(b))
    return out


def _lines(view: View, parent: str, child: str, x: Numbers, y: Numbers, shift: float) -> list[Candidate]:
    """Return the logarithms that a child may be of a parent, whose natural ones are x."""
    here = np.isfinite(x) & np.isfinite(y)
    x, y = x[here], y[here]
    if len(np.unique(x)) < _LEAST_VALUES:
        return []
    slope = float(np.polyfit(x - x.mean(), y, 1)[0])
    slack = view.step(child) / 2 * (1 + 1e-9) + (1e-9 + view.relative(child)) * np.abs(y) + 1e-12
    for base, unit in _BASES.items():
        for weight in _WEIGHTS:
            if abs(slope - weight * unit) > 0.01 * abs(slope):
                continue
            rest = y - weight * unit * x
            off = slack + abs(weight) * unit * view.relative(parent)
            low, high = float(np.quantile(rest - off, 0.998)), float(np.quantile(rest + off, 0.002))
            constant = 0.0 if low <= 0 <= high else between(low, high) if low <= high else None
            if constant is not None:
                return [(parent, child, base, weight, shift, constant)]
    return []


def fit(
    view: View, parent: str, child: str, base: str, weight: float, shift: float, constant: float, declared: bool = False
) -> Logarithm | None:
    """Return the rule with the counts of all rows; None where it does not hold."""
    rule = Logarithm(
        parent=parent, child=child, base=base, weight=weight, shift=shift, constant=constant,
        steps=(view.step(parent), view.step(child)), relative=view.relative(child),
        slack=abs(weight) * _BASES[base] * view.relative(parent), digits=view.digits(child), declared=declared,
    )  # fmt: skip
    known = np.isfinite(_log(view.numbers(parent), base, weight, shift)) & np.isfinite(view.numbers(child))
    rule = rule.counted(view.table, known & ~view.usual(child))
    return rule if declared or (worth(rule) and rule.support >= _FEWEST) else None


def declare(view: View, spec: Mapping[str, Any]) -> Logarithm:
    """Make a declared logarithm: `parent`, `child`, and where wanted `base`, `weight`, `shift` and `constant`."""
    parent, child, base = str(spec["parent"]), str(spec["child"]), str(spec.get("base", "log"))
    weight, shift, constant = (float(spec.get(k, d)) for k, d in (("weight", 1.0), ("shift", 0.0), ("constant", 0.0)))
    if base not in _BASES or not weight:
        raise InputError(f"a logarithm needs a base among {', '.join(_BASES)}, and a weight other than 0")
    for name in (parent, child):
        if name not in view.numeric:
            raise InputError(f"a rule computes with {name!r}, which is no column of varied finite numbers")
    rule = fit(view, parent, child, base, weight, shift, constant, declared=True)
    assert rule is not None
    return rule
