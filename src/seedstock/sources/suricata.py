"""Suricata's eve.json: a table for each type of event, linked by ``flow_id``; and back again."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import Link
from seedstock.core.table import Column
from seedstock.sources._raw import UNTYPED, Raw, RawTable

KEY, PARENT, TYPE, TIME = "flow_id", "flow", "event_type", "timestamp"
TUPLE = ("src_ip", "src_port", "dest_ip", "dest_port", "proto")
ENDS = (TIME, "in_iface", *TUPLE)
TURNED = "from_server"
"""Whether an event goes from its flow's destination to its source."""
ITEMS = 8
"""Items of a list that get columns of their own."""
_HASH = "community_id"
_MAX_COLUMNS = 2_000
_MAX_DEPTH = 8
_SPECIAL = re.compile(r"([.\[\\])")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_TYPE = re.compile(rb'"event_type"\s*:\s*"([^"\\]{1,64})"')
KINDS = {
    "dns.id": "number",
    **dict.fromkeys(("alert.signature_id", "alert.gid", "http.status", "icmp_type", "icmp_code"), "category"),
}
"""What cells alone do not tell: an identifier of 16 bits that is drawn as a number, and numbers that are names."""


def is_eve(head: bytes) -> bool:
    """Tell whether a file is an event log of Suricata: JSON lines with a time stamp and a type.

    >>> is_eve(b'{"timestamp":"2024-01-01T00:00:00.0+0000","flow_id":1,"event_type":"dns","dns":{}}')
    True
    """
    first = head.lstrip(b"\xef\xbb\xbf \r\n").split(b"\n", 1)[0]
    return first.startswith(b"{") and b'"event_type"' in first and b'"timestamp"' in first


def is_eve_file(path: Path) -> bool:
    """Tell whether a file is an event log with several types of events, which are linked tables."""
    with path.open("rb") as file:
        if not is_eve(file.read(4096)):
            return False
        file.seek(0)
        seen = set()
        for line in file:
            found = _TYPE.search(line)
            if found and found[1] != b"stats":
                seen.add(found[1])
                if len(seen) > 1:
                    return True
    return False


def read_eve(path: Path, what: str) -> tuple[dict[str, RawTable], list[Link], list[str]]:
    """Read an event log.

    Nested fields get dotted names (``dns.rrname``), and the items of lists numbers (``dns.answers[0].ttl``). Flows that
    have events but no end in the log become rows of ``flow`` with their ends alone, so that each event with a
    ``flow_id`` has its flow. An event whose addresses and ports are those of its flow does not repeat them; whether it
    goes the other way is said by ``from_server``.

    Returns
    -------
    dict of str to RawTable
        Event type -> its events.
    list of Link
        From each type to ``flow``.
    list of str
        What was decided in doubt.
    """
    events, notes = _events(path, what)
    links: list[Link] = []
    if any(KEY in e for name, rows in events.items() if name != PARENT for e in rows):
        flows, more = _with_flows(events)
        notes += more
        for name, rows in events.items():
            if name != PARENT and any(KEY in e for e in rows):
                links.append(Link(name, KEY, PARENT, KEY))
                _inherit(rows, flows)
    return {n: _table(rows, n, what) for n, rows in events.items()}, links, notes


def read_eve_events(path: Path, what: str) -> RawTable:
    """Read an event log with events of one type as one table, with the type in ``event_type``.

    Raises
    ------
    InputError
        It has several types of events, which are linked tables.
    """
    events, notes = _events(path, what)
    if len(events) > 1:
        raise InputError(f"{what} holds events of {len(events)} types, which are linked tables; bring it unpacked")
    ((name, rows),) = events.items()
    columns = dict(_table(rows, name, what).columns)
    kind = Raw(Column.of_texts([name] * len(rows)), "string")
    return RawTable(
        {**{c: columns.pop(c) for c in (TIME, KEY) if c in columns}, TYPE: kind, **columns}, {}, tuple(notes), KINDS
    )


def _events(path: Path, what: str) -> tuple[dict[str, list[dict[str, Any]]], list[str]]:
    """Return the flat events of each type, and notes."""
    events: dict[str, list[dict[str, Any]]] = {}
    counts: Counter[str] = Counter()
    last = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                kind, time = value[TYPE], str(value[TIME])
                if not isinstance(kind, str) or not 0 < len(kind) <= 64:
                    raise TypeError
            except (ValueError, KeyError, TypeError, RecursionError):
                counts["bad"] += 1
                continue
            if kind == "stats":
                counts["stats"] += 1
                continue
            counts["hash"] += value.pop(_HASH, None) is not None
            counts["back"] += time < last
            last = time
            del value[TYPE]
            events.setdefault(kind, []).append(dict(_flat(value, counts)))
    if not events:
        raise InputError(f"{what} holds no event that can be read; bring another log")
    said = {
        "bad": "{:,} lines are no events (cut in the middle?): left out.",
        "stats": "{:,} events of type 'stats' tell of Suricata and not of the network: left out.",
        "hash": "The community_id of {:,} events is made of their addresses and would tell the real ones: left out.",
        "long": "{:,} lists have more than " + f"{ITEMS} items; those beyond are left out.",
        "back": "The time steps back at {:,} events.",
    }
    return events, [text.format(counts[c]) for c, text in said.items() if counts[c]]


def _with_flows(events: dict[str, list[dict[str, Any]]]) -> tuple[dict[Any, dict[str, Any]], list[str]]:
    flows: dict[Any, dict[str, Any]] = {}
    repeated = made = 0
    for row in events.get(PARENT, []):
        if KEY in row:
            repeated += row[KEY] in flows
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
    return flows, out


def _inherit(rows: list[dict[str, Any]], flows: Mapping[Any, Mapping[str, Any]]) -> None:
    """Drop the addresses and ports of events that have them from their flow, one way or the other."""
    turned = False
    for row in rows:
        flow = [flows[row[KEY]].get(c) for c in TUPLE] if KEY in row else []
        mine = [row.get(c) for c in TUPLE]
        if not flow or flow[0] is None or mine not in (flow, _turn(flow)):
            continue
        row[TURNED] = mine != flow
        turned |= row[TURNED]
        for c in TUPLE:
            row.pop(c, None)
    for row in rows if not turned else ():
        row.pop(TURNED, None)


def _turn(ends: Sequence[Any]) -> list[Any]:
    return [*ends[2:4], *ends[:2], ends[4]]


def _flat(
    value: Mapping[str, Any], counts: Counter[str], before: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        yield from _cells(before + _SPECIAL.sub(r"\\\1", key), item, counts, depth)


def _cells(name: str, item: Any, counts: Counter[str], depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(item, dict | list) and depth >= _MAX_DEPTH:
        yield name, json.dumps(item, ensure_ascii=False)
    elif isinstance(item, dict):
        yield from _flat(item, counts, f"{name}.", depth + 1)
    elif isinstance(item, list):
        counts["long"] += len(item) > ITEMS
        for k, one in enumerate(item[:ITEMS]):
            yield from _cells(f"{name}[{k}]", one, counts, depth + 1)
    elif item is not None and not (isinstance(item, float) and not math.isfinite(item)):
        yield name, item


def _table(rows: list[dict[str, Any]], name: str, what: str) -> RawTable:
    names = list(dict.fromkeys(k for row in rows for k in row))
    if len(names) > _MAX_COLUMNS:
        raise InputError(
            f"{what}: events of type {name!r} have {len(names):,} fields; at most {_MAX_COLUMNS:,} can be read"
        )
    columns = {c: _column([row.get(c) for row in rows]) for c in names}
    return RawTable(columns, kinds=KINDS)


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
    stamps = all(isinstance(c, str) and _STAMP.match(c) for c in here)
    return Raw(Column.of_texts(texts), UNTYPED if stamps else "string")
