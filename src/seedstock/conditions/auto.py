"""Rare classes and rare combinations, found in the real rows."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from seedstock.conditions.rare import Rare
from seedstock.core.errors import InputError
from seedstock.core.table import Column, Dataset

RARE_SHARE = 0.01
"""A value of fewer rows than this share is rare; of the target, five times as many."""
_FEWEST = 5
_MOST_VALUES = 100
_MOST = 10
_MOST_PAIRS = 3
_COMMON = 0.05
_LIFT = 0.2
_EXPECTED = 50.0


def rare_situations(train: Dataset, share: float) -> list[Rare]:
    """Return rare situations, which together get a share of the rows.

    First the target's rare classes, then rare values of other columns, then pairs of common values that meet at most a
    fifth as often as chance would have them meet. Situations of fewer than five real rows are left out.

    Parameters
    ----------
    share : float
        Of all of them together; each gets the same part, at most ten of them.
    """
    n, target = len(train.table), train.columns.target
    names = [
        name
        for name, c in train.table.columns.items()
        if train.columns[name].kind in ("category", "boolean") and 2 <= len(_counts(c)[0]) <= _MOST_VALUES
    ]
    names.sort(key=lambda name: name != target)
    found: list[dict[str, Any]] = []
    for name in names:
        values, counts = _counts(train.table[name])
        limit = RARE_SHARE * n * (5 if name == target else 1)
        rows = np.flatnonzero((counts >= _FEWEST) & (counts < limit))
        found += [{name: values[i]} for i in rows[np.argsort(counts[rows], kind="stable")]]
    taken: set[str] = set()
    pairs = []
    for a, b in combinations(names, 2):
        pairs += [(lift, count, a, b, case) for lift, count, case in _seldom_together(train, a, b)]
    together: list[dict[str, Any]] = []
    for _, _, a, b, case in sorted(pairs, key=lambda p: p[:4]):
        if not {a, b} & taken and len(together) < _MOST_PAIRS:
            together.append(case)
            taken |= {a, b}
    found = found[: _MOST - len(together)] + together
    if not found:
        raise InputError(
            f"no rare situation of {_FEWEST} real rows or more stands out; name one, such as --rare COLUMN=VALUE:SHARE"
        )
    return [Rare(case, share / len(found)) for case in found]


def _counts(column: Column) -> tuple[list[Any], np.ndarray]:
    """Return a column's values and how many rows each has."""
    here = column.values[~column.missing]
    if column.levels is not None:
        counts = np.bincount(here, minlength=len(column.levels))
        return [column.levels[i] for i in np.flatnonzero(counts)], counts[counts > 0]
    values, counts = np.unique(here, return_counts=True)
    return values.tolist(), counts


def _seldom_together(train: Dataset, a: str, b: str) -> list[tuple[float, int, dict[str, Any]]]:
    """Return (lift, rows, case) of pairs of common values that meet seldom, and five times at least."""
    n, out = len(train.table), []
    values_a, counts_a = _counts(train.table[a])
    values_b, counts_b = _counts(train.table[b])
    for i in np.flatnonzero(counts_a >= _COMMON * n):
        for j in np.flatnonzero(counts_b >= _COMMON * n):
            expected = counts_a[i] * counts_b[j] / n
            if expected < _EXPECTED:
                continue
            both = int((_is(train.table[a], values_a[i]) & _is(train.table[b], values_b[j])).sum())
            if _FEWEST <= both < min(_LIFT * expected, RARE_SHARE * n):
                out.append((both / expected, both, {a: values_a[i], b: values_b[j]}))
    return out


def _is(column: Column, value: Any) -> np.ndarray:
    same: np.ndarray = (column.texts() if column.is_text else column.values) == value
    return same & ~column.missing
