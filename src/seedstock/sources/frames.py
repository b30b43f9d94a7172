"""Frames <-> `Dataset`: the one file that knows pandas, Polars and Arrow, and imports only what it is handed."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.errors import InputError, MissingExtraError
from seedstock.core.table import Column, Dataset, Table
from seedstock.core.zones import name_of
from seedstock.sources._frames_out import numpy_array, to_arrow, to_pandas, to_polars
from seedstock.sources._raw import Raw, RawTable, unique_names
from seedstock.sources.numbers import widened
from seedstock.sources.objects import objects_column
from seedstock.sources.outgoing import outgoing

FLAVOURS = ("pandas", "polars", "arrow", "table")
_INT = re.compile(r"u?int(8|16|32|64)")


def from_frame(frame: Any) -> tuple[Table, dict[str, str], str]:
    """Return a frame's cells, the type of each column, and the kind of frame it is.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, pyarrow.Table, mapping of arrays, Arrow stream or Dataset

    Examples
    --------
    >>> table, dtypes, flavour = from_frame({"x": np.array([1, 2], np.int8)})
    >>> dtypes, flavour
    ({'x': 'int8'}, 'table')
    """
    raw = from_object(frame)
    table = Table({n: r.column for n, r in raw.columns.items()})
    return table, {n: r.dtype for n, r in raw.columns.items()}, raw.origin["flavour"]


def from_object(source: Any) -> RawTable:
    """Return what a frame holds; an `InputError` where it is none, or has no rows or columns."""
    if isinstance(source, Dataset):
        columns = {
            n: Raw(c, source.columns[n].dtype, source.columns[n].format) for n, c in source.table.columns.items()
        }
        return _whole(RawTable(columns, {"flavour": "table", **source.origin}, source.notes))
    library = type(source).__module__.partition(".")[0]
    if library == "pandas" and hasattr(source, "columns"):
        raw = _whole(_named("pandas", *_from_pandas(source)))
        index = [str(n) for n in source.index.names if n is not None]
        lost = f"The frame's index ({', '.join(map(repr, index))}) is no column and is left out; reset it to keep it."
        return replace(raw, notes=(*raw.notes, lost)) if index else raw
    if library == "polars":
        frame = source.collect() if hasattr(source, "collect") else source
        if hasattr(frame, "columns"):
            return _whole(_named("polars", frame.columns, [_from_polars(frame[c]) for c in frame.columns]))
    if library == "pyarrow" and hasattr(source, "column_names"):
        columns_ = [_from_arrow(c) for c in source.columns]
        return _whole(_named("arrow", list(source.column_names), columns_))
    if isinstance(source, Mapping):
        return _whole(_named("table", [str(k) for k in source], [_from_array(v) for v in source.values()]))
    if hasattr(source, "__arrow_c_stream__"):
        return _whole(from_stream(source))
    raise InputError(
        f"a table is needed, not {type(source).__name__}; hand in a path, or a pandas, Polars or Arrow frame"
    )


def from_stream(source: Any) -> RawTable:
    """Read anything with an Arrow stream, without pyarrow."""
    import nanoarrow as na

    from seedstock.sources.arrow import dtype_of

    stream = na.ArrayStream(source)
    fields = list(stream.schema.fields)
    if stream.schema.type != na.Type.STRUCT:
        raise InputError("this Arrow stream is one column; hand in a table")
    cells: list[list[Any]] = [[] for _ in fields]
    for chunk in stream:
        for k in range(len(fields)):
            cells[k].extend(chunk.child(k).to_pylist())
    found = []
    for field, values in zip(fields, cells, strict=True):
        raw, note = objects_column(values)
        dtype = dtype_of(field)
        if dtype is not None and raw.column.is_text == (dtype in ("string", "categorical")):
            raw = Raw(raw.column, dtype)
        found.append((raw, note))
    return _named("arrow", [str(f.name) for f in fields], found)


def load_arrow(path: Path) -> tuple[Any, dict[str, str]]:
    """Load an Arrow file by pyarrow or Polars, whichever is installed: the frame, and the file's own metadata.

    Raises
    ------
    ImportError
        Neither is.
    ValueError, OSError, RuntimeError
        The file is damaged.
    """
    try:
        import pyarrow as pa
    except ImportError:
        import polars as pl

        try:
            return pl.read_ipc(path, memory_map=False), {}
        except BaseException as error:  # a panic of its parser is no Exception
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            raise ValueError("no Arrow file") from None
    with pa.ipc.open_file(path) as file:
        table = file.read_all()
    table.validate(full=True)
    pairs = table.schema.metadata or {}
    own = {k: v for k, v in pairs.items() if k not in (b"pandas", b"ARROW:schema")}
    return table, {k.decode("utf-8", "replace"): v.decode("utf-8", "replace") for k, v in own.items()}


def to_frame(dataset: Dataset, flavour: str) -> Any:
    """Return a data set of one table as a frame of the named kind, each column in the type it arrived with.

    Parameters
    ----------
    flavour : {"pandas", "polars", "arrow", "table"}
        ``table`` gives a dict of NumPy arrays.

    Raises
    ------
    MissingExtraError
        The library is not installed.
    """
    if flavour not in FLAVOURS:
        raise InputError(f"the kind of frame must be one of {', '.join(FLAVOURS)}, not {flavour!r}")
    columns = {n: outgoing(c, dataset.columns[n]) for n, c in dataset.table.columns.items()}
    born_text = {n for n, s in dataset.columns.columns.items() if s.format is not None}
    if flavour == "table":
        return {n: numpy_array(o) for n, o in columns.items()}
    try:
        if flavour == "pandas":
            import pandas as pd

            series = {n: to_pandas(pd, o, n in born_text) for n, o in columns.items()}
            return pd.DataFrame(series, index=range(len(dataset.table)), copy=False)
        if flavour == "polars":
            import polars as pl

            return pl.DataFrame([to_polars(pl, n, o) for n, o in columns.items()])
        import pyarrow as pa

        return pa.table({n: to_arrow(pa, o) for n, o in columns.items()})
    except ImportError:
        library = {"arrow": "pyarrow"}.get(flavour, flavour)
        raise MissingExtraError(f"{library} is not installed; install it, or write the rows to a file") from None


def _whole(raw: RawTable) -> RawTable:
    if not raw.columns:
        raise InputError("the frame has no columns; bring a table with columns and rows")
    lengths = {len(r.column) for r in raw.columns.values()}
    if len(lengths) > 1:
        raise InputError(f"the columns have different lengths: {', '.join(map(str, sorted(lengths)))}")
    if not len(raw):
        raise InputError(f"the frame has {len(raw.columns)} columns and no rows; bring rows to learn from")
    return raw


def _named(flavour: str, names: list[str], found: list[tuple[Raw, str | None]]) -> RawTable:
    names, notes = unique_names(names)
    notes += [f"Column {n!r} {note}." for n, (_, note) in zip(names, found, strict=True) if note]
    columns = {n: raw for n, (raw, _) in zip(names, found, strict=True)}
    origin = {"flavour": flavour, "format": f"{flavour} frame", "sha256": _digest(columns)}
    return RawTable(columns, origin, tuple(notes))


def _digest(columns: Mapping[str, Raw]) -> str:
    """Return a hash of names and values."""
    total = hashlib.sha256()
    for name, raw in columns.items():
        column = raw.column
        values = column.values.copy()
        values[column.missing] = np.zeros((), values.dtype)
        if column.levels is not None:
            own = hashlib.sha256()
            for text in column.levels:
                own.update(repr(text).encode() + b"\n")
            total.update(own.digest())
        total.update(repr((name, str(values.dtype), values.shape)).encode())
        total.update(np.ascontiguousarray(values).tobytes())
        total.update(np.packbits(column.missing).tobytes())
    return total.hexdigest()


def _from_array(cells: Any) -> tuple[Raw, str | None]:
    """Read a NumPy array or a sequence."""
    array = np.ma.getdata(cells) if isinstance(cells, np.ma.MaskedArray) else np.asarray(cells)
    mask = np.ma.getmaskarray(cells) if isinstance(cells, np.ma.MaskedArray) else np.zeros(array.shape[:1], bool)
    if array.ndim == 0:
        raise InputError("a column is a single value; hand in arrays of one length")
    if array.ndim > 1:
        if array.dtype == np.uint8 and array.ndim in (3, 4):
            return Raw(Column(array if array.ndim == 4 else array[..., None], mask), "image"), None
        return objects_column([v.tolist() for v in array])
    return _from_numpy(array, mask)


def _from_numpy(array: Any, missing: Any) -> tuple[Raw, str | None]:
    kind, name = array.dtype.kind, array.dtype.name
    if kind == "u" and array.dtype.itemsize == 8 and len(array) and int(array.max()) > 2**63 - 1:
        return objects_column([None if m else int(v) for v, m in zip(array.tolist(), missing, strict=True)])
    if kind in "iu":
        return Raw(Column.of(array.astype(np.int64), missing), name), None
    if kind == "f":
        if name == "float32":  # 0.1 in single precision means 0.1
            return Raw(Column.of(widened(array), missing), name), None
        return Raw(Column.of(array.astype(np.float64), missing), name if name == "float64" else "float32"), None
    if kind == "b":
        return Raw(Column.of(array.copy(), missing), "bool"), None
    if kind in "mM":
        unit = np.datetime_data(array.dtype)[0]
        values = array.astype(f"{kind}8[us]")
        if kind == "M" and unit in ("Y", "M", "W", "D"):
            return Raw(Column.of(values, missing), "date"), None
        unit = unit if unit in ("s", "ms", "us", "ns") else "us"
        return Raw(Column.of(values, missing), f"{'datetime' if kind == 'M' else 'duration'}[{unit}]"), None
    cells = array.tolist()
    return objects_column([None if m else v for v, m in zip(cells, missing.tolist(), strict=True)])


def _from_pandas(frame: Any) -> tuple[list[str], list[tuple[Raw, str | None]]]:
    return [str(c) for c in frame.columns], [_pandas_series(frame.iloc[:, k]) for k in range(frame.shape[1])]


def _pandas_series(series: Any) -> tuple[Raw, str | None]:
    dtype, missing = series.dtype, np.array(series.isna(), bool)
    name = str(dtype)
    if name == "category":
        cells = [None if v != v else v for v in np.asarray(series.cat.categories, object).tolist()]
        raw, note = objects_column(cells)
        texts = [str(v) for v in cells]
        codes = np.asarray(series.cat.codes, np.int32)
        levels = np.empty(len(texts), object)
        levels[:] = texts
        column = Column(np.where(missing, 0, codes).astype(np.int32), missing, levels)
        return Raw(column, "categorical" if raw.column.is_text else raw.dtype), note
    if isinstance(dtype, np.dtype):
        return _from_numpy(series.to_numpy(), missing)
    kind = getattr(dtype, "kind", "O")
    if kind == "M" and getattr(dtype, "tz", None) is not None:
        unit, zone = dtype.unit, name_of(dtype.tz)
        values = series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return Raw(Column.of(values.astype("M8[us]"), missing), f"datetime[{unit}, {zone}]"), None
    if kind in "iu":
        whole = np.uint64 if kind == "u" and dtype.itemsize == 8 else np.int64
        raw, note = _from_numpy(series.to_numpy(whole, na_value=0), missing)
        return (raw if raw.column.is_text else Raw(raw.column, name if name[:1] in "IU" else _plain(name))), note
    if kind == "f":
        single = dtype.itemsize == 4
        raw, note = _from_numpy(series.to_numpy(np.float32 if single else np.float64, na_value=np.nan), missing)
        return Raw(raw.column, name if name[:1] == "F" else raw.dtype), note
    if kind == "b":
        values = series.to_numpy(bool, na_value=False)
        return Raw(Column.of(values, missing), name if name == "boolean" else "bool"), None
    return objects_column([None if m else v for v, m in zip(series.astype(object).tolist(), missing, strict=True)])


def _plain(name: str) -> str:
    found = _INT.search(name.lower())
    return found[0] if found else "int64"


def _from_polars(series: Any) -> tuple[Raw, str | None]:
    kind = str(series.dtype).partition("(")[0]
    missing = series.is_null().to_numpy()
    low = kind.lower()
    if _INT.fullmatch(low):
        return _from_numpy(series.fill_null(0).to_numpy(), missing)
    if low in ("float32", "float64"):
        return _from_numpy(series.fill_null(0.0).to_numpy(), missing)
    if low == "boolean":
        return _from_numpy(series.fill_null(False).to_numpy(), missing)
    if low in ("categorical", "enum"):
        return Raw(Column.of_texts(series.cast(_polars().String).to_list()), "categorical"), None
    if low in ("string", "utf8"):
        return Raw(Column.of_texts(series.to_list()), "string"), None
    if low in ("date", "datetime", "duration"):
        unit = getattr(series.dtype, "time_unit", None) or "us"
        zone = getattr(series.dtype, "time_zone", None)
        micros = series.cast(_polars().Datetime("us")) if low == "date" else series.dt.cast_time_unit("us")
        values = micros.to_physical().fill_null(0).to_numpy().astype(np.int64)
        view, name = ("m8[us]", "duration") if low == "duration" else ("M8[us]", "datetime")
        dtype = "date" if low == "date" else f"{name}[{unit}{f', {zone}' if zone else ''}]"
        return Raw(Column.of(values.view(view), missing), dtype), None
    if low == "time":
        values = series.to_physical().fill_null(0).to_numpy().astype(np.int64) // 1000
        return Raw(Column.of(values.view("m8[us]"), missing), "time"), None
    if low == "decimal":
        values = series.cast(_polars().Float64).fill_null(0.0).to_numpy()
        return Raw(Column.of(values, missing), f"decimal({series.dtype.precision or 38},{series.dtype.scale})"), None
    return objects_column(series.to_list())


def _polars() -> Any:
    return sys.modules["polars"]


def _from_arrow(column: Any) -> tuple[Raw, str | None]:
    pa = sys.modules["pyarrow"]
    types, kind = pa.types, column.type
    missing = np.asarray(column.is_null())

    def cast(to: Any, zero: Any = 0) -> Any:
        return np.array(column.cast(to, safe=False).cast(pa.int64()).fill_null(zero).to_numpy())

    if types.is_dictionary(kind):
        return Raw(objects_column(column.to_pylist())[0].column, "categorical") if types.is_string(
            kind.value_type
        ) or types.is_large_string(kind.value_type) else objects_column(column.to_pylist())[0], None
    if types.is_integer(kind):
        return _from_numpy(np.array(column.fill_null(0).to_numpy()), missing)
    if types.is_floating(kind):
        single = types.is_float32(kind) or types.is_float16(kind)
        values = np.array(column.cast(pa.float32() if single else pa.float64()).fill_null(0.0).to_numpy())
        return _from_numpy(values, missing)
    if types.is_boolean(kind):
        return _from_numpy(np.array(column.fill_null(False).to_numpy(zero_copy_only=False)), missing)
    if types.is_date(kind) or types.is_timestamp(kind):
        values = cast(pa.timestamp("us", getattr(kind, "tz", None))).view("M8[us]")
        dtype = "date" if types.is_date(kind) else f"datetime[{kind.unit}{f', {kind.tz}' if kind.tz else ''}]"
        return Raw(Column.of(values, missing), dtype), None
    if types.is_duration(kind):
        return Raw(Column.of(cast(pa.duration("us")).view("m8[us]"), missing), f"duration[{kind.unit}]"), None
    if types.is_time(kind):
        return Raw(Column.of(cast(pa.time64("us")).view("m8[us]"), missing), "time"), None
    if types.is_decimal(kind):
        values = np.array(column.cast(pa.float64()).fill_null(0.0).to_numpy())
        return Raw(Column.of(values, missing), f"decimal({kind.precision},{kind.scale})"), None
    return objects_column(column.to_pylist())
