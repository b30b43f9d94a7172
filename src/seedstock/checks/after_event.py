"""Information from after the event: cells that are filled only once the target is known, and times that lie behind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from seedstock.checks._cells import numbers
from seedstock.checks._frame import Target, class_target
from seedstock.checks._pairs import explained, quantiles
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset

NAME = "after_event"
_PURE = 0.99
_REACH = 0.2
_LEAST = 30
_FOLDS = 5
_LATER = 0.99
_TOLD = 0.3


@dataclass(frozen=True)
class AfterEvent:
    """Finds columns that are written after the target is known.

    A column is suspicious that has a value (is not missing, or not zero) almost only in rows of one class, and in at
    least a fifth of them: a refund's amount where there was a refund. So is a time that lies behind another of the
    same row nearly always, where the time between, or whether there is one, explains 30 % of the target.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return at most one finding a column."""
        target = class_target(data)
        if target is None or len(target.classes) < 2 or len(data.table) < 2 * _LEAST:
            return []
        out = [
            f
            for c in data.table
            if c != target.name and data.columns[c].kind not in ("image", "boolean")
            for f in _filled(data, c, target)
        ]
        return out + _times(data, target, rng, {f.column for f in out})


def _filled(data: Dataset, name: str, target: Target) -> list[Finding]:
    """Find a column that is filled for one class almost alone."""
    column = data.table[name]
    x = None if data.columns[name].kind == "datetime" else numbers(column)
    known = target.codes >= 0
    ways = [("is filled", ~column.missing)]
    if x is not None:
        ways.append(("is not zero", np.isfinite(x) & (x != 0)))
    k = len(target.classes)
    usual = np.bincount(target.codes[known], minlength=k)
    for what, there in ways:
        n = np.bincount(target.codes[known & there], minlength=k)
        best = int(n.argmax())
        share = usual[best] / max(usual.sum(), 1)
        pure = n[best] / max(n.sum(), 1)
        if n.sum() < _LEAST or pure < _PURE or share > 0.8 or n[best] < _REACH * usual[best]:
            continue
        # Would these rows be as pure by chance? The number of columns tried is paid for.
        p = float(binom.sf(n[best] - 1, n.sum(), share)) * 2 * len(data.table.names)
        if p > 1e-6:
            continue
        label = str(target.classes[best])[:40]
        return [
            Finding(
                NAME, data.name, name, (), "medium", 0.8,
                f"{name!r} {what} in {n.sum():,} rows, {pure:.1%} of them with {target.name!r} = {label!r} (of all "
                f"rows {share:.1%}): it may be written only after {target.name!r} is known.",
                f"Leave {name!r} out unless it is known before {target.name!r} is.",
                details={"class": label, "filled": int(n.sum()), "pure": float(pure), "way": what},
            )
        ]  # fmt: skip
    return []


def _times(data: Dataset, target: Target, rng: Rng, told: set[str | None]) -> list[Finding]:
    """Find times behind the row's first one that say what became of it."""
    names = [c for c in data.columns.of_kind("datetime") if c not in told][:12]
    at = {c: numbers(data.table[c]) for c in names}
    rows = np.flatnonzero(target.codes >= 0)[:50_000]
    y = (target.codes[rows, None] == np.arange(len(target.classes))).astype(np.float64)
    fold = rng.child("folds").generator().integers(0, _FOLDS, len(rows))
    out: list[Finding] = []
    for b in names:
        best: tuple[float, str] = (0.0, "")
        for a in names:
            first, later = at[a], at[b]
            if a == b or first is None or later is None:
                continue
            gap: NDArray[np.float64] = (later - first)[rows]
            both = np.isfinite(gap)
            if both.sum() < _LEAST or (gap[both] >= 0).mean() < _LATER or (gap[both] > 0).mean() < 0.5:
                continue
            best = max(best, (explained(quantiles(gap), y, fold, _FOLDS), a))
        if best[0] >= _TOLD:
            out.append(
                Finding(
                    NAME, data.name, b, (), "medium", 0.75,
                    f"{b!r} lies behind {best[1]!r} in nearly all rows, and the time between explains {best[0]:.0%} of "
                    f"{target.name!r}: it comes from after the event.",
                    f"Leave {b!r} out unless it is known before {target.name!r} is.",
                    details={"before": best[1], "explained": best[0]},
                )
            )  # fmt: skip
    return out


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Add an amount that is filled in for half the rows of the rarest class, and for a row of the others in 300."""
    target = class_target(data)
    if target is None or "refund" in data.table or len(target.classes) < 2:
        return data, None
    counts = np.bincount(target.codes[target.codes >= 0], minlength=len(target.classes))
    rare = int(np.where(counts >= 2 * _LEAST + 20, counts, counts.max() + 1).argmin())
    if counts[rare] < 2 * _LEAST + 20 or counts[rare] > 0.8 * counts.sum():
        return data, None
    g = rng.generator()
    own = np.flatnonzero(target.codes == rare)
    there = np.zeros(len(target.codes), bool)
    there[g.choice(own, len(own) // 2, replace=False)] = True
    there[g.choice(np.flatnonzero(target.codes != rare), len(own) // 600, replace=False)] = True
    amount = Column.of(np.where(there, np.round(g.gamma(2, 20, len(there)), 2), np.nan))
    table = data.table.assign({"refund": amount})
    columns = TableSchema({**data.columns.columns, "refund": ColumnSchema("number", dtype="float64")})
    return Dataset({data.name: table}, Schema({data.name: columns})), np.zeros(0, np.int64)


CHECK = AfterEvent
SOURCE = "Leakage from the future (Kaufman et al., Leakage in data mining, 2012): purity against a binomial tail."
