"""Tables in files, by DuckDB, which `parquet_sink` and this file alone know. Text files come as texts only.

DuckDB loads no extension, reads nothing but the file it is given, and spills to disk beyond its memory limit.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from seedstock.core.errors import InputError, ResourceError
from seedstock.core.table import Column
from seedstock.sources._engine import engine_column, text_column
from seedstock.sources._raw import Raw, RawTable, unique_names
from seedstock.sources.arrow import dtypes_in
from seedstock.sources.header import has_header, likely_delimiter, repeats, tidy_names

MEMORY_LIMIT = "1GiB"
MAX_LINE_BYTES = 16 * 2**20
MAX_COLUMNS = 20_000
HEAD_ROWS = 1000


@contextmanager
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an engine in memory that may spill to a folder which is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        config = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": MEMORY_LIMIT,
            "threads": str(min(os.cpu_count() or 1, 4)),
            "temp_directory": folder,
            "preserve_insertion_order": "true",
        }
        con = duckdb.connect(":memory:", config=config)
        try:
            con.execute("SET enable_progress_bar = false")
            yield con
        except (duckdb.OutOfMemoryException, MemoryError):
            raise ResourceError("the memory does not suffice for this table; read fewer rows or columns") from None
        finally:
            con.close()


@contextmanager
def plain_name(path: Path) -> Iterator[str]:
    """Give a file a name without characters that DuckDB takes for a pattern, a scheme or a compression."""
    with tempfile.TemporaryDirectory(prefix="seedstock-") as folder:
        link = Path(folder) / "data"
        try:
            link.symlink_to(path.resolve())
        except OSError:  # systems on which users may make no links
            try:
                os.link(path, link)
            except OSError:
                link = path
        yield str(link)


def read_text_table(path: Path, what: str, delimiter: str | None = None, thin: Any = None) -> RawTable:
    """Read a UTF-8 file of delimited text.

    Parameters
    ----------
    path : Path
    what : str
        How errors call the file.
    delimiter : str or None
        None finds it out.
    thin : Thinner or None
        Leaves a sample of the rows, from `seedstock.sources.large`.
    """
    with connection() as con, plain_name(path) as name:
        dialect = _sniff(con, name, delimiter, what)
        columns, dialect = _load(con, name, dialect, path, what)
        if thin is not None and thin(con, "t", "rowid", first=True):
            con.execute("DROP TABLE t")
            con.execute("ALTER TABLE thin RENAME TO t")
        head = [text_column(a) for a in con.execute(f"SELECT * FROM t LIMIT {HEAD_ROWS}").fetchnumpy().values()]
        if not len(head[0]) or not any(t and t.strip() for c in head for t in c.texts()):
            raise InputError(f"{what} has no cells; bring a table with a header and rows")
        first = [c.texts()[0] for c in head]
        header = has_header(first, [c.take(slice(1, None)) for c in head])
        if header and len(head[0]) == 1:
            raise InputError(f"{what} has a header ({len(first)} columns) and no rows; bring rows to learn from")
        body = [_texts(con, c, int(header)) for c in columns]
    names, notes = unique_names(tidy_names([t or "" for t in first]))
    again = repeats(first, body) if header and len(body) > 1 else None
    if again is not None and again.any() and not again.all():
        body = [c.take(~again) for c in body]
        many = int(again.sum())
        notes.append(
            f"{many:,} {'line repeats' if many == 1 else 'lines repeat'} the header, as where files were joined, and "
            f"{'was' if many == 1 else 'were'} left out."
        )
    if not header:
        names = [f"column_{k}" for k in range(1, len(body) + 1)]
        notes = ["The first row looks like data, so the columns are called column_1, column_2, ..."]
    if dialect["quote"] != '"':
        taken = f"Values in quotes were taken to be quoted with {dialect['quote']}, which is no part of them."
        notes.append(
            taken if dialect["quote"] else "The file's quotes do not match, so they are kept as part of cells."
        )
    if dialect["skip"]:
        notes.append(f"The first {dialect['skip']} lines are no part of the table and were skipped.")
    options = {"delimiter": dialect["delim"], "quote": dialect["quote"], "header": header, "skip": dialect["skip"]}
    return RawTable({n: Raw(c) for n, c in zip(names, body, strict=True)}, {"read_options": options}, tuple(notes))


def _sniff(con: duckdb.DuckDBPyConnection, name: str, delimiter: str | None, what: str) -> Mapping[str, Any]:
    extra = ", delim = $delim" if delimiter else ""
    with open(name, encoding="utf-8", errors="replace") as file:
        head = [file.readline(MAX_LINE_BYTES) for _ in range(100)]
    given = {"path": name, "size": MAX_LINE_BYTES} | ({"delim": delimiter} if delimiter else {})
    try:
        found = con.execute(
            f"SELECT Delimiter, Quote, Escape, SkipRows, len(Columns) FROM sniff_csv($path, all_varchar = true,"
            f" header = false, max_line_size = $size, compression = 'none'{extra})",
            given,
        ).fetchone()
    except duckdb.Error:
        found = None
    guess = delimiter or likely_delimiter(head)
    if found is None or (found[4] == 1 and guess):
        found = (guess or ",", '"', '"', 0, 0)
    if found[3] and any(found[0] in line and line[:1] != "#" for line in head[: found[3]]):
        found = (*found[:3], 0, 0)  # no preamble but rows of another width
    delim, quote, escape, skip, width = ("" if v == "(empty)" else v for v in found)
    if width and int(width) > MAX_COLUMNS:
        raise InputError(f"{what} has {int(width):,} columns; at most {MAX_COLUMNS:,} can be read")
    # The sniffer sees the first rows only: quotes may come later, so they are always understood.
    return {
        "delim": delim or ",", "quote": quote or '"', "escape": escape or quote or '"', "skip": int(skip),
        "width": int(width),
    }  # fmt: skip


def _load(
    con: duckdb.DuckDBPyConnection, name: str, dialect: Mapping[str, Any], path: Path, what: str
) -> tuple[Sequence[str], Mapping[str, Any]]:
    """Fill the engine's table ``t``; return its columns, and the dialect without quotes where they do not match."""
    width = dialect["width"] or _width(path, dialect)
    given = {"path": name, "size": MAX_LINE_BYTES, **{k: dialect[k] for k in ("delim", "skip")}}
    columns = "{" + ", ".join(f"'c{k}': 'VARCHAR'" for k in range(width)) + "}"
    for quote, escape in ((dialect["quote"], dialect["escape"]), ("", "")):
        try:
            con.execute(
                f"CREATE OR REPLACE TABLE t AS SELECT * FROM read_csv($path, auto_detect = false, header = false,"
                f" columns = {columns}, delim = $delim, quote = $quote, escape = $escape, skip = $skip,"
                f" max_line_size = $size, buffer_size = $size * 2, compression = 'none',"
                f" strict_mode = true)",
                {**given, "quote": quote, "escape": escape},
            )
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            continue
        return [f"c{k}" for k in range(width)], {**dialect, "quote": quote}
    raise InputError(f"{what} {_why_not(path, dialect, width)}")


def _width(path: Path, dialect: Mapping[str, Any]) -> int:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        line = file.readline(MAX_LINE_BYTES)
    rows = list(csv.reader([line], delimiter=dialect["delim"], quotechar=dialect["quote"]))
    return max(len(rows[0]) if rows else 1, 1)


def _why_not(path: Path, dialect: Mapping[str, Any], width: int) -> str:
    """Say which line does not fit, found by a reader of our own."""
    limit = csv.field_size_limit(MAX_LINE_BYTES)
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            for _ in range(dialect["skip"]):
                file.readline()
            reader = csv.reader(file, delimiter=dialect["delim"], quotechar=dialect["quote"], strict=True)
            for row in reader:
                if row and len(row) != width:
                    line = reader.line_num + dialect["skip"]
                    return (
                        f"has {len(row)} field{'s' * (len(row) > 1)} in line {line}, and {width} elsewhere; mend it or "
                        f"quote fields that contain {dialect['delim']!r}"
                    )
    except csv.Error as error:
        line = reader.line_num + dialect["skip"]
        if "limit" in str(error):
            return (
                f"has a field of more than {MAX_LINE_BYTES // 2**20} MiB in line {line}; shorten it or drop the column"
            )
        return f"has quotes that do not match in line {line}; mend that line"
    finally:
        csv.field_size_limit(limit)
    return "is no table that can be read: its quotes or its line ends do not fit; save it as CSV again"


def _texts(con: duckdb.DuckDBPyConnection, column: str, start: int) -> Column:
    """Take a column of texts out of the engine, from a row on."""
    return text_column(con.execute(f'SELECT "{column}" FROM t OFFSET {start}').fetchnumpy()[column])


def read_parquet(path: Path, what: str, thin: Any = None) -> RawTable:
    """Read a Parquet file, or a sample of its rows."""
    with connection() as con, plain_name(path) as name:
        try:
            con.execute(f"CREATE VIEW source AS SELECT * FROM read_parquet({_quoted(name)})")
            rows = con.execute("SELECT key, value FROM parquet_kv_metadata(?)", [name]).fetchall()
            names = _top_names(con, name)
            metadata = {_decoded(k): _decoded(v) for k, v in rows}
            numbered = f"read_parquet({_quoted(name)}, file_row_number = true)"
            thinned = thin is not None and thin(con, numbered, "file_row_number")
            if thinned:
                con.execute("ALTER TABLE thin DROP COLUMN file_row_number")
            source = "thin" if thinned else "source"
            raw = take_columns(con, source, dtypes_in(metadata.get("ARROW:schema", "")), names)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            raise InputError(f"{what} is a damaged or truncated Parquet file; write it again") from None
    own = {k: v for k, v in metadata.items() if k not in FOREIGN_METADATA}
    return replace(raw, origin={**raw.origin, "metadata": own})


def _top_names(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Return the names of a Parquet file's columns, without those nested in them."""
    rows = con.execute("SELECT name, num_children FROM parquet_schema(?)", [name]).fetchall()
    out: list[str] = []
    inside = 0
    for column, children in rows[1:]:
        if not inside:
            out.append(str(column))
        inside = max(inside - 1, 0) + (children or 0)
    return out


JSON_TEXTS = frozenset({"DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_NS", "UUID"})
FOREIGN_METADATA = frozenset({"ARROW:schema", "pandas"})


def _decoded(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def read_json(path: Path, what: str) -> RawTable:
    """Read JSON lines, or an array of objects."""
    with connection() as con, plain_name(path) as name:
        options = (
            f"{_quoted(name)}, sample_size = -1, maximum_object_size = {MAX_LINE_BYTES}, compression = 'none',"
            f" convert_strings_to_integers = false, map_inference_threshold = -1, format = 'auto'"
        )
        try:
            con.execute(f"CREATE VIEW first AS SELECT * FROM read_json({options}, records = true)")
            kinds = {str(r[0]): str(r[1]) for r in con.execute("DESCRIBE first").fetchall()}
            if any(k in JSON_TEXTS for k in kinds.values()) and not any(n.endswith("_1") for n in kinds):
                # Dates stay the texts that they are, so that their form is found out and kept.
                texts = {n: "VARCHAR" if k in JSON_TEXTS else k for n, k in kinds.items()}
                columns = ", ".join(f"{_quoted(n)}: {_quoted(k)}" for n, k in texts.items())
                options = options.replace(", convert_strings_to_integers = false, map_inference_threshold = -1", "")
                options = options.replace(", sample_size = -1", "")
                con.execute(f"CREATE TABLE source AS SELECT * FROM read_json({options}, columns = {{{columns}}})")
            else:
                con.execute("CREATE TABLE source AS SELECT * FROM first")
            _keep_long_numbers(con, options, kinds)
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error:
            raise InputError(f"{what} {_bad_json(path)}") from None
        return take_columns(con, "source", real=_first_keys(path, list(kinds)))


def _keep_long_numbers(con: duckdb.DuckDBPyConnection, options: str, kinds: Mapping[str, str]) -> None:
    """Read columns of whole numbers beyond 64 bits as texts: as floats their last digits would be lost."""
    for name in [n for n, k in kinds.items() if k == "DOUBLE"]:
        column = _identifier(name)
        top = con.execute(f"SELECT max(abs({column})) FROM source WHERE isfinite({column})").fetchone()
        if not top or top[0] is None or top[0] < 2.0**63:
            continue
        plain = options.replace(", convert_strings_to_integers = false, map_inference_threshold = -1", "")
        plain = plain.replace(", sample_size = -1", "")
        texts = f"read_json({plain}, columns = {{{_quoted(name)}: 'VARCHAR'}})"
        con.execute(f"CREATE OR REPLACE TABLE long AS SELECT * FROM {texts}")
        odd = con.execute(f"SELECT count(*) FROM long WHERE NOT regexp_full_match({column}, '-?[0-9]+')").fetchone()
        if odd and not odd[0]:
            con.execute(f"ALTER TABLE source ALTER {column} TYPE VARCHAR")
            con.execute(f"UPDATE source SET {column} = long.{column} FROM long WHERE source.rowid = long.rowid")


def _first_keys(path: Path, columns: Sequence[str]) -> list[str]:
    """Return the keys of the first object, where the engine renamed those that differ in case only."""
    if not any(n.endswith("_1") for n in columns):
        return []
    try:
        with path.open(encoding="utf-8") as file:
            keys = list(json.loads(file.readline()))
    except (ValueError, RecursionError):
        return []
    same = len(keys) == len(columns) and all(c.startswith(k) for c, k in zip(columns, keys, strict=True))
    return [str(k) for k in keys] if same else []


def _bad_json(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            try:
                if line.strip() and not isinstance(json.loads(line), dict):
                    return f"has no JSON object in line {number}; write one object a line"
            except (ValueError, RecursionError):
                return f"has no valid JSON in line {number}; write one object a line"
    return "is no JSON that makes a table; write one object a line"


def take_columns(
    con: duckdb.DuckDBPyConnection, source: str, dtypes: Mapping[str, str] | None = None, real: Sequence[str] = ()
) -> RawTable:
    """Return a table or a view of the engine as columns.

    Parameters
    ----------
    dtypes : mapping of str to str
        What is told of columns beside the engine's types.
    real : sequence of str
        The columns' names, which the engine changes where two differ in case only.
    """
    described = con.execute(f"DESCRIBE {source}").fetchall()
    given = list(real) if len(real) == len(described) else [str(row[0]) for row in described]
    names, notes = unique_names(given)
    columns = {}
    for name, own, row in zip(names, given, described, strict=True):
        columns[name], note = engine_column(con, source, str(row[0]), str(row[1]))
        columns[name] = _told(columns[name], (dtypes or {}).get(own))
        if note:
            notes.append(f"Column {name!r} {note}.")
    return RawTable(columns, {}, tuple(notes))


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _told(raw: Raw, dtype: str | None) -> Raw:
    """Apply what a file's Arrow schema says of a column, where the cells allow it."""
    values = raw.column.values
    if dtype == "categorical" and raw.column.is_text:
        return Raw(raw.column, dtype)
    if dtype is not None and dtype.startswith("duration[") and values.dtype.kind == "i":
        return Raw(Column.of(values.view(f"m8[{dtype[9:-1]}]").astype("m8[us]"), raw.column.missing), dtype)
    if dtype is not None and dtype.startswith("datetime[") and values.dtype.kind == "M" and "," in raw.dtype:
        return Raw(raw.column, dtype) if "," in dtype else raw
    return raw
