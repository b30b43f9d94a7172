"""Loci: keyed column subsets that are found again whatever columns are dropped or moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Table
from seedstock.provenance.cells import Hash, Resolution, cell_codes, derive, row_hash

NARROW = 4
"""Columns of a narrow locus. Three dropped columns break at most twelve of fifteen."""
WIDE = 0.8
"""Share of the columns that a wide locus has."""
WIDEST = 12
MOST = 16


@dataclass(frozen=True)
class Locus:
    """A subset of the columns, read at one resolution.

    Attributes
    ----------
    layer : int
        0 for narrow loci, which survive dropped columns, 1 for wide ones, which tell rows apart.
    columns : tuple of str
    resolution : {"exact", "fine", "coarse"}
    """

    layer: int
    columns: tuple[str, ...]
    resolution: Resolution = "fine"

    @property
    def name(self) -> str:
        return f"{self.layer}:{self.resolution}:{'|'.join(self.columns)}"


def widths(n_columns: int, wide: float = WIDE) -> tuple[int, int]:
    """Return how many columns a narrow and a wide locus have.

    >>> widths(15), widths(3)
    ((4, 12), (3, 3))
    """
    narrow = min(NARROW, n_columns)
    return narrow, min(max(narrow, math.ceil(wide * n_columns)), WIDEST)


def panel(names: Sequence[str], key: bytes, wide: float = WIDE) -> list[Locus]:
    """Return the loci of a table with these columns, narrow ones first.

    The names stand on a ring in an order that the key decides. A locus is a column and its successors. Without
    a column only those loci change that contained it, and no list of the original columns is needed to find the
    others again: consistent hashing (Karger et al. 1997) applied to column subsets.

    Examples
    --------
    >>> whole = panel([f"c{i}" for i in range(15)], b"key")
    >>> kept = panel([f"c{i}" for i in range(12)], b"key")
    >>> len(whole), len(set(whole) & set(kept)) >= 3
    (30, True)
    """
    out: dict[Locus, None] = {}
    for layer, width in enumerate(widths(len(names), wide)):
        place = {name: derive(key, "ring", layer, name) for name in names}
        ring = sorted(names, key=place.__getitem__)
        # Of very many columns the loci at the places that the key prefers are enough.
        first = sorted(names, key=lambda name: derive(key, "anchor", name))[:MOST]
        for i in sorted(ring.index(name) for name in first):
            out[Locus(layer, tuple(sorted(ring[(i + k) % len(ring)] for k in range(width))))] = None
    return list(out)


def locus_hashes(table: Table, schema: Mapping[str, ColumnSchema], loci: Sequence[Locus], key: bytes) -> list[Hash]:
    """Return one hash a row for each locus."""
    wanted = sorted({(c, locus.resolution) for locus in loci for c in locus.columns})
    codes = {(c, r): cell_codes(table[c], schema[c], c, key, r) for c, r in wanted}
    return [
        row_hash((codes[c, x.resolution] for c in x.columns), derive(key, "locus", x.name), len(table)) for x in loci
    ]
