"""The edit log: JSON with the fingerprints of the data before and after, so that it undoes these data only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.checks._cells import cell_texts, number_of, plain, present_levels
from seedstock.checks._clean import undo
from seedstock.core.errors import InputError
from seedstock.core.results import Edit
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

VERSION = 1
_FIELDS = {"table": str, "row": int, "column": str, "before": str, "after": str, "check": str, "confidence": float,
           "safe": bool, "why": str}  # fmt: skip


def fingerprint(data: Dataset) -> str:
    """Return a hash of all cells, in order, as texts: the same after the data were written and read again.

    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> from seedstock.core.table import Table
    >>> table = Table({"x": Column.of(np.array([1, 2]))})
    >>> data = Dataset({"t": table}, Schema({"t": TableSchema({"x": ColumnSchema("number")})}))
    >>> fingerprint(data) == fingerprint(data.take(slice(None, None, -1)))
    False
    """
    total = hashlib.sha256()
    for name, table in data.tables.items():
        for c, column in table.columns.items():
            total.update(json.dumps([name if len(data.tables) > 1 else "", c, len(column)]).encode())
            total.update(_cells(column).tobytes())
    return total.hexdigest()


def _cells(column: Column) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Return 64 bits a cell: of its text, where 12, 12.0 and the text 12 are one."""
    if column.levels is not None:
        levels, _, codes = present_levels(column)
        keys = levels.tolist()
    else:
        known = ~column.missing
        values, inverse = np.unique(column.values[known], return_inverse=True, axis=0)
        keys = cell_texts(Column(values, np.zeros(len(values), bool))).tolist()
        if column.values.ndim > 1:
            keys = [v.tobytes().hex() for v in values]
        codes = np.full(len(column), -1, np.int64)
        codes[known] = inverse.reshape(-1)
    bits = [
        int.from_bytes(
            hashlib.blake2b(_canonical(str(k)).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
        )
        for k in keys
    ]
    return np.array([*bits, 0], np.uint64)[codes]


def _canonical(text: str) -> str:
    """Return one form of a number's text: 12.0, 1.20 and 1e3 as they are written shortest."""
    if len(text) > 40 or not any(c.isdigit() for c in text):
        return {"True": "true", "False": "false"}.get(text, text)
    if number_of(text) is not None:
        return text
    try:
        return plain(repr(float(text)))
    except ValueError:
        return text


def to_text(edits: Sequence[Edit], before: Dataset, after: Dataset) -> str:
    """Return the log: one JSON document, an edit a line."""
    head = {
        "seedstock_edits": VERSION,
        "before": fingerprint(before),
        "after": fingerprint(after),
        "schema": before.schema.to_json(),
        "schema_after": after.schema.to_json(),
        "count": len(edits),
    }
    facts = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in head.items()]
    lines = [json.dumps(e.to_json(), ensure_ascii=False, allow_nan=False) for e in edits]
    body = ",\n".join(f"  {line}" for line in lines)
    return "{" + ",\n ".join(facts) + ',\n "edits": [\n' + body + "\n ]}\n"


@dataclass(frozen=True, eq=False)
class Log:
    """An edit log that was read: fingerprints and schemas of the data before and after, and the edits."""

    before: str
    after: str
    schema: Schema
    schema_after: Schema
    edits: tuple[Edit, ...]


def from_text(text: str) -> Log:
    """Read a log; an `InputError` says which edit is none."""
    try:
        head = json.loads(text)
        if head["seedstock_edits"] != VERSION or not isinstance(head["edits"], list):
            raise ValueError
        before, after = str(head["before"]), str(head["after"])
        schemas = [Schema.from_json(head[key]) for key in ("schema", "schema_after")]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise InputError("this is no edit log of Seedstock; `seedstock clean --edits FILE` writes one") from None
    edits: list[Edit] = []
    for number, value in enumerate(head["edits"], 1):
        try:
            for key, kind in _FIELDS.items():
                optional = key in ("column", "before", "after")
                wrong = not isinstance(value[key], (kind, int) if kind is float else kind)
                if wrong and not (optional and value[key] is None):
                    raise ValueError
            edits.append(Edit(**{key: value[key] for key in _FIELDS}))
        except (ValueError, KeyError, TypeError):
            raise InputError(f"edit {number} of the edit log is no edit; take an unchanged log") from None
    if len(edits) != head.get("count"):
        raise InputError(f"the edit log has {len(edits)} edits and says {head.get('count')}; take an unchanged log")
    return Log(before, after, schemas[0], schemas[1], tuple(edits))


def read_log(path: str | Path) -> Log:
    """Read a log file."""
    try:
        return from_text(Path(path).read_text("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{Path(path).name} is no edit log of Seedstock: it is no text") from None


def undo_log(data: Dataset, log: Log) -> Dataset:
    """Take back the edits of a log, if it was written for exactly these data.

    Raises
    ------
    InputError
        Where the data are not those that the log left, or the result is not what there was before.
    """
    if fingerprint(data) != log.after:
        raise InputError(
            f"the edit log does not fit: its {len(log.edits):,} edits were made to other data than these "
            f"{len(data.table):,} rows; bring the cleaned file, unchanged"
        )
    out = undo(data, log.edits)
    if fingerprint(out) != log.before:
        raise InputError("undoing these edits does not give the data that they were made to; the edit log is damaged")
    tables = {t: _typed(table, log.schema.tables[t]) for t, table in out.tables.items()}
    return replace(out, tables=tables, schema=log.schema)


def _typed(table: Table, schema: TableSchema) -> Table:
    """Return the table with texts where there were texts: numbers, if nothing but numbers was left of them."""
    texts = {c: s.dtype == "string" and s.kind in ("category", "text", "id") for c, s in schema.columns.items()}
    made = {c: Column.of_texts(cell_texts(table[c])) for c in table if texts[c] and not table[c].is_text}
    return table.assign(made)
