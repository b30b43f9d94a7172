"""One number is a product of powers of one or two others, rounded as it is written: amounts, rates, squares, roots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
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

_FEWEST = 50
_TOLERATED = 0.02
"""Two factors say so much that more rows may be exceptions."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Product(Formula):
    """``child = factor * a ** p * b ** q``, rounded; it says nothing where that is no number.

    Attributes
    ----------
    parents : tuple of one or two str
    child : str
    powers : tuple of float
    factor : float
    steps : tuple of float
        Grids of the parents and the child, 0 where there is none.
    relative : float
        Share of a value that counts as nothing: the error with which columns off any grid are written.
    digits : int
        Significant digits that the child is written with, 0 where as many as fit; or `decimals.SINGLE`.
    """

    parents: tuple[str, ...]
    child: str
    powers: tuple[float, ...]
    factor: float
    steps: tuple[float, ...]
    relative: float
    digits: int

    kind: ClassVar[str] = "product"

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.parents, self.child)

    @property
    def text(self) -> str:
        pairs = list(zip(self.parents, self.powers, strict=True))
        above, below = ([_power_text(n, abs(p)) for n, p in pairs if (p > 0) == up] for up in (True, False))
        factor = [f"{self.factor:.10g}"] if self.factor != 1 or not above else []
        return f"{self.child} = {' * '.join(factor + above)}{''.join(f' / {b}' for b in below)}"

    def value(self, table: Table) -> Numbers:
        return value_of([numbers(table[p]) for p in self.parents], self.powers, self.factor)

    def near(self, want: Numbers, table: Table) -> Mask:
        return is_written(want, table[self.child], self.steps[-1], self.relative)

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n = len(table)
        held = is_fixed(fixed, self.child, n)
        out = {self.child: set_numbers(table[self.child], ~held, self.value(table), self.steps[-1], self.digits)}
        if not held.any():
            return out
        child, x = numbers(table[self.child]), [numbers(table[p]) for p in self.parents]
        left = held
        for i, (p, power, step) in enumerate(zip(self.parents, self.powers, self.steps, strict=False)):
            rest = value_of([*x[:i], *x[i + 1 :]], [*self.powers[:i], *self.powers[i + 1 :]], self.factor)
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                new = _power(child / rest, 1 / power)
            new = np.where(x[i] < 0, -np.abs(new), new) if power % 2 == 0 else new
            new = np.round(new / step) * step if step else new
            near = self.near(value_of([*x[:i], new, *x[i + 1 :]], self.powers, self.factor), table)
            fits = left & near & np.isfinite(new) & ~is_fixed(fixed, p, n)
            out[p] = set_numbers(table[p], fits, new, step)
            left = left & ~fits
        return out

    def settings(self) -> dict[str, Any]:
        return {
            "parents": list(self.parents),
            "child": self.child,
            "powers": list(self.powers),
            "factor": self.factor,
            "steps": list(self.steps),
            "relative": self.relative,
            "digits": self.digits,
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        parents, factor = names_in(value, "parents"), float(value["factor"])
        powers, steps = tuple(map(float, value["powers"])), tuple(map(float, value["steps"]))
        if len(powers) != len(parents) or len(steps) != len(parents) + 1 or 0 in powers or not factor:
            raise InputError("a rule of kind 'product' needs a power for each parent, and a factor")
        if not np.isfinite([factor, *powers, *steps]).all() or min(steps) < 0:
            raise InputError("a rule's numbers must be finite")
        (relative,), digits = errors_in(value, "relative"), digits_in(value)
        return cls(
            parents=parents, child=str(value["child"]), powers=powers, factor=factor, steps=steps,
            relative=relative, digits=digits, **counts,
        )  # fmt: skip


def is_written(want: Numbers, column: Column, step: float, relative: float) -> Mask:
    """Tell which cells of a column are as near to a product as its grid and the error of writing leave them."""
    allowed = step / 2 * (1 + 1e-9) + relative * np.abs(want) + 32 * np.spacing(np.abs(want))
    out: Mask = np.abs(want - numbers(column)) <= allowed
    return out


def _power_text(name: str, power: float) -> str:
    return name if power == 1 else f"{name}^{power:g}"


def _power(x: Numbers, power: float) -> Numbers:
    return x if power == 1 else np.cbrt(x) if power == 1 / 3 else x**power


def value_of(factors: Sequence[Numbers], powers: Sequence[float], factor: float) -> Numbers:
    """Multiply, then divide: as people compute it, so that a half is rounded the same way."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out: Any = factor
        for x, power in zip(factors, powers, strict=True):
            out = out * _power(x, power) if power > 0 else out
        for x, power in zip(factors, powers, strict=True):
            out = out / _power(x, -power) if power < 0 else out
    return np.where(np.isfinite(out), out, np.nan)


def looseness(view: View, child: str) -> float:
    """Return a child's spacing relative to its size: of three columns, the one with the least says the most."""
    x = view.numbers(child)
    size = float(np.median(np.abs(x[np.isfinite(x) & (x != 0)])))
    return max(view.step(child) / size, view.relative(child))


def fit(
    view: View, parents: Sequence[str], powers: Sequence[float], child: str, factor: float, declared: bool = False
) -> Product | None:
    """Return the rule with the counts of all rows; None where it does not hold or says too little."""
    rule = Product(
        parents=tuple(parents), child=child, powers=tuple(powers), factor=factor,
        steps=tuple(map(view.step, (*parents, child))), relative=0.0, digits=view.digits(child), declared=declared,
    )  # fmt: skip
    x, y = [view.numbers(n) for n in parents], view.numbers(child)
    known = np.isfinite(value_of(x, powers, factor)) & np.isfinite(y)
    tolerated = TOLERATED if len(parents) == 1 else _TOLERATED
    could = ~view.usual(child) & known
    sizes = {child: 1.0, **{n: abs(p) for n, p in zip(parents, powers, strict=True)}}
    rule = min(
        (replace(rule, relative=e).counted(view.table, could) for e in errors_of(view, sizes)), key=violations_of
    )
    if declared:
        return rule
    if not worth(rule, tolerated) or rule.support < _FEWEST:
        return None
    return rule if each_tells(rule, view, x, known, lambda mixed: value_of(mixed, powers, factor)) else None


def errors_of(view: View, powers: Mapping[str, float]) -> list[float]:
    """Return the relative errors that a product of powers of columns may have: the strictest first."""
    errors = (sum(p * error(n) for n, p in powers.items()) for error in (view.relative, view.loosest))
    return list(dict.fromkeys((0.0, *(min(e, 9e-4) for e in errors))))


def each_tells(
    rule: Formula, view: View, x: Sequence[Numbers], known: Mask, of: Callable[[Sequence[Numbers]], Numbers]
) -> bool:
    """Tell whether each column says something: were it dealt at random, many rows would be far from the rule.

    Where they are not, the grid is too coarse to tell. `of` computes the last column from the others, x.
    """
    g, could = np.random.default_rng(0), known & ~view.usual(rule.columns[-1])
    for i, column in enumerate(x):
        dealt = column.copy()
        dealt[known] = g.permutation(dealt[known])
        mixed = of([*x[:i], dealt, *x[i + 1 :]])
        if (could & np.isfinite(mixed) & ~rule.near(mixed, view.table)).sum() < max(_FEWEST, 0.2 * rule.support):
            return False
    return True


def declare(view: View, spec: Mapping[str, Any]) -> Product:
    """Make a declared product, ratio or power: ``parents``, a ``child``, and where wanted ``powers``, a ``factor``."""
    kind, child = spec["kind"], str(spec["child"])
    parents = names_in(spec, "parents", 1 if kind == "power" else 2)
    powers = [float(p) for p in spec.get("powers", {"product": (1, 1), "ratio": (1, -1)}.get(kind, ()))]
    if len(parents) > 2 or len(powers) != len(parents) or 0 in powers:
        wanted = "one or two parents and a power other than 0 for each" if kind == "power" else "two parents"
        raise InputError(f"a rule of kind {kind!r} for {child!r} needs {wanted}, not {len(parents)} parents")
    for name in (*parents, child):
        if name not in view.numeric:
            raise InputError(f"a rule computes with {name!r}, which is no column of varied finite numbers or times")
    rule = fit(view, parents, powers, child, float(spec.get("factor", 1.0)), declared=True)
    assert rule is not None
    return rule
