"""Approximate functional dependencies: mined with support, and the cells that break them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

Codes = Mapping[str, NDArray[np.int64]]
_ROWS = 100_000
_MOST_COLUMNS = 30
_LEAST_GROUP = 3
_LEAST_GROUPS = 5
_FEW_GROUPS = 3
"""Groups that are enough where they are large and hold nearly always."""
_FEW_STRENGTH = 0.95
_STRENGTH = 0.85
_LIFT = 0.8
_CLEAR = 0.6


@dataclass(frozen=True)
class Rule:
    """Rows with equal A have equal B, nearly always.

    Attributes
    ----------
    a, b : str
    strength : float
        Share of the rows, in groups of three or more, that hold their group's commonest B.
    """

    a: str
    b: str
    strength: float


@dataclass(frozen=True)
class Broken:
    """A cell that is to blame.

    Attributes
    ----------
    by : str
        The column that decides otherwise.
    row_of_value : int
        A row that holds the value which the rules ask for.
    confidence : float
    unanimous : bool
        Whether three rules or more ask for this value, and none for another.
    """

    by: str
    row_of_value: int
    confidence: float
    unanimous: bool


def columns_of(data: Dataset) -> Codes:
    """Return the codes (-1: missing) of the columns whose values repeat; identifiers and images left out."""
    out: dict[str, NDArray[np.int64]] = {}
    n = len(data.table)
    if n < 30:
        return out
    for name, column in data.table.columns.items():
        if data.columns[name].kind in ("image", "duration") or column.values.ndim > 1:
            continue
        if column.values.dtype.kind == "f" and data.columns[name].decimals != 0:
            continue
        codes, k = column.codes()
        if 2 <= k <= 0.7 * n:
            out[name] = np.where(column.missing, -1, codes)
    # Those with most values first say most.
    keep = sorted(out, key=lambda c: -int(out[c].max()))[:_MOST_COLUMNS]
    return {c: out[c] for c in out if c in keep}


def mine(columns: Codes, rng: Rng) -> list[Rule]:
    """Return the dependencies between pairs of columns that hold in at least 85 % of the rows, far above chance."""
    if not columns:
        return []
    n = len(next(iter(columns.values())))
    rows = np.arange(n) if n <= _ROWS else np.sort(rng.child("mine").generator().choice(n, _ROWS, replace=False))
    part = {c: v[rows] for c, v in columns.items()}
    out: list[Rule] = []
    for a, u in part.items():
        sizes = np.bincount(u[u >= 0], minlength=1)
        if (sizes >= _LEAST_GROUP).sum() < _FEW_GROUPS:
            continue
        # Amounts that are mostly zero decide nothing; keys and codes do.
        if len(sizes) > 50 and sizes.max() > 0.2 * len(u):
            continue
        for b, v in part.items():
            if a == b:
                continue
            rule = _measure(a, b, u, v)
            if rule is not None:
                out.append(rule)
    return out


def _measure(a: str, b: str, u: NDArray[np.int64], v: NDArray[np.int64]) -> Rule | None:
    group, _, count, first = _groups(u, v)
    sizes = np.bincount(group, count)
    most = np.zeros(len(sizes))
    np.maximum.at(most, group, count)
    used = sizes >= _LEAST_GROUP
    if used.sum() < _FEW_GROUPS or not len(first):
        return None
    total = sizes[used].sum()
    strength = most[used].sum() / total
    if strength < _STRENGTH or total < 0.3 * len(u):
        return None
    if used.sum() < _LEAST_GROUPS and (strength < _FEW_STRENGTH or sizes[used].min() < 20):
        return None
    # What would groups of these sizes reach by chance? Never less than the commonest value's share; for small groups
    # more: one row of each is the commonest of itself.
    share = np.bincount(v[v >= 0]) / max((v >= 0).sum(), 1)
    by_chance = float(max(share.max(), (np.maximum(share.max() * sizes[used], 1)).sum() / total))
    if by_chance > 0.97 or (strength - by_chance) / (1 - by_chance) < _LIFT:
        return None
    # A rule, not a leaning: in nearly all groups the commonest value has by far the most rows.
    clear = (most[used] >= 0.75 * sizes[used])[sizes[used] >= 4]
    if len(clear) and clear.mean() < 0.9:
        return None
    # Groups' second value must be rare: rows that break a rule are single, a leaning has a second value of size.
    rest = sizes[used] - most[used]
    large = sizes[used] >= 20
    if large.any() and np.quantile(rest[large] / sizes[used][large], 0.9) > 0.2:
        return None
    return Rule(a, b, float(strength))


def _groups(u: NDArray[np.int64], v: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return group, value, count and first row of each pair of codes that occurs; missing ones left out."""
    known = np.flatnonzero((u >= 0) & (v >= 0))
    k = int(v.max(initial=0)) + 1
    keys, first, count = np.unique(u[known] * k + v[known], return_index=True, return_counts=True)
    return keys // k, keys % k, count, known[first] if len(known) else known


@dataclass(frozen=True)
class _Votes:
    """What one rule says about each row: bad rows, the row whose value it asks for, and with what share."""

    rule: int
    rows: NDArray[np.int64]
    sources: NDArray[np.int64]
    shares: NDArray[np.float64]


def blame(columns: Codes, rules: Sequence[Rule], n: int) -> dict[str, dict[int, Broken]]:
    """Return column -> row -> what is wrong: the cells that more rules speak against than for."""
    votes: list[_Votes] = []
    # For each decided column: the weight of the rules that agree with the cell.
    agree = {rule.b: np.zeros(n) for rule in rules}
    for i, rule in enumerate(rules):
        u, v = columns[rule.a], columns[rule.b]
        group, value, count, first = _groups(u, v)
        if not len(group):
            continue
        order = np.lexsort((-count, group))
        best = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
        n_groups = int(u.max()) + 1
        sizes = np.bincount(group, count, minlength=n_groups)
        wanted, source, share = np.full(n_groups, -2), np.zeros(n_groups, np.int64), np.zeros(n_groups)
        wanted[group[best]], source[group[best]] = value[best], first[best]
        share[group[best]] = count[best] / sizes[group[best]]
        fine = (sizes >= _LEAST_GROUP) & (share >= _CLEAR)
        asked = (u >= 0) & fine[np.maximum(u, 0)]
        same = v == wanted[np.maximum(u, 0)]
        # In a pair of equal rows each speaks for the other: a group's own vote counts without the cell itself.
        agree[rule.b] += np.where(asked & same, share[np.maximum(u, 0)], 0.0)
        bad = np.flatnonzero(asked & ~same)
        bad = _without_exceptions(columns, rule, bad, asked)
        if len(bad):
            votes.append(_Votes(i, bad, source[u[bad]], share[u[bad]]))
    return _settle(columns, rules, votes, agree)


def _without_exceptions(
    columns: Codes, rule: Rule, bad: NDArray[np.int64], asked: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Drop rows that break a rule because of a third column: where most rows of one of its values break it."""
    if len(bad) < 3:
        return bad
    drop = np.zeros(len(bad), bool)
    for name, codes in columns.items():
        if name in (rule.a, rule.b):
            continue
        k = int(codes.max(initial=0)) + 1
        known = codes[bad] >= 0
        n_bad = np.bincount(codes[bad][known], minlength=k)
        n_all = np.bincount(codes[asked & (codes >= 0)], minlength=k)
        odd = (n_bad >= 3) & (n_bad >= 0.5 * n_all)
        drop |= known & odd[np.maximum(codes[bad], 0)]
    return bad[~drop]


def _settle(
    columns: Codes, rules: Sequence[Rule], votes: list[_Votes], agree: Mapping[str, NDArray[np.float64]]
) -> dict[str, dict[int, Broken]]:
    by_row: dict[int, list[tuple[int, int, float]]] = {}
    for vote in votes:
        for r, s, p in zip(vote.rows.tolist(), vote.sources.tolist(), vote.shares.tolist(), strict=True):
            by_row.setdefault(r, []).append((vote.rule, s, p))
    out: dict[str, dict[int, Broken]] = {}
    for r, broken in by_row.items():
        left = broken
        while left:
            against: dict[str, float] = {}
            for i, _, p in left:
                against[rules[i].b] = against.get(rules[i].b, 0.0) + p
            # A cell that decides others wrongly is itself suspect, if nothing speaks for it.
            for i, _, p in left:
                if rules[i].a in against:
                    against[rules[i].a] += 0.5 * p
            net = {c: w - float(agree[c][r]) for c, w in against.items()}
            worst = max(net, key=lambda c: (net[c], c))
            if net[worst] <= 0:
                break
            asked: dict[int, tuple[float, int, str]] = {}
            for i, s, p in left:
                if rules[i].b == worst:
                    value = int(columns[worst][s])
                    known = asked.get(value, (0.0, s, rules[i].a))
                    asked[value] = (known[0] + p, known[1], known[2])
            weight, source, by = max(asked.values())
            total = sum(w for w, _, _ in asked.values()) + float(agree[worst][r])
            # One rule alone may err; three that agree hardly do. An empty cell has nothing to lose.
            empty = int(columns[worst][r]) < 0
            several = 0.55 + 0.15 * min(3.0, weight) + (0.1 if empty else 0.0)
            out.setdefault(worst, {})[r] = Broken(
                by, source, float(min(weight / total * several, 0.97)), weight >= 2.5 and weight >= 0.999 * total
            )
            left = [x for x in left if worst not in (rules[x[0]].a, rules[x[0]].b)]
    return {c: dict(sorted(out[c].items())) for c in sorted(out)}
