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
from seedstock.sources.write_eve import write_eve


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
    assert any("3 lines are no events" in n for n in data.notes)
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


def test_events_of_a_flow_have_its_ends_also_when_drawn(tmp_path: Path) -> None:
    turned = [
        {**e, "src_ip": e["dest_ip"], "src_port": e["dest_port"], "dest_ip": e["src_ip"], "dest_port": e["src_port"]}
        if e["event_type"] == "alert" and k % 2
        else e
        for k, e in enumerate(events())
    ]
    file = tmp_path / "eve.json"
    file.write_text("".join(json.dumps(e) + "\n" for e in turned))
    data = read_linked(file)
    assert "from_server" in data.tables["alert"]
    assert not {"src_ip", "dest_port", "from_server"} & set(data.tables["dns"].names)
    write_eve(data, tmp_path / "same.json")
    made = [json.loads(line) for line in (tmp_path / "same.json").read_text().splitlines()]
    key = lambda e: json.dumps(e, sort_keys=True)  # noqa: E731
    assert sorted(made, key=key) == sorted(turned, key=key)
    seedstock.sample(seedstock.fit(file), 40, output=tmp_path / "new.json")
    drawn = [json.loads(line) for line in (tmp_path / "new.json").read_text().splitlines()]
    assert [e["timestamp"] for e in drawn] == sorted(e["timestamp"] for e in drawn)
    flows = {e["flow_id"]: (e["src_ip"], e["src_port"], e["dest_ip"]) for e in drawn if e["event_type"] == "flow"}
    others = [e for e in drawn if e["flow_id"] in flows and e["event_type"] != "flow"]
    assert others
    for e in others:
        here, there = (e["src_ip"], e["src_port"], e["dest_ip"]), (e["dest_ip"], e["dest_port"], e["src_ip"])
        assert flows[e["flow_id"]] in (here, there)


def test_lists_have_columns_and_come_back_as_lists(tmp_path: Path) -> None:
    rows = []
    for k, e in enumerate(e for e in events() if e["event_type"] == "dns"):
        answers = [{"rrname": "a.example", "rdata": f"10.0.0.{j}", "ttl": 60 * j} for j in range(k % 4 + 1)]
        rows.append({**e, "dns": {**e["dns"], "answers": answers, "a.b[c": k % 2 == 0}})
    rows += [e for e in events() if e["event_type"] == "flow"]
    file = tmp_path / "eve.json"
    file.write_text("".join(json.dumps(e) + "\n" for e in rows))
    data = read_linked(file)
    assert data.schema.tables["dns"]["dns.answers[2].ttl"].kind == "number"
    write_eve(data, tmp_path / "same.json")
    made = [json.loads(line) for line in (tmp_path / "same.json").read_text().splitlines()]
    key = lambda e: json.dumps(e, sort_keys=True)  # noqa: E731
    assert sorted((e for e in made if "dns" in e), key=key) == sorted((e for e in rows if "dns" in e), key=key)
    seedstock.sample(seedstock.fit(file), 30, output=tmp_path / "new.json")
    drawn = [json.loads(line) for line in (tmp_path / "new.json").read_text().splitlines()]
    assert all(isinstance(a["ttl"], int) for e in drawn if "dns" in e for a in e["dns"]["answers"] if "ttl" in a)
    assert all(0 <= e["dns"]["id"] < 2**16 for e in drawn if "dns" in e)


def test_events_of_one_type_are_one_table(tmp_path: Path) -> None:
    alerts = [{**e, "community_id": "1:x"} for e in events(200) if e["event_type"] == "alert"]
    stats = {"timestamp": "2024-01-05T09:00:00.000000+0000", "event_type": "stats", "stats": {"uptime": 1}}
    file = tmp_path / "eve.json"
    file.write_text("".join(json.dumps(e) + "\n" for e in [*alerts, stats]))
    assert not is_linked(file)
    data = seedstock.read(file, target="alert.severity")
    assert len(data.table) == len(alerts)
    assert "community_id" not in data.table
    assert any("'stats'" in n for n in data.notes)
    assert any("steps back" in n for n in data.notes)
    seedstock.sample(seedstock.fit(file), 20, output=tmp_path / "new.jsonl")
    made = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()]
    assert len(made) == 20
    assert {e["event_type"] for e in made} == {"alert"}
    assert {e["alert"]["severity"] for e in made} <= {1, 2, 3}


def test_a_zone_of_time_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "eve.json"
    text = "".join(json.dumps(e) + "\n" for e in events()).replace("+0000", "+0100")
    file.write_text(text)
    write_eve(read_linked(file), tmp_path / "same.json")
    times = lambda t: sorted(json.loads(line)["timestamp"] for line in t.splitlines())  # noqa: E731
    assert times((tmp_path / "same.json").read_text()) == times(text)
