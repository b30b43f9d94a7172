"""Support: which synthetic rows lie where real rows were observed, which between them, which outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.provenance.support import support


@dataclass(frozen=True)
class InSupport:
    """``within_support``: percent of the synthetic rows that lie within the training rows' support.

    The details hold, for all rows and for each value of the target, the shares within, between and outside, the
    density of real rows there, the columns that lie outside, and the numbers of the rows that lie farthest out
    with those of their nearest real ones. Of long tables a random part is looked at.
    """

    max_real: int = 10_000
    max_rows: int = 4_000

    group: ClassVar[str] = "coverage"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        if not any(s.kind not in ("id", "text", "image") for s in evidence.train.columns.columns.values()):
            return []
        nan = float("nan")
        sides = (evidence.synthetic, evidence.holdout)
        if not len(evidence.train.table) or not len(evidence.synthetic.table):
            why = {"why": "there are no rows to compare"}
            return [Score("within_support", nan, nan, "high", nan, details=why)]
        found = [
            support(evidence.train, side, rng, None, self.max_real, self.max_rows).groups if len(side.table) else None
            for side in sides
        ]
        groups, held = found
        assert groups is not None
        value = 100 * groups[0].within
        floor = nan if held is None else 100 * held[0].within
        known = 100.0 if held is None else floor
        # Two counts of rows, each of which is chance.
        rows = [g[0].rows for g in found if g is not None]
        noise = 3 * 100 * (sum(0.25 / r for r in rows)) ** 0.5
        details = {
            "groups": [g.to_json() for g in groups],
            "floor_groups": [g.to_json() for g in held[:1]] if held is not None else [],
        }
        good = max(0.0, known - max(5.0, noise))
        return [Score("within_support", value, floor, "high", good, n=groups[0].rows, details=details)]


METRIC = InSupport
TINY = InSupport(2_000, 1_000)
SOURCE = "Kynkaanniemi et al. 2019, Improved precision and recall metric, equation 1, by groups of rows"
