"""Lists of codes as arrays and JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Table
from seedstock.encoding.pack import pack, unpack


def codes_state(table: Table) -> tuple[dict[str, NDArray[Any]], list[list[Any]]]:
    """Return a small table as arrays, and its columns' names and whether they are texts."""
    arrays: dict[str, NDArray[Any]] = {}
    meta: list[list[Any]] = []
    for i, name in enumerate(table):
        column = table[name]
        arrays |= {f"{i}.values": column.values, f"{i}.missing": column.missing}
        if column.levels is not None:
            arrays[f"{i}.bytes"], arrays[f"{i}.offsets"] = pack(column.levels)
        meta.append([name, column.is_text])
    return arrays, meta


def codes_table(arrays: Mapping[str, NDArray[Any]], meta: list[list[Any]]) -> Table:
    """Make the table again."""
    columns = {}
    for i, (name, is_text) in enumerate(meta):
        values, missing = arrays[f"{i}.values"], arrays[f"{i}.missing"].astype(bool)
        texts = unpack(arrays[f"{i}.bytes"], arrays[f"{i}.offsets"]) if is_text else None
        if texts is not None and len(values) and (values.min() < 0 or values.max() >= max(len(texts), 1)):
            raise InputError("this model is damaged: a list of codes points beyond its texts; fit it again")
        columns[str(name)] = Column(values, np.asarray(missing), texts)
    return Table(columns)
