"""The search for weighted sums: exact relations of several columns, and rounded changes of unit of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.rules.decimals import short, shortest_slope, with_digits
from seedstock.encoding.rules.relations import relations
from seedstock.encoding.rules.view import View

_PARENTS = 5
_PRESENT, _LOOKED_AT = 30, 2_000
"""Cells that a column needs, and rows in which changes of unit are looked for."""

Candidate = tuple[tuple[str, ...], str, tuple[float, ...], float]


def find(view: View) -> list[Candidate]:
    """Return (parents, child, weights, constant) of the sums in a sample: exact ones, and rounded ones of a parent."""
    names = [name for name in view.numeric if view.k(name) > 2 and view.present([name]).sum() >= _PRESENT]
    found = []
    for columns, vector in relations(view, names, _PARENTS + 1):
        found.append(_oriented(view, columns, vector))
    return found + [s for s in _lines(view, names) if not any({*s[0], s[1]} == {*p, c} for p, c, _, _ in found)]


def _oriented(view: View, columns: Sequence[str], vector: NDArray[np.float64]) -> Candidate:
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
    terms = [view.numbers(columns[at]), *(-w * view.numbers(p) for w, p in zip(weights, parents, strict=True))]
    sizes = [float(np.nanmax(np.abs(x))) for x in terms]
    constant = float(np.nanmedian(np.sum(terms, axis=0)))
    errors = [4 * view.relative(c) * size for c, size in zip((columns[at], *parents), sizes, strict=True)]
    noise = sum(errors) + 8 * float(np.spacing(max(sizes)))
    constant = next((c for c in (0.0, with_digits(constant, 12)) if abs(c - constant) < noise), constant)
    return parents, columns[at], weights, constant


def _meets_grid(view: View, columns: Sequence[str], vector: NDArray[np.float64], at: int) -> bool:
    """Tell whether any values of the other columns, on their grids, give a value on this column's grid."""
    step = view.step(columns[at])
    others = [(c, v) for i, (c, v) in enumerate(zip(columns, vector, strict=True)) if i != at]
    if step and not all(view.step(c) for c, _ in others):
        return False
    moves = [-v / vector[at] * view.step(c) for c, v in others]
    return not step or bool(np.allclose(np.array(moves) / step, np.round(np.array(moves) / step), rtol=0, atol=1e-6))


def _lines(view: View, names: Sequence[str]) -> list[Candidate]:
    """Return changes of unit that were rounded: pairs of columns that lie on one line but for half a step."""
    found: list[Candidate] = []
    names = [name for name in names if view.present([name])[:_LOOKED_AT].sum() >= _PRESENT]
    if len(names) < 2:
        return found
    X = np.stack([view.numbers(name)[:_LOOKED_AT] for name in names], axis=1)
    rank = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    scale = rank.std(axis=0)
    Z = (rank - rank.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    for i, j in np.argwhere(np.triu(np.abs(Z.T @ Z) / len(Z) > 0.99, 1)):
        # The finer column is the parent: rounding loses what it cannot give back.
        parent, child = (i, j) if view.k(names[i]) >= view.k(names[j]) else (j, i)
        step = view.step(names[child])
        if {view.family(names[parent]), view.family(names[child])} == {"time"}:
            continue  # dates have no other unit: what is left of a time stamp is a rule of its own
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
