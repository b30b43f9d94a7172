"""Numbers in texts: whole or not, decimal point or comma, thousands, and how many decimals are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.sources.notation import dots_group, thousands_mixed

_POINT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_COMMA = re.compile(r"[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_POINT_THOUSANDS = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?", re.ASCII)
_SWISS_THOUSANDS = re.compile(r"[+-]?(?:\d{1,3}(?:'\d{3})+|\d+)(?:\.\d*)?", re.ASCII)
_COMMA_THOUSANDS = re.compile(r"[+-]?(?:\d{1,3}(?:[.' ]\d{3})+|\d+)(?:,\d*)?", re.ASCII)
_NOUGHT = re.compile(r"[+-]?0,\d+", re.ASCII)
_LONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_LEADING_ZERO = re.compile(r"[+-]?0\d+", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
MAX_DECIMALS = 15
MIXED = "numbers with and without separators of thousands (`clean` writes them in one way)"


@dataclass(frozen=True, eq=False)
class Numbers:
    """Texts as numbers.

    Attributes
    ----------
    values : ndarray, shape (k,)
        int64 where all are whole, else float64.
    decimals : int or None
        The most decimals that any text has; None where it is above 15.
    format : str or None
        Signs, of which several may stand together: ``","`` for a decimal comma; ``"0"`` where all texts have the same
        number of decimals, zeros included; ``"#"`` where whole numbers have none (2 beside 1.5); ``"e"`` for exponents.
    thousands : bool
        Whether thousands were set apart.
    """

    values: NDArray[Any]
    decimals: int | None
    format: str | None = None
    thousands: bool = False


def parse_numbers(texts: Sequence[str]) -> Numbers | str:
    """Return texts as numbers, or the reason why they are none (an empty one where they do not look like any).

    Digits after a leading zero are a code, not a number; so are whole numbers beyond 64 bits. Thousands that are set
    apart in some texts only are two ways of writing, of which one may be misread: `types_and_formats` mends them.

    >>> parse_numbers(["1,50", "2,25"]).format, parse_numbers(["007"])
    (',0', 'digits with leading zeros')
    """
    if not texts:
        return ""
    if all(map(_WHOLE.fullmatch, texts)):
        return _whole(texts)
    finite = [t for t in texts if not _INFINITE.fullmatch(t)]
    if not finite:
        return ""
    if all(map(_POINT.fullmatch, finite)):
        return MIXED if dots_group(finite) else _real(texts, finite, "", "")
    # "1,234" alone is a thousand in English and 1.234 in German: thousands only where groups of three are all there is.
    if all(map(_POINT_THOUSANDS.fullmatch, finite)) and (_grouped(finite, ",") or _only_groups(finite)):
        mixed = thousands_mixed(finite, ",") or dots_group(finite)
        return MIXED if mixed else _real(texts, finite, ",", "")
    if all(map(_SWISS_THOUSANDS.fullmatch, finite)):
        return MIXED if thousands_mixed(finite, "'") else _real(texts, finite, "'", "")
    if all(map(_COMMA.fullmatch, finite)):
        return _real(texts, finite, "", ",")
    if all(map(_COMMA_THOUSANDS.fullmatch, finite)):
        used = [c for c in ".' " if any(c in t for t in finite)]
        mixed = len(used) > 1 or any(thousands_mixed(finite, c) for c in used)
        return MIXED if mixed else _real(texts, finite, ".' ", ",")
    return ""


def looks_numeric(text: str) -> bool:
    """Tell whether a text is a plain number."""
    return bool(_POINT.fullmatch(text) or _COMMA.fullmatch(text) or _POINT_THOUSANDS.fullmatch(text))


def decimals_of(values: NDArray[np.float64]) -> int | None:
    """Return the fewest decimals that write these finite values exactly, None above 10.

    >>> decimals_of(np.array([1.5, 2.25])), decimals_of(np.array([1 / 3]))
    (2, None)
    """
    values = np.unique(values[np.isfinite(values)])
    if len(values) and np.abs(values).max() > 1e15:
        return 0 if (values == np.floor(values)).all() else None
    for decimals in range(11):
        values = values[np.round(values, decimals) != values]
        if not len(values):
            return decimals
    return None


def widened(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return single-precision numbers as the double-precision numbers that are written alike.

    >>> widened(np.array([0.1], np.float32)).tolist()
    [0.1]
    """
    distinct, inverse = np.unique(values, return_inverse=True)
    return np.array([float(str(v)) for v in distinct], np.float64)[inverse.reshape(-1)]


def _decimals(text: str) -> int:
    """Return the decimals of a number that may have an exponent.

    >>> _decimals("1.5e-06"), _decimals("1e3")
    (7, 0)
    """
    mantissa, _, exponent = text.lower().partition("e")
    return max(len(mantissa.partition(".")[2]) - int(exponent or 0), 0)


def _whole(texts: Sequence[str]) -> Numbers | str:
    if any(map(_LEADING_ZERO.fullmatch, texts)):
        return "digits with leading zeros"
    if max(map(len, texts)) > 18:
        try:
            return Numbers(np.array([int(t) for t in texts], np.int64), 0)
        except (OverflowError, ValueError):
            return "whole numbers beyond 64 bits"
    return Numbers(np.array([int(t) for t in texts], np.int64), 0)


def _grouped(texts: Sequence[str], comma: str) -> bool:
    """Tell commas that set thousands apart from decimal commas; nothing stands after a nought but decimals."""
    if comma == "," and any(map(_NOUGHT.fullmatch, texts)):
        return False
    with_comma = [t for t in texts if comma in t]
    both = any("." in t or t.count(comma) > 1 for t in with_comma)
    plain = [t for t in texts if comma not in t]
    # Without other evidence: thousands, unless a number of four digits stands without a comma.
    return both or all(len(t.lstrip("+-").partition(".")[0]) <= 3 for t in plain)


def _only_groups(texts: Sequence[str]) -> bool:
    """Tell whether all commas stand before three last digits, several times: decimals would differ in length."""
    with_comma = [t for t in texts if "," in t]
    return len(with_comma) > 1 and all(map(_LONE_GROUP.fullmatch, with_comma)) and not any("." in t for t in texts)


def _real(texts: Sequence[str], finite: Sequence[str], thousands: str, comma: str) -> Numbers | str:
    if any(_LEADING_ZERO.match(t) for t in finite):
        return "digits with leading zeros"
    set_apart = any(c in t for c in thousands for t in finite)
    if thousands:
        drop = str.maketrans("", "", thousands)
        texts, finite = [t.translate(drop) for t in texts], [t.translate(drop) for t in finite]
    if comma:
        texts, finite = [t.replace(",", ".") for t in texts], [t.replace(",", ".") for t in finite]
    exponents = any("e" in t or "E" in t for t in finite)
    points = [_decimals(t) if exponents else len(t) - p - 1 if (p := t.find(".")) >= 0 else 0 for t in finite]
    most = max(points)
    if most == 0 and not exponents and len(finite) == len(texts) and thousands:
        whole = _whole(texts)
        return whole if isinstance(whole, str) else Numbers(whole.values, 0, None, True)
    zeros = [t.endswith("0") for t in finite if "." in t]
    fixed = most > 1 and not exponents and min(points) == most and any(zeros)
    bare = not exponents and not any(zeros) and len(zeros) < len(finite)
    form = ("," if comma else "") + ("0" if fixed else "#" if bare else "e" if exponents else "")
    decimals = None if most > MAX_DECIMALS else most
    return Numbers(np.array([float(t) for t in texts], np.float64), decimals, form or None, set_apart)
