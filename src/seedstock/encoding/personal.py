"""Data about people where each row has its own: fresh stand-ins, none of which was read from a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.ids import permute
from seedstock.network.keyed import Keyed
from seedstock.personal.made import StandIns
from seedstock.personal.types import KINDS, kind_of

_ROWS_READ = 20_000
_SHAPES = 20
_MIN_ROWS = 5
_ROOM = 10**9


@dataclass(frozen=True)
class PersonalMaker:
    """Makes a stand-in for each row; e-mail addresses carry the row's own number, so that none comes twice.

    Attributes
    ----------
    kind : str
        One of `seedstock.personal.types.KINDS`.
    shapes, weights : tuple
        How the real ones are written, with every digit a 5, every letter an X: of phones and other numbers only.
    """

    kind: str
    shapes: tuple[str, ...] = ("",)
    weights: tuple[int, ...] = (1,)

    @classmethod
    def fit(cls, column: Column, schema: ColumnSchema, name: str) -> Self | None:
        """Return the maker of a text column, or None where it holds nothing about people."""
        kind = kind_of(column, schema, name) if column.is_text else None
        if kind is None:
            return None
        if kind in ("email", "street address", "name", "first name", "last name"):
            return cls(kind)
        texts = [t for t in column.take(slice(0, _ROWS_READ)).texts() if t is not None]
        seen = Counter(_shape(t.strip(), kind) for t in texts)
        shapes = [s for s in seen.most_common(_SHAPES) if s[1] >= _MIN_ROWS] or seen.most_common(1)
        return cls(kind, tuple(s for s, _ in shapes), tuple(c for _, c in shapes))

    def make(self, n: int, rng: Rng, start: int) -> Column:
        """Return stand-ins of the rows ``start`` to ``start + n``."""
        made = StandIns(Keyed(rng.child("personal").generator().bytes(32)))
        numbers = permute(np.arange(start, start + n), _ROOM, rng)
        weights = np.array(self.weights, float)
        shapes = rng.child("shapes", start).generator().choice(len(self.shapes), size=n, p=weights / weights.sum())
        if self.kind == "email":
            return Column.of_texts([_numbered(made("email", str(k)), int(k)) for k in numbers])
        if self.shapes == ("",):
            return Column.of_texts([made(self.kind, f"Row {k}") for k in numbers])
        return Column.of_texts(
            [made.digits(self.kind, self.shapes[s], f"{self.kind}/{k}") for k, s in zip(numbers, shapes, strict=True)]
        )

    def to_json(self) -> dict[str, Any]:
        return {"personal": self.kind, "shapes": list(self.shapes), "weights": list(self.weights)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        shapes, weights = tuple(map(str, value["shapes"])), tuple(map(int, value["weights"]))
        if value["personal"] not in KINDS or len(shapes) != len(weights) or not shapes or min(weights) < 1:
            raise InputError("this model's maker of data about people is damaged; fit it again")
        return cls(str(value["personal"]), shapes, weights)


def _shape(text: str, kind: str) -> str:
    """Return how a number is written; a country's code says nothing about a person and stays."""
    head = 3 if kind == "phone" and text.startswith("+") else 2 if kind == "iban" else 0
    letter = (lambda c: c) if kind == "phone" else (lambda c: "X")
    rest = "".join("5" if c.isdecimal() else letter(c) if c.isalpha() else c for c in text[head:])
    return (text[:head] + rest)[:40]


def _numbered(address: str, number: int) -> str:
    local, _, host = address.partition("@")
    return f"{local.rstrip('0123456789')}{number}@{host}"
