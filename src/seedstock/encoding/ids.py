"""Fresh identifiers in the pattern of the real ones: never learned, never repeated, any block on its own."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Column
from seedstock.network.fresh import ROOM, form_of, made_addresses, without_addresses

_CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase, "0123456789abcdef", "0123456789ABCDEF",
            string.digits + string.ascii_uppercase, string.digits + string.ascii_lowercase,
            string.digits + string.ascii_letters)  # fmt: skip
_ROUNDS = 4
_CROWDED = 0.001
"""Share of a pattern's ids in use above which a made id may well be a real one."""


@dataclass(frozen=True)
class IdMaker:
    """Makes the identifier of row i by a keyed permutation of i, so that no two rows share one.

    Attributes
    ----------
    alphabets : tuple of str
        The characters that may stand at each place; one character where all real ids agree.
    number : tuple of int or None
        For whole numbers (first, size): ids are ``first`` to ``first + size - 1``, above all real ones where
        real ones are dense.
    sequential : bool
        Whether ids count up by one.
    form : str
        ``ipv4``, ``private``, ``ipv6`` or ``mac`` for addresses of machines, of which
        nobody has those that are made. Empty otherwise.
    """

    alphabets: tuple[str, ...]
    number: tuple[int, int] | None
    sequential: bool
    form: str = ""

    @classmethod
    def fit(cls, column: Column) -> IdMaker:
        """Read the pattern off a column of whole numbers or texts."""
        here = ~column.missing
        if column.levels is None:
            values = column.values[here].astype("i8") if here.any() else np.zeros(1, "i8")
            low, high = int(values.min()), int(values.max())
            dense = len(values) >= 0.5 * (high - low + 1)
            room = 10 ** len(str(abs(high)))
            sequential = dense or low < 0
            if sequential:
                return cls((), (high + 1, 2**62), True)
            size = max(high - low + 1, room - low)
            if len(values) > _CROWDED * size:
                # Among so many real ones, made ones would meet them: go on above.
                return cls((), (high + 1, min(size, 2**62)), False)
            return cls((), (low, size), False)
        texts = [t for t in column.texts() if t is not None] or ["id"]
        # One pattern for all lengths: that of the commonest length.
        lengths = np.array([len(t) for t in texts])
        common = int(np.bincount(lengths).argmax())
        if form := form_of([t for t in texts if len(t) == common]):
            return cls((), None, False, form)
        texts = [without_addresses(t) for t in texts]
        lengths = np.array([len(t) for t in texts])
        common = int(np.bincount(lengths).argmax())
        places = [set(chars) for chars in zip(*[t for t in texts if len(t) == common], strict=True)]
        alphabets = [_alphabet(p) for p in places]
        if len(texts) > _CROWDED * _capacity(alphabets):
            # Among so many real ones, made ones would meet them: take a length that none has.
            while len(alphabets) in lengths:
                alphabets.append(string.digits)
        return cls(tuple(alphabets), None, False)

    def make(self, n: int, rng: Rng, start: int) -> Column:
        """Return the identifiers of rows ``start`` to ``start + n``."""
        rows = np.arange(start, start + n)
        if self.number is not None:
            first, size = self.number
            return Column.of(first + (rows if self.sequential else permute(rows, size, rng)))
        if self.form:
            return Column.of_texts(made_addresses(permute(rows, ROOM[self.form], rng), self.form))
        alphabets = list(self.alphabets)
        while _capacity(alphabets) < max(start + n, 1):
            alphabets.append(string.digits)
        order = permute(rows, _capacity(alphabets), rng)
        out = np.full(n, "", object)
        for alphabet in reversed(alphabets):
            order, digit = np.divmod(order, len(alphabet))
            out = np.array(list(alphabet), object)[digit] + out
        return Column.of_texts(out)

    def to_json(self) -> dict[str, Any]:
        return {
            "alphabets": list(self.alphabets),
            "number": self.number and list(self.number),
            "sequential": self.sequential,
            **({"form": self.form} if self.form else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> IdMaker:
        number, form = value["number"], str(value.get("form", ""))
        if form and form not in ROOM:
            raise InputError(f"this model makes identifiers of an unknown form {form!r}; fit it again")
        number = number and (int(number[0]), int(number[1]))
        return cls(tuple(value["alphabets"]), number, bool(value["sequential"]), form)


def permute(rows: NDArray[np.int64], size: int, rng: Rng) -> NDArray[np.int64]:
    """Return a keyed permutation of 0..size-1 at these places: a Feistel network with cycle walking.

    Rows beyond `size` wrap around. Source: Black and Rogaway, Ciphers with arbitrary finite domains (2002), section 5.

    >>> sorted(permute(np.arange(10), 10, Rng(1)).tolist())
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
    mask = np.uint64((1 << half) - 1)
    keys = rng.child("permute").generator().integers(1 << 63, size=_ROUNDS, dtype=np.uint64)
    out = (rows % size).astype(np.uint64)
    open_ = np.ones(len(rows), bool)
    while open_.any():
        x = out[open_]
        left, right = x >> np.uint64(half), x & mask
        for key in keys:
            left, right = right, left ^ (_mix(right + key) & mask)
        x = (left << np.uint64(half)) | right
        out[open_] = x
        open_[open_] = x >= np.uint64(size)
    return out.astype(np.int64)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _alphabet(seen: set[str]) -> str:
    if len(seen) == 1:
        return next(iter(seen))
    return next((c for c in _CLASSES if seen <= set(c)), "".join(sorted(seen)))


def _capacity(alphabets: list[str]) -> int:
    size = 1
    for alphabet in alphabets:
        size = min(size * len(alphabet), 2**62)
    return size
