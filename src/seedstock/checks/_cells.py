"""Cells as comparable numbers and as texts: what all checks look at."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Column, Dataset, Table

Hashes = NDArray[np.uint64]
_SPACES = re.compile(r"\s+")
_MISSING = np.uint64(0x9E3779B97F4A7C15)
LONG = 100_000
"""Characters of one cell beyond which only the beginning is looked at."""


def normal(text: str) -> str:
    """Return a text without differences of case, width and white space.

    >>> normal("  New\\u00a0York "), normal("ｎｅｗ york")
    ('new york', 'new york')
    """
    if text.isascii():
        return " ".join(text.lower().split())
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def present_levels(column: Column) -> tuple[NDArray[np.object_], NDArray[np.int64], NDArray[np.int64]]:
    """Return the texts of a text column that occur, their counts, and each cell's code into them (-1: missing)."""
    assert column.levels is not None
    here = ~column.missing
    counts = np.bincount(column.values[here], minlength=len(column.levels))
    used = np.flatnonzero(counts)
    place = np.full(max(len(column.levels), 1), -1, np.int64)
    place[used] = np.arange(len(used))
    codes = np.where(here, place[column.values], -1) if len(column.levels) else np.full(len(column), -1)
    return column.levels[used], counts[used].astype(np.int64), codes.astype(np.int64)


def hash_cells(column: Column) -> Hashes:
    """Return 64 bits for each cell, shape (n,), that cells of equal normalised value share, in any table.

    Whole numbers equal the same numbers with a decimal point.
    """
    if column.levels is not None:
        each = np.array([_hash_text(t) for t in column.levels] or [0], np.uint64)
        out = each[column.values] if len(column) else np.zeros(0, np.uint64)
    elif column.values.ndim > 1:
        flat = np.ascontiguousarray(column.values.reshape(len(column), -1))
        out = np.array([_hash_bytes(row.tobytes()) for row in flat], np.uint64)
    else:
        out = mix(_bits(column.values))
    return np.where(column.missing, _MISSING, out)


def _bits(values: NDArray[Any]) -> Hashes:
    if values.dtype.kind == "i":
        near = values.astype(np.float64)
        # Beyond 2**53 whole numbers are told apart as such.
        return np.where(np.abs(near) <= 2.0**53, near.view(np.uint64), values.astype(np.int64).view(np.uint64))
    if values.dtype.kind == "f":
        return (values.astype(np.float64) + 0.0).view(np.uint64)  # + 0.0: minus zero is zero
    if values.dtype.kind in "mM":
        return values.astype(np.int64).view(np.uint64)
    return values.astype(np.float64).view(np.uint64)


def _hash_text(text: str) -> int:
    return int(_hash_bytes(normal(text).encode("utf-8", "surrogatepass")))


def _hash_bytes(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def mix(x: Hashes) -> Hashes:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014)."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hash_table(table: Table, names: list[str]) -> Hashes:
    """Return the hashes of cells, shape (n, d); those of different columns differ. Their sum is the row's hash."""
    out = np.zeros((len(table), len(names)), np.uint64)
    for j, name in enumerate(names):
        salt = np.uint64(_hash_bytes(name.encode("utf-8", "surrogatepass")))
        out[:, j] = mix(hash_cells(table[name]) ^ salt)
    return out


def compared(data: Dataset, target: bool = True) -> list[str]:
    """Return the columns whose equality says something: no identifiers, and on demand no target."""
    drop = set(data.columns.of_kind("id", "image")) | set(data.columns.with_role("key"))
    if not target:
        drop |= set(data.columns.with_role("target"))
    return [c for c in data.table if c not in drop]


def cell_texts(column: Column) -> NDArray[np.object_]:
    """Return each cell's text, None where missing, from which `parse_cell` makes an equal cell.

    >>> cell_texts(Column.of(np.array([1.5, np.nan]))).tolist()
    ['1.5', None]
    """
    if column.levels is not None:
        return column.texts()
    out = np.empty(len(column), object)
    kind = column.values.dtype.kind
    if kind == "M":
        out[:] = np.datetime_as_string(column.values).tolist() if len(column) else []
    elif kind == "m":
        out[:] = [str(v) for v in column.values.astype(np.int64).tolist()]
    elif kind == "b":
        out[:] = ["true" if v else "false" for v in column.values.tolist()]
    elif column.values.ndim > 1:
        out[:] = "image"
    else:
        out[:] = [plain(repr(v)) for v in column.values.tolist()]
    out[column.missing] = None
    return out


def plain(text: str) -> str:
    """Return a number's text without a decimal point that says nothing.

    >>> plain("12.0"), plain("0.05"), plain("x.0")
    ('12', '0.05', 'x.0')
    """
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text


def number_of(text: str) -> int | float | None:
    """Return the number that a text is in its shortest form, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    if not np.isfinite(value) or abs(value) >= 1e15 or plain(repr(value)) != text:
        return None
    return int(text) if text.lstrip("-").isdigit() else value


def cell_text(column: Column, row: int) -> str | None:
    """Return one cell's text."""
    text: str | None = cell_texts(column.take(np.array([row])))[0]
    return text


def numbers(column: Column) -> NDArray[np.float64] | None:
    """Return a column of numbers or times as floats with NaN where missing (times in microseconds), or None."""
    if column.is_text or column.values.ndim > 1 or column.values.dtype.kind == "b":
        return None
    values = column.values
    out = values.astype(np.int64).astype(np.float64) if values.dtype.kind in "mM" else values.astype(np.float64)
    return np.where(column.missing, np.nan, out)


def clip(text: str | None, width: int = 40) -> str:
    """Return a cell's text in quotes, short enough and printable for a message."""
    if text is None:
        return "an empty cell"
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: width + 1])
    return repr(plain[:width] + ("…" if len(text) > width else ""))


def counted(n: int, what: str) -> str:
    """Return a number and its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    if n == 1:
        return f"1 {what}"
    plural = f"{what[:-1]}ies" if what.endswith("ry") else f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{n:,} {plural}"
