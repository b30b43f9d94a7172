"""One number is a product of several amounts, some of them sums: q * price * (1 - discount), bytes / (sent + got)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.product import each_tells, errors_of, is_written, value_of
from seedstock.encoding.rules.rule import Fixed, digits_in, errors_in, is_fixed, names_in, violations_of, worth
from seedstock.encoding.rules.view import View

_FEWEST = 50
_TOLERATED = 0.02


@dataclass(frozen=True)
class Factor:
    """``(constant + sum(weight * column)) ** power``, the power 1 or -1."""

    columns: tuple[str, ...]
    weights: tuple[float, ...]
    constant: float = 0.0
    power: int = 1

    @property
    def text(self) -> str:
        out = f"{self.constant:.10g}" if self.constant else ""
        for w, name in zip(self.weights, self.columns, strict=True):
            size = "" if abs(w) == 1 else f"{abs(w):.6g} * "
            out += f"{' - ' if w < 0 else ' + ' if out else ''}{size}{name}"
        return out if len(self.columns) == 1 and not self.constant else f"({out.strip()})"

    def of(self, x: Mapping[str, Numbers]) -> Numbers:
        """Return the amount, before the power."""
        terms = [w * x[name] for w, name in zip(self.weights, self.columns, strict=True)]
        out: Numbers = self.constant + np.sum(terms, axis=0)
        return out


@dataclass(frozen=True, eq=False, kw_only=True)
class Compound(Formula):
    """``child = scale * product(factors)``, rounded; it says nothing where that is no number.

    Attributes
    ----------
    factors : tuple of Factor
        Of different columns.
    child : str
    scale : float
    steps : tuple of float
        Grids of the columns, the child's last; 0 where there is none.
    relative : float
        Share of a value that counts as nothing: the error with which columns off any grid are written.
    digits : int
        Significant digits that the child is written with, 0 where as many as fit; or `decimals.SINGLE`.
    """

    factors: tuple[Factor, ...]
    child: str
    scale: float
    steps: tuple[float, ...]
    relative: float
    digits: int

    kind: ClassVar[str] = "compound"

    @property
    def parents(self) -> tuple[str, ...]:
        return tuple(name for factor in self.factors for name in factor.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.parents, self.child)

    @property
    def text(self) -> str:
        above, below = ([f.text for f in self.factors if f.power == power] for power in (1, -1))
        scale = [f"{self.scale:.10g}"] if self.scale != 1 or not above else []
        return f"{self.child} = {' * '.join(scale + above)}{''.join(f' / {b}' for b in below)}"

    def value(self, table: Table) -> Numbers:
        return self._of({name: numbers(table[name]) for name in self.parents})

    def _of(self, x: Mapping[str, Numbers]) -> Numbers:
        return value_of([f.of(x) for f in self.factors], [f.power for f in self.factors], self.scale)

    def near(self, want: Numbers, table: Table) -> Mask:
        return is_written(want, table[self.child], self.steps[-1], self.relative)

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Set the child; where it is fixed, the parent gives way whose grid allows it, each in turn."""
        n = len(table)
        held = is_fixed(fixed, self.child, n)
        out = {self.child: set_numbers(table[self.child], ~held, self.value(table), self.steps[-1], self.digits)}
        x, child = {name: numbers(table[name]) for name in self.parents}, numbers(table[self.child])
        steps, left = dict(zip(self.columns, self.steps, strict=True)), held.copy()
        for factor in self.factors if held.any() else ():
            rest = value_of(
                [f.of(x) for f in self.factors if f is not factor],
                [f.power for f in self.factors if f is not factor], self.scale,
            )  # fmt: skip
            with np.errstate(divide="ignore", invalid="ignore"):
                wanted = child / rest if factor.power == 1 else rest / child
            for name, w in zip(factor.columns, factor.weights, strict=True):
                new = x[name] + (wanted - factor.of(x)) / w
                new = np.round(new / steps[name]) * steps[name] if steps[name] else new
                near = self.near(self._of({**x, name: new}), table) & ((new >= 0) | (x[name] < 0))
                fits = left & near & np.isfinite(new) & ~is_fixed(fixed, name, n)
                out[name] = set_numbers(table[name], fits, new, steps[name])
                left &= ~fits
        return out

    def settings(self) -> dict[str, Any]:
        return {
            "factors": [[list(f.columns), list(f.weights), f.constant, f.power] for f in self.factors],
            "child": self.child,
            "scale": self.scale,
            "steps": list(self.steps),
            "relative": self.relative,
            "digits": self.digits,
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        factors = tuple(
            Factor(tuple(map(str, names)), tuple(map(float, weights)), float(constant), int(power))
            for names, weights, constant, power in value["factors"]
        )
        names = [name for f in factors for name in f.columns]
        scale, steps = float(value["scale"]), tuple(map(float, value["steps"]))
        amounts = [scale, *steps, *(c for f in factors for c in (*f.weights, f.constant))]
        if not names or len(set(names)) < len(names) or len(steps) != len(names) + 1 or min(steps) < 0:
            raise InputError("a rule's factors do not match its columns")
        if any(len(f.columns) != len(f.weights) or 0 in f.weights or f.power not in (1, -1) for f in factors):
            raise InputError("a rule's factors need a weight for each column, and a power of 1 or -1")
        if not np.isfinite(amounts).all() or not scale:
            raise InputError("a rule's numbers must be finite")
        (relative,), digits = errors_in(value, "relative"), digits_in(value)
        return cls(
            factors=factors, child=str(value["child"]), scale=scale, steps=steps, relative=relative, digits=digits,
            **counts,
        )  # fmt: skip


def fit(view: View, factors: Sequence[Factor], child: str, scale: float, declared: bool = False) -> Compound | None:
    """Return the rule with the counts of all rows; None where it does not hold or says too little of any column."""
    rule = Compound(
        factors=tuple(factors), child=child, scale=scale, steps=(), relative=0.0, digits=view.digits(child),
        declared=declared,
    )  # fmt: skip
    rule = replace(rule, steps=tuple(map(view.step, rule.columns)))
    x, y = [view.numbers(name) for name in rule.parents], view.numbers(child)

    def of(amounts: Sequence[Numbers]) -> Numbers:
        return rule._of(dict(zip(rule.parents, amounts, strict=True)))

    known = np.isfinite(of(x)) & np.isfinite(y)
    could = ~view.usual(child) & known
    errors = errors_of(view, dict.fromkeys(rule.columns, 1.0))
    rule = min((replace(rule, relative=e).counted(view.table, could) for e in errors), key=violations_of)
    if declared:
        return rule
    if not worth(rule, _TOLERATED) or rule.support < _FEWEST:
        return None
    return rule if each_tells(rule, view, x, known, of) else None


def declare(view: View, spec: Mapping[str, Any]) -> Compound:
    """Make a declared product of amounts: ``child``, ``factors``, and where wanted a ``factor`` before them.

    A factor is a table of ``columns``, and where wanted ``weights``, a ``constant`` and the ``power``, 1 or -1.
    """
    child, factors = str(spec["child"]), []
    for value in spec["factors"]:
        names = names_in({"kind": "compound", **value}, "columns")
        weights = tuple(map(float, value.get("weights", [1.0] * len(names))))
        power = value.get("power", 1)
        if len(weights) != len(names) or 0 in weights or power not in (1, -1):
            raise InputError(f"a factor of {child!r} needs a weight other than 0 a column, and a power of 1 or -1")
        factors.append(Factor(names, weights, float(value.get("constant", 0.0)), int(power)))
    for name in (child, *(n for f in factors for n in f.columns)):
        if name not in view.numeric or view.family(name) != "number":
            raise InputError(f"a rule computes with {name!r}, which is no column of varied finite numbers")
    rule = fit(view, factors, child, float(spec.get("factor", 1.0)), declared=True)
    assert rule is not None
    return rule
