"""Whether the first row of a text file names the columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Column
from seedstock.sources._raw import MISSING_TOKENS, WEAK_TOKENS
from seedstock.sources.dates import parse_times
from seedstock.sources.numbers import looks_numeric

_ROWS = 1000


def has_header(first: Sequence[str | None], body: Sequence[Column]) -> bool:
    """Tell whether the first row holds names.

    It does not where it has a number over a column of numbers, unless its numbers count up evenly (years, 0 1 2 ...),
    another column of numbers or times has a word for it, or the first column is a frame's count of rows without a name.

    >>> has_header(["39", "State-gov", "77516"], [Column.of_texts([t]) for t in ("50", "Private", "83311")])
    False
    >>> has_header(["a", "1999", "2000"], [Column.of_texts(t) for t in (["x"], ["4"], ["5"])])
    True
    >>> has_header(["39", "State-gov"], [Column.of_texts(t) for t in (["50"], ["Private"])])
    False
    >>> has_header(["price", "7"], [Column.of_texts(t) for t in (["50"], ["3"])])
    True
    """
    numbers = [k for k, text in enumerate(first) if text is not None and looks_numeric(text.strip())]
    over = [k for k in numbers if _mostly_numbers(body[k])]
    if not over:
        return True
    if any(_is_word(text) and (_mostly_numbers(body[k]) or _all_times(body[k])) for k, text in enumerate(first)):
        return True
    if not first[0] and body[0].texts()[:_ROWS].tolist() == [str(i) for i in range(min(len(body[0]), _ROWS))]:
        return True
    values = [float(str(first[k]).strip().replace(",", "")) for k in numbers]
    steps = {b - a for a, b in pairwise(values)}
    if len(values) == 2:  # any two numbers are evenly spaced
        return steps == {1.0} and (values[0] in (0, 1) or 1800 <= values[0] < 2200)
    return len(values) > 1 and len(steps) == 1 and steps.pop() > 0


def repeats(first: Sequence[str | None], body: Sequence[Column]) -> NDArray[np.bool_]:
    """Return which rows are the header once more, shape (n,).

    >>> repeats(["port", "label"], [Column.of_texts(["22", "port"]), Column.of_texts(["good", "label"])]).tolist()
    [False, True]
    """
    out = np.ones(len(body[0]), bool)
    for name, column in zip(first, body, strict=True):
        levels = column.levels if column.levels is not None else np.zeros(0, object)
        here = np.array([name is not None and str(t) == name for t in levels] or [False])
        out &= here[column.values] & ~column.missing if len(levels) else column.missing & (name is None)
        if not out.any():
            break
    return out


def tidy_names(names: Sequence[str]) -> list[str]:
    """Drop the space that follows the delimiter, where all names but the first have it."""
    if len(names) > 1 and all(n[:1] == " " for n in names[1:]):
        return [n.strip(" ") for n in names]
    return list(names)


def _is_word(text: str | None) -> bool:
    plain = (text or "").strip()
    return not (plain in MISSING_TOKENS | WEAK_TOKENS or looks_numeric(plain) or parse_times([plain]))


def _all_times(column: Column) -> bool:
    head = [t.strip() for t in column.take(slice(0, _ROWS)).texts() if t is not None]
    return bool(head) and parse_times(head) is not None


def _mostly_numbers(column: Column) -> bool:
    head = [t.strip() for t in column.take(slice(0, _ROWS)).texts() if t is not None]
    return bool(head) and sum(map(looks_numeric, head)) > 0.9 * len(head)


def likely_delimiter(lines: Sequence[str]) -> str | None:
    """Return the delimiter that most lines have as often as the first one, None where there is none.

    >>> likely_delimiter(["a,b", "1,2", "3,4,5"]), likely_delimiter(["name", "x, y"])
    (',', None)
    """
    rows = [line for line in lines if line.strip()]
    best = None
    for delimiter in ",;\t|":
        n = rows[0].count(delimiter) if rows else 0
        alike = sum(line.count(delimiter) == n for line in rows)
        if n and alike > 0.5 * len(rows) and (best is None or (alike, n) > best[0]):
            best = ((alike, n), delimiter)
    return best[1] if best else None
