"""The tail gate: whether rare categories, spreads and outer quantiles came through a generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from seedstock.core.table import Column, Dataset

ALPHA = 1e-4
"""Probability of a false alarm for one category, one spread or one tail of one column."""
VARIANCE_RATIO = (0.8, 1.25)
TAIL = 0.01
LEAST_TAIL = 0.5
"""A tail that holds less than this share of its due, beyond chance, is lost."""


@dataclass(frozen=True)
class TailResult:
    """What happened to the tails.

    Attributes
    ----------
    ok : bool
    lost : tuple of str
        What is lost, in words.
    columns : mapping
        Per column: ``categories``, ``kept`` (of the rare categories that chance would have kept), or
        ``variance_ratio``, ``low_tail`` and ``high_tail`` (1 is as in the real data).
    """

    ok: bool
    lost: tuple[str, ...]
    columns: dict[str, dict[str, float]]

    @property
    def lost_columns(self) -> tuple[str, ...]:
        """The columns that lost something."""
        return tuple(c for c in self.columns if any(x.startswith(f"{c}: ") for x in self.lost))

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return {"ok": self.ok, "lost": list(self.lost), "columns": self.columns}


def tail_gate(real: Dataset, synthetic: Dataset) -> TailResult:
    """Compare the tails of synthetic rows with those of real rows, both of one table and schema.

    A rare category (or missing value) is lost if it is absent though chance would leave it out with a probability
    below 1e-4. A number's variance must stay within 0.8 and 1.25 of the real one, and each outer 1 % of the real
    values keep half of its weight, both beyond what chance explains.
    """
    lost: list[str] = []
    columns: dict[str, dict[str, float]] = {}
    for name, schema in real.columns.columns.items():
        a, b = real.table[name], synthetic.table[name]
        if schema.kind in ("id", "text", "image") or not len(a) or not len(b):
            continue
        if schema.kind in ("category", "boolean"):
            columns[name], found = _categories(a, b)
        else:
            columns[name], found = _numbers(a, b)
        lost += [f"{name}: {f}" for f in found]
    return TailResult(not lost, tuple(lost), columns)


def _categories(a: Column, b: Column) -> tuple[dict[str, float], list[str]]:
    codes, k = Column.concat([a, b]).codes()
    real, made = np.bincount(codes[: len(a)], minlength=k), np.bincount(codes[len(a) :], minlength=k)
    share = real / len(a)
    # The real share is itself an estimate; one row that happened to be seen could be far rarer than it looks.
    due = (real > 0) & (_absence(real, len(a), len(b)) < ALPHA)
    gone = due & (made == 0)
    rare = due & (share < 0.05)
    kept = float((made[rare] > 0).mean()) if rare.any() else 1.0
    found = [f"{int(gone.sum())} of {int(due.sum())} categories are lost"] if gone.any() else []
    return {"categories": float((real > 0).sum()), "kept": kept}, found


def _absence(count: NDArray[np.int64], n: int, m: int) -> NDArray[np.float64]:
    """Return the posterior probability that m rows hold none of a category seen `count` times in n rows.

    With a flat prior on the share this is the beta-binomial probability of zero.
    """
    from scipy.special import betaln

    a, b = count + 1.0, n - count + 1.0
    out: NDArray[np.float64] = np.exp(betaln(a, b + m) - betaln(a, b))
    return out


def _numbers(a: Column, b: Column) -> tuple[dict[str, float], list[str]]:
    x, y = (_values(c) for c in (a, b))
    if len(x) < 20 or len(y) < 20:
        return {}, []
    # In units of the largest value, whose square may lie beyond the largest float.
    scale = max(np.abs(x).max(), np.abs(y).max()) or 1.0
    x, y = x / scale, y / scale
    if x.std() <= 1e-12:
        return {}, []
    found = []
    ratio = float(y.var() / x.var())
    # Standard error of the logarithm of a variance: sqrt((kurtosis - 1) / n).
    kurtosis = float(np.mean(((x - x.mean()) / x.std()) ** 4))
    slack = 3.9 * np.sqrt((kurtosis - 1) * (1 / len(x) + 1 / len(y)))
    if not np.log(VARIANCE_RATIO[0]) - slack <= np.log(max(ratio, 1e-300)) <= np.log(VARIANCE_RATIO[1]) + slack:
        found.append(f"its variance is {ratio:.2f} of the real one")
    out = {"variance_ratio": ratio}
    for side, sign in (("low", -1.0), ("high", 1.0)):
        edge = np.quantile(sign * x, 1 - TAIL)
        inside = sign * x >= edge
        if edge == np.quantile(sign * x, 0.5):  # a constant, or nearly one: there is no tail on this side
            continue
        due = float(inside.mean())
        count = int((sign * y >= edge).sum())
        out[f"{side}_tail"] = count / len(y) / due
        # Of all rows in the tail, so many are synthetic if the tail kept just its least share: both counts are chance.
        total = count + int(inside.sum())
        expected = LEAST_TAIL * len(y) / (LEAST_TAIL * len(y) + len(x))
        if binom.cdf(count, total, expected) < ALPHA:
            found.append(f"its {side} tail holds {count / len(y) / due:.0%} of its due")
    return out, found


def _values(column: Column) -> NDArray[np.float64]:
    values = column.values[~column.missing]
    if values.dtype.kind in "mM":
        values = values.astype(f"{values.dtype.kind}8[us]").view(np.int64)
    out = values.astype(np.float64)
    return out[np.isfinite(out)]
