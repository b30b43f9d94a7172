"""Types and formats: numbers as text, units and signs in cells, decimal commas, mixed date orders, odd shapes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import clip, counted, normal, present_levels
from seedstock.checks._dates import mixed_dates
from seedstock.checks._decorated import NAME, decorated
from seedstock.checks._number_cells import LONG, MOSTLY, plain_number
from seedstock.checks.disguised_missing import MAYBE_WORDS, WORDS
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

_DECIMAL = re.compile(r"\s*[+-]?[\d.,' ]*\d[.,]\d+\s*")
_MOST_LEVELS = 200_000


@dataclass(frozen=True)
class TypesAndFormats:
    """Finds cells that are written in another way than their column.

    Texts that are numbers with a unit, a currency or a percent sign; numbers with another decimal sign or other groups
    of thousands than the rest; dates in two orders; and cells whose shape (digits, letters, signs) hardly any has.
    What can be read in one way only is mended in the column's own way of writing.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return a finding for each kind of disorder in a text column."""
        out: list[Finding] = []
        for name, column in data.table.columns.items():
            if not column.is_text or data.columns[name].kind == "image" or name == data.columns.target:
                continue
            levels, counts, codes = present_levels(column)
            if not 2 <= len(levels) <= _MOST_LEVELS:
                continue
            if data.columns[name].kind == "id":
                # Amounts are as distinct as names; a decimal sign tells them apart, and a way of writing numbers.
                amounts = sum(bool(_DECIMAL.fullmatch(t)) for t in levels.tolist()) >= MOSTLY * len(levels)
                found = decorated(data, name, levels, counts, codes)
                out += [f for f in found if amounts or f.severity == "high"]
                continue
            out += (
                decorated(data, name, levels, counts, codes)
                or _dates(data, name, levels, counts, codes)
                or _shapes(data, name, levels, counts, codes)
            )
        return out


def _dates(
    data: Dataset, name: str, levels: NDArray[np.object_], counts: NDArray[np.int64], codes: NDArray[np.int64]
) -> list[Finding]:
    found = mixed_dates(levels, counts)
    if found is None:
        return []
    hit = np.zeros(len(levels) + 1, bool)
    hit[found.odd] = True
    rows = np.flatnonzero(hit[codes])
    known = found.mended
    edits = tuple(
        Edit(data.name, int(r), name, str(levels[k]), known[k], NAME, 0.9, True, "a date, written in another form")
        for r, k in zip(rows, codes[rows].tolist(), strict=True)
        if k in known
    )
    return [
        Finding(
            NAME, data.name, name, tuple(rows.tolist()), "high" if len(rows) >= 0.002 * len(codes) else "medium", 0.9,
            f"{name!r} holds dates in several forms: most are {found.common}, {counted(len(rows), 'cell')} are not"
            f" ({found.doubtful:,} more could be read either way).",
            "Write all dates in one form; ask the source about those that could be read either way.", edits,
        )
    ]  # fmt: skip


def _shapes(
    data: Dataset, name: str, levels: NDArray[np.object_], counts: NDArray[np.int64], codes: NDArray[np.int64]
) -> list[Finding]:
    """Find cells of a shape that hardly any other has, where one to three shapes are nearly all cells."""
    if data.columns[name].kind == "text":
        return []
    words = np.array([len(t) <= 30 and normal(t) in WORDS | MAYBE_WORDS for t in levels])
    shapes = np.array([shape(t) for t in levels], object)
    names, inverse = np.unique(shapes.astype(str), return_inverse=True)
    weight = np.bincount(inverse.reshape(-1), np.where(words, 0, counts))
    order = np.argsort(-weight, kind="stable")
    total = weight.sum()
    top = order[:2]
    # Only where the shape says something: digits or signs in it, and nearly all cells alike.
    if not total or weight[top].sum() < 0.97 * total or weight[top].sum() == total:
        return []
    if not any(c.isdigit() for c in names[top[0]]) or len(levels) < 8:
        return []
    usual = np.isin(inverse.reshape(-1), top[weight[top] >= 0.02 * total])
    odd = ~usual & ~words
    hit = np.append(odd, False)
    rows = np.flatnonzero(hit[codes])
    if not 0 < len(rows) <= 0.03 * total:
        return []
    shown = ", ".join(clip(t, 25) for t in levels[odd][:3])
    return [
        Finding(
            NAME, data.name, name, tuple(rows.tolist()), "medium", 0.75,
            f"{counted(len(rows), 'cell')} of {name!r} have another shape than the rest (such as "
            f"{clip(levels[np.flatnonzero(usual)[0]], 25)}): {shown}.",
            "Look at these cells.", details={"shapes": names[top].tolist()},
        )
    ]  # fmt: skip


def shape(text: str) -> str:
    """Return a text's shape: runs of digits as 9, of letters as a, signs as they are.

    >>> shape("AB-123 x"), shape("12.5%")
    ('a-9 a', '9.9%')
    """
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text[:LONG]))


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Turn a column of numbers with a decimal point to text, and write a share of it with a unit or a comma."""
    n = len(data.table)
    g = rng.generator()
    for name in data.columns.of_kind("number"):
        column = data.table[name]
        if column.values.dtype.kind != "f" or name == data.columns.target or not np.isfinite(column.values).all():
            continue
        texts = np.array(
            [None if m else plain_number(v) for v, m in zip(column.values, column.missing, strict=True)], object
        )
        taken = np.sort(g.choice(n, max(1, round(share * n)), replace=False))
        rows = np.array([r for r in taken.tolist() if texts[r] is not None and "." in texts[r]], np.int64)
        for k, r in enumerate(rows.tolist()):
            texts[r] = f"{texts[r]} kg" if k % 2 else texts[r].replace(".", ",")
        schema = data.columns.replace_column(name, kind="category", dtype="string", decimals=None)
        table = data.table.assign({name: Column.of_texts(texts)})
        return type(data)({data.name: table}, type(data.schema)({data.name: schema})), rows
    return data, None


CHECK = TypesAndFormats
SOURCE = "Value shapes after Raman and Hellerstein, Potter's Wheel (2001)."
