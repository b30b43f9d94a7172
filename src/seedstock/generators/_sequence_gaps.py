"""The time from one event of a sequence to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Column
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._chain import NUMBER, Chain, within
from seedstock.generators._sequence_history import Numbers, log
from seedstock.generators._sequence_rhythm import Rhythm
from seedstock.generators.forest import Forest

GAP, PACE, MEANT = "time since", "gap in shares of what is left", "gap by its share"
_CANDIDATES = 5
_NONE = -400

Known = Mapping[str, tuple[Atoms, Codes]]


@dataclass(frozen=True, eq=False)
class Gaps:
    """How long it is to the next event.

    A sequence that has an end draws first which share of the mean gap that is left passes: whether it has run ahead or
    fallen behind, it keeps its bursts and pauses and still ends in time. Given that, the gap itself is drawn, so that
    a gap of exactly a minute stays one. Of a few such gaps, one that ends at a likely hour is taken.

    Attributes
    ----------
    paces : Chain
        Of `PACE`; of nothing where there is one sequence, which has no end.
    gaps : Chain
        Of `GAP`.
    rhythm : Rhythm
    """

    paces: Chain
    gaps: Chain
    rhythm: Rhythm

    @property
    def atoms(self) -> Atoms:
        """The times between events."""
        return self.gaps.own[GAP]

    @classmethod
    def fit(
        cls,
        forest: Forest,
        context: Mapping[str, Column],
        known: Known,
        gap: tuple[Atoms, Codes],
        before: Numbers,
        room: Numbers | None,
        left: Numbers,
        is_time: bool,
        rng: Rng,
    ) -> Self:
        """Learn the gaps of n events that have one before them.

        Parameters
        ----------
        context, known : mappings
            What is known of the events before, of n rows each; see `Chain.fit`.
        gap : Atoms, int64 ndarray (n,)
        before : float64 ndarray, shape (n,)
            Times of the events before.
        room : float64 ndarray, shape (n,), or None
            Time from there to the end of the sequence; None where there is no end.
        left : float64 ndarray, shape (n,)
            Events that are still to come in that time.
        is_time : bool
            Whether times have hours and days.
        """
        atoms, codes = gap
        n = len(codes)
        if not n:
            none = {GAP: (atoms, np.zeros(1, np.int64))}
            paces = {} if room is None else {PACE: Atoms.fit(Column.of(np.zeros(1, np.int64)), NUMBER)}
            plain = Chain.fit(forest, {}, paces, rng)
            return cls(plain, Chain.fit(forest, {}, none, rng), Rhythm.none())
        paces = Chain({}, {}, {})
        exact = atoms.values[np.minimum(codes, len(atoms.values) - 1)].astype(float)
        told = dict(context)
        if room is not None:
            needed = room / left
            told["needed"] = Column.of(log(needed))
            own, share = Atoms.fit(Column.of(shares(exact, needed)), NUMBER)
            own = replace(own, smooth=False)
            paces = Chain.fit(forest, told, {PACE: (own, share)}, rng.child("paces"), known)
            told[MEANT] = Column.of(log(meant(own.values[share], needed)))
        made = cls(paces, Chain.fit(forest, told, {GAP: gap}, rng.child("gaps"), known), Rhythm.none())
        if not is_time:
            return made
        given: dict[str, Any] = {**context, **{k: c for k, (_, c) in known.items()}}
        _, drawn = made._candidates(given, np.full(n, np.inf) if room is None else room, left, rng.child("rhythm"))
        return replace(made, rhythm=Rhythm.fit(before, exact, drawn))

    def draw(
        self, context: Mapping[str, Any], now: Numbers, room: Numbers, left: Numbers, rng: Rng
    ) -> tuple[Codes, Numbers]:
        """Return each of n entities' gap to its next event, as code and number.

        It is within the room; where events are the last ones, the gap is all of it.
        """
        n = len(now)
        codes, gaps = self._candidates(context, room, left, rng)
        taken = self.rhythm.pick(now, gaps, rng.child("pick").generator())
        code, gap = codes[taken, np.arange(n)], gaps[taken, np.arange(n)]
        late = np.isnan(gap)
        share = 1 - rng.child("share").generator().random(n) ** (1 / left)
        last = (left <= 1) & np.isfinite(room)
        # Points at random in the rest of the span: the first of `left` of them lies at this share of it.
        gap = np.where(last, room, np.where(late, np.where(np.isfinite(room), room, 0) * share, gap))
        changed = late | last
        if changed.any():
            code[changed] = self.atoms.encode(Column.of(gap[changed].astype(self.atoms.values.dtype)))
        return code, gap

    def _candidates(
        self, context: Mapping[str, Any], room: Numbers, left: Numbers, rng: Rng
    ) -> tuple[NDArray[np.int64], Numbers]:
        """Return a few gaps of each of n rows, as codes and numbers (NaN beyond the room), both of shape (k, n)."""
        n = len(room)
        again = np.tile(np.arange(n), _CANDIDATES)
        told: dict[str, Any] = {k: c.take(again) if isinstance(c, Column) else c[again] for k, c in context.items()}
        if PACE in self.paces.own:
            needed = (room / left)[again]
            told["needed"] = Column.of(log(needed))
            share = self.paces.own[PACE].values[self.paces.draw(len(again), told, rng.child("pace"))[PACE]]
            told[MEANT] = Column.of(log(meant(share.astype(np.int64), needed)))
        code = self.gaps.draw(len(again), told, rng.child("gap"))[GAP]
        gap = np.maximum(self.atoms.column(code, rng.child("cell").generator()).values.astype(float), 0)
        gap = np.where(gap > room[again], np.nan, gap)
        return code.reshape(_CANDIDATES, n), gap.reshape(_CANDIDATES, n)

    def state(self) -> State:
        """Return all that `from_state` needs."""
        paces, gaps = self.paces.state(), self.gaps.state()
        arrays = {f"paces.{k}": v for k, v in paces.arrays.items()} | {f"gaps.{k}": v for k, v in gaps.arrays.items()}
        arrays |= {f"rhythm.{k}": v for k, v in self.rhythm.arrays().items()}
        return State(arrays, {"paces": paces.meta, "gaps": gaps.meta})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again; every index is checked."""
        paces, gaps = (Chain.from_state(State(within(state.arrays, f"{p}."), state.meta[p])) for p in ("paces", "gaps"))
        if set(gaps.own) != {GAP} or not set(paces.own) <= {PACE}:
            raise InputError("this model is damaged: it has no times between events; fit it again")
        return cls(paces, gaps, Rhythm.from_arrays(within(state.arrays, "rhythm.")))


def shares(gap: Numbers, needed: Numbers) -> NDArray[np.int64]:
    """Return gaps as shares of the mean gap that is left: 8 times the logarithm to base 2; `_NONE` for no gap at all.

    >>> shares(np.array([0.0, 30.0, 60.0, 120.0]), np.array([60.0, 60.0, 60.0, 60.0])).tolist()
    [-400, -8, 0, 8]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.round(8 * np.log2(gap / needed))
    return np.clip(np.nan_to_num(out, nan=_NONE, neginf=_NONE, posinf=-_NONE), _NONE, -_NONE).astype(np.int64)


def meant(share: NDArray[np.int64], needed: Numbers) -> Numbers:
    """Return the gaps that such shares stand for.

    >>> meant(np.array([-400, -8, 8]), np.array([60.0, 60.0, 60.0])).tolist()
    [0.0, 30.0, 120.0]
    """
    return np.where(share == _NONE, 0.0, needed * 2.0 ** (share / 8))
