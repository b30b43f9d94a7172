"""Identifiers and free text: columns whose cells name a row or tell about it, and are no values to learn."""

from __future__ import annotations

import re

import numpy as np

from seedstock.core.table import Column

_KEY_NAME = re.compile(
    r"(.*[_\s.-])?(id|ids|uid|uuid|guid|key|pk|index|rowid)|\w*(Id|ID|Uid|UUID|Key)|unnamed: 0", re.I
)
_TIME_NAME = re.compile(r".*(year|month|week|day|hour|time|date|age|step|tick|quarter).*|t", re.I)
_CODE = re.compile(r"[^\s]{1,128}")
_ROWS = 20_000
MIN_ROWS = 20
"""With fewer rows, only a telling name makes an identifier."""
DISTINCT = 0.95
"""Share of distinct cells from which on a column may name its rows: contamination repeats some of them."""


def is_key_name(name: str) -> bool:
    """Tell whether a column is called like a key.

    >>> [is_key_name(n) for n in ("id", "customer_id", "RowID", "acid", "hybrid")]
    [True, True, True, False, False]
    """
    return bool(
        re.fullmatch(r"(.*[_\s.-])?(id|uid|uuid|guid|key|pk|index|rowid)|unnamed: 0", name.strip(), re.I)
    ) or bool(re.fullmatch(r".*[a-z](Id|ID|Uid|UID|Uuid|UUID|Key)", name.strip()))


def is_id_numbers(column: Column, name: str) -> bool:
    """Tell whether whole numbers name rows: nearly all distinct, and called like a key or counting up from 0 or 1."""
    here = column.values[~column.missing]
    n = len(here)
    if n < 2 or n < 0.5 * len(column):
        return False
    distinct = np.unique(here)
    if len(distinct) < DISTINCT * n:
        return False
    if is_key_name(name):
        return True
    if n < MIN_ROWS or _TIME_NAME.fullmatch(name.strip()) or int(distinct[0]) not in (0, 1):
        return False
    span = int(distinct[-1]) - int(distinct[0]) + 1
    rising = (np.diff(here) > 0).mean() >= DISTINCT
    return bool(rising) and len(distinct) >= DISTINCT * span


def is_id_texts(column: Column, name: str) -> bool:
    """Tell whether texts name rows: nearly all distinct, without spaces, and with digits or called like a key."""
    if column.levels is None:
        return False
    used = np.unique(column.values[~column.missing])
    n = int((~column.missing).sum())
    if n < 2 or len(used) < DISTINCT * n or n < 0.5 * len(column):
        return False
    texts = [str(t) for t in column.levels[used[:_ROWS]]]
    if not all(map(_CODE.fullmatch, texts)):
        return False
    if is_key_name(name):
        return True
    digits = sum(any(c.isdigit() for c in t) for t in texts)
    return n >= MIN_ROWS and digits >= 0.9 * len(texts)


def is_free_text(column: Column) -> bool:
    """Tell whether texts are sentences or names, which hardly repeat, and not the values of a category."""
    if column.levels is None:
        return False
    here = column.values[~column.missing]
    used = np.unique(here)
    n, k = len(here), len(used)
    if n < MIN_ROWS or k < MIN_ROWS:
        return False
    texts = [str(t) for t in column.levels[used[:_ROWS]]]
    spaced = np.mean([" " in t.strip() for t in texts])
    words = np.mean([t.count(" ") + 1 for t in texts])
    if k > 0.9 * n:
        return True
    return bool(k > 0.5 * n and spaced > 0.5 and words >= 2) or bool(k > 0.2 * n and words >= 6)
