"""`Rule`: what every kind of rule can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.decimals import SINGLE

TOLERATED = 0.005
"""A found rule fails in this share at most of the rows that could break it."""

Fixed = Mapping[str, Mask]
"""Cells that a repair must leave alone: column -> mask; columns without any are absent."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Rule(ABC):
    """A statement about the cells of one row.

    Attributes
    ----------
    support : int
        Real rows that could have broken the rule.
    violations : int
        Real rows that did.
    rows : int
        Real rows that were looked at.
    declared : bool
        Whether the user declared it; otherwise it was found.
    """

    support: int = 0
    violations: int = 0
    rows: int = 0
    declared: bool = False

    kind: ClassVar[str]
    computes: ClassVar[bool] = False
    """Whether the last column is a function of the others."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The columns it is about; where it computes, the computed one comes last."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The rule in words."""

    @property
    def name(self) -> str:
        """What the rule is called in a list of vetoes."""
        if self.computes:
            return f"{self.kind}: {', '.join(self.columns[:-1])} -> {self.columns[-1]}"
        return f"{self.kind}: {', '.join(self.columns)}"

    @property
    def failing(self) -> float:
        """Share of the real rows that broke it."""
        return self.violations / self.rows if self.rows else 0.0

    @abstractmethod
    def holds(self, table: Table) -> Mask:
        """Return a mask (n,): true where the rule holds, or says nothing about the row."""

    @abstractmethod
    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Return columns to replace, for rows that all break the rule; rows that cannot be mended stay."""

    def empties(self, table: Table) -> Mapping[str, Mask]:
        """Return which cells the rule says are missing: column -> mask (n,), for columns of which it says so."""
        return {}

    def tells(self, table: Table) -> Mask:
        """Return the rows in which it computes its last column from the others, shape (n,)."""
        return np.zeros(len(table), bool)

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return JSON values that say everything but the counts."""

    @classmethod
    @abstractmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        """Make the rule from `settings` and the counts."""

    def counted(self, table: Table, could_break: Mask | None = None) -> Self:
        """Return the rule with its support and violations in a table."""
        bad = ~self.holds(table)
        support = len(table) if could_break is None else int((could_break | bad).sum())
        return replace(self, support=support, violations=int(bad.sum()), rows=len(table))

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `rules_from_json` makes the rule again."""
        return {
            "kind": self.kind,
            "support": self.support,
            "violations": self.violations,
            "rows": self.rows,
            "declared": self.declared,
            **self.settings(),
        }

    def facts(self) -> dict[str, Any]:
        """Return what a report shows."""
        return {
            "kind": self.kind,
            "name": self.name,
            "columns": list(self.columns),
            "text": self.text,
            "support": self.support,
            "violations": self.violations,
            "declared": self.declared,
        }


def violations_of(rule: Rule) -> int:
    """Return how many real rows break a rule: of several readings the one with the fewest is right."""
    return rule.violations


def worth(rule: Rule, tolerated: float = TOLERATED) -> bool:
    """Tell whether a found rule has support and holds (nearly) everywhere."""
    return rule.support > 0 and rule.violations <= tolerated * rule.support


def is_fixed(fixed: Fixed, name: str, n: int) -> Mask:
    """Return the mask (n,) of a column's fixed cells."""
    return fixed[name] if name in fixed else np.zeros(n, bool)


def names_in(value: Mapping[str, Any], key: str, least: int = 1) -> tuple[str, ...]:
    """Return the distinct column names under a key of a rule's JSON."""
    names = value.get(key)
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, Sequence) or not all(isinstance(v, str) for v in names):
        raise InputError(f"a rule of kind {value.get('kind')!r} needs {key!r}: a list of column names")
    if len(names) < least or len(set(names)) < len(names):
        raise InputError(f"a rule of kind {value.get('kind')!r} needs {least} or more different names under {key!r}")
    return tuple(names)


def digits_in(value: Mapping[str, Any]) -> int:
    """Return the significant digits in a rule's JSON."""
    digits = int(value["digits"])
    if not SINGLE <= digits <= 15:
        raise InputError("a rule's precision is out of bounds")
    return digits


def errors_in(value: Mapping[str, Any], key: str = "errors") -> tuple[float, ...]:
    """Return the relative errors, or the one, under a key of a rule's JSON."""
    errors = tuple(map(float, np.atleast_1d(value[key]).tolist()))
    if not all(0 <= e < 1e-3 for e in errors):
        raise InputError("a rule's precision is out of bounds")
    return errors


def listed(names: Sequence[Any], last: str = "and", most: int = 40) -> str:
    """Return names as an enumeration in words; of very many, the first ones.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    words = [str(v) for v in names]
    if len(words) > most:
        return f"one of {len(words)} values ({', '.join(words[:3])}, ...)"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
