"""SQLite files as linked tables, by the standard library; the only file that knows SQLite.

The file is untrusted: it is opened for reading only, with its triggers, views and schema functions off, and nothing but
SELECT on its tables is allowed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.schema import Link
from seedstock.core.table import Column
from seedstock.sources._raw import UNTYPED, Raw, RawTable

MAGIC = b"SQLite format 3\x00"
MAX_TABLES = 500
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_FUNCTION}
_PRAGMAS = {"table_info", "foreign_key_list"}


def is_sqlite(path: Path) -> bool:
    """Tell whether a file begins like an SQLite database."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_sqlite(path: Path) -> tuple[dict[str, RawTable], list[Link], dict[str, list[str]], list[str]]:
    """Read all tables of a database that have rows.

    Returns
    -------
    tables : dict of str to RawTable
    links : list of Link
        The foreign keys that it declares, of one column each.
    keys : dict of str to list of str
        Each table's primary key.
    notes : list of str
    """
    notes: list[str] = []
    with _open(path) as con:
        listed = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        found = con.execute(listed).fetchall()
        names = [str(n) for n, sql in found if sql and not str(sql).upper().startswith("CREATE VIRTUAL")]
        if len(names) > MAX_TABLES:
            raise InputError(f"{path.name!r} has {len(names):,} tables, more than {MAX_TABLES}; bring fewer")
        tables = {}
        for name in names:
            table = _table(con, name, notes)
            if len(table):
                tables[name] = table
            else:
                notes.append(f"Table {name!r} has no rows and was left out.")
        keys = {name: _primary_key(con, name) for name in tables}
        links = _links(con, tables, keys, notes)
    if not tables:
        raise InputError(f"{path.name!r} has no table with rows; bring a database that holds data")
    return tables, links, keys, notes


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    con = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)
    try:
        con.execute("PRAGMA trusted_schema = OFF")
        con.execute("PRAGMA query_only = ON")
        con.execute("PRAGMA cell_size_check = ON")
        if hasattr(con, "setconfig"):
            con.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
            con.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
            con.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER, False)
        con.text_factory = lambda raw: raw.decode("utf-8", "replace")
        con.set_authorizer(_authorize)
        yield con
    except sqlite3.Error as error:
        raise InputError(
            f"{path.name!r} is damaged, locked or no SQLite database ({error}); write it again with VACUUM INTO"
        ) from None
    finally:
        con.close()


def _authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_OK if first in _PRAGMAS else sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_OK if second in ("like", "typeof") else sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _table(con: sqlite3.Connection, name: str, notes: list[str]) -> RawTable:
    info = con.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
    columns: dict[str, Raw] = {}
    order = _order(con, name, [str(row[1]) for row in info])
    for _, column, declared, *_ in info:
        cells = [row[0] for row in con.execute(f"SELECT {_quoted(column)} FROM {_quoted(name)} ORDER BY {order}")]
        if any(isinstance(c, bytes) for c in cells):
            notes.append(f"Column {name}.{column} holds bytes, which are left out.")
            continue
        columns[str(column)] = _raw(cells, str(declared or "").upper())
    return RawTable(columns)


def _order(con: sqlite3.Connection, name: str, columns: list[str]) -> str:
    """Return what keeps columns beside each other: unasked, SQLite reads an indexed column in the index's order."""
    taken = {c.casefold() for c in columns}
    alias = next((a for a in ("rowid", "_rowid_", "oid") if a not in taken), None)
    try:
        con.execute(f"SELECT {alias or 'NULL.'} FROM {_quoted(name)} LIMIT 0")
    except sqlite3.OperationalError:
        return ", ".join(_quoted(c) for c in _primary_key(con, name) or columns)
    return str(alias)


def _raw(cells: list[Any], declared: str) -> Raw:
    """Return a column by what it holds: SQLite's declared types bind nobody."""
    missing = np.array([c is None for c in cells], bool)
    kinds = {type(c) for c in cells} - {type(None)}
    if "BOOL" in declared and kinds == {int} and {c for c in cells if c is not None} <= {0, 1}:
        return Raw(Column.of(np.array([bool(c) for c in cells]), missing), "bool")
    if kinds == {int}:
        return Raw(Column.of(np.array([0 if c is None else c for c in cells], np.int64), missing), "int64")
    if kinds and kinds <= {int, float}:
        return Raw(Column.of(np.array([np.nan if c is None else float(c) for c in cells]), missing), "float64")
    texts = [c if c is None or isinstance(c, str) else str(c) for c in cells]
    return Raw(Column.of_texts(texts), UNTYPED)


def _primary_key(con: sqlite3.Connection, name: str) -> list[str]:
    info = con.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
    return [str(row[1]) for row in sorted(info, key=lambda row: row[5]) if row[5]]


def _links(
    con: sqlite3.Connection, tables: dict[str, RawTable], keys: dict[str, list[str]], notes: list[str]
) -> list[Link]:
    folded = {t.casefold(): t for t in tables}
    out: list[Link] = []
    for child in tables:
        by_id: dict[int, list[tuple[str, str, str | None]]] = {}
        for number, _, parent, column, key, *_ in con.execute(f"PRAGMA foreign_key_list({_quoted(child)})"):
            by_id.setdefault(number, []).append((str(parent), str(column), key))
        for parts in by_id.values():
            named, column, key = parts[0]
            parent = folded.get(named.casefold())
            own = keys.get(parent or "", [])
            key = key or (own[0] if len(own) == 1 else None)
            if len(parts) > 1 or parent is None or key is None:
                why = "has several columns" if len(parts) > 1 else f"points to {named!r}, which has no rows or no key"
                notes.append(f"The foreign key {child}.{column} {why}; it is not kept as a link.")
                continue
            of_child = {c.casefold(): c for c in tables[child].columns}
            of_parent = {c.casefold(): c for c in tables[parent].columns}
            if column.casefold() in of_child and str(key).casefold() in of_parent:
                out.append(Link(child, of_child[column.casefold()], parent, of_parent[str(key).casefold()]))
    return out
