"""One encoder for all measures that learn or compare rows: ordinal for trees, standardised, and for distances.

It is fitted to train, holdout and synthetic together, so that no side can be told from another by how it was
encoded. Identifiers and free text are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence
from seedstock.metrics._columns import Trio, trios

Matrix = NDArray[np.float64]
MAX_LEVELS = 200
"""Categories of one column that a tree may tell apart; rarer ones share one bucket."""
MAX_WIDTH = 400
"""Columns that all one-hot categories together may take."""
HUGE = 1e140
CLIP = 10.0
"""Standard deviations at which a standardised number is cut off."""


@dataclass(frozen=True)
class Features:
    """Rows of train, holdout and synthetic as matrices.

    Attributes
    ----------
    names : tuple of str, length d
    categorical : bool ndarray, shape (d,)
    parts : tuple of three float64 ndarrays, shapes (n_train, d), (n_holdout, d), (n_synthetic, d)
        Ordinal: numbers as they are, categories as codes in order of frequency; NaN where missing.
    left_out : mapping of str to str
        Columns that were not used, and why.
    merged : mapping of str to int
        Columns of many categories, and how many rare ones share one bucket.
    """

    names: tuple[str, ...]
    categorical: NDArray[np.bool_]
    parts: tuple[Matrix, Matrix, Matrix]
    left_out: dict[str, str]
    merged: dict[str, int] = field(default_factory=dict)

    @property
    def details(self) -> dict[str, Any]:
        """What was left out or merged, as JSON values."""
        return {"left_out": self.left_out, "merged_categories": self.merged}

    def standardised(self) -> tuple[Matrix, Matrix, Matrix]:
        """Return zero-mean, unit-variance numbers with missing indicators, and one-hot categories."""
        return self._blocks(_standardise, 1.0)

    def embedded(self) -> tuple[Matrix, Matrix, Matrix]:
        """Return points whose squared Euclidean distance is a Gower-like distance of mixed rows.

        Every column adds between 0 and 1. A number adds the squared difference of ranks among the real rows: it
        does not depend on units, skewness or outliers, and says what share of the population lies between two
        values. A category adds 1 where it differs (one-hot divided by the square root of 2). Missing against
        present adds about 1, missing against missing 0.
        """
        return self._blocks(_rank, np.sqrt(0.5))

    def _blocks(self, number: Any, weight: float) -> tuple[Matrix, Matrix, Matrix]:
        joined = np.concatenate(self.parts)
        n_real = len(self.parts[0]) + len(self.parts[1])
        n_categorical = max(int(self.categorical.sum()), 1)
        blocks = [np.zeros((len(joined), 0))]
        for j, categorical in enumerate(self.categorical):
            x = joined[:, j]
            if categorical:
                blocks.append(_one_hot(x, max(MAX_WIDTH // n_categorical, 4)) * weight)
            else:
                blocks += number(x, x[:n_real])
        out = np.concatenate(blocks, axis=1)
        first, second, third = np.split(out, [len(self.parts[0]), n_real])
        return first, second, third


def encode(evidence: Evidence, drop: Sequence[str] = ()) -> Features:
    """Encode the rows of an evidence, without the columns in `drop`."""
    columns, left_out = trios(evidence, drop)
    merged: dict[str, int] = {}
    parts: list[list[NDArray[np.float64]]] = [[], [], []]
    for trio in columns:
        for k, x in enumerate(_finite(trio) if trio.numeric else _ordinal(trio, merged)):
            parts[k].append(x)
    n = [len(d.table) for d in (evidence.train, evidence.holdout, evidence.synthetic)]
    a, b, c = (np.column_stack(p) if p else np.zeros((m, 0)) for p, m in zip(parts, n, strict=True))
    categorical = np.array([not t.numeric for t in columns], bool)
    return Features(tuple(t.name for t in columns), categorical, (a, b, c), left_out, merged)


def _finite(trio: Trio) -> list[NDArray[np.float64]]:
    """Cut infinities to the largest finite values, and these to what can be squared and summed."""
    joined = np.concatenate(trio.parts)
    finite = joined[np.isfinite(joined)]
    ends = (finite.min(), finite.max()) if len(finite) else (-1.0, 1.0)
    low, high = np.clip(ends, -HUGE, HUGE)
    return [np.clip(x, low, high).astype(np.float64) for x in trio.parts]


def _ordinal(trio: Trio, merged: dict[str, int]) -> list[NDArray[np.float64]]:
    joined = np.concatenate(trio.parts)
    k = len(trio.labels)
    counts = np.bincount(joined[joined >= 0], minlength=k)
    rank = np.empty(k + 1)
    rank[np.argsort(-counts, kind="stable")] = np.arange(k)
    if k > MAX_LEVELS:
        merged[trio.name] = k - MAX_LEVELS + 1
    rank = np.minimum(rank, MAX_LEVELS - 1)
    rank[k] = np.nan  # code -1
    return [rank[np.asarray(x, np.int64)] for x in trio.parts]


def _one_hot(codes: NDArray[np.float64], limit: int) -> Matrix:
    shown = np.where(np.isnan(codes), -1, np.minimum(codes, limit - 1)).astype(np.int64)
    seen, column = np.unique(shown, return_inverse=True)
    out = np.zeros((len(codes), len(seen)))
    out[np.arange(len(codes)), column.reshape(-1)] = 1.0
    return out


def _standardise(x: NDArray[np.float64], real: NDArray[np.float64]) -> list[Matrix]:
    missing = np.isnan(x)
    here = real[~np.isnan(real)]
    centre = float(here.mean()) if len(here) else 0.0
    scale = float(here.std()) if len(here) else 0.0
    if not scale:
        scale = 1.0
    z = np.clip((np.where(missing, centre, x) - centre) / scale, -CLIP, CLIP)
    return [z[:, None], missing[:, None].astype(np.float64)] if missing.any() else [z[:, None]]


def _rank(x: NDArray[np.float64], real: NDArray[np.float64]) -> list[Matrix]:
    missing = np.isnan(x)
    order = np.sort(real[~np.isnan(real)])
    if len(order):
        rank = (np.searchsorted(order, x, "left") + np.searchsorted(order, x, "right")) / (2 * len(order))
    else:
        rank = np.full(len(x), 0.5)
    rank[missing] = 0.5
    return [rank[:, None], missing[:, None].astype(np.float64)] if missing.any() else [rank[:, None]]
