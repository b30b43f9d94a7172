"""The search for products of several amounts: those that a few rows of a column, which nothing else computes, allow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Mask
from seedstock.encoding.rules.cells import Numbers
from seedstock.encoding.rules.compound import Factor
from seedstock.encoding.rules.powers import GLANCE, factor_of, fits, glimpse
from seedstock.encoding.rules.product import looseness, value_of
from seedstock.encoding.rules.view import View

_WIDEST = 20
_LEAST_VALUES, _COARSE = 20, 0.02
"""Values that a column has at least, and its grid as a share of its size: coarser ones anything would give."""
_SIGNS: dict[int, tuple[tuple[int, ...], ...]] = {
    2: ((1, 1), (1, -1), (-1, 1)),
    3: ((1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)),
}
"""Powers of two or three factors; by all of them nothing is divided."""

Candidate = tuple[tuple[Factor, ...], str, float]


def find(view: View, computed: Collection[str]) -> list[Candidate]:
    """Return (factors, child, scale) of the products that a few rows allow, the simplest first.

    `computed` are columns that other rules compute: for them nothing is looked for.
    """
    names = [n for n in view.numeric if view.family(n) == "number" and view.k(n) >= 3]
    names = (names if len(names) <= _WIDEST else [n for n in names if n not in computed])[:_WIDEST]
    x = {n: view.numbers(n) for n in names}
    found: list[Candidate] = []
    for child in names:
        if child in computed or view.k(child) < _LEAST_VALUES or looseness(view, child) > _COARSE:
            continue
        rows = np.flatnonzero(~view.usual(child) & np.isfinite(x[child]) & (x[child] != 0))[:GLANCE]
        if len(rows) < GLANCE // 3:
            continue
        y = x[child][rows]
        slack = view.step(child) / 2 * (1 + 1e-9) + (1e-9 + view.relative(child)) * np.abs(y)
        # The rows whose child is known best tell the factor.
        order = np.argsort(slack / np.abs(y), kind="stable")
        rows, y, slack = rows[order], y[order], slack[order]
        there = {n: values for n, values in x.items() if np.isfinite(values[rows]).sum() >= GLANCE // 3}
        terms = _terms({n: values for n, values in there.items() if n != child})
        amounts = np.stack([f.of(x)[rows] for f in terms], axis=1) if terms else np.zeros((len(rows), 0))
        errors = np.array([sum(view.relative(n) for n in f.columns) for f in terms])
        for some, powers in _glances(terms, amounts, y, slack, errors):
            value = value_of([amounts[:, i] for i in some], powers, 1.0)
            error = float(errors[list(some)].sum())
            if fits(value[:, None], y, slack, np.array([error]), 0.97).all():
                factors = tuple(replace(terms[i], power=p) for i, p in zip(some, powers, strict=True))
                whole = value_of([f.of(x) for f in factors], powers, 1.0)
                scale = factor_of(whole, x[child], view, child, error)
                if scale is not None:
                    found.append((factors, child, scale))
    # Of columns that make each other, the one with the finest grid for its size says the most.
    return sorted(
        found,
        key=lambda c: (sum(len(f.columns) for f in c[0]), looseness(view, c[1]), len(f"{c[2]:g}"), len(c[0])),
    )


def _terms(x: dict[str, Numbers]) -> list[Factor]:
    """Return the columns, one more or less than shares of 1 or percents, and sums of two amounts."""
    out = [Factor((n,), (1.0,)) for n in x]
    for name, values in x.items():
        low, high = np.nanmin(values), np.nanmax(values)
        if 0 <= low < high <= 100:
            out += [Factor((name,), (w if high <= 1 else w / 100,), 1.0) for w in (-1.0, 1.0)]
    amounts = [n for n, values in x.items() if np.nanmin(values) >= 0]
    return out + [Factor(pair, (1.0, 1.0)) for pair in combinations(amounts, 2)]


def _glances(
    terms: Sequence[Factor], amounts: Numbers, child: Numbers, slack: Numbers, errors: Numbers
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield (terms, powers) that very few rows allow; `amounts` are of shape (n_rows, n_terms)."""
    first = glimpse(len(child))
    few, y, off = amounts[first], child[first], slack[first]
    plain, single = _kinds(terms)
    masks = _masks(terms)

    def told(value: Numbers, error: Numbers, apart: Mask) -> NDArray[np.int64]:
        return np.argwhere(fits(value, y, off, error, 0.8) & apart)

    apart = (masks[:, None] & masks) == 0
    # Two plain columns are looked through elsewhere.
    left, right = np.nonzero(np.triu(apart, 1) & ~(plain[:, None] & plain))
    sums = ~(single[left] | single[right])
    for powers in _SIGNS[2]:
        here = np.flatnonzero(~sums | (min(powers) < 0))
        i, k = left[here], right[here]
        for at in told(_times(few[:, i], few[:, k], powers), errors[i] + errors[k], np.ones(len(here), bool)).ravel():
            yield (int(i[at]), int(k[at])), powers
    both = errors[:, None] + errors
    some = np.flatnonzero(plain)
    for t in np.flatnonzero(single):
        pairs = (
            (some[:, None] < some) & apart[some, t][:, None] & apart[some, t] & (some < t) & apart[np.ix_(some, some)]
        )
        for powers in _SIGNS[3]:
            two = _times(few[:, some, None], few[:, None, some], powers[:2])
            value = _times(two, few[:, t][:, None, None], (1, powers[2]))
            for i, k in told(value, both[np.ix_(some, some)] + errors[t], pairs):
                yield (int(some[i]), int(some[k]), int(t)), powers


def _kinds(terms: Sequence[Factor]) -> tuple[Mask, Mask]:
    """Return which terms are columns as they are, and which are about one column."""
    single = np.array([len(f.columns) == 1 for f in terms], bool)
    return single & np.array([not f.constant for f in terms], bool), single


def _masks(terms: Sequence[Factor]) -> NDArray[np.int64]:
    """Return each term's columns as bits."""
    bit = {name: 1 << i for i, name in enumerate(dict.fromkeys(n for f in terms for n in f.columns))}
    return np.array([sum(bit[n] for n in f.columns) for f in terms], np.int64)


def _times(one: Numbers, other: Numbers, powers: Sequence[int]) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out = (one if powers[0] > 0 else 1 / one) * (other if powers[1] > 0 else 1 / other)
    return np.where(np.isfinite(out), out, np.nan)
