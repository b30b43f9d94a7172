"""One number is a weighted sum of others: copies, changes of unit, totals and differences, gaps between dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.decimals import digits_of
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.rule import (
    TOLERATED,
    Fixed,
    digits_in,
    errors_in,
    is_fixed,
    names_in,
    violations_of,
    worth,
)
from seedstock.encoding.rules.view import View

_FEWEST = 30
_TOLERATED = 0.02
"""A sum of several amounts says so much that more rows may be exceptions: capped, corrected, wrong."""
_SPANS = {"day": 8.64e10, "hour": 3.6e9, "minute": 6e7, "second": 1e6}
_UNITS = (
    {span: f"1 {name} * " for name, span in _SPANS.items()}
    | {1 / span: f"1 / {name} * " for name, span in _SPANS.items()}
    | {1.0: ""}
)
"""Names of weights in microseconds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(Formula):
    """``child = constant + sum(weight * parent)``, rounded to the child's grid.

    Attributes
    ----------
    parents : tuple of str
    child : str
    weights : tuple of float
        Times count in microseconds.
    constant : float
    steps : tuple of float
        Grids of the parents and the child, 0 where there is none.
    slack : float
        Distance that counts as equal: half the child's step where the sum is rounded, else next to nothing.
    errors : tuple of float
        Relative errors with which the parents and the child are written.
    digits : int
        Significant digits that the child is written with, 0 where as many as fit; or `decimals.SINGLE`.
    """

    parents: tuple[str, ...]
    child: str
    weights: tuple[float, ...]
    constant: float
    steps: tuple[float, ...]
    slack: float
    errors: tuple[float, ...]
    digits: int

    kind: ClassVar[str] = "linear"

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.parents, self.child)

    @property
    def text(self) -> str:
        out = ""
        for w, p in zip(self.weights, self.parents, strict=True):
            divided = abs(w) not in _UNITS and digits_of(w) > 10 and digits_of(1 / w) <= 10
            factor = "" if divided else _UNITS.get(abs(w), f"{abs(w):.10g} * ")
            out += f"{' - ' if w < 0 else ' + ' if out else ''}{factor}{p}{f' / {abs(1 / w):.10g}' if divided else ''}"
        if self.constant:
            out += f" {'-' if self.constant < 0 else '+'} {abs(self.constant):.10g}"
        return f"{self.child} = {out.strip()}"

    def value(self, table: Table) -> Numbers:
        out = np.full(len(table), self.constant)
        for w, p in zip(self.weights, self.parents, strict=True):
            out = out + w * numbers(table[p])
        return out

    def near(self, want: Numbers, table: Table) -> Mask:
        out: Mask = np.abs(want - numbers(table[self.child])) <= self._allowed(table)
        return out

    def _allowed(self, table: Table) -> Numbers:
        """Return how far each row's cell may be from the sum, shape (n,): what writing and adding up leaves."""
        # Each amount errs by its own share: a duration on top of seconds since 1970 is small, and so is its error.
        terms = np.stack(
            [
                *(w * numbers(table[p]) for w, p in zip(self.weights, self.parents, strict=True)),
                numbers(table[self.child]),
            ]
        )
        terms = np.nan_to_num(np.abs(terms))
        added = len(terms) * np.spacing(np.maximum(terms.max(axis=0), abs(self.constant)))
        out: Numbers = self.slack * (1 + 1e-9) + np.asarray(self.errors) @ terms + added
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n, want = len(table), self.value(table)
        held = is_fixed(fixed, self.child, n)
        out = {self.child: set_numbers(table[self.child], ~held, want, self.steps[-1], self.digits)}
        # A fixed sum moves the parent that may take it, each in turn until the rule holds.
        left, slack = held.copy(), self._allowed(table)
        gap = numbers(table[self.child]) - want
        for p, w, step in sorted(zip(self.parents, self.weights, self.steps, strict=False), key=lambda v: -v[2]):
            old = numbers(table[p])
            new = old + gap / w
            new = np.round(new / step) * step if step else new
            fits = left & ~is_fixed(fixed, p, n) & (np.abs(w * (new - old) - gap) <= slack)
            fits &= (new >= 0) | (old < 0)
            out[p] = set_numbers(table[p], fits, new, step)
            left &= ~fits
        if left.any() and min(self.weights) > 0:
            self._share(table, fixed, left, gap, out)
        return out

    def _share(self, table: Table, fixed: Fixed, rows: Mask, gap: Numbers, out: dict[str, Column]) -> None:
        """Scale all free amounts where no single one can take the gap; the largest takes what rounding leaves."""
        n = len(table)
        old = np.stack([numbers(table[p]) for p in self.parents], axis=1)
        free = np.stack([~is_fixed(fixed, p, n) for p in self.parents], axis=1) & (old > 0)
        w, steps = np.asarray(self.weights), np.asarray(self.steps[:-1])
        part = (w * old * free).sum(axis=1)
        able = rows & (part > 0) & (part + gap >= 0)
        new = np.where(free, old * (1 + gap / np.where(part > 0, part, 1.0))[:, None], old)
        new = np.where(free & (steps > 0), np.round(new / np.where(steps > 0, steps, 1.0)) * steps, new)
        most = np.argmax(np.where(free, w * old, -1.0), axis=1)
        rest = gap - (w * (new - old)).sum(axis=1)
        new[np.arange(n), most] += rest / w[most]
        able &= new[np.arange(n), most] >= 0
        for j, p in enumerate(self.parents):
            out[p] = set_numbers(out[p], able & free[:, j], new[:, j], self.steps[j])

    def settings(self) -> dict[str, Any]:
        return {
            "parents": list(self.parents),
            "child": self.child,
            "weights": list(self.weights),
            "constant": self.constant,
            "steps": list(self.steps),
            "slack": self.slack,
            "errors": list(self.errors),
            "digits": self.digits,
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        parents = names_in(value, "parents")
        weights, steps = tuple(map(float, value["weights"])), tuple(map(float, value["steps"]))
        constant, slack = float(value["constant"]), float(value["slack"])
        errors, digits = errors_in(value), digits_in(value)
        if len(weights) != len(parents) or not len(steps) == len(errors) == len(parents) + 1 or 0 in weights:
            raise InputError("a rule's weights do not match its columns")
        if not np.isfinite([*weights, *steps, constant, slack]).all() or min(*steps, slack) < 0:
            raise InputError("a rule's numbers must be finite")
        child = str(value["child"])
        return cls(
            parents=parents, child=child, weights=weights, constant=constant, steps=steps, slack=slack,
            errors=errors, digits=digits, **counts,
        )  # fmt: skip


def fit(
    view: View, parents: Sequence[str], child: str, weights: Sequence[float], constant: float, declared: bool = False
) -> Linear | None:
    """Return the sum with the counts of all rows, None where it does not hold."""
    columns = (*parents, child)
    steps = tuple(map(view.step, columns))
    rule = Linear(
        parents=tuple(parents), child=child, weights=tuple(weights), constant=constant, steps=steps, slack=0.0,
        errors=(0.0,) * len(columns), digits=view.digits(child), declared=declared,
    )  # fmt: skip
    could = view.unusual(columns)
    tolerated = TOLERATED if len(parents) == 1 else _TOLERATED
    written, loosest = (tuple(map(error, columns)) for error in (view.relative, view.loosest))
    exact = [replace(rule, errors=e).counted(view.table, could) for e in dict.fromkeys((rule.errors, written, loosest))]
    best = min(exact, key=violations_of)
    if best.violations > tolerated * best.support:
        best = replace(rule, errors=written, slack=steps[-1] / 2).counted(view.table, could)
    return best if declared or (worth(best, tolerated) and best.support >= _FEWEST) else None


def declare(view: View, spec: Mapping[str, Any]) -> Linear:
    """Make a declared sum: ``parents``, ``child``, and where wanted ``weights`` and ``constant``."""
    parents, child = names_in(spec, "parents"), str(spec["child"])
    weights = spec.get("weights", [1.0] * len(parents))
    if len(weights) != len(parents) or any(not float(w) for w in weights):
        raise InputError(f"a rule for {child!r} needs one weight other than 0 for each of its {len(parents)} parents")
    for name in (*parents, child):
        if name not in view.numeric:
            raise InputError(f"a rule computes with {name!r}, which is no column of varied finite numbers or times")
    rule = fit(view, parents, child, tuple(map(float, weights)), float(spec.get("constant", 0.0)), declared=True)
    assert rule is not None
    return rule
