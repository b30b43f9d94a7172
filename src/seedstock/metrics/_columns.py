"""Columns of train, holdout and synthetic side by side: as numbers, or as codes of common categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NUMERIC = ("number", "datetime", "duration")
DISCRETE = ("category", "boolean")
WHY_LEFT_OUT: Mapping[str, str] = {
    "id": "identifiers are made afresh and not measured",
    "text": "free text is not measured",
    "image": "images are not measured here",
}


@dataclass(frozen=True)
class Trio:
    """One column of train, holdout and synthetic.

    Attributes
    ----------
    name : str
    numeric : bool
    parts : tuple of three ndarrays, shapes (n_train,), (n_holdout,), (n_synthetic,)
        float64 values with NaN where missing; categories are int64 codes, 0..k-1 and -1 where missing.
    labels : tuple of str
        The k categories; empty for numbers.
    """

    name: str
    numeric: bool
    parts: tuple[NDArray[Any], ...]
    labels: tuple[str, ...] = ()


def numbers(column: Column) -> NDArray[np.float64]:
    """Return a numeric column as float64, NaN where missing; times in microseconds.

    >>> numbers(Column.of(np.array([2, 3]), np.array([False, True]))).tolist()
    [2.0, nan]
    """
    values = column.values
    if values.dtype.kind in "mM":
        values = values.view(np.int64)
    out = values.astype(np.float64)
    out[column.missing] = np.nan
    return out


def is_amount(column: Column, kind: str) -> bool:
    """Tell whether a target is a number to predict: one with two values is a class by another name.

    >>> is_amount(Column.of(np.array([0, 1, 1])), "number"), is_amount(Column.of(np.array([0, 1, 2])), "number")
    (False, True)
    """
    return kind in NUMERIC and len(np.unique(column.values[~column.missing])) > 2


def common_codes(columns: Sequence[Column]) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Return the codes of columns of one type, -1 where missing, and the categories' names in order of value.

    >>> codes, labels = common_codes([Column.of_texts(["b", None]), Column.of_texts(["a", "b"])])
    >>> [c.tolist() for c in codes], labels
    ([[0, -1], [1, 0]], ('b', 'a'))
    """
    joined = Column.concat(columns)
    here = ~joined.missing
    seen, inverse = np.unique(joined.values[here], return_inverse=True)
    codes = np.full(len(joined), -1, np.int64)
    codes[here] = inverse.reshape(-1)
    labels = joined.levels[seen] if joined.levels is not None else seen
    return np.split(codes, np.cumsum([len(c) for c in columns])[:-1]), tuple(str(label) for label in labels)


def trios(evidence: Evidence, drop: Sequence[str] = ()) -> tuple[list[Trio], dict[str, str]]:
    """Return all columns that can be measured, and why the others are left out."""
    schema = evidence.train.columns
    tables = [d.table for d in (evidence.train, evidence.holdout, evidence.synthetic)]
    out: list[Trio] = []
    left_out: dict[str, str] = {}
    for name, column in schema.columns.items():
        if name in drop:
            continue
        if column.kind in WHY_LEFT_OUT:
            left_out[name] = WHY_LEFT_OUT[column.kind]
            continue
        cells = [t[name] for t in tables]
        if column.kind in NUMERIC and not any(c.is_text for c in cells):
            out.append(Trio(name, True, tuple(numbers(c) for c in cells)))
        else:
            codes, labels = common_codes(cells)
            out.append(Trio(name, False, tuple(codes), labels))
    return out, left_out


def thin(data: Dataset, limit: int, rng: Rng) -> Dataset:
    """Return at most `limit` rows, drawn without replacement; the data set itself where it is small enough."""
    n = len(data.table)
    if n <= limit:
        return data
    return data.take(np.sort(rng.generator().permutation(n)[:limit]))


def thin_all(evidence: Evidence, limit: int, rng: Rng) -> Evidence:
    """Return the evidence with at most `limit` rows of each data set."""
    return replace(
        evidence,
        train=thin(evidence.train, limit, rng.child("train")),
        holdout=thin(evidence.holdout, limit, rng.child("holdout")),
        synthetic=thin(evidence.synthetic, limit, rng.child("synthetic")),
    )


def sizes(evidence: Evidence) -> dict[str, int]:
    """Return the rows that a measure looked at, for its details."""
    return {
        "train": len(evidence.train.table),
        "holdout": len(evidence.holdout.table),
        "synthetic": len(evidence.synthetic.table),
    }
