"""A column brought to the form that a schema asks for, so that train, holdout and synthetic rows compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.core.zones import in_utc, unit_and_zone
from seedstock.sources._raw import MISSING_TOKENS, WEAK_TOKENS, Raw, compact, relabel, spread
from seedstock.sources.dates import parse_times
from seedstock.sources.infer import stripped
from seedstock.sources.numbers import parse_numbers
from seedstock.sources.outgoing import is_integer
from seedstock.sources.texts import cell_texts

_FALSE = frozenset({"false", "no", "f", "n", "0", "0.0"})
_TRUE = frozenset({"true", "yes", "t", "y", "1", "1.0"})


def conform(raw: Raw, want: ColumnSchema, name: str) -> Column:
    """Return a column in the form of a schema.

    Raises
    ------
    InputError
        Names the column, the row (counted from 1) and the value of the first cell that does not fit.
    """
    column = raw.column
    if want.kind == "image" or column.values.ndim > 1:
        if want.kind != "image" or column.values.ndim == 1:
            raise InputError(f"column {name!r} holds no {want.kind}; the schema asks for one")
        return column
    holds = storage(want)
    if column.is_text:
        column, _ = stripped(compact(column))
        return _from_texts(column, want, holds, name)
    have = column.values.dtype.kind
    if holds == "text":
        return cell_texts(column, ColumnSchema("category", dtype=raw.dtype, format=raw.format))
    if holds == "number" and have in "if":
        return _numbers(column, want, name)
    if (holds == "boolean" and have == "b") or (holds == "time" and have == ("M" if want.kind == "datetime" else "m")):
        return column
    if holds == "number" and have == "b":
        return _numbers(Column(column.values.astype(np.int64), column.missing), want, name)
    if holds == "boolean" and have in "if":
        good = (column.values == 0) | (column.values == 1) | column.missing
        _must(good, column, name, "no boolean (0 or 1)")
        return Column(column.values == 1, column.missing)
    if not column.missing.all():
        _must(column.missing, column, name, f"no {want.kind}")
    return Column(np.zeros(len(column), empty_values(want).dtype), column.missing)


def storage(schema: ColumnSchema) -> str:
    """Return how a kind is held: ``text``, ``number``, ``boolean`` or ``time``."""
    if schema.kind in ("datetime", "duration"):
        return "time"
    if schema.kind == "id":
        return "number" if is_whole(schema) else "text"
    return schema.kind if schema.kind in ("number", "boolean") else "text"


def is_whole(schema: ColumnSchema) -> bool:
    """Tell whether numbers of this schema are held as int64; texts with exponents or infinities have a format."""
    written = schema.dtype == "string" and schema.decimals == 0 and not set(schema.format or "") & {"e", "#"}
    return "int" in schema.dtype.lower() or (schema.kind == "number" and written)


def empty_values(schema: ColumnSchema) -> NDArray[np.generic]:
    """Return an empty array of the type in which columns of this schema are held."""
    holds = storage(schema)
    if holds == "text":
        return np.empty(0, np.int32)
    if holds == "boolean":
        return np.empty(0, bool)
    if holds == "number":
        return np.empty(0, np.int64 if is_whole(schema) else np.float64)
    return np.empty(0, "M8[us]" if schema.kind == "datetime" else "m8[us]")


def _from_texts(column: Column, want: ColumnSchema, holds: str, name: str) -> Column:
    levels = column.levels if column.levels is not None else np.empty(0, object)
    tokens = MISSING_TOKENS if holds == "text" else MISSING_TOKENS | WEAK_TOKENS
    if want.missing is not None:
        tokens = tokens | {want.missing}
    column = relabel(column, [None if str(t).strip() in tokens else str(t) for t in levels])
    levels = column.levels if column.levels is not None else np.empty(0, object)
    if holds == "text":
        return column
    texts = [t.strip() for t in levels]
    if not texts:
        return Column(np.zeros(len(column), empty_values(want).dtype), np.ones(len(column), bool))
    none = np.zeros(len(texts), bool)
    if holds == "boolean":
        return _booleans(column, want, texts, name)
    if holds == "number":
        return _numbers_of(column, want, texts, none, name)
    times = parse_times(texts, want.format)
    if times is None or times.values.dtype.kind != ("M" if want.kind == "datetime" else "m"):
        what = "date or time" if want.kind == "datetime" else "duration or time of day"
        form = f" in the form {want.format}" if want.format else ""
        expected = "M" if want.kind == "datetime" else "m"
        good = np.array(
            [(one := parse_times([t], want.format)) is not None and one.values.dtype.kind == expected for t in texts]
        )
        _must(good[column.values] | column.missing, column, name, f"no {what}{form}")
        raise InputError(f"column {name!r} has dates in several forms; write them in one form, such as 2024-12-31")
    zone, own = (unit_and_zone(t.dtype)[1] for t in (want, times))
    values = in_utc(times.values, zone) if zone and not own and want.kind == "datetime" else times.values
    return spread(column, values, none)


def _booleans(column: Column, want: ColumnSchema, texts: list[str], name: str) -> Column:
    no, _, yes = (want.format or "false/true").partition("/")
    true = np.array([t == yes or (t != no and t.casefold() in _TRUE) for t in texts])
    false = np.array([t == no or t.casefold() in _FALSE for t in texts])
    _must((true | false)[column.values] | column.missing, column, name, f"neither {no!r} nor {yes!r}")
    return spread(column, true, np.zeros(len(texts), bool))


def _numbers_of(column: Column, want: ColumnSchema, texts: list[str], none: NDArray[np.bool_], name: str) -> Column:
    if want.format and "," in want.format:
        texts = [t.replace(".", "").replace(",", ".") if "," in t else t for t in texts]
    numbers = parse_numbers(texts)
    if isinstance(numbers, str):
        values = np.full(len(texts), np.nan)
        bad = none.copy()
        for k, text in enumerate(texts):
            one = parse_numbers([text.lstrip("0") or "0"]) if text.isdigit() else parse_numbers([text])
            bad[k] = isinstance(one, str)
            if not isinstance(one, str):
                values[k] = one.values[0]
        _must(~bad[column.values] | column.missing, column, name, "no number of at most 64 bits")
        return _numbers(spread(column, values, none), want, name)
    return _numbers(spread(column, numbers.values, none), want, name)


def _numbers(column: Column, want: ColumnSchema, name: str) -> Column:
    values = column.values
    if not is_whole(want):
        return Column.of(values.astype(np.float64), column.missing)
    dtype = want.dtype.lower()
    if is_integer(dtype) and dtype not in ("int64", "uint64"):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        _must(column.missing | ((values >= low) & (values <= high)), column, name, f"no {dtype} ({low} to {high})")
    if values.dtype.kind == "i":
        return column
    whole = column.missing | (np.isfinite(values) & (values == np.floor(values)) & (np.abs(values) < 2**63))
    _must(whole, column, name, "no whole number")
    return Column(np.where(column.missing, 0, values).astype(np.int64), column.missing)


def _must(good: NDArray[np.bool_], column: Column, name: str, what: str) -> None:
    if good.all():
        return
    row = int(np.flatnonzero(~good)[0])
    cell = column.levels[column.values[row]] if column.levels is not None else column.values[row].item()
    text = str(cell)
    shown = repr(text[:60]) if isinstance(cell, str) else text
    raise InputError(
        f"column {name!r} has {shown} in row {row + 1}, which is {what}; mend the cell or give the column another kind"
    )
