"""What children see of their parents: attributes, references as cells, and levels of rows below each other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import Link, Schema, TableSchema
from seedstock.core.table import Column, Table
from seedstock.generators._linked_table import Cells

MAX_ATTRIBUTES = 40
_DEPTH = 2
_MAX_LEVELS = 1_000


def attributes(table: Table, columns: TableSchema, references: Cells, parent: Cells) -> Cells:
    """Return what rows are known by: their learned columns, what they refer to, and their parents' attributes."""
    own = {c: table[c] for c, s in columns.columns.items() if s.kind not in ("id", "text", "image")}
    inherited = {k: v for k, v in parent.items() if k.count(".") < _DEPTH}
    out = {**own, **references, **inherited}
    return dict(list(out.items())[:MAX_ATTRIBUTES])


def of_parent(cells: Cells, rows: NDArray[np.int64], name: str) -> Cells:
    """Return the parents' cells for rows of a child, called ``name.COLUMN``; missing where there is no parent."""
    none, safe = rows < 0, np.maximum(rows, 0)
    out = {}
    for c, column in cells.items():
        if not len(column):
            out[f"{name}.{c}"] = Column(np.zeros(len(rows), column.values.dtype), none | True, column.levels)
            continue
        taken = column.take(safe)
        out[f"{name}.{c}"] = Column(taken.values, taken.missing | none, taken.levels)
    return out


def copied_cells(table: Table, schema: Schema, parent: str, rows: NDArray[np.int64], name: str) -> Cells:
    """Return all cells of the parents that children could repeat: texts too, but no keys."""
    columns = schema.tables[parent]
    return of_parent({c: table[c] for c in table if columns[c].kind not in ("id", "image")}, rows, name)


def columns_without_links(schema: Schema, name: str) -> TableSchema:
    """Return a table's schema without the columns that point elsewhere."""
    pointers = {x.column for x in schema.links if x.child == name}
    columns = schema.tables[name]
    return replace(columns, columns={c: s for c, s in columns.columns.items() if c not in pointers})


def reference_cells(table: Table, link: Link) -> Cells:
    """Return a reference to a list of codes as a category."""
    column = table[link.column]
    if column.is_text:
        return {link.column: column}
    texts = np.array([None if m else str(v) for v, m in zip(column.values, column.missing, strict=True)], object)
    return {link.column: Column.of_texts(texts)}


def levels(parents: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return how deep each row hangs below a row without a parent, shape (n,); None where rows hang in a circle.

    >>> levels(np.array([-1, 0, 1, 0])).tolist()
    [0, 1, 2, 1]
    >>> levels(np.array([1, 0])) is None
    True
    """
    depth = np.where(parents < 0, 0, -1).astype(np.int64)
    for _ in range(min(len(parents), _MAX_LEVELS) + 1):
        open_ = np.flatnonzero(depth < 0)
        if not len(open_):
            return depth
        above = depth[parents[open_]]
        if (above < 0).all():
            return None
        depth[open_] = np.where(above >= 0, above + 1, -1)
    return None
