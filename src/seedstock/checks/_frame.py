"""Rows as matrices for learners: ordinal for trees, standardised for linear models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import numbers, present_levels
from seedstock.core.table import Column, Dataset

Matrix = NDArray[np.float64]
Rows = NDArray[np.int64]
MAX_LEVELS = 200
MAX_WIDTH = 300
_CLIP = 8.0


@dataclass(frozen=True)
class Frame:
    """Features of rows.

    Attributes
    ----------
    names : tuple of str, length d
        The column that each feature comes from.
    categorical : bool ndarray, shape (d,)
    X : float64 ndarray, shape (n, d)
        Numbers as they are (infinities cut), categories as codes by frequency below `MAX_LEVELS`; NaN where missing.
    """

    names: tuple[str, ...]
    categorical: NDArray[np.bool_]
    X: Matrix

    def linear(self) -> Matrix:
        """Return standardised ranks and numbers, missing indicators and one-hot categories, shape (n, w)."""
        blocks: list[Matrix] = [np.zeros((len(self.X), 0))]
        limit = max(MAX_WIDTH // max(int(self.categorical.sum()), 1), 3)
        for j, categorical in enumerate(self.categorical):
            x = self.X[:, j]
            gap = np.isnan(x)
            if categorical:
                shown = np.where(gap, -1, np.minimum(x, limit - 1)).astype(np.int64)
                seen, code = np.unique(shown, return_inverse=True)
                if len(seen) > 1:
                    blocks.append((code.reshape(-1)[:, None] == np.arange(len(seen))).astype(np.float64))
                continue
            centre = float(np.median(x[~gap])) if (~gap).any() else 0.0
            filled = np.where(gap, centre, x)
            scale = float(filled.std())
            if scale:
                z = np.clip((filled - filled.mean()) / scale, -_CLIP, _CLIP)
                blocks.append(z[:, None])
                if np.abs(z).max() > 5:  # a long tail: its order says more than its size
                    order = np.searchsorted(np.sort(filled), filled) / len(filled)
                    blocks.append((order[:, None] - 0.5) * 3.46)
            if gap.any() and not gap.all():
                blocks.append(gap[:, None].astype(np.float64))
        return np.concatenate(blocks, axis=1)


def frame(data: Dataset, rows: Rows | None = None, drop: Sequence[str] = ()) -> Frame:
    """Return the features of rows of a table, without identifiers, images and the columns in `drop`.

    Free text gives its length and its number of words.
    """
    names: list[str] = []
    categorical: list[bool] = []
    parts: list[NDArray[np.float64]] = []
    table, columns = data.table, data.columns
    for name in table:
        if name in drop or columns[name].kind in ("id", "image"):
            continue
        column = table[name] if rows is None else table[name].take(rows)
        if columns[name].kind == "text" and column.is_text:
            for x in _text_numbers(column):
                names.append(name)
                categorical.append(False)
                parts.append(x)
            continue
        names.append(name)
        categorical.append(column.is_text)
        parts.append(feature(column))
    n = len(table) if rows is None else len(rows)
    X = np.column_stack(parts) if parts else np.zeros((n, 0))
    return Frame(tuple(names), np.array(categorical, bool), X)


def feature(column: Column) -> NDArray[np.float64]:
    """Return one column as numbers with NaN where missing; categories as ranks of frequency."""
    if column.is_text:
        levels, counts, codes = present_levels(column)
        if not len(levels):
            return np.full(len(column), np.nan)
        rank = np.empty(len(levels))
        rank[np.lexsort((levels.astype(str), -counts))] = np.arange(len(levels))
        return np.where(codes < 0, np.nan, np.minimum(rank, MAX_LEVELS - 1)[codes])
    x = numbers(column)
    if x is None:
        return np.where(column.missing, np.nan, column.values.reshape(len(column), -1)[:, 0].astype(np.float64))
    return finite(x)


def finite(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut infinities to the largest finite values, and these to what can be squared."""
    known = x[np.isfinite(x)]
    low, high = (known.min(), known.max()) if len(known) else (-1.0, 1.0)
    return np.clip(x, max(low, -1e140), min(high, 1e140))


def _text_numbers(column: Column) -> list[NDArray[np.float64]]:
    levels, _, codes = present_levels(column)
    size = np.array([len(t) for t in levels] + [0], np.float64)
    words = np.array([t[:2000].count(" ") + 1 for t in levels] + [0], np.float64)
    return [np.where(codes < 0, np.nan, x[codes]) for x in (size, words)]


def sample(n: int, most: int, rng: np.random.Generator) -> Rows:
    """Return the rows to look at, ascending: all of them, or `most` drawn at random."""
    return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))


@dataclass(frozen=True)
class Target:
    """A target as classes.

    Attributes
    ----------
    name : str
    codes : int64 ndarray, shape (n,)
        -1 where missing.
    classes : ndarray, shape (k,)
        The classes' values, as in the column.
    """

    name: str
    codes: NDArray[np.int64]
    classes: NDArray[np.object_]


def class_target(data: Dataset, most: int = 100) -> Target | None:
    """Return the target as classes: categories, booleans, or at most 20 whole numbers; else None."""
    name = data.columns.target
    if name is None:
        return None
    column = data.table[name]
    if column.is_text:
        levels, _, codes = present_levels(column)
        return Target(name, codes, levels) if 0 < len(levels) <= most else None
    if column.values.ndim > 1 or column.values.dtype.kind not in "bif" or column.missing.all():
        return None
    here = ~column.missing
    values, inverse = np.unique(column.values[here], return_inverse=True)
    whole = column.values.dtype.kind == "b" or (len(values) <= 20 and bool((values == np.floor(values)).all()))
    if not whole or (len(values) > 2 and len(values) > 0.2 * here.sum()):
        return None
    codes = np.full(len(column), -1, np.int64)
    codes[here] = inverse.reshape(-1)
    return Target(name, codes, np.array(values.tolist(), object))
