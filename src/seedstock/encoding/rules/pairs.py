"""Values of one column that never go with values of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import MISSING, Codes, Domain, where
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed, names_in
from seedstock.encoding.rules.view import View, by_chance

_MOST_VALUES = 200
_EXPECTED = 25.0
_MOST_CELLS, _LEAST_VALUES = 200_000, 30
"""Pairs that sets are looked for in at most; of fewer values in the larger column, other rules tell the same."""
_NEW, _BARRED = 0.002, 0.2
"""Share of rows that may be of a pair that nobody has seen, and that must be, were a value its neighbour."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Pairs(Rule):
    """Pairs of values that do not occur though each value is common; rare values may go with anything.

    Where values come in sets of their own (incomes in the money of a year, sizes in those of a maker), every pair that
    does not occur is barred.

    Attributes
    ----------
    first, second : str
    domains : tuple of two Domain
    allowed : bool ndarray, shape (k1, k2)
    counts : int64 ndarray, shape (k1, k2)
        Real rows of each pair.
    """

    first: str
    second: str
    domains: tuple[Domain, Domain]
    allowed: NDArray[np.bool_]
    counts: Codes

    kind: ClassVar[str] = "pairs"

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.first, self.second)

    @property
    def text(self) -> str:
        i, j = np.argwhere(~self.allowed)[0] if not self.allowed.all() else (0, 0)
        one = f"{self.domains[0].values[i]} with {self.domains[1].values[j]}"
        barred = int((~self.allowed).sum())
        if barred == 1:
            return f"{self.first} and {self.second} are never {one}"
        return f"{barred} pairs of {self.first} and {self.second} never occur, such as {one}"

    def _codes(self, table: Table) -> tuple[Codes, Codes]:
        return self.domains[0].codes(table[self.first]), self.domains[1].codes(table[self.second])

    def holds(self, table: Table) -> Mask:
        a, b = self._codes(table)
        out: Mask = self.allowed[np.maximum(a, 0), np.maximum(b, 0)] | (a < 0) | (b < 0)
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Draw the second value anew among those seen with the first; where it is fixed, the first."""
        n = len(table)
        a, b = self._codes(table)
        held = is_fixed(fixed, self.second, n)
        first, second = table[self.first], table[self.second]
        new_b = _among(self.counts * self.allowed, a, g)
        new_a = _among((self.counts * self.allowed).T, b, g)
        move = held & ~is_fixed(fixed, self.first, n) & (new_a >= 0)
        return {
            self.second: where(~held & (new_b >= 0), self.domains[1].column(new_b, second), second),
            self.first: where(move, self.domains[0].column(new_a, first), first),
        }

    def settings(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "second": self.second,
            "domains": [d.to_json() for d in self.domains],
            "allowed": self.allowed.astype(int).tolist(),
            "counts": self.counts.tolist(),
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        one, two = (Domain.from_json(d) for d in value["domains"])
        allowed, rows = np.asarray(value["allowed"]).astype(bool), np.asarray(value["counts"], np.int64)
        if not allowed.shape == rows.shape == (len(one.values), len(two.values)) or not allowed.size:
            raise InputError("a rule's pairs do not match its values")
        return cls(
            first=str(value["first"]), second=str(value["second"]), domains=(one, two), allowed=allowed, counts=rows,
            **counts,
        )  # fmt: skip


def _among(counts: Codes, given: Codes, g: np.random.Generator) -> Codes:
    """Draw for each row a column of a table of counts, in the row's line; -1 where the line is empty."""
    upto = np.cumsum(counts)
    total = counts.sum(axis=1)
    line = np.maximum(given, 0)
    start = (np.cumsum(total) - total)[line]
    drawn = np.searchsorted(upto, start + g.random(len(given)) * total[line], side="right")
    return np.where((total[line] > 0) & (given >= 0), drawn - line * counts.shape[1], -1)


def is_category(view: View, name: str) -> bool:
    """Tell whether a column is a set of a few texts."""
    return view.table[name].is_text and view.k(name) <= _MOST_VALUES


def find(view: View) -> list[tuple[str, str, bool]]:
    """Return pairs of columns of a sample in which values avoid each other, beyond chance, and whether in sets."""
    names = [name for name in view.names if is_category(view, name)]
    found = [(a, b, False) for a, b in combinations(names, 2) if not _table(view, a, b)[1].all()]
    able = [name for name in view.names if view.repeats(name)]
    told = {(a, b) for a, b, _ in found}
    return found + [(a, b, True) for a, b in combinations(able, 2) if (a, b) not in told and _in_sets(view, a, b)]


def _in_sets(view: View, a: str, b: str) -> bool:
    """Tell whether each value of a column has values of its own in another one.

    The share of rows whose pair no other row has is that of pairs still to be seen (Good 1953). Where columns depend
    on each other smoothly, a row with a neighbouring value in one of them would be of a pair that was seen.
    """
    if view.k(a) * view.k(b) > _MOST_CELLS or max(view.k(a), view.k(b)) < _LEAST_VALUES:
        return False
    (one, x), (two, y) = view.coded(a), view.coded(b)
    here = (x != MISSING) & (y != MISSING)
    x, y, k = x[here], y[here], len(two.values)
    counts = np.bincount(x * k + y, minlength=len(one.values) * k)
    if not here.any() or np.count_nonzero(counts == 1) > _NEW * len(x):
        return False
    beside = ((_neighbours(x, one), y), (x, _neighbours(y, two)))
    return all(float(np.mean(counts[p * k + q] == 0)) >= _BARRED for p, q in beside)


def _neighbours(codes: Codes, domain: Domain) -> Codes:
    """Return each row's value moved on to the next one; of texts, which have no order, to that of any other row."""
    if domain.is_text:
        return np.random.default_rng(0).permutation(codes)
    return np.where(codes + 1 < len(domain.values), codes + 1, codes - 1)


def _table(view: View, a: str, b: str) -> tuple[Codes, NDArray[np.bool_]]:
    """Return the counts of two columns' pairs, and which pairs are allowed."""
    (one, x), (two, y) = view.coded(a), view.coded(b)
    here = (x != MISSING) & (y != MISSING)
    counts = np.bincount(x[here] * len(two.values) + y[here], minlength=len(one.values) * len(two.values))
    counts = counts.reshape(len(one.values), len(two.values))
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / max(counts.sum(), 1)
    columns = len(view.names)
    limit = max(_EXPECTED, -by_chance(counts.size * columns * columns))
    return counts.astype(np.int64), (counts > 0) | (expected < limit)


def fit(view: View, a: str, b: str, in_sets: bool = False) -> Pairs | None:
    """Return the rule of all rows; None where no pair is barred."""
    if in_sets and not _in_sets(view, a, b):
        return None
    counts, allowed = _table(view, a, b)
    allowed = counts > 0 if in_sets else allowed
    return None if allowed.all() else _build(view, a, b, counts, allowed, False)


def _build(view: View, a: str, b: str, counts: Codes, allowed: NDArray[np.bool_], declared: bool) -> Pairs:
    domains = (view.coded(a)[0], view.coded(b)[0])
    rule = Pairs(first=a, second=b, domains=domains, allowed=allowed, counts=counts, declared=declared)
    x, y = view.codes(a), view.codes(b)
    barred_a, barred_b = np.append(~allowed.all(axis=1), False), np.append(~allowed.all(axis=0), False)
    return rule.counted(view.table, barred_a[x] | barred_b[y])


def declare(view: View, spec: Mapping[str, Any]) -> Pairs:
    """Make a declared rule: two ``columns``; every pair of values that no row has is barred."""
    columns = names_in(spec, "columns", 2)
    if len(columns) != 2:
        raise InputError(f"a rule of kind 'pairs' needs two columns, not {len(columns)}")
    a, b = columns
    counts, _ = _table(view, a, b)
    if counts.size > 10_000_000:
        raise InputError(f"{a!r} and {b!r} have too many values for a rule of pairs ({counts.size:,})")
    return _build(view, a, b, counts, counts > 0, True)
