"""How many equal rows would chance alone give? Repeats are normal in coarse tables and odd in fine ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import Hashes

_ROWS = 20_000
_FINE = 0.05
_CONDITIONS = 40
_CANDIDATES = 8
_ENOUGH_PAIRS = 30


@dataclass(frozen=True)
class Chance:
    """Pairs of equal rows that were seen, and that chance explains.

    Attributes
    ----------
    pairs : float
        Observed pairs of equal rows.
    expected : float
        Pairs that the table's own variety would give; infinite where no column is fine enough to tell.
    """

    pairs: float
    expected: float

    @property
    def excess(self) -> float:
        """Share of the equal pairs that chance does not explain, 0 to 1."""
        return max(0.0, 1.0 - self.expected / self.pairs) if self.pairs else 0.0

    @property
    def odd(self) -> bool:
        """Whether chance is out of the question: three times what it gives, and five standard errors more."""
        return bool(self.pairs > 3 * self.expected and self.pairs - self.expected > 5 * np.sqrt(self.expected))


def pairs_of(keys: Hashes, other: Hashes | None = None) -> float:
    """Return the number of pairs of equal keys within one array, or between two."""
    if other is None:
        counts = np.unique(keys, return_counts=True)[1].astype(np.float64)
        return float((counts * (counts - 1) / 2).sum())
    u, a = np.unique(keys, return_counts=True)
    v, b = np.unique(other, return_counts=True)
    _, i, j = np.intersect1d(u, v, assume_unique=True, return_indices=True)
    return float((a[i].astype(np.float64) * b[j]).sum())


def chance_pairs(cells: Hashes, other: Hashes | None = None) -> Chance:
    """Compare the pairs of equal rows with the pairs that are equal but for one column.

    Let q be the probability that two rows agree in column j, given that they agree elsewhere. Chance then gives
    q / (1 - q) pairs of wholly equal rows for each pair that differs in column j alone, and copies add to the
    former only. q is taken as the largest agreement of column j given any one other column; only columns with q of
    at most 5 % can tell.

    Parameters
    ----------
    cells : uint64 ndarray, shape (n, d)
        From `seedstock.checks._cells.hash_table`.
    other : uint64 ndarray, shape (m, d), or None
        A second table: pairs are then counted between the two.

    Examples
    --------
    >>> fine = np.random.default_rng(0).integers(1 << 60, size=(500, 3)).astype(np.uint64)
    >>> chance_pairs(np.concatenate([fine, fine[:4]])).odd
    True
    >>> coarse = np.random.default_rng(0).integers(4, size=(500, 3)).astype(np.uint64)
    >>> chance_pairs(coarse).odd
    False
    """
    whole, whole_other = _sum(cells), None if other is None else _sum(other)
    observed = pairs_of(whole, whole_other)
    if not observed:
        return Chance(0.0, 0.0)
    return Chance(observed, _expected(cells, whole, other, whole_other, observed))


def chance_of_all(cells: Hashes, of: int) -> float:
    """Return the pairs of equal rows that chance would give among `of` rows, by a random sample of them.

    Pairs grow with the square of the rows.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> values = g.integers(1 << 60, size=(40, 2)).astype(np.uint64)  # 1,600 equally likely rows
    >>> coarse = np.stack([values[g.integers(40, size=2_000), j] for j in (0, 1)], axis=1)
    >>> bool(5e4 < chance_of_all(coarse, 20_000) < 5e5)
    True
    """
    whole = _sum(cells)
    return _expected(cells, whole, None, None, pairs_of(whole)) * (of / max(len(cells), 1)) ** 2


def _expected(cells: Hashes, whole: Hashes, other: Hashes | None, whole_other: Hashes | None, observed: float) -> float:
    q = _agreement(cells, whole) if other is None or whole_other is None else _agreement(other, whole_other)
    fine = np.flatnonzero(q <= _FINE)
    if not len(fine):
        return float("inf")
    expected = 0.0
    with np.errstate(over="ignore"):
        for j in fine[np.argsort(q[fine], kind="stable")[:_CANDIDATES]]:
            rest = None if other is None or whole_other is None else whole_other - other[:, j]
            differ = max(pairs_of(whole - cells[:, j], rest) - observed, 0.5)
            expected = max(expected, differ * q[j] / (1 - q[j]))
    return expected


def odd_rows(cells: Hashes, other: Hashes | None = None) -> tuple[NDArray[np.bool_], Chance]:
    """Return the rows among which equal ones are no chance, and what chance gives among them.

    Where the whole table is too coarse to tell, rows with a rare value in one of its finest columns may still do.

    Parameters
    ----------
    cells, other
        As in `chance_pairs`; the rows are those of `cells`.
    """
    everything = np.ones(len(cells), bool)
    chance = chance_pairs(cells, other)
    if chance.odd or not chance.pairs:
        return everything & chance.odd, chance
    distinct = np.array([len(np.unique(cells[:: max(1, len(cells) // _ROWS), j])) for j in range(cells.shape[1])])
    mask = np.zeros(len(cells), bool)
    best = chance
    for j in np.argsort(-distinct, kind="stable")[:4]:
        rare = _rare(cells[:, j], cells[:, j])
        if distinct[j] < 50 or rare.sum() < 20:
            continue
        rest = None if other is None else other[_rare(other[:, j], cells[:, j])]
        part = chance_pairs(cells[rare], rest)
        if part.odd:
            mask |= rare
            best = part if part.pairs > best.pairs or not best.odd else best
    return mask, best


def _rare(values: Hashes, among: Hashes) -> NDArray[np.bool_]:
    """Tell which values make up less than half a per cent of another column."""
    known, counts = np.unique(among, return_counts=True)
    common = known[counts >= max(0.005 * len(among), 5)]
    return ~np.isin(values, common)


def _sum(cells: Hashes) -> Hashes:
    with np.errstate(over="ignore"):
        return np.asarray(cells.sum(axis=1, dtype=np.uint64))


def _agreement(cells: Hashes, whole: Hashes) -> NDArray[np.float64]:
    """Return for each column the largest chance that two different rows agree in it, given one other column."""
    step = max(1, len(cells) // _ROWS)
    cells, whole = cells[::step], whole[::step]
    n, d = cells.shape
    total = n * (n - 1) / 2
    same = pairs_of(whole)
    alone = np.array([pairs_of(cells[:, j]) for j in range(d)])
    q = np.maximum(alone - same, 0.5) / max(total - same, 1.0) if d > 1 else np.ones(d)
    fine = np.argsort(q, kind="stable")[: 2 * _CANDIDATES]
    given = [i for i in np.argsort(-q, kind="stable") if alone[i] - same >= _ENOUGH_PAIRS][:_CONDITIONS]
    out = np.ones(d)
    with np.errstate(over="ignore"):
        for j in fine:
            if q[j] > _FINE:
                continue
            both = [
                (pairs_of(cells[:, i] + cells[:, j]) - same) / (alone[i] - same)
                for i in given
                # A constant column is no condition.
                if i != j and alone[i] < total
            ]
            out[j] = max([q[j], *both])
    return out
