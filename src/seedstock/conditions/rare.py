"""`Rare`: a situation that is to have a share of the drawn rows; and a column's shares as a whole."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seedstock.conditions.cells import cells, learned
from seedstock.conditions.read import both, part, read_all
from seedstock.core.errors import InputError
from seedstock.core.given import Allowed, Case
from seedstock.core.table import Column, Dataset

AUTO = "auto"
_MOST_VALUES = 200


@dataclass(frozen=True)
class Rare:
    """A situation that is to have a share of the drawn rows.

    Attributes
    ----------
    what : str or mapping
        Conditions as the command line has them, joined by ``&``: ``sex=Female&income=>50K``; or a mapping of columns
        to Python values; or ``auto``, which means all rare classes and combinations that stand out.
    share : float
        Of the rows; with ``auto`` of all of them together.
    """

    what: str | Mapping[str, Any]
    share: float

    def __post_init__(self) -> None:
        if isinstance(self.share, bool) or not isinstance(self.share, int | float) or not 0 < self.share <= 1:
            raise InputError(f"the share of {self.text} must be above 0 and at most 1, not {self.share}")

    @classmethod
    def parse(cls, text: str) -> Rare:
        """Read ``COLUMN=VALUE:SHARE``.

        >>> Rare.parse("income=>50K:0.5")
        Rare(what='income=>50K', share=0.5)
        """
        if text.strip() == AUTO:
            return cls(AUTO, 0.2)
        what, colon, share = text.rpartition(":")
        try:
            number = float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
        except ValueError:
            number = math.nan
        if not (what.strip() and colon) or math.isnan(number):
            raise InputError(
                f"a rare situation is written COLUMN=VALUE:SHARE, such as income=>50K:0.5, or auto, not {text!r}"
            )
        return cls(what.strip(), number)

    @classmethod
    def of(cls, key: Any, share: float) -> Rare:
        """Make one from a key of a Python mapping: ``("income", ">50K")``, several such pairs, or a text.

        >>> Rare.of(("income", ">50K"), 0.5).text
        'income=>50K'
        """
        if isinstance(key, str):
            return cls(key, share)
        pairs = [key] if isinstance(key, tuple) and key and isinstance(key[0], str) else key
        try:
            return cls(dict(pairs), share)
        except (TypeError, ValueError):
            raise InputError(f"a rare situation is (column, value) or several such pairs, not {key!r}") from None

    @property
    def text(self) -> str:
        """How it reads."""
        if isinstance(self.what, str):
            return self.what
        return " & ".join(v.text if isinstance(v, Allowed) else f"{name}={v}" for name, v in self.what.items())

    def case(self, data: Dataset) -> Case:
        """Return what a row of this situation must be."""
        if isinstance(self.what, Mapping):
            return read_all(data, self.what)
        return read_all(data, split(data, self.what))


def split(data: Dataset, text: str) -> list[str]:
    """Part conditions that are joined by ``&``, which may also stand inside a value."""
    out: list[str] = []
    for piece in text.split("&"):
        try:
            part(data, piece)
            out.append(piece.strip())
        except InputError:
            if not out:
                raise
            out[-1] += f"&{piece}"
    return out


def equal_shares(train: Dataset, name: str) -> list[Rare]:
    """Return equal shares for all values of a column."""
    column = learned(train, name)
    if column.is_text:
        values: list[Any] = sorted(set(column.texts()[~column.missing].tolist()))
    else:
        values = np.unique(column.values[~column.missing]).tolist()
    if not 2 <= len(values) <= _MOST_VALUES:
        raise InputError(
            f"equal shares need a column of 2 to {_MOST_VALUES} values, and {name!r} has {len(values):,}; name shares"
        )
    return [Rare({name: _value(train, name, v)}, 1 / len(values)) for v in values]


def _value(train: Dataset, name: str, value: Any) -> Any:
    if train.table[name].values.dtype.kind in "mM" and not train.table[name].is_text:
        raise InputError(f"column {name!r} holds times; name shares of ranges instead")
    return Allowed(cells(train, name, [value]), text=f"{name} = {value}") if isinstance(value, str) else value


def shares_of(train: Dataset, wanted: Mapping[str, Any] | Sequence[str] | str | None) -> list[Rare]:
    """Read what ``rebalance`` says: a column (equal shares), ``COLUMN=VALUE:SHARE`` texts, or shares a column."""
    if wanted is None:
        return []
    if isinstance(wanted, str):
        wanted = [wanted]
    out: list[Rare] = []
    if isinstance(wanted, Mapping):
        for name, shares in wanted.items():
            if shares is None or shares == "equal":
                out += equal_shares(train, name)
            elif isinstance(shares, Mapping):
                out += [Rare({name: value}, share) for value, share in shares.items()]
            else:
                raise InputError(f"the shares of {name!r} must be a mapping of value to share, not {shares!r}")
        return out
    for text in wanted:
        out += equal_shares(train, text) if text in train.table else [Rare.parse(text)]
    return out


def rest_of(cases: Sequence[Case]) -> list[Case]:
    """Return cases that part all rows which meet none of the given ones."""
    rest: list[Case] = [{}]
    for case in cases:
        pieces: list[Case] = []
        for known in rest:
            before: Case = known
            for name, allowed in case.items():
                pieces.append(joined(before, {name: negated(name, allowed)}))
                before = joined(before, {name: allowed})
        rest = pieces
    return rest


def negated(name: str, allowed: Allowed) -> Allowed:
    """Return what is not allowed."""
    text = f"not ({allowed.text})"
    if allowed.only_missing:
        return Allowed(text=text)
    if allowed.values is None and not allowed.bounded:
        return Allowed(missing=True, text=text)
    if allowed.also:
        raise InputError(f"{allowed.text!r} cannot have a share: write one range or one list of values")
    return Allowed(
        allowed.values, allowed.low, allowed.high, allowed.strict, not allowed.missing, not allowed.turned, text
    )


def joined(one: Case, other: Case) -> Case:
    """Return what both cases ask."""
    out = dict(one)
    for name, allowed in other.items():
        out[name] = both(name, out[name], allowed) if name in out else allowed
    return out


def meeting(table_columns: Mapping[str, Column], case: Case, n: int) -> np.ndarray:
    """Return which rows meet a case, shape (n,)."""
    out = np.ones(n, bool)
    for name, allowed in case.items():
        out &= allowed.holds(table_columns[name])
    return out
