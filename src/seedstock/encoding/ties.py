"""Ties: a number that now and then is exactly another column's, as a bill paid in full, or a price not reduced.

No split of a tree can say "equal". So which column a cell is taken from becomes a column of its own: it is learned and
drawn before the cell, which then is a copy, or has a value of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.atoms import Atoms, Codes

_LEAST_ROWS, _LEAST_SHARE = 30, 0.02
"""Rows, and share of all rows, that are tied beyond chance, and that have values of their own."""
_BEYOND = 2.0
"""Times as often as chance has it."""
_UNUSUAL = 0.03
"""Share of a column's rows from which a value is no longer unusual: it may well stand in two columns."""
_TOLD_APART = 32
"""Values of a column up to which trees tell each of them apart, and need no ties."""
_MOST = 3


@dataclass(frozen=True)
class Tie:
    """A column and those of which its cells may be copies.

    Attributes
    ----------
    column : str
    partners : tuple of str
        They are drawn before it.
    kind : str
        Name of the hidden column: 0 where the cell has a value of its own, else the partner's place, from 1.
    """

    column: str
    partners: tuple[str, ...]
    kind: str

    def kinds(self, cells: Mapping[str, Column] | Table, atoms: Atoms) -> Codes:
        """Return the hidden column of known cells, shape (n,); `atoms` are the column's own."""
        unusual = _unusual(cells[self.column], atoms)
        out = np.zeros(len(unusual), np.int64)
        for place, partner in enumerate(self.partners, start=1):
            out[(out == 0) & unusual & _equal(cells[self.column], cells[partner])] = place
        return out

    def copied(
        self, cells: Mapping[str, Column], kinds: Codes, fixed: Mapping[str, Mask] = MappingProxyType({})
    ) -> dict[str, Column]:
        """Return the column and its partners, equal where the hidden column says so.

        Cells that are fixed, by masks of shape (n,), stay as they are: then the other one is the copy.
        """
        none = np.zeros(len(kinds), bool)
        out = {name: cells[name] for name in (*self.partners, self.column)}
        for place, partner in enumerate(self.partners, start=1):
            here = (kinds == place) & ~out[self.column].missing & ~out[partner].missing
            held = fixed.get(self.column, none)
            out[self.column] = _put(out[self.column], out[partner], here & ~held)
            out[partner] = _put(out[partner], out[self.column], here & held & ~fixed.get(partner, none))
        return out

    def kind_atoms(self, kinds: Codes) -> Atoms:
        """Return the hidden column's atoms."""
        return Atoms(np.array(["", *self.partners], object), np.bincount(kinds, minlength=self.size), 0.0, False)

    def texts(self, kinds: Atoms) -> list[str]:
        """Return the ties in words, by the hidden column's atoms."""
        shares = kinds.counts / kinds.counts.sum()
        return [
            f"{self.column!r} is exactly {partner!r} in {shares[place]:.1%} of the rows; draws keep to that."
            for place, partner in enumerate(self.partners, start=1)
        ]

    @property
    def size(self) -> int:
        """Number of the hidden column's values."""
        return 1 + len(self.partners)

    def to_json(self) -> dict[str, Any]:
        return {"column": self.column, "partners": list(self.partners), "kind": self.kind}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any], atoms: Mapping[str, Atoms], shown: Collection[str] = ()) -> Self:
        """Make it again, checked: a saved model is untrusted. What is `shown` in a table is no hidden column."""
        out = cls(str(facts["column"]), tuple(map(str, facts["partners"])), str(facts["kind"]))
        known = {out.column, out.kind, *out.partners} <= set(atoms) and out.kind not in {out.column, *shown}
        if not known or atoms[out.kind].k != out.size or not all(_alike(atoms, out.column, p) for p in out.partners):
            raise InputError("this model is damaged: its ties do not fit its columns; fit it again")
        return out


def find_ties(
    order: Sequence[str], cells: Mapping[str, Column], atoms: Mapping[str, Atoms], leave: Collection[str | None] = ()
) -> tuple[Tie, ...]:
    """Find the columns that are now and then exactly like one before them, beyond chance.

    Values that many rows of either column have do not count, nor columns of few values: codes are small numbers too.
    Chance is what the next row has, when rows are in the order of the other column and its value is another: numbers
    that lie close together on a coarse grid are often equal.

    Parameters
    ----------
    order : sequence of str
        The order in which columns are drawn.
    leave : collection of str or None
        Columns that are not looked at.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> bill = g.integers(1, 10**6, 1000)
    >>> paid = np.where(g.random(1000) < 0.2, bill, bill // 10)
    >>> cells = {"bill": Column.of(bill), "paid": Column.of(paid)}
    >>> atoms = {name: Atoms(*np.unique(c.values, return_counts=True), 1.0, True) for name, c in cells.items()}
    >>> [(tie.column, tie.partners) for tie in find_ties(["bill", "paid"], cells, atoms)]
    [('paid', ('bill',))]
    """
    out = []
    for i, name in enumerate(order):
        if name in leave or atoms[name].k <= _TOLD_APART or not _alike(atoms, name, name):
            continue
        before = [p for p in order[:i] if atoms[p].k > _TOLD_APART and _alike(atoms, name, p)]
        if partners := _partners(name, before, cells, atoms):
            out.append(Tie(name, partners, _unused(f"tie of {name}", {*atoms, *cells})))
    return tuple(out)


def _partners(
    name: str, before: Sequence[str], cells: Mapping[str, Column], atoms: Mapping[str, Atoms]
) -> tuple[str, ...]:
    left = _unusual(cells[name], atoms[name])
    least = max(_LEAST_ROWS, _LEAST_SHARE * len(left))
    equal = {p: _equal(cells[name], cells[p]) & _unusual(cells[p], atoms[p]) for p in before}
    chance = {p: _by_chance(cells[name], cells[p], left) for p in before if np.count_nonzero(equal[p] & left) >= least}
    out: list[str] = []
    while len(out) < _MOST:
        tied = {p: np.count_nonzero(equal[p] & left) for p in chance if p not in out}
        beyond = {p: rows - chance[p] for p, rows in tied.items() if rows >= _BEYOND * chance[p]}
        best = max(beyond, key=lambda p: beyond[p], default=None)
        if best is None or beyond[best] < least or np.count_nonzero(~cells[name].missing) - tied[best] < least:
            break
        out.append(best)
        left &= ~equal[best]
    return tuple(out)


def _by_chance(column: Column, other: Column, unusual: Mask) -> int:
    """Return in how many rows the next larger value of the other column has the row's own value beside it."""
    here = np.flatnonzero(~other.missing)
    x = other.values[here]
    order = np.argsort(x, kind="stable")
    further = np.minimum(np.searchsorted(x[order], x[order], side="right"), len(x) - 1)
    row = here[order[further]]
    equal = (column.values[row] == x[order]) & (other.values[row] != x[order]) & unusual[row]
    return int(np.count_nonzero(equal))


def _put(column: Column, other: Column, where: Mask) -> Column:
    values = column.values.copy()
    values[where] = other.values[where]
    return Column(values, column.missing)


def _equal(column: Column, other: Column) -> Mask:
    return ~column.missing & ~other.missing & (column.values == other.values)


def unusual(atoms: Atoms) -> Mask:
    """Return which codes of a column are of values that few rows have, shape (k,)."""
    few: Mask = atoms.counts < _UNUSUAL * atoms.counts.sum()
    few[len(atoms.values) :] = False
    return few


def _unusual(column: Column, atoms: Atoms) -> Mask:
    """Return the mask of present cells whose value few rows of the column have, shape (n,)."""
    here = ~column.missing
    out = np.zeros(len(column), bool)
    out[here] = unusual(atoms)[atoms.encode(column)[here]]
    return out


def _alike(atoms: Mapping[str, Atoms], name: str, other: str) -> bool:
    """Tell whether both columns are of numbers on one grid; whole ones may be floats, as beside missing cells."""
    kinds = {atoms[n].values.dtype.kind for n in (name, other)}
    return kinds <= {"i", "f"} and atoms[name].step == atoms[other].step


def _unused(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "'"
    return name
