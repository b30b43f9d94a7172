"""A tree of conditionals over bins: each column given its parent and, where that is affordable, the root.

Drawing with conditions is exact: messages go up the tree, and columns are drawn downwards (Pearl 1988, chapter 4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes
from seedstock.generators._dp_noise import Floats

Evidence = Mapping[str, Floats]
"""Column -> how much each of its k bins is allowed in each row, shape (n, k)."""


@dataclass(frozen=True, eq=False)
class Tree:
    """Conditionals in the order of drawing.

    Attributes
    ----------
    root : str or None
        The column that all tables are given as well; None in a tree of pairs.
    parents : mapping of str to (str or None)
        Each column's parent, in the order of drawing.
    tables : mapping of str to float64 ndarray, shape (r, p, k)
        P(column = k | root = r, parent = p); r is 1 without a root, p is 1 without a parent.
    """

    root: str | None
    parents: Mapping[str, str | None]
    tables: Mapping[str, Floats]

    @property
    def order(self) -> list[str]:
        return list(self.parents)

    def draw(self, n: int, rng: Rng, evidence: Evidence) -> tuple[dict[str, Codes], Floats]:
        """Return bins of n rows, and the probability of each row's evidence, shape (n,)."""
        messages = self._upwards(n, evidence) if evidence else {}
        out: dict[str, Codes] = {}
        total = np.ones(n)
        for name in self.order:
            table = self.tables[name]
            r = out[self.root] if self.root is not None and name != self.root else np.zeros(n, np.int64)
            parent = self.parents[name]
            p = out[parent] if parent is not None and parent != self.root else np.zeros(n, np.int64)
            u = rng.child(name).generator().random(n)
            if name not in messages:
                out[name] = _pick(table, r, p, u)
                continue
            weights = table[r, p] * messages[name][np.arange(n), r]
            sums = weights.sum(axis=1)
            if parent is None:
                total *= sums
            cumulative = np.cumsum(weights, axis=1)
            picked = (cumulative < u[:, None] * cumulative[:, -1:]).sum(axis=1)
            out[name] = np.minimum(picked, table.shape[2] - 1)
        return out, total

    def _upwards(self, n: int, evidence: Evidence) -> dict[str, Floats]:
        """Return for each column with evidence at or below it the likelihood of its bins, shape (n, r, k)."""
        messages: dict[str, Floats] = {}
        for name in reversed(self.order):
            rows = 1 if self.root is None or name == self.root else self.tables[self.root].shape[2]
            if name in evidence:
                own = np.repeat(evidence[name][:, None, :], rows, axis=1)
                messages[name] = own * messages[name] if name in messages else own
            parent = self.parents[name]
            if name not in messages or parent is None:
                continue
            # (n, r, k) and (r, p, k) give the message to the parent, (n, r, p).
            up = np.einsum("nrk,rpk->nrp", messages[name], self.tables[name], optimize=True)
            if parent == self.root:
                # The root's own bins are both the rows and the parents of the table.
                up = up[:, :, 0][:, None, :]
            messages[parent] = messages[parent] * up if parent in messages else up
        return messages

    def log_likelihood(self, codes: Mapping[str, Codes]) -> dict[str, Floats]:
        """Return the log-probability of each column's bins given the columns before it, each of shape (n,)."""
        out = {}
        n = len(next(iter(codes.values())))
        zero = np.zeros(n, np.int64)
        for name, parent in self.parents.items():
            r = codes[self.root] if self.root is not None and name != self.root else zero
            p = zero if parent is None or parent == self.root else codes[parent]
            out[name] = np.log(np.maximum(self.tables[name][r, p, codes[name]], 1e-300))
        return out


def _pick(table: Floats, r: Codes, p: Codes, u: Floats) -> Codes:
    """Draw from rows of a table by one search over all of its cumulative probabilities."""
    k = table.shape[2]
    flat = table.reshape(-1, k)
    cumulative = np.cumsum(flat, axis=1)
    cumulative /= cumulative[:, -1:]
    row = r * table.shape[1] + p
    at = np.searchsorted((cumulative + np.arange(len(flat))[:, None]).reshape(-1), row + u, side="right")
    return np.clip(at - row * k, 0, k - 1)


def project(values: NDArray[np.floating], total: float) -> Floats:
    """Return the nearest non-negative numbers that sum to a total: shifted by one constant and cut at 0.

    >>> project(np.array([3.0, 1.0, -1.0]), 4.0).tolist()
    [3.0, 1.0, 0.0]
    """
    flat = np.asarray(values, float).reshape(-1)
    total = max(float(total), 1.0)
    order = np.sort(flat)[::-1]
    shifts = (np.cumsum(order) - total) / np.arange(1, len(flat) + 1)
    last = int(np.flatnonzero(order > shifts)[-1])
    return np.maximum(flat - shifts[last], 0.0).reshape(np.shape(values))


def fitted_to(table: Floats, margins: list[tuple[tuple[int, ...], Floats]], rounds: int = 30) -> Floats:
    """Return a table with these margins: iterative proportional fitting (Deming and Stephan 1940).

    Parameters
    ----------
    margins : list of (axes, ndarray)
        The axes that are kept, and the sums over all others.
    """
    out = table + 1e-9 * max(table.sum(), 1.0) / table.size
    for _ in range(rounds):
        for axes, margin in margins:
            others = tuple(i for i in range(table.ndim) if i not in axes)
            now = out.sum(axis=others, keepdims=True)
            shape = [table.shape[i] if i in axes else 1 for i in range(table.ndim)]
            out = out * (margin.reshape(shape) / np.maximum(now, 1e-300))
    return out
