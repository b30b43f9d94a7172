"""Cells as keyed 64-bit codes that do not depend on how a file writes them, exact or in fixed bins.

The bins are a grid of relative width that is the same for all data (logarithms of absolute values; hours and weeks
for times). No quantiles are needed to find them again, so a mark is read with nothing but the key and the file.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import ColumnSchema, TableSchema
from seedstock.core.table import Column, Table
from seedstock.provenance.images import features

Hash = NDArray[np.uint64]
Resolution = Literal["exact", "fine", "coarse"]
BINS_PER_DECADE: Mapping[Resolution, int] = {"fine": 32, "coarse": 8}
HOURS_PER_BIN: Mapping[Resolution, int] = {"fine": 1, "coarse": 24 * 7}
_SHIFT = 0.37
"""Moves the bins' edges off round numbers, to which rounding moves values."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_EMPTY = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "<na>", "nat"})


def derive(key: bytes, *path: str | int | bytes, size: int = 32) -> bytes:
    """Return bytes that stand for a path below a key; nothing about the key can be told from them.

    >>> derive(b"k", "a", 1) == derive(b"k", "a", 1), derive(b"k", "a") == derive(b"k", "b")
    (True, False)
    """
    text = b"".join(struct.pack("<Q", len(p)) + p for p in map(_as_bytes, path))
    return hashlib.blake2b(text, key=key[:64], digest_size=size).digest()


def mix(x: Hash) -> Hash:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014): every input bit reaches every output bit."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def expand(
    table: Table, schema: TableSchema, keep: Collection[str] | None = None
) -> tuple[Table, dict[str, ColumnSchema]]:
    """Return the columns that say something about a row, every image replaced by its low-frequency features.

    These are all but the identifiers, and the identifiers named in `keep`: what one file shows as a number can
    look like an identifier in another.
    """
    columns: dict[str, Column] = {}
    schemas: dict[str, ColumnSchema] = {}
    for name in sorted(schema.columns):
        if schema[name].kind == "id" and (keep is None or name not in keep):
            continue
        if table[name].values.ndim == 1:
            columns[name], schemas[name] = table[name], schema[name]
            continue
        for k, values in enumerate(features(table[name].values)):
            columns[f"{name}/{k}"] = Column(values, table[name].missing)
            schemas[f"{name}/{k}"] = ColumnSchema("category", dtype="int64")
    return Table(columns, len(table)), schemas


def cell_codes(column: Column, schema: ColumnSchema, name: str, key: bytes, resolution: Resolution) -> Hash:
    """Return one keyed code a cell, shape (n,), that cells of one value (or bin) share.

    Texts that look like numbers count as numbers, so a CSV file that is read with other types gives the same codes.
    """
    own = derive(key, "cell", resolution, name)
    if column.values.dtype.kind == "b":
        no, _, yes = (schema.format or "false/true").partition("/")
        column = Column(column.values.astype(np.int32), column.missing, np.array([no, yes], object))
    if column.levels is not None:
        out = _text_cells(column.values, column.levels, own, resolution)
    elif column.values.dtype.kind in "mM" or resolution != "exact":
        out = _few(_bins(column, resolution), own)
    else:
        out = _number_codes(column.values.astype(np.float64), own)
    if column.missing.any():
        out = out.copy()
        out[column.missing] = _word(own, b"missing")
    return out


def distinct(hashes: Hash) -> Hash:
    """Return the distinct hashes, sorted; faster than `numpy.unique`, whose table misses the cache.

    >>> distinct(np.array([3, 1, 3], np.uint64)).tolist()
    [1, 3]
    """
    out = np.sort(hashes)
    return out[np.concatenate([[True], out[1:] != out[:-1]])] if len(out) else out


def row_hash(codes: Iterable[Hash], key: bytes, n: int) -> Hash:
    """Return one keyed hash a row from its cells' codes, shape (n,).

    The codes are random words of their own, so their exclusive or hashes a row (Zobrist 1970).
    """
    seeds = np.frombuffer(derive(key, "row", size=16), np.uint64)
    out: Hash = np.full(n, seeds[0])
    for c in codes:
        out ^= c
    return mix(mix(out) ^ seeds[1])


def _bins(column: Column, resolution: Resolution) -> NDArray[np.int64]:
    values = column.values
    if values.dtype.kind == "M":
        micros = values.astype("M8[us]").view(np.int64)
        return micros if resolution == "exact" else micros // (HOURS_PER_BIN[resolution] * 3_600_000_000)
    if values.dtype.kind == "m":
        micros = values.astype("m8[us]").view(np.int64)
        return micros if resolution == "exact" else _grid(micros / 1e6, resolution)
    # Whatever its kind, which is a guess that another file may not share.
    return _grid(values, resolution)


def _grid(values: NDArray[Any], resolution: Resolution) -> NDArray[np.int64]:
    x = np.asarray(values, np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        k = np.floor(np.log10(np.abs(x)) * BINS_PER_DECADE[resolution] + _SHIFT)
    k = np.where(np.isfinite(k), k, 0).astype(np.int64)
    # Zero has a bin of its own; negative values mirror the positive ones; infinities are the last bins.
    # A double lies between 1e-324 and 1e309, so 20,000 is beyond all bins.
    k = np.where(np.isinf(x), 20_000, k) + 20_000
    out: NDArray[np.int64] = np.where(x > 0, k, np.where(x < 0, -k, 0))
    return out


def _few(values: NDArray[np.int64], key: bytes) -> Hash:
    """Hash the distinct bins only."""
    if not len(values):
        return np.zeros(0, np.uint64)
    low, high = int(values.min()), int(values.max())
    if high - low < 1 << 20:
        place = values - low
        seen = np.zeros(high - low + 1, bool)
        seen[place] = True
        codes = np.zeros(len(seen), np.uint64)
        codes[seen] = [_word(key, b"n%d" % v) for v in (np.flatnonzero(seen) + low).tolist()]
        out: Hash = codes[place]
        return out
    distinct, inverse = np.unique(values, return_inverse=True)
    return np.array([_word(key, b"n%d" % v) for v in distinct.tolist()], np.uint64)[inverse.reshape(-1)]


def _number_codes(values: NDArray[np.float64], key: bytes) -> Hash:
    """Code exact numbers without a look at the others: two keyed rounds on the bits of the double."""
    a, b = np.frombuffer(derive(key, "number", size=16), np.uint64)
    bits = np.where(np.isnan(values), 0.0, values + 0.0).view(np.uint64)
    return mix(mix(bits ^ a) ^ b)


def _text_cells(values: NDArray[Any], levels: NDArray[np.object_], key: bytes, resolution: Resolution) -> Hash:
    if not len(levels):
        return np.zeros(len(values), np.uint64)
    if len(levels) <= len(values):
        return np.take(_text_codes(levels, key, resolution), values)
    # A slice of a long table: most of its levels are not in it.
    used, inverse = np.unique(values, return_inverse=True)
    out: Hash = _text_codes(levels[used], key, resolution)[inverse.reshape(-1)]
    return out


def _text_codes(levels: NDArray[np.object_], key: bytes, resolution: Resolution) -> Hash:
    out = np.empty(len(levels), np.uint64)
    numbers: list[tuple[int, float]] = []
    for k, level in enumerate(levels):
        text = str(level).strip().casefold()
        if text in _EMPTY:
            out[k] = _word(key, b"missing")
        elif len(text) <= 40 and _NUMBER.fullmatch(text):
            numbers.append((k, float(text)))
        else:
            out[k] = _word(key, b"t" + text.encode("utf-8", "surrogatepass"))
    if numbers:
        index, values = np.array([k for k, _ in numbers]), np.array([v for _, v in numbers])
        out[index] = _number_codes(values, key) if resolution == "exact" else _few(_grid(values, resolution), key)
    return out


def _word(key: bytes, value: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(value, key=key, digest_size=8).digest(), "little")


def _as_bytes(part: str | int | bytes) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
