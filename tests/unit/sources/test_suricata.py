"""Suricata's event logs: a table a type, linked by flow, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seedstock
from seedstock import cli
from seedstock.core.errors import InputError
from seedstock.sources.linked import is_linked, read_linked
from seedstock.sources.suricata import write_eve


def events(flows: int = 60) -> list[dict[str, Any]]:
    out = []
    for k in range(flows):
        base = {
            "timestamp": f"2024-01-05T10:{k % 60:02d}:00.000001+0000", "flow_id": 10**15 + k, "in_iface": "eth0",
            "src_ip": f"10.0.0.{k % 5 + 1}", "src_port": 40_000 + k, "dest_ip": "10.0.0.99", "dest_port": 53,
            "proto": "UDP",
        }  # fmt: skip
        dns = {"type": "query", "id": k, "rrname": f"host{k % 3}.corp.local", "rrtype": "A"}
        out += [{**base, "event_type": "dns", "dns": dns}] * (1 + k % 2)
        if k % 4 == 0:
            out.append({**base, "event_type": "alert", "alert": {"signature_id": 2000 + k % 2, "severity": 1 + k % 3}})
        if k % 10:
            counts = {
                "pkts_toserver": 1 + k % 3,
                "pkts_toclient": k % 3,
                "bytes_toserver": 80 * (1 + k % 3),
                "bytes_toclient": 90 * (k % 3),
            }
            out.append({**base, "event_type": "flow", "flow": {**counts, "state": "new"}, "tags": ["a", "b"]})
    return out


@pytest.fixture
def eve(tmp_path: Path) -> Path:
    file = tmp_path / "eve.json"
    file.write_text("".join(json.dumps(e) + "\n" for e in events()))
    return file


def test_each_type_is_a_table_and_has_its_flow(eve: Path) -> None:
    assert is_linked(eve)
    data = read_linked(eve)
    assert {n: len(t) for n, t in data.tables.items()} == {"dns": 90, "alert": 15, "flow": 60}
    assert {(x.child, x.parent) for x in data.schema.links} == {("dns", "flow"), ("alert", "flow")}
    assert "dns.rrname" in data.tables["dns"]
    assert any("6 flows have events and no end" in n for n in data.notes)
    assert data.origin["format"] == "eve"


def test_it_is_written_back_as_it_was(eve: Path, tmp_path: Path) -> None:
    write_eve(read_linked(eve), tmp_path / "out.json")
    made = [json.loads(line) for line in (tmp_path / "out.json").read_text().splitlines()]
    key = lambda e: json.dumps(e, sort_keys=True)  # noqa: E731
    assert sorted(made, key=key) == sorted(events(), key=key)


def test_damaged_lines_are_counted(eve: Path) -> None:
    eve.write_text(eve.read_text() + '{"timestamp": "2024-01-0\n[1, 2]\n{"event_type": 1}\n')
    data = read_linked(eve)
    assert any("2 lines are no events" in n for n in data.notes)
    (eve.parent / "no.json").write_text('{"timestamp": "x", "event_type": "dns"')
    with pytest.raises(InputError):
        read_linked(eve.parent / "no.json")


def test_a_log_grows_and_is_a_log_again(eve: Path, tmp_path: Path) -> None:
    assert cli.run(["fit", str(eve), "-o", str(tmp_path / "m"), "-q"]) == 0
    assert cli.run(["sample", str(tmp_path / "m"), "-n", "40", "-o", str(tmp_path / "out.json"), "-q"]) == 0
    again = read_linked(tmp_path / "out.json")
    assert set(again.tables) == {"dns", "alert", "flow"}
    assert len(again.tables["flow"]) == 40
    assert (tmp_path / "out.json.croissant.json").is_file()
    names = {str(t) for t in again.tables["dns"]["dns.rrname"].texts()}
    assert not names & {"host0.corp.local", "host1.corp.local", "host2.corp.local"}


def test_linked_tables_are_written_in_other_forms(eve: Path, tmp_path: Path) -> None:
    model = seedstock.fit(eve)
    for form in ("csv", "log"):
        seedstock.sample(model, 30, output=tmp_path / form, form=form)
        assert {p.name for p in (tmp_path / form).glob(f"*.{form}")} == {
            f"{t}.{form}" for t in ("dns", "alert", "flow")
        }
        assert len(read_linked(tmp_path / form).tables["flow"]) == 30
    with pytest.raises(InputError, match="written as"):
        seedstock.sample(model, 3, output=tmp_path / "x", form="xls")
