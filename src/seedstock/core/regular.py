"""Readings at regular times: whether a table holds one such series, or a few long ones on one grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import TableSchema
from seedstock.core.steps import Moments, Steps
from seedstock.core.table import Dataset, Table

LEAST = 20
"""Readings that one series has at least."""
LEAST_OF_SEVERAL = 100
MOST_SERIES = 50
MOST_CHANNELS = 300
_TOGETHER = 0.9
_TWICE = 0.01
HELD = "held out"
"""Key of a data set's origin: from and to of the moments that were held out, so that they are not taken for gaps."""


@dataclass(frozen=True, eq=False)
class Readings:
    """Where the rows of a table lie: on which grid, at which moment, and in which series.

    Attributes
    ----------
    steps : Steps
    order : str
    entity : str or None
    moment : int64 ndarray, shape (n,)
        0 is the first one.
    owner : int64 ndarray, shape (n,)
        Number of the series, 0..series-1, in order of first appearance.
    series : int
    """

    steps: Steps
    order: str
    entity: str | None
    moment: Moments
    owner: NDArray[np.int64]
    series: int


def readings(data: Dataset) -> Readings | None:
    """Return the place of each row on the grid; None where the rows are no regular readings.

    The columns' roles say what the order is, and whose readings they are. Rows without a time do not count.
    """
    order, entity = data.columns.with_role("order"), data.columns.with_role("entity")
    if len(order) != 1 or len(entity) > 1 or not numbers_of(data.columns):
        return None
    return place(data.table, order[0], entity[0] if entity else None, len(data.columns.columns))


def numbers_of(schema: TableSchema) -> list[str]:
    """Return the columns that are readings: numbers and durations without the role of order or entity."""
    return [c for c in schema.of_kind("number", "duration") if not {"order", "entity"} & set(schema[c].roles)]


def place(table: Table, order: str, entity: str | None, width: int) -> Readings | None:
    """Return the place of each row on the grid of some columns' times; None where there is no such grid."""
    times = table[order]
    if times.is_text or times.values.dtype.kind not in "iufmM" or len(table) < LEAST:
        return None
    known = ~times.missing
    if known.mean() < 0.95:
        return None
    owner = np.zeros(len(table), np.int64)
    if entity is not None:
        codes, _ = table[entity].codes()
        _, first, owner = np.unique(codes, return_index=True, return_inverse=True)
        owner = np.argsort(np.argsort(first))[owner.reshape(-1)]
    sizes = np.bincount(owner[known])
    series = len(sizes)
    if series > 1 and (np.median(sizes) < LEAST_OF_SEVERAL or series > MOST_SERIES or series * width > MOST_CHANNELS):
        return None
    steps = Steps.find(times.values[known], owner[known])
    if steps is None:
        return None
    moment = np.zeros(len(table), np.int64)
    moment[known] = steps.index(times.values[known])
    span = int(moment.max()) + 1
    distinct = len(np.unique(moment[known] * series + owner[known]))
    if distinct < (1 - _TWICE) * known.sum() or distinct < LEAST:
        return None
    if series > 1:
        begin, end = np.full(series, span), np.full(series, -1)
        np.minimum.at(begin, owner[known], moment[known])
        np.maximum.at(end, owner[known], moment[known])
        if (end - begin + 1).min() < _TOGETHER * span:
            return None
    return Readings(steps, order, entity, moment, owner, series)
