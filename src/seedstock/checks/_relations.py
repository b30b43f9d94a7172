"""Products and signs that nearly all rows keep, and the rows that break them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import cell_text, counted, numbers, plain
from seedstock.core.results import Edit, Finding
from seedstock.core.table import Dataset

NAME = "rule_violations"
_MOST_NUMBERS = 12
_MOST_BROKEN = 0.12
_GLANCE = 200
Numbers = NDArray[np.float64]


def products(data: Dataset) -> list[Finding]:
    """Find columns that nearly always are the product of two others (price times quantity), but for rounding."""
    x = {c: v for c in data.columns.of_kind("number") if (v := numbers(data.table[c])) is not None}
    x = {c: v for c, v in list(x.items())[:_MOST_NUMBERS] if len(np.unique(v[np.isfinite(v)][:1_000])) >= 3}
    out: list[Finding] = []
    done: set[frozenset[str]] = set()
    for c in x:
        decimals = data.columns[c].decimals
        step = 0.51 * 10.0 ** -(12 if decimals is None else decimals)
        for a, b in combinations([name for name in x if name != c], 2):
            if frozenset((a, b, c)) in done:
                continue
            found = _broken(x[a], x[b], x[c], step)
            if found is None:
                continue
            done.add(frozenset((a, b, c)))
            rows, n = found
            if not len(rows):
                continue
            product = x[a] * x[b]
            edits = tuple(
                Edit(
                    data.name, int(r), c, cell_text(data.table[c], int(r)),
                    plain(repr(round(float(product[r]), 10 if decimals is None else decimals))),
                    NAME, 0.4, False, f"the product of {a!r} and {b!r}",
                )
                for r in rows
            )  # fmt: skip
            out.append(
                Finding(
                    NAME, data.name, c, tuple(rows.tolist()), "medium", 0.9,
                    f"{c!r} is {a!r} times {b!r} in {1 - len(rows) / n:.2%} of the rows, and not in "
                    f"{counted(len(rows), 'row')}.",
                    "Find out which of the three is wrong.", edits, {"rule": f"{a} * {b} = {c}"},
                )
            )  # fmt: skip
    return out


def _broken(a: Numbers, b: Numbers, c: Numbers, step: float) -> tuple[NDArray[np.int64], int] | None:
    """Return the rows in which a * b is not c, and how many were asked; None where it is no rule."""
    known = np.flatnonzero(np.isfinite(a) & np.isfinite(b) & np.isfinite(c))

    def off(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        total = a[rows] * b[rows]
        return np.asarray(np.abs(total - c[rows]) > step + 1e-6 * np.abs(total))

    # Most triples of columns are no product: a glance tells.
    glance = known[:: max(1, len(known) // _GLANCE)]
    if len(known) < 100 or off(glance).mean() > 2 * _MOST_BROKEN:
        return None
    wrong = off(known)
    # A factor of 0 or 1 says nothing of a product, and neither does a product that is rounded to nothing.
    tells = ~np.isin(a[known], (0.0, 1.0)) & ~np.isin(b[known], (0.0, 1.0)) & (np.abs(c[known]) > 2 * step)
    if tells.sum() < 50 or wrong.mean() > _MOST_BROKEN or wrong[tells].mean() > _MOST_BROKEN:
        return None
    return known[wrong], len(known)


def signs(data: Dataset) -> list[Finding]:
    """Find columns of positive numbers, and the few whose sign was turned: as large as the others, with none near zero.

    A few negative numbers among small ones are a tail; so many as large as the others, across a gap, are none.
    """
    out: list[Finding] = []
    for name in data.columns.of_kind("number"):
        x = numbers(data.table[name])
        if x is None or name == data.columns.target:
            continue
        known = np.isfinite(x)
        negative = np.flatnonzero(known & (x < 0))
        n = int(known.sum())
        if n < 100 or not 3 <= len(negative) <= 0.05 * n:
            continue
        size = np.abs(x[known])
        middle = float(np.median(x[known & (x > 0)]))
        near = int((size < 0.2 * middle).sum())
        low, high = np.quantile(x[known & (x > 0)], [0.005, 0.995])
        mirrored = ((-x[negative] >= low) & (-x[negative] <= high)).mean()
        if len(np.unique(x[negative])) < 2 or near > 0.2 * len(negative) or mirrored < 0.8:
            continue
        out.append(
            Finding(
                NAME, data.name, name, tuple(negative.tolist()), "medium", 0.7,
                f"{name!r} is positive in {1 - len(negative) / n:.2%} of the rows; {counted(len(negative), 'cell')} "
                "would fit with the other sign.",
                "Ask whether they are returns or corrections; turn the sign if they are neither.",
            )
        )  # fmt: skip
    return out
