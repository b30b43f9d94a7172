"""`read`: a file or a frame -> `Dataset`."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rapidfuzz import process

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources._raw import RawTable, relabel
from seedstock.sources.conform import conform
from seedstock.sources.infer import infer

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def read(
    source: Any,
    schema: Any = None,
    target: str | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
    name: str = "data",
) -> Dataset:
    """Read a table and find out what its columns are.

    Parameters
    ----------
    source : path, pandas, Polars or Arrow frame, mapping of arrays, Arrow stream or Dataset
        Files may be CSV, TSV, JSON lines, Parquet, Arrow/Feather or Excel; text files also with gzip.
    schema : Schema, TableSchema, path, mapping or None
        A schema object is complete and is kept to: cells that do not fit are an error. A schema file (TOML or JSON),
        or what one says, overrides what is found out and may name some columns only.
    target : str or None
        The column that gets the role ``target``.
    kinds, roles : mapping or None
        Column -> kind, and column -> role or roles, where the guess is wrong.
    name : str
        What the table is called.

    Examples
    --------
    >>> import numpy as np
    >>> read({"x": np.array([1.5, 2.0]), "y": np.array(["a", "b"])}, target="y").columns.target
    'y'
    """
    with _no_collection():
        return _read(source, schema, target, kinds, roles, name)


def _read(
    source: Any,
    schema: Any,
    target: str | None,
    kinds: Mapping[str, str] | None,
    roles: Mapping[str, Any] | None,
    name: str,
) -> Dataset:
    raw = _writable(_raw(source))
    full = _full_schema(schema)
    notes = list(raw.notes)
    columns: dict[str, Column] = {}
    schemas: dict[str, ColumnSchema] = {}
    rules: tuple[Mapping[str, Any], ...] = ()
    veto: tuple[str, ...] = ()
    if full is not None:
        rules, veto = full.rules, full.veto
        _same_names(list(raw.columns), list(full.columns))
        for c, s in full.columns.items():
            columns[c], schemas[c] = conform(raw.columns[c], s, c), s
    else:
        said = _partial(schema, kinds, roles, list(raw.columns))
        for c, kind in raw.kinds.items():
            if c in raw.columns:
                said.setdefault(c, {}).setdefault("kind", kind)
        if schema is not None:
            from seedstock.sources.schema_file import rules_of

            rules, veto = rules_of(schema)
        left = dict(raw.columns)
        raw = replace(raw, columns={})  # each column's texts are let go as soon as it is read
        for c in list(left):
            r = left.pop(c)
            columns[c], schemas[c], more = infer(r, c)
            if c in said:
                guess = schemas[c]
                if guess.kind == "id" and "order" in said[c].get("roles", ()) and not columns[c].is_text:
                    said[c].setdefault("kind", "number")  # a count of the rows may say their order
                schemas[c] = _override(guess, said[c])
                columns[c] = conform(r, schemas[c], c)
                if (schemas[c].kind, schemas[c].format) != (guess.kind, guess.format):
                    more = []  # they told of a guess that does not count
            notes += more
    if target is not None:
        _known(target, list(schemas), "target column")
        for c, s in schemas.items():
            others = tuple(x for x in s.roles if x != "target")
            schemas[c] = replace(s, roles=(*others, "target") if c == target else others)
    table = Table(columns)
    origin = {**raw.origin, "rows": len(table), "columns": len(columns)}
    return Dataset({name: table}, Schema({name: TableSchema(schemas, rules, veto)}), origin, tuple(notes))


@contextmanager
def _no_collection() -> Iterator[None]:
    """Pause the search for cyclic garbage: it would go through millions of new texts again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _raw(source: Any) -> RawTable:
    if isinstance(source, (str, os.PathLike)):
        from seedstock.sources.open import open_file

        return open_file(Path(source))
    if isinstance(source, RawTable):
        return source
    from seedstock.sources.frames import from_object

    return from_object(source)


def _writable(raw: RawTable) -> RawTable:
    """Replace what no file can hold, halves of surrogate pairs, in names and cells."""
    columns, notes = {}, []
    for name, r in raw.columns.items():
        column = r.column
        texts = [] if column.levels is None else column.levels.tolist()
        if not all(t.isascii() or not _torn(t) for t in texts):
            column = relabel(column, [_mended(t) if _torn(t) else t for t in texts])
            notes.append(f"Column {_mended(name)!r} has characters that are none; they became {REPLACEMENT!r}.")
        columns[_mended(name) if _torn(name) else name] = replace(r, column=column)
    if len(columns) < len(raw.columns):
        raise InputError("two columns' names differ in characters that are none; rename one of them")
    return replace(raw, columns=columns, notes=(*raw.notes, *notes))


def _torn(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _mended(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _full_schema(schema: Any) -> TableSchema | None:
    if isinstance(schema, Schema):
        if len(schema.tables) != 1:
            raise InputError(f"a schema of one table is needed here, and there are {len(schema.tables)}")
        return next(iter(schema.tables.values()))
    return schema if isinstance(schema, TableSchema) else None


def _partial(
    schema: Any, kinds: Mapping[str, str] | None, roles: Mapping[str, Any] | None, names: list[str]
) -> dict[str, dict[str, Any]]:
    from seedstock.sources.schema_file import columns_of

    out: dict[str, dict[str, Any]] = columns_of(schema) if schema is not None else {}
    for c, kind in (kinds or {}).items():
        out.setdefault(c, {})["kind"] = kind
    for c, role in (roles or {}).items():
        out.setdefault(c, {})["roles"] = (role,) if isinstance(role, str) else tuple(role)
    for c, said in out.items():
        _known(c, names, "column")
        if "entity" in said.get("roles", ()):
            said.setdefault("kind", "id")  # whose events they are is no value to learn
    return out


def _override(found: ColumnSchema, given: Mapping[str, Any]) -> ColumnSchema:
    """Lay what the user says over what was found; another kind needs another dtype and form, unless they are given."""
    kind = given.get("kind", found.kind)
    changes = dict(given)
    if kind != found.kind and not ({kind, found.kind} <= {"category", "text", "id", "number"}):
        changes = {"dtype": DTYPES.get(kind, found.dtype), "decimals": None, "format": None, **changes}
    elif kind == "number" and found.kind != "number" and found.dtype == "string":
        changes = {"dtype": "float64", **changes}
    return replace(found, **changes)


DTYPES = {"boolean": "bool", "datetime": "datetime[us]", "duration": "duration[us]", "number": "float64"}


def _known(name: str, names: list[str], what: str) -> None:
    if name not in names:
        near = [m[0] for m in process.extract(name, names, limit=3, score_cutoff=60, processor=str.casefold)]
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {_some(names)}"
        raise InputError(f"there is no {what} {name!r}; {hint}")


def _same_names(have: list[str], want: list[str]) -> None:
    lost, extra = [c for c in want if c not in have], [c for c in have if c not in want]
    if lost or extra:
        said = [f"{word} {_some(cs)}" for word, cs in (("lack", lost), ("have in addition", extra)) if cs]
        raise InputError(f"the data {' and '.join(said)}, compared with the schema; bring the same columns")


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
