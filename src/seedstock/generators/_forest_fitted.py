"""A fitted forest: columns drawn one after the other, weighed by its filter, with conditions or without."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Mask, Table
from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._conditional import Conditional
from seedstock.generators._filter import Filter
from seedstock.generators._guard import Guard
from seedstock.generators._particles import draw_given, evidence
from seedstock.generators._ruled import Ruled, calculated
from seedstock.generators._score import log_scores
from seedstock.generators._tabular import TabularFitted, weighted
from seedstock.generators._tied import Tied
from seedstock.generators._wanted import FREE, Wanted

_TRIES = 8
"""Draws of a column for the rows in which the last one broke a rule."""
_UNFIT = 1e-3
"""Weight, beside others, of rows of which a rule calculates what is not in a set that was asked for."""
_NEAR = 100.0
"""What it costs a row, as a log weight, that it comes too near to learned ones: it is picked where all others do."""
_CANDIDATES = 4, 16
"""Fewest and most rows of which the filter picks one, where each row has conditions of its own."""


@dataclass(frozen=True, eq=False)
class ForestFitted(TabularFitted):
    """Conditionals in the order in which columns are drawn; columns without one are drawn on their own.

    Where drawn rows would tell the target less well than real ones do, it is drawn once more at last, given all other
    columns: a Gibbs step, after which it depends on them as its best predictor has it.
    """

    order: tuple[str, ...]
    conditionals: Mapping[str, Conditional | Tied]
    again: Mapping[str, Conditional] = field(default_factory=dict)
    guard: Guard | None = None
    filter: Filter | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report says of the model: which cells are copies of others."""
        return tuple(line for tie in self.plan.ties for line in tie.texts(self.plan.atoms[tie.kind]))

    def draw(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        if not given:
            return self.draw_kept(n, rng, self.filter)
        if self.filter is None:
            return self.draw_met(n, rng, given)
        # Each row has its own condition, and so its own few candidates, of which one is picked by weight.
        m = int(np.clip(round(1.5 / self.filter.rate), *_CANDIDATES))
        again = np.repeat(np.arange(n), m)
        drawn = self.draw_met(len(again), rng, given.take(again))
        weight = self.filter.log_weight(drawn)
        if self.guard is not None:
            weight -= _NEAR * ~self.guard.passed(drawn, rng.child("guard").generator())
        weight = weight.reshape(n, m)
        noise = rng.child("pick").generator().gumbel(size=weight.shape)
        picked = np.arange(n) * m + (weight + noise).argmax(1)
        return {name: codes[picked] for name, codes in drawn.items()}

    def draw_met(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        """Draw n rows that meet their conditions, by the conditionals alone."""
        drawn = self.draw_again(draw_given(self, n, rng, given), rng, given)
        asked = {name: given[name] != FREE for name in self.order if name in given}
        ruled = Ruled(self.plan, rng.child("rules"))
        for name in asked:
            told, known = ruled.calculate(name, drawn)
            for share, rows in given.in_sets(name):
                fits = rows[known[rows] & (share[told[rows]] > 0)]
                drawn[name][fits], asked[name][fits] = told[fits], False
        return ruled.mended(drawn, asked)

    def draw_kept(self, n: int, rng: Rng, keep: Filter | None) -> dict[str, Codes]:
        """Draw n rows that the guard and a filter let through."""
        if keep is None and self.guard is None:
            return self.draw_free(n, rng)
        rate = (keep.rate if keep is not None else 1.0) * (1 - self.guard.share if self.guard is not None else 1.0)
        parts: list[dict[str, Codes]] = []
        missing, attempt = n, 0
        while missing > 0:
            stream = rng.child("attempt", attempt)
            drawn = self.draw_free(round(missing / rate * 1.02) + 32, stream)
            if keep is not None:
                drawn = _taken(drawn, keep.keep(drawn, stream.child("keep").generator()))
            if self.guard is not None:
                drawn = _taken(drawn, self.guard.passed(drawn, stream.child("guard").generator()))
            parts.append({name: codes[:missing] for name, codes in drawn.items()})
            missing -= len(parts[-1][self.order[0]])
            attempt += 1
        return {name: np.concatenate([p[name] for p in parts]) for name in self.order}

    def draw_free(self, n: int, rng: Rng) -> dict[str, Codes]:
        """Draw n rows by the conditionals alone; a column that breaks a rule with those before it is drawn anew."""
        out: dict[str, Codes] = {}
        ruled = Ruled(self.plan, rng.child("rules"))
        for name in self.order:
            stream = rng.child(name)
            out[name] = self.draw_column(name, n, out, stream.generator())
            rows = ruled.broken(name, out)
            for k in range(_TRIES):
                if not len(rows):
                    break
                here = {p: codes[rows] for p, codes in out.items()}
                here[name] = self.draw_column(name, len(rows), here, stream.child(k).generator())
                out[name][rows] = here[name]
                rows = rows[ruled.broken(name, here)]
        return ruled.mended(self.draw_again(out, rng))

    def draw_again(self, codes: dict[str, Codes], rng: Rng, given: Wanted | None = None) -> dict[str, Codes]:
        """Draw the target once more, given all other columns, where nothing is asked of it."""
        for name, conditional in self.again.items():
            free = given[name] == FREE if given is not None and name in given else np.ones(len(codes[name]), bool)
            if free.any():
                others = {p: codes[p][free] for p in conditional.predictors}
                out = codes[name].copy()
                out[free] = conditional.draw(name, others, self.plan.atoms, rng.child("again", name).generator())
                codes = {**codes, name: out}
        return codes

    def draw_column(self, name: str, n: int, before: Mapping[str, Codes], g: np.random.Generator) -> Codes:
        """Draw one column given those before it; what a rule calculates from them is calculated."""
        if name not in self.conditionals:
            return weighted(self.plan.atoms[name].counts, n, g)
        return self._calculate(name, self.conditionals[name].draw(name, before, self.plan.atoms, g), before, g)[0]

    @cached_property
    def _calculated(self) -> Collection[str]:
        return calculated(self.plan).keys()

    def _calculate(
        self, name: str, drawn: Codes, before: Mapping[str, Codes], g: np.random.Generator
    ) -> tuple[Codes, Mask]:
        """Return a drawn column with what a rule calculates from those before it, and where it does."""
        if name not in self._calculated:
            return drawn, np.zeros(len(drawn), bool)
        return Ruled(self.plan, Rng(int(g.integers(2**32)))).calculate(name, {**before, name: drawn})

    def plausible(
        self, name: str, value: Codes, before: Mapping[str, Codes], g: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return how probable a column's given value is after the columns before it, shape (n,)."""
        counts = self.plan.atoms[name].counts
        if name not in self.conditionals:
            return (counts / counts.sum())[value]
        return self.conditionals[name].probability(name, value, before, self.plan.atoms, g)

    def draw_inside(
        self, name: str, share: Shares, before: Mapping[str, Codes], n: int, g: np.random.Generator
    ) -> tuple[NDArray[np.float64], Codes]:
        """Return how probable a set of a column's codes is after the columns before it, and codes from it."""
        if name not in self.conditionals:
            weight = self.plan.atoms[name].counts * share
            return np.full(n, weight.sum() / self.plan.atoms[name].counts.sum()), weighted(weight, n, g)
        weight, codes = self.conditionals[name].draw_inside(name, share, before, self.plan.atoms, g)
        told, known = self._calculate(name, codes, before, g)
        fits = known & (share[told] > 0)
        unfit: NDArray[np.float64] = np.where(known, _UNFIT * weight, weight)
        return np.where(fits, share[told], unfit), np.where(fits, told, codes)

    def score(self, table: Table, rng: Rng) -> dict[str, NDArray[np.float64]]:
        """Return the log probability of each row's cell in each learned column; see `_score.log_scores`.

        The filter, which weighs whole rows, has no part in it, nor has the last draw of the target.
        """
        return log_scores(self, self.order, [n for n in self.order if n not in self.conditionals], table, rng)

    def evidence(self, n: int, wanted: Wanted, rng: Rng) -> NDArray[np.float64]:
        return evidence(self, n, rng, wanted)

    def own_state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {}
        meta: dict[str, dict[str, Any]] = {}
        for part, own in (("", self.conditionals), ("again.", self.again)):
            meta[part] = {}
            for i, (name, conditional) in enumerate(own.items()):
                state = conditional.state()
                arrays |= {f"{part}{i}.{k}": v for k, v in state.arrays.items()}
                meta[part][name] = state.meta
        out = {"order": list(self.order), "conditionals": meta[""], "again": meta["again."]}
        for what, has in (("guard", self.guard), ("filter", self.filter)):
            state = has.state() if has is not None else None
            arrays |= {f"{what}.{k}": v for k, v in state.arrays.items()} if state is not None else {}
            out[what] = state.meta if state is not None else None
        return State(arrays, out)

    @classmethod
    def from_own_state(cls, plan: Plan, state: State) -> Self:
        order, ties = tuple(state.meta["order"]), {tie.column: tie for tie in plan.ties}
        conditionals: dict[str, Conditional | Tied] = {}
        again: dict[str, Conditional] = {}
        if sorted(order) != sorted(plan.atoms):
            raise InputError("this model is damaged: its order does not name its columns; fit it again")

        def part(prefix: str, meta: Any) -> State:
            return State({k.removeprefix(prefix): v for k, v in state.arrays.items() if k.startswith(prefix)}, meta)

        for i, (name, meta) in enumerate(state.meta["conditionals"].items()):
            before = {p: plan.atoms[p] for p in order[: order.index(name)]}
            own, atoms = part(f"{i}.", meta), plan.atoms[name]
            if name in ties:
                conditionals[name] = Tied.from_state(own, ties[name], atoms, before)
            else:
                conditionals[name] = Conditional.from_state(own, atoms, before)
        for i, (name, meta) in enumerate(state.meta["again"].items()):
            others = {p: a for p, a in plan.atoms.items() if p != name}
            again[name] = Conditional.from_state(part(f"again.{i}.", meta), plan.atoms[name], others)
        guard, kept = state.meta["guard"], state.meta["filter"]
        return cls(
            plan, order, conditionals, again,
            None if guard is None else Guard.from_state(part("guard.", guard), plan.atoms),
            None if kept is None else Filter.from_state(part("filter.", kept), plan.atoms),
        )  # fmt: skip


def _taken(codes: dict[str, Codes], rows: Mask) -> dict[str, Codes]:
    return {name: of_rows[rows] for name, of_rows in codes.items()}
