"""Columns on their way out: in the type that they arrived with, missing cells written as they were."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.sources.numbers import parse_numbers
from seedstock.sources.texts import cell_texts

TEXT_TYPES = ("string", "categorical")


@dataclass(frozen=True, eq=False)
class Outgoing:
    """One column in its outer type.

    Attributes
    ----------
    values : ndarray, shape (n,)
        Texts as Python strings (None where missing), all else as in `seedstock.core.table.Column`.
    missing : bool ndarray, shape (n,)
    dtype : str
        The outer type, in lower case where it is a type of numbers.
    nullable : bool
        Whether it arrived in one of pandas' types that have a missing value of their own.
    """

    values: NDArray[Any]
    missing: NDArray[np.bool_]
    dtype: str
    nullable: bool = False


def outgoing(column: Column, schema: ColumnSchema) -> Outgoing:
    """Return a column in its outer type; texts get the schema's token in missing cells.

    >>> schema = ColumnSchema("category", dtype="string", missing="?")
    >>> outgoing(Column.of_texts(["a", None]), schema).values.tolist()
    ['a', '?']
    """
    dtype, nullable = schema.dtype, False
    if dtype[:1].isupper() or dtype == "boolean":
        dtype, nullable = {"boolean": "bool"}.get(dtype, dtype.lower()), True
    if column.values.ndim > 1:
        return Outgoing(column.values, column.missing, "image")
    if dtype in TEXT_TYPES:
        return _texts(cell_texts(column, schema), schema.missing, dtype)
    if column.is_text:
        return _typed(column, schema, dtype, nullable)
    if column.values.dtype.kind == "f" and is_integer(dtype):
        whole = column.missing | (np.isfinite(column.values) & (column.values == np.floor(column.values)))
        if not whole.all():
            return Outgoing(column.values, column.missing, "float64")
        column = Column(np.where(column.missing, 0, column.values).astype(np.int64), column.missing)
    if is_integer(dtype) and not _fits(column, dtype):
        dtype = "int64"
    return Outgoing(column.values, column.missing, dtype, nullable)


def is_integer(dtype: str) -> bool:
    """Tell whether a dtype is one of whole numbers."""
    return re.fullmatch(r"u?int(8|16|32|64)", dtype) is not None


def _fits(column: Column, dtype: str) -> bool:
    info, here = np.iinfo(dtype), column.values[~column.missing]
    return not len(here) or (int(here.min()) >= info.min and int(here.max()) <= info.max)


def _texts(column: Column, token: str | None, dtype: str) -> Outgoing:
    values = column.texts()
    if token is None:
        return Outgoing(values, column.missing, dtype)
    values[column.missing] = token
    return Outgoing(values, np.zeros(len(column), bool), dtype)


def _typed(column: Column, schema: ColumnSchema, dtype: str, nullable: bool) -> Outgoing:
    """Return a category of numbers or booleans as these; texts that are none stay texts."""
    levels = [str(t) for t in column.levels] if column.levels is not None else []
    used = np.zeros(len(levels), bool)
    used[column.values[~column.missing]] = True
    if dtype == "bool" and all(t.casefold() in ("true", "false") for t, u in zip(levels, used, strict=True) if u):
        values: NDArray[Any] = np.array([t.casefold() == "true" for t in levels], bool)
    else:
        numbers = parse_numbers([t if u else "0" for t, u in zip(levels, used, strict=True)])
        if isinstance(numbers, str) or not (is_integer(dtype) or dtype.startswith(("float", "decimal"))):
            if not used.any():
                return Outgoing(
                    np.zeros(len(column), np.float64), column.missing, dtype if "int" in dtype else "float64"
                )
            return _texts(column, schema.missing, "string")
        values = numbers.values
    cells = values[np.where(column.missing, 0, column.values)] if len(values) else np.zeros(len(column))
    typed = Column(cells, column.missing)
    if is_integer(dtype) and (typed.values.dtype.kind != "i" or not _fits(typed, dtype)):
        dtype = "int64" if typed.values.dtype.kind == "i" else "float64"
    if dtype.startswith(("float", "decimal")):
        typed = Column(typed.values.astype(np.float64), typed.missing)
    return Outgoing(typed.values, typed.missing, dtype, nullable)
