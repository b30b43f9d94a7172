"""The search for products of powers: every pair of columns against every child, in a few rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Mask
from seedstock.encoding.rules.cells import Numbers
from seedstock.encoding.rules.decimals import shortest_slope
from seedstock.encoding.rules.product import value_of
from seedstock.encoding.rules.view import View

GLANCE = 96
_WIDEST = 60
_LOUD = 5
_GLIMPSE = 14
_SINGLE: tuple[tuple[float, ...], ...] = ((2.0,), (3.0,), (0.5,), (-1.0,))
_DOUBLE: tuple[tuple[float, ...], ...] = ((1.0, 1.0), (1.0, -1.0), (1.0, -2.0), (2.0, 1.0), (0.5, 0.5))
_SWAPPED = ((1.0, 1.0), (0.5, 0.5))
"""Powers that are the same for (a, b) and (b, a)."""

Candidate = tuple[tuple[str, ...], tuple[float, ...], str, float]


def find(view: View) -> list[Candidate]:
    """Return (parents, powers, child, factor) of the products that a few rows allow."""
    names = [n for n in view.numeric if view.k(n) >= 5 and view.family(n) == "number"]
    names = sorted(names, key=view.k, reverse=True)[:_WIDEST]
    names = [n for n in view.names if n in names]
    if len(names) < 2:
        return []
    X = np.stack([view.numbers(n) for n in names], axis=1)
    usual = np.stack([view.usual(n) for n in names], axis=1)
    written = np.array([view.relative(n) for n in names])
    found = []
    for j, child in enumerate(names):
        # Rows where the child is telling: not its usual value.
        rows = np.flatnonzero(~usual[:, j] & np.isfinite(X[:, j]) & (X[:, j] != 0))[:GLANCE]
        if len(rows) < GLANCE // 3:
            continue
        slack = view.step(child) / 2 * (1 + 1e-9) + (1e-9 + written[j]) * np.abs(X[rows, j])
        for parents, powers in _glances(X[rows], X[rows, j], slack, written):
            if j not in parents:
                chosen = [X[:, i] for i in parents]
                factor = factor_of(value_of(chosen, powers, 1.0), X[:, j], view, child, sum(written[list(parents)]))
                if factor is not None:
                    found.append((tuple(names[i] for i in parents), powers, child, factor))
    return found


def _glances(
    x: Numbers, child: Numbers, slack: Numbers, written: Numbers
) -> Iterator[tuple[tuple[int, ...], tuple[float, ...]]]:
    """Yield (parents, powers) that a few rows, x of shape (n_rows, n_columns), allow a child to be made of."""
    # The rows whose child is known best tell the factor.
    order = np.argsort(slack / np.abs(child), kind="stable")
    x, child, slack = x[order], child[order], slack[order]
    first = glimpse(len(x))
    for powers in _SINGLE:
        errors = abs(powers[0]) * written
        single = fits(value_of([x], powers, 1.0), child, slack, errors, 0.97)
        yield from (((int(i),), powers) for i in np.flatnonzero(single))
    for powers in _DOUBLE:
        errors = abs(powers[0]) * written[:, None] + abs(powers[1]) * written
        few = value_of([x[first, :, None], x[first, None, :]], powers, 1.0)
        for i, k in np.argwhere(fits(few, child[first], slack[first], errors, 0.8)):
            if i == k or (i > k and powers in _SWAPPED):
                continue
            value = value_of([x[:, i], x[:, k]], powers, 1.0)[:, None]
            if fits(value, child, slack, errors[i, k], 0.97).all():
                yield (int(i), int(k)), powers


def glimpse(n: int) -> NDArray[np.int64]:
    """Return very few of n rows whose child is known ever less well."""
    return np.r_[:_LOUD, np.linspace(_LOUD, n - 1, _GLIMPSE - _LOUD).astype(int)]


def fits(value: Numbers, child: Numbers, slack: Numbers, errors: Numbers, share: float) -> Mask:
    """Tell which values, shape (n_rows, ...), are the child's (n_rows,) but for a factor, in a share of the rows."""
    along = (slice(None), *[None] * (value.ndim - 1))
    there = np.isfinite(value)
    known = there[:_LOUD] & (value[:_LOUD] != 0)
    with np.errstate(over="ignore", invalid="ignore"):
        factors = np.sort(child[:_LOUD][along] / np.where(known, value[:_LOUD], np.nan), axis=0)
        middle = np.minimum(known.sum(axis=0, keepdims=True), _LOUD - 1) // 2
        off = np.abs(value * np.take_along_axis(factors, middle, axis=0) - child[along])
    near = off <= 2.5 * (slack[along] + errors * np.abs(child)[along])
    fits: Mask = ((near | ~there).mean(axis=0) >= share) & (there.sum(axis=0) >= len(value) // 3)
    return fits


def factor_of(value: Numbers, child: Numbers, view: View, name: str, written: float) -> float | None:
    """Return the shortest factor with which a child is a value of each row, if there is one."""
    here = np.isfinite(value) & np.isfinite(child) & (value != 0) & (child != 0)
    value, child = value[here], child[here]
    slack = view.step(name) / 2 * (1 + 1e-9) + (1e-9 + 2 * written + view.relative(name)) * np.abs(child)
    # Exceptions would hide the factor: rows that are far from the usual one, as the best known half has it, are left.
    best = np.argsort(slack / np.abs(child), kind="stable")[: len(child) // 2 + 1]
    near = np.abs(child - value * np.median(child[best] / value[best])) <= 2.5 * slack
    return shortest_slope(value[near], child[near], slack[near]) if near.mean() >= 0.97 else None
