"""Captures as connections, against packets that are put together here."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import dpkt
import numpy as np
import pytest

import seedstock
from seedstock.core.errors import InputError
from seedstock.core.table import Dataset
from seedstock.sources.read import read

A, B = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
S, F, R, P, ACK = 2, 1, 4, 8, 16


def tcp(back: bool, flags: int, payload: bytes = b"", sport: int = 4000) -> bytes:
    ends = ((B, 80), (A, sport)) if back else ((A, sport), (B, 80))
    inner = dpkt.tcp.TCP(sport=ends[0][1], dport=ends[1][1], flags=flags, data=payload)
    return bytes(dpkt.ip.IP(src=ends[0][0], dst=ends[1][0], p=6, data=inner, len=40 + len(payload)))


def udp(back: bool, payload: bytes = b"") -> bytes:
    ends = ((B, 53), (A, 5000)) if back else ((A, 5000), (B, 53))
    inner = dpkt.udp.UDP(sport=ends[0][1], dport=ends[1][1], ulen=8 + len(payload), data=payload)
    return bytes(dpkt.ip.IP(src=ends[0][0], dst=ends[1][0], p=17, data=inner, len=28 + len(payload)))


def echo(back: bool) -> bytes:
    inner = dpkt.icmp.ICMP(type=0 if back else 8, data=dpkt.icmp.ICMP.Echo(id=1, seq=1, data=b"x" * 8))
    return bytes(dpkt.ip.IP(src=B if back else A, dst=A if back else B, p=1, data=inner, len=36))


def capture(path: Path, packets: list[tuple[float, bytes]], link: int = 1) -> Path:
    out = io.BytesIO()
    writer = dpkt.pcap.Writer(out, linktype=link)
    for time, packet in packets:
        frame = packet if link == 101 else bytes(dpkt.ethernet.Ethernet(type=0x0800, data=packet))
        writer.writepkt(frame, ts=time)
    path.write_bytes(out.getvalue())
    return path


def rows(path: Path) -> tuple[Dataset, list[dict[str, object]]]:
    data = read(path)
    cells = {n: c.texts().tolist() if (c := data.table[n]).is_text else c.values.tolist() for n in data.table}
    return data, [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


TALK = [
    tcp(False, S), tcp(True, S | ACK), tcp(False, ACK), tcp(False, P | ACK, b"GET"), tcp(True, P | ACK, b"hello"),
    tcp(False, F | ACK), tcp(True, F | ACK), tcp(False, ACK),
]  # fmt: skip
STATES = {
    "S0": [tcp(False, S)],
    "S1": TALK[:5],
    "SF": TALK,
    "REJ": [tcp(False, S), tcp(True, R | ACK)],
    "S2": TALK[:6],
    "S3": [*TALK[:5], tcp(True, F | ACK)],
    "RSTO": [*TALK[:5], tcp(False, R)],
    "RSTR": [*TALK[:5], tcp(True, R)],
    "RSTOS0": [tcp(False, S), tcp(False, R)],
    "SH": [tcp(False, S), tcp(False, F)],
    "OTH": [tcp(False, ACK), tcp(True, ACK)],
}


@pytest.mark.parametrize("state", STATES)
def test_states_are_zeeks(tmp_path: Path, state: str) -> None:
    path = capture(tmp_path / "a.pcap", [(100.0 + k, p) for k, p in enumerate(STATES[state])])
    _, found = rows(path)
    assert [r["conn_state"] for r in found] == [state]


@pytest.mark.parametrize("link", [1, 101])
def test_packets_and_bytes_are_counted_on_both_sides(tmp_path: Path, link: int) -> None:
    path = capture(tmp_path / "a.pcap", [(100.0 + k / 4, p) for k, p in enumerate(TALK)], link)
    data, (row,) = rows(path)
    assert (row["id.orig_h"], row["id.orig_p"], row["id.resp_h"], row["id.resp_p"]) == (
        "10.0.0.1",
        4000,
        "10.0.0.2",
        80,
    )
    assert (row["orig_pkts"], row["resp_pkts"], row["orig_bytes"], row["resp_bytes"]) == (5, 3, 3, 5)
    assert (row["orig_ip_bytes"], row["resp_ip_bytes"]) == (5 * 40 + 3, 3 * 40 + 5)
    assert row["duration"] == pytest.approx(1.75)
    assert data.origin["format"] == "pcap"


def test_a_capture_that_begins_with_the_answer_knows_who_asked(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap", [(1.0, TALK[1]), (2.0, TALK[2])])
    _, (row,) = rows(path)
    assert row["id.orig_h"] == "10.0.0.1"


def test_connections_end_by_silence_and_by_a_new_beginning(tmp_path: Path) -> None:
    udps = [(0.0, udp(False, b"q")), (0.1, udp(True, b"answer")), (100.0, udp(False, b"q"))]
    tcps = [(200.0 + k / 10, p) for k, p in enumerate(TALK)] + [(201.0 + k / 10, p) for k, p in enumerate(TALK)]
    _, found = rows(capture(tmp_path / "a.pcap", udps + tcps))
    assert [(r["proto"], r["conn_state"]) for r in found] == [
        ("udp", "SF"),
        ("udp", "S0"),
        ("tcp", "SF"),
        ("tcp", "SF"),
    ]


def test_an_echo_and_its_reply_are_one(tmp_path: Path) -> None:
    _, (row,) = rows(capture(tmp_path / "a.pcap", [(0.0, echo(False)), (0.1, echo(True))]))
    assert (row["proto"], row["id.orig_p"], row["id.resp_p"], row["orig_pkts"], row["resp_pkts"]) == (
        "icmp",
        8,
        0,
        1,
        1,
    )


def test_a_cut_capture_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcap", [(k, p) for k, p in enumerate(TALK)])
    path.write_bytes(path.read_bytes()[:-30])
    data, (row,) = rows(path)
    assert row["orig_pkts"] == 4
    assert any("cut off in packet 8" in n for n in data.notes)


@pytest.mark.parametrize("content", [b"", b"\x00" * 8, b"\x00" * 300], ids=["head", "short", "zeros"])
def test_damage_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(bytes.fromhex("d4c3b2a1") + content)
    with pytest.raises(InputError):
        read(path)


def test_random_bytes_never_crash(tmp_path: Path) -> None:
    g = np.random.default_rng(0)
    good = capture(tmp_path / "a.pcap", [(k, p) for k, p in enumerate(TALK)]).read_bytes()
    for k in range(200):
        torn = bytearray(good)
        for at in g.integers(24, len(good), 6):
            torn[at] = g.integers(256)
        (tmp_path / "b.pcap").write_bytes(bytes(torn))
        with contextlib.suppress(InputError):
            assert len(read(tmp_path / "b.pcap").table) > 0, k


def test_without_dpkt_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = capture(tmp_path / "a.pcap", [(1.0, TALK[0])])
    monkeypatch.setitem(sys.modules, "dpkt", None)
    with pytest.raises(InputError, match=r"seedstock\[pcap\]"):
        read(path)


def test_a_capture_grows(tmp_path: Path) -> None:
    g = np.random.default_rng(0)
    packets = []
    for k in range(60):
        talk = TALK[: int(g.integers(1, 9))]
        packets += [(k * 10 + j / 10, dpkt.ip.IP(p)) for j, p in enumerate(talk)]
    for t, ip in packets:
        if ip.src == A:
            ip.data.sport = 4000 + int(t) // 10
        else:
            ip.data.dport = 4000 + int(t) // 10
    path = capture(tmp_path / "a.pcap", [(t, bytes(ip)) for t, ip in packets])
    grown = seedstock.grow(path, policy="report")
    assert len(grown.table) == 60
    model = seedstock.fit(path)
    seedstock.sample(model, 20, output=tmp_path / "conn.log")
    assert (tmp_path / "conn.log").read_text().count("\n") > 20
    broken = [r for r in grown.facts["model"]["rules"] if r.get("enforced") and r["passes"]["synthetic"] < 1]
    assert not broken
