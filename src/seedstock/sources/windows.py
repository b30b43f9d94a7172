"""Windows event logs (EVTX) -> a row for each event; `evtx` is known here alone."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column
from seedstock.sources._raw import UNTYPED, Raw, RawTable

MAGIC = b"ElfFile\x00"
TIME = "TimeCreated"
ITEMS = 8
"""Items of a list that get columns of their own."""
_HEAD, _CHUNK = 4096, 65_536
_MAX_CUT = 2**30
_MAX_BAD = 10_000
_MAX_COLUMNS = 2_000
_SYSTEM = (
    "Provider", "Guid", "EventSourceName", "EventID", "Qualifiers", "Version", "Level", "Task", "Opcode", "Keywords",
    TIME, "EventRecordID", "ActivityID", "RelatedActivityID", "ProcessID", "ThreadID", "Channel", "Computer", "UserID",
)  # fmt: skip
KINDS = dict.fromkeys(("EventID", "Version", "Level", "Task", "Opcode", "Qualifiers", "LogonType"), "category")
"""Numbers that are names."""
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*(?:Z| UTC)?")


def read_evtx(path: Path, what: str) -> RawTable:
    """Read an event log.

    Returns
    -------
    RawTable
        What ``System`` says of each event under the names there (``TimeCreated``, ``Provider``, ``EventID``,
        ``Computer``, ...), then what its ``EventData`` or ``UserData`` do: each field has a column, missing where an
        event has no such field. Fields called as one of ``System`` are ``EventData.ProcessID``.

    Raises
    ------
    InputError
        Without evtx; a log that is none, or holds no event that can be read.
    """
    try:
        from evtx import PyEvtxParser
    except ImportError:
        raise InputError(f"{what} is a Windows event log, which needs evtx; pip install 'seedstock[evtx]'") from None
    size = path.stat().st_size
    cut = size > _HEAD and (size - _HEAD) % _CHUNK != 0
    source: Any = str(path)
    if cut and size <= _MAX_CUT:  # a block is read as a whole: what is lost of the last one is zeros
        source = io.BytesIO(path.read_bytes() + bytes(_CHUNK - (size - _HEAD) % _CHUNK))
    try:
        records = PyEvtxParser(source, number_of_threads=1).records_json()
    except (OSError, RuntimeError, ValueError):
        raise InputError(f"{what} is a damaged Windows event log; export it again") from None
    rows: list[dict[str, Any]] = []
    bad = steps = long = 0
    last = ""
    for record in _each(records):
        event = None if record is None else _event(record)
        if event is None:
            bad += 1
            continue
        long += any(name.endswith(f"[{ITEMS}]") for name in event)
        row = {name: value for name, value in event.items() if not name.endswith(f"[{ITEMS}]")}
        time = str(row.get(TIME, ""))
        steps += time < last
        last = time
        rows.append(row)
    if not rows:
        raise InputError(f"{what} holds no event that can be read; export the log again")
    notes = []
    if cut:
        notes.append("The log is cut off in its last block; what stands before was read.")
    if bad:
        notes.append(f"{bad:,} events are damaged: left out.")
    if long:
        notes.append(f"{long:,} events have lists of more than {ITEMS} items; those beyond are left out.")
    if steps:
        notes.append(f"The time steps back at {steps:,} events.")
    return RawTable(_columns(rows, what), {}, tuple(notes), KINDS)


def _each(records: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any] | None]:
    """Yield each record; None for one that is damaged."""
    bad = 0
    while bad < _MAX_BAD:
        try:
            yield next(records)
        except StopIteration:
            return
        except (RuntimeError, OSError, ValueError):
            bad += 1
            yield None


def _event(record: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        event = json.loads(record["data"])["Event"]
        system = event.get("System") or {}
        row: dict[str, Any] = {}
        for name, value in _leaves(system, ()):
            row[_system_name(name)] = value
        row.setdefault(TIME, str(record["timestamp"]))
        for part in ("EventData", "UserData"):
            for name, value in _leaves(event.get(part) or {}, ()):
                short = ".".join(name).replace(".[", "[")
                row[f"{part}.{short}" if short in row or short in _SYSTEM else short or part] = value
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return row


def _system_name(path: tuple[str, ...]) -> str:
    """Return what a field of ``System`` is called here.

    >>> _system_name(("Provider", "Name")), _system_name(("Execution", "ProcessID"))
    ('Provider', 'ProcessID')
    """
    if path in (("Provider", "Name"), ("TimeCreated", "SystemTime")):
        return path[0]
    return path[-1]


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "xmlns":
                yield from _leaves(inner, path if key in ("#attributes", "#text") else (*path, key))
    elif isinstance(value, list):
        for k, inner in enumerate(value[: ITEMS + 1]):
            yield from _leaves(inner, (*path, f"[{k}]"))
    elif value is not None and value != "":
        yield path, value


def _columns(rows: list[dict[str, Any]], what: str) -> dict[str, Raw]:
    names = dict.fromkeys(name for row in rows for name in row)
    if len(names) > _MAX_COLUMNS:
        raise InputError(
            f"{what} has events with {len(names):,} fields; at most {_MAX_COLUMNS:,} can be read: export fewer kinds"
        )
    order = [n for n in (TIME, *_SYSTEM) if n in names]
    return {n: _column(n, [row.get(n) for row in rows]) for n in dict.fromkeys((*order, *names))}


def _column(name: str, cells: list[Any]) -> Raw:
    if name == TIME:
        found = [_STAMP.fullmatch(str(c)) if c is not None else None for c in cells]
        stamps = np.zeros(len(cells), "M8[us]")
        gone = np.ones(len(cells), bool)
        for i, m in enumerate(found):
            if m:
                try:
                    stamps[i], gone[i] = np.datetime64(f"{m[1]}T{m[2]}", "us"), False
                except ValueError:
                    continue
        return Raw(Column(stamps, gone), "datetime[us, UTC]")
    missing = np.array([c is None for c in cells], bool)
    here = [c for c in cells if c is not None]
    if all(isinstance(c, int) and not isinstance(c, bool) and abs(c) < 2**63 for c in here):
        return Raw(Column(np.array([c or 0 for c in cells], np.int64), missing), "int64")
    texts = [None if c is None else c if isinstance(c, str) else json.dumps(c) for c in cells]
    return Raw(Column.of_texts(texts), UNTYPED)
