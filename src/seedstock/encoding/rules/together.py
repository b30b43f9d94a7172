"""Cells of several columns that are missing in the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed, listed, names_in, worth
from seedstock.encoding.rules.view import View, by_chance


@dataclass(frozen=True, eq=False, kw_only=True)
class Together(Rule):
    """In a row either all of the group's cells are missing, or none is.

    Attributes
    ----------
    group : tuple of str
    """

    group: tuple[str, ...]

    kind: ClassVar[str] = "missing_together"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.group

    @property
    def text(self) -> str:
        return f"{listed(self.group)} are missing together"

    def _missing(self, table: Table) -> Mask:
        return np.stack([table[name].missing for name in self.group], axis=1)

    def holds(self, table: Table) -> Mask:
        missing = self._missing(table)
        first = missing[:, :1]
        same: Mask = np.all(missing == first, axis=1)
        return same

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Empty the whole group: a value that was not drawn cannot be made up."""
        missing = self._missing(table)
        held = np.stack([is_fixed(fixed, name, len(table)) for name in self.group], axis=1)
        able = ~(held & ~missing).any(axis=1)
        return {name: emptied(table[name], able & ~held[:, j]) for j, name in enumerate(self.group)}

    def settings(self) -> dict[str, Any]:
        return {"group": list(self.group)}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        return cls(group=names_in(value, "group", 2), **counts)


def emptied(column: Column, rows: Mask) -> Column:
    """Return a column with more cells missing."""
    return Column(column.values, column.missing | rows, column.levels)


def find(view: View) -> list[tuple[str, ...]]:
    """Return groups of columns in a sample that are missing in (nearly) the same rows, beyond chance."""
    names = [name for name in view.names if 0 < view.table[name].missing.sum() < view.n]
    limit = by_chance(len(names) ** 2)
    groups: list[list[str]] = []
    for name in names:
        gone = view.table[name].missing
        for group in groups:
            other = view.table[group[0]].missing
            apart = int((gone ^ other).sum())
            # Each missing cell meets one in the other column with a probability of at most the larger share.
            chance = gone.sum() * np.log(max(gone.mean(), other.mean())) if max(gone.mean(), other.mean()) < 1 else 0.0
            filled = (~gone).sum() * np.log(max((~gone).mean(), (~other).mean()))
            if apart <= 0.005 * min((gone | other).sum(), view.n) and chance + filled < limit:
                group.append(name)
                break
        else:
            groups.append([name])
    return [tuple(group) for group in groups if len(group) > 1]


def fit(view: View, group: Sequence[str], declared: bool = False) -> Together | None:
    """Return the group with the counts of all rows, None where it does not hold."""
    rule = Together(group=tuple(group), declared=declared)
    some = np.zeros(view.n, bool)
    for name in group:
        some |= view.table[name].missing
    rule = rule.counted(view.table, some)
    return rule if declared or worth(rule) else None


def declare(view: View, spec: Mapping[str, Any]) -> Together:
    """Make a declared group of ``columns``."""
    rule = fit(view, names_in(spec, "columns", 2), declared=True)
    assert rule is not None
    return rule
