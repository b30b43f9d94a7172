"""Missing cells that follow from present ones by a rule: a lost total, a lost part of one, the hour of a known time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import numbers, put, set_numbers
from seedstock.encoding.rules.compound import Compound
from seedstock.encoding.rules.linear import Linear
from seedstock.encoding.rules.product import Product
from seedstock.encoding.rules.rule import Rule

_PASSES = 4


def deduced(table: Table, rules: Sequence[Rule], gaps: Mapping[str, Mask]) -> tuple[Table, dict[str, dict[int, Rule]]]:
    """Fill missing cells that rules without exceptions leave one value.

    A cell follows where the rule computes it from present cells, or where it is the only one missing of an amount's
    parts. What would lie beyond the column's present values is left.

    Parameters
    ----------
    gaps : mapping of str to bool ndarray (n,)
        The cells that may be filled.

    Returns
    -------
    Table
    dict of str to dict of int to Rule
        Column -> row -> the rule that told it.
    """
    told: dict[str, dict[int, Rule]] = {}
    certain = [r for r in rules if r.computes and not r.violations and set(r.columns) <= set(table)]
    for _ in range(_PASSES):
        before = sum(map(len, told.values()))
        for rule in certain:
            lost = np.stack([table[name].missing for name in rule.columns])
            one = lost.sum(axis=0) == 1
            able = rule.columns if _is_solved(rule) else rule.columns[-1:]
            for name in able:
                rows = np.flatnonzero(one & table[name].missing & gaps.get(name, np.zeros(len(table), bool)))
                if not len(rows):
                    continue
                rows, cells = _cells(rule, table, rows, name)
                table = table.assign({name: put(table[name], rows, cells)})
                told.setdefault(name, {}).update(dict.fromkeys(rows.tolist(), rule))
        if sum(map(len, told.values())) == before:
            break
    return table, told


def _is_solved(rule: Rule) -> bool:
    """Tell whether a rule can be solved for each of its columns, with one answer."""
    if isinstance(rule, Product):
        return all(power % 2 for power in rule.powers)
    return isinstance(rule, Compound) or (isinstance(rule, Linear) and not rule.slack)


def _cells(rule: Rule, table: Table, rows: np.ndarray, name: str) -> tuple[np.ndarray, Column]:
    """Return the rows of which a rule tells a missing cell, and these cells."""
    part, old = table.select(rule.columns).take(rows), table[name]
    if name != rule.columns[-1]:
        # The cell needs some value to be moved from: below 0 where such are allowed.
        start = -1 if (numbers(old)[~old.missing] < 0).any() else 0
        part = part.assign({name: Column.of(np.full(len(rows), start, "i8").astype(old.values.dtype))})
    else:
        says = rule.tells(part)
        rows, part = rows[says], part.take(says)
    fixed = {other: np.ones(len(rows), bool) for other in rule.columns if other != name}
    new = rule.repair(part, fixed, np.random.default_rng(0)).get(name, part[name])
    good = ~new.missing & rule.holds(part.assign({name: new}))
    if name != rule.columns[-1] and isinstance(rule, Product | Compound):
        # What is rounded tells the amount only where no neighbour on its grid would be rounded to the same.
        step = rule.steps[rule.columns.index(name)]
        near = [part.assign({name: set_numbers(new, good, numbers(new) + d, step)}) for d in (-step, step)]
        good &= step > 0 and ~rule.holds(near[0]) & ~rule.holds(near[1])
    if not new.is_text and new.values.dtype != bool:
        seen, x = numbers(old)[~old.missing], numbers(new)
        good &= (x >= seen.min(initial=np.inf)) & (x <= seen.max(initial=-np.inf))
    return rows[good], new.take(good)
