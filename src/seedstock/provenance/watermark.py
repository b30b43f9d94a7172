"""The mark in the values themselves: of several candidate rows the one that a keyed score prefers is kept.

Every kept row is a genuine draw of the generator, so its quality is the generator's. Selection among candidates:
MUSE (Fang et al. 2025); pairwise matches that leave the distribution as it is: SynthID-Text, non-distortionary
tournament sampling (Dathathri et al. 2024, Nature 634, section on two candidates). Ours are the column subsets on
a ring, bins without quantiles, masks that let every key speak once a block, and picks that are balanced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.results import State
from seedstock.core.rng import BLOCK_ROWS, Rng, blocks
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.balance import balanced
from seedstock.provenance.cells import Hash, derive, expand
from seedstock.provenance.images import N_FEATURES
from seedstock.provenance.loci import locus_hashes
from seedstock.provenance.record import key_id
from seedstock.provenance.subsets import subsets

CANDIDATES = 4
_MOST_BITS = 64
_TOP = np.uint64(63)
_BUCKETS = 1 << 20


@dataclass(frozen=True, eq=False)
class Watermarked:
    """A fitted model whose draws carry the mark of a key and a generation; a `Fitted` itself.

    Attributes
    ----------
    inner : Fitted
        The model; its state is what is saved. The key never is.
    key : bytes
    generation : int
        1 for draws of a model of real data. Each generation has a key of its own.
    candidates : int
        2 or 4: rows drawn for each that is kept. 4 mark more strongly, for twice the time.
    """

    inner: Fitted
    key: bytes
    generation: int = 1
    candidates: int = CANDIDATES

    def __post_init__(self) -> None:
        if self.candidates not in (2, 4):
            raise InputError(f"the mark takes 2 or 4 candidates a row, not {self.candidates}")
        if isinstance(self.generation, bool) or not isinstance(self.generation, int) or self.generation < 1:
            raise InputError(f"synthetic rows are of generation 1 or more, not {self.generation!r}")

    @property
    def schema(self) -> Schema:
        return self.inner.schema

    def sample(self, n: int, rng: Rng, given: Table | Given | None = None, start: int = 0) -> Dataset:
        """Draw exactly n marked rows; see `seedstock.core.contracts.Fitted.sample`."""
        if hasattr(self.inner, "candidates"):
            # Where rows hang together (a course in time), the model says which candidates may be mixed.
            draws = self.inner.candidates(n, rng, given, start, self.candidates)
        else:
            # The first candidates are the unmarked model's own rows; identifiers are theirs: none comes twice.
            streams = [rng, *(rng.child("candidate", k) for k in range(1, self.candidates))]
            draws = [self.inner.sample(n, stream, given, start) for stream in streams]
        schema = draws[0].columns
        own = generation_key(self.key, self.generation, self.candidates)
        parts, done = [], 0
        for block, rows in blocks(n, start):
            here = [d.table.take(slice(done, done + rows)) for d in draws]
            ties = rng.child("watermark", block).generator()
            parts.append(_keep(here, select(here, schema, own, ties), schema))
            done += rows
        return draws[0].with_table(Table.concat(parts)) if parts else draws[0]

    def state(self) -> State:
        """Return the inner model's state: the mark is put on when rows are drawn."""
        return self.inner.state()

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Refuse: a state has no key."""
        raise InputError("a model's state holds no key; load the model and mark it with `watermark.mark`")

    def facts(self) -> dict[str, Any]:
        """Return what a record says about the mark."""
        return {
            "on": True,
            "method": "keyed selection among candidates",
            "candidates": self.candidates,
            "key": key_id(self.key),
            "generation": self.generation,
        }


def mark(fitted: Fitted, key: bytes, generation: int = 1, candidates: int = CANDIDATES) -> Watermarked:
    """Return a fitted model whose draws carry the mark of a key.

    >>> mark(None, b"0" * 32).facts()["candidates"]
    4
    """
    return Watermarked(fitted, key, generation, candidates)


def off(why: str) -> dict[str, Any]:
    """Return what a record says where rows are not marked.

    >>> off("asked for with --no-watermark")
    {'on': False, 'why': 'asked for with --no-watermark'}
    """
    return {"on": False, "why": why}


def generation_key(key: bytes, generation: int, candidates: int = CANDIDATES) -> bytes:
    """Return the key that marks rows of one generation with so many candidates, so that a reader can tell which."""
    return derive(key, "generation", generation, candidates)


def layout(schema: TableSchema) -> list[str]:
    """Return the columns that a mark stands in, as `seedstock.provenance.keys.remember` keeps them.

    >>> from seedstock.core.schema import ColumnSchema
    >>> layout(TableSchema({"id": ColumnSchema("id"), "x": ColumnSchema("number")}))
    ['x']
    """
    out = []
    for name, column in sorted(schema.columns.items()):
        if column.kind == "image":
            out += [f"{name}/{k}" for k in range(N_FEATURES)]
        elif column.kind != "id":
            out.append(name)
    return out


def select(
    draws: Sequence[Table], schema: TableSchema, key: bytes, ties: np.random.Generator, ring: bytes | None = None
) -> NDArray[np.int64]:
    """Return for each row which of the m draws to keep, shape (n,); m is 2 or 4.

    Rows meet in pairs, and the higher score goes on. A row's score is the sum of its loci's keyed bits, as a
    quantile of its null distribution: uniform, whatever number of bits could be read. A bit that an earlier row
    of the block has read is masked. So each match is fair over the keys, and the kept row is distributed as
    a single draw. With four draws every second locus decides the first round, and the others the second. At last a
    few rows take the loser of their last match, where columns then come out even (`balance.balanced`): each row alone
    is still any of the draws with equal probability, for the draws are alike.
    `ring` takes the loci of another key.
    """
    m, n = len(draws), len(draws[0])
    expanded = [expand(d, schema) for d in draws]
    loci = subsets(list(expanded[0][0]), ring or key)
    hashes = [locus_hashes(t, s, loci, key) for t, s in expanded]
    rounds = m.bit_length() - 1
    bits, ones = _read(hashes, n, rounds)
    alive = np.tile(np.arange(m)[:, None], (1, n))
    for r in range(rounds):
        a, b = alive[0::2], alive[1::2]
        rows = np.arange(n)
        u_a, u_b = (_quantile(bits[r, x, rows], ones[r, x, rows], ties) for x in (a, b))
        alive, beaten, lead = np.where(u_a > u_b, a, b), np.where(u_a > u_b, b, a), np.abs(u_a - u_b)
    return balanced([t for t, _ in expanded], alive[0], beaten[0], lead[0])


def _read(hashes: Sequence[Sequence[Hash]], n: int, rounds: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return how many bits each candidate can read in each round, and how many are one, shape (rounds, m, n)."""
    m, n_loci = len(hashes), len(hashes[0])
    bits = np.zeros((rounds, m, n), np.int8)
    ones = np.zeros((rounds, m, n), np.int8)
    rows = np.repeat(np.arange(n, dtype=np.int32), m)
    first = np.empty(_BUCKETS, np.int32)
    for s in range(n_loci):
        h = np.stack([own[s] for own in hashes])  # (m, n)
        bucket = (h.T.reshape(-1) & np.uint64(_BUCKETS - 1)).astype(np.int32)
        # The last write wins, so the reversed order leaves the first row that reads a bucket. Two keys in one
        # bucket mask one bit too many, which costs little and biases nothing.
        first[bucket[::-1]] = rows[::-1]
        fresh = (first[bucket] == rows).reshape(n, m).T
        r = s % rounds
        bits[r] += fresh
        ones[r] += fresh & (h >> _TOP).astype(bool)
    return bits, ones


def _quantile(bits: NDArray[np.int8], ones: NDArray[np.int8], ties: np.random.Generator) -> NDArray[np.float64]:
    """Return the randomised probability integral transform of a number of ones among fair bits."""
    cdf = _cdf()
    low, high = cdf[bits, ones], cdf[bits, ones + 1]
    out: NDArray[np.float64] = low + (high - low) * ties.random(bits.shape)
    return out


@cache
def _cdf() -> NDArray[np.float64]:
    """Return P(fewer than x ones among k fair bits) at [k, x]."""
    k, x = np.ogrid[: _MOST_BITS + 1, : _MOST_BITS + 2]
    return np.asarray(binom.cdf(x - 1, k, 0.5))


def _keep(draws: Sequence[Table], winners: NDArray[np.int64], schema: TableSchema) -> Table:
    n = len(winners)
    place = winners * n + np.arange(n)
    out = {}
    for name in draws[0]:
        own = draws[0][name]
        out[name] = own if schema[name].kind == "id" else Column.concat([d[name] for d in draws]).take(place)
    return Table(out, n)


assert BLOCK_ROWS <= _BUCKETS
