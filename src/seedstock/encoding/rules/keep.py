"""Keeping rules in rows that were drawn: repairs in order, again where one undid another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import put
from seedstock.encoding.rules.rule import Rule

_PASSES = 12
_YIELDING = 4
"""From this pass on, or once nothing else helps, computed columns give way to rules that are about them."""


@dataclass(frozen=True, eq=False)
class Mended:
    """Rows after repair.

    Attributes
    ----------
    table : Table
    broken : bool ndarray, shape (n,)
        Rows in which a rule still fails that must hold.
    by : Rule or None
        The rule that most of these rows break.
    """

    table: Table
    broken: Mask
    by: Rule | None


@dataclass(eq=False)
class _Work:
    """The rows under repair: columns, cells that must stay, and what changed."""

    columns: dict[str, Column]
    held: dict[str, Mask]
    touched: Mask
    excused: dict[int, Mask] = field(default_factory=dict)

    def table(self, names: Sequence[str], rows: np.ndarray | slice) -> Table:
        return Table({name: self.columns[name].take(rows) for name in names})


def mend(table: Table, rules: Sequence[Rule], fixed: Mapping[str, Mask], g: np.random.Generator) -> Mended:
    """Repair rows until all rules hold; cells that are fixed stay as they are.

    Rules that hold in all real rows hold in all rows that are not `Mended.broken`; others fail at most as often as in
    the real rows. A column that a rule computes follows its parents; where it is fixed, a parent gives way.

    Parameters
    ----------
    table : Table, n rows
    rules : sequence of Rule
        In the order of `seedstock.encoding.rules.find.arrange`.
    fixed : mapping of str to bool ndarray (n,)
    """
    n = len(table)
    work = _Work(dict(table.columns), {k: v.copy() for k, v in fixed.items()}, np.zeros(n, bool))
    owners: dict[str, int] = {}
    for i, rule in enumerate(rules):
        if rule.computes:
            owners.setdefault(rule.columns[-1], i)
    rows, yielding = np.arange(n), False
    broken, by = np.zeros(n, bool), None
    for round_ in range(_PASSES):
        yielding |= round_ >= _YIELDING
        work.touched = np.zeros(n, bool)
        for i, rule in enumerate(rules):
            if round_ == 0:
                _excuse(work, rule, i, g)
            _apply(work, rule, i, rows, owners, yielding, g)
        rows = np.flatnonzero(work.touched)
        if not len(rows) or round_ == _PASSES - 1:
            broken, by = _remaining(work, rules, n)
            if yielding or not broken.any():
                break
            rows, yielding = np.flatnonzero(broken), True
    return Mended(Table(work.columns, n), broken, by)


def contradiction(table: Table, rules: Sequence[Rule], fixed: Mapping[str, Mask]) -> Rule | None:
    """Return a rule without exceptions in the real rows that fixed cells break by themselves, if there is one."""
    for rule in rules:
        if not rule.violations and (_all_fixed(rule, fixed, len(table)) & ~rule.holds(table)).any():
            return rule
    return None


def _all_fixed(rule: Rule, fixed: Mapping[str, Mask], n: int) -> Mask:
    out = np.full(n, all(name in fixed for name in rule.columns))
    for name in rule.columns:
        if out.any():
            out &= fixed[name]
    return out


def _excuse(work: _Work, rule: Rule, i: int, g: np.random.Generator) -> None:
    """Let as many rows as in the real data break a rule that the real data break."""
    n = len(work.touched)
    excused = np.zeros(n, bool)
    if rule.violations:
        bad = np.flatnonzero(~rule.holds(work.table(rule.columns, slice(None))))
        excused[g.permutation(bad)[: int(rule.failing * n)]] = True
        excused |= _all_fixed(rule, work.held, n)
    work.excused[i] = excused


def _apply(
    work: _Work, rule: Rule, i: int, rows: np.ndarray, owners: Mapping[str, int], yielding: bool, g: np.random.Generator
) -> None:
    n = len(work.touched)
    sub = work.table(rule.columns, slice(None) if len(rows) == n else rows)
    bad = rows[~rule.holds(sub)]
    bad = bad[~work.excused[i][bad]]
    if not len(bad):
        return
    own = owners.get(rule.columns[-1]) == i and rule.computes
    held: dict[str, Mask] = {}
    for name in rule.columns:
        mask = work.held[name][bad] if name in work.held else None
        computed = name in owners and not (own and name == rule.columns[-1])
        if computed and not yielding:
            mask = np.ones(len(bad), bool)
        if mask is not None and mask.any():
            held[name] = mask
    before = work.table(rule.columns, bad)
    for name, new in rule.repair(before, held, g).items():
        old = before[name]
        changed = ~_same(old, new)
        if not changed.any():
            continue
        at = bad[changed]
        work.columns[name] = put(work.columns[name], at, new.take(changed))
        work.touched[at] = True
        if (own and name != rule.columns[-1]) or (yielding and not own):
            # What gave way to a fixed cell must not be computed back.
            work.held.setdefault(name, np.zeros(n, bool))
            work.held[name] = work.held[name].copy()
            work.held[name][at] = True


def _same(old: Column, new: Column) -> Mask:
    if old.levels is not None and new.levels is not old.levels:
        both = Column.concat([old, new])
        old, new = both.take(slice(0, len(old))), both.take(slice(len(old), None))
    same: Mask = (old.missing & new.missing) | ((old.values == new.values) & ~old.missing & ~new.missing)
    return same


def _remaining(work: _Work, rules: Sequence[Rule], n: int) -> tuple[Mask, Rule | None]:
    """Return which rows still break a rule, and the rule that most of them break."""
    broken = np.zeros(n, bool)
    by: Rule | None = None
    most = 0
    for i, rule in enumerate(rules):
        bad = ~rule.holds(work.table(rule.columns, slice(None))) & ~work.excused[i]
        broken |= bad
        if int(bad.sum()) > most:
            most, by = int(bad.sum()), rule
    return broken, by
