"""Zeek logs: read, cut, mixed, escaped, written back, and never anything but a plain error."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seedstock
from seedstock.core.errors import InputError, SeedstockError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources.write import write

HEAD = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
FIELDS = "#fields\tts\tuid\tid.orig_h\tid.orig_p\tduration\tlocal\tnote\n"
TYPES = "#types\ttime\tstring\taddr\tport\tinterval\tbool\tstring\n"


def log(*rows: str, head: str = HEAD + FIELDS + TYPES) -> str:
    return head + "".join(r + "\n" for r in rows)


def line(k: int, note: str = "ok") -> str:
    return f"{1_600_000_000 + k}.{k % 1_000_000:06d}\tC{k:05d}\t10.0.0.{k % 250}\t{1024 + k}\t0.{k % 9 + 1}\tT\t{note}"


def read(path: Path, text: str, name: str = "conn.log") -> Dataset:
    (path / name).write_text(text, "utf-8")
    return seedstock.read(path / name)


def test_types_are_those_of_the_header(tmp_path: Path) -> None:
    text = log(line(1), "1600000000.000001\tC2\t::1\t-\t-\tF\t(empty)", *(line(k) for k in range(3, 30)))
    data = read(tmp_path, text)
    kinds = {c: s.kind for c, s in data.columns.columns.items()}
    assert kinds["ts"] == "datetime"
    assert kinds["local"] == "boolean"
    assert data.table["ts"].values[1] == np.datetime64("2020-09-13T12:26:40.000001")
    assert data.table["id.orig_p"].missing.tolist()[:2] == [False, True]
    assert data.table["note"].texts()[1] == "" or data.table["note"].missing[1]


def test_escapes_are_undone(tmp_path: Path) -> None:
    data = read(tmp_path, log(*(line(k, f"a\\x09b\\x5c{k % 3}") for k in range(20))))
    assert data.table["note"].texts()[1] == "a\tb\\1"


def test_a_log_cut_in_mid_line_gives_its_whole_lines(tmp_path: Path) -> None:
    data = read(tmp_path, log(*(line(k) for k in range(20)))[:-25])
    assert len(data.table) == 19
    assert any("1 lines of the log" in note for note in data.notes)


def test_a_header_that_changes_is_followed(tmp_path: Path) -> None:
    second = "#fields\tts\tuid\textra\n#types\ttime\tstring\tcount\n"
    text = log(*(line(k) for k in range(10))) + second + "".join(f"1600000100.5\tD{k}\t{k}\n" for k in range(5))
    data = read(tmp_path, text)
    assert len(data.table) == 15
    assert data.table["extra"].missing.sum() == 10
    assert data.table["note"].missing.sum() == 5
    assert any("changes 1 times" in note for note in data.notes)


def test_cells_of_another_type_are_missing_and_told(tmp_path: Path) -> None:
    bad = line(3).replace("\t1027\t", "\tsoon\t")
    data = read(tmp_path, log(*(line(k) for k in range(10)), bad))
    assert data.table["id.orig_p"].missing.tolist() == [False] * 10 + [True]
    assert any("'id.orig_p'" in note for note in data.notes)


@pytest.mark.parametrize(
    ("text", "words"),
    [(HEAD, "no #fields line"), (HEAD + "1\t2\n", "before its #fields"), (HEAD + "#fields\ta\ta\n", "twice")],
    ids=["no fields", "rows first", "twice"],
)
def test_a_log_without_its_header_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(tmp_path, text)


def test_json_logs_have_times_too(tmp_path: Path) -> None:
    rows = [f'{{"ts":{1_600_000_000 + k}.25,"uid":"C{k}","proto":"udp"}}' for k in range(20)]
    data = read(tmp_path, "\n".join(rows), "dns.log")
    assert data.columns["ts"].kind == "datetime"
    assert data.table["ts"].values[0] == np.datetime64("2020-09-13T12:26:40.250000")


def test_a_folder_of_logs_is_linked_by_connection(tmp_path: Path) -> None:
    (tmp_path / "conn.log").write_text(log(*(line(k) for k in range(40))))
    dns = [f'{{"ts":{1_600_000_000 + k}.5,"uid":"C{k:05d}","query":"q{k % 3}.example"}}' for k in range(0, 40, 2)]
    dns.append('{"ts":1600000000.5,"uid":"CLOST","query":"q"}')
    (tmp_path / "dns.log").write_text("\n".join(dns))
    far = [f'{{"ts":{k}.5,"uid":"X{k}","helo":"h"}}' for k in range(5)]
    (tmp_path / "smtp.log").write_text("\n".join(far))
    data = seedstock.read(tmp_path)
    assert [(x.child, x.parent, x.column) for x in data.schema.links] == [("dns", "conn", "uid")]
    assert len(data.tables["dns"]) == 20
    assert any("'smtp' 0%" in note for note in data.notes)
    assert any("left out" in note for note in data.notes)


CELLS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(CELLS, min_size=1, max_size=6), ticks=st.integers(-(10**14), 10**15), x=st.floats(-1e9, 1e9))
def test_what_is_written_reads_back_the_same(tmp_path: Path, texts: list[str], ticks: int, x: float) -> None:
    from seedstock.sources.zeek import read_zeek

    n = len(texts)
    table = Table(
        {
            "ts": Column.of(np.full(n, ticks, "M8[us]")), "note": Column.of_texts(texts),
            "id.orig_p": Column.of(np.arange(n), np.arange(n) % 2 == 1), "x": Column.of(np.full(n, round(x, 6))),
            "ok": Column.of(np.arange(n) % 2 == 0),
        }
    )  # fmt: skip
    kinds = {"ts": "datetime", "note": "category", "id.orig_p": "number", "x": "number", "ok": "boolean"}
    types = {"ts": "datetime[us]", "note": "string", "id.orig_p": "int64", "x": "float64", "ok": "bool"}
    schema = TableSchema({c: ColumnSchema(kinds[c], dtype=types[c]) for c in table})  # type: ignore[arg-type]
    write(Dataset({"t": table}, Schema({"t": schema})), tmp_path / "x.log")
    raw = read_zeek(tmp_path / "x.log", "it").columns
    assert raw["note"].column.texts().tolist() == texts
    assert raw["ts"].column.values[0] == np.datetime64(ticks, "us")
    assert raw["id.orig_p"].column.missing.tolist() == table["id.orig_p"].missing.tolist()
    assert np.allclose(raw["x"].column.values, round(x, 6), atol=1e-9)
    assert raw["ok"].column.values.tolist() == table["ok"].values.tolist()


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 900), noise=st.binary(max_size=20))
def test_broken_logs_give_rows_or_a_plain_error(tmp_path: Path, cut: int, noise: bytes) -> None:
    whole = log(*(line(k) for k in range(12))).encode()
    (tmp_path / "conn.log").write_bytes(whole[:cut] + noise + whole[cut + len(noise) :])
    told = ""
    try:
        seedstock.read(tmp_path / "conn.log")
    except SeedstockError as error:
        told = str(error)
    assert "\n" not in told


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_hashes_of_addresses_are_left_out(tmp_path: Path, form: str) -> None:
    rows = [{"ts": 1.5 + k, "id.orig_h": f"10.0.0.{k}", "community_id": f"1:hash{k % 3}"} for k in range(1, 30)]
    if form == "json":
        text = "".join(json.dumps(r) + "\n" for r in rows)
    else:
        head = HEAD + "#fields\tts\tid.orig_h\tcommunity_id\n#types\ttime\taddr\tstring\n"
        text = head + "".join("\t".join(map(str, r.values())) + "\n" for r in rows)
    data = read(tmp_path, text)
    assert data.table.names == ["ts", "id.orig_h"]
    assert any("'community_id'" in note for note in data.notes)


def test_json_lines_that_are_broken_cost_themselves(tmp_path: Path) -> None:
    rows = [json.dumps({"ts": 1_600_000_000 + k * k, "uid": f"C{k}", "note": "ok"}) for k in range(30)]
    data = read(tmp_path, "\n".join([*rows[:10], "no json", *rows[10:], "[1]", rows[0][:20]]), "dns.log")
    assert len(data.table) == 30
    assert any("3 lines of the log are no JSON objects" in note for note in data.notes)
    with pytest.raises(InputError, match="JSON"):
        read(tmp_path, '{"ts":1\n{"ts":2\n', "http.log")


def test_a_file_that_is_no_log_costs_itself_and_not_its_folder(tmp_path: Path) -> None:
    read(tmp_path, log(*(line(k) for k in range(30))))
    (tmp_path / "weird.log").write_bytes(b"\x00\x01 no log")
    data = seedstock.read(tmp_path)
    assert set(data.tables) == {"conn"}
    assert any("weird.log" in note and "left out" in note for note in data.notes)
