"""Arrow's own files, and the Arrow schema that Parquet files carry, by nanoarrow: no pyarrow needed."""

from __future__ import annotations

import base64
import binascii
import io
import re
from pathlib import Path
from typing import Any

import nanoarrow as na
from nanoarrow.c_array_stream import CArrayStream
from nanoarrow.ipc import InputStream, StreamWriter

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, TableSchema
from seedstock.core.zones import unit_and_zone
from seedstock.sources._raw import RawTable

MAGIC = b"ARROW1"
_PLAIN = {"string": na.string, "bool": na.bool_, "date": na.date32, "float32": na.float32, "float64": na.float64,
          **{f"{u}int{w}": getattr(na, f"{u}int{w}") for u in ("", "u") for w in (8, 16, 32, 64)}}  # fmt: skip
_NAMES = {"float": "float32", "double": "float64", "half_float": "float32", "large_string": "string",
          "string_view": "string", "date32": "date", "date64": "date", "time32": "time", "time64": "time"}  # fmt: skip


def read_arrow(path: Path, what: str) -> RawTable:
    """Read an Arrow file (Feather of version 2) or stream."""
    from seedstock.sources.frames import from_stream

    data = path.read_bytes()
    if data[:6] == MAGIC:
        data = data[8:]  # the file format is the stream format between magic words, then a footer
    try:
        with InputStream.from_readable(io.BytesIO(data)) as source:
            raw = from_stream(source)
        with InputStream.from_readable(io.BytesIO(data)) as source:
            pairs = na.c_array_stream(source).get_schema().metadata or {}
            metadata = {k.decode("utf-8", "replace"): v.decode("utf-8", "replace") for k, v in pairs.items()}
    except InputError:
        raise
    except Exception:  # the parser's errors have no common base
        if not data.endswith(MAGIC):
            raise InputError(f"{what} is a damaged or truncated Arrow file; write it again, or as Parquet") from None
        raw, metadata = _by_another_library(path, what)
    return RawTable(raw.columns, {"metadata": metadata}, raw.notes)


def _by_another_library(path: Path, what: str) -> tuple[RawTable, dict[str, str]]:
    """Read a whole file that nanoarrow does not: compressed categories, text views, a schema in the footer alone."""
    from seedstock.sources.frames import from_object, load_arrow

    try:
        frame, metadata = load_arrow(path)
    except ImportError:
        raise InputError(
            f"{what} is damaged, or needs pyarrow or Polars to be read; install one of them, or save it as Parquet"
        ) from None
    except (ValueError, OSError, RuntimeError):
        raise InputError(f"{what} is a damaged Arrow file; write it again, or as Parquet") from None
    return from_object(frame), metadata


def schema_text(schema: TableSchema) -> str:
    """Return the Arrow schema that readers of Parquet look for, in base64."""
    struct = na.struct({name: _type(s) for name, s in schema.columns.items()})
    buffer = io.BytesIO()
    with StreamWriter.from_writable(buffer) as writer:
        writer.write_stream(CArrayStream.from_c_arrays([], na.c_schema(struct), validate=False))
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def dtypes_in(text: str) -> dict[str, str]:
    """Return the dtypes that a Parquet file's Arrow schema tells and Parquet does not; nothing where it is damaged."""
    try:
        data = base64.b64decode(text, validate=True)
        with InputStream.from_readable(io.BytesIO(data)) as source:
            fields = list(na.ArrayStream(source).schema.fields)
        return {str(f.name): d for f in fields if (d := dtype_of(f)) is not None}
    except (ValueError, RuntimeError, OSError, binascii.Error, KeyError, TypeError, AttributeError):
        return {}


def dtype_of(field: Any) -> str | None:
    """Return our name of an Arrow type, None where there is none."""
    name = field.type.name.lower()
    if name == "dictionary":
        return (
            "categorical" if field.value_type.type.name.lower() in ("string", "large_string", "string_view") else None
        )
    if name in ("decimal128", "decimal256"):
        return f"decimal({field.precision},{field.scale})"
    if name == "timestamp":
        return f"datetime[{_unit(field)}]" if not field.timezone else _zoned(field)
    if name == "duration":
        return f"duration[{_unit(field)}]"
    return _NAMES.get(name, name if name in _PLAIN else None)


def _zoned(field: Any) -> str:
    return f"datetime[{_unit(field)}, {field.timezone}]"


def _unit(field: Any) -> str:
    return {"SECOND": "s", "MILLI": "ms", "MICRO": "us", "NANO": "ns"}[field.unit.name]


def _type(schema: ColumnSchema) -> Any:
    dtype = {"boolean": "bool"}.get(schema.dtype, schema.dtype)
    dtype = dtype.lower() if dtype[:1] in "IUF" else dtype
    if dtype in _PLAIN:
        return _PLAIN[dtype]()
    unit, zone = unit_and_zone(dtype)
    if dtype.startswith("datetime"):
        return na.timestamp("us" if zone else unit, zone)
    if dtype.startswith("duration"):
        return na.duration(unit)
    if dtype == "categorical":
        return na.dictionary(na.int32(), na.string())
    if dtype == "time":
        return na.time64("us")
    if found := re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", dtype):
        return na.decimal128(min(int(found[1]), 38), int(found[2]))
    return na.float64()
