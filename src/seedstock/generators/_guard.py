"""A guard against memory: of the drawn rows that come nearest to single learned ones, some are drawn anew.

Each grid parts the space of the columns into cells, shifted at random; rows that share cells of most grids are near
to each other (locality-sensitive hashing, Indyk and Motwani 1998; random binning features, Rahimi and Recht 2007). Of
the learned rows nothing is kept but a bit for each cell that few of them share, at a place that a hash tells (Bloom
1970): no row can be read from it. Who has a row can ask whether one like it was learned, as of any model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.encoding.atoms import FEW, Atoms, Codes

Draw = Callable[[int, Rng], dict[str, Codes]]

_GRIDS, _AGREEING = 16, 9
"""Grids, and those of them at least in which a row near a learned one shares its cell."""
_WIDTHS = np.geomspace(0.002, 2.0, 64)
"""Widths of cells, in ranges of a column."""
_MISMATCH = 12**-0.5
"""Width up to which a cell holds no two categories: a standard deviation of what spreads evenly over its range."""
_SPARSE = 5
"""Binary digits by which a grid has more places than there are rows: 3 % of other cells fall on a row's place."""
_CROWDED = 0.5
"""Share of the learned rows whose cells few share, below which cells are too wide."""
_ROWS = 200_000
"""Learned rows that are guarded at most: the more there are, the less single ones weigh."""
_TRIAL = 20_000
_PART = 4_096
"""Rows at a time: what is made of them stays in the fast memory."""
_NO_NUMBER = 1 << 40
_ODD = np.uint32(0x9E3779B1)
"""By it a sum's low digits tell the place too (Fibonacci hashing, Knuth 1998, section 6.4)."""


@dataclass(frozen=True, eq=False)
class Guard:
    """Cells of grids over the codes of some columns that hold at most five learned rows.

    Attributes
    ----------
    atoms : mapping of str to Atoms
        The columns that are looked at.
    width : float
        Width of a cell, in ranges of a column.
    agreeing : int
        Grids in which a row that is caught shares a learned row's cell, at least.
    seed : int
        Where the grids' shifts come from.
    bits : uint8 ndarray, shape (grids, 2**d / 8)
        A bit for each place of a cell.
    chance : float
        Probability with which a row that is caught is drawn anew.
    share : float
        Share of all rows that are.
    """

    atoms: Mapping[str, Atoms]
    width: float
    agreeing: int
    seed: int
    bits: NDArray[np.uint8]
    chance: float
    share: float

    @classmethod
    def fit(cls, draw: Draw, real: Mapping[str, Codes], atoms: Mapping[str, Atoms], share: float, rng: Rng) -> Self:
        """Find the finest cells by which a share of drawn rows is caught.

        Where more rows than that repeat learned ones, chance tells which are drawn anew. Rows that many share are not
        guarded.
        """
        n = len(next(iter(real.values())))
        if n > _ROWS:
            rows, share = rng.child("rows").generator().choice(n, _ROWS, replace=False), share * _ROWS / n
            real, n = {name: codes[rows] for name, codes in real.items()}, _ROWS
        drawn = draw(min(n, _TRIAL), rng.child("trial"))
        digits = max(n - 1, 7).bit_length() + _SPARSE
        empty = np.zeros((_GRIDS, (1 << digits) // 8), np.uint8)
        blank = cls({name: atoms[name] for name in real}, 1.0, _AGREEING, rng.child("grids").integer(), empty, 1.0, 0.0)

        @cache
        def tried(i: int) -> tuple[Self, NDArray[np.float64], bool]:
            guard, told = replace(blank, width=float(_WIDTHS[i]))._filled(real)
            shared = np.bincount(guard._agreeing(drawn), minlength=_GRIDS + 1) / len(next(iter(drawn.values())))
            return guard, np.cumsum(shared[::-1])[::-1], told < _CROWDED

        # Wider cells catch more until they are crowded.
        low, high = 0, len(_WIDTHS) - 1
        while low < high:
            middle = (low + high) // 2
            _, caught, crowded = tried(middle)
            low, high = (low, middle) if caught[_AGREEING] >= share or crowded else (middle + 1, high)
        found: list[tuple[Self, NDArray[np.float64], bool]] = [tried(i) for i in sorted({max(low - 1, 0), low})]
        guard, caught, _ = max(found, key=lambda one: min(one[1][_AGREEING], share))
        agreeing = max(_AGREEING, int(np.flatnonzero(caught >= min(share, caught[_AGREEING]))[-1]))
        chance = min(1.0, share / caught[agreeing]) if caught[agreeing] > 0 else 0.0
        return replace(guard, agreeing=agreeing, chance=float(chance), share=float(chance * caught[agreeing]))

    def passed(self, codes: Mapping[str, Codes], g: np.random.Generator) -> NDArray[np.bool_]:
        """Return which rows need not be drawn anew, shape (n,)."""
        out = self._agreeing(codes) < self.agreeing
        near = np.flatnonzero(~out)
        out[near] = g.random(len(near)) >= self.chance
        return out

    def _agreeing(self, codes: Mapping[str, Codes]) -> NDArray[np.int64]:
        """Return in how many grids each row lies in the cell of few learned ones, shape (n,)."""
        n = len(next(iter(codes.values())))
        out = np.zeros(n, np.int64)
        for start in range(0, n, _PART):
            place = self._places(codes, slice(start, start + _PART))
            bit = self.bits.reshape(-1).take((place >> 3) + np.arange(_GRIDS) * self.bits.shape[1])
            out[start : start + _PART] = (bit >> (place & 7).astype(np.uint8) & 1).sum(axis=1)
        return out

    def _filled(self, real: Mapping[str, Codes]) -> tuple[Self, float]:
        """Return the guard with the bits of learned rows, and the share of them whose cells few others share."""
        n = len(next(iter(real.values())))
        place = np.empty((_GRIDS, n), np.int64)
        for start in range(0, n, _PART):
            place[:, start : start + _PART] = self._places(real, slice(start, start + _PART)).T
        place.sort(axis=1)
        bits = np.zeros_like(self.bits)
        told = 0
        for of_rows, of_places in zip(place, bits, strict=True):
            first = np.flatnonzero(np.diff(of_rows, prepend=-1))
            rows = np.diff(first, append=n)
            here = of_rows[first[rows <= FEW]]
            np.bitwise_or.at(of_places, here >> 3, np.left_shift(1, here & 7).astype(np.uint8))
            told += int(rows[rows <= FEW].sum())
        return replace(self, bits=bits), told / place.size

    def _places(self, codes: Mapping[str, Codes], rows: slice) -> NDArray[np.uint32]:
        """Return the place of each row's cell in each grid, shape (n, grids): sums of random numbers (Zobrist 1970)."""
        total = np.zeros((len(next(iter(codes.values()))[rows]), _GRIDS), np.uint32)
        of_rows = np.empty_like(total)
        for name, of_code in self._numbers.items():
            of_code.take(codes[name][rows], axis=0, out=of_rows, mode="clip")
            total += of_rows
        digits = (self.bits.shape[1] * 8 - 1).bit_length()
        total *= _ODD
        return total >> np.uint32(32 - digits)

    @cached_property
    def _numbers(self) -> dict[str, NDArray[np.uint32]]:
        """A random number for each column's cell in each grid, shape (k, grids)."""
        return {name: self._of_column(atoms, Rng(self.seed).child(name)) for name, atoms in self.atoms.items()}

    def _of_column(self, atoms: Atoms, rng: Rng) -> NDArray[np.uint32]:
        g = rng.generator()
        shift, chance, key = g.random(_GRIDS), g.random(_GRIDS), g.integers(2**63, size=_GRIDS, dtype=np.uint64)
        cell = np.tile(_NO_NUMBER + np.arange(atoms.k)[:, None], (1, _GRIDS))
        if atoms.ordered:
            m = len(atoms.values)
            cell[:m] = np.floor(_positions(atoms)[:, None] / self.width + shift)
            return _mixed(cell.astype(np.uint64) ^ key)
        # Two categories are a standard deviation apart, and share a cell as often as numbers that far apart do.
        blind = chance < 1 - _MISMATCH / self.width
        return np.where(blind, np.uint32(0), _mixed(cell.astype(np.uint64) ^ key))

    def state(self) -> State:
        """Return all that `from_state` needs."""
        meta = {"names": list(self.atoms), "width": self.width, "agreeing": self.agreeing, "seed": self.seed}
        return State({"bits": self.bits}, meta | {"chance": self.chance, "share": self.share})

    @classmethod
    def from_state(cls, state: State, known: Mapping[str, Atoms]) -> Self:
        """Make it again for columns that are known."""
        names, bits, meta = tuple(state.meta["names"]), np.asarray(state.arrays["bits"]), state.meta
        width, chance, share = (float(meta[name]) for name in ("width", "chance", "share"))
        agreeing, seed = int(meta["agreeing"]), int(meta["seed"])
        fits = (
            names
            and set(names) <= set(known)
            and bits.dtype == np.uint8
            and bits.ndim == 2
            and len(bits) == _GRIDS
            and 1 <= bits.shape[1] <= 1 << 28
            and bits.shape[1] & (bits.shape[1] - 1) == 0
            and _WIDTHS[0] <= width <= _WIDTHS[-1]
            and 1 <= agreeing <= _GRIDS
            and 0 <= chance <= 1
            and 0 <= share < 1
        )
        if not fits:
            raise InputError("this model is damaged: its guard does not fit its columns; fit it again")
        return cls({name: known[name] for name in names}, width, agreeing, seed, bits, chance, share)


def _positions(atoms: Atoms) -> NDArray[np.float64]:
    """Return where each value lies, shape (m,): the mean of its rank, from 0 to 1, and of its place on a like scale.

    Ranks alone would put values of a long tail next to each other, places alone those of the bulk.
    """
    m = len(atoms.values)
    counts = atoms.counts[:m]
    rank = (np.cumsum(counts) - counts / 2) / max(counts.sum(), 1)
    x = atoms.values.astype("i8") if atoms.values.dtype.kind in "mM" else atoms.values
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        x = x.astype(float)
        mean = np.average(x, weights=counts) if m else 0.0
        spread = np.sqrt(np.average((x - mean) ** 2, weights=counts)) if m else 0.0
        scaled = (x - mean) / spread * _MISMATCH
    known = np.isfinite(scaled)
    place: NDArray[np.float64] = (rank + np.clip(np.where(known, scaled, 0.0), -1e6, 1e6)) / 2
    return np.where(known, place, rank)


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return numbers that look random, one for each (the finalizer of SplitMix64, Steele et al. 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x >> np.uint64(32)).astype(np.uint32)
