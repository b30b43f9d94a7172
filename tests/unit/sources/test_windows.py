"""Windows event logs: read, damaged, cut off, grown."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seedstock
from seedstock.core.errors import InputError
from seedstock.sources.read import read

pytest.importorskip("evtx")
_spec = importlib.util.spec_from_file_location("evtx_file", Path(__file__).with_name("evtx_file.py"))
assert _spec is not None
_made: Any = importlib.util.module_from_spec(_spec)
assert _spec.loader is not None
_spec.loader.exec_module(_made)


def events(n: int = 40) -> list[tuple[dict[str, str], dict[str, str]]]:
    out = []
    for k in range(n):
        system = {
            "Provider": "Security-Auditing", "EventID": str(4625 if k % 4 else 4688), "Level": str(k % 3),
            "Channel": "Security", "Computer": f"WS{k % 3}.corp.example",
            "time": f"2024-01-05T10:00:{k % 60:02d}.5000001Z",
        }  # fmt: skip
        login = {"TargetUserName": f"user{k % 5}", "IpAddress": f"10.0.0.{k % 7 + 1}", "LogonType": str(2 + k % 2)}
        out.append((system, login if k % 4 else {"NewProcessName": "cmd.exe", "ProcessID": "0x1f4"}))
    return out


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "Security.evtx"
    file.write_bytes(_made.evtx_file(events()))
    return file


def test_each_event_is_a_row(log: Path) -> None:
    data = read(log)
    assert data.origin["format"] == "evtx"
    assert data.table.names[:2] == ["TimeCreated", "Provider"]
    assert data.table["TimeCreated"].values[1] == np.datetime64("2024-01-05T10:00:01.500000")
    assert data.columns["TimeCreated"].dtype == "datetime[us, UTC]"
    assert set(data.table["EventID"].texts()) == {"4625", "4688"}
    assert data.columns["EventID"].dtype == "int64"
    assert data.table["TargetUserName"].texts()[:3].tolist() == [None, "user1", "user2"]
    assert data.table["NewProcessName"].texts()[:2].tolist() == ["cmd.exe", None]
    assert "EventData.ProcessID" in data.table, "System has a field of that name"
    assert data.notes == ()


def test_damaged_events_are_counted(log: Path) -> None:
    content = bytearray(log.read_bytes())
    content[4096 + 512 + 24] = 0xFF
    log.write_bytes(content)
    data = read(log)
    assert len(data.table) == 39
    assert any("1 events are damaged" in n for n in data.notes)


def test_a_log_that_is_cut_off_is_read_as_far_as_it_goes(log: Path) -> None:
    log.write_bytes(log.read_bytes()[: 4096 + 8000])
    data = read(log)
    assert 5 < len(data.table) < 30
    assert any("cut off" in n for n in data.notes)


@pytest.mark.parametrize("size", [8, 100, 4096, 5000])
def test_what_holds_no_event_is_refused(log: Path, size: int) -> None:
    log.write_bytes(log.read_bytes()[:size])
    with pytest.raises(InputError, match="export"):
        read(log)


def test_any_bytes_give_rows_or_a_plain_error(log: Path) -> None:
    good = log.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(60):
        bad = bytearray(good)
        for place in rng.integers(8, 16_000, 20):
            bad[place] = rng.integers(256)
        log.write_bytes(bad)
        with contextlib.suppress(InputError):
            assert len(read(log).table) <= 200


def test_it_takes_the_extra(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evtx", None)
    with pytest.raises(InputError, match=r"seedstock\[evtx\]"):
        read(log)


def test_a_log_grows(log: Path, tmp_path: Path) -> None:
    log.write_bytes(_made.evtx_file(events(800)))
    seedstock.sample(seedstock.fit(log), 200, output=tmp_path / "new.csv")
    made = read(tmp_path / "new.csv")
    assert len(made.table) == 200
    assert set(made.table["EventID"].values) <= {4625, 4688}
    of_process = made.table["EventID"].values == 4688
    agree = (made.table["NewProcessName"].missing == ~of_process).mean()
    assert agree > 0.85, "by chance it would be 0.625"
