"""A column by its values alone: keyed hashes of a few of them and their shares, so that it is known by another name.

The smallest hashes are kept (bottom-k, Cohen and Kaplan 2007), with how often their values occur. Two columns are
alike by how much of one's kept values the other has, and how alike the shares of these are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Table
from seedstock.provenance.cells import Hash, cell_codes

KEPT = 64
ENOUGH = 0.6
"""Columns that are at least so alike may be one."""
_FEW_ROWS = 1 << 15


@dataclass
class Values:
    """The values of one column, taken chunk by chunk.

    Attributes
    ----------
    hashes : uint64 ndarray, ascending
        At most `KEPT`.
    counts : float64 ndarray
        How often each occurs.
    rows : int
    """

    key: bytes
    hashes: Hash = field(default_factory=lambda: np.empty(0, np.uint64))
    counts: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    rows: int = 0

    def add(self, column: Column, schema: ColumnSchema) -> Values:
        """Take the next cells."""
        n = len(column)
        self.rows += n
        full = len(self.hashes) == KEPT
        if column.levels is not None and len(column.levels) <= n:
            present = np.bincount(column.values[~column.missing], minlength=len(column.levels))
            levels = Column(np.arange(len(column.levels), dtype=np.int32), np.zeros(len(present), bool), column.levels)
            codes = cell_codes(levels, schema, "", self.key, "exact")
            missing = cell_codes(_one_missing(column), schema, "", self.key, "exact")
            counts = np.append(present, column.missing.sum()).astype(float)
            self._take(np.append(codes, missing)[counts > 0], counts[counts > 0])
            return self
        step = 1 if full else max(1, n // _FEW_ROWS)
        if step > 1:
            # A few rows tell the values of a column that has few; one that has many is looked at in full below.
            few = Values(self.key).add(column.take(slice(0, n, step)), schema)
            if len(few.hashes) < KEPT:
                self._take(few.hashes, few.counts * (n / few.rows))
                return self
        h = cell_codes(column, schema, "", self.key, "exact")
        if full:
            h = h[h <= self.hashes[-1]]
        elif step > 1:
            h = h[h <= few.hashes[-1]]
        found, counts = np.unique(h, return_counts=True)
        self._take(found, counts.astype(float))
        return self

    def _take(self, hashes: Hash, counts: NDArray[np.float64]) -> None:
        both, place = np.unique(np.concatenate([self.hashes, hashes]), return_inverse=True)
        summed = np.bincount(place.reshape(-1), np.concatenate([self.counts, counts]))
        self.hashes, self.counts = both[:KEPT], summed[:KEPT]


def values_of(table: Table, schemas: Mapping[str, ColumnSchema], key: bytes) -> dict[str, Values]:
    """Return what is kept of each column of an expanded table."""
    return {c: Values(key).add(table[c], schemas[c]) for c in table}


def alike(a: Values, b: Values) -> float:
    """Return how alike two columns are, 0 to 1: 1 for a column and any part of its rows that holds its values.

    >>> made = [Values(b"k").add(Column.of(x), ColumnSchema("number")) for x in (np.arange(9), np.arange(9) + 9)]
    >>> alike(made[0], made[0]), alike(*made)
    (1.0, 0.0)
    """
    # Below the last hash that both would have kept, both lists are complete.
    ends = [v.hashes[-1] for v in (a, b) if len(v.hashes) == KEPT]
    x, y = (v.hashes <= min(ends) if ends else np.ones(len(v.hashes), bool) for v in (a, b))
    if not x.any() or not y.any():
        return 0.0
    common, i, j = np.intersect1d(a.hashes[x], b.hashes[y], assume_unique=True, return_indices=True)
    p, q = a.counts[x] / a.counts[x].sum(), b.counts[y] / b.counts[y].sum()
    contained = max(len(common) / x.sum(), len(common) / y.sum())
    return float(contained * (1 + np.minimum(p[i], q[j]).sum()) / 2)


def renamed(mine: Mapping[str, Values], theirs: Mapping[str, Values]) -> dict[str, str]:
    """Return which of these columns are which of those, by their values, one to one; those that are like none lack."""
    names, others = sorted(mine), sorted(theirs)
    if not names or not others:
        return {}
    score = np.array([[alike(mine[a], theirs[b]) for b in others] for a in names])
    rows, columns = linear_sum_assignment(-score)
    return {names[r]: others[c] for r, c in zip(rows, columns, strict=True) if score[r, c] >= ENOUGH}


def packed(values: Mapping[str, Values]) -> tuple[dict[str, NDArray[np.generic]], dict[str, list[int]]]:
    """Return what a sketch holds of these: two arrays, and each column's place in them with its number of rows."""
    hashes: Sequence[Hash] = [v.hashes for v in values.values()] or [np.empty(0, np.uint64)]
    counts = [v.counts for v in values.values()] or [np.empty(0)]
    ends = np.cumsum([len(v.hashes) for v in values.values()]).tolist()
    places = {name: [end - len(v.hashes), end, v.rows] for (name, v), end in zip(values.items(), ends, strict=True)}
    return {"values": np.concatenate(hashes), "value_counts": np.concatenate(counts)}, places


def unpacked(arrays: Mapping[str, NDArray[np.generic]], places: Mapping[str, Sequence[int]]) -> dict[str, Values]:
    """Return what `packed` put into a sketch."""
    if "values" not in arrays:
        return {}
    out = {}
    for name, (start, end, rows) in places.items():
        hashes = np.asarray(arrays["values"][start:end], np.uint64)
        out[name] = Values(b"", hashes, np.asarray(arrays["value_counts"][start:end], np.float64), rows)
    return out


def _one_missing(column: Column) -> Column:
    return Column(column.values[:1] if len(column) else np.zeros(1, np.int32), np.ones(1, bool), column.levels)
