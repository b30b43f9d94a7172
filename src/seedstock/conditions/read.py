"""What users write about a column, as an `Allowed`: texts of the command line, and Python values.

==================  ===================================================
``age=35``          this value
``age=30..40``      from 30 to 40, both included; ``60..`` and ``..18`` are open
``age>=60``         also ``>``, ``<=`` and ``<``
``job=A|B``         one of these
``job!=A|B``        none of these, but present
``job=``            missing
``job!=``           present
==================  ===================================================

A text that is itself a value of a column of texts always means that value, whatever it looks like; ``\\|`` stands for
a ``|`` within one. In Python nothing is parsed: a scalar is a value, ``(30, 40)`` a range (None is open), a set or
list one of several values, and None a missing cell.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from seedstock.conditions.cells import cells, learned, number
from seedstock.core.errors import InputError
from seedstock.core.given import Allowed
from seedstock.core.table import Column, Dataset

_OPERATOR = re.compile(r"(>=|<=|!=|>|<|=)")
_SIGNS = {">=": ("low", False), ">": ("low", True), "<=": ("high", False), "<": ("high", True)}


def read_all(data: Dataset, given: Mapping[str, Any] | Sequence[str] | None) -> dict[str, Allowed]:
    """Return what each column may be, from texts such as ``age>=60`` or from a mapping of Python values.

    `data` needs no rows but the schema, the columns' types and known texts.
    """
    out: dict[str, Allowed] = {}
    if isinstance(given, str):
        given = [given]
    if isinstance(given, Mapping):
        return {name: of_value(data, name, value) for name, value in given.items()}
    for text in given or ():
        name, allowed = of_text(data, text)
        out[name] = both(name, out[name], allowed) if name in out else allowed
    return out


def of_text(data: Dataset, text: str) -> tuple[str, Allowed]:
    """Read one condition as the command line has it: the column, and what its cells may be."""
    name, sign, rest = part(data, text)
    return name, of_parts(data, name, sign, rest)


def part(data: Dataset, text: str) -> tuple[str, str, str]:
    """Part a condition into column, sign and the rest: at the first sign, unless a longer name holds one."""
    ends = [(m.start(), m.group()) for m in _OPERATOR.finditer(text) if m.start()]
    if not ends:
        raise InputError(f"a condition is written COLUMN=VALUE, COLUMN>=NUMBER, COLUMN=LOW..HIGH or such, not {text!r}")
    for at, sign in ends:
        if text[:at].strip() in data.table:
            return text[:at].strip(), sign, text[at + len(sign) :].strip()
    _ = data.columns[text[: ends[0][0]].strip()]  # says which columns there are
    raise AssertionError


def of_parts(data: Dataset, name: str, sign: str, rest: str) -> Allowed:
    """Return what a sign and a text after it say about a column."""
    column = learned(data, name)
    said = f"{name}{sign}{rest}"
    if sign in _SIGNS:
        _needs_order(column, name, said)
        side, strict = _SIGNS[sign]
        return _bounded(name, said, **{side: number(data, name, rest)}, strict=(strict, strict))
    turned = sign == "!="
    known = set(column.levels.tolist()) if column.levels is not None else set()
    mark = data.columns[name].missing

    def is_missing(text: str) -> bool:
        return text not in known and text in ("", mark)

    if is_missing(rest):
        return Allowed(missing=not turned, text=f"{name} is {'present' if turned else 'missing'}")
    pieces = [rest] if rest in known else [p.replace("\\|", "|").strip() for p in re.split(r"(?<!\\)\|", rest)]
    if len(pieces) == 1 and ".." in rest and not column.is_text and column.values.dtype != bool:
        low, _, high = rest.partition("..")
        bounds = {k: number(data, name, v) for k, v in (("low", low), ("high", high)) if v.strip()}
        if not bounds:
            raise InputError(f"a range needs a number on one side at least, and {said!r} has none")
        return _bounded(name, said, **bounds, turned=turned)
    present = [p for p in pieces if not is_missing(p)]
    values = cells(data, name, present)
    return Allowed(values, missing=not turned and len(present) < len(pieces), turned=turned, text=said)


def of_value(data: Dataset, name: str, value: Any) -> Allowed:
    """Return what a Python value says about a column; see the head of this file."""
    column = learned(data, name)
    if isinstance(value, Allowed):
        return value
    if _is_none(value):
        return Allowed(missing=True, text=f"{name} is missing")
    if isinstance(value, tuple):
        if len(value) != 2:
            raise InputError(f"a range is a pair (low, high), and {name!r} has {value!r}; a set says one of several")
        said = f"{name} from {_shown(value[0])} to {_shown(value[1])}"
        _needs_order(column, name, said)
        low, high = (None if _is_none(v) else number(data, name, v) for v in value)
        if low is None and high is None:
            raise InputError(f"the range of {name!r} is open on both sides, which says nothing; leave it out")
        return _bounded(name, said, low=low, high=high)
    if isinstance(value, Collection) and not isinstance(value, str | bytes):
        present = sorted((v for v in value if not _is_none(v)), key=str)
        if not len(value):
            raise InputError(f"the set of values of {name!r} is empty; name one at least")
        said = f"{name} = {' | '.join([*map(str, present), *['missing'] * (len(present) < len(value))])}"
        return Allowed(cells(data, name, present), missing=len(present) < len(value), text=said)
    return Allowed(cells(data, name, [value]), text=f"{name} = {value}")


def both(name: str, one: Allowed, other: Allowed) -> Allowed:
    """Return what two conditions on a column allow together."""
    text = f"{one.text} and {other.text}"
    if one.stretch and other.stretch:
        lows = [(a.low, a.strict[0]) for a in (one, other) if a.low is not None]
        highs = [(a.high, a.strict[1]) for a in (one, other) if a.high is not None]
        low, high = max(lows, default=(None, False)), min(highs, key=lambda h: (h[0], not h[1]), default=(None, False))
        return _bounded(name, text, low=low[0], high=high[0], strict=(low[1], high[1]))
    return replace(one, text=text, also=(*one.also, other))


def _bounded(
    name: str, said: str, low: Any = None, high: Any = None, strict: tuple[bool, bool] = (False, False),
    turned: bool = False,
) -> Allowed:  # fmt: skip
    if low is not None and high is not None and (low > high or (low == high and any(strict))):
        raise InputError(f"the range {said!r} holds no value: its low end {_shown(low)} is above its high end; turn it")
    return Allowed(low=low, high=high, strict=strict, turned=turned, text=said)


def _needs_order(column: Column, name: str, said: str) -> None:
    if column.is_text or column.values.dtype == bool:
        raise InputError(f"{said!r} asks for an order, and {name!r} holds {'texts' if column.is_text else 'yes or no'}")


def _is_none(value: Any) -> bool:
    if value is None or value is np.ma.masked:
        return True
    try:
        return bool(value != value)  # NaN, NaT and pandas' NA in its own way
    except (TypeError, ValueError):
        return type(value).__name__ == "NAType"


def _shown(value: Any) -> str:
    return "any" if value is None else str(value)
