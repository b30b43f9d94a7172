"""A data set's fingerprint: keyed hashes of its rows, of near rows, and of its loci; no values.

The rows' hashes, sorted, are an exact-row filter (64 bits: below 1e-6 false hits for 1e5 rows against 1e8) and,
read from the front, a MinHash. A locus keeps its smallest hashes (bottom-k, Cohen and Kaplan 2007).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, TableSchema
from seedstock.core.table import Dataset, Table
from seedstock.provenance.cells import Hash, Resolution, cell_codes, derive, distinct, expand, row_hash
from seedstock.provenance.loci import Locus, panel
from seedstock.provenance.sketch import Sketch
from seedstock.provenance.spill import Sorter, sampled
from seedstock.provenance.values import Values, packed

GROUPS = 4
UNIQUE = 0.97
"""A family of near keys tells rows apart, and is kept, if so many of the keys differ."""
WIDE = 0.5
"""Share of the columns that a wide locus has here: a copy with some edits shares most, another sample few."""
ALLELES = 1024
"""Hashes that a locus keeps."""
NEAR_SHARE = 8
"""Of large tables one near hash in so many is kept, chosen by the hash itself."""
WHOLE_ROWS = 200_000
_CHUNK = 1 << 19


@dataclass
class Fingerprint:
    """Takes a table chunk by chunk and makes its sketch, once.

    Of more rows than a few millions the hashes wait in `folder`, where one is named.

    Examples
    --------
    >>> from seedstock.core.table import Column
    >>> table = Table({"x": Column.of(np.arange(5))})
    >>> schema = {"x": ColumnSchema("number", dtype="int64")}
    >>> len(Fingerprint(b"key").add(table, TableSchema(schema)).sketch().arrays["rows"])
    5
    """

    key: bytes
    columns: dict[str, ColumnSchema] = field(default_factory=dict)
    n_rows: int = 0
    folder: Path | None = None
    _rows: Sorter | None = None
    _near: dict[str, Sorter] = field(default_factory=dict)
    _values: dict[str, Values] = field(default_factory=dict)
    _alleles: dict[Locus, tuple[Hash, int]] = field(default_factory=dict)
    _near_share: int = 1

    def add(self, table: Table, schema: TableSchema) -> Fingerprint:
        """Take the next rows."""
        everything = set(schema.columns)
        for start in range(0, len(table), _CHUNK):
            part, schemas = expand(table.take(slice(start, start + _CHUNK)), schema, everything)
            if self.columns and set(self.columns) != set(schemas):
                raise InputError("chunks of one data set must have the same columns")
            self.columns = self.columns or schemas
            self._add(part, schemas)
        if not self.columns:
            self.columns = expand(table, schema, everything)[1]
        return self

    def _add(self, part: Table, schemas: Mapping[str, ColumnSchema]) -> None:
        hashes = row_hashes(part, schemas, self.key)
        self.n_rows += len(part)
        self._rows = (self._rows or Sorter(self.folder, "rows")).add(hashes.rows)
        if self.n_rows > WHOLE_ROWS and self._near_share == 1:
            self._near_share = NEAR_SHARE
            for sorter in self._near.values():
                sorter.thin(NEAR_SHARE)
        for family, h in hashes.near.items():
            sorter = self._near.setdefault(family, Sorter(self.folder, family, self._near_share))
            sorter.add(sampled(h, self._near_share))
        for name in part:
            self._values.setdefault(name, Values(self.key)).add(part[name], schemas[name])
        for locus, h in zip(hashes.loci, hashes.alleles, strict=True):
            old, _ = self._alleles.get(locus, (np.empty(0, np.uint64), 0))
            # Of a full list only what is below its largest can come in.
            new = h[h < old[-1]] if len(old) == ALLELES else h
            both = distinct(np.concatenate([old, new]))
            self._alleles[locus] = both[:ALLELES], len(both)

    def sketch(self, meta: Mapping[str, Any] | None = None) -> Sketch:
        """Return what is kept."""
        sorter = self._rows or Sorter(None, "rows")
        arrays: dict[str, NDArray[Any]] = {"rows": sorter.sorted()}
        n_distinct = sorter.n_distinct
        for family, sorter in self._near.items():
            different = sorter.sorted(unique=True)
            if sorter.n_distinct >= UNIQUE * sorter.count:
                arrays[family] = different
        self._rows, self._near = None, {}
        sizes = []
        for k, (_, (hashes, seen)) in enumerate(self._alleles.items()):
            arrays[f"locus{k}"] = hashes
            sizes.append(seen)
        kept, places = packed(self._values)
        arrays |= kept
        about = {
            "values": places,
            "n_rows": self.n_rows,
            "n_distinct": n_distinct,
            "columns": {name: {"kind": s.kind, "dtype": s.dtype} for name, s in self.columns.items()},
            "near_share": self._near_share,
            # A list that never filled holds every allele.
            "complete": [seen < ALLELES for seen in sizes],
        }
        return Sketch({**(meta or {}), **about}, arrays)


def fingerprint(data: Dataset, key: bytes, meta: Mapping[str, Any] | None = None) -> Sketch:
    """Return the sketch of a data set of one table."""
    return Fingerprint(key).add(data.table, data.columns).sketch(meta)


@dataclass(frozen=True, eq=False)
class RowHashes:
    """The hashes of n rows: of all columns, of each family of near rows, and of each locus; each of shape (n,).

    `loci` are those of `whole`, all that the panel has, whose columns are there.
    """

    rows: Hash
    near: dict[str, Hash]
    loci: list[Locus]
    alleles: list[Hash]
    whole: list[Locus]


def row_hashes(
    table: Table, schemas: Mapping[str, ColumnSchema], key: bytes, whole: Sequence[str] | None = None
) -> RowHashes:
    """Hash the rows of an expanded table.

    Parameters
    ----------
    whole : sequence of str
        The columns that decide about families and loci, where they are not the table's own; families and loci
        that miss a column are left out.
    """
    n, names = len(table), sorted(table)
    exact = {c: cell_codes(table[c], schemas[c], c, key, "exact") for c in names}
    fine = {c: cell_codes(table[c], schemas[c], c, key, "fine") for c in names}
    rows = row_hash(exact.values(), derive(key, "rows"), n)
    near = {}
    for family, (columns, resolution) in families(sorted(whole or names), key).items():
        if all(c in exact for c in columns):
            codes = exact if resolution == "exact" else fine
            near[family] = row_hash((codes[c] for c in columns), derive(key, family), n)
    every = panel(sorted(whole or names), key, WIDE)
    loci = [x for x in every if all(c in fine for c in x.columns)]
    alleles = [row_hash((fine[c] for c in x.columns), derive(key, "locus", x.name), n) for x in loci]
    return RowHashes(rows, near, loci, alleles, every)


def families(names: Sequence[str], key: bytes) -> dict[str, tuple[list[str], Resolution]]:
    """Return what near rows agree in: all columns but one quarter of them, or all of them in 7 % steps.

    >>> [len(columns) for columns, _ in families(list("abcdefgh"), b"key").values()]
    [6, 6, 6, 6, 8]
    """
    out: dict[str, tuple[list[str], Resolution]] = {}
    if len(names) >= GROUPS:
        ring = sorted(names, key=lambda name: derive(key, "group", name))
        for g in range(GROUPS):
            out[f"near{g}"] = [c for i, c in enumerate(ring) if i % GROUPS != g], "exact"
    if len(names) >= 2:
        out[f"near{GROUPS}"] = list(names), "fine"
    return out
