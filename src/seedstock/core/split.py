"""Train and holdout: apart before anything is fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.links import family, units
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset, Table

_CHANCE = 0.05
"""Share of rows with an equal above which equal rows are taken for chance."""
_STRETCH = 12
"""Moments that are held out together at least, where the series is long enough."""
_MOST_STRETCHES = 5


def split(data: Dataset, holdout: float, rng: Rng) -> tuple[Dataset, Dataset]:
    """Part a data set's rows into train and holdout.

    Rows of one entity or group (the columns with those roles) stay on one side. So do equal rows where at most 5 %
    of the rows have an equal: there, a copy of a training row in the holdout would be a leak. In coarse tables equal
    rows are chance, and keeping them together would make the two sides unlike. With an order column and no entity,
    the holdout is still drawn at random, because a generator is asked for the whole period.

    Parameters
    ----------
    data : Dataset
        One table of at least two rows.
    holdout : float
        Share of the rows to hold out, above 0 and at most 0.5.

    Returns
    -------
    train, holdout : Dataset
        Rows keep their order.
    """
    if not 0 < holdout <= 0.5:
        raise InputError(f"the holdout's share must be above 0 and at most 0.5, not {holdout}")
    if data.domain == "linked":
        return _split_linked(data, holdout, rng)
    n = len(data.table)
    if n < 2:
        raise InputError(f"a holdout needs at least 2 rows, and there {'is' if n == 1 else 'are'} {n}; bring more rows")
    groups = unit_of_rows(data)
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        raise InputError("all rows belong to one unit (equal rows, or one entity): nothing can be held out")
    rows = _held(np.bincount(groups, minlength=n_groups), holdout, rng)[groups]
    return data.take(~rows), data.take(rows)


def split_by_time(data: Dataset, holdout: float, column: str) -> tuple[Dataset, Dataset]:
    """Part a data set so that the holdout is what came last: for generators that are asked for a course in time.

    Rows of one moment stay on one side. Parameters and errors are those of `split`; `column` holds the times.

    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> from seedstock.core.table import Column
    >>> schema = Schema({"t": TableSchema({"day": ColumnSchema("number", dtype="int64")})})
    >>> days = Dataset({"t": Table({"day": Column.of(np.array([3, 1, 2, 5, 4]))})}, schema)
    >>> split_by_time(days, 0.2, "day")[1].table["day"].values
    array([5])
    """
    if not 0 < holdout <= 0.5:
        raise InputError(f"the holdout's share must be above 0 and at most 0.5, not {holdout}")
    cells = data.table[column]
    if cells.missing.any():
        row = int(np.argmax(cells.missing))
        raise InputError(
            f"every row needs a time stamp, and that of row {row} in {column!r} is missing; fill or drop it"
        )
    times, moment = np.unique(cells.values, return_inverse=True)
    if len(times) < 2:
        raise InputError(f"all rows have one time in {column!r}: nothing comes last that could be held out")
    sizes = np.bincount(moment.reshape(-1))
    first = int(np.searchsorted(np.cumsum(sizes), (1 - holdout) * len(moment) + 1e-9, side="right"))
    rows = moment.reshape(-1) >= np.clip(first, 1, len(times) - 1)
    return data.take(~rows), data.take(rows)


def split_stretches(data: Dataset, holdout: float, rng: Rng) -> tuple[Dataset, Dataset]:
    """Part regular readings by whole stretches of time, spread over the span: never by single rows.

    Neighbours in time resemble each other, so that a single reading held out would be known from those beside it. All
    series are parted at the same moments. Both sides span the same time, so that real rows against real rows are a
    fair floor. The training rows' `origin` says which stretches were held out: they are no gaps of the real series.

    Raises
    ------
    InputError
        The rows are no regular readings.
    """
    from seedstock.core.regular import HELD, readings

    if not 0 < holdout <= 0.5:
        raise InputError(f"the holdout's share must be above 0 and at most 0.5, not {holdout}")
    found = readings(data)
    if found is None:
        raise InputError("the rows are no readings at regular times, so there are no stretches to hold out")
    span = int(found.moment.max()) + 1
    # In each group of stretches one is held out: few and long ones in short series.
    group = max(2, round(1 / holdout))
    groups = int(np.clip(span // (group * _STRETCH), 1, _MOST_STRETCHES))
    edges = np.linspace(0, span, groups * group + 1).round().astype(np.int64)
    which = np.arange(groups) * group + rng.child("split").generator().integers(group, size=groups)
    held = np.zeros(groups * group, bool)
    held[which] = True
    rows = held[np.searchsorted(edges, found.moment, side="right") - 1] & ~data.table[found.order].missing
    if rows.all() or not rows.any():
        raise InputError("all readings lie in one stretch of time: nothing can be held out")
    kind = found.steps
    stretches = [[float(t) for t in kind.ticks(np.array([edges[k], edges[k + 1] - 1]))] for k in which.tolist()]
    train = data.take(~rows)
    return replace(train, origin={**train.origin, HELD: stretches}), data.take(rows)


def _held(sizes: NDArray[np.int64], holdout: float, rng: Rng) -> NDArray[np.bool_]:
    """Return which of the units are held out: whole units until the share is reached, and at least one on each side."""
    order = rng.child("split").generator().permutation(len(sizes))
    n_held = int(np.clip(np.searchsorted(np.cumsum(sizes[order]), holdout * sizes.sum()) + 1, 1, len(sizes) - 1))
    held = np.zeros(len(sizes), bool)
    held[order[:n_held]] = True
    return held


def _split_linked(data: Dataset, holdout: float, rng: Rng) -> tuple[Dataset, Dataset]:
    """Part linked tables by units of the lead's tree: children go where their parents go.

    Tables that others refer to, and lists of codes, stand whole on both sides: else rows would lose what they refer to.
    """
    known = family(data)
    unit = units(data, known)
    # Units are counted by the rows of their roots, so that a few units with many children do not fill the holdout.
    n_units = 1 + max(int(u.max(initial=0)) for u in unit.values())
    sizes = np.zeros(n_units, np.int64)
    for root in known.divided:
        sizes += np.bincount(unit[root], minlength=n_units)
    if n_units < 2:
        raise InputError(f"all rows of {known.lead!r} hang together as one unit: nothing can be held out")
    held = _held(sizes, holdout, rng)
    for rows in unit.values():
        if len(rows) and held[rows].all():
            # All rows of a small table would be held out, and none learned: its first unit stays.
            held[rows[0]] = False
    sides = []
    for side in (~held, held):
        tables = {t: table.take(side[unit[t]]) if t in unit else table for t, table in data.tables.items()}
        sides.append(replace(data, tables=tables))
    return sides[0], sides[1]


def unit_of_rows(data: Dataset) -> NDArray[np.int64]:
    """Return for each row the number of the unit that must not be parted, shape (n,)."""
    names = data.columns.with_role("entity") or data.columns.with_role("group")
    table: Table = data.table
    if names:
        return row_codes(table.select(names))
    codes = row_codes(table.select([c for c in table if data.columns[c].kind != "id"] or table.names))
    sizes = np.bincount(codes)
    if sizes[sizes > 1].sum() > _CHANCE * len(codes):
        return np.arange(len(codes))
    return codes


def row_codes(table: Table) -> NDArray[np.int64]:
    """Return for each row a number that equal rows share, 0..k-1, shape (n,)."""
    codes = np.zeros(len(table), np.int64)
    for name in table:
        column, k = table[name].codes()
        # Compact after each column, or the product of cardinalities would overflow.
        codes = np.unique(codes * max(k, 1) + column, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return codes
