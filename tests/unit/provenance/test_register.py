from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from seedstock.core.errors import InputError, ResourceError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance import fingerprint as fingerprints
from seedstock.provenance import register as module
from seedstock.provenance import spill
from seedstock.provenance.fingerprint import NEAR_SHARE, WHOLE_ROWS, Fingerprint, fingerprint
from seedstock.provenance.register import VERSION, Register, register
from seedstock.provenance.sketch import Sketch, load, save
from seedstock.provenance.trace import trace


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "register.sqlite"


def numbers(n: int, seed: int = 0) -> Dataset:
    g = np.random.default_rng(seed)
    names = "abcdef"
    schema = Schema({"data": TableSchema({c: ColumnSchema("number", dtype="float64") for c in names})})
    return Dataset({"data": Table({c: Column.of(g.normal(size=n)) for c in names})}, schema, {"declared": "real"})


def test_remembers_once(path, draw_people):
    data = draw_people(300)
    first = register(data, "people", path)
    assert first["rows"] == 300
    assert first["generation"] is None
    assert register(data, "people", path) == first
    register(data, "again", path)
    assert [e.name for e in Register(path).entries()] == ["people", "again"]
    assert len(list((path.parent / "register.sqlite.sketches").iterdir())) == 2


def test_chunks_give_the_same_sketch(draw_people):
    data = draw_people(2_000)
    whole = fingerprint(data, b"key")
    parts = Fingerprint(b"key")
    for k in range(0, 2_000, 333):
        parts.add(data.table.take(slice(k, k + 333)), data.columns)
    again = parts.sketch()
    assert whole.meta == again.meta
    assert all((whole.arrays[n] == again.arrays[n]).all() for n in whole.arrays)


def test_bytes_a_row_of_a_large_table(path):
    data = numbers(2 * WHOLE_ROWS)
    entry = Register(path).add(data, "large")
    assert entry.bytes / entry.rows <= 16
    files = sum(f.stat().st_size for f in Register(path).folder.iterdir())
    assert files / entry.rows <= 16
    sketch = Register(path).sketch(entry)
    assert sketch.meta["near_share"] == NEAR_SHARE
    assert (np.diff(sketch.arrays["rows"].astype(object)) >= 0).all()


def test_holds_no_values_and_needs_its_key(path, draw_people):
    data = draw_people(200)
    Register(path).add(data, "people")
    blob = b"".join(f.read_bytes() for f in Register(path).folder.iterdir()) + path.read_bytes()
    assert b"city 1" not in blob
    assert not any(np.int64(v).tobytes() in blob for v in data.table["since"].values.astype(np.int64)[:50])
    # Without the key file the same rows are not found.
    path.with_name(path.name + ".key").unlink()
    assert trace(data, register=path)["overlaps"] == []


ADD = """
import sys
import time
import numpy as np
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.register import Register

for k in map(int, sys.argv[2:]):
    g = np.random.default_rng(k)
    table = Table({c: Column.of(g.normal(size=100)) for c in "abcdef"})
    schema = TableSchema({c: ColumnSchema("number", dtype="float64") for c in "abcdef"})
    Register(sys.argv[1]).add(Dataset({"data": table}, Schema({"data": schema}), {"declared": "real"}), f"set {k}")
"""


def test_two_processes_at_once_lose_nothing(path):
    sets = [str(k) for k in range(12)]
    started = [subprocess.Popen([sys.executable, "-c", ADD, str(path), *sets[i::4]]) for i in range(4)]
    assert [p.wait(120) for p in started] == [0] * 4
    own = Register(path)
    assert sorted(e.name for e in own.entries()) == sorted(f"set {k}" for k in range(12))
    for e in own.entries():
        own.sketch(e)
    for k in (0, 11):
        assert trace(numbers(100, k), register=path)["overlaps"][0]["name"] == f"set {k}"


def test_a_locked_register_is_said(path, monkeypatch):
    register(numbers(5), "a", path)
    monkeypatch.setattr(module, "_WAIT_SECONDS", 0.05)
    db = sqlite3.connect(path)
    db.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ResourceError, match="another process"):
        register(numbers(6), "b", path)
    db.close()
    register(numbers(6), "b", path)


def test_a_killed_run_leaves_the_register_as_it_was(path):
    register(numbers(5), "a", path)
    code = f"""
import os, sys
import seedstock.provenance.register as r
real = r.save
def stop(*a, **k):
    real(*a, **k)
    os._exit(9)
r.save = stop
import numpy as np
from seedstock.core.schema import *
from seedstock.core.table import *
s = Schema({{"data": TableSchema({{"x": ColumnSchema("number", dtype="int64")}})}})
r.register(Dataset({{"data": Table({{"x": Column.of(np.arange(9))}})}}, s), "b", {str(path)!r})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert [e.name for e in Register(path).entries()] == ["a"]
    register(numbers(6), "c", path)
    assert [e.name for e in Register(path).entries()] == ["a", "c"]


def test_a_newer_register_is_said(path):
    register(numbers(5), "a", path)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    for call in (lambda: register(numbers(6), "b", path), lambda: Register(path).entries()):
        with pytest.raises(InputError, match="update Seedstock"):
            call()


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to look like one" * 40])
def test_other_files_are_no_registers(path, content):
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"no register|empty"):
        Register(path).entries()


def test_another_programs_database(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (x)")
    db.commit()
    db.close()
    with pytest.raises(InputError, match="another program"):
        register(numbers(5), "a", path)


@pytest.mark.parametrize("damage", ["flip", "cut", "header", "gone", "newer"])
def test_a_damaged_sketch_is_said_and_the_others_are_compared(path, damage):
    own = Register(path)
    bad, good = own.add(numbers(400, 1), "bad"), own.add(numbers(400, 2), "good")
    file = own.folder / f"{bad.id}.sketch"
    raw = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    else:
        if damage == "flip":
            raw[len(raw) // 2] ^= 1
        elif damage == "header":
            raw[40] ^= 1
        elif damage == "newer":
            raw[0:4] = b"NOPE"
        file.write_bytes(raw[: len(raw) // 2] if damage == "cut" else raw)
    both = numbers(1).with_table(Table.concat([numbers(400, 1).table, numbers(400, 2).table]))
    found = trace(both, register=path)
    assert [o["name"] for o in found["overlaps"]] == ["good"]
    assert any("'bad' could not be compared" in n for n in found["notes"])
    # Registering the data again mends it.
    own.add(numbers(400, 1), "bad")
    assert {o["name"] for o in trace(both, register=path)["overlaps"]} == {"good", "bad"}
    assert good.name == "good"


def test_a_sketch_that_lies_about_its_size(tmp_path):
    file = tmp_path / "x.sketch"
    save(Sketch({}, {"rows": np.arange(10, dtype=np.uint64)}), file)
    for a, b in ((b'"shape": [10]', b'"shape": [99]'), (b'"<u8"', b'"|O8"'), (b'"offset": 0', b'"offset": -')):
        file2 = tmp_path / "y.sketch"
        file2.write_bytes(file.read_bytes().replace(a, b))
        with pytest.raises(InputError, match="damaged"):
            load(file2)


def test_settings_that_are_refused(path):
    with pytest.raises(InputError, match="role"):
        register(numbers(3), "a", path, role="holdout")
    with pytest.raises(InputError, match="name"):
        register(numbers(3), " ", path)
    with pytest.raises(InputError, match="no register"):
        trace(numbers(3), register=path)


def test_remove(path):
    register(numbers(5), "a", path)
    assert Register(path).remove("a") == 1
    assert Register(path).entries() == []
    assert not list(Register(path).folder.iterdir())


def test_no_rows(path):
    register(numbers(0), "empty", path)
    assert trace(numbers(0), register=path)["overlaps"] == []
    assert trace(numbers(5), register=path)["overlaps"] == []


def test_writers_that_are_killed_at_any_moment_lose_nothing_of_others(path):
    register(numbers(5), "a", path)
    rng = np.random.default_rng(0)
    for k in range(3):
        many = [str(100 * (k + 1) + j) for j in range(80)]
        process = subprocess.Popen([sys.executable, "-c", ADD, str(path), *many])
        time.sleep(0.5 + 0.6 * rng.random())
        process.kill()
        process.wait(30)
    own = Register(path)
    listed = own.entries()
    for e in listed:
        assert own.sketch(e).meta["n_rows"] == e.rows
    register(numbers(6), "b", path)
    assert [e.name for e in own.entries()] == [*(e.name for e in listed), "b"]


def test_many_rows_are_sorted_on_disk_to_the_same_sketch(tmp_path, monkeypatch):
    data = [numbers(10_000, k) for k in range(12)]
    monkeypatch.setattr(fingerprints, "WHOLE_ROWS", 15_000)

    def made(folder: Path | None) -> Sketch:
        finger = Fingerprint(b"key", folder=folder)
        for d in data:
            finger.add(d.table, d.columns)
        return finger.sketch()

    whole = made(None)
    monkeypatch.setattr(spill, "MOST", 20_000)
    parts = made(tmp_path)
    assert isinstance(parts.arrays["rows"], np.memmap)
    assert whole.meta == parts.meta
    assert whole.meta["near_share"] == NEAR_SHARE
    assert list(whole.arrays) == list(parts.arrays)
    assert all((whole.arrays[n] == parts.arrays[n]).all() for n in whole.arrays)
    save(parts, tmp_path / "mapped.sketch")
    save(whole, tmp_path / "held.sketch")
    assert (tmp_path / "mapped.sketch").read_bytes() == (tmp_path / "held.sketch").read_bytes()


def test_spilled_hashes_are_removed_with_an_error_too(path, monkeypatch):
    monkeypatch.setattr(spill, "MOST", 1_000)

    def broken():
        yield numbers(5_000)
        raise InputError("the source broke off")

    with pytest.raises(InputError, match="broke off"):
        Register(path).add(broken(), "x")
    assert list(Register(path).folder.iterdir()) == []
    assert Register(path).entries() == []
    Register(path).add([numbers(5_000), numbers(500, 2)], "y")
    assert [f.suffix for f in Register(path).folder.iterdir()] == [".sketch"]
