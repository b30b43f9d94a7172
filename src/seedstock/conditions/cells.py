"""Texts and Python values as cells of a column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Dataset

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
    """Return a text or Python value as a number, boolean or time of a column."""
    schema, dtype = data.columns[name], learned(data, name).values.dtype
    text = str(value).strip()
    try:
        return _read(value, text, dtype, schema)
    except (ValueError, OverflowError):
        raise InputError(f"{text!r} is no value of column {name!r}, which holds {schema.dtype}") from None


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
        if schema.format:
            from datetime import datetime

            try:
                return np.datetime64(datetime.strptime(text, schema.format), "us")
            except ValueError:
                pass
        time = np.datetime64(text, "us")
        if np.isnat(time):
            raise ValueError
        return time
    if dtype.kind == "m":
        return np.timedelta64(round(float(text) * 1e6), "us")
    x = float(text.replace(",", ".")) if "," in (schema.format or "") else float(text)
    if np.isnan(x):
        raise ValueError
    if dtype.kind == "i":
        whole = int(text) if text.lstrip("+-").isdigit() else int(x)
        if whole != x and not text.lstrip("+-").isdigit():
            raise ValueError
        return whole
    return x
