"""Rare categories and rare pairs of categories: are they still there?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._columns import Trio, trios

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Rare:
    """``rare_categories_kept`` and ``rare_pairs_kept``: those present over those expected, in percent.

    Rare is a share below `share` of the train rows. Of N independent draws, a category of share p is expected to
    be present with probability 1 - (1 - p)^N; the score is the number present over the sum of these, at most
    100. A category seen fewer than `min_category` times, or a pair fewer than `min_pair` times, is a trait of single
    persons rather than of the population and is not asked for. All rows are used.
    """

    share: float = 0.02
    min_category: int = 2
    min_pair: int = 5
    max_pairs: int = 300

    group: ClassVar[str] = "coverage"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        columns = [t for t in trios(evidence)[0] if not t.numeric]
        out = []
        single = _Tally()
        for t in columns:
            codes = [np.asarray(x, np.int64) for x in t.parts]
            single.add(t.name, [x[x >= 0] for x in codes], self.share, self.min_category, lambda c, t=t: t.labels[c])
        out += single.scores("rare_categories_kept")
        pairs = _Tally()
        for a, b in list(combinations(columns, 2))[: self.max_pairs]:
            codes, name = pair_codes(a, b)
            pairs.add(f"{a.name} & {b.name}", codes, self.share, self.min_pair, name)
        out += pairs.scores("rare_pairs_kept")
        return out


def pair_codes(a: Trio, b: Trio) -> tuple[list[Codes], Any]:
    """Return one code a row for the pair, rows with a missing cell left out, and the function that names a code."""
    k = max(len(b.labels), 1)
    out = []
    for x, y in zip(a.parts, b.parts, strict=True):
        here = (x >= 0) & (y >= 0)
        out.append(np.asarray(x[here] * k + y[here], np.int64))
    return out, lambda c: f"{a.labels[c // k]} & {b.labels[c % k]}"


class _Tally:
    """Counts of what was present and what was expected, for synthetic and for holdout."""

    def __init__(self) -> None:
        self.n_rare = 0
        self.present = np.zeros(2)
        self.expected = np.zeros(2)
        self.lost: list[dict[str, Any]] = []
        self.rows = 0

    def add(self, column: str, parts: list[Codes], share: float, at_least: int, name: Any) -> None:
        seen, counts = np.unique(parts[0], return_counts=True)
        p = counts / max(len(parts[0]), 1)
        rare = (p < share) & (counts >= at_least)
        seen, p, counts = seen[rare], p[rare], counts[rare]
        self.n_rare += len(seen)
        self.rows = max(self.rows, len(parts[2]))
        for k, part in enumerate((parts[2], parts[1])):
            here = np.isin(seen, part)
            self.present[k] += here.sum()
            self.expected[k] += (1 - (1 - p) ** len(part)).sum()
            if k == 0:
                order = np.argsort(-counts[~here], kind="stable")[:5]
                gone = seen[~here][order]
                self.lost += [
                    {"column": column, "value": name(int(c))[:80], "train_rows": int(counts[seen == c][0])}
                    for c in gone
                ]

    def scores(self, name: str) -> list[Score]:
        if not self.n_rare:
            return []
        value, floor = (
            float(min(100.0, 100 * p / e)) if e > 0 else float("nan")
            for p, e in zip(self.present, self.expected, strict=True)
        )
        details: dict[str, Any] = {
            "rare": self.n_rare,
            "present": int(self.present[0]),
            "expected": float(self.expected[0]),
            "lost": sorted(self.lost, key=lambda x: -x["train_rows"])[:20],
        }
        if np.isnan(value):
            details["why"] = "there are no synthetic rows"
        known = 100.0 if np.isnan(floor) else floor
        # Counts of presence are noisy where few are expected.
        noise = 200 * np.sqrt(0.25 / max(self.expected[0], 1.0))
        return [
            Score(name, value, floor, "high", float(max(0.0, known - max(10.0, noise))), n=self.rows, details=details)
        ]


METRIC = Rare
TINY = Rare()
SOURCE = (
    "SDMetrics CategoryCoverage, restricted to rare categories and set against the expectation of independent draws"
)
