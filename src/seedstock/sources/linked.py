"""Several linked tables: an SQLite file, a log of events, a folder of table files, or frames -> `Dataset`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError
from seedstock.core.links import NULL, ORPHAN, family, parent_rows
from seedstock.core.schema import Link, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources._raw import RawTable
from seedstock.sources.find_links import find_links
from seedstock.sources.open import open_file
from seedstock.sources.read import read
from seedstock.sources.sqlite import is_sqlite, read_sqlite
from seedstock.sources.suricata import KEY as FLOW
from seedstock.sources.suricata import PARENT as PARENT_FLOW
from seedstock.sources.suricata import is_eve_file, read_eve
from seedstock.sources.zeek import KEY, PARENT, links_of

SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".jsonl", ".ndjson", ".arrow", ".feather", ".log")
ORPHANS = ("drop", "keep")
SCHEMA_FILE = "schema.json"


def is_linked(source: Any) -> bool:
    """Tell whether a source holds several tables: SQLite, eve.json, a folder of table files, a mapping of frames.

    >>> is_linked({"a": {"x": np.arange(2)}, "b": {"y": np.arange(2)}}), is_linked({"x": np.arange(2)})
    (True, False)
    """
    if isinstance(source, Mapping):
        return bool(source) and all(_is_frame(v) for v in source.values())
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    try:
        if path.is_dir():
            return bool(_files(path))
        return path.is_file() and (is_sqlite(path) or is_eve_file(path))
    except (OSError, ValueError):
        return False


def read_linked(
    source: Any,
    schema: Any = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
) -> Dataset:
    """Read linked tables.

    Parameters
    ----------
    source : path or mapping of str to frame
        An SQLite file (links are its foreign keys), a folder (each table file is a table), or frames by name.
    schema : path, mapping, Schema or None
        ``links`` (each with child, column, parent, key), ``tables`` (name -> columns as in a schema file), and
        ``orphans``: ``drop`` leaves rows out whose parent is missing, ``keep`` keeps them without that parent.
        Where a source declares no links and none are given, they are found by names, uniqueness and inclusion.
    kinds, roles : mapping or None
        ``TABLE.COLUMN`` -> kind or role.

    Raises
    ------
    InputError
        No links, duplicate keys in a parent, or links to what is not there.
    """
    if schema is None and isinstance(source, str | os.PathLike) and (Path(source) / SCHEMA_FILE).is_file():
        schema = Path(source) / SCHEMA_FILE  # a folder that Seedstock wrote
    said = _said(schema)
    full = schema if isinstance(schema, Schema) else None
    raw, links, keys, notes, origin = _sources(source)
    tables: dict[str, Table] = {}
    schemas: dict[str, TableSchema] = {}
    for name, part in raw.items():
        own: Any = full.tables.get(name) if full else ({"columns": said["tables"].get(name, {})} if schema else None)
        one = read(part, own, None, _of(kinds, name), _of(roles, name), name)
        tables[name], schemas[name] = one.table, one.columns
        notes += [f"Table {name!r}: {note}" for note in one.notes]
    _known(kinds, roles, tables)
    given = full.links if full else tuple(said["links"])
    links = list(given) or links or find_links(tables, schemas, notes)
    for link in links:
        _check(link, tables)
    for name, columns in keys.items():
        for column in columns if len(columns) == 1 else ():
            if column in schemas[name].columns:
                schemas[name] = _as_key(schemas[name], column, "key")
    for link in links:
        schemas[link.parent] = _as_key(schemas[link.parent], link.key, "key")
        schemas[link.child] = _as_key(schemas[link.child], link.column, "foreign_key")
        _whole(tables, schemas, link)
    data = Dataset(tables, Schema(schemas, tuple(links)), origin, tuple(notes))
    for link in links:
        _unique(data, link)
    origin = {**origin, "rows": sum(len(t) for t in tables.values()), "tables": {n: len(t) for n, t in tables.items()}}
    return without_orphans(replace(data, origin=origin), said["orphans"])


def without_orphans(data: Dataset, policy: str = "drop") -> Dataset:
    """Return the data with rows whose parent is missing left out, or kept without that parent; both are noted."""
    if not data.schema.links:
        return data
    for table in family(data).order:
        for link in [x for x in data.schema.links if x.child == table]:
            parents = parent_rows(data, link)
            lost = parents == ORPHAN
            if not lost.any():
                continue
            old = data.tables[table]
            example = old[link.column].take(np.flatnonzero(lost)[:1])
            shown = example.texts()[0] if example.is_text else example.values[0]
            what = f"{int(lost.sum()):,} of {len(old):,} rows of {table!r} point by {link.column!r} to no row of "
            what += f"{link.parent!r} (such as {str(shown)[:40]!r})"
            if policy == "keep":
                column = old[link.column]
                new = old.assign({link.column: Column(column.values, column.missing | lost, column.levels)})
                note = f"{what}: kept, without that parent."
            else:
                new, note = old.take(~lost), f"{what}: left out."
            if not len(new):
                raise InputError(f"no row of {table!r} points to a row of {link.parent!r} by {link.column!r}; "
                                 f"check the link, or leave it out of the schema")  # fmt: skip
            data = replace(data, tables={**data.tables, table: new}, notes=(*data.notes, note))
    return data


def _sources(source: Any) -> tuple[dict[str, Any], list[Link], dict[str, list[str]], list[str], dict[str, Any]]:
    if isinstance(source, Mapping):
        return dict(source), [], {}, [], {"name": " + ".join(map(str, source)), "flavour": _flavour(source)}
    path = Path(source)
    if path.is_dir():
        files = _files(path)
        origin = {"path": path.name, "format": "folder", "sha256": _digest(files)}
        named: dict[str, Any] = {f.name.split(".")[0]: f for f in files}
        if not any(f.suffix.lower() == ".log" for f in files):
            return named, [], {}, [], origin
        logs, unread = _logs(named)
        links, notes = links_of(logs)
        notes = [*unread, *notes]
        return dict(logs), links, {PARENT: [KEY]} if links else {}, notes, {**origin, "format": "folder of logs"}
    if is_eve_file(path):
        logs, links, notes = read_eve(path, repr(path.name))
        origin = {"path": path.name, "format": "eve", "bytes": path.stat().st_size, "sha256": _digest([path])}
        return dict(logs), links, {PARENT_FLOW: [FLOW]} if links else {}, notes, origin
    raw, links, keys, notes = read_sqlite(path)
    origin = {"path": path.name, "format": "sqlite", "bytes": path.stat().st_size, "sha256": _digest([path])}
    parts: dict[str, RawTable] = raw
    return dict(parts), links, keys, notes, origin


def _logs(files: Mapping[str, Path]) -> tuple[dict[str, RawTable], list[str]]:
    """Return the logs of a folder that can be read, and a note for each that cannot."""
    logs, notes = {}, []
    for name, file in files.items():
        try:
            logs[name] = open_file(file)
        except InputError as error:
            notes.append(f"{error}: left out.")
    if not logs:
        raise InputError(notes[0].removesuffix(": left out."))
    return logs, notes


def _files(folder: Path) -> list[Path]:
    """Return the table files of a folder, one a table, in order of name; none where a name would stand twice."""
    found = sorted(f for f in folder.iterdir() if f.is_file() and f.suffix.lower() in SUFFIXES and f.name[0] != ".")
    stems = [f.name.split(".")[0] for f in found]
    if len(set(stems)) < len(stems):
        twice = next(s for s in stems if stems.count(s) > 1)
        raise InputError(f"the folder {folder.name!r} holds two tables called {twice!r}; keep one of the files")
    return found


def _digest(files: Sequence[Path]) -> str:
    hasher = hashlib.sha256()
    for path in files:
        if len(files) > 1:
            hasher.update(path.name.encode("utf-8", "replace") + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(2**20):
                hasher.update(chunk)
    return hasher.hexdigest()


def _is_frame(value: Any) -> bool:
    return isinstance(value, Mapping | Table | Dataset) or hasattr(value, "columns") or isinstance(value, Path)


def _flavour(frames: Mapping[str, Any]) -> str:
    module = type(next(iter(frames.values()))).__module__.split(".")[0]
    return {"pandas": "pandas", "polars": "polars", "pyarrow": "arrow"}.get(module, "pandas")


def _said(schema: Any) -> dict[str, Any]:
    out: dict[str, Any] = {"tables": {}, "links": [], "orphans": "drop"}
    if schema is None or isinstance(schema, Schema):
        return out
    from seedstock.sources.schema_file import load

    value = schema if isinstance(schema, Mapping) else load(schema)
    if odd := sorted(set(value) - {"tables", "links", "orphans", "rules"}):
        raise InputError(f"the schema of linked tables has an unknown key {odd[0]!r}; there are tables, links, orphans")
    if value.get("orphans", "drop") not in ORPHANS:
        raise InputError(f"orphans must be one of {', '.join(ORPHANS)}, not {value['orphans']!r}")
    try:
        links = [Link(**{k: str(v) for k, v in link.items()}) for link in value.get("links", ())]
        tables = {str(t): dict(columns) for t, columns in value.get("tables", {}).items()}
    except (TypeError, AttributeError, ValueError):
        raise InputError(
            "each of the schema's links must have child, column, parent and key; write [[links]]"
        ) from None
    return {"tables": tables, "links": links, "orphans": value.get("orphans", "drop")}


def _of(said: Mapping[str, Any] | None, table: str) -> dict[str, Any]:
    return {k.removeprefix(f"{table}."): v for k, v in (said or {}).items() if k.startswith(f"{table}.")}


def _known(kinds: Mapping[str, Any] | None, roles: Mapping[str, Any] | None, tables: Mapping[str, Table]) -> None:
    for name in (*(kinds or {}), *(roles or {})):
        if name.split(".")[0] not in tables:
            raise InputError(f"a column of linked tables is called TABLE.COLUMN, and there is no table for {name!r}; "
                             f"there are {', '.join(tables)}")  # fmt: skip


def _check(link: Link, tables: Mapping[str, Table]) -> None:
    for table, column in ((link.child, link.column), (link.parent, link.key)):
        if table not in tables:
            raise InputError(f"a link names the table {table!r}, which is not there; there are {', '.join(tables)}")
        if column not in tables[table]:
            raise InputError(f"a link names {table}.{column}; {table!r} has {', '.join(tables[table].names[:12])}")


def _as_key(schema: TableSchema, column: str, role: Any) -> TableSchema:
    roles = tuple(dict.fromkeys((*(r for r in schema[column].roles if r in ("key", "foreign_key")), role)))
    if schema[column].kind == "id" and role == "foreign_key" and schema[column].roles == ("key",):
        roles = ("foreign_key",)  # distinct by chance
    return schema.replace_column(column, kind="id", roles=roles)


def _whole(tables: dict[str, Table], schemas: dict[str, TableSchema], link: Link) -> None:
    """Make both ends of a link whole numbers where one came as floats, as frames have keys with empty cells."""
    for table, name in ((link.child, link.column), (link.parent, link.key)):
        column = tables[table][name]
        if column.values.dtype.kind != "f":
            continue
        values = np.where(column.missing, 0.0, column.values)
        if (values == np.round(values)).all() and np.abs(values).max(initial=0) < 2**53:
            tables[table] = tables[table].assign({name: Column(values.astype(np.int64), column.missing)})
            schemas[table] = schemas[table].replace_column(name, dtype="int64", decimals=0)


def _unique(data: Dataset, link: Link) -> None:
    key = data.tables[link.parent][link.key]
    here = key.values[~key.missing]
    values, counts = np.unique(here, return_counts=True)
    if (counts > 1).any():
        twice = values[counts > 1][0]
        shown = key.levels[twice] if key.levels is not None else twice
        raise InputError(
            f"{int((counts > 1).sum()):,} keys of {link.parent}.{link.key} stand in several rows (such as "
            f"{str(shown)[:40]!r}), so a row of {link.child!r} cannot know its parent; remove the repeated rows"
        )
    if (parent_rows(data, link) == NULL).all():
        raise InputError(f"{link.child}.{link.column} is always empty; leave the link out of the schema")


def tables_of(data: Dataset) -> Iterator[tuple[str, Dataset]]:
    """Yield each table as a data set of its own."""
    for name, table in data.tables.items():
        yield name, Dataset({name: table}, Schema({name: data.schema.tables[name]}), data.origin)
