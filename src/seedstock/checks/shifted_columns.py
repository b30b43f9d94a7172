"""Shifted, swapped and fused columns: cells that belong to a neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import cell_text, clip, counted, numbers, present_levels
from seedstock.checks.types_and_formats import shape
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "shifted_columns"
_MOST_COLUMNS = 40
_SURE = 9.0
_SEPARATORS = " ,;/|-\t"


@dataclass(frozen=True)
class ShiftedColumns:
    """Finds rows in which two columns' cells were swapped, and cells that hold a neighbour's value as well as their own.

    Two cells count as swapped where each is far likelier in the other column (log likelihood ratio above 9 in all). A
    cell is fused where it ends (or starts) with a value of another column whose own cell is empty.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a pair of columns."""
        return _swapped_texts(data) + _swapped_numbers(data) + _fused(data)


def _texts(data: Dataset) -> list[str]:
    names = [
        c for c, v in data.table.columns.items()
        if v.is_text and data.columns[c].kind in ("category", "text", "id") and not v.missing.all()
    ]  # fmt: skip
    return names[:_MOST_COLUMNS]


def _swapped_texts(data: Dataset) -> list[Finding]:
    """Compare how likely each cell is in its own column and in the other: by value, and by shape for rare values."""
    names = _texts(data)
    if len(names) < 2 or len(data.table) < 30:
        return []
    views = {c: present_levels(data.table[c]) for c in names}
    index = {c: {t: i for i, t in enumerate(views[c][0].tolist())} for c in names}
    shapes: dict[str, dict[str, int]] = {}
    for c in names:
        levels, counts, _ = views[c]
        seen: dict[str, int] = {}
        for t, k in zip(levels.tolist(), counts.tolist(), strict=True):
            s = shape(t)
            seen[s] = seen.get(s, 0) + k
        shapes[c] = seen

    def log_p(texts: NDArray[np.object_], own: str, other: str) -> NDArray[np.float64]:
        """Return log P(text | column other), without the cells that `own` lent, one a level."""
        _, counts, _ = views[other]
        total = counts.sum() + 1.0
        known = len(counts) + 1.0
        p_new = 0.05 if len(counts) < 0.2 * total else 0.5
        out = np.empty(len(texts))
        for i, t in enumerate(texts.tolist()):
            j = index[other].get(t)
            n = float(counts[j]) if j is not None else 0.0
            form = shapes[other].get(shape(t), 0) / total
            out[i] = np.log((1 - p_new) * n / total + p_new * form / known + 1e-3 / known / total)
        return out

    out: list[Finding] = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            small = min(len(views[a][0]), len(views[b][0])) <= 5_000
            # Columns that share their values cannot be told apart.
            if not small or not _strangers(views[a], index[b], views[b][1]):
                continue
            (la, na, ca), (lb, nb, cb) = views[a], views[b]
            gain_a = np.append(log_p(la, a, b) - log_p(la, b, a) + _own(na), -np.inf)
            gain_b = np.append(log_p(lb, b, a) - log_p(lb, a, b) + _own(nb), -np.inf)
            gain = gain_a[ca] + gain_b[cb]
            rows = np.flatnonzero((gain > _SURE) & (gain_a[ca] > 1) & (gain_b[cb] > 1))
            if len(rows) and len(rows) <= 0.3 * len(ca):
                out.append(_swap(data, a, b, rows))
    return out


def _own(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """A cell's own occurrence is no evidence that its value belongs: correct counts of one or two."""
    return np.asarray(np.log(counts / np.maximum(counts - 1.0, 0.2)) * (counts <= 3), np.float64)


def _strangers(
    view: tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.int64]],
    other: dict[str, int],
    counts: NDArray[np.int64],
) -> bool:
    """Tell whether two columns share hardly any value."""
    levels, own, _ = view
    shared = [(i, other[t]) for i, t in enumerate(levels.tolist()) if t in other]
    both = sum(min(int(own[i]), int(counts[j])) for i, j in shared)
    return both <= 0.25 * min(own.sum(), counts.sum())


def _swapped_numbers(data: Dataset) -> list[Finding]:
    """Find neighbouring columns of numbers whose ranges do not meet, and rows where each lies in the other's."""
    names = [c for c in data.columns.of_kind("number", "datetime") if numbers(data.table[c]) is not None]
    out: list[Finding] = []
    place = {c: i for i, c in enumerate(data.table.names)}
    for a, b in zip(names, names[1:], strict=False):
        if place[b] - place[a] > 2 or data.columns[a].kind != data.columns[b].kind:
            continue
        x, y = numbers(data.table[a]), numbers(data.table[b])
        assert x is not None
        assert y is not None
        if min(np.isfinite(x).sum(), np.isfinite(y).sum()) < 50:
            continue
        (a0, a1), (b0, b1) = _range(x), _range(y)
        # The bulk of the two must not overlap, or nothing can be said.
        if not (a1 < b0 or b1 < a0):
            continue
        rows = np.flatnonzero((x >= b0) & (x <= b1) & (y >= a0) & (y <= a1))
        if 0 < len(rows) <= 0.2 * len(x):
            out.append(_swap(data, a, b, rows))
    return out


def _range(x: NDArray[np.float64]) -> tuple[float, float]:
    """Return where the bulk lies: the narrowest interval of 85 %, widened by a fifth on both sides."""
    known = np.sort(x[np.isfinite(x)])
    k = int(0.85 * len(known))
    widths = known[k:] - known[: len(known) - k]
    at = int(widths.argmin())
    low, high = known[at], known[at + k]
    return float(low - 0.2 * (high - low)), float(high + 0.2 * (high - low))


def _swap(data: Dataset, a: str, b: str, rows: NDArray[np.int64]) -> Finding:
    table = data.table
    edits: list[Edit] = []
    for r in rows.tolist():
        x, y = cell_text(table[a], r), cell_text(table[b], r)
        edits.append(Edit(data.name, r, a, x, y, NAME, 0.9, False, f"swapped with {b!r}"))
        edits.append(Edit(data.name, r, b, y, x, NAME, 0.9, False, f"swapped with {a!r}"))
    first = int(rows[0])
    shown = f"{clip(cell_text(table[a], first), 25)} and {clip(cell_text(table[b], first), 25)}"
    return Finding(
        NAME, data.name, a, tuple(rows.tolist()), "high" if len(rows) >= 3 else "medium", 0.9,
        f"{counted(len(rows), 'row')} have {a!r} and {b!r} swapped: such as {shown} in row {first}.",
        "Swap them back.", tuple(edits), {"other": b},
    )  # fmt: skip


def _fused(data: Dataset) -> list[Finding]:
    """Find cells that end with a value of another column, where that column's own cell is empty or the same."""
    names = _texts(data)
    views = {c: present_levels(data.table[c]) for c in names}
    out: list[Finding] = []
    for b in names:
        levels_b, counts_b, codes_b = views[b]
        usual = {t for t, k in zip(levels_b.tolist(), counts_b.tolist(), strict=True) if k >= 2 and len(t) >= 2}
        empty = codes_b < 0
        if not 2 <= len(usual) <= 2_000 or not empty.any() or empty.mean() > 0.5:
            continue
        for a in names:
            if a == b:
                continue
            levels, counts, codes = views[a]
            parts = {}
            known = {t: k for t, k in zip(levels.tolist(), counts.tolist(), strict=True)}
            for i in np.unique(codes[empty & (codes >= 0)]).tolist():
                head, tail = _split(levels[i], usual)
                if head and tail:
                    parts[i] = (head, tail)
            if not parts:
                continue
            # Seen with an empty neighbour far more often than with a full one, else it is how these cells look.
            rows = np.flatnonzero(empty & np.isin(codes, list(parts)))
            with_full = int((~empty & np.isin(codes, list(parts))).sum())
            heads = np.mean([parts[int(k)][0] in known for k in codes[rows]])
            if len(rows) < 3 or with_full > 0.1 * len(rows) or (len(rows) < 0.5 * empty.sum() and heads < 0.5):
                continue
            edits: list[Edit] = []
            for r in rows.tolist():
                head, tail = parts[int(codes[r])]
                why = f"holds the value of {b!r} as well"
                edits.append(Edit(data.name, r, a, str(levels[codes[r]]), head, NAME, 0.96, True, why))
                edits.append(Edit(data.name, r, b, None, tail, NAME, 0.96, True, f"stood in {a!r}"))
            shown = f"{clip(levels[codes[rows[0]]], 30)} beside an empty {b!r}"
            message = f"{counted(len(rows), 'cell')} of {a!r} hold the value of {b!r} as well: such as {shown}."
            details = {"other": b}
            both = tuple(rows.tolist())
            fix = "Part them."
            out.append(Finding(NAME, data.name, a, both, "high", 0.96, message, fix, tuple(edits[::2]), details))
            missing = f"{counted(len(rows), 'cell')} of {b!r} are empty because their value stands in {a!r}."
            out.append(Finding(NAME, data.name, b, both, "high", 0.96, missing, fix, tuple(edits[1::2]), {"other": a}))
    return out


def _split(text: str, usual: set[str]) -> tuple[str, str]:
    """Return a text without the usual value that it ends with, and that value; empty where there is none."""
    for at in range(len(text) - 2, 0, -1):
        if text[at] in _SEPARATORS and text[at + 1 :] in usual:
            return text[:at].rstrip(_SEPARATORS), text[at + 1 :]
    return "", ""


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Swap the cells of two category columns in a share of the rows."""
    names = [c for c in data.columns.of_kind("category") if data.table[c].is_text and c != data.columns.target]
    n = len(data.table)
    if len(names) < 2:
        return data, None
    a, b = names[:2]
    if set(data.table[a].levels.tolist()) & set(data.table[b].levels.tolist()):  # type: ignore[union-attr]
        return data, None
    rows = np.sort(rng.generator().choice(n, max(1, round(share * n)), replace=False))
    x, y = data.table[a].texts(), data.table[b].texts()
    x[rows], y[rows] = y[rows], x[rows].copy()
    rows = rows[[x[r] is not None and y[r] is not None for r in rows]]
    return data.with_table(data.table.assign({a: Column.of_texts(x), b: Column.of_texts(y)})), rows


CHECK = ShiftedColumns
SOURCE = "Likelihood ratio of each cell under its own column and under the other, by value and by shape."
