"""Excel and OpenDocument sheets, by calamine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from python_calamine import CalamineWorkbook

from seedstock.core.errors import InputError
from seedstock.core.table import Column
from seedstock.sources._raw import Raw, RawTable, unique_names
from seedstock.sources.objects import objects_column


def read_excel(path: Path, what: str) -> RawTable:
    """Read the first sheet that has cells; its first row names the columns."""
    try:
        book = CalamineWorkbook.from_path(str(path))
        sheets = [(name, book.get_sheet_by_name(name).to_python(skip_empty_area=True)) for name in book.sheet_names]
    except Exception as error:  # calamine's errors have no common base of their own
        raise InputError(f"{what} is no Excel file that can be read ({type(error).__name__}); save it as CSV") from None
    full = [(name, rows) for name, rows in sheets if rows]
    if not full:
        raise InputError(f"{what} has no sheet with cells; bring a table with a header and rows")
    sheet, rows = full[0]
    wide = len(rows[0]) > 1
    ahead = next((k for k, row in enumerate(rows) if sum(c != "" for c in row) > wide), 0)
    blank = sum(all(c == "" for c in row) for row in rows[ahead:])
    rows = [row for row in rows[ahead:] if any(c != "" for c in row)]
    if len(rows) < 2:
        raise InputError(f"{what} has a header ({len(rows[0])} columns) and no rows; bring rows to learn from")
    names, notes = unique_names([_name(cell) for cell in rows[0]])
    if ahead:
        notes.append(f"The first {ahead} rows are no part of the table and were skipped.")
    if blank:
        notes.append(f"Rows without any cell, {blank} of them, were skipped.")
    columns = {}
    for name, cells in zip(names, zip(*rows[1:], strict=True), strict=True):
        columns[name], note = objects_column([_cell(c) for c in cells])
        if note:
            notes.append(f"Column {name!r} {note}.")
    columns = {n: r if r.dtype != "float64" else _whole(r) for n, r in columns.items()}
    if len(full) > 1:
        notes.append(f"Of {len(full)} sheets the first, {sheet!r}, is read.")
    return RawTable(columns, {"read_options": {"sheet": sheet, "header": True}}, tuple(notes))


def _name(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _cell(cell: Any) -> Any:
    return None if cell == "" else cell


def _whole(raw: Raw) -> Raw:
    """Sheets hold every number as a float: whole ones are whole numbers."""
    values, here = raw.column.values, ~raw.column.missing
    fits = here.any() and (values[here] == np.floor(values[here])).all() and (np.abs(values[here]) < 2**53).all()
    return Raw(Column(np.where(here, values, 0).astype(np.int64), ~here), "int64") if fits else raw
