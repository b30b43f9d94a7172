"""A hash of a table's cells that does not depend on the file format, and grows chunk by chunk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Dataset, Table

_DIGEST = 32
_TEXT_DIGEST = 16
_MISSING = np.void(b"\xff" * _TEXT_DIGEST)


@dataclass
class ContentHash:
    """BLAKE2b over the cells of one table, column by column, in the order of the rows.

    Chunks of any size give the same hash as the whole. The order of the columns does not matter, that of the rows
    does. Numbers count as numbers, whatever type holds them.

    Examples
    --------
    >>> table = Table({"x": Column.of(np.array([1, 2]))})
    >>> whole = ContentHash().add(table)
    >>> parts = ContentHash().add(table.take(slice(0, 1))).add(table.take(slice(1, 2)))
    >>> whole.digest() == parts.digest()
    True
    """

    n_rows: int = 0
    _columns: dict[str, Any] = field(default_factory=dict)

    def add(self, table: Table, schema: Mapping[str, ColumnSchema] | None = None) -> ContentHash:
        """Take the next rows; the schema tells where numbers are of single precision."""
        if not self._columns:
            self._columns = {name: hashlib.blake2b(digest_size=_DIGEST) for name in table}
        if set(self._columns) != set(table):
            raise InputError(f"chunks must have the same columns; {list(self._columns)} came first, now {table.names}")
        for name in table:
            single = schema is not None and schema[name].dtype == "float32"
            self._columns[name].update(cell_bytes(table[name], single))
        self.n_rows += len(table)
        return self

    def columns(self) -> dict[str, str]:
        """Return each column's hash, as 64 hexadecimal digits."""
        return {name: h.hexdigest() for name, h in sorted(self._columns.items())}

    def digest(self) -> str:
        """Return the hash of all columns and their names, as 64 hexadecimal digits."""
        return joined(self.n_rows, self.columns())


def joined(n_rows: int, columns: Mapping[str, str]) -> str:
    """Return the hash of a table from the hashes of its columns."""
    text = repr((n_rows, sorted(columns.items())))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).hexdigest()


def content_of(data: Dataset) -> dict[str, Any]:
    """Return the facts that tie a record to a data set.

    Returns
    -------
    dict
        ``rows``, ``columns`` (name -> hash; of linked tables ``tables``, each with these facts) and ``content`` (the
        hash of all).
    """
    if len(data.tables) > 1:
        parts = {
            name: content_facts(ContentHash().add(table, data.schema.tables[name].columns))
            for name, table in sorted(data.tables.items())
        }
        rows = sum(len(table) for table in data.tables.values())
        return {"rows": rows, "tables": parts, "content": joined(rows, {k: v["content"] for k, v in parts.items()})}
    return content_facts(ContentHash().add(data.table, data.columns.columns))


def content_facts(content: ContentHash) -> dict[str, Any]:
    """Return `content_of`'s facts from a hash that was fed chunk by chunk."""
    return {"rows": content.n_rows, "columns": content.columns(), "content": content.digest()}


def cell_bytes(column: Column, single: bool = False) -> bytes:
    """Return a column's cells as bytes that equal cells share: 16 a cell, or an image's own."""
    if column.values.ndim > 1:
        return np.ascontiguousarray(column.values).tobytes() + np.packbits(column.missing).tobytes()
    if column.levels is not None:
        out = np.full(len(column), _MISSING, f"V{_TEXT_DIGEST}")
        digests = text_digests(column.levels)
        if len(digests):
            here = ~column.missing
            out[here] = digests[column.values[here]]
        return out.tobytes()
    return _number_bytes(column, single)


def text_digests(levels: NDArray[np.object_]) -> NDArray[np.void]:
    """Return 16 bytes for each text, shape (k,)."""
    parts = [
        hashlib.blake2b(str(t).encode("utf-8", "surrogatepass"), digest_size=_TEXT_DIGEST).digest() for t in levels
    ]
    return np.frombuffer(b"".join(parts), f"V{_TEXT_DIGEST}")


def _number_bytes(column: Column, single: bool) -> bytes:
    values = column.values
    if values.dtype.kind in "mM":
        values = values.astype(f"{values.dtype.kind}8[us]").view(np.int64)
    # The nearest double, and what it leaves of a large integer.
    with np.errstate(over="ignore", invalid="ignore"):
        main = values.astype(np.float32).astype(np.float64) if single else values.astype(np.float64)
    rest = np.zeros(len(values), np.int64)
    large = (np.abs(main) >= 2**53) & (np.abs(main) < 2**63) & (values.dtype.kind in "iu")
    if large.any():
        rest[large] = values[large].astype(np.int64) - main[large].astype(np.int64)
    main = main + 0.0  # -0 becomes 0
    main[column.missing] = np.nan
    rest[column.missing] = 0
    main[np.isnan(main)] = np.nan
    out = np.empty((len(values), 2), "<u8")
    out[:, 0], out[:, 1] = main.view(np.uint64), rest.view(np.uint64)
    return out.tobytes()
