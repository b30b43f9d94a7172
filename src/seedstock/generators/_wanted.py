"""Conditions as generators see them: codes, and shares of codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.schema import TableSchema
from seedstock.core.table import Column
from seedstock.encoding.allowed import Shares, settle, shares
from seedstock.encoding.atoms import Atoms, Codes

FREE = -1
"""This cell is to be drawn."""
SET = -2
"""Codes from here downwards: the cell is to be drawn from a set of codes, the first, the second, ..."""


@dataclass(frozen=True, eq=False)
class Wanted(Mapping[str, Codes]):
    """Conditions of n rows; columns without any are absent.

    Attributes
    ----------
    codes : mapping of str to int64 ndarray, shape (n,)
        Codes to keep (0 and more), `FREE`, or ``SET - i`` for the column's i-th set.
    sets : mapping of str to float64 ndarray, shape (m, k)
        Which share of each of the k codes is allowed, 0 to 1.
    """

    codes: Mapping[str, Codes]
    sets: Mapping[str, Shares] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Codes:
        return self.codes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.codes)

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.integer[Any]] | slice) -> Wanted:
        """Return the conditions of some rows, without columns that are free in all of them."""
        part = {name: codes[rows] for name, codes in self.codes.items()}
        return Wanted({name: codes for name, codes in part.items() if (codes != FREE).any()}, self.sets)

    def fixed(self, name: str) -> NDArray[np.bool_]:
        """Return the rows in which a column's code is given."""
        held: NDArray[np.bool_] = self.codes[name] >= 0
        return held

    def in_sets(self, name: str) -> Iterator[tuple[Shares, NDArray[np.int64]]]:
        """Yield each of a column's sets with the rows that are to be drawn from it."""
        codes = self.codes[name]
        for i in np.unique(codes[codes <= SET]):
            yield self.sets[name][SET - int(i)], np.flatnonzero(codes == i)


def encode(given: Given, atoms: Mapping[str, Atoms], schema: TableSchema) -> Wanted:
    """Return conditions as codes; an `InputError` where a value was never seen or two conditions contradict."""
    codes: dict[str, Codes] = {}
    sets: dict[str, list[Shares]] = {}
    for name in given.names:
        _ = schema[name]
        if name not in atoms:
            if any(name in case for case in given.cases):
                raise InputError(
                    f"column {name!r} is of kind {schema[name].kind}, which is never learned; it cannot be a condition"
                )
            continue
        own = np.full(len(given), FREE, np.int64)
        if name in given.values:
            own = _values(name, given.values[name], atoms[name])
        for i, case in enumerate(given.cases):
            if name in case:
                rows = np.flatnonzero(given.case == i)
                share = shares(atoms[name], case[name])
                if name in given.values:
                    cells = given.values[name].take(rows)
                    if (~cells.missing & ~case[name].holds(cells)).any():
                        raise InputError(f"a row has a value that contradicts the condition {case[name].text!r}")
                if not share.any():
                    raise InputError(
                        f"no row with {case[name].text} was ever seen, and no model can show what it has never seen; "
                        f"widen the condition"
                    )
                here = rows[own[rows] == FREE]
                own[here] = _code(share, sets.setdefault(name, []), atoms[name].smooth)
        if (own != FREE).any():
            codes[name] = own
    return Wanted(codes, {name: np.stack(found) for name, found in sets.items() if found})


def _values(name: str, cells: Column, atoms: Atoms) -> Codes:
    codes = atoms.encode(cells)
    codes[cells.missing] = FREE
    unknown = (codes == FREE) & ~cells.missing
    if unknown.any():
        example = cells.texts()[unknown][0]
        raise InputError(
            f"no row with {name} = {example!r} was ever seen, and no model can show what it has never seen; "
            f"choose one of the values in the data"
        )
    here = ~cells.missing
    if not atoms.is_text and len(atoms.values) and here.any():
        low, high = atoms.values[0], atoms.values[-1]
        beyond = here & ((cells.values < low) | (cells.values > high))
        if beyond.any():
            raise InputError(
                f"no row with {name} = {cells.values[beyond][0]} was ever seen: the data go from {low} to {high}, and "
                f"no model can show what it has never seen; choose a value within"
            )
    return codes


def _code(share: Shares, sets: list[Shares], smooth: bool) -> int:
    """Return the code of a set: free where it allows all, the code itself where it is the only one."""
    if (share == 1).all():
        return FREE
    some = np.flatnonzero(share)
    if len(some) == 1 and (not smooth or share[some[0]] == 1):
        return int(some[0])
    for i, known in enumerate(sets):
        if np.array_equal(known, share):
            return SET - i
    sets.append(share)
    return SET - len(sets) + 1


def settled(name: str, column: Column, codes: Codes, given: Given, atoms: Atoms, g: np.random.Generator) -> Column:
    """Return a column's drawn cells with those that left their bounds between two atoms drawn inside them."""
    for i, case in enumerate(given.cases):
        if name in case and atoms.smooth:
            rows = np.flatnonzero(given.case == i)
            if name in given.values:
                rows = rows[given.values[name].missing[rows]]
            part = settle(atoms, case[name], codes[rows], column.take(rows), g)
            values, missing = column.values.copy(), column.missing.copy()
            values[rows], missing[rows] = part.values, part.missing
            column = Column(values, missing, column.levels)
    return column
