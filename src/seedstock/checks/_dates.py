"""Dates in texts: which order of day and month, and which cells are written in another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import ColumnSchema
from seedstock.sources.dates import parse_times
from seedstock.sources.texts import texts_of

_TRIPLE = re.compile(r"\s*(\d{1,4})([-/. ])(\d{1,2})\2(\d{1,4})(?:[T ]\d{1,2}:\d{2}.*)?\s*")
_NAMED = re.compile(r"\s*(?:\d{1,2}[-/. ]?[A-Za-zäéû]{3,9}[-/., ]*\d{2,4}|[A-Za-z]{3,9}[-/. ]?\d{1,2},? ?\d{4})\s*")
_ISO, _DMY, _MDY, _EITHER, _NAME = range(5)
_ORDERS = {_ISO: None, _NAME: None, _DMY: "%d/%m/%Y", _MDY: "%m/%d/%Y"}
_ENOUGH = 3
"""Odd cells of one order that leave no doubt, from which on those beside them are read in the same order."""
_SHOWN = ("year-month-day", "day-month-year", "month-day-year", "either order", "with the month's name")


@dataclass(frozen=True)
class MixedDates:
    """Dates of one column in several forms.

    Attributes
    ----------
    common : str
        The form of most cells.
    odd : int64 ndarray
        Levels in another form.
    mended : mapping of int to str
        Level -> the same date in the common form, where its own form leaves no doubt, or those beside it do not.
    doubtful : int
        Cells that could be day-month or month-day while both occur.
    """

    common: str
    odd: NDArray[np.int64]
    mended: Mapping[int, str]
    doubtful: int


def mixed_dates(levels: NDArray[np.object_], counts: NDArray[np.int64]) -> MixedDates | None:
    """Return what is mixed in a column that holds dates; None where it holds none or one form only.

    >>> texts = np.array([f"{d:02d}/03/2024" for d in range(1, 29)] + ["2024-03-05"], object)
    >>> mixed_dates(texts, np.ones(29, int)).mended
    {28: '05/03/2024'}
    """
    forms = np.array([_form(t) for t in levels.tolist()])
    total = counts.sum()
    if counts[forms >= 0].sum() < 0.9 * total:
        return None
    weight = np.array([counts[forms == f].sum() for f in range(5)])
    sure = weight[[_ISO, _DMY, _MDY, _NAME]]
    if (sure > 0).sum() + (weight[_EITHER] > 0 and not weight[_DMY] + weight[_MDY]) < 2:
        return None
    both = weight[_DMY] > 0 and weight[_MDY] > 0
    most = int(weight.argmax())
    if most == _EITHER:
        most = _DMY if weight[_DMY] >= weight[_MDY] else _MDY
    usual = (forms == most) | ((forms == _EITHER) & (most in (_DMY, _MDY)))
    odd = np.flatnonzero((forms >= 0) & ~usual)
    if not len(odd) or counts[odd].sum() > 0.5 * total:
        return None
    common = parse_times([str(t) for t in levels[usual]], _ORDERS[most])
    told = {f: int(counts[odd][forms[odd] == f].sum()) for f in (_DMY, _MDY)}
    alone = [f for f, c in told.items() if c >= _ENOUGH and c == sum(told.values())]
    mended: dict[int, str] = {}
    for i in odd.tolist() if common is not None else ():
        form = int(forms[i]) if forms[i] != _EITHER else alone[0] if alone else None
        text = None if form is None or common is None else _written(str(levels[i]), _ORDERS[form], common.format)
        if text is not None:
            mended[i] = text
    return MixedDates(_SHOWN[most], odd, mended, int(weight[_EITHER]) if both else 0)


def _form(text: str) -> int:
    if len(text) > 40:
        return -1
    match = _TRIPLE.fullmatch(text)
    if match is None:
        return _NAME if _NAMED.fullmatch(text) else -1
    a, _, b, c = match.groups()
    if len(a) == 4:
        return _ISO if 1 <= int(b) <= 12 and 1 <= int(c) <= 31 else -1
    if len(c) not in (2, 4) or not 1 <= max(int(a), int(b)) <= 31 or min(int(a), int(b)) < 1:
        return -1
    if int(a) > 12 and int(b) > 12:
        return -1
    return _DMY if int(a) > 12 else _MDY if int(b) > 12 else _EITHER


def _written(text: str, order: str | None, form: str) -> str | None:
    """Return a date in another form, or None where that would lose some of it."""
    found = parse_times([text.strip()], order)
    if found is None or found.values.dtype.kind != "M":
        return None
    (out,) = texts_of(found.values, ColumnSchema("datetime", dtype=found.dtype, format=form))
    again = parse_times([out], form)
    return out if again is not None and again.values[0] == found.values[0] else None
