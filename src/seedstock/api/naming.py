"""One name for each thing in a column: proposed, edited in a file, applied."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedstock.api.reading import Source, read
from seedstock.core.errors import InputError
from seedstock.core.results import Edit
from seedstock.core.table import Dataset
from seedstock.outcomes import as_frame, flavour_of
from seedstock.store import file_in_place


def categories(source: Source, column: str) -> dict[str, Any]:
    """Propose a canonical list of a column's values, with the mapping to it.

    Returns
    -------
    dict
        ``canonical``: value -> rows that it will have; ``mapping``: other spelling -> canonical value, or None where it
        stands for no value; ``reasons``. Edit ``mapping`` and hand it to `apply_categories`.

    Examples
    --------
    >>> import pandas as pd
    >>> categories(pd.DataFrame({"city": ["Bonn"] * 9 + ["bonn ", "n/a"]}), "city")["mapping"]
    {'n/a': None, 'bonn ': 'Bonn'}
    """
    from seedstock.checks._categories import categories as propose

    return propose(read(source), column)


def apply_categories(source: Source, column: str, mapping: Mapping[str, str | None]) -> tuple[Any, list[Edit]]:
    """Write each value of a mapping in its canonical form: the data as the kind that was handed in, and the edits."""
    data = read(source)
    after, edits = _applied(data, column, mapping)
    return as_frame(after, flavour_of(data)), edits


def save_mapping(found: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write what `categories` proposed as a TOML file to be edited."""
    text = to_toml(found)
    file_in_place(path, lambda new: new.write_text(text, "utf-8"))


def map_file(
    source: Source,
    mapping: str | os.PathLike[str],
    output: str | os.PathLike[str],
    column: str | None = None,
    log: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Apply an edited mapping and write the data; return the column and how many cells were changed."""
    from seedstock.checks._log import to_text
    from seedstock.sources.write import write

    data = read(source)
    named, values = from_toml(Path(mapping))
    after, edits = _applied(data, column or named, values)
    write(after, output)
    if log is not None:
        text = to_text(edits, data, after)
        file_in_place(log, lambda new: new.write_text(text, "utf-8"))
    return {"column": column or named, "cells_changed": len(edits), "output": str(output)}


def to_toml(found: Mapping[str, Any]) -> str:
    """Return a proposal as TOML: the column, what stands for no value, the mapping, and the canonical list."""
    nothing = [value for value, end in found["mapping"].items() if end is None]
    lines = [
        f"column = {_quoted(found['column'])}",
        "",
        "# What stands for no value.",
        f"missing = [{', '.join(map(_quoted, nothing))}]",
        "",
        "# Each spelling and what it becomes. Change the right-hand sides, add lines, or take some out.",
        "[mapping]",
    ]
    for value, end in found["mapping"].items():
        if end is not None:
            why = found["reasons"].get(value)
            lines.append(f"{_quoted(value)} = {_quoted(end)}{f'  # {why}' if why else ''}")
    lines += ["", "# The canonical values and how many rows will have them; for reading only.", "[canonical]"]
    lines += [f"{_quoted(value)} = {rows}" for value, rows in found["canonical"].items()]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    # A TOML basic string is a JSON string, but for one control character that JSON leaves as it is.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def from_toml(path: Path) -> tuple[str, dict[str, str | None]]:
    """Read a mapping file: the column, and value -> canonical value or None."""
    try:
        value = tomllib.loads(path.read_text("utf-8"))
        column, mapping, nothing = value["column"], value.get("mapping", {}), value.get("missing", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        raise InputError(
            f"{path.name} is no mapping ({str(error)[:100]}); `seedstock categories --output FILE` writes one"
        ) from None
    wrong = [v for v in mapping.values() if not isinstance(v, str)] if isinstance(mapping, dict) else [mapping]
    wrong += [v for v in nothing if not isinstance(v, str)] if isinstance(nothing, list) else [nothing]
    if wrong or not isinstance(column, str):
        raise InputError(f"{path.name}: the column and all values of a mapping must be texts, not {wrong or column!r}")
    if both := sorted(set(nothing) & set(mapping)):
        raise InputError(f"{path.name} maps {both[0]!r} and calls it missing; take one of them out")
    return column, {**mapping, **dict.fromkeys(nothing)}


def _applied(data: Dataset, column: str, mapping: Mapping[str, str | None]) -> tuple[Dataset, list[Edit]]:
    from seedstock.checks._categories import apply_categories as edits_of
    from seedstock.checks._clean import apply

    return apply(data, edits_of(data, column, mapping))
