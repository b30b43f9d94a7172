"""Logs of syslog: read into columns, and written back line by line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seedstock
from seedstock.core.errors import InputError
from seedstock.sources.read import read
from seedstock.sources.syslog import filled, is_syslog, split
from seedstock.sources.write import Writer, write

REAL = Path(__file__).parents[3] / ".." / "shared" / "data" / "logs"
MESSAGES = [
    "Invalid user bob from 10.0.0.{0}",
    "Failed password for root from 10.0.0.{0} port {1} ssh2",
    "Failed password for invalid user bob from 10.0.0.{0} port {1} ssh2",
    "Received disconnect from 10.0.0.{0}: 11: Bye Bye [preauth]",
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.{0}  user=root",
    "Server listening on 10.0.0.{0} port 22.",
]


def lines(n: int = 60) -> list[str]:
    out = []
    for k in range(n):
        message = MESSAGES[k % len(MESSAGES)].format(k % 7 + 1, 40_000 + k)
        out.append(f"Dec {28 + k // 20} 06:{k % 60:02d}:46 web1 sshd[{24000 + k}]: {message}")
    return out


def test_lines_become_columns(tmp_path: Path) -> None:
    file = tmp_path / "auth.log"
    file.write_text("\n".join(lines()) + "\n")
    data = read(file)
    assert data.origin["format"] == "syslog"
    assert data.table["event"].texts()[1] == "Failed password for <user> from <address> port <port> ssh2"
    assert data.table["port"].values[1] == 40_001
    assert list(data.table["user"].texts()[:2]) == ["bob", "root"]
    assert data.table["address"].texts()[3] == "10.0.0.4"
    assert data.table["pid"].values[5] == 24_005


@pytest.mark.parametrize("form", ["classic", "iso", "rfc5424"])
def test_forms(tmp_path: Path, form: str) -> None:
    stamp = {
        "classic": "Jan  5 10:00:0{}",
        "iso": "2024-01-05T10:00:0{}.5+01:00",
        "rfc5424": "<34>1 2024-01-05T10:00:0{}Z",
    }
    middle = "web1 app 77 ID1 - " if form == "rfc5424" else "web1 app[77]: "
    file = tmp_path / "a.log"
    file.write_text("".join(f"{stamp[form].format(k)} {middle}job {k} done\n" for k in range(9)))
    data = read(file)
    assert set(data.table["event"].texts()) == {"job <number> done"}
    assert set(data.table["pid"].values) == {77}
    assert data.table["time"].values[8].astype("M8[s]").item().second == 8


def test_a_log_is_written_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "auth.log"
    file.write_text("\n".join(lines()) + "\n")
    data = read(file)
    write(data, tmp_path / "out.log")
    assert sorted((tmp_path / "out.log").read_text().splitlines()) == sorted(lines())


def test_new_year_and_steps_back(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    when = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Jan  1 00:00:00", "Feb 30 00:00:00"]
    file.write_text("".join(f"{t} h p[1]: hello {k}\n" for k, t in enumerate(when)))
    data = read(file)
    years = data.table["time"].values[:3].astype("M8[Y]").astype(int) + 1970
    assert list(years) == [2000, 2001, 2001]
    assert data.table["time"].missing.tolist() == [False, False, False, True]
    assert any("steps back at 1" in n for n in data.notes)


def test_damaged_lines_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    file.write_text("\n".join([*lines(40), "Dec 29 06:", "\x00\x01 nothing"]))
    data = read(file)
    assert len(data.table) == 40
    assert any("2 lines are not" in n for n in data.notes)


def test_what_is_no_log_is_left_to_others(tmp_path: Path) -> None:
    assert not is_syslog(b"a,b\n1,2\n")
    assert not is_syslog(b"")
    file = tmp_path / "a.log"
    file.write_text("Dec 10\n")
    with pytest.raises(InputError):
        read(file)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(blacklist_characters="<\n\r", blacklist_categories=("Cs",)), max_size=80))
def test_messages_come_back(text: str) -> None:
    for message in (text, f"Failed password for {text} from 10.0.0.1 port 22", f"user={text} 007 1.2.3.4:5"):
        assert filled(*split(message)) == message


def test_a_log_grows_and_is_a_log_again(tmp_path: Path) -> None:
    file = tmp_path / "auth.log"
    file.write_text("\n".join(lines(300)[:230]) + "\n")
    model = seedstock.fit(file)
    seedstock.sample(model, 100, output=tmp_path / "out.log")
    made = (tmp_path / "out.log").read_text()
    assert is_syslog(made.encode())
    assert made.count("\n") == 100
    assert "<" not in made
    again = read(tmp_path / "out.log")
    assert set(again.table["event"].texts()) <= set(read(file).table["event"].texts())


def test_users_and_hosts_are_found_where_they_are_said() -> None:
    assert split("Invalid user  0101 from 10.0.0.9")[0] == "Invalid user <user> from <address>"
    assert split("Failed none for invalid user  0101 from 10.0.0.9")[1]["user"] == " 0101"
    assert split("Invalid user  from 10.0.0.9") == ("Invalid user  from <address>", {"address": "10.0.0.9"})
    assert split("ruser= rhost=5.9.dsl.isp.qq  user=bob")[0] == "ruser= rhost=<name>  user=<user>"
    assert split("loaded lib.so.qq") == ("loaded lib.so.qq", {})


def test_lines_of_one_process_share_what_one_of_them_tells(tmp_path: Path) -> None:
    said = [
        ("06:00:00", 7, "check pass; user unknown"),
        ("06:00:00", 8, "check pass; user unknown"),
        ("06:00:01", 7, "Failed password for bob from 10.0.0.9 port 4000 ssh2"),
        ("06:00:02", 7, "Connection closed by 10.0.0.9 [preauth]"),
        ("09:00:00", 7, "check pass; user unknown"),  # another process of that number
    ]
    text = "".join(f"Dec 10 {time} web1 sshd[{pid}]: {message}\n" for time, pid, message in said)
    (tmp_path / "auth.log").write_text(text)
    data = read(tmp_path / "auth.log")
    assert data.table["user"].texts().tolist() == ["bob", None, "bob", "bob", None]
    assert data.table["port"].missing.tolist() == [False, True, False, False, True]
    write(data, tmp_path / "out.log")
    assert (tmp_path / "out.log").read_text() == text


def test_lines_of_several_blocks_are_in_the_order_of_time(tmp_path: Path) -> None:
    file = tmp_path / "auth.log"
    file.write_text("\n".join(lines()) + "\n")
    data = read(file)
    with Writer(tmp_path / "out.log", data.columns) as writer:
        writer.append(data.take(slice(30, 60)))
        writer.append(data.take(slice(0, 30)))
    key = lambda line: line[:15]  # noqa: E731
    made = (tmp_path / "out.log").read_text().splitlines()
    assert [key(line) for line in made] == sorted(map(key, lines()))


@pytest.mark.shared
@pytest.mark.skipif(not REAL.exists(), reason="needs ../shared/data/logs")
def test_events_agree_with_those_of_loghub(tmp_path: Path) -> None:
    raw = (REAL / "OpenSSH_2k.log").read_bytes().decode()
    with (REAL / "OpenSSH_2k.log_structured.csv").open(newline="") as file:
        truth = [row["EventTemplate"] for row in csv.DictReader(file)]
    data = read(REAL / "OpenSSH_2k.log")
    events = data.table["event"].texts().tolist()
    groups: dict[str, set[str]] = {}
    for event, known in zip(events, truth, strict=True):
        groups.setdefault(event, set()).add(known)
    assert np.mean([len(groups[e]) == 1 for e in events]) > 0.99, "no event mixes two of theirs"
    assert len({e.replace("rhost=<name>", "rhost=<address>") for e in groups}) <= len(set(truth))
    write(data, tmp_path / "out.log")
    assert sorted((tmp_path / "out.log").read_text().splitlines()) == sorted(raw.splitlines())
