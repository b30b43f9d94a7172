"""`Column`, `Table` and `Dataset`: what data look like between reading and writing.

A column is a NumPy array, a mask of missing cells and, for texts, the distinct values that its codes point to.
Nothing here knows files, frames or SQL: `seedstock.sources` translates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.schema import Schema, TableSchema

Mask = NDArray[np.bool_]
Domain = Literal["table", "sequence", "regular", "linked", "image"]


@dataclass(frozen=True, eq=False)
class Column:
    """One column of n cells.

    Attributes
    ----------
    values : ndarray, shape (n, ...)
        int64, float64, bool, datetime64[us] or timedelta64[us]; for texts int32 codes into `levels`;
        for images uint8 of shape (n, height, width, channels). Cells that are missing hold any value.
    missing : bool ndarray, shape (n,)
        True where the cell has no value.
    levels : ndarray of str (dtype object), shape (k,), or None
        The distinct texts, in order of their first appearance. A level may be unused.
    """

    values: NDArray[Any]
    missing: Mask
    levels: NDArray[np.object_] | None = None

    def __post_init__(self) -> None:
        if self.missing.shape != self.values.shape[:1]:
            raise ValueError(f"mask of shape {self.missing.shape} beside values of shape {self.values.shape}")

    def __len__(self) -> int:
        return int(self.missing.shape[0])

    @classmethod
    def of(cls, values: NDArray[Any], missing: Mask | None = None) -> Column:
        """Make a column of numbers, booleans, times or images; NaN and NaT are missing.

        >>> Column.of(np.array([1.0, np.nan])).missing.tolist()
        [False, True]
        """
        values = np.asarray(values)
        none = np.zeros(values.shape[0], bool) if missing is None else np.asarray(missing, bool)
        if values.dtype.kind == "f" and values.ndim == 1:
            none = none | np.isnan(values)
        elif values.dtype.kind in "mM":
            none = none | np.isnat(values)
        return cls(values, none)

    @classmethod
    def of_texts(cls, texts: Sequence[str | None] | NDArray[np.object_]) -> Column:
        """Make a column of texts; None is missing.

        >>> Column.of_texts(["b", None, "b", "a"]).levels.tolist()
        ['b', 'a']
        """
        index: dict[str, int] = {}
        codes = np.fromiter((-1 if t is None else index.setdefault(t, len(index)) for t in texts), np.int32, len(texts))
        levels = np.empty(len(index), object)
        levels[:] = list(index)
        missing = codes < 0
        codes[missing] = 0
        return cls(codes, missing, levels)

    @property
    def is_text(self) -> bool:
        return self.levels is not None

    def take(self, rows: NDArray[np.integer[Any]] | Mask | slice) -> Column:
        """Return the cells at these rows (an index array, a mask or a slice)."""
        return Column(self.values[rows], self.missing[rows], self.levels)

    def texts(self) -> NDArray[np.object_]:
        """Return a text column's cells as Python strings, None where missing."""
        if self.levels is None:
            raise TypeError(f"a column of {self.values.dtype} has no texts")
        if not len(self.levels):
            return np.full(len(self), None, object)
        out: NDArray[np.object_] = self.levels[self.values]
        out[self.missing] = None
        return out

    def codes(self) -> tuple[NDArray[np.int64], int]:
        """Return codes (n,) of equal cells, 0..k-1 in order of value (texts: of level), missing last; and k.

        The codes are compact: each of the k occurs.
        """
        if self.values.ndim > 1:
            flat = self.values.reshape(len(self), -1)
            _, inverse = np.unique(flat, axis=0, return_inverse=True)
        else:
            _, inverse = np.unique(self.values, return_inverse=True)
        inverse = inverse.reshape(-1).astype(np.int64)
        inverse[self.missing] = inverse.max(initial=0) + 1
        used, codes = np.unique(inverse, return_inverse=True)
        return codes.reshape(-1).astype(np.int64), len(used)

    def equals(self, other: Column) -> bool:
        """Tell whether both columns show the same cells."""
        if len(self) != len(other) or self.is_text != other.is_text or (self.missing != other.missing).any():
            return False
        here = ~self.missing
        if self.is_text:
            return bool((self.texts()[here] == other.texts()[here]).all())
        return self.values.dtype == other.values.dtype and bool((self.values[here] == other.values[here]).all())

    @staticmethod
    def concat(parts: Sequence[Column]) -> Column:
        """Join columns of one type; texts get common levels."""
        missing = np.concatenate([p.missing for p in parts])
        if all(p.levels is None for p in parts):
            return Column(np.concatenate([p.values for p in parts]), missing)
        index: dict[str, int] = {}
        codes = []
        for part in parts:
            if part.levels is None:
                raise TypeError("texts cannot be joined with numbers")
            new = np.fromiter((index.setdefault(t, len(index)) for t in part.levels), np.int32, len(part.levels))
            codes.append(new[part.values] if len(new) else part.values)
        levels = np.empty(len(index), object)
        levels[:] = list(index)
        return Column(np.concatenate(codes), missing, levels)


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of one length, in order."""

    columns: Mapping[str, Column]
    n_rows: int = field(default=-1)

    def __post_init__(self) -> None:
        lengths = {name: len(c) for name, c in self.columns.items()}
        if self.n_rows < 0:
            object.__setattr__(self, "n_rows", next(iter(lengths.values()), 0))
        if any(k != self.n_rows for k in lengths.values()):
            raise ValueError(f"columns of different lengths: {lengths}")

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, name: str) -> Column:
        try:
            return self.columns[name]
        except KeyError:
            raise InputError(f"there is no column {name!r}; there are {', '.join(map(repr, self.names))}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def take(self, rows: NDArray[np.integer[Any]] | Mask | slice) -> Table:
        """Return the rows of an index array, a mask or a slice."""
        columns = {name: c.take(rows) for name, c in self.columns.items()}
        return Table(columns, len(np.arange(self.n_rows)[rows]))

    def select(self, names: Sequence[str]) -> Table:
        """Return these columns, in this order."""
        return Table({name: self[name] for name in names}, self.n_rows)

    def assign(self, columns: Mapping[str, Column]) -> Table:
        """Return the table with columns replaced, or added at the end."""
        return Table({**self.columns, **columns}, self.n_rows)

    def equals(self, other: Table) -> bool:
        """Tell whether both tables show the same cells under the same names in the same order."""
        return (
            self.names == other.names
            and len(self) == len(other)
            and all(self[name].equals(other[name]) for name in self)
        )

    @staticmethod
    def concat(parts: Sequence[Table]) -> Table:
        """Stack tables with the same columns."""
        if any(p.names != parts[0].names for p in parts):
            raise InputError(f"tables with different columns: {[p.names for p in parts]}")
        if len(parts) == 1:
            return parts[0]
        columns = {name: Column.concat([p[name] for p in parts]) for name in parts[0]}
        return Table(columns, sum(len(p) for p in parts))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named tables, the schema that explains them, and where they come from.

    Attributes
    ----------
    tables : mapping of str to Table
    schema : Schema
        One `TableSchema` a table, and the links between them.
    origin : mapping
        What reading found out about the source (path, format, bytes, content hash, lineage): JSON values only.
    notes : tuple of str
        What was changed, dropped or refused so far, in words.
    """

    tables: Mapping[str, Table]
    schema: Schema
    origin: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, table in self.tables.items():
            if table.names != list(self.schema.tables[name].columns):
                raise ValueError(f"table {name!r} has columns {table.names}, its schema another list")

    @property
    def domain(self) -> Domain:
        """What the data are.

        ``linked`` tables, an ``image`` set, ``regular`` readings (an order at equal steps, in one series or a few long
        ones), a ``sequence`` (entity and order), or a ``table``.
        """
        if len(self.tables) != 1:
            return "linked"
        if self.columns.of_kind("image"):
            return "image"
        if not self.columns.with_role("order"):
            return "table"
        if self._is_regular:
            return "regular"
        return "sequence" if self.columns.with_role("entity") else "table"

    @cached_property
    def _is_regular(self) -> bool:
        from seedstock.core.regular import readings

        return readings(self) is not None

    @property
    def name(self) -> str:
        """The name of the only table."""
        if len(self.tables) != 1:
            raise InputError(f"one table is needed here, and there are {len(self.tables)}: {', '.join(self.tables)}")
        return next(iter(self.tables))

    @property
    def table(self) -> Table:
        """The only table."""
        return self.tables[self.name]

    @property
    def columns(self) -> TableSchema:
        """The schema of the only table."""
        return self.schema.tables[self.name]

    @property
    def size(self) -> int:
        """The rows of all tables."""
        return sum(len(table) for table in self.tables.values())

    @property
    def target(self) -> str | None:
        """The target column, if one is declared; linked tables have none."""
        return self.columns.target if len(self.tables) == 1 else None

    def with_table(self, table: Table, *notes: str) -> Dataset:
        """Return the data set with its only table replaced by one with the same columns."""
        return replace(self, tables={self.name: table}, notes=self.notes + notes)

    def take(self, rows: NDArray[np.integer[Any]] | Mask | slice) -> Dataset:
        """Return rows of the only table."""
        return self.with_table(self.table.take(rows))
