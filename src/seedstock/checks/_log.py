"""The edit log: JSON lines with the fingerprints of the data before and after, so that it undoes these data only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.checks._cells import cell_texts, number_of, plain, present_levels
from seedstock.checks._clean import undo
from seedstock.core.errors import InputError
from seedstock.core.results import Edit
from seedstock.core.table import Column, Dataset

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


def to_lines(edits: Sequence[Edit], before: Dataset, after: Dataset) -> str:
    """Return the log as text: a line of facts, then one line an edit."""
    head = {
        "seedstock_edits": VERSION,
        "before": fingerprint(before),
        "after": fingerprint(after),
        "edits": len(edits),
        "schema": before.schema.to_json(),
    }
    lines = [json.dumps(head, ensure_ascii=False)]
    lines += [json.dumps(e.to_json(), ensure_ascii=False, allow_nan=False) for e in edits]
    return "\n".join(lines) + "\n"


def from_lines(text: str) -> tuple[dict[str, Any], list[Edit]]:
    """Read a log; an `InputError` says which line is none."""
    lines = text.removesuffix("\n").split("\n")  # other line ends may stand in cells
    try:
        head = json.loads(lines[0])
        if head["seedstock_edits"] != VERSION or not isinstance(head["after"], str):
            raise ValueError
    except (ValueError, KeyError, TypeError, IndexError):
        raise InputError("this is no edit log of Seedstock; `seedstock clean --edits FILE` writes one") from None
    edits: list[Edit] = []
    for number, line in enumerate(lines[1:], 2):
        try:
            value = json.loads(line)
            for key, kind in _FIELDS.items():
                optional = key in ("column", "before", "after")
                wrong = not isinstance(value[key], (kind, int) if kind is float else kind)
                if wrong and not (optional and value[key] is None):
                    raise ValueError
            edits.append(Edit(**{key: value[key] for key in _FIELDS}))
        except (ValueError, KeyError, TypeError):
            raise InputError(f"line {number} of the edit log is no edit; take an unchanged log") from None
    if len(edits) != head.get("edits"):
        raise InputError(f"the edit log has {len(edits)} edits and says {head.get('edits')}; take an unchanged log")
    return head, edits


def undo_log(data: Dataset, log: str | Path) -> Dataset:
    """Take back the edits of a log file, if it was written for exactly these data.

    Raises
    ------
    InputError
        Where the data are not those that the log left, or the result is not what there was before.
    """
    head, edits = from_lines(Path(log).read_text("utf-8"))
    if fingerprint(data) != head["after"]:
        raise InputError(f"the edit log {Path(log).name} does not fit: it was written for other data than these")
    out = undo(data, edits)
    if fingerprint(out) != head["before"]:
        raise InputError(f"undoing {Path(log).name} does not give the data that it was written from; it is damaged")
    return out
