"""One number is at least so much of others: ``bytes >= 20 * packets``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Domain, Numbers, numbers, set_numbers
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed, listed, names_in
from seedstock.encoding.rules.view import View


@dataclass(frozen=True, eq=False, kw_only=True)
class AtLeast(Rule):
    """``child >= constant + sum(weight * parent)``, where `cause` has one of some values; missing cells pass.

    Attributes
    ----------
    parents : tuple of str
    child : str
    weights : tuple of float
    constant : float
    steps : tuple of float
        Grids of the parents and the child, 0 where there is none.
    cause : str or None
    when : Domain
        Values of the cause for which it holds.
    """

    parents: tuple[str, ...]
    child: str
    weights: tuple[float, ...]
    constant: float
    steps: tuple[float, ...]
    cause: str | None
    when: Domain

    kind: ClassVar[str] = "at_least"

    @property
    def columns(self) -> tuple[str, ...]:
        return (*([] if self.cause is None else [self.cause]), *self.parents, self.child)

    @property
    def text(self) -> str:
        parts = [f"{self.constant:.10g}"] if self.constant or not self.parents else []
        for w, p in zip(self.weights, self.parents, strict=True):
            sign = ("- " if w < 0 else "+ ") if parts else ("-" if w < 0 else "")
            parts.append(f"{sign}{'' if abs(w) == 1 else f'{abs(w):.10g} * '}{p}")
        head = "" if self.cause is None else f"if {self.cause} is {listed(list(self.when.values), 'or', 6)} then "
        return f"{head}{self.child} >= {' '.join(parts)}"

    @property
    def name(self) -> str:
        where = "" if self.cause is None else f" if {self.cause} is {', '.join(map(str, self.when.values[:5]))}"
        terms = ", ".join(f"{w:.10g} {p}" for w, p in zip(self.weights, self.parents, strict=True))
        return f"{self.kind}: {terms} -> {self.child}{where}"

    def least(self, table: Table) -> Numbers:
        """Return the bound of each row, shape (n,); NaN where it says nothing."""
        out = np.full(len(table), self.constant)
        for w, p in zip(self.weights, self.parents, strict=True):
            out = out + w * numbers(table[p])
        if self.cause is not None:
            out[self.when.codes(table[self.cause]) < 0] = np.nan
        return out

    def holds(self, table: Table) -> Mask:
        least, x = self.least(table), numbers(table[self.child])
        out: Mask = ~(x < least - 1e-6 * self.steps[-1] - 8 * np.spacing(np.abs(least)))
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Raise the child to its bound; where it is fixed, lower a parent."""
        n, least, x = len(table), self.least(table), numbers(table[self.child])
        held = is_fixed(fixed, self.child, n)
        step = self.steps[-1]
        up = np.ceil(least / step - 1e-9) * step if step else least
        out = {self.child: set_numbers(table[self.child], ~held & (x < least), up, step)}
        left = held & (x < least)
        for p, w, step in zip(self.parents, self.weights, self.steps, strict=False):
            old = numbers(table[p])
            new = old + (x - least) / w
            new = (np.floor if w > 0 else np.ceil)(new / step + (1e-9 if w > 0 else -1e-9)) * step if step else new
            fits = left & ~is_fixed(fixed, p, n) & (new >= 0)
            out[p] = set_numbers(table[p], fits, new, step)
            left &= ~fits
        return out

    def settings(self) -> dict[str, Any]:
        return {
            "parents": list(self.parents),
            "child": self.child,
            "weights": list(self.weights),
            "constant": self.constant,
            "steps": list(self.steps),
            "cause": self.cause,
            "when": self.when.to_json(),
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        parents = names_in(value, "parents", 0)
        weights, steps = tuple(map(float, value["weights"])), tuple(map(float, value["steps"]))
        constant = float(value["constant"])
        if len(weights) != len(parents) or len(steps) != len(parents) + 1 or 0 in weights or min(steps) < 0:
            raise InputError("a rule's weights do not match its columns")
        if not np.isfinite([*weights, *steps, constant]).all():
            raise InputError("a rule's numbers must be finite")
        cause = None if value["cause"] is None else str(value["cause"])
        return cls(
            parents=parents, child=str(value["child"]), weights=weights, constant=constant, steps=steps, cause=cause,
            when=Domain.from_json(value["when"]), **counts,
        )  # fmt: skip


def declare(view: View, spec: Mapping[str, Any]) -> AtLeast:
    """Make a declared rule: ``child``, and where wanted ``parents``, ``weights``, ``constant``, ``cause``, ``when``."""
    parents, child = names_in({"parents": [], **spec}, "parents", 0), str(spec["child"])
    weights = tuple(float(w) for w in spec.get("weights", [1.0] * len(parents)))
    if len(weights) != len(parents) or not all(weights):
        raise InputError(f"a rule for {child!r} needs one weight other than 0 for each of its {len(parents)} parents")
    for name in (*parents, child):
        column = view.table[name]
        if column.is_text or column.values.dtype.kind not in "if":
            raise InputError(f"a rule computes with {name!r}, which is no column of numbers")
    cause = None if spec.get("cause") is None else str(spec["cause"])
    when = Domain(np.empty(0, object)) if cause is None else chosen(view, cause, spec.get("when", []))
    rule = AtLeast(
        parents=parents, child=child, weights=weights, constant=float(spec.get("constant", 0.0)),
        steps=tuple(view.step(name) for name in (*parents, child)), cause=cause, when=when, declared=True,
    )  # fmt: skip
    return rule.counted(view.table, np.isfinite(rule.least(view.table)) & ~view.table[child].missing)


def chosen(view: View, name: str, values: Any) -> Domain:
    """Return those of some values that a column has; an `InputError` where it has none of them."""
    domain = view.coded(name)[0]
    wanted = values if isinstance(values, list | tuple) else [values]
    keep = np.isin(domain.values, np.array(wanted, domain.values.dtype)) if len(domain.values) else np.zeros(0, bool)
    if not keep.any():
        raise InputError(f"a rule names {name} = {wanted[0] if wanted else '?'!r}, and no row has that value")
    return Domain(domain.values[keep])
