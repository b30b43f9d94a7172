"""`write` and `Writer`: a data set -> a file, block by block, whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import errno
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from seedstock.core.errors import InputError, ResourceError
from seedstock.core.schema import TableSchema
from seedstock.core.table import Dataset, Table
from seedstock.sources.outgoing import outgoing
from seedstock.sources.texts import cell_texts

SUFFIXES = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl",
            ".ndjson": "jsonl", ".arrow": "arrow", ".feather": "arrow", ".log": "zeek"}  # fmt: skip
BLOCK_ROWS = 50_000


class Sink(Protocol):
    """Takes blocks of rows for one format."""

    def append(self, table: Table) -> None:
        """Write the next rows."""

    def close(self) -> None:
        """Finish the file."""

    def abort(self) -> None:
        """Let go of everything."""


def write(dataset: Dataset, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
    """Write a data set of one table; the format follows from the name's suffix.

    Parameters
    ----------
    dataset : Dataset
    path : path
        ``.parquet``, ``.csv``, ``.tsv``, ``.jsonl`` or ``.arrow``.
    metadata : mapping of str to str or None
        Kept in Parquet files; other formats have no place for it.
    """
    with Writer(path, dataset.columns, metadata) as writer:
        writer.append(dataset)


class Writer:
    """A file that grows block by block; it appears under its name when it is whole.

    Parameters
    ----------
    path : path
    schema : TableSchema or Schema
        Of all rows to come.
    metadata : mapping of str to str or None

    Raises
    ------
    InputError
        The suffix is not known, or the folder is not there or cannot be written to.
    ResourceError
        The disk is full.

    Examples
    --------
    >>> import tempfile
    >>> from seedstock.sources.read import read
    >>> data = read({"x": np.array([1, 2])})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with Writer(Path(folder) / "x.csv", data.columns) as writer:
    ...         writer.append(data)
    ...         writer.append(data)
    ...     len(read(Path(folder) / "x.csv").table)
    4
    """

    def __init__(
        self, path: str | os.PathLike[str], schema: TableSchema | Any, metadata: Mapping[str, str] | None = None
    ) -> None:
        self.path = Path(path)
        self.schema: TableSchema = schema if isinstance(schema, TableSchema) else next(iter(schema.tables.values()))
        self.format = _format(self.path.suffix.lower(), self.schema)
        if not self.format:
            raise InputError(f"{self.path.name!r} has no known suffix; name it {', '.join(sorted(SUFFIXES))}")
        self.metadata = dict(metadata or {})
        self._sink: Sink | None = None
        self._new = self.path.with_name(f".{self.path.name[:100]}.{secrets.token_hex(4)}.part")

    def __enter__(self) -> Writer:
        if self.path.is_dir():
            raise InputError(f"{str(self.path)!r} is a folder; name a file")
        if not self.path.parent.is_dir():
            raise InputError(f"there is no folder {str(self.path.parent)!r}; make it first")
        try:
            self._sink = _open(self.format, self._new, self.schema, self.metadata)
        except BaseException as error:
            self._give_up()
            self._explain(error)
            raise
        return self

    def append(self, dataset: Dataset) -> None:
        """Write the rows of a data set with this schema's columns."""
        if self._sink is None:
            raise InputError("this writer is closed; use it in a `with` block")
        table = dataset.table
        if table.names != list(self.schema.columns):
            raise InputError(f"the rows have columns {table.names}, the file {list(self.schema.columns)}")
        try:
            for start in range(0, len(table), BLOCK_ROWS):
                self._sink.append(table.take(slice(start, start + BLOCK_ROWS)))
        except Exception as error:
            self._explain(error)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        sink, self._sink = self._sink, None
        try:
            if kind is None and sink is not None:
                sink.close()
                os.replace(self._new, self.path)
            elif sink is not None:
                sink.abort()
        except BaseException as failure:
            if sink is not None:
                sink.abort()
            self._explain(failure)
            raise
        finally:
            self._give_up()

    def _give_up(self) -> None:
        self._new.unlink(missing_ok=True)

    def _explain(self, error: BaseException) -> None:
        """Say what a user can do about an error of the file system."""
        name = repr(self.path.name)
        if isinstance(error, PermissionError):
            raise InputError(f"{name} cannot be written: permission denied in {str(self.path.parent)!r}") from None
        if isinstance(error, OSError):
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise ResourceError(f"{name} cannot be written: the disk is full; make room and try again") from None
            raise ResourceError(f"{name} cannot be written: {error.strerror}") from None


def _format(suffix: str, schema: TableSchema) -> str:
    if suffix in (".json", ".jsonl", ".ndjson"):
        from seedstock.sources.write_eve import one_type

        if one_type(schema):
            return "eve"
    return SUFFIXES.get(suffix, "")


def _open(form: str, path: Path, schema: TableSchema, metadata: Mapping[str, str]) -> Sink:
    if form == "parquet":
        from seedstock.sources.parquet_sink import ParquetSink

        return ParquetSink(path, schema, metadata)
    if form == "arrow":
        from seedstock.sources._frames_out import ArrowSink

        return ArrowSink(path, schema, metadata)
    if form == "zeek":
        from seedstock.sources.syslog import SyslogSink, is_syslog_schema

        if is_syslog_schema(schema):
            return SyslogSink(path, schema)
        from seedstock.sources.zeek import ZeekSink

        return ZeekSink(path, schema, path.name.lstrip(".").split(".")[0])
    if form == "eve":
        from seedstock.sources.write_eve import EveSink

        return EveSink(path, schema)
    return JsonSink(path, schema) if form == "jsonl" else DelimitedSink(path, schema, "\t" if form == "tsv" else ",")


class DelimitedSink:
    """CSV and TSV: values in the form they had, texts as they are (``=cmd`` stays data)."""

    def __init__(self, path: Path, schema: TableSchema, delimiter: str) -> None:
        self.schema = schema
        self.file = path.open("w", encoding="utf-8", errors="surrogatepass", newline="")
        self.writer = csv.writer(self.file, delimiter=delimiter, lineterminator="\n")
        self.writer.writerow(list(schema.columns))

    def append(self, table: Table) -> None:
        """Write the next rows."""
        columns = [_cells(table, name, self.schema) for name in table]
        self.writer.writerows(zip(*columns, strict=True))

    def close(self) -> None:
        """Finish the file."""
        self.file.close()

    def abort(self) -> None:
        """Close what is there."""
        with contextlib.suppress(OSError):  # a full disk is full still
            self.file.close()


def _cells(table: Table, name: str, schema: TableSchema) -> Sequence[str]:
    column = cell_texts(table[name], schema[name])
    texts = column.texts()
    texts[column.missing] = schema[name].missing or ""
    cells: Sequence[str] = texts.tolist()
    return cells


class JsonSink:
    """JSON lines: numbers and booleans as such, missing cells as null, all else as text."""

    def __init__(self, path: Path, schema: TableSchema) -> None:
        self.schema = schema
        self.file = path.open("w", encoding="utf-8", errors="surrogatepass", newline="")

    def append(self, table: Table) -> None:
        """Write the next rows."""
        parts = [self._column(table, name) for name in table]
        self.file.writelines("{" + ", ".join(cells) + "}\n" for cells in zip(*parts, strict=True))

    def _column(self, table: Table, name: str) -> Iterator[str]:
        key = json.dumps(name, ensure_ascii=False) + ": "
        out = outgoing(table[name], self.schema[name])
        if out.values.dtype.kind in "ifb":
            # JSON has no infinity: these cells are null.
            gone = out.missing | ~np.isfinite(out.values.astype(float))
            return (key + ("null" if m else json.dumps(v)) for v, m in zip(out.values.tolist(), gone, strict=True))
        texts = out.values if out.values.dtype == object else cell_texts(table[name], self.schema[name]).texts()
        quoted = {t: key + ("null" if t is None else json.dumps(t, ensure_ascii=False)) for t in set(texts.tolist())}
        return (quoted[t] for t in texts.tolist())

    def close(self) -> None:
        """Finish the file."""
        self.file.close()

    abort = DelimitedSink.abort
