"""Sequences as measures see them: events sorted by entity and time, and rows whose time is the gap before them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence
from seedstock.core.schema import ColumnSchema, Schema
from seedstock.core.split import row_codes
from seedstock.core.table import Column, Dataset, Table

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
GAP = "time since the event before"


@dataclass(frozen=True, eq=False)
class Events:
    """The rows of a data set, sequence after sequence, each in order of time.

    Attributes
    ----------
    table : Table
        n rows.
    owner : int64 ndarray, shape (n,)
        Number of the sequence.
    times : float64 ndarray, shape (n,)
        Microseconds, or the order's own unit.
    first : bool ndarray, shape (n,)
        True where a sequence begins.
    is_time : bool
        Whether the order is a date and time.
    """

    table: Table
    owner: Ints
    times: Floats
    first: NDArray[np.bool_]
    is_time: bool

    @classmethod
    def of(cls, data: Dataset) -> Events:
        """Sort a data set's rows; those without a time are left out."""
        order, entity = data.columns.with_role("order")[0], data.columns.with_role("entity")
        table = data.table.take(~data.table[order].missing)
        values = table[order].values
        times = (values.astype("i8") if values.dtype.kind in "mM" else values).astype(np.float64)
        owner = row_codes(table.select(entity)) if entity else np.zeros(len(table), np.int64)
        rows = np.lexsort((np.arange(len(times)), times, owner))
        owner = owner[rows]
        first = np.r_[True, owner[1:] != owner[:-1]] if len(owner) else np.zeros(0, bool)
        return cls(table.take(rows), owner, times[rows], first, values.dtype.kind == "M")

    @property
    def gaps(self) -> Floats:
        """Return the time since the event before of the same sequence; NaN for its first one, shape (n,)."""
        return np.where(self.first, np.nan, np.diff(self.times, prepend=self.times[:1]))

    @property
    def lengths(self) -> Ints:
        """Return the number of events of each sequence."""
        return np.diff(np.r_[np.flatnonzero(self.first), len(self.owner)])


def as_rows(evidence: Evidence) -> Evidence:
    """Return sequences as rows on their own: whose they are is left out, and their time is the gap before them.

    By the time itself a row would give away its sequence, and every sequence is at a time of its own.
    """
    return Evidence(*(_rows(d) for d in (evidence.train, evidence.holdout, evidence.synthetic)))


def _rows(data: Dataset) -> Dataset:
    events = Events.of(data)
    schema = data.columns
    roles = {*schema.with_role("order"), *schema.with_role("entity")}
    kept = [c for c in events.table if c not in roles]
    columns: dict[str, Column] = {c: events.table[c] for c in kept}
    columns[GAP] = Column.of(events.gaps, events.first)
    own = {c: schema[c] for c in kept} | {GAP: ColumnSchema("number", dtype="float64")}
    return Dataset(
        {data.name: Table(columns, len(events.owner))},
        Schema({data.name: replace(schema, columns=own, rules=(), veto=())}),
    )
