"""`categories`: a canonical list of a column's values with the mapping to it, to be edited and applied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from seedstock.checks._cells import normal, present_levels
from seedstock.checks._spelling import misspelt, variants
from seedstock.checks.disguised_missing import WORDS
from seedstock.core.errors import InputError
from seedstock.core.results import Edit
from seedstock.core.table import Dataset


def categories(data: Dataset, column: str) -> dict[str, Any]:
    """Propose a canonical list.

    Returns
    -------
    dict
        ``canonical``: value -> cells; ``mapping``: value -> canonical value, or None for no value; ``reasons``: value
        -> why. JSON values; edit ``mapping`` and hand it to `apply_categories`.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> from seedstock.core.table import Column, Table
    >>> cells = ["Birmingham"] * 9 + ["birmingham ", "Birmingxam", "n/a", "Boston"]
    >>> schema = Schema({"t": TableSchema({"city": ColumnSchema("category")})})
    >>> data = Dataset({"t": Table({"city": Column.of_texts(cells)})}, schema)
    >>> categories(data, "city")["mapping"]
    {'n/a': None, 'birmingham ': 'Birmingham', 'Birmingxam': 'Birmingham'}
    """
    cells = data.table[column]
    if not cells.is_text:
        raise InputError(f"{column!r} is no column of texts; categories are proposed for texts")
    levels, counts, _ = present_levels(cells)
    to: dict[int, int | None] = {}
    reasons: dict[str, str] = {}
    for i, text in enumerate(levels.tolist()):
        if len(text) <= 30 and normal(text) in WORDS:
            to[i] = None
            reasons[text] = "stands for no value"
    for found, why in ((variants(levels, counts), "another spelling"), (misspelt(levels, counts), "a misspelling")):
        for a, b in found.items():
            if a not in to and to.get(b, b) is not None:
                to[a] = to.get(b, b)
                reasons[str(levels[a])] = why
    total = counts.astype(np.int64).copy()
    for a, end in to.items():
        if end is not None:
            total[end] += counts[a]
    kept = [i for i in np.argsort(-total, kind="stable").tolist() if i not in to]
    return {
        "column": column,
        "canonical": {str(levels[i]): int(total[i]) for i in kept},
        "mapping": {str(levels[a]): None if end is None else str(levels[end]) for a, end in to.items()},
        "reasons": reasons,
    }


def apply_categories(data: Dataset, column: str, mapping: Mapping[str, str | None]) -> list[Edit]:
    """Return the edits that write each value of a mapping in its canonical form."""
    cells = data.table[column]
    if not cells.is_text:
        raise InputError(f"{column!r} is no column of texts; categories are applied to texts")
    levels, _, codes = present_levels(cells)
    known = set(levels.tolist())
    if strange := [v for v in mapping if v not in known]:
        raise InputError(f"{column!r} has no value {strange[0]!r}; correct the mapping")
    if wrong := [v for v in mapping.values() if v is not None and not isinstance(v, str)]:
        raise InputError(f"a canonical value must be a text or null, not {json.dumps(wrong[0])}")
    after = [mapping.get(t, t) for t in levels.tolist()]
    changed = np.array([a != t for a, t in zip(after, levels.tolist(), strict=True)] + [False])
    return [
        Edit(data.name, int(r), column, str(levels[k]), after[k], "categories", 1.0, True, "as in the canonical list")
        for r, k in zip(np.flatnonzero(changed[codes]), codes[changed[codes]].tolist(), strict=True)
    ]
