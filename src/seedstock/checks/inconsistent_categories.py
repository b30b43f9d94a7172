"""Inconsistent categories: one thing written in several ways (case, spaces, punctuation, spelling)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import clip, counted, present_levels
from seedstock.checks._spelling import abbreviated, canonical, channel, damaged, misspelt, unaccented, variants
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "inconsistent_categories"
MOST_LEVELS = 50_000


@dataclass(frozen=True)
class InconsistentCategories:
    """Finds variants of one category, and misspelt ones.

    Variants that differ in case, width, white space or punctuation alone become the commonest of them. A rare category
    that is a few letters away from a frequent one becomes that one, if its odd words occur nowhere else, the digits
    agree, and the target does not differ.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return up to three findings a column: variants, misspellings and abbreviations."""
        out: list[Finding] = []
        vocabulary = _vocabulary(data)
        context = _Context(data)
        slips: dict[str, str] = {}
        merged: dict[str, set[int]] = {}
        columns = {name: present_levels(data.table[name]) for name in _columns(data)}
        for name, (levels, counts, codes) in columns.items():
            target = _target_codes(data, name)
            found = {a: b for a, b in variants(levels, counts).items() if _same_target(a, b, codes, target)}
            if found:
                out.append(_finding(data, name, found, "variants of another spelling", True, 0.95))
            merged[name] = set(found)
            slip = {
                a: found.get(b, b)
                for a, b in (misspelt(levels, counts, vocabulary) | unaccented(levels, counts)).items()
                if a not in found and _same_target(a, b, codes, target) and context.allows(name, codes, a, b)
            }
            if slip:
                out.append(_finding(data, name, slip, "misspellings of a frequent value", False, 0.8))
                slips |= {levels[a]: levels[b] for a, b in slip.items()}
            merged[name] |= set(slip)
            short = {
                a: found.get(b, b)
                for a, b in abbreviated(levels, counts).items()
                if a not in merged[name] and _same_target(a, b, codes, target) and context.allows(name, codes, a, b)
            }
            if short:
                out.append(_finding(data, name, short, "short and long forms of a frequent value", False, 0.7))
            merged[name] |= set(short)
        for letter in filter(None, ("\N{REPLACEMENT CHARACTER}", channel(slips))):
            for name, (levels, counts, _) in columns.items():
                hurt = {a: b for a, b in damaged(levels, counts, letter).items() if a not in merged[name]}
                merged[name] |= set(hurt)
                what = f"damaged: {letter!r} stands in the place of other letters"
                mended = {a: b for a, b in hurt.items() if b is not None}
                if mended:
                    out.append(_finding(data, name, mended, what, False, 0.85))
                if len(mended) < len(hurt):
                    lost: dict[int, int | None] = {a: None for a, b in hurt.items() if b is None}
                    out.append(_finding(data, name, lost, what, False, 0.7))
        return out


def _columns(data: Dataset) -> list[str]:
    """Return the text columns whose values repeat."""
    out: list[str] = []
    for name, column in data.table.columns.items():
        if column.is_text and 2 <= len(column.levels if column.levels is not None else ()) <= MOST_LEVELS:
            levels, counts, _ = present_levels(column)
            repeated = counts[counts > 1].sum() / max(counts.sum(), 1)
            if len(levels) >= 2 and repeated >= (0.9 if data.columns[name].kind == "id" else 0.3):
                out.append(name)
    return out


def _finding(
    data: Dataset, name: str, found: Mapping[int, int | None], what: str, safe: bool, confidence: float
) -> Finding:
    levels, _, codes = present_levels(data.table[name])
    hit = np.zeros(len(levels) + 1, bool)
    hit[list(found)] = True
    rows = np.flatnonzero(hit[codes])
    known = {a: b for a, b in found.items() if b is not None}
    shown = ", ".join(
        clip(levels[a], 30) + (f" for {clip(levels[known[a]], 30)}" if a in known else "") for a in list(found)[:3]
    )
    share = len(rows) / max(len(codes), 1)
    edits = tuple(
        Edit(data.name, int(r), name, str(levels[k]), str(levels[known[k]]), NAME, confidence, safe, what)
        for r, k in zip(rows, codes[rows].tolist(), strict=True)
        if k in known
    )
    return Finding(
        NAME,
        data.name,
        name,
        tuple(rows.tolist()),
        "high" if safe and share >= 0.002 else "medium",
        confidence,
        f"{counted(len(found), 'value')} of {name!r} ({counted(len(rows), 'cell')}) are {what}: {shown}.",
        "Write each in one way." if known else "Look them up; several values would fit.",
        edits,
        {"mapping": {str(levels[a])[:200]: str(levels[b])[:200] for a, b in list(known.items())[:500]}},
    )


def _vocabulary(data: Dataset) -> dict[str, int]:
    """Return the words of all text columns and the number of cells that each stands in."""
    out: dict[str, int] = {}
    for name, column in data.table.columns.items():
        if not column.is_text or data.columns[name].kind == "id":
            continue
        levels, counts, _ = present_levels(column)
        for text, count in zip(levels[:MOST_LEVELS], counts[:MOST_LEVELS].tolist(), strict=True):
            for word in set(canonical(text[:500]).split()):
                out[word] = out.get(word, 0) + count
    return out


class _Context:
    """What stands beside a category in the other columns."""

    def __init__(self, data: Dataset) -> None:
        self.columns: dict[str, NDArray[np.int64]] = {}
        self.counts: dict[str, NDArray[np.int64]] = {}
        n = len(data.table)
        for name, column in data.table.columns.items():
            if column.values.ndim > 1 or data.columns[name].kind == "image" or len(self.columns) >= _MOST_COLUMNS:
                continue
            codes, k = column.codes()
            if 2 <= k <= 0.5 * n:
                self.columns[name] = codes
                self.counts[name] = np.bincount(codes)

    def allows(self, name: str, codes: NDArray[np.int64], a: int, b: int) -> bool:
        """Tell whether no more columns speak against a being b than for it.

        A column speaks against where the rows of b are concentrated and the rows of a hold what b never does.
        """
        first, second = np.flatnonzero(codes == a)[:20], np.flatnonzero(codes == b)[:20_000]
        votes = 0
        for other, values in self.columns.items():
            if other == name:
                continue
            theirs, counts = np.unique(values[second], return_counts=True)
            if counts.max() < 0.5 * len(second):
                continue
            if np.isin(values[first], theirs[counts >= 0.05 * len(second)]).mean() >= 0.5:
                votes += 1
            elif not np.isin(values[first], theirs).any() and (self.counts[other][values[first]] >= 3).any():
                # What nearly decides b (its code number, say) and never stands beside a outweighs all that is vague.
                if len(first) >= 3 and counts.max() >= 0.95 * len(second):
                    return False
                votes -= 1
        return votes >= 0


_MOST_COLUMNS = 20


def _target_codes(data: Dataset, name: str) -> NDArray[np.int64] | None:
    target = data.columns.target
    if target is None or target == name or not data.table[target].is_text:
        return None
    return present_levels(data.table[target])[2]


def _same_target(a: int, b: int, codes: NDArray[np.int64], target: NDArray[np.int64] | None) -> bool:
    """Tell whether the target is not seen to differ between two categories: a two-sample chi-squared of 5 SE."""
    if target is None:
        return True
    first, second = target[(codes == a) & (target >= 0)], target[(codes == b) & (target >= 0)]
    if len(first) < 5 or len(second) < 5:
        return True
    k = int(max(first.max(), second.max())) + 1
    p, q = np.bincount(first, minlength=k) / len(first), np.bincount(second, minlength=k) / len(second)
    both = (p * len(first) + q * len(second)) / (len(first) + len(second))
    error = np.sqrt(both * (1 - both) * (1 / len(first) + 1 / len(second)))
    return bool((np.abs(p - q) <= 4 * error + 0.02).all())


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Write a share of the cells of one category column in another case, with spaces, or with a typing error."""
    g = rng.generator()
    n = len(data.table)
    for name in data.columns.of_kind("category"):
        if name == data.columns.target or not data.table[name].is_text:
            continue
        texts = data.table[name].texts()
        rows = np.sort(g.choice(n, max(1, round(share * n)), replace=False))
        rows = rows[[texts[r] is not None and len(texts[r]) > 5 for r in rows]]
        if not len(rows):
            continue
        for k, r in enumerate(rows):
            text = texts[r]
            at = int(g.integers(1, len(text) - 2))
            typo = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            texts[r] = (text.upper(), f" {text}  ", text.replace(" ", "-"), typo)[k % 4]
        changed = rows[[texts[r] != t for r, t in zip(rows, data.table[name].texts()[rows], strict=True)]]
        return data.with_table(data.table.assign({name: Column.of_texts(texts)})), changed
    return data, None


CHECK = InconsistentCategories
SOURCE = "Key collision (OpenRefine's fingerprint) and blocked edit distance (Damerau 1964), rare into frequent only."
