"""The register on a server: against a real one of its own, where PostgreSQL is installed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from seedstock import cli
from seedstock.core.errors import InputError, ResourceError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.postgres import PostgresRegister, _parsed
from seedstock.provenance.register import open_register, register
from seedstock.provenance.trace import trace

pg8000 = pytest.importorskip("pg8000")


def program(name: str) -> str | None:
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    return str(places[0]) if places else shutil.which(name)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start a server of our own in a folder of its own; the URL without the database."""
    initdb, postgres = program("initdb"), program("postgres")
    if initdb is None or postgres is None:
        pytest.skip("PostgreSQL is not installed")
    as_user: list[str] = []
    folder = Path(tempfile.mkdtemp(prefix="seedstock-pg-"))
    if os.geteuid() == 0:
        if subprocess.run(["id", "postgres"], capture_output=True).returncode or shutil.which("runuser") is None:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    data = str(folder / "data")
    make = [*as_user, initdb, "-D", data, "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8"]
    subprocess.run(make, check=True, capture_output=True)
    listen = ["-c", "listen_addresses=127.0.0.1", "-k", str(folder), "-p", str(port), "-F"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([*as_user, postgres, "-D", data, *listen], stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                pg8000.connect(user="tester", host="127.0.0.1", port=port, database="postgres").close()
                break
            except (pg8000.exceptions.InterfaceError, pg8000.exceptions.DatabaseError):
                time.sleep(0.05)
        yield f"postgresql://tester@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def url(server: str, home: Path, request: pytest.FixtureRequest) -> str:
    """A new database."""
    name = f"t{abs(hash(request.node.name)) % 10**9}"
    settings, _ = _parsed(f"{server}/postgres")
    db = pg8000.connect(**settings)
    db.autocommit = True
    db.cursor().execute(f"CREATE DATABASE {name}")
    db.close()
    return f"{server}/{name}"


def numbers(n: int, seed: int = 0) -> Dataset:
    g = np.random.default_rng(seed)
    names = "abcdef"
    schema = Schema({"data": TableSchema({c: ColumnSchema("number", dtype="float64") for c in names})})
    return Dataset({"data": Table({c: Column.of(g.normal(size=n)) for c in names})}, schema, {"declared": "real"})


def execute(url: str, text: str, *values: object) -> list:
    db = pg8000.dbapi.connect(**_parsed(url)[0])
    cursor = db.cursor()
    cursor.execute(text, values)
    found = list(cursor.fetchall()) if cursor.description else []
    db.commit()
    db.close()
    return found


def test_remembers_traces_and_forgets(url, home):
    first = register(numbers(300), "one", url)
    assert first["register"] == url.replace("tester@", "")
    assert register(numbers(300), "one", url) == first
    register(numbers(200, 5), "two", url, role="test")
    assert [(e.name, e.rows, e.role, e.generation) for e in open_register(url).entries()] == [
        ("one", 300, "data", 0),
        ("two", 200, "test", 0),
    ]
    found = trace(numbers(300).take(slice(0, 50)), register=url)["overlaps"]
    assert [(o["name"], o["exact_rows"]) for o in found] == [("one", 50)]
    assert trace(numbers(100, 9), register=url)["overlaps"] == []
    # Another machine has the key file, and no sketches yet.
    for folder in (home / "registers").glob("*.sketches"):
        shutil.rmtree(folder)
    assert trace(numbers(200, 5), register=url)["overlaps"][0]["direction"] == "the same rows as two"
    assert open_register(url).remove("one") == 1
    assert [e.name for e in open_register(url).entries()] == ["two"]
    assert execute(url, "SELECT count(DISTINCT dataset) FROM seedstock_sketch") == [[1]]


def test_a_damaged_copy_is_fetched_again(url, home):
    register(numbers(300), "one", url)
    (file,) = (home / "registers").glob("*.sketches/*.sketch")
    file.write_bytes(file.read_bytes()[:-100])
    assert trace(numbers(300), register=url)["overlaps"][0]["exact_rows"] == 300
    execute(url, "DELETE FROM seedstock_sketch")
    file.write_bytes(b"")
    found = trace(numbers(300), register=url)
    assert found["overlaps"] == []
    assert any("'one' could not be compared" in n for n in found["notes"])


ADD = """
import sys
import numpy as np
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.register import open_register

for k in map(int, sys.argv[2:]):
    g = np.random.default_rng(k)
    table = Table({c: Column.of(g.normal(size=100)) for c in "abcdef"})
    schema = TableSchema({c: ColumnSchema("number", dtype="float64") for c in "abcdef"})
    open_register(sys.argv[1]).add(Dataset({"data": table}, Schema({"data": schema}), {"declared": "real"}), f"set {k}")
"""


def test_writers_at_once_lose_nothing(url):
    """Three processes make the tables, and write other and equal sets."""
    assert open_register(url).key
    parts = [["0", "1", "2", "9"], ["3", "4", "5", "9"], ["6", "7", "8", "9"]]
    started = [subprocess.Popen([sys.executable, "-c", ADD, url, *p]) for p in parts]
    assert [p.wait(120) for p in started] == [0] * 3
    own = open_register(url)
    assert sorted(e.name for e in own.entries()) == [f"set {k}" for k in range(10)]
    for e in own.entries():
        own.sketch(e)


def test_a_killed_writer_leaves_nothing_half_done(url, home):
    register(numbers(50), "a", url)
    rng = np.random.default_rng(0)
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", ADD, url, *map(str, range(60))])
        time.sleep(0.9 + rng.random())
        process.kill()
        assert process.wait(30) != 0
    own = open_register(url)
    for e in own.entries():
        for folder in (home / "registers").glob("*.sketches"):
            shutil.rmtree(folder)
        assert own.sketch(e).meta["n_rows"] == e.rows
    register(numbers(70, 3), "b", url)
    assert {"a", "b"} <= {e.name for e in own.entries()}


def test_what_is_wrong_is_said(url, home, monkeypatch, tmp_path):
    register(numbers(50), "a", url)
    monkeypatch.setenv("SEEDSTOCK_HOME", str(tmp_path / "another"))
    with pytest.raises(InputError, match=r"was made with the key .*copy its key file to"):
        register(numbers(60), "b", url)
    monkeypatch.setenv("SEEDSTOCK_HOME", str(home))
    execute(url, "UPDATE seedstock_register SET version = 99")
    with pytest.raises(InputError, match="update Seedstock"):
        open_register(url).entries()
    with pytest.raises(ResourceError, match="does not exist"):
        open_register(url + "nowhere").entries()
    with pytest.raises(ResourceError, match="cannot be reached"):
        open_register("postgresql://x:secret@127.0.0.1:1/db").entries()


def test_through_the_command_line(url, tmp_path, capfd):
    rows = numbers(100).table
    lines = [",".join(rows.names)] + [
        ",".join(map(repr, r)) for r in zip(*(rows[c].values.tolist() for c in rows), strict=True)
    ]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    assert cli.run(["register", str(tmp_path / "t.csv"), "--register", url, "--role", "train"]) == 0
    capfd.readouterr()
    assert cli.run(["trace", str(tmp_path / "t.csv"), "--register", url, "--role", "test", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["overlaps"][0]["exact_rows"] == 100
    assert any("this test set shares rows" in n for n in found["notes"])


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        ("postgresql://host/", "no database"),
        ("postgresql://u@host", "no database"),
        ("postgresql://u@host:99999999/d", "cannot be read"),
        ("postgresql://u@host/d?sslmode=maybe", "sslmode must be"),
        ("postgresql://u@host/d?password=1", "not 'password'"),
    ],
)
def test_urls_that_say_too_little_or_too_much(bad, word):
    with pytest.raises(InputError, match=word):
        PostgresRegister(bad)


def test_a_url_keeps_its_password():
    settings, where = _parsed("postgresql://me:p%40ss@db.example:5433/lab?sslmode=verify-full")
    assert settings["password"] == "p@ss"
    assert settings["ssl_context"].check_hostname
    assert where == "postgresql://db.example:5433/lab"
    settings, where = _parsed("postgres://me@/lab?host=/run/pg")
    assert settings["unix_sock"] == "/run/pg/.s.PGSQL.5432"
