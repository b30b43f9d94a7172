"""Types and formats: numbers as text, units and signs in cells, decimal commas, mixed date orders, odd shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA

from seedstock.checks._cells import clip, counted, normal, plain, present_levels
from seedstock.checks._dates import mixed_dates
from seedstock.checks.disguised_missing import MAYBE_WORDS, WORDS
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset
from seedstock.sources.notation import Notation, notation

NAME = "types_and_formats"
_NUMBER = re.compile(
    r"\s*(?P<before>[$€£¥]|[A-Z]{3}\s)?\s*"
    r"(?P<number>[+-]?(?:\d[\d.,'\u2019 \u00a0\u202f\u2009]*\d|\d|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*"
    r"(?P<after>[%°$€£¥]|[^\W\d_](?:[^\W\d_]|[./°²³% -]){0,24})?\s*\.?\s*"
)
_DECIMAL = re.compile(r"\s*[+-]?[\d.,' ]*\d[.,]\d+\s*")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:[.,]\d*)?")
_HEDGED = re.compile(r"\s*(?P<hedge>[~\u2248<>\u2264\u2265])\s*(?P<number>[+-]?\d+(?:[.,]\d+)?)\s*")
_MOST_REST = 0.03
_LONG = 60
_MOSTLY = 0.85
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
                amounts = sum(bool(_DECIMAL.fullmatch(t)) for t in levels.tolist()) >= _MOSTLY * len(levels)
                found = _decorated(data, name, levels, counts, codes)
                out += [f for f in found if amounts or f.severity == "high"]
                continue
            out += (
                _decorated(data, name, levels, counts, codes)
                or _dates(data, name, levels, counts, codes)
                or _shapes(data, name, levels, counts, codes)
            )
        return out


def _decorated(
    data: Dataset, name: str, levels: NDArray[np.object_], counts: NDArray[np.int64], codes: NDArray[np.int64]
) -> list[Finding]:
    """Find numbers with something around them, in a column that is nothing but numbers."""
    words = np.array([len(t) <= 30 and normal(t) in WORDS | MAYBE_WORDS for t in levels])
    parts = [_NUMBER.fullmatch(t) if len(t) <= _LONG else None for t in levels]
    numeric = np.array([p is not None for p in parts])
    total = counts[~words].sum()
    if not total or counts[numeric & ~words].sum() < _MOSTLY * total or (numeric & ~words).sum() < 2:
        return []
    texts = [p["number"].strip() if p is not None else "" for p in parts]
    # Codes with leading zeros, phone numbers and the like are no quantities.
    digits = [t for t in texts if t]
    odd_digits = sum(bool(re.match(r"[+-]?0\d", t)) or (" " in t and not _GROUPED.fullmatch(t)) for t in digits)
    if odd_digits > 0.02 * len(digits):
        return []
    units = [normal(((p["before"] or "") + (p["after"] or "")).strip(" .")) if p is not None else "" for p in parts]
    kinds: dict[str, int] = {}
    for unit, c, is_number in zip(units, counts.tolist(), numeric.tolist(), strict=True):
        if is_number:
            kinds[unit] = kinds.get(unit, 0) + c
    form = notation(texts, np.where(numeric & ~words, counts, 0))
    if _two_units(units, form, counts, kinds):
        return _units_differ(data, name, kinds, codes, units)
    real = {u for u, c in kinds.items() if c >= max(0.02 * sum(kinds.values()), 5)}
    one_unit = len(real) == 1 and real != {""}
    # One unit in every cell is no disorder; a cell without it, or with something like it, is one.
    good = np.array([not one_unit and (u in real or not u or u.split()[0].rstrip(".") in _UNITS) for u in units])
    good &= numeric & ~words
    odd = numeric & np.array([u not in real for u in units]) & ~words
    # A frame keeps numbers and not how they were written: all cells must be in their shortest form.
    framed = "flavour" in data.origin
    point = "." if form.group or framed else form.decimal
    # Decimals that end in zeros are kept where the column has any; the noise of binary fractions is not.
    zeros = not framed and any(
        not u and t is not None and "." in t and t[-1] == "0" for u, t in zip(units, form.plain, strict=True)
    )
    plain_texts = [t if t is None or zeros else plain_number(float(t)) for t in form.plain]
    mended: dict[int, str | None] = {}
    doubtful: dict[int, str | None] = {}
    guessed: dict[int, str | None] = {}
    for i in np.flatnonzero(numeric & ~words).tolist():
        plain = plain_texts[i]
        bare = good[i] or (one_unit and units[i] in real)
        if plain is not None and bare and (not form.fits[i] or not form.sure[i]):
            after = plain.replace(".", point) if good[i] else levels[i].replace(texts[i], plain.replace(".", point))
            (mended if form.sure[i] else doubtful)[i] = after
        elif plain is not None and good[i] and levels[i] != texts[i]:
            mended[i] = plain.replace(".", point)
        elif odd[i] and not good[i] and "" not in real:
            near = _nearest(units[i], real)
            if near is not None:
                guessed[i] = re.sub(re.escape(units[i]), near, normal(levels[i]))
    known = {*mended, *doubtful, *guessed}
    lost = [i for i in np.flatnonzero(odd).tolist() if i not in known and not good[i] and counts[i] <= 0.02 * total]
    # Beside numbers, cells that are no words and no numbers: about 3.5, below 0.1, or something else.
    rest = np.flatnonzero(~numeric & ~words)
    hedged: dict[int, str | None] = {}
    if counts[rest].sum() <= _MOST_REST * total:
        for i in rest.tolist():
            match = _HEDGED.fullmatch(levels[i])
            hedged[i] = match["number"] if match is not None and match["hedge"] in "~\u2248" else None
    # Cells that are written like the column lose the same groups or zeros, or the column would stay texts.
    along: dict[int, str] = {}
    if (form.group or framed) and mended and not one_unit:
        own = np.flatnonzero(form.fits & form.sure & good).tolist()
        along = {i: text for i in own if i not in mended and (text := plain_texts[i]) and text != levels[i]}
    out = []
    for cells, confidence, how in (
        (mended, 0.97, "in another notation"),
        (doubtful, 0.55, "that can be read in two ways"),
        (guessed, 0.8, "with a unit misspelt"),
        (dict.fromkeys(lost), 0.75, "with something odd"),
        (hedged, 0.7, "that are only about right, or no number at all"),
    ):
        if cells:
            with_them = along if cells is mended else {}
            out.append(_written(data, name, levels, codes, cells, confidence, how, kinds, with_them))
    if one_unit and not out:
        out.append(_numbers_as_texts(data, name, next(iter(real)), form, levels, codes))
    return out


_UNITS = frozenset({
    "$", "%", "a", "b", "bpm", "c", "cal", "chf", "cl", "cm", "d", "day", "days", "eur", "f", "feet", "foot", "ft",
    "g", "gal", "gb", "gbp", "h", "hour", "hours", "hr", "hrs", "hz", "in", "inch", "inches", "items", "jpy", "k",
    "kb", "kcal", "kg", "khz", "km", "kw", "kwh", "l", "lb", "lbs", "m", "mb", "mg", "mhz", "mi", "mile", "miles",
    "min", "mins", "minute", "minutes", "ml", "mm", "mmhg", "month", "months", "ms", "ounce", "ounces", "oz", "pc",
    "pcs", "pct", "percent", "pieces", "pound", "pounds", "s", "sec", "second", "seconds", "secs", "t", "ton", "tons",
    "units", "usd", "v", "w", "week", "weeks", "wk", "y", "yd", "year", "years", "yr", "yrs", "£", "¥", "°", "°c",
    "°f", "€",
})  # fmt: skip


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


def plain_number(value: float) -> str:
    """Return a number as it is written shortest, without the noise of binary fractions.

    >>> plain_number(0.052000000000000005), plain_number(12.0)
    ('0.052', '12')
    """
    return plain(repr(float(f"{value:.12g}")))


def _two_units(units: list[str], form: Notation, counts: NDArray[np.int64], kinds: dict[str, int]) -> bool:
    """Tell whether two units of one column measure on different scales: medians that differ by more than threefold."""
    values = [None if t is None else float(t) for t in form.plain]
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
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", text[:_LONG]))


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
