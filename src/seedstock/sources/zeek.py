"""Zeek logs: tab-separated ones with their header lines, and JSON ones; written back as the former."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import Link, TableSchema
from seedstock.core.table import Column, Table
from seedstock.sources._raw import Raw, RawTable
from seedstock.sources.cut_line import without_broken_objects
from seedstock.sources.plain import read_json_text
from seedstock.sources.texts import cell_texts

MAGIC = b"#separator"
EMPTY, UNSET = "(empty)", "-"
PARENT, KEY = "conn", "uid"
HASH = "community_id"
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")
_SPECIAL = re.compile("[\x00-\x1f\x7f\\\\]")
_TIME = re.compile(r"(-?)(\d{1,12})(?:\.(\d+))?")
_MAX_FIELDS = 5_000


def is_zeek_json(path: Path, head: bytes) -> bool:
    """Tell whether a JSON file is a Zeek log: its records begin with a time stamp, and it is called ``.log``.

    >>> is_zeek_json(Path("dns.log"), b'{"ts":1.5,"uid":"C1"}')
    True
    """
    return ".log" in [s.lower() for s in path.suffixes] and head.lstrip()[:6].replace(b" ", b"") == b'{"ts":'


def read_zeek(path: Path, what: str) -> RawTable:
    """Read a tab-separated log.

    Lines that do not have a cell for each field (a log cut in mid-line) are left out and counted. Where the header
    changes on the way, later rows go by its names. Sets and vectors stay texts.

    Raises
    ------
    InputError
        A log without its ``#fields`` line.
    """
    cells: dict[str, list[str | None]] = {}
    types: dict[str, str] = {}
    names: list[str] = []
    n = bad = changes = 0
    separator, empty, unset = "\t", EMPTY, UNSET
    for line in _lines(path):
        if line.startswith("#"):
            key, _, rest = line.partition(separator if separator in line else " ")
            if key == "#separator":
                separator = _unescape(rest) or "\t"
            elif key == "#empty_field":
                empty = rest
            elif key == "#unset_field":
                unset = rest
            elif key == "#fields":
                new = rest.split(separator)
                if len(set(new)) != len(new) or not all(new) or len(new) > _MAX_FIELDS:
                    raise InputError(f"{what} is no Zeek log that can be read: its fields are empty, twice or too many")
                changes += bool(names) and new != names
                names = new
                for name in names:
                    cells.setdefault(name, [None] * n)
            elif key == "#types":
                types |= dict(zip(names, rest.split(separator), strict=False))
            continue
        if not line:
            continue
        if not names:
            raise InputError(f"{what} is no Zeek log that can be read: rows stand before its #fields line")
        values = line.split(separator)
        if len(values) != len(names):
            bad += 1
            continue
        for name, value in zip(names, values, strict=True):
            cells[name].append(None if value == unset else "" if value == empty else _unescape(value))
        n += 1
        for name in cells.keys() - set(names) if changes else ():
            cells[name].append(None)
    if not names:
        raise InputError(f"{what} is no Zeek log that can be read: it has no #fields line")
    notes = []
    if bad:
        notes.append(f"{bad:,} lines of the log do not have a cell for each field (cut in the middle?): left out.")
    if changes:
        notes.append(f"The header of the log changes {changes:,} times; rows go by the names of their own header.")
    columns, lost = {}, []
    for name, values in cells.items():
        columns[name], wrong = _typed(values, types.get(name, "string"))
        if wrong:
            lost.append(f"{wrong:,} in {name!r}")
    if lost:
        notes.append(f"Cells that are not of the type that the header says are missing now: {', '.join(lost[:10])}.")
    return _without_hashes(RawTable(columns, {"zeek": {"types": types}}, tuple(notes)))


def read_zeek_json(path: Path, what: str) -> RawTable:
    """Read a log of JSON lines; ``ts`` becomes a time."""
    try:
        raw = read_json_text(path, what)
    except InputError:
        with without_broken_objects(path) as (whole, lost):
            if not lost or not whole.stat().st_size:
                raise
            raw = read_json_text(whole, what)
        left = f"{lost:,} lines of the log are no JSON objects (cut in the middle?): left out."
        raw = replace(raw, notes=(*raw.notes, left))
    raw = _without_hashes(raw)
    ts = raw.columns.get("ts")
    if ts is None or ts.column.is_text:
        return raw
    seconds = ts.column.values.astype(np.float64)
    good = ~ts.column.missing & np.isfinite(seconds) & (np.abs(seconds) < 1e11)
    stamps = np.where(good, np.round(np.where(good, seconds, 0.0) * 1e6), 0).astype(np.int64).view("M8[us]")
    return replace(raw, columns={**raw.columns, "ts": Raw(Column(stamps, ~good), "datetime[us]")})


def links_of(tables: Mapping[str, RawTable]) -> tuple[list[Link], list[str]]:
    """Return the links of a folder of logs, and notes: each row with a ``uid`` belongs to a connection.

    A log of which fewer than half the rows belong to a connection in the folder is of another capture, and not linked.
    """
    if PARENT not in tables or KEY not in tables[PARENT].columns:
        return [], []
    known = set(tables[PARENT].columns[KEY].column.texts().tolist())
    links, notes = [], []
    for name, table in tables.items():
        if name == PARENT or KEY not in table.columns:
            continue
        uids = [u for u in table.columns[KEY].column.texts().tolist() if u is not None]
        share = sum(u in known for u in uids) / max(len(uids), 1)
        if share >= 0.5:
            links.append(Link(name, KEY, PARENT, KEY))
        else:
            notes.append(f"Of {name!r} {share:.0%} of the rows belong to a connection in {PARENT!r}: it is not linked.")
    return links, notes


def _without_hashes(raw: RawTable) -> RawTable:
    """Leave out what is computed from addresses: it would tell the real ones by trying, whatever stands beside it."""
    if HASH not in raw.columns:
        return raw
    columns = {name: column for name, column in raw.columns.items() if name != HASH}
    note = f"The column {HASH!r} is made of addresses and would tell the real ones: left out."
    return replace(raw, columns=columns, notes=(*raw.notes, note))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in file:
            yield line.rstrip("\r\n")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)), text) if "\\" in text else text


def _typed(values: list[str | None], kind: str) -> tuple[Raw, int]:
    """Return a column by Zeek's own type, and how many cells are not of it."""
    n = len(values)
    if kind in ("count", "int", "port"):
        return _numbers(values, int, np.int64, "int64")
    if kind in ("double", "interval"):
        return _numbers(values, float, np.float64, "float64")
    if kind == "bool":
        known = {"T": True, "F": False}
        missing = np.array([v not in known for v in values], bool)
        wrong = sum(v is not None and v not in known for v in values)
        return Raw(Column(np.array([v == "T" for v in values], bool).reshape(n), missing), "bool"), wrong
    if kind == "time":
        stamps = [None if v is None else _stamp(v) for v in values]
        missing = np.array([s is None for s in stamps], bool)
        out = np.array([s or 0 for s in stamps], np.int64).reshape(n).view("M8[us]")
        wrong = int(missing.sum()) - sum(v is None for v in values)
        return Raw(Column(out, missing), "datetime[us]"), wrong
    return Raw(Column.of_texts(values), "string"), 0


def _numbers(values: list[str | None], read: Any, dtype: Any, name: str) -> tuple[Raw, int]:
    out, missing, wrong = np.zeros(len(values), dtype), np.zeros(len(values), bool), 0
    for i, v in enumerate(values):
        try:
            if v is None:
                raise ValueError
            x = read(v)
            if x != x or abs(x) >= 2**63:
                raise ValueError
            out[i] = x
        except (ValueError, OverflowError):
            missing[i] = True
            wrong += v is not None
    return Raw(Column(out, missing), name), wrong


def _stamp(text: str) -> int | None:
    """Return seconds since 1970, as written, in microseconds: exactly, where a float would round."""
    found = _TIME.fullmatch(text)
    if not found:
        return None
    micro = int(found[2]) * 1_000_000 + int((found[3] or "0")[:6].ljust(6, "0"))
    return -micro if found[1] else micro


class ZeekSink:
    """A tab-separated log with Zeek's header lines; types follow from the columns' kinds and names."""

    def __init__(self, path: Path, schema: TableSchema, name: str) -> None:
        self.schema = schema
        self.kinds = {c: _zeek_type(c, schema) for c in schema.columns}
        self.file = path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n")
        self.file.write("#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n")
        fields, types = "\t".join(_escaped(c) for c in schema.columns), "\t".join(self.kinds.values())
        self.file.write(f"#path\t{_escaped(name)}\n#fields\t{fields}\n#types\t{types}\n")

    def append(self, table: Table) -> None:
        """Write the next rows."""
        columns = [self._texts(table[c], c) for c in table]
        self.file.write("".join("\t".join(row) + "\n" for row in zip(*columns, strict=True)))

    def close(self) -> None:
        """Finish the file."""
        self.file.close()

    def abort(self) -> None:
        """Let go of everything."""
        self.file.close()

    def _texts(self, column: Column, name: str) -> list[str]:
        kind = self.kinds[name]
        if kind == "time":
            ticks = column.values.astype("M8[us]").astype(np.int64)
            cells = [f"{'-' * (t < 0)}{abs(t) // 1_000_000}.{abs(t) % 1_000_000:06d}" for t in ticks.tolist()]
        elif kind == "bool" and not column.is_text:
            cells = ["T" if v else "F" for v in column.values.tolist()]
        elif kind in ("double", "interval") and not column.is_text:
            cells = [f"{v:.9f}".rstrip("0").rstrip(".") if abs(v) < 1e15 else repr(v) for v in column.values.tolist()]
        else:
            texts = cell_texts(column, self.schema[name]).texts().tolist()
            cells = [EMPTY if t == "" else _escaped(str(t)) for t in texts]
        return [UNSET if gap else c for c, gap in zip(cells, column.missing.tolist(), strict=True)]


def _zeek_type(name: str, schema: TableSchema) -> str:
    column = schema[name]
    if column.kind == "datetime":
        return "time"
    if column.dtype == "bool" or column.kind == "boolean":
        return "bool"
    if column.dtype.startswith(("int", "uint")):
        return "port" if name.endswith("_p") else "count"
    if column.dtype.startswith(("float", "decimal")):
        return "interval" if name in ("duration", "rtt", "lease_time", "suppress_for") else "double"
    return "addr" if name.endswith(("_h", "_addr")) else "string"


def _escaped(text: str) -> str:
    out = _SPECIAL.sub(lambda m: f"\\x{ord(m[0]):02x}", text)
    return "\\x2d" if out == UNSET else "\\x28empty)" if out == EMPTY else out
