"""A sign of the most naive generators: no column depends on any other, which observed tables hardly ever show."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from seedstock.core.table import Column, Dataset

MIN_ROWS = 500
MIN_COLUMNS = 5
MAX_ROWS = 20_000
MAX_COLUMNS = 20
BINS = 5
CONFIDENCE = 0.5
"""A designed experiment is balanced, too: one half, and no more, however many rows say the same."""


def independence_sign(data: Dataset) -> list[dict[str, Any]]:
    """Return a sign where no pair of columns depends on each other (chi-squared over bins, Bonferroni at 5 %).

    Returns
    -------
    list of dict
        Empty, or one with ``sign``, ``message``, ``confidence``, ``rows`` and ``column`` (None: all of them).
    """
    n = len(data.table)
    if n < MIN_ROWS:
        return []
    step = max(1, n // MAX_ROWS)
    kinds = ("number", "category", "boolean", "datetime", "duration")
    names = [c for c, s in data.columns.columns.items() if s.kind in kinds and data.table[c].values.ndim == 1]
    binned = [_bins(data.table[c].take(slice(0, n, step))) for c in names]
    useful = [b for b in binned if b is not None][:MAX_COLUMNS]
    if len(useful) < MIN_COLUMNS:
        return []
    pairs = list(combinations(useful, 2))
    p = min(1.0, len(pairs) * min(_p_value(a, b) for a, b in pairs))
    if p < 0.05:
        return []
    message = (
        f"no column depends on another in any of {len(pairs)} pairs (smallest p {p:.2g}, corrected): columns that were "
        f"drawn one by one, or shuffled, look so, and observed ones hardly ever do"
    )
    return [{"sign": "independence", "message": message, "confidence": CONFIDENCE, "rows": n, "column": None}]


def _bins(column: Column) -> NDArray[np.int64] | None:
    """Return at most `BINS` codes, the commonest values or quantiles; None for a column that says nothing."""
    if column.is_text or column.values.dtype.kind == "b":
        codes, k = column.codes()
        order = np.argsort(-np.bincount(codes, minlength=k), kind="stable")
        place = np.full(k, BINS - 1)
        place[order[: BINS - 1]] = np.arange(min(BINS - 1, k))
        out = place[codes]
    else:
        values = column.values
        if values.dtype.kind in "mM":
            values = values.astype(f"{values.dtype.kind}8[us]").view(np.int64)
        x = np.where(column.missing, 0.0, values.astype(np.float64))
        known = x[~column.missing & np.isfinite(x)]
        if not len(known):
            return None
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS)[1:-1], method="nearest"))
        out = np.where(column.missing, BINS - 1, np.searchsorted(edges, x, "right"))
    counts = np.bincount(out, minlength=BINS)
    return out.astype(np.int64) if counts.max() <= 0.98 * len(out) else None


def _p_value(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    table = np.bincount(a * (BINS + 1) + b, minlength=(BINS + 1) ** 2).reshape(BINS + 1, BINS + 1).astype(float)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    due = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    degrees = (table.shape[0] - 1) * (table.shape[1] - 1)
    return float(chi2.sf(((table - due) ** 2 / due).sum(), degrees)) if degrees else 1.0
