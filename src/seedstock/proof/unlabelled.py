"""Real rows without a known target: their features are real, and no label of theirs is ever looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from seedstock.core.rng import Rng
from seedstock.core.split import row_codes
from seedstock.core.table import Column, Dataset, Mask, Table
from seedstock.proof.task import Target


def blank(data: Dataset, target: Target) -> Dataset:
    """Return the rows with their target taken away.

    Parameters
    ----------
    data : Dataset
        Rows whose labels are not to be known, whether they have any or not.

    Examples
    --------
    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> schema = Schema({"t": TableSchema({"y": ColumnSchema("category", ("target",))})})
    >>> data = Dataset({"t": Table({"y": Column.of_texts(["a", "b"])})}, schema)
    >>> blank(data, Target("y", ("a", "b"))).table["y"].missing.tolist()
    [True, True]
    """
    old = data.table[target.name]
    gone = Column(np.zeros_like(old.values), np.ones(len(old), bool), old.levels)
    return data.with_table(data.table.assign({target.name: gone}))


def apart(rows: Dataset, test: Dataset, target: Target, labelled: bool = False) -> Dataset:
    """Return the rows that have nothing to do with those that test.

    Rows of an entity or group that is among the testing ones are left out, and so are rows that equal one of them in
    everything but identifiers and, where they are not `labelled`, the target.
    """
    columns = rows.columns
    units = [*columns.with_role("entity"), *columns.with_role("group")]
    features = [n for n in rows.table if (labelled or n != target.name) and columns[n].kind != "id"]
    keep = np.ones(len(rows.table), bool)
    for name in units:
        keep &= ~_shared(rows.table.select([name]), test.table.select([name]))
    if features:
        keep &= ~_shared(rows.table.select(features), test.table.select(features))
    return rows.take(keep)


def filled(train: Dataset, unlabelled: Dataset, generators: Mapping[str, Any], m: int, rng: Rng) -> Dataset:
    """Return m rows of features: unlabelled real ones, and where these are fewer, generated ones besides.

    The first of the generators then learns from labelled and unlabelled rows together, so that both shape the features.
    Without a generator there are as many rows as are unlabelled.
    """
    n = len(unlabelled.table)
    if n >= m:
        return unlabelled.take(np.sort(rng.generator().permutation(n)[:m]))
    if not generators:
        return unlabelled
    both = train.with_table(Table.concat([train.table, unlabelled.table]))
    drawn = next(iter(generators.values())).fit(both, rng.child("fit")).sample(m - n, rng.child("sample"))
    return train.with_table(Table.concat([unlabelled.table, drawn.table]))


def _shared(a: Table, b: Table) -> Mask:
    """Return which rows of a have an equal in b, shape (len(a),)."""
    codes = row_codes(Table.concat([a, b]))
    shared: Mask = np.isin(codes[: len(a)], codes[len(a) :])
    return shared
