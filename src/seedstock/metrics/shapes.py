"""Column shapes: how far each column's distribution is from the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._columns import Trio, trios

DECIMALS = 14
"""Numbers are rounded to so many decimals first, as in SDMetrics."""


@dataclass(frozen=True)
class Shapes:
    """Mean over columns of the distance between real and synthetic marginals, in percent: ``shape_error``.

    Numbers, datetimes and durations: Kolmogorov-Smirnov distance. Categories and booleans: total variation.
    Missing cells are set aside here, as in SDMetrics, and measured by ``missing_error``; the difference of the
    missing shares is in the details. 0 is best, 100 worst. All rows are used.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        columns, left_out = trios(evidence)
        per_column: dict[str, dict[str, Any]] = {}
        for trio in columns:
            error = distance(trio, 2)
            per_column[trio.name] = {
                "error": _percent(error),
                "floor": _percent(distance(trio, 1)),
                "measure": "kolmogorov-smirnov" if trio.numeric else "total variation",
                "missing": [_missing_share(trio, k) for k in (0, 2)],
            }
        value = _mean([c["error"] for c in per_column.values()])
        floor = _mean([c["floor"] for c in per_column.values()])
        details: dict[str, Any] = {"columns": per_column, "left_out": left_out}
        if np.isnan(value):
            details["why"] = "no column has values to compare on both sides"
        good = 2.0 + (0.0 if np.isnan(floor) else floor)
        return [Score("shape_error", value, floor, "low", good, n=len(evidence.synthetic.table), details=details)]


def distance(trio: Trio, part: int) -> float:
    """Return the distance, 0 to 1, of a column's part (1 holdout, 2 synthetic) to its train part; NaN if empty."""
    return (ks_distance if trio.numeric else tv_distance)(trio.parts[0], trio.parts[part])


def ks_distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the greatest difference of the two empirical distribution functions; NaN cells are set aside.

    >>> ks_distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # Rounding multiplies by 10^14 and gives infinity for huge numbers, which keep their order unrounded.
        rounded = [np.where(np.abs(x) < 1e100, np.round(x, DECIMALS), x) for x in (a, b)]
    a, b = (np.sort(x[~np.isnan(x)]) for x in rounded)
    if not len(a) or not len(b):
        return float("nan")
    both = np.concatenate([a, b])
    cdf_a = np.searchsorted(a, both, "right") / len(a)
    cdf_b = np.searchsorted(b, both, "right") / len(b)
    return float(np.abs(cdf_a - cdf_b).max())


def tv_distance(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Return half the sum of the absolute differences of category shares; codes below 0 are set aside.

    >>> tv_distance(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1, -1]))
    0.25
    """
    a, b = a[a >= 0], b[b >= 0]
    if not len(a) or not len(b):
        return float("nan")
    k = int(max(a.max(), b.max())) + 1
    return float(0.5 * np.abs(np.bincount(a, minlength=k) / len(a) - np.bincount(b, minlength=k) / len(b)).sum())


def _missing_share(trio: Trio, part: int) -> float | None:
    x = trio.parts[part]
    if not len(x):
        return None
    return float(np.mean(np.isnan(x) if trio.numeric else x < 0))


def _percent(x: float) -> float | None:
    return None if np.isnan(x) else 100 * x


def _mean(values: list[float | None]) -> float:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else float("nan")


METRIC = Shapes
TINY = Shapes()
SOURCE = "SDMetrics quality report, column shapes: KSComplement and TVComplement (docs.sdv.dev/sdmetrics)"
