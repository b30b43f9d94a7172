"""Shortcut columns: constant, nearly constant, identifiers taken for features, and columns said twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import hash_cells
from seedstock.core.results import Finding, Severity
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Dataset

NAME = "shortcut_columns"
_NEARLY = 0.999
_ROWS = 100_000


@dataclass(frozen=True)
class ShortcutColumns:
    """Finds columns that say nothing, name the row, or repeat another column.

    None of them is wrong by itself, so none is of high severity; a model is better off without them.
    """

    false_alarms: ClassVar[float] = 0.01
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a column."""
        n = len(data.table)
        if n < 10:
            return []
        step = max(1, n // _ROWS)
        cells = {c: hash_cells(v.take(slice(0, None, step))) for c, v in data.table.columns.items()}
        counts = {c: np.unique(v, return_counts=True)[1] for c, v in cells.items()}
        out: list[Finding] = []
        for c, k in counts.items():
            if data.table[c].missing.all():
                out.append(_finding(data, c, f"{c!r} is empty in all rows.", "medium"))
            elif len(k) == 1:
                out.append(_finding(data, c, f"{c!r} has one value in all rows.", "medium"))
            elif k.max() >= _NEARLY * k.sum() and k.sum() >= 1000:
                out.append(_finding(data, c, f"{c!r} has one value in {k.max() / k.sum():.2%} of the rows.", "low"))
            elif data.columns[c].kind in ("category", "text") and len(k) == k.sum() and k.sum() >= 50:
                # Free text differs from row to row; a short code that does is an identifier.
                levels = data.table[c].levels
                if levels is not None and np.mean([len(t) <= 40 and " " not in t for t in levels[:1000]]) > 0.95:
                    out.append(_finding(data, c, f"{c!r} differs in every row: it is an identifier.", "medium"))
        return out + _twice(data, cells, counts)


def _twice(data: Dataset, cells: dict[str, NDArray[np.uint64]], counts: dict[str, NDArray[np.int64]]) -> list[Finding]:
    """Find columns whose values stand for another column's one to one."""
    out: list[Finding] = []
    shapes: dict[tuple[int, ...], list[str]] = {}
    for c, k in counts.items():
        # One-to-one columns have the same counts.
        if len(k) >= 2 and data.columns[c].kind not in ("id", "image"):
            # Two columns of distinct values are one to one by nature: only equal ones repeat each other.
            own = hash(cells[c].tobytes()) if len(k) == len(cells[c]) else 0
            shapes.setdefault((len(k), own, *np.sort(k)[-5:].tolist()), []).append(c)
    target = data.columns.target
    for names in shapes.values():
        for i, b in enumerate(names):
            for a in names[:i]:
                if target in (a, b):
                    continue
                with np.errstate(over="ignore"):
                    both = np.unique(cells[a] * np.uint64(3) + cells[b])
                if len(both) == len(counts[a]):
                    out.append(
                        _finding(data, b, f"{b!r} says the same as {a!r}: their values are one to one.", "medium")
                    )
                    break
    return out


def _finding(data: Dataset, name: str, message: str, severity: Severity) -> Finding:
    return Finding(NAME, data.name, name, (), severity, 0.95, message, f"Leave {name!r} out of what a model learns.")


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Add a copy of a column under another name."""
    name = next(iter(c for c in data.table if data.columns[c].kind in ("category", "number")), None)
    if name is None or "again" in data.table or name == data.columns.target:
        return data, None
    columns: dict[str, ColumnSchema] = {**data.columns.columns, "again": data.columns[name]}
    table = data.table.assign({"again": data.table[name]})
    return Dataset({data.name: table}, Schema({data.name: TableSchema(columns)})), np.zeros(0, np.int64)


CHECK = ShortcutColumns
SOURCE = "Counts of values; Geirhos et al., Shortcut learning in deep neural networks (2020)."
