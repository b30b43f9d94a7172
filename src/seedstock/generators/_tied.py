"""One column of which some cells are copies: of its partner's value where the hidden column says so, else drawn.

The conditional of the other cells is learned from the rows that have a value of their own, and knows no other values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Atoms, Codes, nearest
from seedstock.encoding.plan import Plan
from seedstock.encoding.ties import Tie, unusual
from seedstock.generators._conditional import Conditional
from seedstock.generators._score import groups_of

Floats = NDArray[np.float64]
Learn = Callable[[Plan, Mapping[str, Codes], str, tuple[str, ...], Rng], Conditional]

_TRIES = 3
"""Draws of cells of their own that look like copies."""


@dataclass(frozen=True, eq=False)
class Tied:
    """A conditional of a column's own values, and where its partners' values lie among all of its values.

    Attributes
    ----------
    tie : Tie
    near : mapping of str to int64 ndarray
        Partner -> the nearest of the column's codes for each of its codes, shape (k of the partner,); -1: missing.
    seen : int64 ndarray, shape (m,)
        The codes that cells of their own have, ascending.
    own : Atoms
        Their values.
    conditional : Conditional
        Of their places in `seen`.
    """

    tie: Tie
    near: Mapping[str, Codes]
    seen: Codes
    own: Atoms
    conditional: Conditional

    @classmethod
    def learn(
        cls, learn: Learn, plan: Plan, codes: Mapping[str, Codes], tie: Tie, predictors: tuple[str, ...], rng: Rng
    ) -> Self:
        """Learn a column given others and its hidden one."""
        rows = np.flatnonzero(codes[tie.kind] == 0)
        seen, place, counts = np.unique(codes[tie.column][rows], return_inverse=True, return_counts=True)
        own = _among(plan.atoms[tie.column], seen, counts)
        here = {p: codes[p][rows] for p in predictors} | {tie.column: place.astype(np.int64)}
        conditional = learn(replace(plan, atoms={**plan.atoms, tie.column: own}), here, tie.column, predictors, rng)
        return cls(tie, _near(tie, plan.atoms), seen.astype(np.int64), own, conditional)

    def draw(self, name: str, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator) -> Codes:
        """Draw the column's codes given those before it."""
        out = self._copies(before)
        rows, few = np.flatnonzero(out < 0), unusual(atoms[name])
        for _ in range(_TRIES):
            if not len(rows):
                break
            here = {p: before[p][rows] for p in before}
            out[rows] = self.seen[self.conditional.draw(name, here, {**atoms, name: self.own}, g)]
            # What is no copy does not look like one by chance: the real rows that do so count as copies.
            alike = np.zeros(len(rows), bool)
            for partner in self.tie.partners:
                alike |= self.near[partner][here[partner]] == out[rows]
            rows = rows[alike & few[out[rows]]]
        return out

    def probability(
        self, name: str, value: Codes, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator
    ) -> Floats:
        """Return the probability of a value (or of those near it) given those before it, shape (n,)."""
        groups, copy = groups_of(atoms[name]), self._copies(before)
        out = (groups[copy] == groups[value]).astype(float)
        # A group is asked for by any of its codes that a cell of its own can have; where it has none, as a number that
        # was only ever a copy, it is as probable as the nearest that has.
        asked = np.full(int(groups.max()) + 1, -1)
        asked[groups[self.seen]] = np.arange(len(self.seen))
        wanted = asked[groups[value]]
        numbers = self.seen[self.seen < len(atoms[name].values)]
        if len(numbers):
            lone = (wanted < 0) & (value < len(atoms[name].values))
            wanted[lone] = nearest(numbers, value[lone])
        out[(copy < 0) & (wanted < 0)] = 0.0
        rows = np.flatnonzero((copy < 0) & (wanted >= 0))
        if len(rows):
            here, kernel = {p: before[p][rows] for p in before}, self.conditional.kernel
            X = self.conditional.design(here)
            out[rows] = kernel.probability(
                X, name, wanted[rows], groups[self.seen], here, {**atoms, name: self.own}, g
            )  # fmt: skip
        return out

    def draw_inside(
        self, name: str, share: Shares, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator
    ) -> tuple[Floats, Codes]:
        """Return the probability of a set of codes given those before, and a code from it; both of shape (n,)."""
        out = self._copies(before)
        rows, p = np.flatnonzero(out < 0), share[out]
        if len(rows):
            here = {q: before[q][rows] for q in before}
            p[rows], drawn = self.conditional.draw_inside(
                name, share[self.seen], here, {**atoms, name: self.own}, g
            )  # fmt: skip
            out[rows] = self.seen[drawn]
        return p, out

    def _copies(self, before: Mapping[str, Codes]) -> Codes:
        """Return the codes of copies, and -1 where a cell has a value of its own, shape (n,)."""
        kinds = before[self.tie.kind]
        out = np.full(len(kinds), -1)
        for place, partner in enumerate(self.tie.partners, start=1):
            here = kinds == place
            out[here] = self.near[partner][before[partner][here]]
        return out

    def state(self) -> State:
        """Return all that `from_state` needs."""
        inner = self.conditional.state()
        return State({**inner.arrays, "seen": self.seen, "seen_counts": self.own.counts}, inner.meta)

    @classmethod
    def from_state(cls, state: State, tie: Tie, atoms: Atoms, before: Mapping[str, Atoms]) -> Self:
        """Make it again for a tied column of these atoms, after those columns; every index is checked."""
        arrays = dict(state.arrays)
        seen, counts = (np.asarray(arrays.pop(part), np.int64) for part in ("seen", "seen_counts"))
        fits = (
            seen.shape == counts.shape
            and len(seen) > 0
            and seen[0] >= 0
            and (np.diff(seen) > 0).all()
            and seen[-1] < atoms.k
            and (counts > 0).all()
            and {tie.kind, *tie.partners} <= set(before)
        )
        if not fits:
            raise InputError("this model is damaged: its ties do not fit its columns; fit it again")
        own = _among(atoms, seen, counts)
        conditional = Conditional.from_state(State(arrays, state.meta), own, before)
        return cls(tie, _near(tie, {**before, tie.column: atoms}), seen, own, conditional)


def _among(atoms: Atoms, seen: Codes, counts: Codes) -> Atoms:
    """Return the atoms of some of a column's codes, ascending; the missing one stays the last."""
    return replace(atoms, values=atoms.values[seen[seen < len(atoms.values)]], counts=counts.astype(np.int64))


def _near(tie: Tie, atoms: Mapping[str, Atoms]) -> dict[str, Codes]:
    out = {}
    for partner in tie.partners:
        of = np.full(atoms[partner].k, -1)
        of[: len(atoms[partner].values)] = nearest(atoms[tie.column].values, atoms[partner].values)
        out[partner] = of
    return out
