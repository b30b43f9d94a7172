"""Schema files: what the user knows better, in TOML or JSON."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedstock.core.errors import InputError
from seedstock.core.schema import KINDS, ROLES

MAX_BYTES = 2**24
FIELDS: dict[str, type] = {
    "kind": str,
    "roles": list,
    "role": str,
    "dtype": str,
    "decimals": int,
    "format": str,
    "missing": str,
}


def columns_of(schema: Any) -> dict[str, dict[str, Any]]:
    """Return what a schema file, or the mapping that it holds, says about columns.

    The file has a table ``columns``: ``[columns.zip]`` with ``kind = "category"``, or short ``zip = "category"``.
    What `seedstock.core.schema.Schema.to_json` writes is understood too, where it has one table.

    Examples
    --------
    >>> columns_of({"columns": {"zip": "category", "id": {"role": "key"}}})
    {'zip': {'kind': 'category'}, 'id': {'roles': ('key',)}}
    """
    value = schema if isinstance(schema, Mapping) else load(schema)
    if "tables" in value:
        tables = value["tables"]
        if not isinstance(tables, Mapping) or len(tables) != 1:
            raise InputError("the schema must have exactly one table here")
        value = {"columns": next(iter(tables.values()))}
    unknown = [k for k in value if k not in ("columns", "rules", "veto", "links")]
    if unknown or not isinstance(value.get("columns", {}), Mapping):
        what = f"has an unknown key {unknown[0]!r}" if unknown else "says something else than a table as 'columns'"
        raise InputError(
            f"the schema {what}; write [columns.NAME] with keys among {', '.join(FIELDS)}, [[rules]], or veto = [...]"
        )
    return {str(name): _column(str(name), said) for name, said in value.get("columns", {}).items()}


def rules_of(schema: Any) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """Return the rules that a schema file declares, and those that it vetoes; a generator checks them when it fits.

    >>> rules_of({"veto": "pairs", "rules": [{"kind": "order", "columns": ["start", "end"]}]})
    (({'kind': 'order', 'columns': ['start', 'end']},), ('pairs',))
    """
    value = schema if isinstance(schema, Mapping) else load(schema)
    if "tables" in value and isinstance(value.get("rules"), Mapping):
        value = next(iter(value["rules"].values()), {})
    rules, veto = value.get("rules", ()), value.get("veto", ())
    veto = (veto,) if isinstance(veto, str) else veto
    if not isinstance(rules, list | tuple) or not all(isinstance(r, Mapping) for r in rules):
        raise InputError("the schema's rules must be a list of tables; write [[rules]] for each of them")
    if not isinstance(veto, list | tuple) or not all(isinstance(v, str) for v in veto):
        raise InputError("the schema's veto must be a list of names or kinds of rules")
    return tuple(dict(r) for r in rules), tuple(veto)


def load(path: Any) -> Mapping[str, Any]:
    """Read a TOML or JSON file."""
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"a schema is a file, a mapping or a Schema, not {type(path).__name__}")
    file = Path(path)
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(
                f"the schema file {str(file)!r} is larger than {MAX_BYTES // 2**20} MiB; that is no schema"
            )
        text = file.read_text("utf-8-sig")
        is_json = file.suffix.lower() == ".json" or text.lstrip()[:1] == "{"
        value = json.loads(text) if is_json else tomllib.loads(text)
    except FileNotFoundError:
        raise InputError(f"there is no schema file {str(file)!r}") from None
    except OSError as error:
        raise InputError(f"the schema file {str(file)!r} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        what = " ".join(str(error).split())[:160]
        raise InputError(f"the schema file {str(file)!r} is neither TOML nor JSON: {what}") from None
    if not isinstance(value, Mapping):
        raise InputError(f"the schema file {str(file)!r} must hold a table 'columns'")
    return value


def _column(name: str, said: Any) -> dict[str, Any]:
    if isinstance(said, str):
        said = {"kind": said}
    if not isinstance(said, Mapping):
        raise InputError(f"the schema says {said!r} about column {name!r}; write a kind, or a table of keys")
    out: dict[str, Any] = {}
    for key, value in said.items():
        if key not in FIELDS:
            raise InputError(f"the schema has an unknown key {key!r} for {name!r}; there are {', '.join(FIELDS)}")
        if value is None and key not in ("kind", "roles", "role"):
            out[key] = None
            continue
        kind: Any = (list, tuple) if FIELDS[key] is list else FIELDS[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise InputError(f"the schema's {key!r} of {name!r} must be of type {FIELDS[key].__name__}, not {value!r}")
        if key in ("roles", "role"):
            out["roles"] = tuple([value] if key == "role" else value)
        else:
            out[key] = value
    if "kind" in out and out["kind"] not in KINDS:
        raise InputError(f"the kind of {name!r} must be one of {', '.join(KINDS)}, not {out['kind']!r}")
    odd = [r for r in out.get("roles", ()) if r not in ROLES]
    if odd:
        raise InputError(f"the role of {name!r} must be one of {', '.join(ROLES)}, not {odd[0]!r}")
    return out
