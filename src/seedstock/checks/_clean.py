"""`clean` and `undo`: edits by policy, each of which can be taken back exactly."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import cell_texts, number_of, plain
from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Finding
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources._raw import Raw
from seedstock.sources.infer import infer
from seedstock.sources.texts import cell_texts as written_texts

POLICIES = {"none": "report", "report": "report", "safe": "safe", "thorough": "thorough", "all": "thorough"}
SAFE_CONFIDENCE = 0.85
THOROUGH_CONFIDENCE = 0.5


def clean(data: Dataset, findings: Sequence[Finding], policy: str = "safe") -> tuple[Dataset, list[Edit]]:
    """Make the edits that the findings propose and the policy allows.

    Parameters
    ----------
    policy : {"report", "safe", "thorough"}
        ``report`` changes nothing. ``safe`` makes the edits that are marked safe and at least 85 % sure.
        ``thorough`` makes all that are at least 50 % sure.

    Returns
    -------
    data : Dataset
        Columns of texts that hold nothing but numbers after the edits become numbers.
    edits : list of Edit
        What was done, by table, row and column; `undo` takes it back.
    """
    if policy not in POLICIES:
        raise InputError(f"a policy must be report, safe or thorough, not {policy!r}")
    policy = POLICIES[policy]
    if policy == "report":
        return data, []
    chosen = [e for f in findings for e in f.edits if _allowed(e, policy)]
    return apply(data, chosen)


def _allowed(edit: Edit, policy: str) -> bool:
    if policy == "safe":
        return edit.safe and edit.confidence >= SAFE_CONFIDENCE
    return edit.confidence >= THOROUGH_CONFIDENCE


def apply(data: Dataset, edits: Sequence[Edit]) -> tuple[Dataset, list[Edit]]:
    """Make these edits. Of two for one cell the surer one counts; a removed row needs no other edit."""
    best: dict[tuple[str, int, str | None], Edit] = {}
    for e in edits:
        key = (e.table, e.row, e.column)
        if key not in best or e.confidence > best[key].confidence:
            best[key] = e
    gone = {(e.table, e.row) for e in best.values() if e.column is None}
    kept = [e for e in best.values() if e.column is None or (e.table, e.row) not in gone]
    tables = dict(data.tables)
    schemas = dict(data.schema.tables)
    framed = "flavour" in data.origin
    done: list[Edit] = []
    for name in data.tables:
        own = sorted((e for e in kept if e.table == name), key=lambda e: (e.row, e.column is not None, e.column or ""))
        if own:
            tables[name], schemas[name], made = _apply_table(tables[name], schemas[name], own, framed)
            done += made
    notes = (f"{len(done):,} edits by the checks",) if done else ()
    schema = Schema(schemas, data.schema.links)
    return replace(data, tables=tables, schema=schema, notes=data.notes + notes), done


def _apply_table(
    table: Table, schema: TableSchema, edits: list[Edit], framed: bool
) -> tuple[Table, TableSchema, list[Edit]]:
    done: list[Edit] = []
    by_column: defaultdict[str, list[Edit]] = defaultdict(list)
    removals: list[Edit] = []
    for e in edits:
        if e.column is None:
            removals.append(e)
        else:
            by_column[e.column].append(e)
    columns: dict[str, Column] = {}
    original = table
    for name, own in by_column.items():
        rows = np.array([e.row for e in own])
        if not table[name].is_text:
            for e in own:
                if e.after is not None and _parse(e.after, table[name].values.dtype) is None:
                    kind = schema[name].kind
                    raise InputError(f"row {e.row} of {name!r} takes a {kind}, not {e.after[:40]!r}; correct the edit")
        before = cell_texts(table[name].take(rows))
        columns[name] = set_cells(table[name], rows, [e.after for e in own])
        after = cell_texts(columns[name].take(rows))
        done += [
            replace(e, before=b, after=a)
            for e, b, a in zip(own, before.tolist(), after.tolist(), strict=True)
            if b != a
        ]
    table = table.assign(columns)
    if removals:
        rows = np.array([e.row for e in removals])
        texts = {c: cell_texts(original[c].take(rows)).tolist() for c in original}
        for i, e in enumerate(removals):
            row = json.dumps({c: texts[c][i] for c in original}, ensure_ascii=False)
            done.append(replace(e, before=row, after=None))
        keep = np.ones(len(table), bool)
        keep[rows] = False
        table = table.take(keep)
    table, schema = _retype(table, schema, columns, framed)
    return table, schema, sorted(done, key=lambda e: (e.row, e.column is not None, e.column or ""))


def set_cells(column: Column, rows: NDArray[np.int64], texts: Sequence[str | None]) -> Column:
    """Return a column with cells set from their texts; it becomes a column of texts where one of them does not fit.

    >>> set_cells(Column.of(np.array([1, 2])), np.array([1]), ["7"]).values.tolist()
    [1, 7]
    """
    missing = column.missing.copy()
    gone = np.array([t is None for t in texts], bool)
    missing[rows] = gone
    if column.levels is None:
        parsed = [_parse(t, column.values.dtype) for t in texts if t is not None]
        if any(v is None for v in parsed):
            as_texts = Column.of_texts(cell_texts(column))
            return set_cells(as_texts, rows, texts)
        values = column.values.copy()
        values[rows[~gone]] = np.array(parsed, column.values.dtype) if parsed else values[:0]
        return Column(values, missing)
    index = {t: i for i, t in enumerate(column.levels.tolist())}
    values = column.values.copy()
    values[rows] = [0 if t is None else index.setdefault(t, len(index)) for t in texts]
    levels = np.empty(len(index), object)
    levels[:] = list(index)
    return Column(values, missing, levels)


def _parse(text: str, dtype: np.dtype[Any]) -> Any:
    try:
        if dtype.kind == "i":
            value = float(text) if not text.lstrip("+-").isdigit() else int(text)
            return round(value) if -(2**63) <= value < 2**63 else None
        if dtype.kind == "f":
            real = float(text)
            return None if np.isnan(real) else real
        if dtype.kind == "b":
            return {"true": True, "false": False}.get(text)
        if dtype.kind == "M":
            return np.datetime64(text, "us")
        return np.timedelta64(int(text), "us")
    except (ValueError, OverflowError):
        return None


def _retype(table: Table, schema: TableSchema, touched: dict[str, Column], framed: bool) -> tuple[Table, TableSchema]:
    """Make numbers or times of the touched texts that are nothing else; call a column of texts one.

    The cells must be written again as they were: by their schema in files, and in their shortest form in frames.
    """
    for name in touched:
        column, kind = table[name], schema[name].kind
        if not column.is_text:
            continue
        if kind in ("number", "datetime", "duration"):
            schema = schema.replace_column(name, kind="category", dtype="string", decimals=None, format=None)
        if kind not in ("text", "category", "id") or name in schema.with_role("target"):
            continue
        assert column.levels is not None
        used = np.unique(column.values[~column.missing])
        levels = [str(t) for t in column.levels[used]]
        if len(levels) < 3 or (framed and any(number_of(t) is None for t in levels)):
            continue
        typed, found, _ = infer(Raw(column), name)
        same = typed.is_text or (typed.missing != column.missing).any()
        if same or found.kind not in ("number", "datetime", "duration"):
            continue
        if framed or (written_texts(typed, found).texts() == column.texts()).all():
            table = table.assign({name: typed})
            changes = {k: getattr(found, k) for k in ("kind", "dtype", "decimals", "format")}
            schema = schema.replace_column(name, roles=tuple(r for r in schema[name].roles if r != "key"), **changes)
    return table, schema


def undo(data: Dataset, edits: Sequence[Edit]) -> Dataset:
    """Take edits back that `clean` made: the result shows the very cells that were there before.

    Raises
    ------
    InputError
        Where the edits do not fit the data.
    """
    tables = dict(data.tables)
    schemas = dict(data.schema.tables)
    for name in data.tables:
        own = [e for e in edits if e.table == name]
        if own:
            tables[name] = _undo_table(tables[name], schemas[name], own)
            for column in schemas[name].columns:
                if tables[name][column].is_text and schemas[name][column].kind in ("number", "datetime", "duration"):
                    schemas[name] = schemas[name].replace_column(
                        column, kind="category", dtype="string", decimals=None, format=None
                    )
    if unknown := {e.table for e in edits} - set(data.tables):
        raise InputError(f"the edits are of table {min(unknown)!r}, which these data do not have")
    return replace(data, tables=tables, schema=Schema(schemas, data.schema.links))


def _undo_table(table: Table, schema: TableSchema, edits: list[Edit]) -> Table:
    removed = sorted((e for e in edits if e.column is None), key=lambda e: e.row)
    n = len(table) + len(removed)
    if any(not 0 <= e.row < n for e in edits):
        raise InputError(f"the edits name a row beyond the {n:,} rows that there would be; they are of other data")
    if removed:
        rows = np.array([e.row for e in removed])
        if len(np.unique(rows)) != len(rows):
            raise InputError("the edits remove one row twice; they are damaged")
        cells = [_row(e, table) for e in removed]
        keep = np.ones(n, bool)
        keep[rows] = False
        place = np.zeros(n, np.int64)
        place[keep] = np.arange(len(table))
        if len(table):
            table = table.take(place)
        else:
            table = Table({c: Column.of_texts([None] * n) for c in table}, n)
        table = table.assign({c: set_cells(table[c], rows, [cell[c] for cell in cells]) for c in table})
    by_column: defaultdict[str, list[Edit]] = defaultdict(list)
    for e in edits:
        if e.column is not None:
            by_column[e.column].append(e)
    columns = {}
    for name, own in by_column.items():
        rows = np.array([e.row for e in own])
        cells = table[name].take(rows)
        now = zip(own, cell_texts(cells), written_texts(cells, schema[name]).texts(), strict=True)
        wrong = [e for e, t, w in now if _comparable(t) != _comparable(e.after) and w != e.after]
        if wrong:
            raise InputError(f"row {wrong[0].row} of {name!r} does not hold what the edits left there; they do not fit")
        columns[name] = set_cells(_as_before(table[name], schema[name], own), rows, [e.before for e in own])
    return table.assign(columns)


def _as_before(column: Column, schema: ColumnSchema, edits: list[Edit]) -> Column:
    """Make texts of numbers and times again, where a cell held a text that no such column shows in that form."""
    if column.is_text or column.values.dtype.kind == "b":
        return column
    if column.values.dtype.kind in "mM":
        parsed = [None if e.before is None else _parse(e.before, column.values.dtype) for e in edits]
        kept = [p is not None and cell_texts(Column.of(np.array([p]))).tolist() == [e.before]
                for e, p in zip(edits, parsed, strict=True) if e.before is not None]  # fmt: skip
        return column if all(kept) else written_texts(column, schema)
    texts = [t for e in edits for t in (e.before, e.after) if t is not None]
    if all(t in ("inf", "-inf") or _shown(t) for t in texts):
        return column
    return written_texts(column, schema)


def _shown(text: str) -> bool:
    try:
        return plain(repr(float(text))) == text or str(int(text)) == text
    except ValueError:
        return False


def _comparable(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _row(edit: Edit, table: Table) -> dict[str, str | None]:
    try:
        cells = json.loads(edit.before or "")
        if isinstance(cells, dict) and list(cells) == table.names:
            return cells
    except ValueError:
        pass
    raise InputError(f"the removal of row {edit.row} does not say what the row held; it cannot be undone")
