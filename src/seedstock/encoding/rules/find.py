"""The search for rules: candidates from a sample of the rows, checked on all of them, and thinned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from seedstock.core.schema import TableSchema
from seedstock.core.table import Table
from seedstock.encoding.rules import (
    implies,
    one_hot,
    order,
    pairs,
    together,
)
from seedstock.encoding.rules.computing import Wanted, computing_rules
from seedstock.encoding.rules.declared import declared_rules, is_vetoed, known_rule
from seedstock.encoding.rules.implied import copies, decided_together, determines, ordered
from seedstock.encoding.rules.implies import Implies
from seedstock.encoding.rules.rule import Rule, worth
from seedstock.encoding.rules.view import View
from seedstock.network.known import known_rules

SAMPLE_ROWS = 20_000
"""Rows in which candidates are looked for; each candidate is then checked on all rows."""

LEAST_ROWS = 30
"""Below so many rows nothing is found: chance makes rules in small tables."""

FIELD_TOLERATED = 0.001
"""Share of the rows it is about in which a known rule may fail and still be kept: drawn rows break it no more often."""

_MOST_IMPLIED = 150

Cell = tuple[str, object]


def find_rules(
    table: Table,
    schema: TableSchema,
    declared: Sequence[Mapping[str, Any]] = (),
    vetoed: Collection[str] = (),
) -> tuple[Rule, ...]:
    """Find the rules that hold between a table's columns, beside those that are declared.

    A rule is found where it holds in all real rows (functions and orders: in all but 0.5 % of those that could break
    it), and columns that were drawn on their own would have broken it. Rules that are known of network data
    (`seedstock.network.known`) are tried as well, and kept where the table does not break them. Of rules that say the
    same, the simpler stays.

    Parameters
    ----------
    table : Table
    schema : TableSchema
    declared : sequence of mapping
        Rules that the user knows, as in a schema file; see `seedstock.encoding.rules.declared`.
    vetoed : collection of str
        Names (`Rule.name`) or kinds of rules that must not be found; ``"*"`` for all.

    Returns
    -------
    tuple of Rule
        In the order in which a draw is repaired.

    Raises
    ------
    InputError
        Where a declared rule names unknown columns, or fails in most of the rows.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema
    >>> from seedstock.core.table import Column
    >>> g = np.random.default_rng(0)
    >>> net, tax = g.integers(100, size=500), g.integers(20, size=500)
    >>> made = {"net": Column.of(net), "tax": Column.of(tax), "gross": Column.of(net + tax)}
    >>> number = ColumnSchema("number", dtype="int64", decimals=0)
    >>> [rule.text for rule in find_rules(Table(made), TableSchema(dict.fromkeys(made, number)))]
    ['gross = net + tax']
    """
    full = View(table, schema)
    known = declared_rules(full, declared)
    if full.n < LEAST_ROWS or "*" in vetoed:
        return tuple(arrange(known))
    few = full
    if full.n > SAMPLE_ROWS:
        few = View(table.take(np.sort(np.random.default_rng(0).permutation(full.n)[:SAMPLE_ROWS])), schema)

    def wanted(rule: Rule) -> bool:
        return not is_vetoed(rule, vetoed) and rule.name not in {k.name for k in known}

    kept: list[Rule] = [*known, *(rule for rule in of_the_field(full) if is_kept(rule) and wanted(rule))]
    kept += _good([one_hot.fit(full, group) for group in one_hot.find(few)], wanted)
    kept = computing_rules(full, few, kept, wanted)
    kept += _good([together.fit(full, group) for group in together.find(few)], wanted)
    kept += _good([order.fit(full, chain) for chain in order.find(few, ordered(kept, full), copies(kept))], wanted)
    kept += _exclusions(full, few, kept, wanted)
    return tuple(arrange(kept))


def of_the_field(view: View) -> list[Rule]:
    """Return the rules that are known of network data, tried on a table; those that it breaks are among them."""
    made = set(view.schema.of_kind("id", "text", "image"))
    out = []
    for spec in known_rules(view.table, view.schema.columns):
        rule = known_rule(view, spec)
        if rule is None or not rule.support or made & set(rule.columns):
            continue
        if is_kept(rule) or spec["kind"] != "admits" or len(spec["when"]) == 1:
            out.append(rule)
            continue
        # What some of the causes break may hold for the others.
        single = [known_rule(view, {**spec, "when": [value]}) for value in spec["when"]]
        out += [r for r in single if r is not None and r.support]
    return out


def is_kept(rule: Rule) -> bool:
    """Tell whether the data leave a rule of the field standing: one row in a thousand may be a fault of the capture."""
    return worth(rule, FIELD_TOLERATED)


def _good(rules: Iterable[Rule | None], wanted: Wanted) -> list[Rule]:
    return [rule for rule in rules if rule is not None and wanted(rule)]


def _exclusions(full: View, few: View, kept: Sequence[Rule], wanted: Wanted) -> list[Rule]:
    """Return rules about values that avoid each other, without those that others imply."""
    one = {(next(iter(need)), child) for need, child in determines(kept) if len(need) == 1}
    avoiding = [
        (a, b, sets)
        for a, b, sets in pairs.find(few)
        if (a, b) not in one and (b, a) not in one and not (sets and decided_together(a, b, kept))
    ]
    out = _good([pairs.fit(full, *found) for found in avoiding], wanted)
    told = ordered(kept, full) | one
    grouped = [set(r.columns) for r in kept if r.kind in ("one_hot", "missing_together")]
    chains = [r.columns for r in kept if r.kind == "order"]
    found = []
    for cause, when, effect, then in implies.find(few):
        below = any(cause in c and effect in c and c.index(effect) < c.index(cause) for c in chains)
        # That a rate is missing where its time is 0 follows from no formula.
        known = (cause, effect) in told and then < len(few.coded(effect)[0].values)
        if known or below or any({cause, effect} <= group for group in grouped):
            continue
        rule = implies.fit(full, few, cause, when, effect, then)
        if rule is not None and wanted(rule):
            found.append(rule)
    found.sort(key=lambda r: -r.support)
    return out + _unimplied(found[: 4 * _MOST_IMPLIED])[:_MOST_IMPLIED]


def _unimplied(rules: Sequence[Implies]) -> list[Rule]:
    """Drop what follows from rules before it: A -> B -> C makes A -> C pointless."""
    reach: dict[Cell, set[Cell]] = {}
    out: list[Rule] = []
    for rule in rules:
        target = (rule.effect, _value(rule))
        sources: list[Cell] = [(rule.cause, v) for v in rule.when.values.tolist()]
        sources += [(rule.cause, None)] * rule.when_missing
        if not all(target in _reachable(s, reach) for s in sources):
            for s in sources:
                reach.setdefault(s, set()).add(target)
            out.append(rule)
    return out


def _value(rule: Implies) -> object:
    return rule.then.values[0].item() if len(rule.then.values) else None


def _reachable(start: Cell, reach: Mapping[Cell, set[Cell]]) -> set[Cell]:
    seen, todo = {start}, [start]
    while todo:
        for node in reach.get(todo.pop(), ()):
            if node not in seen:
                seen.add(node)
                todo.append(node)
    return seen


_FIRST = ("missing_together", "implies", "admits", "pairs", "one_hot", "bounds", "order", "at_least")


def arrange(rules: Sequence[Rule]) -> list[Rule]:
    """Return rules in the order of repair: exclusions, orders, then what is computed, parents before children."""
    out = sorted((r for r in rules if not r.computes), key=lambda r: _FIRST.index(r.kind))
    left = [r for r in rules if r.computes]
    while left:
        waiting = {r.columns[-1] for r in left}
        ready = [r for r in left if not waiting & set(r.columns[:-1])] or left[:1]
        out += ready
        left = [r for r in left if r not in ready]
    return out
