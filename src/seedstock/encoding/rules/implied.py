"""What follows from rules: columns that are known from others, and orders and pairs that need no rule of their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seedstock.encoding.rules.at_least import AtLeast
from seedstock.encoding.rules.clock import Clock
from seedstock.encoding.rules.depends import Depends
from seedstock.encoding.rules.extreme import Extreme
from seedstock.encoding.rules.linear import Linear
from seedstock.encoding.rules.logarithm import Logarithm
from seedstock.encoding.rules.moment import Moment
from seedstock.encoding.rules.product import Product
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.view import View


def determines(rules: Sequence[Rule]) -> list[tuple[frozenset[str], str]]:
    """Return what rules compute from what: (columns, column)."""
    out = []
    for rule in rules:
        if rule.kind == "one_hot":
            out += [(frozenset({*rule.columns} - {name}), name) for name in rule.columns]
        if not rule.computes:
            continue
        *parents, child = rule.columns
        out.append((frozenset(parents), child))
        if isinstance(rule, Linear) and (rule.slack == 0 or len(parents) == 1):
            out += [(frozenset({*rule.columns} - {p}), p) for p in parents]
        if isinstance(rule, Product | Clock | Logarithm):
            # Up to rounding: enough to make another rule between the same columns pointless.
            out += [(frozenset({*rule.columns} - {p}), p) for p in parents]
        if isinstance(rule, Depends) and len(parents) == 1 and len(np.unique(rule.images)) == len(rule.images):
            out.append((frozenset({child}), parents[0]))
    return out


def follows(rule: Rule, kept: Sequence[Rule]) -> bool:
    """Tell whether a computed column is known from the rule's parents by the rules kept (Armstrong's closure)."""
    *parents, child = rule.columns
    known, steps, grown = set(parents), determines(kept), True
    while grown and child not in known:
        new = {c for need, c in steps if need <= known} - known
        known |= new
        grown = bool(new)
    return child in known


def closes_circle(rule: Rule, kept: Sequence[Rule]) -> bool:
    """Tell whether what a rule computes decides, by the rules kept, one of the columns that it is computed from."""
    known, grown = {rule.columns[-1]}, True
    while grown:
        new = {r.columns[-1] for r in kept if r.computes and known & set(r.columns[:-1])} - known
        known |= new
        grown = bool(new)
    return bool(known & set(rule.columns[:-1]))


def decided_together(a: str, b: str, kept: Sequence[Rule]) -> bool:
    """Tell whether look-ups, which name seen values only, leave no pair of two columns that was not seen."""
    one = [(next(iter(need)), child) for need, child in determines(kept) if len(need) == 1]
    for source in {a, b, *(cause for cause, _ in one)}:
        known, before = {source}, 0
        while len(known) > before:
            before = len(known)
            known |= {child for cause, child in one if cause in known}
        if {a, b} <= known:
            return True
    return any({a, b} <= {*rule.columns} for rule in kept if isinstance(rule, Depends))


def ordered(kept: Sequence[Rule], view: View) -> set[tuple[str, str]]:
    """Return pairs (a, b) whose order, or whose zeros, follow from rules that compute a column."""
    out: set[tuple[str, str]] = set()
    for rule in kept:
        if isinstance(rule, AtLeast) and rule.weights == (1.0,) and not rule.constant and rule.cause is None:
            out |= {(rule.parents[0], rule.child), (rule.child, rule.parents[0])}
        if not rule.computes:
            continue
        *parents, child = rule.columns
        if isinstance(rule, Extreme | Moment):
            out |= {pair for p in parents for pair in ((p, child), (child, p))}
            continue
        below = parents if len(parents) == 1 or isinstance(rule, Product) else []
        if isinstance(rule, Linear) and rule.constant >= 0 and min(rule.weights) > 0:
            # child = p + amounts of 0 or more: p <= child, and what is 0 in the child is 0 in p.
            least = {p: float(np.nanmin(view.numbers(p))) for p in parents}
            below += [
                p
                for p, w in zip(parents, rule.weights, strict=True)
                if (w == 1 or (w > 1 and least[p] >= 0)) and all(least[q] >= 0 for q in parents if q != p)
            ]
        out |= {(p, child) for p in below} | {(child, p) for p in below}
    return out


def copies(kept: Sequence[Rule]) -> set[str]:
    """Return the columns that repeat another one."""
    lines = [r for r in kept if isinstance(r, Linear)]
    return {r.child for r in lines if r.weights == (1.0,) and not r.constant}
