"""Synthetic rows among real ones: digits that no instrument wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import counted
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "synthetic_signs"
_MOST = 0.3
_LEAST = 0.7


@dataclass(frozen=True)
class SyntheticSigns:
    """Finds rows whose numbers have more digits than their column's.

    What people and instruments write lies on a grid (two decimals, say); generators, imputation and averaging leave
    it. The confidence is modest: a conversion of units leaves the grid as well. Watermarks and overlaps with known
    data are `seedstock trace`'s work.
    """

    false_alarms: ClassVar[float] = 0.01
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return at most one finding: the rows that are off the grid in all they could be, and in how many columns."""
        n = len(data.table)
        off = np.zeros(n, np.int64)
        could = np.zeros(n, np.int64)
        names: list[str] = []
        for name in data.columns.of_kind("number"):
            column = data.table[name]
            if column.values.dtype.kind != "f" or column.values.ndim > 1:
                continue
            x = np.where(column.missing, np.nan, column.values)
            known = np.isfinite(x)
            decimals = _grid(x[known])
            if decimals is None:
                continue
            outside = known & (np.abs(x) < 1e9) & (np.abs(np.round(x, decimals + 2) - np.round(x, decimals)) > 0)
            if not outside.any():
                continue
            names.append(name)
            off += outside
            could += known
        rows = np.flatnonzero(off > 0)
        if not len(rows) or len(rows) > _MOST * n:
            return []
        share = float((off[rows] / np.maximum(could[rows], 1)).mean())
        confidence = 0.4 + 0.2 * min(1.0, (len(names) - 1) / 2) * share
        shown = ", ".join(map(repr, names[:3]))
        return [
            Finding(
                NAME, data.name, names[0], tuple(rows.tolist()), "medium", confidence,
                f"{counted(len(rows), 'row')} have more digits in {shown} than the others: they may be generated, "
                f"imputed, averaged or converted.",
                "Ask the source which rows were measured; leave out those that were not.", details={"columns": names},
            )
        ]  # fmt: skip


def _grid(x: NDArray[np.float64]) -> int | None:
    """Return the fewest decimals that at least 70 % of the values keep, None where there are none or all keep them."""
    values, counts = np.unique(x, return_counts=True)
    # Zeros say nothing about the grid of the amounts beside them.
    x = x[~np.isin(x, values[counts >= 0.2 * len(x)])]
    if len(x) < 50 or len(values) < 10:
        return None
    for decimals in range(7):
        on = np.abs(np.round(x, decimals) - x) <= 1e-9 * np.maximum(np.abs(x), 1.0)
        if on.mean() >= _LEAST:
            # Shares that are 0 or 1 for most rows are on no grid of whole numbers.
            return decimals if on.mean() < 1 and len(np.unique(x[on])) >= 20 else None
    return None


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Replace the numbers of a share of the rows by draws around their columns' means."""
    n = len(data.table)
    g = rng.generator()
    rows = np.sort(g.choice(n, max(1, round(share * n)), replace=False))
    columns: dict[str, Column] = {}
    for name in data.columns.of_kind("number"):
        column = data.table[name]
        x = column.values
        written = column.values.dtype.kind == "f" and not (np.abs(np.round(x, 4) - x) > 1e-9).any()
        if not written or len(np.unique(x)) < 50:
            continue
        values = x.copy()
        values[rows] = np.mean(x) + np.std(x) * g.normal(size=len(rows))
        columns[name] = Column(values, column.missing)
    if not columns:
        return data, None
    return data.with_table(data.table.assign(columns)), rows


CHECK = SyntheticSigns
SOURCE = (
    "Digits beyond the column's resolution; see Mosimann et al., Terminal digits and the examination of data (2002)."
)
