"""Nearest-neighbour share: are synthetic rows nearer to the rows that were learned than to rows that were not?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._columns import sizes, thin
from seedstock.metrics._features import Matrix, encode
from seedstock.metrics._neighbours import nearest

BINS = 40


@dataclass(frozen=True)
class NearestShare:
    """``nearest_share``: share of synthetic rows whose nearest real row is in train rather than in the holdout.

    Train is thinned to the holdout's size, so that 0.5 is what a generator reaches that learned the population
    and not its rows; ties count half. The distance is that of `Features.embedded`: ranks for numbers, 0 or 1 for
    categories. The floor is the share for one half of the holdout, against train and the other half: where it is
    not near 0.5, train and holdout are no samples of one population, and the value means little. Both are means
    over up to `repeats` disjoint parts of train.

    The interval comes from exchanging the labels train and holdout: if the c_i synthetic rows whose nearest row is
    i go one way or the other together, the share of n rows has the variance sum((c_i - mean c)^2) / (4 n^2). At
    most `max_real` real rows a side and `max_synthetic` synthetic rows.
    """

    max_real: int = 10_000
    repeats: int = 4
    max_synthetic: int = 15_000

    group: ClassVar[str] = "privacy"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        m = min(self.max_real, len(evidence.train.table), len(evidence.holdout.table))
        e = replace(
            evidence,
            train=thin(evidence.train, self.repeats * m, rng.child("train")),
            holdout=thin(evidence.holdout, m, rng.child("holdout")),
            synthetic=thin(evidence.synthetic, self.max_synthetic, rng.child("synthetic")),
        )
        features = encode(e)
        info: dict[str, Any] = {**features.details, "rows": sizes(e)}
        nan = float("nan")
        if m < 2 or not len(e.synthetic.table) or not features.names:
            why = "there are too few rows" if features.names else "there is no usable column"
            return [Score("nearest_share", nan, nan, "half", nan, details={**info, "why": why})]
        train, holdout, synthetic = features.embedded()
        train = train[rng.child("parts").generator().permutation(len(train))]
        share, half = self._mean_share(synthetic, train, holdout)
        order = rng.child("floor").generator().permutation(m)
        first, second = holdout[order[: m // 2]], holdout[order[m // 2 :]]
        floor, floor_half = self._mean_share(first, train, second)
        to_train, to_holdout, real_to_train = (
            np.sqrt(nearest(a, b)[0][:, 0])
            for a, b in ((synthetic, train[:m]), (synthetic, holdout), (holdout, train[:m]))
        )
        info |= {
            "floor_interval": [max(0.0, floor - floor_half), min(1.0, floor + floor_half)],
            "distances": _histograms(to_train, to_holdout, real_to_train),
        }
        interval = (max(0.0, share - half), min(1.0, share + half))
        good = 0.5 + min(0.5, max(0.03, half))
        return [Score("nearest_share", share, floor, "half", good, interval, len(synthetic), info)]

    def _mean_share(self, queries: Matrix, train: Matrix, holdout: Matrix) -> tuple[float, float]:
        m = len(holdout)
        parts = max(1, min(self.repeats, len(train) // m))
        shares = [nearest_share(queries, train[k * m : (k + 1) * m], holdout) for k in range(parts)]
        value, half = np.mean(shares, axis=0)
        return float(value), float(half)


def nearest_share(queries: Matrix, train: Matrix, holdout: Matrix) -> tuple[float, float]:
    """Return the share of queries nearer to train, and half its 95 % interval.

    >>> nearest_share(np.array([[0.1], [0.9]]), np.array([[0.0]]), np.array([[0.6]]))[0]
    0.5
    """
    a, i = (x[:, 0] for x in nearest(queries, train))
    b, j = (x[:, 0] for x in nearest(queries, holdout))
    share = float(((a < b) + 0.5 * (a == b)).mean())
    c = np.bincount(np.where(a <= b, i, len(train) + j), minlength=len(train) + len(holdout))
    n, points = len(queries), len(c)
    return share, 1.96 * float(np.sqrt(((c - n / points) ** 2).sum() * points / (points - 1))) / (2 * n)


def _histograms(to_train: Matrix, to_holdout: Matrix, real: Matrix) -> dict[str, Any]:
    """Return the three distributions of distances, binned alike, for the report; shares of the rows in each bin."""
    edges = np.linspace(0, float(max(to_train.max(), to_holdout.max(), real.max())) or 1.0, BINS + 1)
    shares = {
        name: (np.histogram(x, edges)[0] / len(x)).round(6).tolist()
        for name, x in (
            ("synthetic_to_train", to_train),
            ("synthetic_to_holdout", to_holdout),
            ("holdout_to_train", real),
        )
    }
    return {"edges": edges.round(6).tolist(), **shares}


METRIC = NearestShare
TINY = NearestShare(max_real=1_000, max_synthetic=1_000)
SOURCE = (
    "Platzer and Reutterer 2021, share of records closer to training than to holdout data; Gower 1971 for the distance"
)
