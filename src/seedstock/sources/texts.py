"""Cells as texts, in the form that their schema keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
Fields = dict[str, Callable[[], list[str]]]
_FIELD = re.compile(r"%([-^]?[A-Za-z]|\d?f)")


def cell_texts(column: Column, schema: ColumnSchema) -> Column:
    """Return a column's cells as a text column; missing cells stay missing.

    >>> cell_texts(Column.of(np.array([1.5, 2.0])), ColumnSchema("number", dtype="float64", format=",0", decimals=2)
    ...     ).texts().tolist()
    ['1,50', '2,00']
    """
    if column.is_text:
        return column
    here = ~column.missing
    values = column.values[here]
    bits = values.view(np.int64) if values.dtype == np.float64 else values  # -0.0 is written otherwise than 0.0
    bits, inverse = np.unique(bits, return_inverse=True)
    values = bits.view(values.dtype)
    codes = np.zeros(len(column), np.int32)
    codes[here] = inverse.reshape(-1)
    levels = np.empty(len(values), object)
    levels[:] = texts_of(values, schema)
    return Column(codes, column.missing, levels)


def texts_of(values: NDArray[np.generic], schema: ColumnSchema) -> list[str]:
    """Return present values as texts."""
    kind = values.dtype.kind
    if kind == "b":
        no, _, yes = (schema.format or "false/true").partition("/")
        return [yes if v else no for v in values.tolist()]
    if kind == "i":
        return list(map(str, values.tolist()))
    if kind == "f":
        return _reals(values, schema)
    if kind == "M":
        return _times(values.astype("M8[us]"), schema)
    return _spans(values.astype("m8[us]"), schema)


def _reals(values: NDArray[np.generic], schema: ColumnSchema) -> list[str]:
    form = schema.format or ""
    numbers: Sequence[float] = values.tolist()
    if schema.dtype == "float32":
        out = list(map(str, values.astype(np.float32)))
    elif "0" in form and schema.decimals is not None:
        out = [f"{v:.{schema.decimals}f}" for v in numbers]
    elif schema.decimals == 0 and schema.dtype == "string" and not set(form) & {"e", "#"}:
        out = [f"{v:.0f}" for v in numbers]
    else:
        out = list(map(repr, numbers))
        if "e" not in form:
            out = [_plain(t, v) if "e" in t else t for t, v in zip(out, numbers, strict=True)]
        if "#" in form or ("e" in form and schema.decimals == 0):
            out = [t.removesuffix(".0") for t in out]
    return [t.replace(".", ",") for t in out] if "," in form else out


def _plain(text: str, value: float) -> str:
    """Write a number without an exponent, where that takes no more than some twenty digits.

    >>> _plain("1e-05", 1e-05), _plain("1e+300", 1e300)
    ('0.00001', '1e+300')
    """
    return np.format_float_positional(value, trim="0") if 1e-22 < abs(value) < 1e22 else text


def _times(values: NDArray[np.datetime64], schema: ColumnSchema) -> list[str]:
    offset = _offset(schema.dtype, schema.format)
    local = values + np.timedelta64(offset, "m")
    form = schema.format
    if form is None:
        if schema.dtype == "date":
            return list(map(str, local.astype("M8[D]")))
        end = "" if "," not in schema.dtype else "Z" if offset == 0 else _zone(offset)
        whole = not (local.view(np.int64) % 1_000_000).any()
        return [str(v).replace("T", " ") + end for v in local.astype("M8[s]" if whole else "M8[us]")]
    return _fill(form, _date_fields(local), len(values))


def _date_fields(local: NDArray[np.datetime64]) -> Fields:
    days = local.astype("M8[D]")
    months = days.astype("M8[M]")
    year = days.astype("M8[Y]").astype(np.int64) + 1970
    month = (months - months.astype("M8[Y]").astype("M8[M]")).astype(np.int64) + 1
    day = (days - months.astype("M8[D]")).astype(np.int64) + 1
    fields: Fields = {
        "Y": lambda: [f"{v:04d}" for v in year.tolist()],
        "y": lambda: [f"{v % 100:02d}" for v in year.tolist()],
        "m": lambda: _two(month), "-m": lambda: _one(month), "d": lambda: _two(day), "-d": lambda: _one(day),
        "B": lambda: [_MONTHS[v - 1] for v in month.tolist()],
        "b": lambda: [_MONTHS[v - 1][:3] for v in month.tolist()],
        "^B": lambda: [_MONTHS[v - 1].upper() for v in month.tolist()],
        "^b": lambda: [_MONTHS[v - 1][:3].upper() for v in month.tolist()],
    }  # fmt: skip
    return fields | _clock_fields((local - days).astype("m8[us]").astype(np.int64))


def _clock_fields(micros: NDArray[np.int64]) -> Fields:
    hour = micros // 3_600_000_000
    twelve = (hour + 11) % 12 + 1
    fields: Fields = {
        "H": lambda: _two(hour), "-H": lambda: _one(hour), "I": lambda: _two(twelve), "-I": lambda: _one(twelve),
        "M": lambda: _two(micros // 60_000_000 % 60), "S": lambda: _two(micros // 1_000_000 % 60),
        "p": lambda: ["PM" if v >= 12 else "AM" for v in hour.tolist()],
        "P": lambda: ["pm" if v >= 12 else "am" for v in hour.tolist()],
        "z": lambda: ["+00:00"] * len(micros), "D": lambda: _one(hour // 24), "f": lambda: _fraction(micros, 6),
    }  # fmt: skip
    return fields | {f"{k}f": partial(_fraction, micros, k) for k in range(1, 7)}


def _fraction(micros: NDArray[np.int64], digits: int) -> list[str]:
    return [f"{v:0{digits}d}" for v in (micros % 1_000_000 // 10 ** (6 - digits)).tolist()]


def _spans(values: NDArray[np.timedelta64], schema: ColumnSchema) -> list[str]:
    micros = values.astype(np.int64)
    size = np.abs(micros)
    form = schema.format or ("%H:%M:%S" if not (size % 1_000_000).any() else "%H:%M:%S.%6f")
    days = "%D" in form
    fields = _clock_fields(size % 86_400_000_000 if days else size)
    if days:
        fields["D"] = partial(_one, size // 86_400_000_000)
    out = _fill(form, fields, len(values))
    return [f"-{t}" if m < 0 else t for t, m in zip(out, micros.tolist(), strict=True)]


def _fill(form: str, fields: Fields, n: int) -> list[str]:
    parts = _FIELD.split(form)
    columns: list[Sequence[str]] = []
    for k, part in enumerate(parts):
        if k % 2:
            columns.append(fields[part]() if part in fields else [f"%{part}"] * n)
        elif part:
            columns.append([part] * n)
    return ["".join(cells) for cells in zip(*columns, strict=True)] if columns else [""] * n


def _two(values: NDArray[np.int64]) -> list[str]:
    return [f"{v:02d}" for v in values.tolist()]


def _one(values: NDArray[np.int64]) -> list[str]:
    return list(map(str, values.tolist()))


def _offset(dtype: str, form: str | None) -> int:
    """Return the minutes east of UTC of ``datetime[us, +02:00]`` or ``%H:%M+02:00``; named zones are written in UTC."""
    found = re.search(r", ?([+-])(\d{2}):?(\d{2})\]$", dtype) or re.search(r"%\w ?([+-])(\d{2}):?(\d{2})$", form or "")
    return (int(found[2]) * 60 + int(found[3])) * (1 if found[1] == "+" else -1) if found else 0


def _zone(minutes: int) -> str:
    return f"{'+' if minutes >= 0 else '-'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
