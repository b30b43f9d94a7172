"""Numbers in texts: the way of writing them that a column follows, and the cells that are written in another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIGNS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'"})
_EXPONENT = r"(?:[eE][+-]?\d{1,4})?"
_GROUPS = {".": ("", ",", "'", " "), ",": ("", ".", "'", " ")}
_DOUBT = 0.01
"""Share of the decimals that have three digits, up to which a single group of three is no decimal."""


def _pattern(decimal: str, group: str, late: bool = False) -> re.Pattern[str]:
    g = re.escape(group)
    # Nothing is set apart from a nought: 0,500 is a half.
    whole = r"\d+" if not group else rf"\d{{1,{4 if late else 3}}}|[1-9]\d{{{'1' if late else '0'},2}}(?:{g}\d{{3}})+"
    d = re.escape(decimal)
    return re.compile(rf"[+-]?(?:(?:{whole})(?:{d}\d*)?|{d}\d+){_EXPONENT}", re.ASCII)


_STYLES = {
    d: [(g, _pattern(d, g)) for g in groups] + [(g, _pattern(d, g, late=True)) for g in groups if g]
    for d, groups in _GROUPS.items()
}
_ANY = {d: re.compile("|".join(p.pattern for _, p in styles), re.ASCII) for d, styles in _STYLES.items()}
_COMMAS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+", re.ASCII)
_EITHER = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)


@dataclass(frozen=True, eq=False)
class Notation:
    """How the numbers of a column are written.

    Attributes
    ----------
    decimal, group : str
        The column's decimal sign, and what sets its thousands apart (empty where nothing does).
    fits : bool ndarray, shape (k,)
        Which texts are written like the column; False as well where a text is no number.
    sure : bool ndarray, shape (k,)
        Whether a text can be read in one way only, in this column.
    plain : tuple of str or None, length k
        Each number without groups and with a decimal point, its digits as written; None where it is none.
    """

    decimal: str
    group: str
    fits: NDArray[np.bool_]
    sure: NDArray[np.bool_]
    plain: tuple[str | None, ...]


def notation(texts: Sequence[str], counts: NDArray[np.int64]) -> Notation:
    """Find a column's way of writing numbers: the decimal sign that more cells leave no doubt about, then the groups.

    A lone group of three, as in 1,234, is a thousand under a decimal point and a decimal under a decimal comma; where
    both signs occur it is in doubt, unless no other number of the column has three decimals.

    >>> found = notation(["1.234,50", "12,75", "1,250.25"], np.array([9, 9, 1]))
    >>> found.decimal, found.group, found.fits.tolist(), found.plain[2]
    (',', '.', [True, True, False], '1250.25')
    """
    cells = [t.translate(_SIGNS).strip() for t in texts]
    can = {d: np.array([p.fullmatch(t) is not None for t in cells], bool) for d, p in _ANY.items()}
    signed = np.array(["." in t or "," in t for t in cells], bool)
    only = {d: signed & can[d] & ~can[e] for d, e in (".,", ",.")}
    told = {d: int(counts[only[d]].sum()) for d in only}
    decimal = "," if told[","] > told["."] else "."
    other = "." if decimal == "," else ","
    fits, group = np.zeros(len(cells), bool), ""
    for g, pattern in _STYLES[decimal]:
        these = np.array([pattern.fullmatch(t) is not None for t in cells], bool)
        if counts[these].sum() > counts[fits].sum():
            fits, group = these, g
    three = np.array([_EITHER.fullmatch(t) is not None for t in cells], bool)
    sure = can["."] | can[","]
    read = [decimal if can[decimal][i] else other for i in range(len(cells))]
    if told[other]:
        places = np.array([len(t) - 1 - t.rfind(d) if d in t else 0 for t, d in zip(cells, read, strict=True)])
        fractions = (only["."] | only[","]) & (places > 0)
        if counts[fractions & (places == 3)].sum() > _DOUBT * counts[fractions].sum():
            sure &= ~three
        else:
            for i in np.flatnonzero(three).tolist():
                read[i] = "," if "." in cells[i] else "."
                fits[i] &= read[i] == decimal
    elif dots_group(cells):
        for i in np.flatnonzero(three & np.array(["." in t for t in cells])).tolist():
            fits[i], read[i] = False, ","
    plain = [_plain(t, d) if can[d][i] else None for i, (t, d) in enumerate(zip(cells, read, strict=True))]
    return Notation(decimal, group, fits, sure, tuple(plain))


def _plain(text: str, decimal: str) -> str:
    kept = text if decimal == "." else text.replace(".", "").replace(",", ".")
    return kept.replace(",", "").replace("'", "").replace(" ", "")


def dots_group(texts: Sequence[str]) -> bool:
    """Tell points that set thousands apart among whole numbers from decimal points.

    Each stands before three last digits of which some are noughts, as decimals of differing length would not, while
    other whole numbers have four digits and more.

    >>> dots_group(["3.170", "2.455", "1200"]), dots_group(["3.17", "2.455", "1200"])
    (True, False)
    """
    dotted = [t for t in texts if "." in t]
    if len(dotted) < 2 or not all(map(_EITHER.fullmatch, dotted)) or not any(t.endswith("0") for t in dotted):
        return False
    long = [t for t in texts if "." not in t and len(t.lstrip("+-")) > 3]
    return bool(long) and not any("," in t and not _COMMAS.fullmatch(t) for t in texts)


def thousands_mixed(texts: Sequence[str], group: str) -> bool:
    """Tell whether some thousands are set apart and others are not; from five digits on only is one way of writing.

    >>> thousands_mixed(["1,234", "1234"], ","), thousands_mixed(["12,345", "1234"], ",")
    (True, False)
    """
    grouped = [t.lstrip("+-") for t in texts if group in t]
    whole = [len(re.match(r"\d*", t.lstrip("+-"))[0]) for t in texts if group not in t]  # type: ignore[index]
    four = any(t.find(group) == 1 and t.count(group) == 1 for t in grouped)
    return bool(grouped) and any(n > 4 or (n == 4 and four) for n in whole)
