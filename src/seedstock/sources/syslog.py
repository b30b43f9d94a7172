"""Logs of syslog: a row for each line, its message taken apart into an event and what varies in it; and back again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import TableSchema
from seedstock.core.table import Column, Table
from seedstock.network.types import is_address, is_name
from seedstock.sources._raw import Raw, RawTable

CLASSIC, STAMPED = "%b %d %H:%M:%S", "iso"
SESSION = np.timedelta64(1, "h")
"""Silence after which a process' number is taken to be another process'."""
FIRST_YEAR = 2000
"""Classic lines tell no year; leap years have all days."""
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
_REST = r" (?P<host>[\w.:-]{1,255}) (?P<process>[^\s:\[]{1,64})(?:\[(?P<pid>\d{1,10})\])?: ?(?P<message>.*)"
_CLASSIC = re.compile(rf"(?:<\d{{1,3}}>)?(?P<time>(?:{'|'.join(_MONTHS)}) [ \d]\d \d\d:\d\d:\d\d){_REST}", re.DOTALL)
_STAMP = r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?P<zone>Z|[+-]\d\d:?\d\d)?"
_STAMPED = re.compile(rf"(?:<\d{{1,3}}>)?{_STAMP}{_REST}", re.DOTALL)
_RFC5424 = re.compile(
    rf"<\d{{1,3}}>1 {_STAMP} (?P<host>\S{{1,255}}) (?P<process>\S{{1,48}}) (?P<pid>\S{{1,128}}) \S{{1,32}} "
    r"(?:-|(?:\[[^\]]*\])+) ?(?P<message>.*)",
    re.DOTALL,
)
_FORMS = (_CLASSIC, _RFC5424, _STAMPED)
_ADDRESS = r"(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*)"
_USERS = (
    r"(?<=invalid user ) ?(?!from\b)[^\s\[]\S{0,63}",
    r"(?<=user=)[^\s,;]{1,64}",
    r"(?<=user ) ?(?!unknown\b|auth|request|from\b|by\b)[^\s:;,(\[]{1,64}",
    r"(?<= for )(?!invalid user\b|illegal user\b|user\b)[^\s:]{1,64}(?= from | by | \[preauth|$)",
)
_VARIES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("user", re.compile("|".join(_USERS))),
    ("port", re.compile(r"(?<=port )\d{1,5}\b")),
    ("address", re.compile(rf"(?<![\w.:]){_ADDRESS}(?!\w|:\w|\.\w)")),
    ("name", re.compile(r"(?<![\w.@/-])(?:[A-Za-z0-9_][\w-]*\.)+[A-Za-z]{2,24}(?![\w.-])")),
    ("number", re.compile(r"(?<![\w.<-])\d+(?![\w>-]|\.\d)")),
)  # fmt: skip
_SLOT = re.compile(r"<(user|port|address|name|number)(\d*)>")
NEEDED = ("time", "host", "process", "pid", "event")


def is_syslog(head: bytes) -> bool:
    """Tell whether a file is a log of syslog: most of its first lines are in one of the known forms.

    >>> is_syslog(b"Dec 10 06:55:46 web1 sshd[24200]: Connection closed by 10.0.0.1 [preauth]")
    True
    """
    lines = [line for line in head.decode("utf-8", "replace").splitlines()[:20] if line.strip()]
    return bool(lines) and sum(any(f.fullmatch(line) for f in _FORMS) for line in lines[: max(len(lines) - 1, 1)]) > (
        0.8 * max(len(lines) - 1, 1)
    )


def read_syslog(path: Path, what: str) -> RawTable:
    """Read a log.

    Returns
    -------
    RawTable
        ``time``, ``host``, ``process``, ``pid``, ``event`` (the message with ``<user>``, ``<address>``, ``<port>``,
        ``<name>`` and ``<number>`` where these stand; a second one is ``<number2>``), and a column for each of them.
        With `filled` the message comes back as it was. Lines that do not name the user, address, port or name that
        other lines of their process do (not more than `SESSION` apart) have them as well: these are of one session.
    """
    cells: dict[str, list[str | None]] = {c: [] for c in NEEDED}
    times: list[str] = []
    bad = 0
    form = None
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        for line in file:
            plain = line.rstrip("\r\n")
            if not plain.strip():
                continue
            found = next((m for f in ((form, *_FORMS) if form else _FORMS) if (m := f.fullmatch(plain))), None)
            if found is None:
                bad += 1
                continue
            form = found.re
            event, parts = split(found["message"])
            n = len(times)
            times.append(found["time"])
            row = {"host": found["host"], "process": found["process"], "pid": found["pid"], "event": event, **parts}
            for name in row.keys() - cells.keys():
                cells[name] = [None] * n
            for name, values in cells.items():
                if name != "time":
                    values.append(row.get(name))
    if not times:
        raise InputError(f"{what} holds no line of a log that can be read; bring another one")
    assert form is not None
    stamps, gaps, steps, notes = _times(times, form is _CLASSIC)
    if bad:
        notes.append(f"{bad:,} lines are not in the form of the others (cut in the middle?): left out.")
    if steps:
        notes.append(f"The time steps back at {steps:,} lines.")
    columns = {"time": Raw(Column(stamps, gaps), "datetime[us]", CLASSIC if form is _CLASSIC else None)}
    for name in ("host", "process"):
        columns[name] = Raw(Column.of_texts(cells[name]), "string")
    sessions = _sessions(cells, stamps)
    for name in cells.keys() - set(NEEDED):
        if not name.startswith("number"):
            cells[name] = _shared(cells[name], sessions)
    columns["pid"] = _whole(cells["pid"])
    columns["event"] = Raw(Column.of_texts(cells["event"]), "string")
    for name in sorted(cells.keys() - set(NEEDED)):
        columns[name] = (
            _whole(cells[name]) if name.startswith(("port", "number")) else Raw(Column.of_texts(cells[name]), "string")
        )
    events = len({*cells["event"]})
    notes.append(
        f"The log's {len(times):,} lines are of {events:,} kinds of events; what varies in them has its own columns."
    )
    return RawTable(columns, {"events": events}, tuple(notes))


def _sessions(cells: dict[str, list[str | None]], stamps: np.ndarray) -> list[list[int]]:
    """Return the lines of each process, cut where nothing is heard of it for `SESSION`."""
    open_: dict[tuple[str | None, ...], list[int]] = {}
    out: list[list[int]] = []
    for i, key in enumerate(zip(cells["host"], cells["process"], cells["pid"], strict=True)):
        if key[2] is None:
            continue
        lines = open_.get(key)
        if lines is None or abs(stamps[i] - stamps[lines[-1]]) > SESSION:
            lines = open_[key] = []
            out.append(lines)
        lines.append(i)
    return out


def _shared(values: list[str | None], sessions: list[list[int]]) -> list[str | None]:
    """Return a column with the gaps of each session filled: from the line before, at its begin from the next one."""
    out = list(values)
    for lines in sessions:
        last = next((values[i] for i in lines if values[i] is not None), None)
        for i in lines:
            last = out[i] = values[i] if values[i] is not None else last
    return out


def split(message: str) -> tuple[str, dict[str, str]]:
    """Take a message apart.

    >>> split("Failed password for root from 10.0.0.9")
    ('Failed password for <user> from <address>', {'user': 'root', 'address': '10.0.0.9'})
    """
    parts: dict[str, str] = {}
    event = message.replace("<", "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}") if _SLOT.search(message) else message
    for kind, pattern in _VARIES:
        seen = 0

        def taken(match: re.Match[str], kind: str = kind) -> str:
            nonlocal seen
            text = match[0]
            if kind in _CHECKS and not _CHECKS[kind](text) and not (kind == "name" and _said_host(match)):
                return text
            if kind in ("number", "port") and (str(int(text)) != text or len(text) > 18):
                return text  # as a number it would not come back as it is written
            seen += 1
            name = kind if seen == 1 else f"{kind}{seen}"
            parts[name] = text
            return f"<{name}>"

        if kind in ("user", "port"):  # what stands before them tells them
            event = pattern.sub(taken, event)
        else:
            event = "".join(p if _SLOT.fullmatch(p) else pattern.sub(taken, p) for p in _pieces(event))
    return event, parts


_CHECKS: dict[str, Callable[[str], bool]] = {"address": is_address, "name": is_name}


def _said_host(match: re.Match[str]) -> bool:
    """Tell whether a name stands where hosts are named, so that its ending need not be a known one."""
    return match.string[: match.start()].endswith("host=")


def _pieces(event: str) -> list[str]:
    """Cut at what was taken out already."""
    return re.split(r"(<(?:user|port|address|name)\d*>)", event)


def filled(event: str, parts: dict[str, str]) -> str:
    """Put a message together again; what is missing is a hyphen.

    >>> filled("Invalid user <user> from <address>", {"user": "bob", "address": "10.0.0.9"})
    'Invalid user bob from 10.0.0.9'
    """
    return _SLOT.sub(lambda m: parts.get(m[1] + m[2], "-"), event)


def _whole(texts: list[str | None]) -> Raw:
    good = [t if t is not None and t.isascii() and t.isdigit() and len(t) <= 18 else None for t in texts]
    if any(t is not None and t != "-" and g is None for t, g in zip(texts, good, strict=True)):
        return Raw(Column.of_texts(texts), "string")
    missing = np.array([g is None for g in good], bool)
    return Raw(Column(np.array([int(g or 0) for g in good], np.int64), missing), "int64")


def _times(texts: list[str], classic: bool) -> tuple[np.ndarray, np.ndarray, int, list[str]]:
    out, gaps = np.zeros(len(texts), "M8[us]"), np.zeros(len(texts), bool)
    year, steps, before, notes = FIRST_YEAR, 0, None, []
    for i, text in enumerate(texts):
        try:
            if classic:
                day = f"{_MONTHS.index(text[:3]) + 1:02d}-{int(text[4:6]):02d}T{text[7:]}"
                stamp = np.datetime64(f"{year}-{day}", "us")
                if before is not None and before - stamp > np.timedelta64(180, "D"):
                    year += 1  # from December to January
                    stamp = np.datetime64(f"{year}-{day}", "us")
            else:
                stamp = np.datetime64(text[:26], "us")
        except ValueError:
            gaps[i] = True
            continue
        steps += before is not None and stamp < before
        before = out[i] = stamp
    if classic:
        notes.append(
            f"The log's times have no year; they were read as of {FIRST_YEAR} on, so days of the week mean nothing."
        )
    return out, gaps, steps, notes


def is_syslog_schema(schema: TableSchema) -> bool:
    """Tell whether rows of a schema are lines of a log."""
    return set(NEEDED) <= set(schema.columns) and schema["time"].kind == "datetime"


class SyslogSink:
    """A log, line by line: in the classic form where that was read, else with full times.

    Where a row lacks what its event needs, the line takes what stood there last.
    """

    def __init__(self, path: Path, schema: TableSchema) -> None:
        self.schema = schema
        self.classic = schema["time"].format == CLASSIC
        self.last: dict[str, str] = {}
        self.lines: list[tuple[int, str]] = []
        self.file = path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n")

    def append(self, table: Table) -> None:
        """Take the next rows; a log is in the order of time, which is known at the end."""
        times = np.where(table["time"].missing, 0, table["time"].values.astype("M8[us]").astype(np.int64))
        self.lines += zip(times.tolist(), self._lines(table), strict=True)

    def _lines(self, table: Table) -> Iterator[str]:
        from seedstock.sources.texts import cell_texts

        cells = {n: cell_texts(table[n], self.schema[n]).texts().tolist() for n in table if n != "time"}
        slots = [n for n in cells if n not in NEEDED and _SLOT.fullmatch(f"<{n}>")]
        for n in slots:  # the first lines have none before them
            self.last.setdefault(n, next((str(v) for v in cells[n] if v is not None), "-"))
        for i, (time, gap) in enumerate(
            zip(table["time"].values.tolist(), table["time"].missing.tolist(), strict=True)
        ):
            self.last |= {n: str(v) for n in slots if (v := cells[n][i]) is not None}
            message = filled(cells["event"][i] or "-", self.last)
            if gap:
                stamp = f"{_MONTHS[0]}  1 00:00:00" if self.classic else "1970-01-01T00:00:00.000000"
            elif self.classic:
                stamp = f"{_MONTHS[time.month - 1]} {time.day:2d} {time:%H:%M:%S}"
            else:
                stamp = time.isoformat(timespec="microseconds")
            pid = f"[{cells['pid'][i]}]" if cells["pid"][i] is not None else ""
            yield f"{stamp} {cells['host'][i] or '-'} {cells['process'][i] or '-'}{pid}: {message}\n"

    def close(self) -> None:
        """Write the lines in the order of their times, and finish the file."""
        self.lines.sort(key=lambda x: x[0])
        self.file.writelines(line for _, line in self.lines)
        self.file.close()

    def abort(self) -> None:
        """Let go of everything."""
        self.file.close()
