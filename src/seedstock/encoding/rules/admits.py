"""If one column has certain values, another one stays inside bounds or among some values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.at_least import chosen
from seedstock.encoding.rules.bounds import ends
from seedstock.encoding.rules.cells import MISSING, Domain, numbers, where
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed, listed
from seedstock.encoding.rules.view import View

_DRAWS = 500
"""Values of the effect that a repair draws from, at most."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Admits(Rule):
    """Where `cause` has one of some values, `effect` lies in ``[low, high]``, or is one of `among`; missing cells pass.

    Attributes
    ----------
    cause, effect : str
    when : Domain
        Values of the cause.
    low, high : float
        Bounds of a number; infinite where there are none.
    among : Domain
        Values of a text; none where the bounds count.
    draws : Domain
        Values of the effect in real rows where the rule is met: what a repair takes.
    weights : tuple of float
        How many real rows have each.
    others : Domain
        Other values of the cause: what it takes where the effect is fixed.
    other_weights : tuple of float
        How many real rows have each, and how many have none.
    """

    cause: str
    effect: str
    when: Domain
    low: float
    high: float
    among: Domain
    draws: Domain
    weights: tuple[float, ...]
    others: Domain
    other_weights: tuple[float, ...]

    kind: ClassVar[str] = "admits"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.cause, self.effect)

    @property
    def name(self) -> str:
        return f"{self.kind}: {self.cause} {', '.join(map(str, self.when.values[:8]))} -> {self.effect}"

    @property
    def text(self) -> str:
        if len(self.among.values):
            what = f"is {listed(list(self.among.values), 'or', 4)}"
        elif self.low == self.high:
            what = f"is {self.low:.10g}"
        else:
            lows = "" if np.isinf(self.low) else f">= {self.low:.10g}"
            highs = "" if np.isinf(self.high) else f"<= {self.high:.10g}"
            what = " and ".join(x for x in (lows, highs) if x)
        return f"if {self.cause} is {listed(list(self.when.values), 'or', 6)} then {self.effect} {what}"

    def _caused(self, table: Table) -> Mask:
        out: Mask = self.when.codes(table[self.cause]) >= 0
        return out

    def _met(self, column: Column) -> Mask:
        if len(self.among.values):
            codes = self.among.codes(column)
            met: Mask = (codes >= 0) | (codes == MISSING)
            return met
        x = numbers(column)
        return ~((x < self.low) | (x > self.high))

    def holds(self, table: Table) -> Mask:
        return self._met(table[self.effect]) | ~self._caused(table)

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Draw the effect as real rows of these causes have it; where it is fixed, the cause takes another value."""
        n, out = len(table), {}
        held = is_fixed(fixed, self.effect, n)
        if sum(self.weights) and not held.all():
            drawn = self.draws.column(_picked(self.weights, n, g), table[self.effect])
            out[self.effect] = where(~held, drawn, table[self.effect])
        free = held & ~is_fixed(fixed, self.cause, n)
        if sum(self.other_weights) and free.any():
            pick = _picked(self.other_weights, n, g)
            drawn = self.others.column(np.where(pick < len(self.others.values), pick, MISSING), table[self.cause])
            out[self.cause] = where(free, drawn, table[self.cause])
        return out

    def settings(self) -> dict[str, Any]:
        low, high = (None if np.isinf(x) else x for x in (self.low, self.high))
        return {
            "cause": self.cause,
            "effect": self.effect,
            "when": self.when.to_json(),
            "low": low,
            "high": high,
            "among": self.among.to_json(),
            "draws": self.draws.to_json(),
            "weights": list(self.weights),
            "others": self.others.to_json(),
            "other_weights": list(self.other_weights),
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        low, high = ends(value)
        when, among, draws, others = (Domain.from_json(value[k]) for k in ("when", "among", "draws", "others"))
        weights, other_weights = (tuple(map(float, value[k])) for k in ("weights", "other_weights"))
        fits = len(weights) == len(draws.values) and len(other_weights) == len(others.values) + 1
        if not fits or min(*weights, *other_weights) < 0 or not np.isfinite([*weights, *other_weights]).all():
            raise InputError("a rule's values do not match its weights")
        return cls(
            cause=str(value["cause"]), effect=str(value["effect"]), when=when, low=low, high=high, among=among,
            draws=draws, weights=weights, others=others, other_weights=other_weights, **counts,
        )  # fmt: skip


def _picked(weights: tuple[float, ...], n: int, g: np.random.Generator) -> NDArray[np.int64]:
    return g.choice(len(weights), n, p=np.asarray(weights) / sum(weights))


def declare(view: View, spec: Mapping[str, Any]) -> Admits:
    """Make a declared rule: ``cause``, ``when``, ``effect``, and ``low``, ``high`` or ``among``."""
    cause, effect = str(spec["cause"]), str(spec["effect"])
    when = chosen(view, cause, spec["when"])
    column = view.table[effect]
    among = chosen(view, effect, spec["among"]) if "among" in spec else Domain(np.empty(0, object))
    low, high = ends(spec)
    if "among" not in spec and (column.is_text or column.values.dtype.kind not in "if"):
        raise InputError(f"bounds need a column of numbers, not {effect!r}; name its values under 'among'")
    nothing = Domain(np.empty(0, object if column.is_text else column.values.dtype))
    rule = Admits(
        cause=cause, effect=effect, when=when, low=low, high=high, among=among, draws=nothing, weights=(),
        others=when, other_weights=(), declared=True,
    )  # fmt: skip
    caused = rule._caused(view.table) & ~column.missing
    draws, weights = _usual(view, effect, caused & rule._met(column))
    elsewhere = ~rule._caused(view.table)
    others, other_weights = _usual(view, cause, elsewhere & ~view.table[cause].missing)
    missing = float((elsewhere & view.table[cause].missing).sum())
    made = replace(rule, draws=draws, weights=weights, others=others, other_weights=(*other_weights, missing))
    return made.counted(view.table, caused)


def _usual(view: View, name: str, rows: Mask) -> tuple[Domain, tuple[float, ...]]:
    """Return values that a column has in some rows, none of them missing, and how often; of very many, a part."""
    domain, codes = view.coded(name)
    counts = np.bincount(codes[rows], minlength=len(domain.values)).astype(float)
    top = np.flatnonzero(counts)
    if len(top) > _DRAWS and domain.is_text:
        top = np.sort(np.argsort(-counts, kind="stable")[:_DRAWS])
    elif len(top) > _DRAWS:
        place = np.searchsorted(np.cumsum(counts), (np.arange(_DRAWS) + 0.5) / _DRAWS * counts.sum())
        top, counts = np.unique(place), np.bincount(place, minlength=len(counts)).astype(float)
    return Domain(domain.values[top]), tuple(counts[top].tolist())
