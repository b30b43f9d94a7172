"""`Grouped`: the value of one column is decided by the group that another column's value falls into."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import MISSING, Codes, Domain, where
from seedstock.encoding.rules.rule import Fixed, Rule, is_fixed


@dataclass(frozen=True, eq=False, kw_only=True)
class Grouped(Rule):
    """A child that follows from its parent's group, whatever value of the group the parent has.

    Attributes
    ----------
    parent, child : str
    domain : Domain
        The child's values.
    images : int64 ndarray, shape (groups,)
        The child's code in each group; `MISSING` where nothing is known of a group.
    """

    parent: str
    child: str
    domain: Domain
    images: Codes

    computes: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.parent, self.child)

    @abstractmethod
    def groups(self, column: Column) -> Codes:
        """Return the group of each of the parent's cells, shape (n,), -1 where missing."""

    @abstractmethod
    def moved(self, column: Column, wanted: Codes, g: np.random.Generator) -> Column:
        """Return the parent's cells moved into groups of the child's wanted codes, shape (n,); where none is, left."""

    def expected(self, column: Column) -> Codes:
        """Return the child's code for each of the parent's cells, shape (n,), `MISSING` where the rule says nothing."""
        group = self.groups(column)
        return np.where(group >= 0, self.images[group], MISSING)

    def tells(self, table: Table) -> Mask:
        out: Mask = self.expected(table[self.parent]) != MISSING
        return out

    def holds(self, table: Table) -> Mask:
        want, child = self.expected(table[self.parent]), table[self.child]
        out: Mask = (want == MISSING) | child.missing | (want == self.domain.codes(child))
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n, parent, child = len(table), table[self.parent], table[self.child]
        held, want = is_fixed(fixed, self.child, n), self.expected(parent)
        told = ~held & (want != MISSING)
        out = {self.child: where(told, self.domain.column(np.where(told, want, 0), child), child)}
        rows = np.flatnonzero(held & ~is_fixed(fixed, self.parent, n))
        if len(rows):
            new = self.moved(parent.take(rows), self.domain.codes(child.take(rows)), g)
            values, missing = parent.values.copy(), parent.missing.copy()
            values[rows], missing[rows] = new.values, new.missing
            out[self.parent] = Column(values, missing)
        return out

    def settings(self) -> dict[str, Any]:
        return {
            "parent": self.parent,
            "child": self.child,
            "domain": self.domain.to_json(),
            "images": self.images.tolist(),
        }


def grouped_in(value: Mapping[str, Any], groups: int) -> dict[str, Any]:
    """Return what `Grouped.settings` wrote, checked against the number of groups."""
    images, domain = np.asarray(value["images"], np.int64), Domain.from_json(value["domain"])
    if images.shape != (groups,) or images.min() < MISSING or images.max() >= len(domain.values):
        raise InputError("a rule's groups do not match its values")
    return {"parent": str(value["parent"]), "child": str(value["child"]), "domain": domain, "images": images}


def images_of(groups: Codes, codes: Codes, n_groups: int) -> Codes:
    """Return each group's most common code, shape (n_groups,), `MISSING` for groups and codes that are not there.

    >>> images_of(np.array([0, 0, 0, 2, -1]), np.array([1, 1, 0, 5, 3]), 3).tolist()
    [1, -2, 5]
    """
    here = (groups >= 0) & (codes >= 0)
    k = int(codes.max(initial=0)) + 1
    pairs, counts = np.unique(groups[here] * k + codes[here], return_counts=True)
    out = np.full(n_groups, MISSING, np.int64)
    order = np.argsort(counts, kind="stable")
    out[pairs[order] // k] = pairs[order] % k
    return out
