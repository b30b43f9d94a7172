"""A text column read as numbers, with what stands around the number in each cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import normal, plain
from seedstock.checks.disguised_missing import MAYBE_WORDS, WORDS
from seedstock.sources.notation import Notation, notation

_NUMBER = re.compile(
    r"\s*(?P<before>[$€£¥]|[A-Z]{3}\s)?\s*"
    r"(?P<number>[+-]?(?:\d[\d.,'\u2019 \u00a0\u202f\u2009]*\d|\d|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*"
    r"(?P<after>[%°$€£¥]|[^\W\d_](?:[^\W\d_]|[./°²³% -]){0,24})?\s*\.?\s*"
)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?: \d{3})+(?:[.,]\d*)?")
LONG = 60
"""Longer texts are no numbers."""
MOSTLY = 0.85
"""Share of a column's cells that are numbers at least."""
_UNITS = frozenset({
    "$", "%", "a", "b", "bpm", "c", "cal", "chf", "cl", "cm", "d", "day", "days", "eur", "f", "feet", "foot", "ft",
    "g", "gal", "gb", "gbp", "h", "hour", "hours", "hr", "hrs", "hz", "in", "inch", "inches", "items", "jpy", "k",
    "kb", "kcal", "kg", "khz", "km", "kw", "kwh", "l", "lb", "lbs", "m", "mb", "mg", "mhz", "mi", "mile", "miles",
    "min", "mins", "minute", "minutes", "ml", "mm", "mmhg", "month", "months", "ms", "ounce", "ounces", "oz", "pc",
    "pcs", "pct", "percent", "pieces", "pound", "pounds", "s", "sec", "second", "seconds", "secs", "t", "ton", "tons",
    "units", "usd", "v", "w", "week", "weeks", "wk", "y", "yd", "year", "years", "yr", "yrs", "£", "¥", "°", "°c",
    "°f", "€",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class NumberCells:
    """A column's k distinct texts, read as numbers with something around them.

    Attributes
    ----------
    levels, counts : ndarray, shape (k,)
    words, numeric : bool ndarray, shape (k,)
        What says that a cell is missing, and what a number can be read from.
    texts, units : list of k str
        The number as it is written, and what stands before and after it.
    kinds : dict of str to int
        Unit -> cells.
    form : Notation
        How the column writes numbers.
    framed : bool
        A frame keeps numbers and not how they were written: all cells must be in their shortest form.
    """

    levels: NDArray[np.object_]
    counts: NDArray[np.int64]
    words: NDArray[np.bool_]
    numeric: NDArray[np.bool_]
    texts: list[str]
    units: list[str]
    kinds: dict[str, int]
    form: Notation
    framed: bool

    @classmethod
    def read(cls, levels: NDArray[np.object_], counts: NDArray[np.int64], framed: bool) -> Self | None:
        """Return the column as numbers, None where it is something else."""
        words = np.array([len(t) <= 30 and normal(t) in WORDS | MAYBE_WORDS for t in levels])
        parts = [_NUMBER.fullmatch(t) if len(t) <= LONG else None for t in levels]
        numeric = np.array([p is not None for p in parts])
        total = counts[~words].sum()
        if not total or counts[numeric & ~words].sum() < MOSTLY * total or (numeric & ~words).sum() < 2:
            return None
        texts = [p["number"].strip() if p is not None else "" for p in parts]
        # Codes with leading zeros, phone numbers and the like are no quantities.
        digits = [t for t in texts if t]
        odd_digits = sum(bool(re.match(r"[+-]?0\d", t)) or (" " in t and not _GROUPED.fullmatch(t)) for t in digits)
        if odd_digits > 0.02 * len(digits):
            return None
        units = [normal(((p["before"] or "") + (p["after"] or "")).strip(" .")) if p is not None else "" for p in parts]
        kinds: dict[str, int] = {}
        for unit, c, is_number in zip(units, counts.tolist(), numeric.tolist(), strict=True):
            if is_number:
                kinds[unit] = kinds.get(unit, 0) + c
        form = notation(texts, np.where(numeric & ~words, counts, 0))
        return cls(levels, counts, words, numeric, texts, units, kinds, form, framed)

    @property
    def total(self) -> int:
        """Cells that are no words."""
        return int(self.counts[~self.words].sum())

    @cached_property
    def real(self) -> set[str]:
        """Units that the column has by intent."""
        return {u for u, c in self.kinds.items() if c >= max(0.02 * sum(self.kinds.values()), 5)}

    @property
    def one_unit(self) -> bool:
        return len(self.real) == 1 and self.real != {""}

    @cached_property
    def good(self) -> NDArray[np.bool_]:
        """Levels that a number alone can stand for."""
        # One unit in every cell is no disorder; a cell without it, or with something like it, is one.
        known = [u in self.real or not u or u.split()[0].rstrip(".") in _UNITS for u in self.units]
        return np.array([not self.one_unit and k for k in known]) & self.numeric & ~self.words

    @cached_property
    def odd(self) -> NDArray[np.bool_]:
        """Levels with a unit that the column does not have."""
        return self.numeric & np.array([u not in self.real for u in self.units]) & ~self.words

    @cached_property
    def plain(self) -> list[str | None]:
        """The numbers in their plain form, with a decimal point."""
        # Decimals that end in zeros are kept where the column has any; the noise of binary fractions is not.
        zeros = not self.framed and any(
            not u and t is not None and "." in t and t[-1] == "0"
            for u, t in zip(self.units, self.form.plain, strict=True)
        )
        return [t if t is None or zeros else plain_number(float(t)) for t in self.form.plain]


def plain_number(value: float) -> str:
    """Return a number as it is written shortest, without the noise of binary fractions.

    >>> plain_number(0.052000000000000005), plain_number(12.0)
    ('0.052', '12')
    """
    return plain(repr(float(f"{value:.12g}")))
