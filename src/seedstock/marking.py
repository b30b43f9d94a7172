"""What goes in and what comes out: where input is from, and output that says what it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedstock.core.contracts import Fitted
from seedstock.core.table import Dataset
from seedstock.provenance.keys import ProjectKey, home, project_key, read_key, remember
from seedstock.provenance.lineage import with_lineage
from seedstock.provenance.watermark import Watermarked, layout, off

STRONG_ROWS = 50_000
"""Up to this many rows each is picked among four candidates; of more rows two do as well, in half the time."""


@dataclass(frozen=True)
class Marking:
    """How drawn rows are marked: with the project's key, or not at all, for a reason.

    Attributes
    ----------
    key : ProjectKey or None
        None: rows are not marked.
    generation : int
        1 for rows drawn from a model of real ones.
    """

    key: ProjectKey | None
    generation: int = 1

    @classmethod
    def choose(cls, on: bool, key: str | os.PathLike[str] | None, generation: int) -> Marking:
        """Return the marking that a user asked for; the default key is made on first use."""
        return cls(project_key(key) if on else None, generation)

    def of(self, fitted: Fitted, rows: int) -> tuple[Fitted, Mapping[str, Any]]:
        """Return a model whose draws are marked, and what the record says of it."""
        if self.key is None:
            return fitted, off("switched off by the user")
        if why := getattr(fitted, "unmarkable", ""):
            return fitted, off(why)
        for table in fitted.schema.tables.values():
            remember(self.key, layout(table))
        marked = Watermarked(fitted, self.key.secret, self.generation, 4 if rows <= STRONG_ROWS else 2)
        return marked, marked.facts()


def known_origin(data: Dataset, source: Any, real: bool = False, key: str | os.PathLike[str] | None = None) -> Dataset:
    """Return data with all that is known of their lineage: their record, a description beside the file, their mark.

    Parameters
    ----------
    source : path or frame
        What the data were read from.
    real : bool
        The user's word that no row is synthetic.
    key : path or None
        The key file whose mark is looked for; by default the project's own, where there is one.
    """
    path = Path(source) if isinstance(source, str | os.PathLike) and Path(source).exists() else None
    file = Path(key) if key is not None else home() / "key.json"
    return with_lineage(data, path, read_key(file) if file.exists() else None, real)
