"""Suricata's eve.json: a table for each type of event, linked by ``flow_id``; and back again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import Link, Schema
from seedstock.core.table import Column, Dataset
from seedstock.sources._raw import Raw, RawTable

KEY, PARENT, TYPE = "flow_id", "flow", "event_type"
ENDS = ("timestamp", "in_iface", "src_ip", "src_port", "dest_ip", "dest_port", "proto")
_MAX_COLUMNS = 2_000
_MAX_DEPTH = 8


def is_eve(head: bytes) -> bool:
    """Tell whether a file is an event log of Suricata: JSON lines with a time stamp and a type.

    >>> is_eve(b'{"timestamp":"2024-01-01T00:00:00.0+0000","flow_id":1,"event_type":"dns","dns":{}}')
    True
    """
    first = head.lstrip(b"\xef\xbb\xbf \r\n").split(b"\n", 1)[0]
    return first.startswith(b"{") and b'"event_type"' in first and b'"timestamp"' in first


def read_eve(path: Path, what: str) -> tuple[dict[str, RawTable], list[Link], list[str]]:
    """Read an event log.

    Nested fields get dotted names (``dns.rrname``), lists stay JSON texts. Flows that have events but no end in the log
    become rows of ``flow`` with their ends alone, so that each event with a ``flow_id`` has its flow.

    Returns
    -------
    dict of str to RawTable
        Event type -> its events.
    list of Link
        From each type to ``flow``.
    list of str
        What was decided in doubt.
    """
    events: dict[str, list[dict[str, Any]]] = {}
    bad = 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                events.setdefault(str(value[TYPE]), []).append(_flat(value))
            except (ValueError, KeyError, TypeError, RecursionError):
                bad += 1
    if not events:
        raise InputError(f"{what} holds no event that can be read; bring another log")
    notes = []
    if bad:
        notes.append(f"{bad:,} lines are no events (cut in the middle?): left out.")
    links: list[Link] = []
    if any(KEY in e for name, rows in events.items() if name != PARENT for e in rows):
        notes += _with_flows(events)
        links = [Link(n, KEY, PARENT, KEY) for n, rows in events.items() if n != PARENT and any(KEY in e for e in rows)]
    return {n: _table(rows, n, what) for n, rows in events.items()}, links, notes


def _with_flows(events: dict[str, list[dict[str, Any]]]) -> list[str]:
    flows: dict[Any, dict[str, Any]] = {}
    repeated = made = 0
    for row in events.get(PARENT, []):
        repeated += row.get(KEY) in flows
        if KEY in row:
            flows.setdefault(row[KEY], row)
    for name, rows in events.items():
        for row in rows if name != PARENT else ():
            if KEY in row and row[KEY] not in flows:
                flows[row[KEY]] = {k: row[k] for k in (KEY, *ENDS) if k in row}
                made += 1
    events[PARENT] = list(flows.values())
    out = []
    if repeated:
        out.append(f"{repeated:,} flows end twice under one flow_id; the first end counts.")
    if made:
        out.append(f"{made:,} flows have events and no end in the log; they are rows of 'flow' with their ends alone.")
    return out


def _flat(value: Mapping[str, Any], before: str = "", depth: int = 0) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, Mapping) and item and depth < _MAX_DEPTH:
            out |= _flat(item, f"{before}{key}.", depth + 1)
        elif isinstance(item, list | Mapping):
            out[before + key] = json.dumps(item, ensure_ascii=False)
        elif item is not None:
            out[before + key] = item
    return out


def _table(rows: list[dict[str, Any]], name: str, what: str) -> RawTable:
    names = list(dict.fromkeys(k for row in rows for k in row if k != TYPE))
    if len(names) > _MAX_COLUMNS:
        raise InputError(
            f"{what}: events of type {name!r} have {len(names):,} fields; at most {_MAX_COLUMNS:,} can be read"
        )
    return RawTable({c: _column([row.get(c) for row in rows]) for c in names}, {"event_type": name})


def _column(cells: list[Any]) -> Raw:
    here = [c for c in cells if c is not None]
    missing = np.array([c is None for c in cells], bool)
    if here and all(isinstance(c, bool) for c in here):
        return Raw(Column(np.array([bool(c) for c in cells], bool), missing), "bool")
    if here and all(isinstance(c, int) and not isinstance(c, bool) and abs(c) < 2**63 for c in here):
        return Raw(Column(np.array([c or 0 for c in cells], np.int64), missing), "int64")
    if here and all(isinstance(c, int | float) and not isinstance(c, bool) and abs(c) < 1e300 for c in here):
        return Raw(Column(np.array([float(c or 0) for c in cells]), missing), "float64")
    texts = [None if c is None else c if isinstance(c, str) else json.dumps(c) for c in cells]
    return Raw(Column.of_texts(texts))


def write_eve(data: Dataset, path: Path) -> None:
    """Write linked tables as one event log, in the order of time.

    Flows of which only the ends are known are not written: they had no event of their own.
    """
    lines: list[tuple[str, str]] = []
    for name, table in data.tables.items():
        schema = data.schema.tables[name]
        cells = {c: _values(table[c], schema[c]) for c in table}
        own = [c for c in cells if c not in (KEY, *ENDS)]
        for i in range(len(table)):
            if name == PARENT and own and all(cells[c][i] is None for c in own):
                continue
            stamp = str(cells["timestamp"][i]) if "timestamp" in cells else ""
            event: dict[str, Any] = {"timestamp": stamp, TYPE: name}
            for c, values in cells.items():
                if values[i] is not None and c != "timestamp":
                    _put(event, c.split("."), values[i])
            lines.append((stamp, json.dumps(event, ensure_ascii=False)))
    lines.sort(key=lambda x: x[0])
    path.write_text("".join(f"{line}\n" for _, line in lines), "utf-8")


def _values(column: Column, schema: Any) -> list[Any]:
    from seedstock.sources.outgoing import outgoing
    from seedstock.sources.texts import cell_texts

    if schema.kind in ("datetime", "duration") or column.is_text:
        out = outgoing(column, schema) if schema.kind not in ("datetime", "duration") else None
        if out is not None and out.values.dtype.kind in "ifb":
            return [None if m else v for v, m in zip(out.values.tolist(), out.missing.tolist(), strict=True)]
        texts = cell_texts(column, schema).texts().tolist()
        return [json.loads(t) if t is not None and t[:1] == "[" and _is_json(t) else t for t in texts]
    out = outgoing(column, schema)
    return [None if m else v for v, m in zip(out.values.tolist(), out.missing.tolist(), strict=True)]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _put(event: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        event = event.setdefault(part, {}) if isinstance(event.get(part, {}), dict) else event
    event[path[-1]] = value


def eve_schema(schema: Schema) -> bool:
    """Tell whether tables are those of an event log."""
    return (
        PARENT in schema.tables
        and all("timestamp" in t.columns for t in schema.tables.values())
        and all(x.parent == PARENT and x.key == KEY for x in schema.links)
    )
