"""`read_partial`: rows with some of a schema's columns, and gaps to fill."""

from __future__ import annotations

from typing import Any

from seedstock.core.errors import InputError
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.table import Dataset, Table
from seedstock.sources.read import read


def read_partial(source: Any, schema: Schema) -> Table:
    """Read partial rows (a file or a frame) by the schema of whole ones.

    Returns
    -------
    Table
        The columns that the source has, in the types of the schema; missing cells are those to draw.
    """
    known = next(iter(schema.tables.values()))
    found = source if isinstance(source, Dataset) else read(source)
    if not len(found.table):
        raise InputError("the partial rows have no row; give one at least, or leave them out")
    names = found.table.names
    some = TableSchema({name: known[name] for name in names})
    if isinstance(source, Dataset):
        return source.table
    return read(source, schema=Schema({next(iter(schema.tables)): some})).table
