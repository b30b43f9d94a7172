"""Parquet, block by block: rows gather in a table on disk and leave as one file. Knows DuckDB like `files` does."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np

from seedstock.core.errors import ResourceError
from seedstock.core.schema import TableSchema
from seedstock.core.table import Column, Table
from seedstock.core.zones import unit_and_zone
from seedstock.sources.arrow import schema_text
from seedstock.sources.files import MEMORY_LIMIT
from seedstock.sources.outgoing import is_integer, outgoing

_INTEGERS = {"int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT",
             "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER", "uint64": "UBIGINT"}  # fmt: skip
_UNITS = {"s": "TIMESTAMP_S", "ms": "TIMESTAMP_MS", "us": "TIMESTAMP", "ns": "TIMESTAMP_NS"}


class ParquetSink:
    """Takes blocks and makes one Parquet file of them, in bounded memory."""

    def __init__(self, path: Path, schema: TableSchema, metadata: Mapping[str, str]) -> None:
        self.path, self.schema, self.metadata = path, schema, metadata
        path.touch()  # says at once whether the folder can be written to
        self.folder = tempfile.TemporaryDirectory(prefix=".seedstock-", dir=path.parent)
        config = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
                  "memory_limit": MEMORY_LIMIT, "threads": "2"}  # fmt: skip
        self.con = duckdb.connect(str(Path(self.folder.name) / "rows.duckdb"), config=config)
        self.con.execute("SET enable_progress_bar = false")
        self.names = [f"c{k}" for k in range(len(schema.columns))]
        types = [column_type(schema, name) for name in schema.columns]
        columns = ", ".join(f"{c} {t}" for c, t in zip(self.names, types, strict=True))
        self.con.execute(f"CREATE TABLE t ({columns})")

    def append(self, table: Table) -> None:
        """Add the next rows."""
        block = {c: self._array(table[name], name) for c, name in zip(self.names, table, strict=True)}
        kinds = [self.schema[n].dtype for n in table]
        cells = [f"TIME '00:00' + to_microseconds({c})" if k == "time" else c
                 for c, k in zip(self.names, kinds, strict=True)]  # fmt: skip
        self._do(f"INSERT INTO t SELECT {', '.join(cells)} FROM block", block)

    def close(self) -> None:
        """Write the file."""
        names = list(self.schema.columns)
        # The engine takes names that differ in case only for one: such get a stand-in, and their own name afterwards.
        clash = Counter(n.casefold() for n in names)
        stand_ins = {n: f"column_{k}_{secrets.token_hex(12)}" for k, n in enumerate(names) if clash[n.casefold()] > 1}
        renamed = ", ".join(f"{c} AS {_name(stand_ins.get(n, n))}" for c, n in zip(self.names, names, strict=True))
        pairs = ", ".join(f"{_text(k)}: {_text(v)}" for k, v in {**self.metadata, **self._arrow()}.items())
        extra = f", KV_METADATA {{{pairs}}}" if pairs else ""
        self._do(f"COPY (SELECT {renamed} FROM t) TO {_text(str(self.path))} (FORMAT parquet, COMPRESSION zstd{extra})")
        if stand_ins:
            rename_columns(self.path, {v: k for k, v in stand_ins.items()})
        self.abort()

    def _arrow(self) -> dict[str, str]:
        """Tell readers what Parquet has no types for: categories and durations."""
        types = [s.dtype for s in self.schema.columns.values()]
        special = any(
            t == "categorical" or t.startswith("duration") or (unit_and_zone(t)[1] or "UTC") != "UTC" for t in types
        )
        return {"ARROW:schema": schema_text(self.schema)} if special else {}

    def abort(self) -> None:
        """Let go of the engine and its folder."""
        self.con.close()
        with contextlib.suppress(OSError):
            self.folder.cleanup()

    def _do(self, statement: str, block: Mapping[str, np.ndarray] | None = None) -> None:
        try:
            if block is not None:
                self.con.register("block", block)
            self.con.execute(statement)
        except duckdb.OutOfMemoryException:
            raise ResourceError("the memory does not suffice to write this file; write fewer columns") from None
        except duckdb.IOException as error:
            raise ResourceError(
                f"{self.path.parent.name!r} cannot be written to: {' '.join(str(error).split())[:120]}"
            ) from None
        finally:
            if block is not None:
                self.con.unregister("block")

    def _array(self, column: Column, name: str) -> np.ndarray:
        out = outgoing(column, self.schema[name])
        values = out.values
        if values.dtype == object:
            return values
        if out.values.dtype.kind == "m":
            unit = unit_and_zone(out.dtype)[0]
            values = values.astype(f"m8[{unit}]").astype(np.int64) if out.dtype != "time" else values.astype(np.int64)
        return (
            np.ma.masked_array(values, out.missing)
            if values.dtype.kind not in "mM"
            else _not_a_time(values, out.missing)
        )


def column_type(schema: TableSchema, name: str) -> str:
    """Return the engine's type for a column."""
    s = schema[name]
    dtype = {"boolean": "bool"}.get(s.dtype, s.dtype.lower() if s.dtype[:1] in "IUF" else s.dtype)
    if dtype in ("string", "categorical"):
        return "VARCHAR"
    if is_integer(dtype):
        return _INTEGERS[dtype]
    if dtype.startswith("decimal"):
        return f"{dtype.upper()}"
    if dtype.startswith("datetime["):
        unit, _, zone = dtype[9:-1].partition(",")
        return "TIMESTAMP WITH TIME ZONE" if zone else _UNITS.get(unit, "TIMESTAMP")
    if dtype.startswith("duration"):
        return "BIGINT"  # the Arrow schema says what of
    return {"float32": "FLOAT", "bool": "BOOLEAN", "date": "DATE", "time": "TIME"}.get(dtype, "DOUBLE")


def rename_columns(path: Path, names: Mapping[str, str]) -> None:
    """Give columns of a Parquet file other names; the old ones must be unmistakable.

    The names stand in the footer only, as a length and bytes (Thrift's compact protocol); the footer comes last,
    before its own length and ``PAR1``, and nothing in it points behind itself.
    """
    with path.open("r+b") as file:
        file.seek(-8, 2)
        end = file.tell()
        size = int.from_bytes(file.read(4), "little")
        file.seek(end - size)
        footer = file.read(size)
        for old, new in names.items():
            footer = footer.replace(_counted(old), _counted(new))
        file.seek(end - size)
        file.write(footer + len(footer).to_bytes(4, "little") + b"PAR1")
        file.truncate()


def _counted(text: str) -> bytes:
    data = text.encode("utf-8")
    size, head = len(data), b""
    while size > 127:
        head += bytes([size & 127 | 128])
        size >>= 7
    return head + bytes([size]) + data


def _not_a_time(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[missing] = "NaT"
    return values


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
