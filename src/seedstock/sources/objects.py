"""Python objects -> columns: what frames hold where they have no type of their own."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from seedstock.core.table import Column
from seedstock.core.zones import name_of
from seedstock.sources._raw import Raw

_EPOCH = dt.datetime(1970, 1, 1)
_UTC_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICRO = dt.timedelta(microseconds=1)
_NESTED = (list, dict, tuple, set, frozenset, np.ndarray)


def objects_column(cells: Sequence[Any]) -> tuple[Raw, str | None]:
    """Return a column of Python objects, and a note where they are held otherwise than they came.

    None, NaN and NaT are missing.

    >>> raw, note = objects_column([1, None, "x"])
    >>> raw.column.texts().tolist(), note
    (['1', None, 'x'], 'holds values of several types (int, str), so all are kept as text')
    """
    missing = np.fromiter((_is_missing(v) for v in cells), bool, len(cells))
    here = [v for v, m in zip(cells, missing.tolist(), strict=True) if not m]
    types = {type(v) for v in here}
    if all(issubclass(t, str) for t in types):
        return Raw(
            Column.of_texts([None if m else str(v) for v, m in zip(cells, missing, strict=True)]), "string"
        ), None
    if all(issubclass(t, (bool, np.bool_)) for t in types):
        return _filled(here, missing, bool, "bool"), None
    if all(issubclass(t, (int, np.integer)) and not issubclass(t, bool) for t in types):
        try:
            return _filled(here, missing, np.int64, "int64"), None
        except OverflowError:
            return _as_texts(cells, missing, str), "holds whole numbers beyond 64 bits, so they are kept as text"
    if all(issubclass(t, (int, float, np.integer, np.floating)) and not issubclass(t, bool) for t in types):
        return _filled(here, missing, np.float64, "float64"), None
    if types == {Decimal}:
        return _decimals(here, missing), None
    found = _times(here, missing, types)
    if found is not None:
        return found, None
    if all(issubclass(t, _NESTED) for t in types):
        return _as_texts(cells, missing, _json), "is nested, kept as JSON text"
    names = ", ".join(sorted(t.__name__ for t in types)[:4])
    what = f"holds values of several types ({names})" if len(types) > 1 else f"holds values of type {names}"
    return _as_texts(cells, missing, _plain), f"{what}, so all are kept as text"


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, (float, np.floating, Decimal, np.datetime64, np.timedelta64)):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")


def _filled(here: list[Any], missing: np.ndarray[Any, Any], kind: Any, dtype: str) -> Raw:
    values = np.zeros(len(missing), kind)
    values[~missing] = np.array(here, kind) if here else []
    return Raw(Column.of(values, missing), dtype)


def _decimals(here: list[Decimal], missing: np.ndarray[Any, Any]) -> Raw:
    tuples = [d.as_tuple() for d in here]
    scale = max((-t.exponent for t in tuples if isinstance(t.exponent, int)), default=0)
    scale = max(scale, 0)
    whole = max((len(t.digits) + t.exponent for t in tuples if isinstance(t.exponent, int)), default=1)
    raw = _filled([float(d) for d in here], missing, np.float64, "")
    return Raw(raw.column, f"decimal({max(max(whole, 1) + scale, 1)},{scale})")


def _times(here: list[Any], missing: np.ndarray[Any, Any], types: set[type]) -> Raw | None:
    def made(values: list[int], view: str, dtype: str) -> Raw:
        out = np.zeros(len(missing), np.int64)
        out[~missing] = values
        return Raw(Column.of(out.view(view), missing), dtype)

    if all(issubclass(t, np.datetime64) for t in types):
        return made([int(v.astype("M8[us]").astype(np.int64)) for v in here], "M8[us]", "datetime[us]")
    if all(issubclass(t, dt.datetime) for t in types):
        aware = {v.tzinfo is not None for v in here}
        if len(aware) > 1:
            return None
        if aware == {True}:
            zones = {name_of(v.tzinfo) for v in here}
            zone = zones.pop() if len(zones) == 1 else "UTC"
            zone = zone[3:] or "UTC" if zone.startswith("UTC") else zone
            return made([(v - _UTC_EPOCH) // _MICRO for v in here], "M8[us]", f"datetime[us, {zone}]")
        return made([(v - _EPOCH) // _MICRO for v in here], "M8[us]", "datetime[us]")
    if all(issubclass(t, dt.date) and not issubclass(t, dt.datetime) for t in types):
        return made([(v - _EPOCH.date()).days * 86_400_000_000 for v in here], "M8[us]", "date")
    if all(issubclass(t, dt.time) for t in types):
        micros = [((v.hour * 60 + v.minute) * 60 + v.second) * 1_000_000 + v.microsecond for v in here]
        return made(micros, "m8[us]", "time")
    if all(issubclass(t, dt.timedelta) for t in types):
        return made([v // _MICRO for v in here], "m8[us]", "duration[us]")
    return None


def _as_texts(cells: Sequence[Any], missing: np.ndarray[Any, Any], text: Any) -> Raw:
    return Raw(
        Column.of_texts([None if m else text(v) for v, m in zip(cells, missing.tolist(), strict=True)]), "string"
    )


def _plain(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    return _json(value) if isinstance(value, _NESTED) else str(value)


def _json(value: Any) -> str:
    def plain(v: Any) -> Any:
        if isinstance(v, (set, frozenset)):
            return sorted(map(str, v))
        return v.tolist() if isinstance(v, (np.ndarray, np.generic)) else str(v)

    try:
        return json.dumps(value, default=plain, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
