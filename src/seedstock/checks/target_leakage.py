"""Target leakage: a column or a pair that gives the target away, a copy or transform of it, an order that does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import numbers, present_levels
from seedstock.checks._frame import class_target, finite, sample
from seedstock.checks._pairs import ROWS, best_pairs, explained
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset

NAME = "target_leakage"
_ROWS = 50_000
_BINS = 40
_FOLDS = 5
_COPY = 0.97
_STRONG = 0.9
_GAP = 0.25


@dataclass(frozen=True)
class TargetLeakage:
    """Finds columns that know the target.

    Each column alone predicts the target of rows that it was not fitted on, from counts in its values or bins. High
    severity: it explains at least 97 % of the target. Medium: at least 90 %, and a quarter of the target more than the
    next best column does. Identifiers and the rows' order are tried as well, and so is whether a cell is missing. Pairs
    of columns are tried together, and by their sum, difference, product and ratio: high where they explain 97 % and
    a quarter of the target more than any column alone.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a column that leaks."""
        name = data.columns.target
        if name is None or len(data.table) < 50:
            return []
        rows = sample(len(data.table), _ROWS, rng.child("rows").generator())
        y = _target(data, name, rows)
        if y is None:
            return []
        fold = rng.child("folds").generator().integers(0, _FOLDS, len(rows))
        score: dict[str, float] = {}
        for c in data.table:
            if c == name or data.columns[c].kind == "image":
                continue
            column = data.table[c].take(rows)
            score[c] = max(_explained(_bins(column), y, fold), _explained(column.missing.astype(np.int64), y, fold))
        # Chains of ever finer bins of the row number: what the order of the file knows.
        order = _explained(np.arange(len(rows)) // 10, y, fold)
        out: list[Finding] = []
        ranked = sorted(score, key=lambda c: -score[c])
        for c in ranked:
            others = [score[o] for o in ranked if o != c and score[o] < _COPY]
            gap = score[c] - max(others, default=0.0)
            if score[c] >= _COPY:
                severity, confidence = "high", 0.95
            elif score[c] >= _STRONG and gap >= _GAP:
                severity, confidence = "medium", 0.7
            else:
                break
            what = "an identifier" if data.columns[c].kind == "id" else "a column"
            out.append(
                Finding(
                    NAME, data.name, c, (), severity, confidence,  # type: ignore[arg-type]
                    f"{c!r}, {what}, explains {score[c]:.1%} of {name!r} by itself; the next best column "
                    f"{max(others, default=0.0):.1%}.",
                    f"Leave {c!r} out unless it is known before {name!r} is.",
                    details={"explained": score[c], "next": max(others, default=0.0)},
                )
            )  # fmt: skip
        if order >= 0.8 and order > max(score.values(), default=0.0):
            out.append(
                Finding(
                    NAME, data.name, name, (), "medium", 0.9,
                    f"The rows are ordered by {name!r}: a row's place explains {order:.1%} of it.",
                    "Shuffle the rows before they are split, and never take the row number as a feature.",
                )
            )  # fmt: skip
        return out + _pairs(data, name, rows, y, fold, score, {f.column for f in out})


def _pairs(
    data: Dataset, name: str, rows: NDArray[np.int64], goal: _Goal, fold: NDArray[np.int64], score: dict[str, float],
    told: set[str | None],
) -> list[Finding]:  # fmt: skip
    """Find pairs that give the target away where neither column does."""
    here = np.flatnonzero(~np.isnan(goal.values[:, 0]))[:: max(1, len(rows) // ROWS)]
    values = goal.values[here]
    if values.shape[1] > 10 or len(here) < 100:
        return []  # pairs of rare classes are guessed from too few rows
    features = {}
    for c in score:
        if c not in told and data.columns[c].kind not in ("id", "text"):
            column = data.table[c].take(rows[here])
            features[c] = (numbers(column), _bins(column))
    best = max((score[c] for c in features), default=0.0)
    out: list[Finding] = []
    for pair in best_pairs(features, score, values, fold[here], _FOLDS):
        a, b = pair.names
        if pair.explained < _COPY or pair.explained - best < _GAP or len(out) == 3:
            break
        how = "together" if pair.how == "together" else f"by their {pair.how}"
        out.append(
            Finding(
                NAME, data.name, None, (), "high", 0.9,
                f"{a!r} and {b!r} {how} explain {pair.explained:.1%} of {name!r}; the best column alone {best:.1%}.",
                f"Leave one of them out unless both are known before {name!r} is.",
                details={"columns": [a, b], "how": pair.how, "explained": pair.explained, "next": best},
            )
        )  # fmt: skip
    return out


@dataclass(frozen=True)
class _Goal:
    values: NDArray[np.float64]
    """Shape (n, k): indicators of the classes, or ranks of a number."""
    classes: bool


def _target(data: Dataset, name: str, rows: NDArray[np.int64]) -> _Goal | None:
    target = class_target(data)
    if target is not None:
        codes = target.codes[rows]
        k = len(target.classes)
        if len(np.unique(codes[codes >= 0])) < 2:
            return None
        out = (codes[:, None] == np.arange(k)).astype(np.float64)
        out[codes < 0] = np.nan
        return _Goal(out, True)
    column = data.table[name].take(rows)
    x = numbers(column)
    if x is None or np.isfinite(x).sum() < 50 or len(np.unique(x[np.isfinite(x)])) < 10:
        return None
    order = np.sort(x[np.isfinite(x)])
    rank = (np.searchsorted(order, x, "left") + np.searchsorted(order, x, "right")) / (2.0 * len(order))
    return _Goal(np.where(np.isfinite(x), rank, np.nan)[:, None], False)


def _bins(column: Column) -> NDArray[np.int64]:
    """Return codes of a column: its values where they are few, quantiles of numbers, -1 where missing."""
    x = numbers(column)
    if x is None:
        codes = present_levels(column)[2] if column.is_text else np.where(column.missing, -1, column.codes()[0])
        return np.asarray(codes, np.int64)
    x = finite(x)
    known = ~np.isnan(x)
    values, inverse = np.unique(x[known], return_inverse=True)
    out = np.full(len(x), -1, np.int64)
    if len(values) <= 2 * _BINS:
        out[known] = inverse.reshape(-1)
    else:
        # Fine enough that a transform of a target of numbers shows.
        n_bins = int(np.clip(known.sum() // 10, _BINS, 400))
        edges = np.unique(np.quantile(x[known], np.linspace(0, 1, n_bins + 1)[1:-1]))
        out[known] = np.searchsorted(edges, x[known], "right")
    return out


def _explained(codes: NDArray[np.int64], goal: _Goal, fold: NDArray[np.int64]) -> float:
    """Return the share of the target's variance (summed over classes) that means in bins explain out of fold."""
    here = ~np.isnan(goal.values[:, 0])
    return explained(codes[here], goal.values[here], fold[here], _FOLDS)


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Add a copy of the target in other words: "A0", "A1", ... for classes, a line through it for numbers."""
    name = data.columns.target
    if name is None or "status" in data.table:
        return data, None
    column = data.table[name]
    if column.is_text:
        codes = column.values
        leak = Column.of_texts([None if m else f"A{c}" for c, m in zip(codes, column.missing, strict=True)])
        kind = ColumnSchema("category")
    else:
        leak = Column(3.0 * column.values + 1.0, column.missing)
        kind = ColumnSchema("number", dtype="float64")
    table = data.table.assign({"status": leak})
    columns = TableSchema({**data.columns.columns, "status": kind})
    return Dataset({data.name: table}, Schema({data.name: columns})), np.zeros(0, np.int64)


CHECK = TargetLeakage
SOURCE = "Out-of-fold one-column scores (Kaufman et al., Leakage in data mining, 2012)."
