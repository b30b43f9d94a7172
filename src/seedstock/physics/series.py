"""`Series`: observations in time as a model reads them, and the way there from a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Dataset

Floats = NDArray[np.float64]
TIME_NAMES = ("t", "time", "date", "datetime", "timestamp", "ts", "year", "month", "week", "day", "hour", "minute",
              "second", "arrival", "step")  # fmt: skip
_DAY_US = 86_400_000_000
_LARGEST = 1e100
"""Beyond it squares and products would leave the range of numbers."""


@dataclass(frozen=True, eq=False)
class Series:
    """Observed columns at T times.

    Attributes
    ----------
    t : ndarray, shape (T,)
        Times, or the values of the controlled variable. Days since the first for dates that span two days or more,
        seconds for shorter spans, else as they are.
    values : mapping of str to ndarray, shape (T,)
        Observed columns; NaN is missing. Empty where the times themselves are what was observed.
    time : str
        Name of the time column.
    unit : str
        ``days``, ``seconds`` or empty.
    start : datetime64[us] or None
        The date of t = 0.
    names : mapping of str to str
        A model's name of a column -> its name in the data, where they differ.
    """

    t: Floats
    values: Mapping[str, Floats]
    time: str = "time"
    unit: str = ""
    start: np.datetime64 | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        t = _row(self.t, self.time)
        if not np.isfinite(t).all():
            raise InputError(f"time stamps must be finite, and {self.time!r} is not in row {np.argmin(np.isfinite(t))}")
        values = {name: _row(y, name) for name, y in self.values.items()}
        for name, y in values.items():
            if len(y) != len(t):
                raise InputError(f"every time needs a value, and {name!r} has {len(y)} for {len(t)} times")
            if np.isinf(y).any():
                raise InputError(f"{name!r} has an infinity in row {np.argmax(np.isinf(y))}; mend or empty this cell")
        for name, y in ((self.time, t), *values.items()):
            if (size := float(np.abs(y[np.isfinite(y)]).max(initial=0.0))) > _LARGEST:
                raise InputError(f"numbers must be below {_LARGEST:g}, and {name!r} has {size:g}; take a larger unit")
        object.__setattr__(self, "t", t)
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.t)

    def check_order(self) -> None:
        """Raise an `InputError` where a time goes back."""
        back = np.flatnonzero(np.diff(self.t) < 0)
        if len(back):
            raise InputError(
                f"time stamps must not go back, and {self.time!r} does in row {back[0] + 1}; sort the rows, or mend "
                f"the stamp"
            )
        if len(self) > 1 and self.t[0] == self.t[-1]:
            raise InputError(f"time must pass, and all {len(self)} rows have {self.time!r} = {self.t[0]:g}; mend it")

    def take(self, rows: NDArray[np.bool_] | slice) -> Series:
        """Return some of the times."""
        return replace(self, t=self.t[rows], values={k: v[rows] for k, v in self.values.items()})

    def observed(self) -> int:
        """Return how many numbers were observed."""
        if not self.values:
            return len(self.t)
        return int(sum(np.isfinite(v).sum() for v in self.values.values()))

    def clock(self, cells: Column) -> Floats:
        """Return cells of the data's time column as times; the inverse of `stamps`."""
        if self.start is None:
            return _numbers(cells)[0]
        us = (cells.values.astype("M8[us]") - self.start).astype(np.int64)
        return np.asarray(us / (_DAY_US if self.unit == "days" else 1e6), float)

    def stamps(self, t: Floats) -> Column:
        """Return times as cells of the data's time column."""
        if self.start is None:
            return Column.of(np.asarray(t, float))
        scale = _DAY_US if self.unit == "days" else 1e6
        return Column.of(self.start + np.round(np.asarray(t) * scale).astype("m8[us]"))


def time_column(data: Dataset) -> str:
    """Return the name of the column that orders the rows: by its role, its kind or its name.

    Raises
    ------
    InputError
        Where no column is one.
    """
    schema = data.columns
    if roles := schema.with_role("order"):
        return roles[0]
    if dates := schema.of_kind("datetime"):
        return dates[0]
    numbers = schema.of_kind("number", "duration")
    # Whole numbers that count up look like a key, too.
    counting = [c for c in schema.of_kind("id") if not data.table[c].is_text]
    for name in TIME_NAMES:
        for column in (*numbers, *counting):
            if column.strip().lower() == name:
                return column
    for column in numbers:
        if column.strip().lower().split("_")[0].split(" ")[0] in TIME_NAMES:
            return column
    raise InputError(
        f"a physical model needs a time column, and none of {', '.join(map(repr, data.table.names))} is a date, has "
        f"the role order, or is named like time, t, day or year; rename it or declare the role order"
    )


def series_of(data: Dataset, time: str | None = None, monotone: bool = True) -> Series:
    """Read a data set of one table as a series.

    Parameters
    ----------
    data : Dataset
    time : str or None
        The time column (or the controlled variable); found by role, kind or name where it is None.
    monotone : bool
        Whether the times must not go back.

    Raises
    ------
    InputError
        For missing or non-monotone time stamps, infinities, or fewer than two rows.
    """
    name = time or time_column(data)
    column = data.table[name]
    if column.missing.any():
        rows = np.flatnonzero(column.missing)
        raise InputError(
            f"every row needs a time stamp, and {len(rows)} of {len(column)} in {name!r} are missing (row {rows[0]}); "
            f"fill or drop them"
        )
    if column.is_text:
        raise InputError(f"{name!r} holds texts and cannot be a time; give numbers or dates")
    if len(column) < 2:
        raise InputError(
            f"a series needs at least 2 rows, and there {'is' if len(column) == 1 else 'are'} {len(column)}"
        )
    t, unit, start = _numbers(column)
    values: dict[str, Floats] = {}
    for other in data.table:
        kind, cells = data.columns[other].kind, data.table[other]
        if other == name or cells.is_text or kind in ("id", "image", "text", "category") or cells.missing.all():
            continue
        if kind == "datetime":
            if start is None:
                continue
            # Another date, a departure say, is read on the same clock.
            y = (cells.values.astype("M8[us]") - start).astype(float) / (_DAY_US if unit == "days" else 1e6)
        elif kind == "duration":
            y = cells.values.astype("m8[us]").astype(float) / (_DAY_US if unit == "days" else 1e6)
        else:
            y = cells.values.astype(float)
        values[other] = np.where(cells.missing, np.nan, y)
    found = Series(t, values, name, unit, start)
    if monotone:
        found.check_order()
    return found


def as_data(source: Any) -> Dataset | Series:
    """Return a series or a data set as it is, and read a file or a frame."""
    if isinstance(source, Dataset | Series):
        return source
    from seedstock.sources.read import read

    return read(source)


def _row(values: Any, name: str) -> Floats:
    try:
        out = np.asarray(values, float)
    except (TypeError, ValueError):
        raise InputError(f"a series is made of numbers, and {name!r} holds others") from None
    if out.ndim != 1:
        raise InputError(f"a series needs one number for each time, and {name!r} has the shape {out.shape}")
    return out


def _numbers(column: Column) -> tuple[Floats, str, np.datetime64 | None]:
    if column.values.dtype.kind not in "mM":
        return column.values.astype(float), "", None
    if column.values.dtype.kind == "m":
        return column.values.astype("m8[us]").astype(float) / 1e6, "seconds", None
    stamps = column.values.astype("M8[us]")
    us = (stamps - stamps[0]).astype(np.int64)
    days = np.ptp(us) >= 2 * _DAY_US
    return us / (_DAY_US if days else 1e6), "days" if days else "seconds", stamps[0]
