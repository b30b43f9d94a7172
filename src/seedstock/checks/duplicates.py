"""Exact duplicates: rows equal after normalisation, where chance does not make equal rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import Hashes, compared, counted, hash_table
from seedstock.checks._chance import odd_rows
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

NAME = "duplicates"


@dataclass(frozen=True)
class Duplicates:
    """Finds rows that repeat an earlier row.

    Case, width and white space of texts are ignored; identifiers are not compared, but where they repeat as well,
    the copy is certain. In a coarse table equal rows are ordinary observations: they are reported only where they
    are far more than the table's own variety would give (`seedstock.checks._chance`).

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> from seedstock.core.table import Column, Table
    >>> x = np.random.default_rng(0).normal(size=(50, 2))[[*range(50), 7]]
    >>> table = Table({"a": Column.of(x[:, 0]), "b": Column.of(x[:, 1])})
    >>> schema = Schema({"t": TableSchema({c: ColumnSchema("number", dtype="float64") for c in "ab"})})
    >>> Duplicates()(Dataset({"t": table}, schema), Rng(0))[0].rows
    (50,)
    """

    false_alarms: ClassVar[float] = 0.01
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding with all rows that repeat an earlier one."""
        names = compared(data)
        n = len(data.table)
        if n < 2 or not names:
            return []
        cells = hash_table(data.table, names)
        keys = _rows(cells)
        ids = [c for c in data.columns.of_kind("id") if not data.table[c].missing.all()]
        certain = repeats(keys + _rows(hash_table(data.table, ids))) if ids else np.zeros(n, bool)
        extra = repeats(keys)
        odd, chance = odd_rows(cells)
        extra = (extra & odd) | certain
        if not extra.any():
            return []
        rows = np.flatnonzero(extra)
        confidence = 1.0 if certain.all() else float(np.clip(max(chance.excess, certain[rows].mean()), 0.5, 0.999))
        share = len(rows) / n
        with_ids = f", {counted(int(certain.sum()), 'row')} of them with the identifier" if certain.any() else ""
        expected = "less than one" if chance.expected < 1 else f"about {chance.expected:,.0f}"
        basis = f"; chance would give {expected} such pair" if np.isfinite(chance.expected) else ""
        message = f"{counted(len(rows), 'row')} ({share:.2%}) repeat an earlier row{with_ids}{basis}."
        edits = tuple(
            Edit(data.name, int(r), None, None, None, NAME, confidence, True, "repeats an earlier row") for r in rows
        )
        return [
            Finding(
                NAME,
                data.name,
                None,
                tuple(rows.tolist()),
                "high" if share >= 0.005 else "medium",
                confidence,
                message,
                "Remove the repeats; the first of each stays.",
                edits,
                {"pairs": chance.pairs, "chance_pairs": chance.expected if np.isfinite(chance.expected) else None},
            )
        ]


def repeats(keys: Hashes) -> NDArray[np.bool_]:
    """Return which keys occurred before, shape (n,)."""
    _, first = np.unique(keys, return_index=True)
    out = np.ones(len(keys), bool)
    out[first] = False
    return out


def _rows(cells: Hashes) -> Hashes:
    with np.errstate(over="ignore"):
        return np.asarray(cells.sum(axis=1, dtype=np.uint64))


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Overwrite a share of the rows with copies of earlier ones."""
    n = len(data.table)
    k = max(1, round(share * n))
    if n < 2 * k + 2:
        return data, None
    pairs = np.sort(rng.generator().permutation(n)[: 2 * k].reshape(k, 2), axis=1)
    index = np.arange(n)
    index[pairs[:, 1]] = pairs[:, 0]
    return data.take(index), np.sort(pairs[:, 1])


CHECK = Duplicates
SOURCE = "Equal rows against pairs that differ in one column: seedstock.checks._chance; keyed 64-bit row hashes."
