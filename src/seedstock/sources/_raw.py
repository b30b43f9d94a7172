"""`Raw`: a column as its source gave it, before anybody decided what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Column

MISSING_TOKENS = frozenset({"", "?", "NA", "N/A", "NULL", "null", "nan", "NaN"})
"""Texts that stand for a missing cell in any column."""
WEAK_TOKENS = frozenset(
    {"-", "--", ".", "None", "none", "NONE", "n/a", "na", "Null", "NAN", "NaT", "<NA>", "#N/A", "#NA"}
)
"""Texts that stand for a missing cell only where all others are numbers or times."""
UNTYPED = ""
"""The dtype of a column of a text file: whatever its texts say."""


@dataclass(frozen=True, eq=False)
class Raw:
    """A column, and the type that its source declared.

    Attributes
    ----------
    column : Column
    dtype : str
        As in `seedstock.core.schema.ColumnSchema`; `UNTYPED` where texts are all that the source has.
    format : str or None
        What the source knows about the written form.
    """

    column: Column
    dtype: str = UNTYPED
    format: str | None = None


@dataclass(frozen=True, eq=False)
class RawTable:
    """All columns of a source, what was found out about it, and what was decided in doubt.

    Attributes
    ----------
    kinds : mapping of str to str
        Column -> kind, where the source's form tells what cells alone do not: a number of an event is no quantity.
    """

    columns: Mapping[str, Raw]
    origin: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())).column) if self.columns else 0


def relabel(column: Column, new: NDArray[np.object_] | list[str | None]) -> Column:
    """Return a text column whose level i now reads ``new[i]``; None makes its cells missing.

    >>> relabel(Column.of_texts([" a", "?", "a"]), ["a", None, "a"]).texts().tolist()
    ['a', None, 'a']
    """
    index: dict[str, int] = {}
    codes = np.fromiter((-1 if t is None else index.setdefault(t, len(index)) for t in new), np.int32, len(new))
    levels = np.empty(len(index), object)
    levels[:] = list(index)
    cells = codes[column.values] if len(codes) else np.full(len(column), -1, np.int32)
    missing = column.missing | (cells < 0)
    return Column(np.where(missing, 0, cells).astype(np.int32), missing, levels)


def compact(column: Column) -> Column:
    """Return a text column without levels that no cell has."""
    if column.levels is None or not len(column.levels):
        return column
    counts = np.bincount(column.values[~column.missing], minlength=len(column.levels))
    if counts.all():
        return column
    return relabel(column, [t if c else None for t, c in zip(column.levels, counts, strict=True)])


def spread(column: Column, values: NDArray[Any], bad: NDArray[np.bool_]) -> Column:
    """Return a column of values from one value a level of a text column; cells of bad levels are missing."""
    if not len(values):
        return Column(np.zeros(len(column), values.dtype), np.ones(len(column), bool))
    missing = column.missing | bad[column.values]
    return Column(values[column.values], missing)


def unique_names(names: list[str]) -> tuple[list[str], list[str]]:
    """Return names of which no two are equal and none is empty, and notes on what was changed.

    >>> unique_names(["a", "", "a"])[0]
    ['a', 'column_2', 'a_2']
    """
    out: list[str] = []
    notes: list[str] = []
    taken = set(names)
    seen: set[str] = set()
    for place, name in enumerate(names, 1):
        new = name
        if not name.strip() or name in seen:
            k = 2 if name.strip() else place
            stem = f"{name}_" if name.strip() else "column_"
            while (new := f"{stem}{k}") in taken or new in seen:
                k += 1
            why = f"repeats the name {name!r}" if name.strip() else "has no name"
            notes.append(f"Column {place} {why} and is called {new!r} here.")
        seen.add(new)
        out.append(new)
    return out, notes
