"""Rules while rows are drawn: a filter then weighs what will be handed out, and hardly anything has to be repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from seedstock.core.given import Given
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.encoding.rules.cells import put
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.keep import mend
from seedstock.encoding.rules.rule import Rule

_FEW_EXCEPTIONS = 0.002
"""Share of the rows up to which exceptions from what is calculated are not drawn."""

_AS_FINE = 0.5
"""Share of the values of what it comes from, that a calculated column has at least."""


def calculated(plan: Plan) -> dict[str, Formula]:
    """Return the columns that rules calculate from numbers, with (nearly) no exceptions: column -> rule.

    Those that are much coarser than what they come from are left out, for they are worth knowing first (an hour before
    its minutes); and times, which are learned by their gaps (`seedstock.encoding.siblings`).
    """
    out: dict[str, Formula] = {}
    for rule in plan.rules:
        *parents, child = rule.columns
        if not isinstance(rule, Formula) or child in out or not {*rule.columns} <= {*plan.atoms}:
            continue
        certain = rule.violations <= _FEW_EXCEPTIONS * rule.support
        fine = plan.atoms[child].k >= _AS_FINE * max(plan.atoms[p].k for p in parents)
        if certain and fine and plan.atoms[child].values.dtype.kind not in "mM":
            out[child] = rule
    return out


def parents_first(order: Sequence[str], rules: Mapping[str, Formula]) -> list[str]:
    """Return an order in which what rules calculate comes after what it is calculated from.

    Examples
    --------
    >>> from seedstock.encoding.rules.clock import Clock
    >>> end = Clock(start="start", minutes="late", end="end", midnight=(0.0, 0.0))
    >>> parents_first(["late", "end", "start", "x"], {"end": end})
    ['late', 'start', 'end', 'x']
    """
    out = list(order)
    for child, rule in rules.items():
        last = max(map(out.index, rule.columns[:-1]))
        if out.index(child) < last:
            out.remove(child)
            out.insert(last, child)
    return out


def worked_out(rule: Formula, table: Table) -> Column:
    """Return the column that a rule calculates, as it calculates it; cells of which it says nothing stay."""
    return rule.repair(table, {}, np.random.default_rng(0))[rule.columns[-1]]


def work_out(plan: Plan, table: Table, given: Given) -> Table:
    """Return rows in which what rules calculate is so, wherever that is among what was asked for.

    A range asks for no certain value: its rows need not bend what a value comes from.
    """
    for rule in plan.rules:
        name = rule.columns[-1]
        if not isinstance(rule, Formula) or not {*rule.columns} <= {*table}:
            continue
        part = table.select(rule.columns)
        new = worked_out(rule, part)
        fits = np.isfinite(rule.value(part)) & ~table[name].missing
        if name in given.values:
            fits &= given.values[name].missing
        for i, case in enumerate(given.cases):
            if name in case:
                fits &= (given.case != i) | case[name].holds(new)
        rows = np.flatnonzero(fits)
        table = table.assign({name: put(table[name], rows, new.take(rows))})
    return table


class Ruled:
    """A plan's rules among its learned columns, for one draw of rows as codes, each of shape (n,)."""

    def __init__(self, plan: Plan, rng: Rng) -> None:
        self._plan = plan
        self._calculated = calculated(plan)
        self._rules = [rule for rule in plan.rules if set(rule.columns) <= set(plan.atoms)]
        self._rng = rng

    def calculate(self, name: str, codes: Mapping[str, Codes]) -> tuple[Codes, Mask]:
        """Return a column's codes with those that a rule calculates from columns drawn before it, and where it does.

        Columns drawn after it then depend on what is handed out.
        """
        rule = self._calculated.get(name)
        if rule is None or not {*rule.columns} <= {*codes}:
            return codes[name], np.zeros(len(codes[name]), bool)
        table = self._table([rule], codes)
        told = self._plan.atoms[name].encode(worked_out(rule, table))
        known = np.isfinite(rule.value(table)) & ~table[name].missing & (told >= 0)
        return np.where(known & ~rule.holds(table), told, codes[name]), known

    def broken(self, name: str, codes: Mapping[str, Codes]) -> Codes:
        """Return the rows in which a rule without exceptions fails that is about a column and some drawn before it.

        What a rule computes is left to `mended`: it would hardly ever be drawn right.
        """
        rules = [r for r in self._rules if name in r.columns and not (r.computes or r.violations)]
        rules = [r for r in rules if set(r.columns) <= set(codes)]
        if not rules:
            return np.empty(0, np.int64)
        table = self._table(rules, codes)
        holds = np.ones(len(table), bool)
        for rule in rules:
            holds &= rule.holds(table)
        return np.flatnonzero(~holds)

    def mended(self, codes: dict[str, Codes], asked: Mapping[str, Mask] = MappingProxyType({})) -> dict[str, Codes]:
        """Return rows of which all rules hold, as far as codes can tell; cells that were asked for stay as they are."""
        if not self._rules:
            return codes
        table = self._table(self._rules, codes)
        fixed = {name: mask for name, mask in asked.items() if name in table}
        done = mend(table, self._rules, fixed, self._rng.child("mend").generator()).table
        out = dict(codes)
        for name in table:
            if done[name] is not table[name]:
                old, new = (self._plan.atoms[name].encode(cells[name]) for cells in (table, done))
                # Cells between atoms stay with their own; a text that a column never had has no code.
                out[name] = np.where((new != old) & (new >= 0), new, codes[name])
        return out

    def _table(self, rules: list[Rule], codes: Mapping[str, Codes]) -> Table:
        names = {name for rule in rules for name in rule.columns}
        for tie in reversed(self._plan.ties):
            if tie.column in names:
                names |= set(tie.partners)
        cells = {name: self._cells(name, codes[name]) for name in sorted(names & set(codes))}
        return Table(self._plan.tied(cells, codes))

    def _cells(self, name: str, codes: Codes) -> Column:
        return self._plan.atoms[name].column(codes, self._rng.child(name).generator())
