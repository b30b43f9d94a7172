"""Whether the real course in time could be one of the synthetic ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._series import aligned, two_sided

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """``course_checks``: the least predictive p-value of the learned part's statistics, times their number.

    Of each column the mean, the spread, the largest value, its moment, the mean change and the memory (correlation of
    neighbours) are compared with those of the synthetic series; 1 is the most, and a right mechanism falls below 0.05
    at most one time in twenty.
    """

    group: ClassVar[str] = "foresight"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        nan = float("nan")
        found = aligned(evidence)
        if found is None or len(found.train) < 4:
            why = "fewer than 20 whole series, or fewer than 4 moments"
            return [Score("course_checks", nan, nan, "high", nan, details={"why": why})]
        p: dict[str, float] = {}
        for name, y in found.real.items():
            here = found.train[np.isfinite(y[found.train])]
            if len(here) < 4:
                continue
            draws = found.drawn[name][:, here]
            mine, theirs = _statistics(y[here][None]), _statistics(draws[np.isfinite(draws).all(axis=1)])
            p |= {f"{k} of {name}": two_sided(theirs[k], float(mine[k][0])) for k in mine}
        p = {k: v for k, v in p.items() if np.isfinite(v)}
        if not p:
            return [Score("course_checks", nan, nan, "high", nan, details={"why": "no column has numbers"})]
        least = min(1.0, min(p.values()) * len(p))
        details = {"p_values": p}
        return [Score("course_checks", least, 1.0, "high", 0.05, n=len(found.train), details=details)]


def _statistics(y: Floats) -> dict[str, Floats]:
    centred = y - y.mean(axis=1, keepdims=True)
    size = np.maximum((centred**2).sum(axis=1), 1e-300)
    return {
        "mean": y.mean(axis=1),
        "spread": y.std(axis=1),
        "largest": y.max(axis=1),
        "moment of the largest": np.argmax(y, axis=1).astype(float),
        "mean change": np.abs(np.diff(y, axis=1)).mean(axis=1),
        "memory": (centred[:, 1:] * centred[:, :-1]).sum(axis=1) / size,
    }


DOMAIN = "series"
METRIC = Course
TINY = Course()
SOURCE = "Gelman, Meng and Stern (1996), Posterior predictive assessment of model fitness, section 2"
