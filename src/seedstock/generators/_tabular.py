"""What the generators of one table share: blocks, conditions, and the way from codes to a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError, ShortfallError
from seedstock.core.given import Given
from seedstock.core.results import State
from seedstock.core.rng import Rng, blocks
from seedstock.core.schema import Schema
from seedstock.core.table import Column, Dataset, Mask, Table
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.encoding.rules.cells import put
from seedstock.encoding.rules.keep import Mended, contradiction, mend
from seedstock.encoding.siblings import quantiles
from seedstock.generators._even import even
from seedstock.generators._ruled import work_out
from seedstock.generators._wanted import FREE, Wanted, encode, settled

__all__ = ["FREE", "TabularFitted", "Wanted", "weighted"]

_ROUNDS = 20
"""Times that rows which cannot be mended are drawn anew."""

_GAPS = 4_096
"""Rows that tell how far apart a model draws sibling times."""
_TRIES, _MOST_TRIES = 16, 512
"""Candidates for few such rows with conditions, at first, and after more rounds: most are mended soon."""
_HOPELESS = 2_000
"""Candidates of each row of which none would do, after which no more are drawn."""


@dataclass(frozen=True, eq=False)
class TabularFitted(ABC):
    """A fitted model of one table that draws codes; this class does the rest of `seedstock.core.contracts.Fitted`."""

    plan: Plan

    @abstractmethod
    def draw(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        """Return codes of n rows for every learned column; codes that are given must come back, or one of their set."""

    @abstractmethod
    def own_state(self) -> State:
        """Return the state besides the plan's."""

    @classmethod
    @abstractmethod
    def from_own_state(cls, plan: Plan, state: State) -> Self:
        """Make the model from its plan and its own state."""

    @property
    def schema(self) -> Schema:
        return self.plan.schema

    def sample(self, n: int, rng: Rng, given: Table | Given | None = None, start: int = 0) -> Dataset:
        """Draw exactly n rows; see `seedstock.core.contracts.Fitted.sample`."""
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
        known = None if given is None else Given.of(given)
        wanted = self._wanted(n, known)
        parts = []
        done = 0
        for block, rows in blocks(n, start):
            stream = rng.child("block", block)
            here = slice(done, done + rows)
            conditions = wanted.take(here)
            codes = self.draw(rows, stream.child("draw"), conditions)
            table = self.plan.assemble(codes, rows, stream, start + done, rng)
            own = None if known is None else known.take(here)
            parts.append(self._ruled(self._held(table, codes, own, stream), stream, conditions, own, done))
            done += rows
        return self.plan.dataset(Table.concat(parts) if parts else self._no_rows())

    def plausibility(self, given: Given, rng: Rng) -> NDArray[np.float64]:
        """Return for each row of conditions the share of all rows that meet them, as the model sees it, shape (n,).

        A number that hardly repeats counts together with the values near it.
        """
        wanted = self._wanted(len(given), given)
        return self.evidence(len(given), wanted, rng) if wanted else np.ones(len(given))

    def evidence(self, n: int, wanted: Wanted, rng: Rng) -> NDArray[np.float64]:
        """Return the probability of each row's conditions, shape (n,): counted among free draws."""
        from seedstock.generators._evidence import counted

        return counted(self, n, wanted, rng)

    def rules_json(self) -> list[dict[str, Any]]:
        """Return the rules that every draw keeps: kind, name, columns, text, support, violations, declared."""
        return [rule.facts() for rule in self.plan.rules]

    def _held(self, table: Table, codes: Mapping[str, Codes], given: Given | None, stream: Rng) -> Table:
        """Return drawn rows with given cells put in exactly, and the others inside what they may be."""
        if given is None:
            return self._apart(table, ())
        out = {
            name: settled(name, table[name], codes[name], given, a, stream.child("settle", name).generator())
            for name, a in self.plan.atoms.items()
            if name in table and any(name in case for case in given.cases)
        }
        done = _overwrite(table.assign(out), given.values)
        tied = {name for tie in self.plan.ties for name in (tie.column, *tie.partners)}
        fixed = {name: given.held(name) for name in tied.intersection(given.names)}
        done = done.assign(self.plan.tied(dict(done.columns), codes, fixed))
        return work_out(self.plan, self._apart(done, given.names), given)

    def _apart(self, table: Table, given: Collection[str]) -> Table:
        """Return rows whose sibling times are as far apart as real ones, those that are given left as they are."""
        out = table
        for sibling, drawn in zip(self.plan.siblings, self._drawn_gaps, strict=True):
            if sibling.later not in given:
                earlier, later = table[sibling.earlier], table[sibling.later]
                out = out.assign({sibling.later: sibling.placed(earlier, later, drawn, out[sibling.earlier])})
        return out

    @cached_property
    def _drawn_gaps(self) -> list[NDArray[np.float64]]:
        """Quantiles of the gaps between sibling times as they are drawn, from rows of a stream of their own."""
        if not self.plan.siblings:
            return []
        stream = Rng(0).child("gaps")
        cells = self.plan.cells(self.draw(_GAPS, stream.child("draw"), self._wanted(_GAPS, None)), stream)
        return [quantiles(cells[s.earlier], cells[s.later]) for s in self.plan.siblings]

    def _ruled(self, table: Table, stream: Rng, conditions: Wanted, given: Given | None, start: int) -> Table:
        """Return a block with its rules repaired; rows that cannot be mended are drawn anew.

        `start` is the number of its first row among those that were asked.
        """
        rules = self.plan.rules
        if not rules:
            return table
        own = {} if given is None else {k: ~v.missing for k, v in given.values.columns.items() if k in self.plan.atoms}
        # A cell that may have any value may also have one that a rule computes.
        fixed = {} if given is None else {k: given.held(k, True) for k in given.names if k in self.plan.atoms}
        if (clash := contradiction(table, rules, own)) is not None:
            raise InputError(
                f"the conditions contradict the rule {clash.text!r}, which holds in all {clash.rows:,} real rows: drop "
                f"one of them, or veto {clash.name!r} in the schema file"
            )
        done = self._mended(table, fixed, given, stream.child("rules"))
        table = done.table
        left = np.flatnonzero(done.broken)
        failed = 0
        for k in range(_ROUNDS):
            if not len(left):
                return table
            if failed > _HOPELESS:
                break
            again = stream.child("again", k)
            # Rows without conditions stand for each other: any good one will do. Others get several tries each.
            tries = max(1, min(_TRIES << k, _MOST_TRIES) // len(left))
            to = np.tile(left, tries)
            m = len(to) if given is not None else max(2 * len(left), 64)
            codes = self.draw(m, again.child("draw"), conditions.take(to))
            known = None if given is None else Given(given.values.select(list(own)), given.cases, given.case).take(to)
            new = self._held(Table(self.plan.cells(codes, again), m), codes, known, again)
            done = self._mended(new, {k: c[to] for k, c in fixed.items()}, known, again.child("rules"))
            good = np.flatnonzero(~done.broken)
            if given is None:
                good = good[: len(left)]
                at = left[: len(good)]
            else:
                at, first = np.unique(to[good], return_index=True)
                good = good[first]
            table = table.assign({name: put(table[name], at, done.table[name].take(good)) for name in done.table})
            failed = 0 if len(at) else failed + m // len(left)
            left = np.setdiff1d(left, at)
        if not len(left):
            return table
        assert done.by is not None
        raise ShortfallError(
            f"{len(left):,} of {len(table):,} rows cannot keep the rule {done.by.text!r} under what was asked: widen "
            f"the conditions, or veto {done.by.name!r} in the schema file",
            acceptance=1 - len(left) / len(table),
            rows=(start + left).tolist(),
        )

    def _mended(self, table: Table, fixed: Mapping[str, Mask], given: Given | None, rng: Rng) -> Mended:
        """Return rows with their rules repaired; one that lost a cell that should have a value counts as broken."""
        done = mend(table, self.plan.rules, fixed, rng.generator())
        if given is None or not (lost := given.emptied(done.table) & ~given.emptied(table)).any():
            return done
        emptying = (rule for rule in self.plan.rules if set(rule.columns).intersection(given.names))
        return replace(done, broken=done.broken | lost, by=done.by or next(emptying))

    def state(self) -> State:
        own, plan = self.own_state(), self.plan.state()
        arrays = {f"plan.{k}": v for k, v in plan.arrays.items()} | {f"own.{k}": v for k, v in own.arrays.items()}
        return State(arrays, {"plan": plan.meta, "own": own.meta})

    @classmethod
    def from_state(cls, state: State) -> Self:
        def part(name: str) -> State:
            arrays = {k.removeprefix(f"{name}."): v for k, v in state.arrays.items() if k.startswith(f"{name}.")}
            return State(arrays, state.meta[name])

        try:
            return cls.from_own_state(Plan.from_state(part("plan")), part("own"))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(f"this model is damaged or foreign ({error!s}); fit it again") from None

    def _wanted(self, n: int, given: Given | None) -> Wanted:
        if given is None:
            return Wanted({})
        if len(given) != n:
            raise InputError(f"the conditions must have one row for each of the {n} rows asked, not {len(given)}")
        return encode(given, self.plan.atoms, next(iter(self.schema.tables.values())))

    def _no_rows(self) -> Table:
        empty: dict[str, Codes] = {name: np.empty(0, np.int64) for name in self.plan.atoms}
        return self.plan.assemble(empty, 0, Rng(0), 0, Rng(0))


def _overwrite(table: Table, given: Table) -> Table:
    """Put the given cells in exactly as given: codes know them only as nearest atoms."""
    out: dict[str, Column] = {}
    for name in given:
        new, old = given[name], table[name]
        if new.is_text != old.is_text or (not new.is_text and new.values.dtype.kind != old.values.dtype.kind):
            new = _as_type_of(name, new, old)
        both = Column.concat([old, new])
        rows = np.where(new.missing, np.arange(len(old)), len(old) + np.arange(len(old)))
        out[name] = both.take(rows)
    return table.assign(out)


def _as_type_of(name: str, new: Column, old: Column) -> Column:
    if new.is_text or old.is_text:
        raise InputError(f"the condition on {name!r} is of another type than the column")
    return Column(new.values.astype(old.values.dtype), new.missing)


def weighted(weights: NDArray[Any], n: int, g: np.random.Generator) -> Codes:
    """Draw n indices with probabilities proportional to weights, shape (k,), in random order."""
    cumulative = np.cumsum(weights, dtype=float)
    u = even(g.permutation(n), g)
    picked: Codes = np.searchsorted(cumulative, u * cumulative[-1], side="right").astype(np.int64)
    return np.minimum(picked, len(cumulative) - 1)
