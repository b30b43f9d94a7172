"""A data set with people who do not exist in the place of the real ones.

As with addresses of machines, this is done once, before anything is checked, split or fitted: no model holds a real
value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from seedstock.core.schema import TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.network.keyed import Distinct, Keyed
from seedstock.network.mask import Masked, Secret
from seedstock.personal.made import StandIns
from seedstock.personal.types import EMAIL, kind_of
from seedstock.personal.words import PLACEHOLDERS

_ANYWHERE = re.compile(rf"(?<![\w.@%+-]){EMAIL.pattern}(?![\w@-])")
_LETTERS = ("email", "street address", "name", "first name", "last name")
FRESH = 0.95
"""Share of distinct values from which on each row has a value of its own."""


def personal_columns(data: Dataset) -> dict[str, dict[str, str]]:
    """Return table -> column -> what it holds about people; the target and keys that are plain numbers are none."""
    out: dict[str, dict[str, str]] = {}
    for name, table in data.tables.items():
        schema = data.schema.tables[name]
        kinds = {c: kind_of(table[c], schema[c], c) for c in table if "target" not in schema[c].roles}
        out[name] = {c: k for c, k in kinds.items() if k}
    return out


def mask(data: Dataset, secret: Secret, plain: bool = False) -> Masked:
    """Replace e-mail addresses, names, phones, street addresses and numbers of people, one for one.

    A value that occurs seven times becomes a stand-in that occurs seven times, in whatever column or table it stands;
    no stand-in is a value that the data hold.

    Parameters
    ----------
    secret : bytes, or callable that returns bytes and their public name
        Key of the map; without it nobody goes back. It is asked for only where there is something to replace.
    plain : bool
        Whether to do without Faker, although it is installed.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema, Schema
    >>> schema = Schema({"t": TableSchema({"mail": ColumnSchema("category")})})
    >>> data = Dataset({"t": Table({"mail": Column.of_texts(["a@x.com", "b@x.com", "a@x.com"])})}, schema)
    >>> a, b, c = mask(data, b"secret").data.table["mail"].texts()
    >>> a == c, a != b, a.split("@")[1] == b.split("@")[1], "x.com" in a
    (True, True, True, False)
    """
    kinds = personal_columns(data)
    inside = _with_emails(data, kinds)
    if not any(kinds.values()) and not inside:
        return Masked(data, {}, lambda value: value, lambda table: table)
    key, key_name = (secret, "") if isinstance(secret, bytes) else secret()
    keyed = Keyed(hashlib.blake2b(key=key[:64], person=b"seedstock-person", digest_size=32).digest())
    work = _Work(StandIns(keyed, plain))
    for name, columns in kinds.items():
        for c, kind in columns.items():
            work.learn(data.tables[name][c], kind)
    linked = {(end, column) for x in data.schema.links for end, column in ((x.child, x.column), (x.parent, x.key))}
    tables = {name: work.table(table, kinds[name]) for name, table in data.tables.items()}
    schemas = {
        name: _relearned(
            schema, tables[name], {c: k for c, k in kinds[name].items() if (name, c) not in linked}, work.value
        )
        for name, schema in data.schema.tables.items()
    }
    facts = {
        "kept": False,
        "key": key_name,
        "made_by": work.made.by,
        "columns": {t: dict(c) for t, c in kinds.items() if c},
        "distinct": {k: len(m.known) for k, m in work.maps.items()},
    }
    new = replace(
        data,
        tables=tables,
        schema=replace(data.schema, tables=schemas),
        origin=said(data.origin, facts),
        notes=(*(work.value(n) for n in data.notes), _note(facts)),
    )
    lead = next(iter(kinds))
    return Masked(new, facts, work.value, lambda table: work.table(table, kinds[lead]))


def kept(data: Dataset) -> Dataset:
    """Return data whose record says that what they hold about people was kept, by choice."""
    columns = {t: c for t, c in personal_columns(data).items() if c}
    if not columns:
        return data
    note = f"Columns about people were kept as they are, as asked ({_listed(columns)}): what is drawn may name them."
    return replace(data, origin=said(data.origin, {"kept": True, "columns": columns}), notes=(*data.notes, note))


def said(origin: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an origin that says what became of the data about people, in each of its parts."""
    out = {**origin, "personal": facts}
    if isinstance(origin.get("parts"), list):
        out["parts"] = [said(part, facts) for part in origin["parts"]]
    return out


def _listed(columns: Mapping[str, Mapping[str, str]]) -> str:
    parts = [f"{c!r}: {k}" for of in columns.values() for c, k in of.items()]
    return ", ".join(parts[:8]) + (f" and {len(parts) - 8} more" if len(parts) > 8 else "")


def _note(facts: Mapping[str, Any]) -> str:
    where = _listed(facts["columns"]) or "e-mail addresses inside texts"
    return (
        f"Data about people ({where}) were replaced before anything was learned, one for one, by made-up ones (from "
        f"{facts['made_by']}): what was common stays common, and what belongs together in a row (a name and its e-mail "
        f"address) is not made to match; --keep-personal would keep the real ones."
    )


def _with_emails(data: Dataset, kinds: Mapping[str, Mapping[str, str]]) -> bool:
    return any(
        "@" in t and _ANYWHERE.search(t)
        for name, table in data.tables.items()
        for c in table
        if c not in kinds[name]
        for t in _levels(table[c])
    )


class _Work:
    def __init__(self, made: StandIns) -> None:
        self.made = made
        self.maps: dict[str, Distinct] = {}
        self.plain_texts: dict[str, str] = {}

    def map(self, kind: str) -> Distinct:
        if kind not in self.maps:
            self.maps[kind] = Distinct(partial(self.made, kind))
        return self.maps[kind]

    def learn(self, column: Column, kind: str) -> None:
        """Keep the real values out of the stand-ins."""
        texts = _levels(column) or [str(v) for v in np.unique(column.values[~column.missing]).tolist()]
        self.map(kind).used.update(t for text in texts for t in _writings(text))
        self.plain_texts.update({t: kind for t in texts if t.strip().lower() not in PLACEHOLDERS})

    def table(self, table: Table, kinds: Mapping[str, str]) -> Table:
        return Table({c: self.column(table[c], kinds.get(c)) for c in table}, len(table))

    def column(self, column: Column, kind: str | None) -> Column:
        if column.values.ndim > 1:
            return column
        if column.levels is None:
            return column if kind is None else self._numbers(column, kind)
        levels = _levels(column)
        if kind is None and not any("@" in t for t in levels):
            return column
        new = [self.emails(t) if kind is None else self.cell(t, kind) for t in levels]
        if new == levels:
            return column
        index: dict[str, int] = {}
        place = np.array([index.setdefault(t, len(index)) for t in new], np.int32)
        made = np.empty(len(index), object)
        made[:] = list(index)
        return Column(place[column.values], column.missing, made)

    def _numbers(self, column: Column, kind: str) -> Column:
        values, place = np.unique(column.values, return_inverse=True)
        new = [int(self.cell(str(v), kind)) if v > 0 else v for v in values.tolist()]
        return Column(np.array(new, column.values.dtype)[place], column.missing)

    def cell(self, text: str, kind: str) -> str:
        plain = text.strip()
        if not plain or plain.lower() in PLACEHOLDERS:
            return text
        if kind not in _LETTERS:
            return self.map(kind)(plain)
        # One person is written Ann and ANN: the same stand-in, in the same case.
        made = self.map(kind)(plain.lower())
        return made.upper() if plain.isupper() and len(plain) > 1 else made.lower() if plain.islower() else made

    def emails(self, text: str) -> str:
        """Return a text with the e-mail addresses in it replaced."""
        return _ANYWHERE.sub(lambda m: self.cell(m[0], "email"), text) if "@" in text else text

    def value(self, value: Any) -> Any:
        """Return a JSON value in which texts that the columns about people hold are replaced."""
        if isinstance(value, str):
            if value in self.plain_texts:
                return self.cell(value, self.plain_texts[value])
            name, sep, cell = value.partition("=")
            if sep and cell.strip() in self.plain_texts:
                return f"{name}={self.cell(cell, self.plain_texts[cell.strip()])}"
            return self.emails(value)
        if isinstance(value, Mapping):
            return {self.value(k): self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)(self.value(v) for v in value)
        return value


def _writings(text: str) -> tuple[str, ...]:
    plain = text.strip()
    return plain, plain.lower(), plain.upper(), plain.title()


def _levels(column: Column) -> list[str]:
    return [] if column.levels is None else [str(t) for t in column.levels]


def _relearned(schema: TableSchema, table: Table, kinds: Mapping[str, str], value: Callable[[Any], Any]) -> TableSchema:
    """Return a schema in which stand-ins that repeat are values, and others are made anew for each row."""
    out = schema
    for name in kinds:
        column, own = schema[name], table[name]
        here = own.values[~own.missing]
        fresh = len(here) > 1 and len(np.unique(here)) >= FRESH * len(here)
        if fresh and own.is_text and column.kind == "category" and not column.roles and len(here) >= 20:
            out = out.replace_column(name, kind="text")
        elif not fresh and column.kind in ("id", "text"):
            out = out.replace_column(name, kind="category", roles=tuple(r for r in column.roles if r != "key"))
    return replace(out, rules=tuple(value(dict(r)) for r in schema.rules))
