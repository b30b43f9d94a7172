"""One number is a weighted sum of others: copies, changes of unit, totals and differences, gaps between dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers, set_numbers
from seedstock.encoding.rules.decimals import short, shortest_slope, with_digits
from seedstock.encoding.rules.relations import relations
from seedstock.encoding.rules.rule import TOLERATED, Fixed, Rule, is_fixed, names_in, precision_in, worth
from seedstock.encoding.rules.view import View

_FEWEST = 30
_PARENTS = 5
_TOLERATED = 0.02
"""A sum of several amounts says so much that more rows may be exceptions: capped, corrected, wrong."""
_UNITS = {8.64e10: "1 day * ", 3.6e9: "1 hour * ", 1 / 8.64e10: "1 / day * ", 1 / 3.6e9: "1 / hour * ", 1.0: ""}
"""Names of weights in microseconds."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Linear(Rule):
    """``child = constant + sum(weight * parent)``, rounded to the child's grid.

    Attributes
    ----------
    parents : tuple of str
    child : str
    weights : tuple of float
        Times count in microseconds.
    constant : float
    steps : tuple of float
        Grids of the parents and the child, 0 where there is none.
    slack : float
        Distance that counts as equal: half the child's step where the sum is rounded, else next to nothing.
    relative : float
        The same as a share of the amounts: the error with which columns off any grid are written.
    digits : int
        Significant digits that the child is written with, 0 where as many as fit; or `decimals.SINGLE`.
    """

    parents: tuple[str, ...]
    child: str
    weights: tuple[float, ...]
    constant: float
    steps: tuple[float, ...]
    slack: float
    relative: float
    digits: int

    kind: ClassVar[str] = "linear"
    computes: ClassVar[bool] = True
    calculates: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.parents, self.child)

    @property
    def text(self) -> str:
        out = ""
        for w, p in zip(self.weights, self.parents, strict=True):
            factor = _UNITS.get(abs(w), f"{abs(w):.6g} * ")
            out += f"{' - ' if w < 0 else ' + ' if out else ''}{factor}{p}"
        if self.constant:
            out += f" {'-' if self.constant < 0 else '+'} {abs(self.constant):.10g}"
        return f"{self.child} = {out.strip()}"

    def _sum(self, table: Table) -> Numbers:
        out = np.full(len(table), self.constant)
        for w, p in zip(self.weights, self.parents, strict=True):
            out = out + w * numbers(table[p])
        return out

    def holds(self, table: Table) -> Mask:
        want, is_ = self._sum(table), numbers(table[self.child])
        allowed = self.slack * (1 + 1e-9) + 1e-9 * np.maximum(np.abs(want), np.abs(is_))
        if self.relative:
            allowed = allowed + self.relative * self._amounts(table)
        near: Mask = np.abs(want - is_) <= allowed
        return near | np.isnan(want) | np.isnan(is_)

    def _amounts(self, table: Table) -> Numbers:
        """Return how large the terms are of which each row's sum is made."""
        terms = [abs(w) * np.abs(numbers(table[p])) for w, p in zip(self.weights, self.parents, strict=True)]
        out: Numbers = np.maximum(np.sum(terms, axis=0), np.abs(numbers(table[self.child])))
        return out

    def repair(self, table: Table, fixed: Fixed, g: np.random.Generator) -> dict[str, Column]:
        n, want = len(table), self._sum(table)
        held = is_fixed(fixed, self.child, n)
        out = {self.child: set_numbers(table[self.child], ~held, want, self.steps[-1], self.digits)}
        # A fixed sum moves the parent that may take it, each in turn until the rule holds.
        left, slack = held.copy(), self.slack + self.relative * self._amounts(table)
        gap = numbers(table[self.child]) - want
        for p, w, step in sorted(zip(self.parents, self.weights, self.steps, strict=False), key=lambda v: -v[2]):
            old = numbers(table[p])
            new = old + gap / w
            new = np.round(new / step) * step if step else new
            fits = left & ~is_fixed(fixed, p, n) & (np.abs(w * (new - old) - gap) <= slack + 1e-9 * np.abs(gap))
            fits &= (new >= 0) | (old < 0)
            out[p] = set_numbers(table[p], fits, new, step)
            left &= ~fits
        if left.any() and min(self.weights) > 0:
            self._share(table, fixed, left, gap, out)
        return out

    def _share(self, table: Table, fixed: Fixed, rows: Mask, gap: Numbers, out: dict[str, Column]) -> None:
        """Scale all free amounts where no single one can take the gap; the largest takes what rounding leaves."""
        n = len(table)
        old = np.stack([numbers(table[p]) for p in self.parents], axis=1)
        free = np.stack([~is_fixed(fixed, p, n) for p in self.parents], axis=1) & (old > 0)
        w, steps = np.asarray(self.weights), np.asarray(self.steps[:-1])
        part = (w * old * free).sum(axis=1)
        able = rows & (part > 0) & (part + gap >= 0)
        new = np.where(free, old * (1 + gap / np.where(part > 0, part, 1.0))[:, None], old)
        new = np.where(free & (steps > 0), np.round(new / np.where(steps > 0, steps, 1.0)) * steps, new)
        most = np.argmax(np.where(free, w * old, -1.0), axis=1)
        rest = gap - (w * (new - old)).sum(axis=1)
        new[np.arange(n), most] += rest / w[most]
        able &= new[np.arange(n), most] >= 0
        for j, p in enumerate(self.parents):
            out[p] = set_numbers(out[p], able & free[:, j], new[:, j], self.steps[j])

    def settings(self) -> dict[str, Any]:
        return {
            "parents": list(self.parents),
            "child": self.child,
            "weights": list(self.weights),
            "constant": self.constant,
            "steps": list(self.steps),
            "slack": self.slack,
            "relative": self.relative,
            "digits": self.digits,
        }

    @classmethod
    def from_settings(cls, value: Mapping[str, Any], counts: Mapping[str, Any]) -> Self:
        parents = names_in(value, "parents")
        weights, steps = tuple(map(float, value["weights"])), tuple(map(float, value["steps"]))
        constant, slack = float(value["constant"]), float(value["slack"])
        relative, digits = precision_in(value)
        if len(weights) != len(parents) or len(steps) != len(parents) + 1 or 0 in weights:
            raise InputError("a rule's weights do not match its columns")
        if not np.isfinite([*weights, *steps, constant, slack]).all() or min(*steps, slack) < 0:
            raise InputError("a rule's numbers must be finite")
        child = str(value["child"])
        return cls(
            parents=parents, child=child, weights=weights, constant=constant, steps=steps, slack=slack,
            relative=relative, digits=digits, **counts,
        )  # fmt: skip


def find(view: View) -> list[tuple[tuple[str, ...], str, tuple[float, ...], float]]:
    """Return (parents, child, weights, constant) of the sums in a sample: exact ones, and rounded ones of a parent."""
    names = [name for name in view.numeric if view.table[name].missing.mean() < 0.5 and view.k(name) > 2]
    found = []
    for columns, vector in relations(view, names, _PARENTS + 1):
        found.append(_oriented(view, columns, vector))
    return found + [s for s in _lines(view, names) if not any({*s[0], s[1]} == {*p, c} for p, c, _, _ in found)]


def _oriented(
    view: View, columns: Sequence[str], vector: NDArray[np.float64]
) -> tuple[tuple[str, ...], str, tuple[float, ...], float]:
    """Solve sum(vector * columns) = constant for a column: the total, if there is one, whose grid the others meet."""
    signs = np.sign(vector)
    lonely = [(signs == s).sum() == 1 for s in signs]
    if len(columns) == 2:
        # The finer column is the parent: it has values for all of the child's.
        lonely = [view.k(c) == min(map(view.k, columns)) for c in columns]
    meets = [_meets_grid(view, columns, vector, i) for i in range(len(columns))]
    at = max(range(len(columns)), key=lambda i: (meets[i], lonely[i], i))
    written = max(view.relative(c) for c in columns)
    weights = tuple(short(-v / vector[at], max(1e-7, 20 * written)) for v in np.delete(vector, at))
    parents = tuple(c for i, c in enumerate(columns) if i != at)
    rest = view.numbers(columns[at]) - sum(w * view.numbers(p) for w, p in zip(weights, parents, strict=True))
    constant = float(np.nanmedian(rest))
    size = float(np.nanmax(np.abs(view.numbers(columns[at]))))
    constant = 0.0 if abs(constant) < (1e-9 + 4 * written) * size else with_digits(constant, 12)
    return parents, columns[at], weights, constant


def _meets_grid(view: View, columns: Sequence[str], vector: NDArray[np.float64], at: int) -> bool:
    """Tell whether any values of the other columns, on their grids, give a value on this column's grid."""
    step = view.step(columns[at])
    moves = [-v / vector[at] * view.step(c) for i, (c, v) in enumerate(zip(columns, vector, strict=True)) if i != at]
    return not step or bool(np.allclose(np.array(moves) / step, np.round(np.array(moves) / step), rtol=0, atol=1e-6))


def _lines(view: View, names: Sequence[str]) -> list[tuple[tuple[str, ...], str, tuple[float, ...], float]]:
    """Return changes of unit that were rounded: pairs of columns that lie on one line but for half a step."""
    found: list[tuple[tuple[str, ...], str, tuple[float, ...], float]] = []
    if len(names) < 2:
        return found
    X = np.stack([view.numbers(name)[:2_000] for name in names], axis=1)
    rank = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    scale = rank.std(axis=0)
    Z = (rank - rank.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    for i, j in np.argwhere(np.triu(np.abs(Z.T @ Z) / len(Z) > 0.99, 1)):
        # The finer column is the parent: rounding loses what it cannot give back.
        parent, child = (i, j) if view.k(names[i]) >= view.k(names[j]) else (j, i)
        step = view.step(names[child])
        x, y = X[:, parent], X[:, child]
        here = np.isfinite(x) & np.isfinite(y)
        if not step or len(np.unique(x[here])) < 10 or len(np.unique(y[here])) < 4:
            continue
        slope, constant = np.polyfit(x[here] - x[here].mean(), y[here], 1)
        constant -= slope * x[here].mean()
        for b in dict.fromkeys([0.0, *(with_digits(float(constant), digits) for digits in range(1, 5))]):
            a = shortest_slope(x[here], y[here] - b, step / 2 * (1 + 1e-9))
            if a is not None:
                found.append(((names[parent],), names[child], (a,), b))
                break
    return found


def fit(
    view: View, parents: Sequence[str], child: str, weights: Sequence[float], constant: float, declared: bool = False
) -> Linear | None:
    """Return the sum with the counts of all rows, None where it does not hold."""
    steps = tuple(view.step(name) for name in (*parents, child))
    rule = Linear(
        parents=tuple(parents), child=child, weights=tuple(weights), constant=constant, steps=steps, slack=0.0,
        relative=len(steps) * max(view.relative(name) for name in (*parents, child)), digits=view.digits(child),
        declared=declared,
    )  # fmt: skip
    could = view.unusual((*parents, child))
    exact = rule.counted(view.table, could)
    tolerated = TOLERATED if len(parents) == 1 else _TOLERATED
    if exact.violations <= tolerated * exact.support:
        best = exact
    else:
        best = Linear(**{**vars(rule), "slack": steps[-1] / 2}).counted(view.table, could)
    return best if declared or (worth(best, tolerated) and best.support >= _FEWEST) else None


def declare(view: View, spec: Mapping[str, Any]) -> Linear:
    """Make a declared sum: ``parents``, ``child``, and where wanted ``weights`` and ``constant``."""
    parents, child = names_in(spec, "parents"), str(spec["child"])
    weights = spec.get("weights", [1.0] * len(parents))
    if len(weights) != len(parents) or any(not float(w) for w in weights):
        raise InputError(f"a rule for {child!r} needs one weight other than 0 for each of its {len(parents)} parents")
    for name in (*parents, child):
        if name not in view.numeric:
            raise InputError(f"a rule computes with {name!r}, which is no column of varied finite numbers or times")
    rule = fit(view, parents, child, tuple(map(float, weights)), float(spec.get("constant", 0.0)), declared=True)
    assert rule is not None
    return rule
