"""Links between tables that nobody declared: by names, uniqueness and inclusion."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import Link, TableSchema
from seedstock.core.table import Column, Table
from seedstock.sources.identifiers import is_key_name

INCLUDED = 0.95
"""Share of a column's cells that must stand among the keys of the table that it is taken to point to."""


def find_links(tables: Mapping[str, Table], schemas: Mapping[str, TableSchema], notes: list[str]) -> list[Link]:
    """Return links of which the names agree, the parent's key is unique, and nearly all of the child's cells are keys.

    What was found is noted, for the user to see.
    """
    out: list[Link] = []
    for parent, table in tables.items():
        for key in _keys(table):
            for child, other in tables.items():
                for column in other:
                    if (child, column) == (parent, key) or not _names_agree(parent, key, child, column):
                        continue
                    share = _included(other[column], table[key])
                    if share >= INCLUDED and not any((x.child, x.column) == (child, column) for x in out):
                        out.append(Link(child, column, parent, key))
                        notes.append(f"Taken for a link: {child}.{column} points to {parent}.{key} ({share:.1%} of its "
                                     f"values are keys there).")  # fmt: skip
    # Two tables that share a whole key would each be the other's parent: the one with more rows is the parent.
    return [x for x in out if not (_mirrored(x, out) and len(tables[x.parent]) < len(tables[x.child]))]


def _mirrored(link: Link, links: list[Link]) -> bool:
    return any((x.child, x.column, x.parent, x.key) == (link.parent, link.key, link.child, link.column) for x in links)


def _keys(table: Table) -> list[str]:
    """Return the columns that could be keys: distinct, never missing, whole numbers or texts, and named like keys."""
    out = []
    for name in table:
        column = table[name]
        if column.missing.any() or not (column.is_text or column.values.dtype.kind == "i") or not is_key_name(name):
            continue
        if len(np.unique(column.values)) == len(column):
            out.append(name)
    return out


def _names_agree(parent: str, key: str, child: str, column: str) -> bool:
    """Tell whether a column is called like another table's key, or like that table with its key's ending.

    >>> _names_agree("customers", "id", "orders", "customer_id"), _names_agree("customers", "id", "orders", "id")
    (True, False)
    >>> _names_agree("Artist", "ArtistId", "Album", "ArtistId"), _names_agree("employees", "id", "employees", "boss_id")
    (True, False)
    """
    plain_key, plain = _plain(key), _plain(column)
    stems = {_plain(parent), _plain(parent).removesuffix("s"), re.sub("ies$", "y", _plain(parent))}
    generic = plain_key in {"id", "key", "uid", "pk", "index", "rowid", "uuid", "guid"}
    if plain == plain_key and not generic:
        return parent != child
    ending = plain_key if generic else next((plain_key.removeprefix(s) for s in stems if plain_key.startswith(s)), "id")
    return any(plain in (f"{s}{ending}", f"{s}id", f"parent{s}{ending}") for s in stems) or (
        plain in (f"parent{plain_key}", "parentid") and parent == child
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _included(column: Column, key: Column) -> float:
    if column.is_text != key.is_text:
        return 0.0
    here = ~column.missing
    if not here.any():
        return 0.0
    if key.levels is not None and column.levels is not None:
        known = set(key.levels[key.values].tolist())
        levels = np.array([t in known for t in column.levels])
        return float(levels[column.values[here]].mean())
    values: NDArray[np.generic] = column.values[here]
    if values.dtype.kind not in "if":
        return 0.0
    return float(np.isin(values, key.values).mean())
