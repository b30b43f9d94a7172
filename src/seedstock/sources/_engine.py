"""Columns of the engine as columns of ours; knows DuckDB's types by name, and is used by `files` alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Column
from seedstock.sources._raw import Raw
from seedstock.sources.numbers import widened

INTEGERS = {"TINYINT": "int8", "SMALLINT": "int16", "INTEGER": "int32", "BIGINT": "int64",
            "UTINYINT": "uint8", "USMALLINT": "uint16", "UINTEGER": "uint32"}  # fmt: skip
WIDE = {"UBIGINT": "uint64", "HUGEINT": "int128", "UHUGEINT": "uint128", "BIGNUM": "bignum"}
TIMES = {"DATE": "date", "TIMESTAMP": "datetime[us]", "TIMESTAMP_S": "datetime[s]", "TIMESTAMP_MS": "datetime[ms]",
         "TIMESTAMP_NS": "datetime[ns]", "TIMESTAMP WITH TIME ZONE": "datetime[us, UTC]"}  # fmt: skip


def engine_column(con: Any, source: str, name: str, kind: str) -> tuple[Raw, str | None]:
    """Return one column of a table, and a note where it is held otherwise than it came."""
    c = '"' + name.replace('"', '""') + '"'
    if kind in ("TIMESTAMPTZ_NS", "TIMESTAMP_NS WITH TIME ZONE"):
        c, kind = f"{c}::TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"

    def fetch(expression: str) -> Any:
        return next(iter(con.execute(f"SELECT {expression} AS x FROM {source}").fetchnumpy().values()))

    if kind in INTEGERS:
        return Raw(_values(fetch(f"{c}::BIGINT"), np.int64), INTEGERS[kind]), None
    if kind in WIDE:
        out = con.execute(f"SELECT count(*) FROM {source} WHERE try_cast({c} AS BIGINT) IS NULL AND {c} IS NOT NULL")
        if out.fetchone()[0]:
            return Raw(text_column(fetch(f"{c}::VARCHAR")), "string"), "has whole numbers beyond 64 bits, kept as text"
        return Raw(_values(fetch(f"{c}::BIGINT"), np.int64), "uint64" if kind == "UBIGINT" else "int64"), None
    if kind == "FLOAT":
        single = _values(fetch(c), np.float32)
        return Raw(Column(widened(single.values), single.missing), "float32"), None
    if kind == "DOUBLE":
        return Raw(_values(fetch(c), np.float64), "float64"), None
    if decimal := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind):
        note = "has decimals of more than 15 digits, of which the last may be lost" if int(decimal[1]) > 15 else None
        return Raw(_values(fetch(f"{c}::DOUBLE"), np.float64), f"decimal({decimal[1]},{decimal[2]})"), note
    if kind == "BOOLEAN":
        return Raw(_values(fetch(c), bool), "bool"), None
    if kind in TIMES:
        # Infinite times have no number of microseconds and count as missing.
        finite = f"CASE WHEN isfinite({c}) THEN epoch_us({c}) END"
        return Raw(_values(fetch(f"{finite}::BIGINT"), np.int64, "M8[us]"), TIMES[kind]), None
    if kind == "TIME":
        return Raw(_values(fetch(f"epoch_us({c})::BIGINT"), np.int64, "m8[us]"), "time"), None
    if kind == "INTERVAL":
        return Raw(_values(fetch(f"epoch_us({c})::BIGINT"), np.int64, "m8[us]"), "duration[us]"), None
    if kind in ("VARCHAR", "UUID", '"NULL"', "NULL") or kind.startswith("ENUM"):
        dtype = "categorical" if kind.startswith("ENUM") else "string"
        return Raw(text_column(fetch(f"{c}::VARCHAR")), dtype), None
    if kind in ("BLOB", "BIT"):
        return Raw(text_column(fetch(f"{c}::VARCHAR")), "string"), "holds bytes, kept as text"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "JSON")):
        return Raw(text_column(fetch(f"to_json({c})::VARCHAR")), "string"), "is nested, kept as JSON text"
    return Raw(text_column(fetch(f"{c}::VARCHAR")), "string"), f"is of type {kind[:40]}, kept as text"


def text_column(array: Any) -> Column:
    """Return an object array of texts (masked where missing) as a column."""
    data: NDArray[Any] = np.asarray(np.ma.getdata(array), object)
    mask = np.ma.getmaskarray(array)
    if mask.any():
        data = data.copy()
        data[mask] = None
    return Column.of_texts(data)


def _values(array: Any, dtype: Any, view: str | None = None) -> Column:
    missing = np.array(np.ma.getmaskarray(array))
    data = np.array(np.ma.getdata(array))
    if data.dtype == object or missing.all():
        data = np.array([0 if m else v for v, m in zip(data.tolist(), missing.tolist(), strict=True)])
    with np.errstate(invalid="ignore"):
        values = np.where(missing, 0, data).astype(dtype)
    return Column.of(values.view(view) if view else values, missing)
