"""The tail gate: rare categories, spreads and outer quantiles, each beyond what chance explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.provenance.tails import TailResult, tail_gate


@dataclass(frozen=True)
class TailsKept:
    """``tails_kept``: percent of the columns whose tails came through; see `seedstock.provenance.tails`.

    Lost tails are the first sign of a model that learns from models' output, so a table that loses them is no
    parent for another generation. All rows are used.
    """

    group: ClassVar[str] = "coverage"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        found, held = (tail_gate(evidence.train, side) for side in (evidence.synthetic, evidence.holdout))
        if not found.columns:
            return []
        value, floor = _kept(found), _kept(held) if held.columns else float("nan")
        details = {**found.to_json(), "floor_lost": list(held.lost)}
        # A column that train and holdout do not agree in cannot be asked for.
        good = 100.0 if floor != floor else floor
        return [Score("tails_kept", value, floor, "high", good, n=len(evidence.synthetic.table), details=details)]


def _kept(result: TailResult) -> float:
    return 100.0 * (1 - len(result.lost_columns) / len(result.columns))


METRIC = TailsKept
TINY = TailsKept()
SOURCE = "Shumailov et al. 2024, AI models collapse when trained on recursively generated data: tails vanish first"
