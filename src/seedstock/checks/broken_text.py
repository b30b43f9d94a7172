"""Broken text: mojibake, control characters, lost characters, HTML left over."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import ClassVar

import ftfy
import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import LONG, clip, counted, present_levels
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "broken_text"
_MOST_LEVELS = 100_000
# Tabs and line ends are text; the zero-width joiners belong to scripts and emoji.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u2028\u2029\ufeff\u202a-\u202e\u2066-\u2069]"
)
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{2,6}|#x[0-9a-fA-F]{2,6});")
_TAG = re.compile(
    r"</?(?:[bip]|br|div|span|a|em|strong|font|td|tr|li|ul|ol|table|h[1-6]|img|script|style)(?:\s[^<>]*)?/?>", re.I
)
_SUSPECT = re.compile(r"[^\t\n\r -~]|&|<")


@dataclass(frozen=True)
class BrokenText:
    """Finds texts that were decoded wrongly or that carry what is no text.

    Mojibake is judged by ftfy, which mends only what becomes clearly more plausible.
    """

    false_alarms: ClassVar[float] = 0.01
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a column and kind of damage."""
        out: list[Finding] = []
        for name, column in data.table.columns.items():
            if not column.is_text:
                continue
            levels, _, codes = present_levels(column)
            found: dict[str, dict[int, str | None]] = {}
            for i in range(min(len(levels), _MOST_LEVELS)):
                text = levels[i][:LONG]
                if _SUSPECT.search(text):
                    for what, after in _damage(text):
                        found.setdefault(what, {})[i] = after if len(levels[i]) <= LONG else None
            for what, cells in found.items():
                out.append(_finding(data, name, levels, codes, what, cells))
        return out


def _damage(text: str) -> list[tuple[str, str | None]]:
    """Return the kinds of damage of a text, and the text mended (None where that cannot be known)."""
    out: list[tuple[str, str | None]] = []
    if not text.isascii():
        mended = ftfy.fix_encoding(text)
        if mended != text:
            out.append(("mojibake", mended))
    if _CONTROL.search(text):
        out.append(("control characters", _CONTROL.sub("", text)))
    if "\N{REPLACEMENT CHARACTER}" in text:
        out.append(("lost characters", None))
    if _ENTITY.search(text) and html.unescape(text) != text:
        out.append(("HTML entities", html.unescape(text)))
    if _TAG.search(text):
        out.append(("HTML tags", _TAG.sub("", text)))
    return out


def _finding(
    data: Dataset, name: str, levels: NDArray[np.object_], codes: NDArray[np.int64], what: str,
    cells: dict[int, str | None],
) -> Finding:  # fmt: skip
    hit = np.zeros(len(levels) + 1, bool)
    hit[list(cells)] = True
    rows = np.flatnonzero(hit[codes])
    confidence = 0.9 if what != "HTML tags" else 0.8
    safe = what in ("mojibake", "HTML entities", "control characters")
    edits = tuple(
        Edit(data.name, int(r), name, str(levels[k]), cells[k], NAME, confidence, safe, what)
        for r, k in zip(rows, codes[rows].tolist(), strict=True)
        if cells[k] is not None
    )
    first = next(iter(cells))
    after = cells[first]
    shown = clip(levels[first]) + (f" for {clip(after)}" if after is not None else "")
    return Finding(
        NAME,
        data.name,
        name,
        tuple(rows.tolist()),
        "high" if len(rows) >= 0.002 * len(codes) and len(rows) >= 3 else "medium",
        confidence,
        f"{counted(len(rows), 'cell')} of {name!r} hold {what}: such as {shown}.",
        "Mend these cells." if edits else "Read the source again in its own encoding.",
        edits,
    )


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Put accents into a share of a text column's cells and read them in the wrong encoding."""
    n = len(data.table)
    g = rng.generator()
    for name in data.columns.of_kind("text", "category"):
        if name == data.columns.target or not data.table[name].is_text:
            continue
        texts = data.table[name].texts()
        rows = np.sort(g.choice(n, max(1, round(share * n)), replace=False))
        rows = np.array([r for r in rows if texts[r]], np.int64)
        for k, r in enumerate(rows):
            broken = f"{texts[r]} é".encode().decode("latin-1")
            texts[r] = (broken, f"{texts[r]}\x07", f"{texts[r]} &amp; <br>")[k % 3]
        return data.with_table(data.table.assign({name: Column.of_texts(texts)})), rows
    return data, None


CHECK = BrokenText
SOURCE = "ftfy (Speer 2019); HTML entities and tags by the HTML standard's names."
