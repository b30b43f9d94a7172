"""One column given the columns before it: what draws it, and the way from codes to what that compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._halving import Halving
from seedstock.generators._leaves import Leaves
from seedstock.generators._presence import Presence
from seedstock.generators._score import groups_of

Floats = NDArray[np.float64]


class Kernel(Protocol):
    """The distribution of a column's codes given predictors X, shape (n, p), and all codes before."""

    def draw(self, X: Floats, name: str, before: Mapping[str, Codes], atoms: Mapping[str, Atoms],
             g: np.random.Generator) -> Codes:  # fmt: skip
        """Draw a code for each row, shape (n,)."""

    def probability(self, X: Floats, name: str, value: Codes, groups: Codes, before: Mapping[str, Codes],
                    atoms: Mapping[str, Atoms], g: np.random.Generator) -> Floats:  # fmt: skip
        """Return the probability of each row's value, or of the codes in its group, shape (n,)."""

    def draw_inside(self, X: Floats, name: str, share: Shares, before: Mapping[str, Codes],
                    atoms: Mapping[str, Atoms], g: np.random.Generator) -> tuple[Floats, Codes]:  # fmt: skip
        """Return the probability of a set of codes, and a code from it; both of shape (n,)."""

    def state(self) -> State:
        """Return all that makes it again."""


@dataclass(frozen=True, eq=False)
class Conditional:
    """One column given the columns before it.

    Attributes
    ----------
    predictors : tuple of str
    places : mapping
        Predictor -> where its categories lie on a line, shape (k,); absent for ordered predictors.
    kernel : Leaves or Halving
    presence : Presence or None
        Where categories among the predictors decide which cells are missing.
    """

    predictors: tuple[str, ...]
    places: Mapping[str, NDArray[np.float32]]
    kernel: Kernel
    presence: Presence | None = None

    def design(self, codes: Mapping[str, Codes]) -> NDArray[np.float64]:
        """Return the predictors' matrix, shape (n, p)."""
        return design(self.predictors, self.places, codes)

    def draw(self, name: str, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator) -> Codes:
        """Draw the column's codes given those before it."""
        drawn = self.kernel.draw(self.design(before), name, before, atoms, g)
        return drawn if self.presence is None else self._present(drawn, self.presence, name, before, atoms, g)

    def _present(
        self, drawn: Codes, presence: Presence, name: str, before: Mapping[str, Codes], atoms: Mapping[str, Atoms],
        g: np.random.Generator,
    ) -> Codes:  # fmt: skip
        """Return codes that are missing where they must be, and drawn anew where they must not."""
        missing, need = len(atoms[name].values), presence.required(before)
        out = np.where(need < 0, missing, drawn)
        rows = np.flatnonzero((need > 0) & (out == missing))
        if len(rows):
            share = np.ones(atoms[name].k)
            share[missing] = 0.0
            here = {p: before[p][rows] for p in before}
            out[rows] = self.draw_inside(name, share, here, atoms, g)[1]
        return out

    def probability(
        self, name: str, value: Codes, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the probability of a value (or of those near it) given those before it, shape (n,)."""
        return self.kernel.probability(self.design(before), name, value, groups_of(atoms[name]), before, atoms, g)

    def draw_inside(
        self, name: str, share: Shares, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator
    ) -> tuple[NDArray[np.float64], Codes]:
        """Return the probability of a set of codes given those before, and a code from it; both of shape (n,)."""
        return self.kernel.draw_inside(self.design(before), name, share, before, atoms, g)

    def state(self) -> State:
        """Return all that `from_state` needs."""
        own = self.kernel.state()
        arrays = {f"kernel.{k}": v for k, v in own.arrays.items()}
        arrays |= {f"place.{self.predictors.index(p)}": v for p, v in self.places.items()}
        present = self.presence.arrays() if self.presence else {}
        arrays |= {f"presence.{self.predictors.index(p)}": v for p, v in present.items()}
        meta = {"predictors": list(self.predictors), "places": list(self.places), "presence": list(present)}
        return State(arrays, meta | {"halving": isinstance(self.kernel, Halving), "kernel": own.meta})

    @classmethod
    def from_state(cls, state: State, atoms: Atoms, before: Mapping[str, Atoms]) -> Self:
        """Make it again for a column of these atoms, after those columns; every index is checked."""
        arrays, meta = state.arrays, state.meta
        predictors = tuple(meta["predictors"])
        places = {p: arrays[f"place.{predictors.index(p)}"] for p in meta["places"]}
        presence = Presence.from_arrays({p: arrays[f"presence.{predictors.index(p)}"] for p in meta["presence"]})
        fits = (
            set(predictors) <= set(before)
            and all(len(place) == before[p].k for p, place in places.items())
            and (presence is None or presence.fits(before))
        )
        if not fits:
            raise InputError("this model is damaged: its trees do not fit its columns; fit it again")
        own = {k.removeprefix("kernel."): v for k, v in arrays.items() if k.startswith("kernel.")}
        kind = Halving if meta["halving"] else Leaves
        kernel = kind.from_state(State(own, meta["kernel"]), atoms.k, predictors)
        return cls(predictors, places, kernel, presence)


def design(
    predictors: tuple[str, ...], places: Mapping[str, NDArray[np.float32]], codes: Mapping[str, Codes]
) -> NDArray[np.float64]:
    """Return the predictors' matrix for trees, shape (n, p)."""
    X = np.empty((len(codes[predictors[0]]), len(predictors)))
    for i, p in enumerate(predictors):
        X[:, i] = places[p][codes[p]] if p in places else codes[p]
    return X
