"""Range used: do synthetic numbers reach as far as the real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._columns import trios


@dataclass(frozen=True)
class Ranges:
    """``range_used``: mean over numbers, datetimes and durations, in percent.

    A column's share is that of the train column's interval between its 0.1 % and 99.9 % quantiles which the same
    quantiles of the synthetic column cover. A constant column counts as covered where its value occurs. The
    details say how many synthetic values lie beyond the greatest and least real value. All rows are used.
    """

    tail: float = 0.001

    group: ClassVar[str] = "coverage"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        columns: dict[str, dict[str, Any]] = {}
        for trio in trios(evidence)[0]:
            parts = [x[np.isfinite(x)] for x in trio.parts] if trio.numeric else []
            if not parts or not len(parts[0]):
                continue
            beyond = int(((parts[2] < parts[0].min()) | (parts[2] > parts[0].max())).sum())
            value, floor = (self._covered(parts[0], parts[k]) for k in (2, 1))
            columns[trio.name] = {"used": value, "floor": floor, "beyond": beyond}
        if not columns:
            return []
        value, floor = (float(np.mean([c[k] for c in columns.values()])) for k in ("used", "floor"))
        details = {"columns": columns, "quantiles": [self.tail, 1 - self.tail]}
        good = max(0.0, floor - 10.0)
        return [Score("range_used", value, floor, "high", good, n=len(evidence.synthetic.table), details=details)]

    def _covered(self, real: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        if not len(other):
            return 0.0
        # An order statistic, not a value between two: half the range of float64 may lie between them.
        low, high = np.quantile(real, [self.tail, 1 - self.tail], method="nearest")
        a, b = np.quantile(other, [self.tail, 1 - self.tail], method="nearest")
        if high == low:
            return 100.0 if (other == low).any() else 0.0
        scale = max(abs(high), abs(low))
        low, high, a, b = (v / scale for v in (low, high, np.clip(a, low, high), np.clip(b, low, high)))
        return 100.0 * max(0.0, float((b - a) / (high - low)))


METRIC = Ranges
TINY = Ranges()
SOURCE = "SDMetrics RangeCoverage, with quantiles in the place of the extremes"
