"""Columns -> the columns of pandas, Polars and Arrow frames. The libraries are handed in: `frames` imports them."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from seedstock.core.errors import MissingExtraError
from seedstock.core.table import Table
from seedstock.core.zones import unit_and_zone
from seedstock.sources.outgoing import Outgoing, outgoing


def numpy_array(out: Outgoing) -> Any:
    """Return a column as a NumPy array."""
    if out.dtype in ("string", "categorical", "image"):
        return out.values
    if out.values.dtype.kind in "iu" and out.dtype != "bool":
        return out.values.astype(out.dtype) if not out.missing.any() else np.where(out.missing, np.nan, out.values)
    if out.values.dtype.kind == "b" and out.missing.any():
        cells = out.values.astype(object)
        cells[out.missing] = None
        return cells
    return _nan(out)


def _nan(out: Outgoing) -> Any:
    values = out.values.copy()
    if values.dtype.kind == "f":
        values[out.missing] = np.nan
        return values.astype(np.float32) if out.dtype == "float32" else values
    if values.dtype.kind in "mM":
        values[out.missing] = "NaT"
    return values


def _python(out: Outgoing) -> Any:
    """Return dates, times and decimals as the objects that Python has for them."""
    cells = out.values.tolist()
    if out.dtype == "date":
        cells = [v.date() if isinstance(v, dt.datetime) else v for v in cells]
    elif out.dtype == "time":
        cells = [(dt.datetime.min + v).time() if isinstance(v, dt.timedelta) else v for v in cells]
    elif out.dtype.startswith("decimal"):
        scale = int(out.dtype.rstrip(")").partition(",")[2])
        cells = [Decimal(f"{v:.{max(scale, 0)}f}") if np.isfinite(v) else None for v in cells]
    array = np.empty(len(cells), object)
    array[:] = cells
    array[out.missing] = None
    return array


def to_pandas(pd: Any, out: Outgoing, born_text: bool) -> Any:
    """Return a column as a pandas series."""
    if out.dtype == "image":
        return pd.Series(list(out.values), dtype=object)
    if out.dtype == "string":
        return pd.Series(out.values)
    if out.dtype == "categorical":
        return pd.Series(pd.Categorical(out.values))
    if out.values.dtype.kind in "ib" and (out.nullable or out.missing.any()):
        name = (
            "boolean"
            if out.values.dtype.kind == "b"
            else {"u": "UInt"}.get(out.dtype[:1], "Int") + out.dtype[out.dtype.index("t") + 1 :]
        )
        series = pd.Series(out.values).astype(name)
        series[out.missing] = pd.NA
        return series
    if out.dtype == "date" and born_text:
        return pd.Series(_nan(out))
    if out.dtype in ("date", "time") or out.dtype.startswith("decimal"):
        return pd.Series(_python(out), dtype=object)
    values = _nan(out)
    if values.dtype.kind in "mM":
        unit, zone = unit_and_zone(out.dtype)
        series = pd.Series(values.astype(f"{values.dtype.kind}8[{unit}]"))
        return series.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else series
    series = pd.Series(values if out.dtype == "bool" else values.astype(out.dtype))
    return series.astype(out.dtype.capitalize()) if out.nullable and out.dtype.startswith("float") else series


def to_polars(pl: Any, name: str, out: Outgoing) -> Any:
    """Return a column as a Polars series."""
    if out.dtype in ("string", "categorical"):
        return pl.Series(name, out.values.tolist(), pl.String).cast(
            pl.String if out.dtype == "string" else pl.Categorical
        )
    if out.dtype == "image":
        return pl.Series(name, out.values.reshape(len(out.values), -1))
    if out.dtype.startswith("decimal"):
        p, s = out.dtype[8:-1].split(",")
        return pl.Series(name, _python(out).tolist(), pl.Decimal(int(p), int(s)))
    values, kind = out.values, out.values.dtype.kind
    if kind in "mM":
        unit, zone = unit_and_zone(out.dtype)
        series = pl.Series(name, values.astype(np.int64))
        if out.dtype == "time":
            series = (series * 1000).cast(pl.Time)
        elif kind == "m":
            series = series.cast(pl.Duration("us")).dt.cast_time_unit("us" if unit == "s" else unit)
        else:
            series = series.cast(pl.Datetime("us", "UTC" if zone else None))
            series = (
                series.cast(pl.Date) if out.dtype == "date" else series.dt.cast_time_unit("us" if unit == "s" else unit)
            )
            series = series.dt.convert_time_zone(zone) if zone else series
    else:
        series = pl.Series(name, values if out.dtype == "bool" else values.astype(out.dtype))
    if out.missing.any():
        series = series.set(pl.Series(out.missing), None)
    return series


def to_arrow(pa: Any, out: Outgoing) -> Any:
    """Return a column as an Arrow array."""
    if out.dtype == "image":
        return pa.array(out.values.reshape(len(out.values), -1).tolist())
    if out.dtype in ("string", "categorical"):
        texts = pa.array(out.values, pa.string())
        return texts.dictionary_encode() if out.dtype == "categorical" else texts
    if out.dtype.startswith("decimal"):
        p, s = out.dtype[8:-1].split(",")
        return pa.array(_python(out), pa.decimal128(min(int(p), 38), int(s)))
    values, kind = out.values, out.values.dtype.kind
    if kind in "mM":
        unit, zone = unit_and_zone(out.dtype)
        whole = pa.array(values.astype(np.int64), mask=out.missing)
        if out.dtype == "date":
            return whole.cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
        if out.dtype == "time":
            return whole.cast(pa.time64("us"))
        if kind == "m":
            return whole.cast(pa.duration("us")).cast(pa.duration(unit), safe=False)
        return whole.cast(pa.timestamp("us", zone)).cast(pa.timestamp(unit, zone), safe=False)
    return pa.array(values if out.dtype == "bool" else values.astype(out.dtype), mask=out.missing)


class ArrowSink:
    """Arrow files (Feather of version 2), block by block; needs pyarrow."""

    def __init__(self, path: Any, schema: Any, metadata: Mapping[str, str]) -> None:
        try:
            import pyarrow as pa
        except ImportError:
            raise MissingExtraError("Arrow files need pyarrow to be written; install it, or write Parquet") from None
        # What the file is to carry may be known only when its last row is.
        self.pa, self.schema, self.path, self.metadata = pa, schema, path, metadata
        self.writer: Any = None
        self.file = path.open("wb")

    def append(self, table: Table) -> None:
        """Write the next rows."""
        pa = self.pa
        block = pa.table({n: to_arrow(pa, outgoing(c, self.schema[n])) for n, c in table.columns.items()})
        if self.writer is None:
            # Dictionaries may not change between the blocks of a file: categories are written as texts.
            kinds = [pa.string() if pa.types.is_dictionary(f.type) else f.type for f in block.schema]
            fields = [pa.field(n, k) for n, k in zip(block.schema.names, kinds, strict=True)]
            self.arrow = pa.schema(fields)
            self.writer = pa.ipc.new_file(self.file, self.arrow)
        self.writer.write_table(block.cast(self.arrow))

    def close(self) -> None:
        """Finish the file."""
        if self.writer is not None:
            self.writer.close()
        self.file.close()
        if self.writer is not None and self.metadata:
            self._carry()

    def _carry(self) -> None:
        """Write the file anew with its metadata, which stand before the rows; block by block, from a mapped file."""
        pa, new = self.pa, self.path.with_name(self.path.name + ".carrying")
        schema = self.arrow.with_metadata(dict(self.metadata))
        try:
            with pa.memory_map(str(self.path)) as source, new.open("wb") as sink:
                reader = pa.ipc.open_file(source)
                with pa.ipc.new_file(sink, schema) as writer:
                    for k in range(reader.num_record_batches):
                        writer.write_batch(reader.get_batch(k).replace_schema_metadata(schema.metadata))
            os.replace(new, self.path)
        finally:
            new.unlink(missing_ok=True)

    def abort(self) -> None:
        """Close what is there."""
        self.file.close()
