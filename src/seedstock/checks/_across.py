"""What nearly stands on both sides of a split: rows alike up to noise, and identifiers that are things of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import hash_cells, present_levels
from seedstock.checks.near_duplicates import near_pairs
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

MOST_ROWS = 1_000_000
"""Rows of both sides together beyond which near rows are looked for in a sample of each."""
_OFTEN = 0.3


@dataclass(frozen=True)
class NearAcross:
    """Rows with a near-same row on the other side.

    Attributes
    ----------
    rows : int64 ndarray, shape (m,)
        Rows of the first side.
    pairs : int64 ndarray, shape (p, 2)
        Row of the first side, row of the second; most alike first.
    agree : float
        Median share of the columns in which they agree.
    copies : bool
        Whether most pairs differ in one column at most; else they are rather how these rows are.
    looked_at : int
        Rows of the first side that were looked at.
    """

    rows: NDArray[np.int64]
    pairs: NDArray[np.int64]
    agree: float
    copies: bool
    looked_at: int


def near_across(train: Dataset, holdout: Dataset, names: list[str], rng: Rng) -> NearAcross | None:
    """Return the rows of `train` that nearly repeat one of `holdout`, or None where there are none.

    Both sides are laid one behind the other, and the pairs that `near_duplicates` finds are kept where they cross.
    Where rows are as near to others of their own side, nearness is how these rows are, and no leak.
    """
    names = [c for c in names if train.table[c].is_text == holdout.table[c].is_text and _flat(train, holdout, c)]
    total = len(train.table) + len(holdout.table)
    parts = []
    for side, part in (("first", train), ("second", holdout)):
        n = len(part.table)
        most = max(1, int(MOST_ROWS * n / max(total, 1)))
        g = rng.child(side).generator()
        parts.append(np.arange(n) if total <= MOST_ROWS else np.sort(g.choice(n, min(most, n), replace=False)))
    first, second = parts
    if len(names) < 2 or not len(first) or not len(second):
        return None
    tables = [Table({c: d.table[c].take(rows) for c in names}) for d, rows in ((train, first), (holdout, second))]
    schema = Schema({train.name: TableSchema({c: train.columns[c] for c in names})})
    both = Dataset({train.name: Table.concat(tables)}, schema)
    found = near_pairs(both, rng.child("near"))
    if found is None:
        return None
    pairs, agree, n_views = found
    crossing = (pairs[:, 0] < len(first)) & (pairs[:, 1] >= len(first))
    if not crossing.any():
        return None
    here = np.unique(pairs[crossing, 0])
    # Near to rows of its own side as well, and many of them: how these rows are.
    own = np.unique(pairs[pairs[:, 1] < len(first)])
    if len(here) > _OFTEN * len(first) and len(own) > _OFTEN * len(here):
        return None
    shown = np.column_stack([first[pairs[crossing, 0]], second[pairs[crossing, 1] - len(first)]])
    middle = float(np.median(agree[crossing]))
    return NearAcross(first[here], shown, middle, middle >= 1 - 1.5 / n_views, len(first))


def _flat(train: Dataset, holdout: Dataset, name: str) -> bool:
    a, b = train.table[name], holdout.table[name]
    return a.is_text or (a.values.ndim == 1 and a.values.dtype.kind in "bif" and b.values.dtype.kind in "bif") or (
        a.values.dtype == b.values.dtype
    )  # fmt: skip


def shared_things(train: Dataset, holdout: Dataset) -> list[tuple[str, NDArray[np.bool_], int]]:
    """Return identifiers without a role whose values stand on both sides: (column, rows of `train`, number of values).

    A counter that starts anew in each file says nothing; a thing that returns within a side, or a number that nobody
    counts up to, is the same thing on the other side.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema
    >>> def side(ids):
    ...     return Dataset(
    ...         {"t": Table({"k": Column.of_texts(ids)})}, Schema({"t": TableSchema({"k": ColumnSchema("id")})})
    ...     )
    >>> [c for c, _, _ in shared_things(side(["c9731", "c2214", "c5518"]), side(["c2214", "c8630"]))]
    ['k']
    >>> shared_things(side(["r1", "r2", "r3"]), side(["r1", "r2"]))
    []
    """
    out = []
    for name in train.columns.of_kind("id"):
        if name not in holdout.table or {"entity", "group"} & set(train.columns[name].roles):
            continue
        a, b = train.table[name], holdout.table[name]
        if _counter(a) and _counter(b):
            continue
        both = np.isin(hash_cells(a), hash_cells(b)) & ~a.missing
        if both.any():
            out.append((name, both, len(np.unique(hash_cells(a)[both]))))
    return out


def _counter(column: Column) -> bool:
    """Tell whether an identifier counts rows: nearly all numbers from its least to its greatest, once each."""
    known = ~column.missing
    if column.is_text:
        levels, counts, _ = present_levels(column)
        if not len(levels) or counts.max() > 1:
            return False
        digits = [re.sub(r"\D", "", t[:60])[-15:] for t in levels]
        if not all(digits):
            return False
        x = np.array([float(d) for d in digits])
    elif column.values.ndim == 1 and column.values.dtype.kind in "if":
        x = column.values[known].astype(np.float64)
    else:
        return False
    return bool(len(x) and len(np.unique(x)) == len(x) and x.max() - x.min() < 1.5 * len(x) + 1)
