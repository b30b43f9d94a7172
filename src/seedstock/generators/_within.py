"""The probability that a forest's column falls into a set of codes, and draws from inside it: no draw is thrown away.

A row's distribution is a mixture of the nodes on the paths of its trees (`seedstock.generators._ensemble`). A few
random trees stand for all: the mean of their probabilities is an unbiased weight, and the node to draw from is chosen
in proportion to what it adds, so that weight and draw belong together (Andrieu and Roberts 2009, pseudo-marginals).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Atoms, Codes, nearest
from seedstock.generators._ensemble import Ensemble, Nodes
from seedstock.generators._linear_leaves import Lines, numbers
from seedstock.generators._range_counts import RangeCounts

Floats = NDArray[np.float64]
TREES = 4
_LITTLE = 1e-9


class Inside(Protocol):
    """A set of codes, as seen from the nodes of one ensemble."""

    def mass(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes) -> Floats:
        """Return how many of a node's values (rows of its own, in parts) are in the set, shape (n,)."""

    def pick(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes, g: np.random.Generator) -> Codes:
        """Return a code in the set for nodes that have one, shape (n,)."""


def draw_inside(
    ensemble: Ensemble, X: Floats, inside: Inside, g: np.random.Generator, draw: bool = True
) -> tuple[Floats, Codes]:
    """Return each row's probability of the set, and a code from it (any code where it is 0), both of shape (n,)."""
    n = len(X)
    total = np.zeros(n)
    at_leaf, at_node = np.zeros(n, np.int32), np.zeros(n, np.int32)
    for _ in range(TREES):
        leaf = ensemble.leaves(X, g.integers(len(ensemble.roots), size=n))
        for rows, node, weight in _path(ensemble, leaf):
            start, end = ensemble.start[node].astype(np.int64), ensemble.end[node].astype(np.int64)
            adds = weight * inside.mass(rows, leaf[rows], start, end) / (end - start)
            total[rows] += adds
            if draw:
                # One node is kept of all that were seen, in proportion to what each adds.
                take = g.random(len(rows)) * total[rows] < adds
                at_leaf[rows[take]], at_node[rows[take]] = leaf[rows[take]], node[take]
    out = np.zeros(n, np.int64)
    here = np.flatnonzero(total > 0)
    if draw and len(here):
        node = at_node[here]
        start, end = ensemble.start[node].astype(np.int64), ensemble.end[node].astype(np.int64)
        out[here] = inside.pick(here, at_leaf[here], start, end, g)
    return total / TREES, out


def _path(ensemble: Ensemble, leaf: Nodes) -> Iterator[tuple[Codes, Nodes, Floats]]:
    """Yield the nodes from leaves to roots: rows, nodes, and the probability that a draw stops there."""
    rows, node, weight = np.arange(len(leaf)), leaf, np.ones(len(leaf))
    while len(rows):
        size = ensemble.end[node] - ensemble.start[node]
        root = ensemble.parent[node] < 0
        stop = np.where(root, 1.0, size / (size + ensemble.shrinkage))
        yield rows, node, weight * stop
        weight, node, rows = (weight * (1 - stop))[~root], ensemble.parent[node][~root], rows[~root]


@dataclass(frozen=True, eq=False)
class PlainSet:
    """Codes with shares, in an ensemble whose leaves hold the column's own codes.

    Attributes
    ----------
    codes : int32 ndarray, shape (N,)
    upto : float64 ndarray, shape (N + 1,)
        Sum of the shares of the values before each place.
    """

    codes: NDArray[np.int32]
    upto: Floats

    @classmethod
    def of(cls, ensemble: Ensemble, share: Shares) -> PlainSet:
        return cls(ensemble.codes, np.concatenate([[0.0], np.cumsum(share[ensemble.codes])]))

    def mass(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes) -> Floats:
        return self.upto[end] - self.upto[start]

    def pick(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes, g: np.random.Generator) -> Codes:
        low, high = self.upto[start], self.upto[end]
        u = np.minimum(low + g.random(len(rows)) * (high - low), np.nextafter(high, -np.inf))
        return self.codes[np.searchsorted(self.upto, u, side="right") - 1].astype(np.int64)


@dataclass(frozen=True, eq=False)
class LineSet:
    """Codes of a number whose leaves hold lines, spikes and residuals: stretches of numbers, and spikes.

    Attributes
    ----------
    lines, atoms
    Z : float64 ndarray, shape (n, q)
        Predictors of the lines.
    counts : RangeCounts
        Over the ensemble's codes.
    spikes : int64 ndarray
        Places, among the ensemble's codes, of the spikes in the set.
    stretches : float64 ndarray, shape (r, 2)
        The numbers that belong to each run of neighbouring codes in the set.
    runs : int64 ndarray, shape (r, 2)
        First and last code of each run.
    """

    lines: Lines
    atoms: Atoms
    Z: Floats
    counts: RangeCounts
    spikes: Codes
    stretches: Floats
    runs: Codes

    @classmethod
    def of(cls, lines: Lines, atoms: Atoms, Z: Floats, counts: RangeCounts, share: Shares) -> LineSet:
        on = share[: len(atoms.values)] > 0
        edge = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(int)))
        runs = np.stack([edge[0::2], edge[1::2] - 1], axis=1)
        x = numbers(atoms, np.arange(len(atoms.values)))
        cuts = np.concatenate([[-np.inf], (x[:-1] + x[1:]) / 2, [np.inf]])
        return cls(
            lines, atoms, Z, counts, np.flatnonzero(share[lines.spikes] > 0),
            np.stack([cuts[runs[:, 0]], cuts[runs[:, 1] + 1]], axis=1), runs,
        )  # fmt: skip

    def _parts(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes) -> Iterator[tuple[str, int, Floats, Floats]]:
        """Yield ("spike", place, 0, values) and ("run", number, values below, values upto)."""
        for place in self.spikes:
            at = np.full(len(rows), place)
            yield "spike", int(place), np.zeros(len(rows)), (
                self.counts.below(at + 1, start, end) - self.counts.below(at, start, end)
            ).astype(float)  # fmt: skip
        if not len(self.runs):
            return
        mean, spread = self.lines.predict(self.Z[rows], leaf)
        for i, (low, high) in enumerate(self.stretches):
            below = self._upto((low - mean) / spread, start, end)
            yield "run", i, below, self._upto((high - mean) / spread, start, end)

    def _upto(self, residual: Floats, start: Codes, end: Codes) -> Floats:
        return _upto(self.lines, self.counts, residual, start, end)

    def mass(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes) -> Floats:
        total = np.zeros(len(rows))
        for _, _, below, upto in self._parts(rows, leaf, start, end):
            total += upto - below
        return total

    def pick(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes, g: np.random.Generator) -> Codes:
        total, out = np.zeros(len(rows)), np.zeros(len(rows), np.int64)
        chosen, at = np.full(len(rows), -1), np.zeros(len(rows))
        for kind, i, below, upto in self._parts(rows, leaf, start, end):
            total += upto - below
            take = g.random(len(rows)) * total < upto - below
            if kind == "spike":
                out[take], chosen[take] = self.lines.spikes[i], -1
            else:
                chosen[take] = i
                at[take] = (below + g.random(len(rows)) * (upto - below))[take]
        run = np.flatnonzero(chosen >= 0)
        if len(run):
            out[run] = self._number(rows[run], leaf[run], start[run], end[run], at[run], self.runs[chosen[run]])
        return out

    def _number(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes, at: Floats, run: Codes) -> Codes:
        """Return the code of the number whose residual has that rank in its node."""
        s, edges = len(self.lines.spikes), self.lines.residuals
        rank = np.clip(np.floor(at).astype(np.int64), 0, end - start - 1)
        code = np.clip(self.counts.smallest(rank, start, end), s, s + len(edges) - 2)
        first = self.counts.below(code, start, end)
        own = np.maximum(self.counts.below(code + 1, start, end) - first, 1)
        u = np.clip((at - first) / own, 0, 1)
        residual = edges[code - s] * (1 - u) + edges[code - s + 1] * u
        mean, spread = self.lines.predict(self.Z[rows], leaf)
        x = numbers(self.atoms, np.arange(len(self.atoms.values)))
        return np.clip(nearest(x, mean + spread * residual), run[:, 0], run[:, 1]).astype(np.int64)


@dataclass(frozen=True, eq=False)
class LinePoint:
    """For each row one given code of such a number: the stretch of numbers nearest to it, or its spike.

    A number that no line reaches keeps a little mass: where all else is given, it must not stop a draw.
    """

    lines: Lines
    atoms: Atoms
    Z: Floats
    counts: RangeCounts
    value: Codes

    def mass(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes) -> Floats:
        value, spikes = self.value[rows], self.lines.spikes
        x = numbers(self.atoms, np.arange(len(self.atoms.values)))
        cuts = np.concatenate([[-np.inf], (x[:-1] + x[1:]) / 2, [np.inf]])
        mean, spread = self.lines.predict(self.Z[rows], leaf)
        number = np.minimum(value, len(x) - 1)
        low, high = ((cuts[number + side] - mean) / spread for side in (0, 1))
        out = _upto(self.lines, self.counts, high, start, end) - _upto(self.lines, self.counts, low, start, end)
        is_spike = np.isin(value, spikes)
        if is_spike.any():
            place = np.searchsorted(spikes, value)
            held = self.counts.below(place + 1, start, end) - self.counts.below(place, start, end)
            out = np.where(is_spike, held, out)
        return np.maximum(out, _LITTLE)

    def pick(self, rows: Codes, leaf: Nodes, start: Codes, end: Codes, g: np.random.Generator) -> Codes:
        return self.value[rows]


def _upto(lines: Lines, counts: RangeCounts, residual: Floats, start: Codes, end: Codes) -> Floats:
    """Return how many residuals of a node lie below a bound; those of one code are spread evenly over it."""
    s, edges = len(lines.spikes), lines.residuals
    n = len(edges) - 1
    code = np.clip(np.searchsorted(edges, residual, side="right") - 1, 0, n - 1)
    width = edges[code + 1] - edges[code]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(width > 0, (residual - edges[code]) / width, residual > edges[code])
    part = np.clip(np.nan_to_num(part, posinf=1.0, neginf=0.0), 0, 1)
    first = counts.below(code + s, start, end)
    return first + part * (counts.below(code + s + 1, start, end) - first)
