"""What is known of flows and connections, as rules to be tried: data that break one decide against it.

The rules name columns as NetFlow tools, CICFlowMeter, Argus (UNSW-NB15, CTU), Zeek and KDD'99 call them.

Source: RFC 791, 768, 793 and 792 for the least sizes (IPv4 header 20 bytes; with UDP or ICMP 28, with TCP 40); Zeek's
``base/protocols/conn/main.zeek`` for the states and histories.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Table
from seedstock.network.types import types_in

Spec = Mapping[str, Any]

_PACKETS = ("packets", "pkts", "totpkts", "npkts", "ipkt", "inpkts", "packetcount", "numpackets", "totalpackets")
_BYTES = ("bytes", "totbytes", "nbytes", "ibyt", "inbytes", "bytecount", "numbytes", "totalbytes")
_SIDES = (
    (("spkts", "origpkts", "totalfwdpackets", "totalfwdpacket", "totfwdpkts", "fwdpackets", "srcpkts", "pktstoserver"),
     ("dpkts", "resppkts", "totalbackwardpackets", "totalbwdpackets", "totbwdpkts", "bwdpackets", "dstpkts",
      "pktstoclient")),
    (("origipbytes", "bytestoserver", "sbytes"), ("respipbytes", "bytestoclient", "dbytes")),
    (("origbytes", "totallengthoffwdpackets", "totallengthoffwdpacket", "totlenfwdpkts", "srcbytes", "sbytes"),
     ("respbytes", "totallengthofbwdpackets", "totallengthofbwdpacket", "totlenbwdpkts", "dstbytes", "dbytes")),
)  # fmt: skip
_DURATION = ("duration", "dur", "td", "flowduration")
_PARTS = tuple(("min", m, "max") for m in ("mean", "avg"))
_TCP_ONLY = (
    "http https http_443 ssl tls ssh smtp ftp ftp-data ftp_data imap imap4 pop3 pop_3 pop_2 telnet irc rdp smb ldap "
    "whois finger auth nntp uucp gopher vmnet x11 bgp mysql domain ident login shell exec klogin kshell"
)
_UDP_ONLY = "dhcp ntp ntp_u tftp tftp_u snmp domain_u quic ssdp"
_ICMP_ONLY = "eco_i ecr_i tim_i urp_i red_i urh_i"
_TCP_STATES = ("S1", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "REJ")


def known_rules(table: Table, columns: Mapping[str, ColumnSchema]) -> list[dict[str, Any]]:
    """Return rules to be tried on a table, in the form of a schema file.

    Examples
    --------
    >>> from seedstock.core.table import Column
    >>> table = Table({"Packets": Column.of(np.array([1, 2])), "Bytes": Column.of(np.array([60, 99]))})
    >>> [r["kind"] for r in known_rules(table, dict.fromkeys(table, ColumnSchema("number", dtype="int64")))]
    ['bounds', 'at_least', 'at_least']
    """
    types = types_in(table, columns)
    view = _Columns(table, types)
    if not types and not view.first(_PACKETS) and not view.first(_SIDES[0][0]):
        return []
    found = [*_numbers(view), *_sizes(view), *_protocols(view), *_states(view)]
    out: list[dict[str, Any]] = []
    for spec in found:
        if spec not in out:
            out.append(dict(spec))
    return out


class _Columns:
    """A table's columns under the names that tools give them."""

    def __init__(self, table: Table, types: Mapping[str, str]) -> None:
        self.table, self.types = table, types
        self.plain = {_plain(name): name for name in reversed(table.names)}

    def first(self, names: Sequence[str]) -> str | None:
        """Return the first column of numbers that has one of these names."""
        found = (self.plain[n] for n in names if n in self.plain)
        return next((n for n in found if self.is_number(n)), None)

    def is_number(self, name: str) -> bool:
        column = self.table[name]
        return not column.is_text and column.values.dtype.kind in "if"

    def of(self, kind: str) -> str | None:
        """Return the first column of a type of the field."""
        return next((name for name, k in self.types.items() if k == kind), None)

    def values(self, name: str) -> list[Any]:
        """Return the distinct values of a column."""
        column = self.table[name]
        used = np.unique(column.values[~column.missing])
        return [str(t) for t in column.levels[used]] if column.levels is not None else used.tolist()

    def lists(self, name: str) -> bool:
        return self.table[name].is_text


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower().removeprefix("id."))


def _numbers(view: _Columns) -> Iterator[Spec]:
    for name, kind in view.types.items():
        if kind == "port" and view.is_number(name):
            yield {"kind": "bounds", "column": name, "low": 0, "high": 65_535}
    for name in (n for n in view.table if view.is_number(n)):
        if re.search(r"(^|[_\s.-])rate$", name, re.I) and view.types.get(name) is None:
            yield {"kind": "bounds", "column": name, "low": 0, "high": 1}
    if duration := view.first(_DURATION):
        yield {"kind": "bounds", "column": duration, "low": 0}
    yield from _chains(view)


def _chains(view: _Columns) -> Iterator[Spec]:
    """Columns that are called alike but for min, mean and max."""
    stems: dict[tuple[str, ...], dict[str, str]] = {}
    for name in (n for n in view.table if view.is_number(n)):
        words = [w for w in re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()) if w]
        for word in {"min", "mean", "avg", "max"} & set(words):
            stem = tuple(sorted(w for w in words if w != word))
            stems.setdefault(stem, {}).setdefault(word, name)
    for parts in stems.values():
        for names in _PARTS:
            chain = [parts[p] for p in names if p in parts]
            if len(chain) > 1:
                yield {"kind": "order", "columns": chain}
                break


def _sizes(view: _Columns) -> Iterator[Spec]:
    packets, size = view.first(_PACKETS), view.first(_BYTES)
    forth, back = (view.first(names) for names in _SIDES[0])
    if packets:
        yield {"kind": "bounds", "column": packets, "low": 1}
    if forth and back:
        yield {"kind": "at_least", "child": forth, "parents": [back], "weights": [-1], "constant": 1}
        if packets:
            yield {"kind": "linear", "parents": [forth, back], "child": packets}
    if packets and size:
        yield from _headers(view, packets, size)
    for side, count in ((_SIDES[1][0], forth), (_SIDES[1][1], back)):
        name = view.first(side)
        if name and count:
            yield from _headers(view, count, name)
    for side in (0, 1):
        payload, whole = view.first(_SIDES[2][side]), view.first(_SIDES[1][side])
        if payload and whole and payload != whole:
            yield {"kind": "at_least", "child": whole, "parents": [payload]}
        if payload:
            yield {"kind": "bounds", "column": payload, "low": 0}
    ends = [view.first(_SIDES[2][side]) for side in (0, 1)]
    if size and all(ends):
        yield {"kind": "linear", "parents": ends, "child": size}
    elif size and ends[0]:
        yield {"kind": "at_least", "child": size, "parents": [ends[0]]}


def _headers(view: _Columns, packets: str, size: str) -> Iterator[Spec]:
    """The least bytes that so many packets have: by protocol, and for all of them."""
    both = {"kind": "at_least", "child": size, "parents": [packets]}
    yield {**both, "weights": [20]}
    protocol = view.of("protocol")
    for words, least in ((("tcp", 6), 40), (("udp", 17), 28), (("icmp", 1), 28)):
        if protocol and (when := _having(view, protocol, words)):
            yield {**both, "weights": [least], "cause": protocol, "when": when}
    # Much quoted (an Ethernet frame's 14 bytes besides), and false of what most tools count.
    yield {**both, "weights": [42]}


def _having(view: _Columns, name: str, words: Sequence[Any]) -> list[Any]:
    return [v for v in view.values(name) if (v.lower() if isinstance(v, str) else v) in words]


def _protocols(view: _Columns) -> Iterator[Spec]:
    protocol = view.of("protocol")
    if protocol is None:
        return
    others = [v for v in view.values(protocol) if (v.lower() if isinstance(v, str) else v) not in ("tcp", 6)]
    for name, kind in view.types.items():
        if kind == "tcp flags" and others:
            if not view.lists(name):
                yield {"kind": "admits", "cause": protocol, "when": others, "effect": name, "low": 0, "high": 0}
            elif none := [v for v in view.values(name) if not re.search(r"[A-Za-z1-9]", v)]:
                yield {"kind": "admits", "cause": protocol, "when": others, "effect": name, "among": none}
    for name in view.table:
        if re.fullmatch(r"(syn|fin|rst|psh|ack|urg|ece|cwe|cwr)flag(count|cnt)", _plain(name)) and others:
            yield {"kind": "admits", "cause": protocol, "when": others, "effect": name, "low": 0, "high": 0}
    service = view.plain.get("service")
    if service and view.lists(service) and view.lists(protocol):
        for services, words in ((_TCP_ONLY, ("tcp",)), (_UDP_ONLY, ("udp",)), (_ICMP_ONLY, ("icmp", "icmp6"))):
            when, among = _having(view, service, services.split()), _having(view, protocol, words)
            if when and among:
                yield {"kind": "admits", "cause": service, "when": when, "effect": protocol, "among": among}


def _states(view: _Columns) -> Iterator[Spec]:
    """Zeek's states against packets, payload and history; those of KDD'99 against the protocol alone."""
    state = view.of("connection state")
    if state is None or not set(view.values(state)) & {"S0", "SF"}:
        return
    have = set(view.values(state))
    protocol = view.of("protocol")
    if protocol and view.lists(protocol):
        for word in ("udp", "icmp"):
            if when := _having(view, protocol, (word,)):
                rest = sorted(have - set(_TCP_STATES))
                yield {"kind": "admits", "cause": protocol, "when": when, "effect": state, "among": rest}
    forth, back = (view.first(names) for names in _SIDES[0])
    sent, got = (view.first(names) for names in _SIDES[2])
    silent = [s for s in ("S0", "RSTOS0", "SH") if s in have]
    unasked = [s for s in ("RSTRH", "SHR") if s in have]
    talked = [s for s in ("SF", "S1", "S2", "S3", "RSTO", "RSTR") if s in have]
    for states, names in ((silent, (back, got)), (unasked, (forth, sent))):
        for name in names:
            if name and states:
                yield {"kind": "admits", "cause": state, "when": states, "effect": name, "low": 0, "high": 0}
    for name in (forth, back):
        if when := [*talked, *[s for s in ("REJ",) if s in have]] if name else []:
            yield {"kind": "admits", "cause": state, "when": when, "effect": name, "low": 1}
    if history := view.of("connection history"):
        texts = view.values(history)
        mute = [t for t in texts if not re.search("[a-z]", t)]
        both = [t for t in texts if re.search("[A-Z]", t) and re.search("[a-z]", t)]
        lone = [t for t in texts if not re.search("[A-Z]", t)]
        for states, among in ((silent, mute), (unasked, lone), (talked, both)):
            if states and among:
                yield {"kind": "admits", "cause": state, "when": states, "effect": history, "among": among}
        if "REJ" in have and (turned := [t for t in texts if "r" in t or "R" in t]):
            yield {"kind": "admits", "cause": state, "when": ["REJ"], "effect": history, "among": turned}
        if back and mute:
            yield {"kind": "admits", "cause": history, "when": mute, "effect": back, "low": 0, "high": 0}
