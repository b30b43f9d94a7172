"""Regular series as measures see them: numbers on one grid, and windows of it as sequences of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.regular import numbers_of, readings
from seedstock.core.results import Evidence
from seedstock.core.schema import ColumnSchema, Schema
from seedstock.core.split import row_codes
from seedstock.core.steps import Steps
from seedstock.core.table import Column, Dataset
from seedstock.metrics._events import GAP, as_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOW = "window"
_WINDOWS = 64
_SHORTEST, _LONGEST = 8, 256


@dataclass(frozen=True, eq=False)
class Grid:
    """Numbers of S series at T moments of the real rows' grid.

    Attributes
    ----------
    steps : Steps
    values : mapping of str to float64 ndarray, shape (T, S)
        NaN where there is no reading.
    first : int
        The grid's number of the first moment.
    row : int64 ndarray, shape (T, S)
        Row of the table; -1 where there is none.
    """

    steps: Steps
    values: dict[str, Floats]
    first: int
    row: Ints

    @classmethod
    def of(cls, data: Dataset, steps: Steps, order: str, entity: str | None) -> Grid:
        """Lay a data set's rows on a grid; of two rows at one moment the first one stays."""
        table = data.table.take(~data.table[order].missing)
        owner = row_codes(table.select([entity])) if entity else np.zeros(len(table), np.int64)
        k = steps.index(table[order].values)
        first = int(k.min(initial=0))
        span = int(k.max(initial=first)) - first + 1
        if span > 200 * max(len(table), 1):  # rows of another time altogether
            k, first, span = np.arange(len(table)), 0, len(table)
        row = np.full((max(span, 1), int(owner.max(initial=0)) + 1), -1, np.int64)
        back = np.arange(len(table))[::-1]
        row[k[back] - first, owner[back]] = back
        values = {}
        for name in numbers_of(data.columns):
            cells = table[name]
            x = cells.values.astype("i8") if cells.values.dtype.kind == "m" else cells.values
            x = np.where(cells.missing | ~np.isfinite(x.astype(float)), np.nan, x.astype(float))
            values[name] = np.where(row >= 0, x[row], np.nan) if len(x) else np.full(row.shape, np.nan)
        return cls(steps, values, first, row)

    @property
    def moments(self) -> Ints:
        """Return the grid's numbers of the T moments."""
        return self.first + np.arange(len(self.row))


def grids(evidence: Evidence) -> tuple[Grid, Grid, Grid] | None:
    """Return training, held-out and synthetic readings on the training rows' grid; None where they have none."""
    found = readings(evidence.train)
    if found is None:
        return None
    sides = (evidence.train, evidence.holdout, evidence.synthetic)
    train, held, drawn = (Grid.of(d, found.steps, found.order, found.entity) for d in sides)
    return train, held, drawn


def as_readings(evidence: Evidence) -> Evidence:
    """Return readings as rows on their own, without their time; the gap before each counts where gaps differ.

    What was held out in between is no gap.
    """
    rows = as_rows(as_windows(evidence, whole=False))
    known = rows.train.table[GAP]
    if len(np.unique(known.values[~known.missing])) > 1:
        return rows
    return Evidence(*(_without(d, GAP) for d in (rows.train, rows.holdout, rows.synthetic)))


def _without(data: Dataset, name: str) -> Dataset:
    columns = {c: s for c, s in data.columns.columns.items() if c != name}
    schema = Schema({data.name: replace(data.columns, columns=columns)})
    return Dataset({data.name: data.table.select(list(columns))}, schema)


def as_windows(evidence: Evidence, whole: bool = True) -> Evidence:
    """Return readings as many short sequences: windows of moments on end, none of which spans a gap as long as itself.

    Windows do not overlap. They are so long that about 64 of them are held out, between 8 and 256 moments. Those with
    fewer than half of their readings are left out, if only `whole` ones are wanted.
    """
    found = readings(evidence.train)
    if found is None:
        return evidence
    series = max(found.series, 1)
    length = int(np.clip(len(evidence.holdout.table) // series // max(_WINDOWS // series, 1), _SHORTEST, _LONGEST))
    sides = (evidence.train, evidence.holdout, evidence.synthetic)
    return Evidence(*(_windows(d, found.steps, found.order, found.entity, length, whole) for d in sides))


def _windows(data: Dataset, steps: Steps, order: str, entity: str | None, length: int, whole: bool) -> Dataset:
    table = data.table.take(~data.table[order].missing)
    owner = row_codes(table.select([entity])) if entity else np.zeros(len(table), np.int64)
    k = steps.index(table[order].values)
    rows = np.lexsort((np.arange(len(k)), k, owner))
    table, owner, k = table.take(rows), owner[rows], k[rows]
    n = len(k)
    new = np.r_[True, (owner[1:] != owner[:-1]) | (np.diff(k) > length)][:n]
    begin = k[np.maximum.accumulate(np.where(new, np.arange(n), 0))] if n else k
    place = (k - begin) // length
    change = new | np.r_[True, np.diff(place) != 0][:n]
    window = np.cumsum(change) - 1
    sizes = np.bincount(window, minlength=1)
    keep = sizes[window] >= (length / 2 if whole else 0) if n else np.zeros(0, bool)
    columns = {c: table[c] for c in table if c != entity} | {WINDOW: Column.of(window)}
    schema = {c: s for c, s in data.columns.columns.items() if c != entity}
    schema |= {WINDOW: ColumnSchema("id", ("entity",), dtype="int64")}
    own = replace(data.columns, columns=schema, rules=(), veto=())
    made = replace(table, columns=columns).take(keep)
    return Dataset({data.name: made}, Schema({data.name: own}))
