"""One column given the columns before it: an ensemble, and the way from codes to what its trees compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._ensemble import Ensemble, Occurrences
from seedstock.generators._grow_trees import classes_of
from seedstock.generators._linear_leaves import Lines, Scale
from seedstock.generators._presence import Presence
from seedstock.generators._range_counts import RangeCounts
from seedstock.generators._within import Inside, LinePoint, LineSet, PlainSet, draw_inside

_SCALE = ("low", "high", "mean", "sd")
_REMEMBERED = 32
_FEW_GROUPS = 8


@dataclass
class _Memory:
    """What conditions need of an ensemble, made on first use."""

    occurrences: Occurrences | None = None
    counts: RangeCounts | None = None
    sets: dict[bytes, PlainSet] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Conditional:
    """One column given the columns before it.

    Attributes
    ----------
    predictors : tuple of str
    places : mapping
        Predictor -> where its categories lie on a line, shape (k,); absent for ordered predictors.
    ensemble : Ensemble
    scale, lines : Scale and Lines, or None
        Where the leaves hold lines and residuals.
    presence : Presence or None
        Where categories among the predictors decide which cells are missing.
    """

    predictors: tuple[str, ...]
    places: Mapping[str, NDArray[np.float32]]
    ensemble: Ensemble
    scale: Scale | None = None
    lines: Lines | None = None
    presence: Presence | None = None
    memory: _Memory = field(default_factory=_Memory, repr=False)

    def design(self, codes: Mapping[str, Codes]) -> NDArray[np.float64]:
        """Return the predictors' matrix, shape (n, p)."""
        return design(self.predictors, self.places, codes)

    def draw(self, name: str, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator) -> Codes:
        """Draw the column's codes given those before it."""
        drawn, leaf = self.ensemble.draw(self.design(before), g)
        if self.lines is not None and self.scale is not None:
            drawn = self.lines.atoms_of(drawn, leaf, self.scale.design(atoms, before), atoms[name], g)
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

    def groups(self, atoms: Atoms) -> Codes:
        """Return which of the ensemble's codes are counted together when a value's probability is asked.

        A number that hardly repeats would be found nowhere: it stands for its half percent of the values.
        """
        groups = np.arange(atoms.k)
        return classes_of(atoms, groups, 200) if atoms.smooth else groups

    def probability(
        self, name: str, value: Codes, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the probability of a value (or of those near it) given those before it, shape (n,)."""
        lines, scale = self.lines, self.scale
        if lines is None or scale is None:
            groups = self.groups(atoms[name])
            few = np.unique(groups[value])
            if len(few) <= _FEW_GROUPS:
                # Sums up to each place answer faster than a search, where there are few to keep.
                out = np.empty(len(value))
                X = self.design(before)
                for one in few:
                    rows = np.flatnonzero(groups[value] == one)
                    inside = self._plain((groups == one).astype(float))
                    out[rows] = draw_inside(self.ensemble, X[rows], inside, g, draw=False)[0]
                return out
            if self.memory.occurrences is None:
                self.memory.occurrences = Occurrences(self.ensemble.codes, groups)
            plain = groups[value], np.ones(len(value))
            return self.ensemble.probability(self.design(before), lambda _: plain, self.memory.occurrences, g)
        point = LinePoint(lines, atoms[name], scale.design(atoms, before), self._counts(), value)
        return draw_inside(self.ensemble, self.design(before), point, g, draw=False)[0]

    def draw_inside(
        self, name: str, share: Shares, before: Mapping[str, Codes], atoms: Mapping[str, Atoms], g: np.random.Generator
    ) -> tuple[NDArray[np.float64], Codes]:
        """Return the probability of a set of codes given those before, and a code from it; both of shape (n,)."""
        inside: Inside
        if self.lines is None or self.scale is None:
            inside = self._plain(share)
        else:
            Z = self.scale.design(atoms, before)
            inside = LineSet.of(self.lines, atoms[name], Z, self._counts(), share)
        return draw_inside(self.ensemble, self.design(before), inside, g)

    def _plain(self, share: Shares) -> PlainSet:
        key = share.tobytes()
        if key not in self.memory.sets:
            if len(self.memory.sets) >= _REMEMBERED:
                self.memory.sets.clear()
            self.memory.sets[key] = PlainSet.of(self.ensemble, share)
        return self.memory.sets[key]

    def _counts(self) -> RangeCounts:
        if self.memory.counts is None:
            self.memory.counts = RangeCounts(self.ensemble.codes)
        return self.memory.counts

    def state(self) -> State:
        """Return all that `from_state` needs."""
        arrays = self.ensemble.arrays()
        arrays |= {f"place.{self.predictors.index(p)}": v for p, v in self.places.items()}
        if self.lines is not None and self.scale is not None:
            arrays |= {f"line.{k}": v for k, v in self.lines.arrays().items()}
            arrays |= {f"scale.{k}": getattr(self.scale, k) for k in _SCALE}
        lined = list(self.scale.names) if self.scale else None
        present = self.presence.arrays() if self.presence else {}
        arrays |= {f"presence.{self.predictors.index(p)}": v for p, v in present.items()}
        meta = {"predictors": list(self.predictors), "places": list(self.places), "lined": lined}
        return State(arrays, meta | {"presence": list(present)})

    @classmethod
    def from_state(cls, state: State, atoms: Atoms, before: Mapping[str, Atoms]) -> Self:
        """Make it again for a column of these atoms, after those columns; every index is checked."""
        arrays, meta = dict(state.arrays), state.meta
        predictors = tuple(meta["predictors"])
        places = {p: arrays.pop(f"place.{predictors.index(p)}") for p in meta["places"]}
        present = {p: arrays.pop(f"presence.{predictors.index(p)}") for p in meta.get("presence", ())}
        presence = Presence.from_arrays(present)
        scale = lines = None
        n_codes = atoms.k
        if meta["lined"] is not None:
            scale = Scale(tuple(meta["lined"]), *(arrays.pop(f"scale.{part}") for part in _SCALE))
            parts = {k.removeprefix("line."): arrays.pop(k) for k in list(arrays) if k.startswith("line.")}
            lines = Lines.from_arrays(parts, atoms.k)
            n_codes = len(lines.spikes) + len(lines.residuals) - 1
        ensemble = Ensemble.from_arrays(arrays)
        fits = (
            int(ensemble.codes.max()) < n_codes
            and int(ensemble.feature.max()) < len(predictors)
            and set(predictors) <= set(before)
            and all(len(place) == before[p].k for p, place in places.items())
            and (scale is None or set(scale.names) <= set(predictors))
            and (lines is None or len(lines.slot) == len(ensemble.feature))
            and (presence is None or presence.fits(before))
        )
        if not fits:
            raise InputError("this model is damaged: its trees do not fit its columns; fit it again")
        return cls(predictors, places, ensemble, scale, lines, presence)


def design(
    predictors: tuple[str, ...], places: Mapping[str, NDArray[np.float32]], codes: Mapping[str, Codes]
) -> NDArray[np.float64]:
    """Return the predictors' matrix for trees, shape (n, p)."""
    X = np.empty((len(codes[predictors[0]]), len(predictors)))
    for i, p in enumerate(predictors):
        X[:, i] = places[p][codes[p]] if p in places else codes[p]
    return X
