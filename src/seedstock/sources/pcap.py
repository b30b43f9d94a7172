"""Captures of packets -> connections, one row each, in the columns of Zeek's conn.log; `dpkt` is known here alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.table import Column
from seedstock.sources._raw import Raw, RawTable

MAGIC = tuple(bytes.fromhex(h) for h in ("a1b2c3d4", "d4c3b2a1", "a1b23c4d", "4d3cb2a1", "0a0d0d0a"))
"""The first bytes of pcap files, of either byte order and with micro- or nanoseconds, and of pcapng files."""
IDLE = {"tcp": 300.0, "udp": 60.0, "icmp": 60.0}
"""Seconds without a packet after which a later one begins a new connection, as in Zeek's defaults (tcp: 5 minutes)."""
CLOSED = 5.0
"""Seconds after both sides' FIN, or a RST, for which further packets belong to the connection."""
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_RAW, _NULL, _ETHERNET, _SLL, _SLL2 = (12, 14, 101, 228, 229), (0, 108), 1, 113, 276


@dataclass(slots=True)
class _Side:
    packets: int = 0
    ip_bytes: int = 0
    payload: int = 0
    syn: bool = False
    fin: bool = False
    rst: bool = False


class _Connection:
    __slots__ = ("ends", "first", "last", "order", "proto", "sides")

    def __init__(self, proto: str, ends: tuple[Any, ...], time: float) -> None:
        self.proto, self.ends, self.first, self.last = proto, ends, time, time
        self.sides = (_Side(), _Side())
        self.order = ""

    def add(self, back: bool, time: float, size: int, payload: int, flags: int) -> None:
        side = self.sides[back]
        side.packets += 1
        side.ip_bytes += size
        side.payload += payload
        for bit, name in ((_SYN, "syn"), (_FIN, "fin"), (_RST, "rst")):
            if flags & bit and not getattr(side, name):
                setattr(side, name, True)
                letter = ("h" if flags & _ACK else "s") if bit == _SYN else name[0]
                self.order += letter if back else letter.upper()
        self.last = max(self.last, time)

    def over(self, time: float) -> bool:
        return time - self.last > (CLOSED if self.ended else IDLE[self.proto])

    @property
    def ended(self) -> bool:
        return any(s.rst for s in self.sides) or all(s.fin for s in self.sides)

    def state(self) -> str:
        """Return the state, as Zeek's documentation of ``conn_state`` defines them."""
        here, there = self.sides
        if self.proto != "tcp":
            return "SF" if here.packets and there.packets else "S0" if here.packets else "SHR"
        if not here.syn or "S" not in self.order:
            answered = "h" in self.order and not here.packets
            return "RSTRH" if answered and there.rst else "SHR" if answered and there.fin else "OTH"
        if not there.packets:
            return "RSTOS0" if here.rst else "SH" if here.fin else "S0"
        if "h" not in self.order:
            return "REJ" if there.rst else "RSTO" if here.rst else "OTH"
        if here.rst and not ("r" in self.order and self.order.index("r") < self.order.index("R")):
            return "RSTO"
        if there.rst:
            return "RSTR"
        return "SF" if here.fin and there.fin else "S2" if here.fin else "S3" if there.fin else "S1"


def read_pcap(path: Path, what: str) -> RawTable:
    """Read a capture as connections: by both addresses, both ports and protocol, in both directions.

    The side that sent the first packet (of TCP: the first SYN) is the origin. A connection ends by TCP's FIN or RST and
    `CLOSED` seconds, or by `IDLE` seconds without a packet. Memory holds one record a connection, not the packets.

    Parameters
    ----------
    path : Path
        pcap or pcapng; Ethernet, Linux cooked, BSD loopback or raw IP.
    what : str
        How errors call the file.

    Returns
    -------
    RawTable
        ``ts`` (time of the first packet), ``id.orig_h``, ``id.orig_p``, ``id.resp_h``, ``id.resp_p``, ``proto``,
        ``duration`` (seconds), ``orig_bytes``, ``resp_bytes`` (payload), ``conn_state``, ``orig_pkts``,
        ``orig_ip_bytes``, ``resp_pkts``, ``resp_ip_bytes``. For ICMP the ports are type and code, as in Zeek.

    Raises
    ------
    InputError
        Without dpkt; a capture of another link layer; no IP packet.
    """
    counts = {"packets": 0, "other": 0, "fragments": 0, "backwards": 0}
    cut: list[str] = []
    live: dict[tuple[Any, ...], _Connection] = {}
    done: list[_Connection] = []
    latest = 0.0
    for time, packet in _packets(path, what, cut):
        counts["packets"] += 1
        counts["backwards"] += time < latest
        latest = max(latest, time)
        seen = _read(packet, counts)
        if seen is None:
            continue
        proto, source, target, size, payload, flags = seen
        key = (proto, *sorted((source, target)))
        found = live.get(key)
        again = flags & (_SYN | _ACK) == _SYN
        if found is not None and (found.over(time) or (again and found.ended)):
            done.append(live.pop(key))
            found = None
        if found is None:
            answer = flags & (_SYN | _ACK) == _SYN | _ACK
            found = live[key] = _Connection(proto, (target, source) if answer else (source, target), time)
        found.add(found.ends[0] != source, time, size, payload, flags)
    done += live.values()
    if not done:
        raise InputError(f"{what} holds no IP packet ({counts['packets']:,} packets in all); bring another capture")
    done.sort(key=lambda c: c.first)
    return RawTable(_columns(done), {"packets": counts["packets"]}, (*cut, *_notes(counts, len(done))))


def _packets(path: Path, what: str, cut: list[str]) -> Iterator[tuple[float, Any]]:
    try:
        import dpkt
    except ImportError:
        raise InputError("captures of packets need dpkt; pip install 'seedstock[pcap]'") from None
    with path.open("rb") as plain:
        file = _Watched(plain)
        try:
            reader = dpkt.pcap.UniversalReader(file)
            link = reader.datalink()
        except (ValueError, dpkt.Error, EOFError, OSError):
            raise InputError(f"{what} is a damaged capture: its header cannot be read; capture it again") from None
        unpack = _unpacker(dpkt, link)
        if unpack is None:
            raise InputError(f"{what} has packets of link layer {link}; Ethernet, Linux cooked and raw IP can be read")
        n = 0
        try:
            for time, data in reader:
                n += 1
                try:
                    packet = unpack(data)
                except (dpkt.Error, ValueError, IndexError, AttributeError):
                    packet = None
                yield float(time), packet
        except (dpkt.Error, ValueError, EOFError):
            file.short = True
        if file.short:
            cut.append(f"The capture is cut off in packet {n:,}; what stands before was read.")


class _Watched:
    """A file that remembers whether it ended in the middle of what was asked for."""

    def __init__(self, file: Any) -> None:
        self.file, self.short = file, False
        self.name, self.seek, self.tell = file.name, file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        out: bytes = self.file.read(size)
        self.short |= 0 < len(out) < size
        return out


def _unpacker(dpkt: Any, link: int) -> Any:
    if link == _ETHERNET:
        return lambda data: dpkt.ethernet.Ethernet(data).data
    if link == _SLL:
        return lambda data: dpkt.sll.SLL(data).data
    if link == _SLL2:
        return lambda data: dpkt.sll2.SLL2(data).data
    if link in _NULL:
        return lambda data: dpkt.loopback.Loopback(data).data
    if link in _RAW:
        return lambda data: dpkt.ip6.IP6(data) if data[0] >> 4 == 6 else dpkt.ip.IP(data)
    return None


def _read(packet: Any, counts: dict[str, int]) -> tuple[str, Any, Any, int, int, int] | None:
    """Return protocol, both ends, bytes of the IP packet, bytes of payload and TCP flags."""
    kind = type(packet).__name__
    if kind not in ("IP", "IP6"):
        counts["other"] += 1
        return None
    if kind == "IP" and packet.offset:
        counts["fragments"] += 1
        return None
    size = packet.len if kind == "IP" and packet.len else (40 + packet.plen if kind == "IP6" else len(packet))
    inner = packet.data
    name = type(inner).__name__
    if name in ("TCP", "UDP"):
        header = inner.off * 4 if name == "TCP" else 8
        head = packet.hl * 4 if kind == "IP" else 40
        payload = max(size - head - header, 0) if name == "TCP" else max(inner.ulen - 8, 0)
        flags = inner.flags if name == "TCP" else 0
        return name.lower(), (packet.src, inner.sport), (packet.dst, inner.dport), size, payload, flags
    if name in ("ICMP", "ICMP6"):
        payload = max(size - (packet.hl * 4 if kind == "IP" else 40) - 8, 0)
        # An echo and its reply are two directions of one connection.
        asked = {"ICMP": {0: 8, 14: 13}, "ICMP6": {129: 128}}[name]
        if inner.type in asked:
            return "icmp", (packet.src, inner.code), (packet.dst, asked[inner.type]), size, payload, 0
        return "icmp", (packet.src, inner.type), (packet.dst, inner.code), size, payload, 0
    counts["other"] += 1
    return None


def _columns(found: list[_Connection]) -> dict[str, Raw]:
    names: dict[bytes, str] = {}

    def address(end: tuple[bytes, int]) -> str:
        if end[0] not in names:
            names[end[0]] = str(ipaddress.ip_address(end[0]))
        return names[end[0]]

    def numbers(values: list[int]) -> Raw:
        return Raw(Column.of(np.array(values, np.int64)), "int64")

    time = np.array([round(c.first * 1e6) for c in found], np.int64).view("M8[us]")
    here, there = [c.sides[0] for c in found], [c.sides[1] for c in found]
    duration = np.round([c.last - c.first for c in found], 6)
    return {
        "ts": Raw(Column.of(time), "datetime[us]"),
        "id.orig_h": Raw(Column.of_texts([address(c.ends[0]) for c in found]), "string"),
        "id.orig_p": numbers([c.ends[0][1] for c in found]),
        "id.resp_h": Raw(Column.of_texts([address(c.ends[1]) for c in found]), "string"),
        "id.resp_p": numbers([c.ends[1][1] for c in found]),
        "proto": Raw(Column.of_texts([c.proto for c in found]), "string"),
        "duration": Raw(Column.of(duration), "float64"),
        "orig_bytes": numbers([s.payload for s in here]),
        "resp_bytes": numbers([s.payload for s in there]),
        "conn_state": Raw(Column.of_texts([c.state() for c in found]), "string"),
        "orig_pkts": numbers([s.packets for s in here]),
        "orig_ip_bytes": numbers([s.ip_bytes for s in here]),
        "resp_pkts": numbers([s.packets for s in there]),
        "resp_ip_bytes": numbers([s.ip_bytes for s in there]),
    }


def _notes(counts: dict[str, int], n: int) -> Iterator[str]:
    yield f"{counts['packets']:,} packets were put together to {n:,} connections, in the columns of Zeek's conn.log."
    if counts["other"]:
        yield f"{counts['other']:,} packets are neither TCP, UDP nor ICMP, or damaged: left out."
    if counts["fragments"]:
        yield f"{counts['fragments']:,} later fragments of packets carry no ports: left out."
    if counts["backwards"]:
        yield f"The time steps back at {counts['backwards']:,} packets."
