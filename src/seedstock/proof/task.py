"""`Task`: a table as a learner sees it. Encoded by the rows it may know, never by the rows that test it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column, Dataset, Mask
from seedstock.metrics._columns import NUMERIC, is_amount

Matrix = NDArray[np.float64]
MAX_LEVELS = 64
"""Categories of one column that learners tell apart; rarer ones count as unknown."""

_MOST = 1e30
"""The largest number that learners are given; single precision ends near 3e38."""


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be predicted.

    Attributes
    ----------
    name : str
    classes : tuple of str
        The classes, most frequent first; empty where the target is a number.
    """

    name: str
    classes: tuple[str, ...]

    @property
    def is_number(self) -> bool:
        return not self.classes

    @classmethod
    def of(cls, data: Dataset) -> Target:
        """Read the target of a data set; an `InputError` where there is nothing to predict."""
        name = data.columns.target
        if name is None:
            raise InputError("a proof needs a column to predict: name it with --target")
        column, kind = data.table[name], data.columns[name].kind
        if kind not in (*NUMERIC, "category", "boolean"):
            raise InputError(f"target {name!r} is of kind {kind}, which cannot be predicted; choose another column")
        codes, k = column.take(~column.missing).codes()
        if k < 2:
            raise InputError(f"target {name!r} has one value only; there is nothing to predict")
        if is_amount(column, kind):
            return cls(name, ())
        if k > len(codes) / 2:
            raise InputError(f"target {name!r} has {k:,} classes in {len(codes):,} rows; choose a coarser column")
        labels, counts = np.unique(as_texts(column)[~column.missing].astype(str), return_counts=True)
        return cls(name, tuple(labels[np.argsort(-counts, kind="stable")].tolist()))

    def values(self, data: Dataset) -> Matrix:
        """Return what is to be predicted: one-hot classes, shape (n, k), or numbers, shape (n, 1)."""
        column = data.table[self.name]
        if self.is_number:
            return as_numbers(column)[:, None]
        index = {label: k for k, label in enumerate(self.classes)}
        texts = as_texts(column)
        codes = np.array([index.get(str(t), -1) if t is not None else -1 for t in texts])
        out = np.zeros((len(codes), len(self.classes)))
        here = codes >= 0
        out[np.flatnonzero(here), codes[here]] = 1.0
        return out

    def known(self, data: Dataset) -> Mask:
        """Return which rows have a target that can be learned from, shape (n,)."""
        Y = self.values(data)
        return np.asarray(np.isfinite(Y).all(1) & (self.is_number | (Y.sum(1) > 0)))


@dataclass(frozen=True, eq=False)
class Design:
    """How rows become matrices; learned from the rows that a learner may know.

    `ordinal` is for trees: numbers as they are, categories by their frequency's rank, NaN where missing or unknown.
    `scaled` is for linear models and nets: standardised numbers, one-hot categories, indicators of missing cells.
    """

    numbers: dict[str, tuple[float, float, bool]]
    categories: dict[str, dict[str, int]]

    @classmethod
    def of(cls, data: Dataset, drop: str) -> Design:
        numbers, categories = {}, {}
        for name, schema in data.columns.columns.items():
            column = data.table[name]
            if name == drop or schema.kind in ("id", "text", "image"):
                continue
            if schema.kind in NUMERIC and not column.is_text:
                x = _bounded(column)
                here = x[np.abs(x) < _MOST]
                if len(here):
                    centre, scale = float(here.mean()), float(here.std())
                    numbers[name] = (centre, scale or 1.0, bool(np.isnan(x).any()))
            else:
                levels, counts = np.unique(as_texts(column)[~column.missing].astype(str), return_counts=True)
                order = np.argsort(-counts, kind="stable")[:MAX_LEVELS]
                categories[name] = {str(levels[j]): k for k, j in enumerate(order)}
        if not numbers and not any(categories.values()):
            raise InputError("there is no column to learn from; bring one that is no identifier or free text")
        return cls(numbers, categories)

    def ordinal(self, data: Dataset) -> Matrix:
        """Return features for trees, shape (n, d)."""
        parts = [_bounded(data.table[name]) for name in self.numbers]
        parts += [self._codes(data, name) for name in self.categories]
        return np.column_stack(parts)

    def scaled(self, data: Dataset) -> Matrix:
        """Return features for linear models and nets, shape (n, d')."""
        parts = []
        for name, (centre, scale, gaps) in self.numbers.items():
            x = _bounded(data.table[name])
            missing = np.isnan(x)
            parts.append(np.clip((np.where(missing, centre, x) - centre) / scale, -10, 10))
            if gaps:
                parts.append(missing.astype(np.float64))
        for name, levels in self.categories.items():
            codes = self._codes(data, name)
            parts += [(codes == k).astype(np.float64) for k in range(len(levels))]
        return np.column_stack(parts)

    def _codes(self, data: Dataset, name: str) -> Matrix:
        column, index = data.table[name], self.categories[name]
        if column.levels is not None:
            by_level = np.array([index.get(str(t), np.nan) for t in column.levels] or [np.nan], float)
            out = by_level[column.values] if len(column.levels) else np.full(len(column), np.nan)
        else:
            out = np.array([index.get(str(t), np.nan) for t in as_texts(column)], float)
        return np.where(column.missing, np.nan, out)


def as_numbers(column: Column) -> Matrix:
    """Return a column of numbers or times as float64, NaN where missing, shape (n,)."""
    values = column.values.view(np.int64) if column.values.dtype.kind in "mM" else column.values
    return np.where(column.missing, np.nan, values.astype(np.float64))


def _bounded(column: Column) -> Matrix:
    """Return a column's numbers as trees can hold them: in single precision, infinities at its ends, shape (n,)."""
    return np.clip(as_numbers(column), -_MOST, _MOST)


def as_texts(column: Column) -> NDArray[Any]:
    """Return a column's cells as strings, None where missing, shape (n,)."""
    if column.is_text:
        return column.texts()
    out = column.values.astype(str).astype(object)
    out[column.missing] = None
    return out
