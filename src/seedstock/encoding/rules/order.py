"""Numbers or times that never stand in the wrong order: ``start <= end``, ``min <= mean <= max``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.rule import TOLERATED, Fixed, Rule, is_fixed, names_in, worth
from seedstock.encoding.rules.view import View

_GLANCE = 1_000
_OVERLAP = 0.05
_FEWEST = 40


@dataclass(frozen=True, eq=False, kw_only=True)
class Order(Rule):
    """``chain[0] <= chain[1] <= ...``; missing cells are passed over.

    Attributes
    ----------
    chain : tuple of str
    steps : tuple of float
    """

    chain: tuple[str, ...]
    steps: tuple[float, ...]

    kind: ClassVar[str] = "order"

    @property
    def columns(self) -> tuple[str, ...]:
        return self.chain

    @property
    def text(self) -> str:
        return " <= ".join(self.chain)

    def holds(self, table: Table) -> Mask:
        out = np.ones(len(table), bool)
        top = np.full(len(table), -np.inf)
        for name in self.chain:
            x = numbers(table[name])
            out &= ~(x < top)
            top = np.fmax(top, x)
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        """Sort the free cells of a row, and push them inside the fixed ones: each column's values stay its own mix."""
        n = len(table)
        X = np.stack([numbers(table[name]) for name in self.chain], axis=1)
        held = np.stack([is_fixed(fixed, name, n) for name in self.chain], axis=1)
        free = ~held & np.isfinite(X)
        if len(set(self.steps)) == 1:
            X = _sort_free(X, free)
        low = np.full(n, -np.inf)
        ceiling = _ceilings(X, held)
        for j, step in enumerate(self.steps):
            x = X[:, j]
            moved = np.minimum(np.fmax(x, low), ceiling[:, j])
            # A coarser column goes up to its next step, unless that is too high.
            if step:
                up = np.where(moved == x, x, np.ceil(moved / step - 1e-9) * step)
                moved = np.where(up <= ceiling[:, j], up, np.floor(moved / step + 1e-9) * step)
            X[:, j] = np.where(free[:, j], moved, x)
            low = np.fmax(low, X[:, j])
        return {name: set_numbers(table[name], free[:, j], X[:, j], self.steps[j]) for j, name in enumerate(self.chain)}

    def settings(self) -> dict[str, Any]:
        return {"chain": list(self.chain), "steps": list(self.steps)}

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        chain, steps = names_in(value, "chain", 2), tuple(map(float, value["steps"]))
        if len(steps) != len(chain) or not np.isfinite(steps).all() or min(steps) < 0:
            raise InputError("a rule's steps do not match its columns")
        return cls(chain=chain, steps=steps, **counts)


def _sort_free(X: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Sort each row's free cells among their places."""
    values = np.sort(np.where(free, X, np.inf), axis=1)
    place = np.cumsum(free, axis=1) - 1
    return np.where(free, np.take_along_axis(values, np.maximum(place, 0), axis=1), X)


def _ceilings(X: NDArray[np.float64], held: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each cell the least fixed cell after it."""
    wall = np.where(held & np.isfinite(X), X, np.inf)
    after = np.minimum.accumulate(wall[:, ::-1], axis=1)[:, ::-1]
    return np.concatenate([after[:, 1:], np.full((len(X), 1), np.inf)], axis=1)


def find(view: View, skip: Collection[tuple[str, str]] = (), without: Collection[str] = ()) -> list[tuple[str, ...]]:
    """Return chains of columns in a sample, of one family, whose order holds though their ranges overlap.

    Pairs to skip are those whose order follows from other rules; columns to leave out repeat others.
    """
    chains: list[tuple[str, ...]] = []
    for family in ("number", "time", "duration"):
        names = [name for name in view.numeric if view.family(name) == family and view.k(name) > 2]
        names = [name for name in names if name not in without]
        if len(names) > 1:
            chains += _chains(names, _before(view, names), skip)
    return chains


def _before(view: View, names: Sequence[str]) -> NDArray[np.bool_]:
    """Return the matrix (p, p): true where the row's column is never above the column's."""
    p = len(names)
    X = np.stack([view.numbers(name) for name in names], axis=1)
    glance = X[:_GLANCE]
    out = np.zeros((p, p), bool)
    ranked = [np.sort(x[np.isfinite(x)]) for x in X.T]
    for i in range(p):
        with np.errstate(invalid="ignore"):
            wrong = (glance[:, i, None] > glance).mean(axis=0)
        for j in np.flatnonzero(wrong <= 2 * TOLERATED):
            if i != j and _telling(X[:, i], X[:, j], ranked[i], ranked[j]):
                out[i, j] = True
    # Columns that are equal everywhere are a copy, not an order.
    return out & ~out.T


def _telling(a: Numbers, b: Numbers, sorted_a: Numbers, sorted_b: Numbers) -> bool:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < _FEWEST:
        return False
    wrong = (a[both] > b[both]).mean()
    # Were the columns independent, this share of the rows would break the order.
    expected = float(np.searchsorted(sorted_b, sorted_a, side="left").mean() / len(sorted_b))
    return bool(
        expected >= _OVERLAP and expected * both.sum() >= _FEWEST and wrong <= TOLERATED * min(1.0, 2 * expected)
    )


def _chains(
    names: Sequence[str], before: NDArray[np.bool_], skip: Collection[tuple[str, str]]
) -> list[tuple[str, ...]]:
    """Cover the order's direct steps by chains, long ones first."""
    direct = before & ~((before.astype(int) @ before.astype(int)) > 0)
    left = {(int(i), int(j)) for i, j in np.argwhere(direct) if (names[i], names[j]) not in skip}
    chains = []
    while left:
        best = max((_longest(i, left) for i in sorted({i for i, _ in left})), key=len)
        left -= set(pairwise(best))
        chains.append(tuple(names[i] for i in best))
    return chains


def _longest(start: int, steps: set[tuple[int, int]]) -> list[int]:
    """Walk on from a column, each time to the next column in the table's order."""
    path = [start]
    while True:
        onward = sorted(j for i, j in steps if i == path[-1] and j not in path)
        if not onward:
            return path
        path.append(onward[0])


def fit(view: View, chain: Sequence[str], declared: bool = False) -> Order | None:
    """Return the order with the counts of all rows, None where it does not hold."""
    rule = Order(chain=tuple(chain), steps=tuple(view.step(n) for n in chain), declared=declared)
    there = sum(~view.table[name].missing for name in chain) >= 2
    rule = rule.counted(view.table, np.asarray(there))
    return rule if declared or worth(rule) else None


def declare(view: View, spec: Mapping[str, Any]) -> Order:
    """Make a declared order of two or more ``columns``."""
    chain = names_in(spec, "columns", 2)
    families = {view.family(name) for name in chain}
    if len(families) > 1 or any(view.table[n].is_text or view.table[n].values.dtype == bool for n in chain):
        raise InputError(
            f"an order needs columns that can be compared, all numbers or all times, not {', '.join(chain)}"
        )
    rule = fit(view, chain, declared=True)
    assert rule is not None
    return rule
