"""Conflicting labels: the same features with different targets, where equal features are not chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import compared, counted, hash_cells, hash_table
from seedstock.checks._chance import odd_rows
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "conflicting_labels"


@dataclass(frozen=True)
class Conflicts:
    """Finds rows that are equal in all features and differ in the target.

    Where the features are coarse, equal features with different targets are ordinary noise and are not reported.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return at most one finding: all rows of all groups in conflict."""
        target = data.columns.target
        names = compared(data, target=False)
        if target is None or len(names) < 2 or len(data.table) < 4:
            return []
        cells = hash_table(data.table, names)
        with np.errstate(over="ignore"):
            keys = cells.sum(1, dtype=np.uint64)
        groups = np.unique(keys, return_inverse=True)[1].reshape(-1)
        labels = hash_cells(data.table[target])
        here = ~data.table[target].missing
        low = np.full(groups.max() + 1, np.iinfo(np.uint64).max, np.uint64)
        high = np.zeros(groups.max() + 1, np.uint64)
        np.minimum.at(low, groups[here], labels[here])
        np.maximum.at(high, groups[here], labels[here])
        torn = (low < high)[groups] & here
        if not torn.any():
            return []
        odd, chance = odd_rows(cells)
        torn &= odd
        if not torn.any():
            return []
        rows = np.flatnonzero(torn)
        share = len(rows) / len(keys)
        n_groups = len(np.unique(groups[rows]))
        confidence = float(np.clip(chance.excess, 0.5, 0.99))
        edits = tuple(
            Edit(data.name, int(r), None, None, None, NAME, confidence * 0.6, False, "equal features, different target")
            for r in rows
        )
        return [
            Finding(
                NAME,
                data.name,
                target,
                tuple(rows.tolist()),
                "high" if share >= 0.01 else "medium",
                confidence,
                f"{counted(len(rows), 'row')} in {counted(n_groups, 'group')} have equal features and different "
                f"values of {target!r}.",
                "Find out which label is right; else leave these rows out.",
                edits,
            )
        ]


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Copy rows' features onto others that have a different target."""
    name = data.columns.target
    n = len(data.table)
    k = max(1, round(share * n / 2))
    if name is None or not data.table[name].is_text or n < 6 * k:
        return data, None
    g = rng.generator()
    codes = data.table[name].values
    order = g.permutation(n)
    first = order[:k]
    rest = order[k:]
    second: list[int] = []
    for cls in codes[first]:
        pool = rest[(codes[rest] != cls) & ~np.isin(rest, second)]
        if not len(pool):
            return data, None
        second.append(int(pool[0]))
    index = np.arange(n)
    index[second] = first
    columns = {c: data.table[c].take(index) for c in compared(data, target=False)}
    rows = np.sort(np.concatenate([first, np.array(second)]))
    assert isinstance(data.table[name], Column)
    return data.with_table(data.table.assign(columns)), rows


CHECK = Conflicts
SOURCE = "Groups of equal feature hashes; expected chance pairs as in seedstock.checks._chance."
