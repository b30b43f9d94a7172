"""Rows in which several cells at once are at home in other columns: shifted along, or turned round."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import clip, counted, present_levels
from seedstock.core.results import Finding
from seedstock.core.table import Dataset

NAME = "shifted_columns"
_MOST_LEVELS = 5_000
_AT_HOME = 4
"""How many times commoner a value must be in the other column."""
_LEAST = 5


def displaced(data: Dataset, names: list[str], without: set[int]) -> list[Finding]:
    """Return one finding of the rows, but for those that are known to be swapped.

    One such cell may be a coincidence; two in a row, in columns that share hardly any value, are not.
    """
    views = {c: present_levels(data.table[c]) for c in names}
    counts = {
        c: dict(zip(levels.tolist(), n.tolist(), strict=True))
        for c, (levels, n, _) in views.items()
        if 2 <= len(levels) <= _MOST_LEVELS
    }
    away = np.zeros(len(data.table), np.int64)
    columns: list[str] = []
    for a in counts:
        hit = np.zeros(len(counts[a]) + 1, bool)
        for b in counts:
            if a != b and _strangers(counts[a], counts[b]):
                hit[:-1] |= [counts[b].get(t, 0) >= max(_LEAST, _AT_HOME * counts[a][t]) for t in views[a][0].tolist()]
        if hit.any():
            away += hit[views[a][2]]
            columns.append(a)
    rows = np.array([r for r in np.flatnonzero(away >= 2).tolist() if r not in without], np.int64)
    if not 0 < len(rows) <= 0.3 * len(data.table):
        return []
    return [_finding(data, rows, columns)]


def _strangers(a: dict[str, int], b: dict[str, int]) -> bool:
    both = sum(min(n, b[t]) for t, n in a.items() if t in b)
    return both <= 0.25 * min(sum(a.values()), sum(b.values()))


def _finding(data: Dataset, rows: NDArray[np.int64], columns: list[str]) -> Finding:
    r = int(rows[0])
    shown = ", ".join(f"{c} {clip(data.table[c].take(np.array([r])).texts()[0], 20)!r}" for c in columns[:3])
    return Finding(
        NAME, data.name, None, tuple(rows.tolist()), "high" if len(rows) >= 3 else "medium", 0.85,
        f"{counted(len(rows), 'row')} hold values of other columns in two cells or more: in row {r} {shown}.",
        "Look where the cells of these rows belong; they may have been read with another order of columns.",
        details={"columns": columns},
    )  # fmt: skip
