"""Columns of a SQLite table stay beside each other, whatever indexes there are."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from seedstock.api.reading import read

MADE = {
    "text key": "CREATE TABLE t (name TEXT PRIMARY KEY, number INTEGER, other REAL)",
    "index": "CREATE TABLE t (name TEXT, number INTEGER, other REAL); CREATE INDEX by_number ON t (number)",
    "without rowid": "CREATE TABLE t (name TEXT PRIMARY KEY, number INTEGER, other REAL) WITHOUT ROWID; "
    "CREATE INDEX by_number ON t (number)",
}


@pytest.mark.parametrize("how", MADE)
def test_rows_are_not_torn_apart(how: str, tmp_path: Path) -> None:
    rows = [(f"n{k * 37 % 101:03d}", k * 53 % 97, k / 4) for k in range(90)]
    con = sqlite3.connect(tmp_path / "t.sqlite")
    con.executescript(MADE[how])
    con.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    con.commit()
    con.close()
    table = read(tmp_path / "t.sqlite").table
    found = zip(table["name"].texts(), table["number"].values.tolist(), table["other"].values.tolist(), strict=True)
    assert sorted(found) == sorted(rows)
