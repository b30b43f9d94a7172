"""What synthetic series foresee of the real rows that came after those that were learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._series import aligned
from seedstock.physics.scoring import crps, forecast

Floats = NDArray[np.float64]
_WHY = "fewer than 20 whole series were drawn, or their times are not those of the real rows"


@dataclass(frozen=True)
class Forecast:
    """``forecast_error`` and ``band_coverage``: synthetic series against the rows that were held out as the last.

    The error is the continuous ranked probability score, in percent of each column's standard deviation; beside it
    stands that of an autoregression of the training rows, the best that a statistical forecast does without a
    mechanism. The coverage is the share of held-out cells inside the central 90 % of the series, in percent.
    """

    group: ClassVar[str] = "foresight"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        found = aligned(evidence)
        if found is None or not len(found.held):
            return [_none("forecast_error"), _none("band_coverage")]
        g = rng.generator()
        mine, plain, inside, columns = [], [], [], {}
        for name, y in found.real.items():
            here = found.held[np.isfinite(y[found.held])]
            draws = found.drawn[name][:, here]
            draws = draws[np.isfinite(draws).all(axis=1)]
            past = y[found.train]
            if not len(here) or len(draws) < 20 or np.isfinite(past).sum() < 3:
                continue
            scale = float(np.nanstd(y)) or 1.0
            steps = forecast(past, len(found.held), 400, g)[:, np.isfinite(y[found.held])]
            own, theirs = (100 * crps(x, y[here]) / scale for x in (draws, steps))
            low, high = np.quantile(draws, [0.05, 0.95], axis=0)
            within = (low <= y[here]) & (y[here] <= high)
            mine.append(own), plain.append(theirs), inside.append(within)
            columns[name] = {"error": float(own.mean()), "plain": float(theirs.mean()), "inside": float(within.mean())}
        if not mine:
            return [_none("forecast_error"), _none("band_coverage")]
        error, floor = float(np.concatenate(mine).mean()), float(np.concatenate(plain).mean())
        covered = np.concatenate(inside)
        n = len(covered)
        details: dict[str, Any] = {"columns": columns, "baseline": "autoregression of the training rows"}
        good = 100 * float(stats.binom.ppf(0.01, n, 0.9)) / n
        spread = stats.beta.ppf([0.025, 0.975], covered.sum() + 0.5, n - covered.sum() + 0.5)
        between = (100 * float(spread[0]), 100 * float(spread[1]))
        return [
            Score("forecast_error", error, floor, "low", floor, n=n, details=details),
            Score("band_coverage", 100 * float(covered.mean()), 90.0, "high", good, between, n, {"columns": columns}),
        ]


def _none(name: str) -> Score:
    nan = float("nan")
    return Score(name, nan, nan, "low", nan, details={"why": _WHY})


DOMAIN = "series"
METRIC = Forecast
TINY = Forecast()
SOURCE = "Gneiting and Raftery (2007), Strictly proper scoring rules, equation 20"
