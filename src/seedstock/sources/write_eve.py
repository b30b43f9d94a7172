"""Events -> Suricata's eve.json: linked tables as one log in the order of time, or the events of one type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources.outgoing import outgoing
from seedstock.sources.suricata import ENDS, KEY, PARENT, TIME, TUPLE, TURNED, TYPE
from seedstock.sources.texts import cell_texts

_PART = re.compile(r"((?:[^.\[\\]|\\.)+)|\[(\d{1,3})\]")
Path_ = tuple[str | int, ...]


def write_eve(data: Dataset, path: Path) -> None:
    """Write linked tables as one event log, in the order of time.

    Events without addresses and ports get those of their flow. Flows of which only the ends are known are not written:
    they had no event of their own.
    """
    flows = _rows(data.tables[PARENT], data.schema.tables[PARENT])
    ends = {flow[KEY]: flow for flow in flows}
    stamped: list[tuple[int, str]] = []
    for name, table in data.tables.items():
        schema = data.schema.tables[name]
        rows = flows if name == PARENT else _rows(table, schema)
        times = _times(table)
        paths = {c: parts(c) for c in table}
        for row, time in zip(rows, times, strict=True):
            if name == PARENT and all(c in (KEY, *ENDS) for c in row):
                continue
            if name != PARENT:
                row = _whole(row, ends)
            event = {TIME: row.pop(TIME, None), KEY: row.pop(KEY, None), TYPE: name}
            stamped.append((time, _line(event, row, paths)))
    stamped.sort(key=lambda x: x[0])
    path.write_text("".join(line for _, line in stamped), "utf-8", "surrogateescape")


class EveSink:
    """Events of one type, as JSON lines."""

    def __init__(self, path: Path, schema: TableSchema) -> None:
        self.schema = schema
        self.paths = {c: parts(c) for c in schema.columns}
        self.file = path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n")

    def append(self, table: Table) -> None:
        """Write the next rows."""
        self.file.writelines(_line({}, row, self.paths) for row in _rows(table, self.schema))

    def close(self) -> None:
        """Finish the file."""
        self.file.close()

    def abort(self) -> None:
        """Let go of everything."""
        self.file.close()


def eve_schema(schema: Schema) -> bool:
    """Tell whether tables are those of an event log."""
    return (
        PARENT in schema.tables
        and all(TIME in t.columns for t in schema.tables.values())
        and all(x.parent == PARENT and x.key == KEY for x in schema.links)
    )


def one_type(schema: TableSchema) -> bool:
    """Tell whether a table is that of an event log with events of one type."""
    return {TIME, TYPE, "src_ip"} <= set(schema.columns)


def parts(name: str) -> Path_:
    r"""Return where a column's cells stand in an event.

    >>> parts("dns.answers[0].rrname"), parts(r"a\.b")
    (('dns', 'answers', 0, 'rrname'), ('a.b',))
    """
    return tuple(int(k) if k else re.sub(r"\\(.)", r"\1", text) for text, k in _PART.findall(name)) or (name,)


def _whole(row: dict[str, Any], ends: Mapping[Any, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an event with its flow's addresses and ports, where it has none of its own."""
    turned = row.pop(TURNED, False)
    flow = ends.get(row.get(KEY))
    if flow is None or any(c in row for c in TUPLE):
        return row
    here = ("dest_ip", "dest_port", "src_ip", "src_port", "proto") if turned else TUPLE
    inherited = {c: flow[own] for c, own in zip(TUPLE, here, strict=True) if own in flow}
    return {**{c: row[c] for c in ("in_iface",) if c in row}, **inherited, **row}


def _rows(table: Table, schema: TableSchema) -> list[dict[str, Any]]:
    """Return the present cells of each row, as JSON has them."""
    rows: list[dict[str, Any]] = [{} for _ in range(len(table))]
    for name in table:
        for row, value in zip(rows, _values(table[name], schema[name]), strict=True):
            if value is not None:
                row[name] = value
    return rows


def _values(column: Column, schema: ColumnSchema) -> list[Any]:
    if not schema.dtype.startswith(("int", "uint", "float", "bool")):
        return list(cell_texts(column, schema).texts().tolist())
    out = outgoing(column, schema)
    return [None if m else v for v, m in zip(out.values.tolist(), out.missing.tolist(), strict=True)]


def _times(table: Table) -> list[int]:
    column = table[TIME]
    if column.values.dtype.kind != "M":
        return list(range(len(table)))
    return [int(t) for t in np.where(column.missing, 0, column.values.astype("M8[us]").astype(np.int64))]


def _line(event: dict[str, Any], row: Mapping[str, Any], paths: Mapping[str, Path_]) -> str:
    nested: dict[str | int, Any] = {k: v for k, v in event.items() if v is not None}
    for name, value in row.items():
        _put(nested, paths.get(name) or parts(name), value)
    return json.dumps(_listed(nested), ensure_ascii=False) + "\n"


def _put(event: dict[str | int, Any], path: Path_, value: Any) -> None:
    for part in path[:-1]:
        inner = event.get(part)
        if not isinstance(inner, dict):
            inner = event[part] = {}
        event = inner
    event[path[-1]] = value


def _listed(value: Any) -> Any:
    """Return a value in which what is numbered is a list."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(k, int) for k in value):
        return [_listed(value[k]) for k in sorted(value)]
    return {str(k): _listed(v) for k, v in value.items()}
