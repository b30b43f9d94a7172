"""Cells as rules see them: numbers on a grid, and codes into a set of known values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Mask
from seedstock.encoding.rules.decimals import significant

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]

MISSING = -2
"""Code of a missing cell."""

_NAMES = {"i": "whole", "f": "number", "b": "boolean", "M": "time", "m": "duration", "O": "text"}
_TYPES: dict[str, Any] = {
    "whole": np.int64,
    "number": np.float64,
    "boolean": bool,
    "time": "M8[us]",
    "duration": "m8[us]",
    "text": object,
}


def is_number(column: Column) -> bool:
    """Tell whether arithmetic makes sense: numbers, times and durations that float64 holds exactly, some infinite."""
    if column.is_text or column.values.ndim > 1 or column.values.dtype == bool:
        return False
    x = column.values[~column.missing]
    x = x.astype("i8") if x.dtype.kind in "mM" else x[np.isfinite(x)]
    return bool(len(x) and float(x.max()) < 2**53 and float(x.min()) > -(2**53))


def numbers(column: Column) -> Numbers:
    """Return a column's cells as float64, times in microseconds, NaN where missing; shape (n,)."""
    x = column.values.astype("i8") if column.values.dtype.kind in "mM" else column.values
    out = x.astype(float)
    out[column.missing] = np.nan
    return out


def step_of(column: Column, schema: ColumnSchema) -> float:
    """Return the grid that a column is written on (times: in microseconds), 0 where there is none."""
    kind = column.values.dtype.kind
    if kind in "mM":
        x = np.unique(column.values[~column.missing].astype("i8"))
        return float(max(np.gcd.reduce(x), 1)) if len(x) else 1.0
    if kind in "ib":
        return 1.0
    if schema.decimals is None:
        return 0.0
    # Whole numbers with gaps are often written as 13.0.
    x = column.values[~column.missing & np.isfinite(column.values)]
    decimals = (
        next((d for d in range(schema.decimals) if (np.round(x, d) == x).all()), schema.decimals) if len(x) else 0
    )
    return float(10.0**-decimals)


def on_grid(x: Numbers, step: float, like: Column, digits: int = 0) -> NDArray[Any]:
    """Return numbers rounded to a grid, or to significant digits, in a column's type."""
    if like.values.dtype.kind in "imM":
        return np.round(x).astype("i8").astype(like.values.dtype)
    if step:
        x = np.round(x, max(0, round(-np.log10(step))))
    if digits:
        x = significant(x, digits)
    return x.astype(like.values.dtype)


def put(column: Column, rows: NDArray[Any], new: Column) -> Column:
    """Return a column with the cells at an index array replaced by those of another one."""
    if column.levels is not None and new.levels is not column.levels:
        both = Column.concat([column, new])
        pick = np.arange(len(column))
        pick[rows] = len(column) + np.arange(len(new))
        return both.take(pick)
    values, missing = column.values.copy(), column.missing.copy()
    values[rows], missing[rows] = new.values, new.missing
    return Column(values, missing, column.levels)


def where(condition: Mask, new: Column, old: Column) -> Column:
    """Return the new column's cells where the condition holds, the old one's elsewhere."""
    rows = np.flatnonzero(condition)
    return put(old, rows, new.take(rows))


def set_numbers(column: Column, rows: Mask, x: Numbers, step: float, digits: int = 0) -> Column:
    """Return a column with numbers, shape (n,), written where `rows` is true."""
    here = rows & np.isfinite(x)
    values = on_grid(np.where(here, x, 0.0), step, column, digits)
    return Column(np.where(here, values, column.values), column.missing & ~here)


@dataclass(frozen=True, eq=False)
class Domain:
    """The distinct values that one column had.

    Attributes
    ----------
    values : ndarray, shape (k,)
        Sorted; for texts an object array in any order.
    """

    values: NDArray[Any]
    _seen: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_text(self) -> bool:
        return self.values.dtype == object

    @classmethod
    def fit(cls, column: Column) -> tuple[Domain, Codes]:
        """Return a column's domain and its codes, `MISSING` where missing."""
        here = ~column.missing
        codes = np.full(len(column), MISSING, np.int64)
        if column.levels is not None:
            used = np.bincount(column.values[here], minlength=len(column.levels)) > 0
            place = np.cumsum(used) - 1
            codes[here] = place[column.values[here]] if len(used) else 0
            return cls(column.levels[used]), codes
        values, inverse = np.unique(column.values[here], return_inverse=True)
        codes[here] = inverse.reshape(-1)
        return cls(values), codes

    def codes(self, column: Column) -> Codes:
        """Return the codes of other cells, -1 where the value is unknown, `MISSING` where missing."""
        if column.is_text != self.is_text:
            raise InputError("a rule met a column of another type than the one it was found on")
        if column.levels is not None:
            out = self._places(column.levels)[column.values] if len(column.levels) else np.full(len(column), -1)
        elif not len(self.values):
            out = np.full(len(column), -1)
        else:
            wanted = column.values.astype(self.values.dtype)
            out = np.minimum(np.searchsorted(self.values, wanted), len(self.values) - 1)
            out = np.where(self.values[out] == column.values, out, -1)
        return np.where(column.missing, MISSING, out).astype(np.int64)

    def _places(self, levels: NDArray[np.object_]) -> Codes:
        # The levels are the same object in every block of a draw. They are kept as a pair, for threads share this.
        last = self._seen.get("last")
        if last is None or last[0] is not levels:
            if "index" not in self._seen:
                self._seen["index"] = {t: i for i, t in enumerate(self.values)}
            index = self._seen["index"]
            last = (levels, np.fromiter((index.get(t, -1) for t in levels), np.int64, len(levels)))
            self._seen["last"] = last
        places: Codes = last[1]
        return places

    def column(self, codes: Codes, like: Column) -> Column:
        """Return the cells of codes; codes below 0 are missing."""
        safe = np.maximum(codes, 0)
        if self.is_text:
            return Column(safe.astype(np.int32), codes < 0, self.values)
        return Column(self.values[safe].astype(like.values.dtype), codes < 0)

    def to_json(self) -> dict[str, Any]:
        name = _NAMES[self.values.dtype.kind]
        values = self.values.astype("i8") if name in ("time", "duration") else self.values
        # JSON has no infinite numbers.
        return {"type": name, "values": [str(v) if v in (np.inf, -np.inf) else v for v in values.tolist()]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Domain:
        """Read what `to_json` wrote."""
        kind = str(value["type"])
        raw = list(value["values"])
        if kind == "text" and not all(isinstance(v, str) for v in raw):
            raise InputError("a rule's texts must be texts")
        values = np.empty(len(raw), object)
        values[:] = raw
        if kind == "text":
            return cls(values)
        raw = [float(v) if v in ("inf", "-inf") else v for v in raw]
        typed = np.asarray(raw, np.int64 if kind in ("time", "duration") else _TYPES[kind]).astype(_TYPES[kind])
        if typed.ndim != 1 or (typed[1:] <= typed[:-1]).any():
            raise InputError("a rule's values must be sorted")
        return cls(typed)
