"""Edits that linked tables must be spared: their keys, and the removal of rows that others point to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seedstock.core.results import Edit, Finding
from seedstock.core.table import Dataset


def sparing_keys(findings: Sequence[Finding], data: Dataset) -> list[Finding]:
    """Return findings whose edits leave keys, references and the number of rows of linked tables as they are."""
    if not data.schema.links:
        return list(findings)
    ends = {(x.child, x.column) for x in data.schema.links} | {(x.parent, x.key) for x in data.schema.links}

    def safe(edit: Edit) -> bool:
        return edit.column is not None and (edit.table, edit.column) not in ends

    return [replace(f, edits=tuple(e for e in f.edits if safe(e))) for f in findings]
