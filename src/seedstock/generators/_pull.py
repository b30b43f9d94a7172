"""A tied column that is given pulls its partners: what is asked of a copy is asked of what it is a copy of.

Candidates would hardly ever meet a given number by chance in the column that it may be a copy of. So each is told at
first whether it is to be a copy, and of what; its partner is then drawn to fit. Weights make up for that where the
given column is reached (importance sampling). Most are told to have a value of their own: their weights differ more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes, nearest
from seedstock.encoding.ties import Tie
from seedstock.generators._score import groups_of
from seedstock.generators._wanted import FREE, SET, Wanted

if TYPE_CHECKING:
    from seedstock.generators._forest_fitted import ForestFitted

Floats = NDArray[np.float64]

_OWN = 0.75
"""Share of the candidates that are told to have a value of their own."""


@dataclass
class Pull:
    """One tied column's candidates, n of them.

    Attributes
    ----------
    tie : Tie
    wanted : int64 ndarray, shape (n,)
        What is asked of the column, as in `Wanted`.
    kinds : int64 ndarray, shape (n,)
        What each candidate is to be; -1: left to chance.
    weight : float64 ndarray, shape (n,)
        By which it stands for others.
    """

    model: ForestFitted
    given: Wanted
    tie: Tie
    wanted: Codes
    kinds: Codes
    weight: Floats

    @classmethod
    def all_of(cls, model: ForestFitted, given: Wanted, asked: Wanted, rng: Rng) -> list[Pull]:
        """Return the ties of which the column is given to some candidates, and none of its partners."""
        out = []
        for tie in model.plan.ties:
            if tie.column not in asked:
                continue
            wanted = asked[tie.column]
            here = wanted != FREE
            for partner in tie.partners:
                here &= asked[partner] == FREE if partner in asked else True
            if here.any():
                share = np.array([_OWN] + [(1 - _OWN) / len(tie.partners)] * len(tie.partners))
                told = rng.child(tie.kind).generator().choice(tie.size, len(wanted), p=share)
                kinds, weight = np.where(here, told, -1), np.where(here, 1 / share[told], 1.0)
                out.append(cls(model, given, tie, wanted, kinds, weight))
        return out

    def steer(self, name: str, codes: dict[str, Codes], g: np.random.Generator) -> None:
        """Change a column that was just drawn where it has to fit, and weigh how probable that is."""
        if name == self.tie.kind:
            rows = np.flatnonzero(self.kinds >= 0)
            codes[name][rows] = self.kinds[rows]
            self.weight[rows] *= self.model.plausible(name, self.kinds[rows], _before(name, codes, rows), g)
        elif name in self.tie.partners:
            rows = np.flatnonzero(self.kinds == 1 + self.tie.partners.index(name))
            for part in self._alike(rows):
                self._fit(name, part, codes, g)

    def _alike(self, rows: Codes) -> list[Codes]:
        """Return parts of candidates of which the same is asked, or numbers that count together."""
        groups, wanted = groups_of(self.model.plan.atoms[self.tie.column]), self.wanted[rows]
        key = np.where(wanted >= 0, groups[np.maximum(wanted, 0)], wanted)
        order = np.argsort(key, kind="stable")
        return [rows[part] for part in np.split(order, 1 + np.flatnonzero(np.diff(key[order]))) if len(part)]

    def _fit(self, partner: str, rows: Codes, codes: dict[str, Codes], g: np.random.Generator) -> None:
        own, other = (self.model.plan.atoms[name] for name in (self.tie.column, partner))
        groups, asked = groups_of(own), self.wanted[rows]
        if asked[0] <= SET:
            allowed = self.given.sets[self.tie.column][SET - int(asked[0])].copy()
        else:
            allowed = (groups == groups[asked[0]]).astype(float)
        # A cell that is missing is no copy.
        allowed[len(own.values) :] = 0.0
        share = np.zeros(other.k)
        share[: len(other.values)] = allowed[nearest(own.values, other.values)]
        p, drawn = self.model.draw_inside(partner, share, _before(partner, codes, rows), len(rows), g)
        known = (asked >= 0) & (asked < len(own.values))
        drawn[known] = nearest(other.values, own.values[asked[known]])
        self.weight[rows] *= p
        codes[partner][rows] = drawn

    def weigh(self, name: str) -> Floats:
        """Return by how much candidates count when a given column is reached, shape (n,)."""
        # Before its own column only those are left behind that can no longer meet what is asked.
        return self.weight if name == self.tie.column else (self.weight > 0).astype(float)

    def take(self, picked: Codes) -> None:
        """Go on with these candidates, (m,)."""
        self.wanted, self.kinds, self.weight = self.wanted[picked], self.kinds[picked], self.weight[picked]


def _before(name: str, codes: dict[str, Codes], rows: Codes) -> dict[str, Codes]:
    return {other: of[rows] for other, of in codes.items() if other != name}
