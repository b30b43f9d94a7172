"""`Allowed` and `Given`: what drawn rows must be, from single values to ranges, sets and missing cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table

UNSET = -1
"""In `Given.case`: this row has no alternative, only its own values."""


@dataclass(frozen=True, eq=False)
class Allowed:
    """What a cell may be: one of some values, a number or time within bounds, or missing.

    Attributes
    ----------
    values : Column or None
        The values that may stand; None where bounds say it.
    low, high : scalar or None
        Bounds in the type of the column's values; None is open. Meaningless beside `values`.
    strict : (bool, bool)
        Whether the low and the high bound are excluded.
    missing : bool
        Whether the cell may (with no values: must) be missing.
    turned : bool
        All that was said is forbidden instead; a missing cell then is forbidden unless `missing`.
    text : str
        How it reads, for messages and the record.
    also : tuple of Allowed
        What must hold besides.

    Examples
    --------
    >>> Allowed(low=30, high=40).holds(Column.of(np.array([29, 30, 40, 41]))).tolist()
    [False, True, True, False]
    """

    values: Column | None = None
    low: Any = None
    high: Any = None
    strict: tuple[bool, bool] = (False, False)
    missing: bool = False
    turned: bool = False
    text: str = ""
    also: tuple[Allowed, ...] = ()

    @property
    def bounded(self) -> bool:
        """Whether it is a stretch of numbers or times."""
        return self.values is None and (self.low is not None or self.high is not None)

    @property
    def stretch(self) -> bool:
        """Whether it is a stretch of numbers or times, and nothing else."""
        return self.bounded and not self.turned and not self.also

    @property
    def only_missing(self) -> bool:
        """Whether the cell must be missing."""
        none = self.values is None or not len(self.values)
        return self.missing and none and not (self.turned or self.bounded or self.also)

    @property
    def allows_missing(self) -> bool:
        """Whether the cell may be missing."""
        return self.missing and all(other.allows_missing for other in self.also)

    @property
    def any_value(self) -> bool:
        """Whether the cell may have any value, but not be missing."""
        return self.values is None and not self.bounded and not self.also and (self.turned or not self.missing)

    @property
    def single(self) -> bool:
        """Whether exactly one value may stand."""
        one = self.values is not None and len(self.values) == 1
        return one and not (self.missing or self.turned or self.also)

    def holds(self, column: Column) -> Mask:
        """Return which cells of a column are allowed, shape (n,)."""
        out = self._own(column)
        for other in self.also:
            out &= other.holds(column)
        return out

    def _own(self, column: Column) -> Mask:
        if self.values is None and not self.bounded:
            return column.missing.copy() if self.missing and not self.turned else ~column.missing
        if self.values is not None:
            within = is_one_of(column, self.values)
        else:
            within = np.ones(len(column), bool)
            with np.errstate(invalid="ignore"):
                if self.low is not None:
                    within &= (column.values > self.low) if self.strict[0] else (column.values >= self.low)
                if self.high is not None:
                    within &= (column.values < self.high) if self.strict[1] else (column.values <= self.high)
        if self.turned:
            within = ~within
        return np.where(column.missing, self.missing, within).astype(bool)


def is_one_of(column: Column, values: Column) -> Mask:
    """Return which present cells of a column have one of some values, shape (n,)."""
    if column.is_text != values.is_text:
        raise InputError("a condition on a text must be a text, and on a number a number")
    if column.levels is not None:
        wanted = set(values.texts()[~values.missing].tolist())
        codes = [i for i, text in enumerate(column.levels) if text in wanted]
        return np.isin(column.values, codes) & ~column.missing
    return np.isin(column.values, values.values[~values.missing]) & ~column.missing


Case = Mapping[str, Allowed]
"""What a row must be: column -> what its cell may be."""


@dataclass(frozen=True, eq=False)
class Given:
    """Conditions of n rows.

    Attributes
    ----------
    values : Table, n rows
        Some of the columns: present cells are kept as they are, missing ones are drawn.
    cases : sequence of mapping of str to Allowed
    case : int64 ndarray, shape (n,)
        Which of the cases each row must meet besides, `UNSET` for none.

    Examples
    --------
    >>> young = {"age": Allowed(high=30)}
    >>> Given.everywhere({"sex": Column.of_texts(["Female"])}, young, 3).values["sex"].texts().tolist()
    ['Female', 'Female', 'Female']
    """

    values: Table
    cases: Sequence[Case] = ()
    case: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        if not len(self.case) and len(self.values):
            object.__setattr__(self, "case", np.full(len(self.values), UNSET, np.int64))
        if self.case.shape != (len(self.values),) or self.case.max(initial=UNSET) >= len(self.cases):
            raise ValueError("every row of conditions needs the number of one of the cases")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def names(self) -> list[str]:
        """The columns that it speaks of."""
        return list(dict.fromkeys([*self.values, *(name for case in self.cases for name in case)]))

    @property
    def restricts(self) -> bool:
        """Whether any row is asked to be anything."""
        held = any(not cells.missing.all() for cells in self.values.columns.values())
        return held or any(self.cases[i] for i in np.unique(self.case[self.case != UNSET]))

    @classmethod
    def of(cls, given: Table | Given) -> Given:
        """Return conditions as such; a table is taken as values."""
        return given if isinstance(given, Given) else cls(given)

    @classmethod
    def everywhere(cls, cells: Mapping[str, Column], allowed: Case, n: int) -> Given:
        """Return the same conditions for n rows, from one cell a column and what other cells may be."""
        zeros = np.zeros(n, np.int64)
        values = Table({name: cell.take(zeros) for name, cell in cells.items()}, n)
        return cls(values, (allowed,), zeros) if allowed else cls(values)

    def take(self, rows: NDArray[np.integer[Any]] | Mask | slice) -> Given:
        """Return the conditions of some rows."""
        return Given(self.values.take(rows), self.cases, self.case[rows])

    def held(self, name: str, but_any_value: bool = False) -> Mask:
        """Return the rows in which a column is restricted in any way, or in any but that it has a value, shape (n,)."""
        out = np.zeros(len(self), bool)
        for i, case in enumerate(self.cases):
            if name in case and not (but_any_value and case[name].any_value):
                out |= self.case == i
        return out | ~self.values[name].missing if name in self.values else out

    def emptied(self, table: Table) -> Mask:
        """Return the rows of a table in which a cell is missing that should have any value, shape (n,)."""
        out = np.zeros(len(self), bool)
        for i, case in enumerate(self.cases):
            for name in [name for name, allowed in case.items() if allowed.any_value and name in table]:
                out |= (self.case == i) & table[name].missing
        return out

    def holds(self, table: Table) -> Mask:
        """Return the rows of a table that meet their conditions, shape (n,)."""
        out = np.ones(len(self), bool)
        for name, wanted in self.values.columns.items():
            present = ~wanted.missing
            both = Column.concat([table[name], wanted]).codes()[0]
            out &= ~present | (both[: len(self)] == both[len(self) :])
        for i, case in enumerate(self.cases):
            rows = np.flatnonzero(self.case == i)
            for name, allowed in case.items():
                out[rows] &= allowed.holds(table[name].take(rows))
        return out
