"""Shifted, swapped and fused columns: cells that belong to a neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import cell_text, clip, counted, numbers, present_levels
from seedstock.checks._displaced import displaced
from seedstock.checks.types_and_formats import shape
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "shifted_columns"
_MOST_COLUMNS = 40
_MOST_LEVELS = 20_000
_SURE = 9.0
_SEPARATORS = " ,;/|-\t"


@dataclass(frozen=True)
class ShiftedColumns:
    """Finds rows in which two columns' cells were swapped, and cells that hold a neighbour's value besides their own.

    Two cells count as swapped where each is far likelier in the other column (log likelihood ratio above 9 in all). A
    cell is fused where it ends (or starts) with a value of another column whose own cell is empty.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a pair of columns, and one of rows whose cells stand in other columns altogether."""
        swapped = _swapped_texts(data)
        known = {r for f in swapped for r in f.rows}
        return swapped + displaced(data, _texts(data), known) + _swapped_numbers(data) + _fused(data)


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
    shapes = {c: np.array([shape(t) for t in views[c][0].tolist()], object) for c in names}
    out: list[Finding] = []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            small = max(len(views[a][0]), len(views[b][0])) <= _MOST_LEVELS
            # Columns that share their values cannot be told apart.
            if not small or not _strangers(views[a], index[b], views[b][1]):
                continue
            rows = np.zeros(0, np.int64)
            # The rows found first are left out of the counts of the second round: they do not speak for themselves.
            for limit in (0.6 * _SURE, _SURE):
                rows = _likelier_swapped(views[a], views[b], index[a], index[b], shapes[a], shapes[b], rows, limit)
            if 0 < len(rows) <= 0.3 * len(data.table):
                out.append(_swap(data, a, b, rows))
    return out


View = tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.int64]]


def _likelier_swapped(
    a: View, b: View, index_a: dict[str, int], index_b: dict[str, int], shapes_a: NDArray[np.object_],
    shapes_b: NDArray[np.object_], without: NDArray[np.int64], limit: float,
) -> NDArray[np.int64]:  # fmt: skip
    (la, _, ca), (lb, _, cb) = a, b
    keep = np.ones(len(ca), bool)
    keep[without] = False
    na = np.bincount(ca[keep & (ca >= 0)], minlength=len(la)).astype(np.float64)
    nb = np.bincount(cb[keep & (cb >= 0)], minlength=len(lb)).astype(np.float64)
    a_in_b = _log_p(la, shapes_a, nb, index_b, shapes_b)
    b_in_a = _log_p(lb, shapes_b, na, index_a, shapes_a)
    # A cell's own occurrence is no evidence that its value belongs.
    a_in_a = _log_p(la, shapes_a, na, index_a, shapes_a, own=True)
    b_in_b = _log_p(lb, shapes_b, nb, index_b, shapes_b, own=True)
    gain_a = np.append(a_in_b - a_in_a, -np.inf)[ca]
    gain_b = np.append(b_in_a - b_in_b, -np.inf)[cb]
    if not len(without):
        # Cells that are at home in the other column, in both columns of a row at once: independent ones hardly meet.
        away_a, away_b = gain_a > 1, gain_b > 1
        both = away_a & away_b
        if both.sum() >= 3 and both.sum() >= 0.8 * max(away_a.sum(), away_b.sum()):
            return np.flatnonzero(both)
    return np.flatnonzero((gain_a + gain_b > limit) & (gain_a > 1) & (gain_b > 1))


def _log_p(
    texts: NDArray[np.object_], shapes: NDArray[np.object_], counts: NDArray[np.float64], index: dict[str, int],
    forms: NDArray[np.object_], own: bool = False,
) -> NDArray[np.float64]:  # fmt: skip
    """Return log P(text | column): known values by their counts, new ones by their shape."""
    total = float(counts.sum()) + 1.0
    known = float((counts > 0).sum()) + 1.0
    # New values are as likely as single ones were (Good 1953).
    p_new = min(float((counts == 1).sum() + 0.5) / total, 0.5)
    seen: dict[str, float] = {}
    for s, k in zip(forms.tolist(), counts.tolist(), strict=True):
        seen[s] = seen.get(s, 0.0) + k
    n = np.array([counts[index[t]] if t in index else 0.0 for t in texts.tolist()])
    form = np.array([seen.get(s, 0.0) for s in shapes.tolist()])
    if own:
        n, form = np.maximum(n - 1, 0), np.maximum(form - 1, 0)
    return np.asarray(np.log((1 - p_new) * n / total + p_new * form / total / known + 1e-3 / known / total))


def _strangers(
    view: tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.int64]],
    other: dict[str, int],
    counts: NDArray[np.int64],
) -> bool:
    """Tell whether two columns share hardly any value."""
    levels, own, _ = view
    shared = [(i, other[t]) for i, t in enumerate(levels.tolist()) if t in other]
    both = sum(min(int(own[i]), int(counts[j])) for i, j in shared)
    return bool(both <= 0.25 * min(own.sum(), counts.sum()))


def _swapped_numbers(data: Dataset) -> list[Finding]:
    """Find neighbouring columns of numbers whose ranges do not meet, and rows where each lies in the other's."""
    names = [c for c in data.columns.of_kind("number", "datetime") if numbers(data.table[c]) is not None]
    out: list[Finding] = []
    place = {c: i for i, c in enumerate(data.table.names)}
    for a, b in pairwise(names):
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
        away_x, away_y = (x >= b0) & (x <= b1), (y >= a0) & (y <= a1)
        both = away_x & away_y
        # Where tails reach into each other's range, cells of one row may well meet there: each must then be a stranger.
        if both.sum() < 0.8 * max(away_x.sum(), away_y.sum()):
            both &= _gain(x, y) > _SURE
        rows = np.flatnonzero(both)
        if 2 < len(rows) <= 0.2 * len(x):
            out.append(_swap(data, a, b, rows))
    return out


def _gain(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much likelier, in logarithms, cells are in each other's columns: normal or log-normal bells."""
    x_in_x, y_in_x = _apart(x, x), _apart(y, x)
    y_in_y, x_in_y = _apart(y, y), _apart(x, y)
    return np.asarray((x_in_x**2 + y_in_y**2 - y_in_x**2 - x_in_y**2) / 2)


def _apart(x: NDArray[np.float64], column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance from a column's middle in its standard deviations; on a log scale where it is skewed."""
    known = column[np.isfinite(column)]
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    if low > 0 and high - middle > 2 * (middle - low):
        x, known = np.log(np.maximum(x, 1e-3 * low)), np.log(np.maximum(known, 1e-3 * low))
        middle = float(np.median(known))
    scale = float(np.median(np.abs(known - middle))) / 0.6745
    return np.asarray((x - middle) / max(scale, 1e-12))


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
            known = dict(zip(levels.tolist(), counts.tolist(), strict=True))
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
