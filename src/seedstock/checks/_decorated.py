"""Numbers with something around them: units and signs, other notations, hedges, in a column that is numbers else."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from seedstock.checks._cells import clip, counted, normal
from seedstock.checks._number_cells import NumberCells
from seedstock.core.results import Edit, Finding
from seedstock.core.table import Dataset
from seedstock.sources.notation import Notation

NAME = "types_and_formats"
_HEDGED = re.compile(r"\s*(?P<hedge>[~\u2248<>\u2264\u2265])\s*(?P<number>[+-]?\d+(?:[.,]\d+)?)\s*")
_MOST_REST = 0.03

Mended = dict[int, str | None]
"""Level -> what it is to be; None where only the source can tell."""


def decorated(
    data: Dataset, name: str, levels: NDArray[np.object_], counts: NDArray[np.int64], codes: NDArray[np.int64]
) -> list[Finding]:
    """Find numbers with something around them, in a column that is nothing but numbers."""
    column = NumberCells.read(levels, counts, "flavour" in data.origin)
    if column is None:
        return []
    if _two_units(column):
        return _units_differ(data, name, column.kinds, codes, column.units)
    mended, doubtful, guessed = _otherwise(column)
    lost = np.flatnonzero(column.odd & ~column.good & (counts <= 0.02 * column.total)).tolist()
    hedged = _hedged(column)
    along = _along(column, mended)
    out = []
    for cells, confidence, how in (
        (mended, 0.97, "in another notation"),
        (doubtful, 0.55, "that can be read in two ways"),
        (guessed, 0.8, "with a unit misspelt"),
        (dict.fromkeys(i for i in lost if i not in {*mended, *doubtful, *guessed}), 0.75, "with something odd"),
        (hedged, 0.7, "that are only about right, or no number at all"),
    ):
        if cells:
            with_them = along if cells is mended else {}
            out.append(_written(data, name, levels, codes, cells, confidence, how, column.kinds, with_them))
    if column.one_unit and not out:
        out.append(_numbers_as_texts(data, name, next(iter(column.real)), column.form, levels, codes))
    return out


def _otherwise(column: NumberCells) -> tuple[Mended, Mended, Mended]:
    """Return the levels that are written in another way and can be read in one, in two, or by a misspelt unit."""
    mended: Mended = {}
    doubtful: Mended = {}
    guessed: Mended = {}
    form, levels, good = column.form, column.levels, column.good
    point = "." if form.group or column.framed else form.decimal
    for i in np.flatnonzero(column.numeric & ~column.words).tolist():
        text, unit, plain_text = column.texts[i], column.units[i], column.plain[i]
        number = None if plain_text is None else plain_text.replace(".", point)
        bare = good[i] or (column.one_unit and unit in column.real)
        if number is not None and bare and (not form.fits[i] or not form.sure[i]):
            (mended if form.sure[i] else doubtful)[i] = number if good[i] else levels[i].replace(text, number)
        elif number is not None and good[i] and levels[i] != text:
            mended[i] = number
        elif column.odd[i] and not good[i] and "" not in column.real:
            near = _nearest(unit, column.real)
            if near is not None:
                guessed[i] = re.sub(re.escape(unit), near, normal(levels[i]))
    return mended, doubtful, guessed


def _hedged(column: NumberCells) -> Mended:
    """Return what stands beside numbers and is no word: about 3.5, below 0.1, or something else."""
    rest = np.flatnonzero(~column.numeric & ~column.words)
    if column.counts[rest].sum() > _MOST_REST * column.total:
        return {}
    found = {i: _HEDGED.fullmatch(column.levels[i]) for i in rest.tolist()}
    return {i: m["number"] if m is not None and m["hedge"] in "~\u2248" else None for i, m in found.items()}


def _along(column: NumberCells, mended: Mended) -> dict[int, str]:
    """Return what is written like the column, and loses the same groups or zeros, or the column would stay texts."""
    if not mended or column.one_unit or not (column.form.group or column.framed):
        return {}
    own = np.flatnonzero(column.form.fits & column.form.sure & column.good).tolist()
    return {i: text for i in own if i not in mended and (text := column.plain[i]) and text != column.levels[i]}


def _nearest(unit: str, real: set[str]) -> str | None:
    """Return the one unit of the column that this one misspells."""
    near = [u for u in real if len(u) >= 4 and OSA.normalized_similarity(unit, u) >= 0.6]
    return near[0] if len(near) == 1 else None


def _written(
    data: Dataset, name: str, levels: NDArray[np.object_], codes: NDArray[np.int64], after: Mapping[int, str | None],
    confidence: float, how: str, kinds: dict[str, int], along: Mapping[int, str],
) -> Finding:  # fmt: skip
    safe = confidence > 0.9
    hit = np.zeros(len(levels) + 1, bool)
    hit[list(after)] = True
    rows = np.flatnonzero(hit[codes])
    first = list(after.items())[:3]
    shown = ", ".join(clip(levels[i], 25) + (f" is {t}" if t is not None else "") for i, t in first)
    edits: list[Edit] = []
    hit[list(along)] = True
    for r in np.flatnonzero(hit[codes]).tolist():
        k = int(codes[r])
        text = after[k] if k in after else along[k]
        if text is not None:
            why = "a number, written otherwise"
            edits.append(Edit(data.name, r, name, str(levels[k]), text, NAME, confidence, safe, why))
    return Finding(
        NAME, data.name, name, tuple(rows.tolist()),
        "high" if safe and len(rows) >= 0.002 * len(codes) else "medium", confidence,
        f"{counted(len(rows), 'cell')} of {name!r} hold numbers {how}: {shown}.",
        "Write plain numbers." if safe else "Look at these cells, and ask the source." if edits else
        "Look at these cells.", tuple(edits),
        {"units": {k[:40]: v for k, v in list(kinds.items())[:20]}},
    )  # fmt: skip


def _two_units(column: NumberCells) -> bool:
    """Tell whether two units of one column measure on different scales: medians that differ by more than threefold."""
    values = [None if t is None else float(t) for t in column.form.plain]
    units, counts, kinds = column.units, column.counts, column.kinds
    total = sum(kinds.values())
    big = [u for u, c in kinds.items() if c >= max(0.02 * total, 5)]
    middles = []
    for unit in big:
        x = [v for u, v in zip(units, values, strict=True) if u == unit and v is not None]
        w = [c for u, v, c in zip(units, values, counts.tolist(), strict=True) if u == unit and v is not None]
        if x:
            order = np.argsort(x)
            at = np.searchsorted(np.cumsum(np.array(w)[order]), sum(w) / 2)
            middles.append(abs(float(np.array(x)[order][at])))
    return len(middles) > 1 and max(middles) > 3.5 * max(min(middles), 1e-300)


def _units_differ(
    data: Dataset, name: str, kinds: dict[str, int], codes: NDArray[np.int64], units: list[str]
) -> list[Finding]:
    most = max(kinds, key=lambda k: kinds[k])
    other = np.array([u != most and u in kinds for u in units] + [False])
    rows = np.flatnonzero(other[codes])
    shown = ", ".join(clip(k) for k in sorted(kinds, key=lambda k: -kinds[k])[:4])
    return [
        Finding(
            NAME, data.name, name, tuple(rows.tolist()), "high", 0.85,
            f"{name!r} holds numbers in several units that are on different scales: {shown}.",
            "Convert them to one unit, then drop the unit.",
        )
    ]  # fmt: skip


def _numbers_as_texts(
    data: Dataset, name: str, unit: str, form: Notation, levels: NDArray[np.object_], codes: NDArray[np.int64]
) -> Finding:
    """Say that a unit in every cell keeps a column from being numbers."""
    rows = np.flatnonzero(codes >= 0)
    edits = tuple(
        Edit(data.name, r, name, str(levels[k]), text, NAME, 0.45, False, "a number, without its unit")
        for r, k in zip(rows.tolist(), codes[rows].tolist(), strict=True)
        if (text := form.plain[k])
    )
    return Finding(
        NAME, data.name, name, tuple(rows.tolist()), "low", 0.6,
        f"{name!r} holds numbers as texts: its cells carry the unit {clip(unit)}.",
        "Drop the unit, or name the column by it, so that the numbers are learned as numbers.", edits,
    )  # fmt: skip
