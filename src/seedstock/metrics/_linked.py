"""What measures of linked tables share: children per parent, and pairs of real samples that can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.links import Family, family, parent_rows
from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Link, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

COUNT = "number of rows"


def whole(evidence: Evidence) -> tuple[Family, frozenset[str]]:
    """Return how the tables hang together, and those that stand whole on both sides of the split."""
    known = family(evidence.train)
    divided = {t for t in known.order if t not in known.code_lists and known.tree(t) in known.divided}
    return known, frozenset(set(known.order) - divided)


def both_sides(evidence: Evidence) -> Dataset:
    """Return all real rows: those of train and holdout together, and once those that stand on both sides."""
    _, shared = whole(evidence)
    tables = {
        t: table if t in shared else Table.concat([table, evidence.holdout.tables[t]])
        for t, table in evidence.train.tables.items()
    }
    return replace(evidence.train, tables=tables)


def halves(n: int, rng: Rng) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return two halves of n rows at random, in order."""
    order = rng.generator().permutation(n)
    return np.sort(order[: n // 2]), np.sort(order[n // 2 :])


def children(data: Dataset, link: Link) -> NDArray[np.int64]:
    """Return the number of children of each row of a link's parent, zeros included, shape (n_parent,)."""
    parents = parent_rows(data, link)
    return np.bincount(parents[parents >= 0], minlength=len(data.tables[link.parent])).astype(np.int64)


def one_table(table: Table, columns: TableSchema, name: str) -> Dataset:
    """Return a table as a data set without keys and references."""
    kept = [c for c, s in columns.columns.items() if s.kind not in ("id",)]
    schema = TableSchema({c: columns[c] for c in kept})
    return Dataset({name: table.select(kept)}, Schema({name: schema}))


def trios_of(evidence: Evidence, rng: Rng) -> Iterator[tuple[str, Evidence]]:
    """Yield each table but the lists of codes as evidence of its own.

    The real rows of a table that stands whole on both sides are halved at random, for a floor.
    """
    known, shared = whole(evidence)
    for name in known.order:
        if name in known.code_lists:
            continue
        columns = evidence.train.schema.tables[name]
        parts = [d.tables[name] for d in (evidence.train, evidence.holdout, evidence.synthetic)]
        if name in shared:
            a, b = halves(len(parts[0]), rng.child("halves", name))
            parts[:2] = [parts[0].take(a), parts[0].take(b)]
        if min(len(p) for p in parts) < 2 or not one_table(parts[0], columns, name).table.names:
            continue
        yield name, Evidence(*(one_table(p, columns, name) for p in parts))


def with_parent(data: Dataset, link: Link) -> Dataset | None:
    """Return the children with a parent as one table, beside their parents' columns; None where that is nothing."""
    parents = parent_rows(data, link)
    rows = np.flatnonzero(parents >= 0)
    child = one_table(data.tables[link.child], data.schema.tables[link.child], "x")
    parent = one_table(data.tables[link.parent], data.schema.tables[link.parent], "x")
    if not child.table.names or not parent.table.names:
        return None
    columns: dict[str, Column] = {f"child.{c}": child.table[c].take(rows) for c in child.table}
    columns |= {f"parent.{c}": parent.table[c].take(parents[rows]) for c in parent.table}
    schemas = {f"child.{c}": child.columns[c] for c in child.table}
    schemas |= {f"parent.{c}": parent.columns[c] for c in parent.table}
    return Dataset({"pairs": Table(columns)}, Schema({"pairs": TableSchema(schemas)}))


def with_children(data: Dataset, known: Family, name: str) -> Dataset:
    """Return a table's rows beside summaries of their children by main links: how many, and their numbers' means."""
    base = one_table(data.tables[name], data.schema.tables[name], name)
    columns: dict[str, Column] = dict(base.table.columns)
    schemas: dict[str, ColumnSchema] = dict(base.columns.columns)
    number = ColumnSchema("number", dtype="float64")
    for link in data.schema.links:
        if link.parent != name or link.child == name or known.main.get(link.child) != link:
            continue
        parents = parent_rows(data, link)
        rows = np.flatnonzero(parents >= 0)
        n = len(data.tables[name])
        counts = np.bincount(parents[rows], minlength=n).astype(float)
        columns[f"{link.child}: {COUNT}"] = Column.of(counts)
        schemas[f"{link.child}: {COUNT}"] = number
        child = data.tables[link.child]
        for c, s in data.schema.tables[link.child].columns.items():
            if s.kind != "number":
                continue
            values = child[c].take(rows)
            here = ~values.missing & np.isfinite(values.values.astype(float))
            sums = np.bincount(parents[rows][here], values.values[here].astype(float), minlength=n)
            known_ = np.bincount(parents[rows][here], minlength=n)
            with np.errstate(invalid="ignore"):
                columns[f"{link.child}: mean {c}"] = Column.of(sums / np.where(known_ > 0, known_, np.nan))
            schemas[f"{link.child}: mean {c}"] = number
    return Dataset({name: Table(columns, len(base.table))}, Schema({name: TableSchema(schemas)}))


def weighted_mean(values: Mapping[str, float], weights: Mapping[str, int]) -> float:
    """Return the mean of the values that are there, weighted; NaN where none is."""
    here = [k for k, v in values.items() if v == v and weights[k] > 0]
    if not here:
        return float("nan")
    return float(np.average([values[k] for k in here], weights=[weights[k] for k in here]))
