"""Train and holdout: apart before anything is fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset, Table

_CHANCE = 0.05
"""Share of rows with an equal above which equal rows are taken for chance."""


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
    n = len(data.table)
    if n < 2:
        raise InputError(f"a holdout needs at least 2 rows, and there {'is' if n == 1 else 'are'} {n}; bring more rows")
    groups = unit_of_rows(data)
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        raise InputError("all rows belong to one unit (equal rows, or one entity): nothing can be held out")
    order = rng.child("split").generator().permutation(n_groups)
    sizes = np.bincount(groups, minlength=n_groups)[order]
    # Whole units are taken until the share is reached, and at least one stays on each side.
    n_held = int(np.clip(np.searchsorted(np.cumsum(sizes), holdout * n) + 1, 1, n_groups - 1))
    held = np.zeros(n_groups, bool)
    held[order[:n_held]] = True
    rows = held[groups]
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
