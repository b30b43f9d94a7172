"""Numbers that stay inside fixed bounds: ports up to 65,535, rates between 0 and 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import numbers, set_numbers
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed
from seedstock.encoding.rules.view import View


@dataclass(frozen=True, eq=False, kw_only=True)
class Bounds(Rule):
    """``low <= column <= high``; missing cells pass.

    Attributes
    ----------
    column : str
    low, high : float
        Infinite where there is no bound.
    step : float
        Grid of the column, 0 where there is none.
    """

    column: str
    low: float
    high: float
    step: float

    kind: ClassVar[str] = "bounds"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def text(self) -> str:
        if np.isinf(self.high):
            return f"{self.column} >= {self.low:.10g}"
        if np.isinf(self.low):
            return f"{self.column} <= {self.high:.10g}"
        return f"{self.low:.10g} <= {self.column} <= {self.high:.10g}"

    def holds(self, table: Table) -> Mask:
        x = numbers(table[self.column])
        out: Mask = ~((x < self.low) | (x > self.high))
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        free = ~is_fixed(fixed, self.column, len(table))
        x = np.clip(numbers(table[self.column]), self.low, self.high)
        return {self.column: set_numbers(table[self.column], free, x, self.step)}

    def settings(self) -> dict[str, Any]:
        low, high = (None if np.isinf(x) else x for x in (self.low, self.high))
        return {"column": self.column, "low": low, "high": high, "step": self.step}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        low, high = ends(value)
        step = float(value["step"])
        if not np.isfinite(step) or step < 0:
            raise InputError("a rule's step must be 0 or more")
        return cls(column=str(value["column"]), low=low, high=high, step=step, **counts)


def ends(value: Mapping[str, Any]) -> tuple[float, float]:
    """Return the bounds of a rule's JSON, infinite where there is none."""
    low, high = (
        default if value.get(key) is None else float(value[key])
        for key, default in (("low", -np.inf), ("high", np.inf))
    )
    if not low <= high:
        raise InputError(f"a rule's low bound {low:g} must not be above its high one, {high:g}")
    return low, high


def declare(view: View, spec: Mapping[str, Any]) -> Bounds:
    """Make a declared rule: ``column`` with ``low``, ``high`` or both."""
    name = str(spec["column"])
    if view.table[name].is_text or view.table[name].values.dtype.kind not in "if":
        raise InputError(f"bounds need a column of numbers, not {name!r}")
    low, high = ends(spec)
    if np.isinf(low) and np.isinf(high):
        raise InputError(f"a rule about {name!r} needs 'low', 'high' or both")
    rule = Bounds(column=name, low=low, high=high, step=view.step(name), declared=True)
    return rule.counted(view.table, ~view.table[name].missing)
