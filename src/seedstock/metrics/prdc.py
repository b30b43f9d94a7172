"""Precision, recall, density and coverage of the synthetic rows' neighbourhoods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._columns import sizes, thin_all
from seedstock.metrics._features import Matrix, encode
from seedstock.metrics._neighbours import nearest

NAMES = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True)
class Prdc:
    """Do synthetic rows lie where real rows lie (precision, density), and everywhere (recall, coverage)?

    Naeem et al. 2020, with k = 5 neighbours, equally many real and synthetic rows, at most `max_rows` a side, in
    the distance of `Features.embedded`. The floor puts the holdout in the place of the synthetic rows, with as
    many rows; both are measured with the holdout's number of rows, because all four depend on it.
    """

    max_rows: int = 4_000
    k: int = 5

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        n = min(self.max_rows, *(len(d.table) for d in (evidence.train, evidence.holdout, evidence.synthetic)))
        thinned = thin_all(evidence, n, rng.child("thin"))
        features = encode(thinned)
        info = {**features.details, "rows": sizes(thinned), "k": self.k}
        if n <= self.k or not features.names:
            why = f"{self.k} neighbours need more than {self.k} rows a side" if features.names else "no usable column"
            nan = float("nan")
            return [Score(name, nan, nan, "high", nan, details={**info, "why": why}) for name in NAMES]
        train, holdout, synthetic = features.embedded()
        values, floors = prdc(train, synthetic, self.k), prdc(train, holdout, self.k)
        noise = 2 * 0.5 / np.sqrt(n)
        return [
            Score(name, v, f, "high", float(0.9 * f - noise), n=n, details=info)
            for name, v, f in zip(NAMES, values, floors, strict=True)
        ]


def prdc(real: Matrix, synthetic: Matrix, k: int) -> tuple[float, float, float, float]:
    """Return precision, recall, density and coverage (Naeem et al. 2020, equations 1 to 6).

    Parameters
    ----------
    real, synthetic : ndarray, shapes (n, d), (m, d)
    k : int
        Neighbours, the point itself not counted.

    Examples
    --------
    >>> x = np.arange(8.0)[:, None]
    >>> prdc(x, x, 1)
    (1.0, 1.0, 2.75, 1.0)
    """
    real_radius = nearest(real, real, k + 1)[0][:, -1]
    synthetic_radius = nearest(synthetic, synthetic, k + 1)[0][:, -1]
    inside_real = np.zeros(len(synthetic))  # how many real balls hold each synthetic point
    recalled = np.zeros(len(real), bool)
    covered = np.zeros(len(real), bool)
    norm = (synthetic**2).sum(1)
    step = max(1, 4_000_000 // max(len(synthetic), 1))
    for start in range(0, len(real), step):
        block = real[start : start + step]
        d = np.round(np.maximum((block**2).sum(1)[:, None] + norm - 2 * block @ synthetic.T, 0.0), 9)
        held = d <= real_radius[start : start + step, None]
        inside_real += held.sum(0)
        covered[start : start + step] = held.any(1)
        recalled[start : start + step] = (d <= synthetic_radius).any(1)
    return (
        float((inside_real > 0).mean()),
        float(recalled.mean()),
        float(inside_real.mean() / k),
        float(covered.mean()),
    )


METRIC = Prdc
TINY = Prdc(max_rows=500)
SOURCE = "Naeem et al. 2020, Reliable fidelity and diversity metrics for generative models (arXiv 2002.09797)"
