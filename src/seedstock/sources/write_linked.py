"""Linked tables -> a folder: a file for each table, and the schema with the links."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from seedstock.core.errors import InputError
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset
from seedstock.sources.linked import SCHEMA_FILE, tables_of
from seedstock.sources.write import Writer

FORMS = {"parquet": ".parquet", "csv": ".csv", "jsonl": ".jsonl", "arrow": ".arrow", "log": ".log"}


def write_tables(
    data: Dataset, folder: Path, metadata: Mapping[str, str] | None = None, form: str = "parquet"
) -> list[Path]:
    """Write each table into an empty folder, and ``schema.json``, by which the folder is read again.

    Parameters
    ----------
    form : {"parquet", "csv", "jsonl", "arrow", "log"}
        The last one is Zeek's tab-separated logs.

    Returns
    -------
    list of Path
        The tables' files.
    """
    if form not in FORMS:
        raise InputError(f"tables are written as {', '.join(FORMS)}, not {form!r}")
    files = []
    for name, table in tables_of(data):
        path = folder / f"{file_name(name)}{FORMS[form]}"
        with Writer(path, table.columns, metadata) as writer:
            writer.append(table)
        files.append(path)
    schema = Schema({file_name(t): s for t, s in data.schema.tables.items()}, data.schema.links).to_json()
    schema["links"] = [{**x, "child": file_name(x["child"]), "parent": file_name(x["parent"])} for x in schema["links"]]
    (folder / SCHEMA_FILE).write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return files


def file_name(table: str) -> str:
    """Return a table's name as one that any file system takes.

    >>> file_name("Track"), file_name("../x")
    ('Track', '_x')
    """
    return re.sub(r"[^\w -]+", "_", table).strip(" ")[:100] or "table"
