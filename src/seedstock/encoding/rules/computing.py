"""The search for rules that compute a column from others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from seedstock.encoding.rules import (
    clock,
    compound,
    compounds,
    depends,
    extreme,
    intervals,
    linear,
    logarithm,
    moment,
    part,
    powers,
    product,
    sums,
)
from seedstock.encoding.rules.formula import Formula
from seedstock.encoding.rules.grouped import Grouped
from seedstock.encoding.rules.implied import closes_circle, follows
from seedstock.encoding.rules.moment import Moment
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.view import View

Wanted = Callable[[Rule], bool]

_READ = (Grouped, Moment)
"""Rules that read a column off another one."""


def computing_rules(full: View, few: View, kept: list[Rule], wanted: Wanted) -> list[Rule]:
    """Add rules that compute a column to those kept: simple ones first, and none that follows from others.

    Parameters
    ----------
    few : View
        A sample of the rows, in which candidates are looked for; all rows of `full` decide.
    """
    return _rarer(full, few, _functions(full, few, list(kept), wanted), wanted)


def _functions(full: View, few: View, kept: list[Rule], wanted: Wanted) -> list[Rule]:
    """Add formulas, look-ups and what is read off another column."""
    candidates: list[tuple[tuple[float, ...], Callable[[], Rule | None]]] = []
    for line in sums.find(few):
        candidates.append(((2 * len(line[0]) - 1, 0), partial(linear.fit, full, *line)))
    for parents, child in depends.find(few):
        rank = (2 if len(parents) == 1 else 6, float(np.prod([few.k(p) for p in parents])), -few.k(child))
        candidates.append((rank, partial(depends.fit, full, parents, child)))
    for moments in moment.find(few):
        candidates.append(((0.5, 0), partial(moment.fit, full, *moments)))
    for parts in part.find(few):
        candidates.append(((1.6, 0), partial(part.fit, full, *parts)))
    for ends in intervals.find(few):
        candidates.append(((1.8, 0), partial(intervals.fit, full, *ends)))
    for times in clock.find(few):
        candidates.append(((4, 0), partial(clock.fit, full, *times)))
    for log in logarithm.find(few):
        candidates.append(((1.5, 0), partial(logarithm.fit, full, *log)))
    for parents, exponents, child, factor in powers.find(few):
        loose, single = product.looseness(few, child), len(parents) == 1
        # A square rather than a root, where one column is both of the other.
        place = (1.5, float(exponents[0] < 1), loose) if single else (5.0, loose, max(map(abs, exponents)))
        candidates.append((place, partial(product.fit, full, parents, exponents, child, factor)))
    for _, fit in sorted(candidates, key=lambda c: c[0]):
        rule = fit()
        if isinstance(rule, _READ) and any(r.computes and r.columns[-1] == rule.child for r in kept):
            continue
        if rule is not None and wanted(rule) and not (follows(rule, kept) or _circular(rule, kept)):
            kept.append(rule)
    return kept


def _rarer(full: View, few: View, kept: list[Rule], wanted: Wanted) -> list[Rule]:
    """Add extremes, and products of several amounts, for columns that nothing computes yet: one a column."""
    for search, fit in ((extreme.find, extreme.fit), (compounds.find, compound.fit)):
        computed = {r.columns[-1] for r in kept if r.computes}
        for found in search(few, computed):
            rule = fit(full, *found)
            if rule is None or rule.child in computed or not wanted(rule) or closes_circle(rule, kept):
                continue
            kept.append(rule)
            computed.add(rule.child)
    return kept


def _circular(rule: Rule, kept: Sequence[Rule]) -> bool:
    """Tell whether a rule closes a circle with one that reads a column off another: it says no more than the others."""
    if isinstance(rule, _READ):
        return closes_circle(rule, kept)
    if isinstance(rule, Formula) and closes_circle(rule, [r for r in kept if isinstance(r, Formula)]):
        return True
    return closes_circle(rule, kept) and not closes_circle(rule, [r for r in kept if not isinstance(r, _READ)])
