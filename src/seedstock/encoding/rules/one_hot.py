"""Exactly one of several 0/1 columns is 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import numbers, set_numbers
from seedstock.encoding.rules.relations import relations
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed, listed, names_in, worth
from seedstock.encoding.rules.view import View

_LARGEST = 200


@dataclass(frozen=True, eq=False, kw_only=True)
class OneHot(Rule):
    """``sum(group) = 1`` for columns of 0 and 1; it says nothing where one is missing.

    Attributes
    ----------
    group : tuple of str
    ones : tuple of float
        Share of the rows where each is 1.
    """

    group: tuple[str, ...]
    ones: tuple[float, ...]

    kind: ClassVar[str] = "one_hot"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.group

    @property
    def text(self) -> str:
        return f"exactly one of {listed(self.group)} is 1"

    def _cells(self, table: Table) -> np.ndarray:
        return np.stack([numbers(table[name]) for name in self.group], axis=1)

    def holds(self, table: Table) -> Mask:
        total = self._cells(table).sum(axis=1)
        out: Mask = (total == 1) | np.isnan(total)
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Keep one of the ones; where there is none, pick one as often as it was seen."""
        n, X = len(table), self._cells(table)
        held = np.stack([is_fixed(fixed, name, n) for name in self.group], axis=1)
        set_, barred = held & (X == 1), held & (X == 0)
        able = np.where(set_.any(axis=1)[:, None], set_, ~barred)
        weight = able * np.where((able & (X == 1)).any(axis=1)[:, None], X == 1, np.asarray(self.ones) + 1e-12)
        total = weight.sum(axis=1)
        solvable = (total > 0) & (set_.sum(axis=1) <= 1)
        u = g.random(n) * np.where(total > 0, total, 1.0)
        pick = np.minimum((np.cumsum(weight, axis=1) <= u[:, None]).sum(axis=1), len(self.group) - 1)
        return {
            name: set_numbers(table[name], solvable & ~held[:, j], (pick == j).astype(float), 1.0)
            for j, name in enumerate(self.group)
        }

    def settings(self) -> dict[str, Any]:
        return {"group": list(self.group), "ones": list(self.ones)}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        group, ones = names_in(value, "group", 2), tuple(map(float, value["ones"]))
        if len(ones) != len(group) or min(ones) < 0 or not np.isfinite(ones).all():
            raise InputError("a rule's shares do not match its columns")
        return cls(group=group, ones=ones, **counts)


def binary(view: View) -> list[str]:
    """Return the columns that hold 0 and 1, or false and true, and nothing else."""
    out = []
    for name in view.names:
        column = view.table[name]
        if not column.is_text and column.values.dtype.kind in "bif":
            values = view.coded(name)[0].values
            if len(values) == 2 and values[0] == 0 and values[1] == 1:
                out.append(name)
    return out


def find(view: View) -> list[tuple[str, ...]]:
    """Return groups of three or more columns of 0 and 1 that add up to 1 in samples of the rows."""
    names = [n for n in binary(view) if view.table[n].missing.mean() < 0.5]
    groups = []
    for columns, vector in relations(view, names, _LARGEST):
        if len(columns) >= 3 and np.allclose(vector, vector[0], rtol=1e-5):
            groups.append(tuple(n for n in names if n in columns))
    return groups


def fit(view: View, group: Sequence[str], declared: bool = False) -> OneHot | None:
    """Return the group with the counts of all rows, None where it does not hold."""
    ones = tuple(float(np.nanmean(view.numbers(name))) for name in group)
    rule = OneHot(group=tuple(group), ones=ones, declared=declared)
    rule = rule.counted(view.table, view.present(group))
    # Each column must be 1 now and then, or its place in the group is not known.
    rare = min(ones) * view.n < 3
    return rule if declared or (worth(rule) and not rare) else None


def declare(view: View, spec: Mapping[str, Any]) -> OneHot:
    """Make a declared group of ``columns``."""
    group = names_in(spec, "columns", 2)
    for name in group:
        x = view.table[name]
        if x.is_text or x.values.dtype.kind not in "bif" or not np.isin(x.values[~x.missing], [0, 1]).all():
            raise InputError(f"a one-hot group is made of columns of 0 and 1, and {name!r} holds others")
    rule = fit(view, group, declared=True)
    assert rule is not None
    return rule
