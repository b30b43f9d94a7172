"""Texts and Python values as cells of a column."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Dataset
from seedstock.core.zones import in_utc, unit_and_zone
from seedstock.sources.dates import parse_times

_EXAMPLES = {"M": "2024-12-31 or 2024-12-31 23:59:00", "m": "22:15:00, 2 days 03:00:00 or a number of seconds"}
TRUE, FALSE = ("true", "yes", "1", "t", "y"), ("false", "no", "0", "f", "n")


def learned(data: Dataset, name: str) -> Column:
    """Return a column that can have conditions; an `InputError` where it is never learned."""
    schema, column = data.columns[name], data.table[name]
    if schema.kind in ("id", "image", "text"):
        raise InputError(f"column {name!r} is of kind {schema.kind}, which is never learned; it cannot be a condition")
    return column


def cells(data: Dataset, name: str, values: Sequence[Any]) -> Column:
    """Return texts or Python values as cells of a column, none of them missing."""
    column = learned(data, name)
    if column.is_text:
        return Column.of_texts([str(v) for v in values])
    return Column.of(np.array([number(data, name, v) for v in values], dtype=column.values.dtype))


def number(data: Dataset, name: str, value: Any) -> Any:
    """Return a text or Python value as a number, boolean or time of a column.

    Times are read in the column's own form or ISO's, and without a zone they are in the column's; durations are times
    of day, ``2 days 03:00:00``, or seconds.
    """
    schema, dtype = data.columns[name], learned(data, name).values.dtype
    text = str(value).strip()
    try:
        return _read(value, text, dtype, schema)
    except InputError:
        raise
    except (ValueError, OverflowError):
        form = f", such as {_EXAMPLES[dtype.kind]}" if dtype.kind in _EXAMPLES else ""
        form = f", in the form {schema.format}" if schema.format and dtype.kind in "mM" else form
        raise InputError(f"{text!r} is no value of column {name!r}, which holds {schema.dtype}{form}") from None


def _read(value: Any, text: str, dtype: np.dtype[Any], schema: ColumnSchema) -> Any:
    if dtype.kind == "b":
        if isinstance(value, bool | np.bool_):
            return bool(value)
        own = schema.format.split("/") if schema.format and schema.format.count("/") == 1 else None
        if own and text in own:
            return text == own[1]
        if text.lower() in TRUE + FALSE:
            return text.lower() in TRUE
        raise ValueError
    if dtype.kind == "M":
        return _moment(text, schema)
    if dtype.kind == "m":
        return _span(value, text)
    x = float(text.replace(",", ".")) if "," in (schema.format or "") else float(text)
    if np.isnan(x):
        raise ValueError
    if dtype.kind == "i":
        whole = int(text) if text.lstrip("+-").isdigit() else int(x)
        if whole != x and not text.lstrip("+-").isdigit():
            raise ValueError
        return whole
    return x


def _moment(text: str, schema: ColumnSchema) -> np.datetime64:
    found = parse_times([text], schema.format)
    if found is not None and found.values.dtype.kind == "M":
        times, own = found.values, unit_and_zone(found.dtype)[1]
    else:
        times, own = np.array([text], "M8[us]"), None
    if np.isnat(times[0]):
        raise ValueError
    zone = unit_and_zone(schema.dtype)[1]
    return np.datetime64((in_utc(times, zone) if zone and not own else times)[0], "us")


def _span(value: Any, text: str) -> np.timedelta64:
    if isinstance(value, timedelta | np.timedelta64):
        span = np.timedelta64(value, "us")
        if np.isnat(span):
            raise ValueError
        return span
    found = parse_times([text])
    if found is not None and found.values.dtype.kind == "m":
        return np.timedelta64(found.values[0], "us")
    return np.timedelta64(round(float(text) * 1e6), "us")
