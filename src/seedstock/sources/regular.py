"""Regular readings, known by their times: a table that is one series, or a few long ones, gets its roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from seedstock.core.regular import MOST_SERIES, Readings, numbers_of, place
from seedstock.core.schema import TableSchema
from seedstock.core.table import Dataset

LEAST = 50
"""Rows from which a table is taken for readings without being told so."""
_NAMES = ("time", "timestamp", "datetime", "date", "ts", "epoch", "unixtime", "unix_time")


def recognised(data: Dataset, said: Mapping[str, Any] | None = None) -> Dataset:
    """Return a data set whose columns of time and of series have their roles, where its rows are regular readings.

    That is: some numbers, and one column of times that go on at equal steps (or nearly so, with gaps), in order,
    one row at a time; or so within each of a few series that a column names. Nothing is done where a role of order or
    entity is given, or where the user has said anything about the roles of that column.

    Parameters
    ----------
    said : mapping or None
        Column -> roles, as the user gave them.
    """
    if len(data.tables) != 1 or len(data.table) < LEAST:
        return data
    columns, given = data.columns, said or {}
    if columns.with_role("order") or columns.with_role("entity") or columns.of_kind("image"):
        return data
    times = [c for c in _times(columns) if c not in given and c != columns.target]
    for time in times:
        entity, found = _series(data, time, [c for c in columns.columns if c not in given and c != columns.target])
        if found is None or not [c for c in numbers_of(columns) if c != time]:
            continue
        schema = columns.replace_column(time, roles=(*_other(columns, time, "key"), "order"))
        whose = ""
        if entity is not None:
            schema = schema.replace_column(entity, roles=(*schema[entity].roles, "entity"))
            whose = f" of each of {found.series} series in {entity!r}"
        note = (
            f"Rows are readings at regular times, one every {found.steps.text}{whose}: {time!r} is their order, and "
            f"they are learned as a series. Where they are none, give {time!r} no role, or take another generator."
        )
        tables = {**data.schema.tables, data.name: schema}
        return replace(data, schema=replace(data.schema, tables=tables), notes=(*data.notes, note))
    return data


def _times(columns: TableSchema) -> list[str]:
    """Return the columns that may be the time: dates, and numbers that are called so."""
    named = [c for c in columns.of_kind("number", "duration") if c.strip().lower() in _NAMES]
    return [*columns.of_kind("datetime"), *named]


def _other(columns: TableSchema, name: str, role: str) -> tuple[Any, ...]:
    return tuple(r for r in columns[name].roles if r != role)


def _series(data: Dataset, time: str, free: list[str]) -> tuple[str | None, Readings | None]:
    """Return the column that names the series (None for a single one) and the places of the rows, where there are."""
    table, width = data.table, len(data.columns.columns)
    times = table[time]
    if times.missing.any() or times.is_text:
        return None, None
    ticks = times.values.astype("i8") if times.values.dtype.kind in "mM" else times.values
    step = np.diff(ticks)
    if (step > 0).all() or (step < 0).all():
        return None, place(table, time, None, width)
    best: tuple[int, str | None, Readings | None] = (MOST_SERIES + 1, None, None)
    for name in free:
        if data.columns[name].kind not in ("category", "id", "number", "boolean") or name == time:
            continue
        codes, k = table[name].codes()
        if not 2 <= k < best[0] or table[name].missing.any() or data.columns[name].decimals not in (0, None):
            continue
        order = np.argsort(codes, kind="stable")
        inside = np.diff(codes[order]) == 0
        later = np.diff(ticks[order])[inside]
        if not ((later > 0).all() or (later < 0).all()):
            continue
        found = place(table, time, name, width)
        if found is not None:
            best = (k, name, found)
    return best[1], best[2]
