"""Trees' leaves as a column's distribution: plain ones hold its codes, others lines and what is left of them."""

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
from seedstock.generators._linear_leaves import Lines, Scale
from seedstock.generators._range_counts import RangeCounts
from seedstock.generators._within import Inside, LinePoint, LineSet, PlainSet, draw_inside

Floats = NDArray[np.float64]

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
class Leaves:
    """The leaves of an ensemble of trees.

    Attributes
    ----------
    ensemble : Ensemble
    scale, lines : Scale and Lines, or None
        Where the leaves hold lines and residuals.
    """

    ensemble: Ensemble
    scale: Scale | None = None
    lines: Lines | None = None
    memory: _Memory = field(default_factory=_Memory, repr=False)

    def draw(self, X: Floats, name: str, before: Mapping[str, Codes], atoms: Mapping[str, Atoms],
             g: np.random.Generator) -> Codes:  # fmt: skip
        """Draw a code for each row of X, shape (n, p)."""
        drawn, leaf = self.ensemble.draw(X, g)
        if self.lines is not None and self.scale is not None:
            return self.lines.atoms_of(drawn, leaf, self.scale.design(atoms, before), atoms[name], g)
        return drawn

    def probability(self, X: Floats, name: str, value: Codes, groups: Codes, before: Mapping[str, Codes],
                    atoms: Mapping[str, Atoms], g: np.random.Generator) -> Floats:  # fmt: skip
        """Return the probability of each row's value (or of those near it), shape (n,)."""
        lines, scale = self.lines, self.scale
        if lines is None or scale is None:
            few = np.unique(groups[value])
            if len(few) <= _FEW_GROUPS:
                # Sums up to each place answer faster than a search, where there are few to keep.
                out = np.empty(len(value))
                for one in few:
                    rows = np.flatnonzero(groups[value] == one)
                    inside = self._plain((groups == one).astype(float))
                    out[rows] = draw_inside(self.ensemble, X[rows], inside, g, draw=False)[0]
                return out
            if self.memory.occurrences is None:
                self.memory.occurrences = Occurrences(self.ensemble.codes, groups)
            plain = groups[value], np.ones(len(value))
            return self.ensemble.probability(X, lambda _: plain, self.memory.occurrences, g)
        point = LinePoint(lines, atoms[name], scale.design(atoms, before), self._counts(), value)
        return draw_inside(self.ensemble, X, point, g, draw=False)[0]

    def draw_inside(self, X: Floats, name: str, share: Shares, before: Mapping[str, Codes],
                    atoms: Mapping[str, Atoms], g: np.random.Generator) -> tuple[Floats, Codes]:  # fmt: skip
        """Return the probability of a set of codes, and a code from it; both of shape (n,)."""
        inside: Inside
        if self.lines is None or self.scale is None:
            inside = self._plain(share)
        else:
            Z = self.scale.design(atoms, before)
            inside = LineSet.of(self.lines, atoms[name], Z, self._counts(), share)
        return draw_inside(self.ensemble, X, inside, g)

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
        if self.lines is not None and self.scale is not None:
            arrays |= {f"line.{k}": v for k, v in self.lines.arrays().items()}
            arrays |= {f"scale.{k}": getattr(self.scale, k) for k in _SCALE}
        return State(arrays, {"lined": list(self.scale.names) if self.scale else None})

    @classmethod
    def from_state(cls, state: State, k: int, predictors: tuple[str, ...]) -> Self:
        """Make it again for a column of k codes; every index is checked."""
        arrays, lined = dict(state.arrays), state.meta["lined"]
        scale = lines = None
        n_codes = k
        if lined is not None:
            scale = Scale(tuple(lined), *(arrays.pop(f"scale.{part}") for part in _SCALE))
            parts = {name: arrays.pop(f"line.{name}") for name in [n[5:] for n in arrays if n.startswith("line.")]}
            lines = Lines.from_arrays(parts, k)
            n_codes = len(lines.spikes) + len(lines.residuals) - 1
        ensemble = Ensemble.from_arrays(arrays)
        fits = (
            int(ensemble.codes.max()) < n_codes
            and int(ensemble.feature.max()) < len(predictors)
            and (scale is None or set(scale.names) <= set(predictors))
            and (lines is None or len(lines.slot) == len(ensemble.feature))
        )
        if not fits:
            raise InputError("this model is damaged: its trees do not fit its columns; fit it again")
        return cls(ensemble, scale, lines)
