"""Missing values: as many, and in the same columns together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng


@dataclass(frozen=True)
class Missing:
    """``missing_error``: mean absolute difference of the share of missing cells, in percentage points.

    The mean goes over the columns that miss a value anywhere; 0 where none does. The details carry each column,
    and the total variation between the patterns (which columns are missing together). All rows, all columns.
    """

    group: ClassVar[str] = "coverage"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        tables = [d.table for d in (evidence.train, evidence.holdout, evidence.synthetic)]
        if any(not len(t) for t in tables):
            nan = float("nan")
            return [Score("missing_error", nan, nan, "low", 1.0, details={"why": "there are no rows on one side"})]
        masks = [np.column_stack([c.missing for c in t.columns.values()]) for t in tables]
        shares = np.array([m.mean(0) for m in masks])
        some = shares.max(0) > 0
        names = [name for name, s in zip(tables[0].names, some, strict=True) if s]
        shares = 100 * shares[:, some]
        value, floor = (float(np.abs(shares[k] - shares[0]).mean()) if some.any() else 0.0 for k in (2, 1))
        patterns, inverse = np.unique(np.concatenate([m[:, some] for m in masks]), axis=0, return_inverse=True)
        parts = np.split(inverse.reshape(-1), np.cumsum([len(m) for m in masks])[:-1])
        p = [np.bincount(x, minlength=len(patterns)) / len(x) for x in parts]
        details = {
            "columns": {
                name: dict(zip(("train", "holdout", "synthetic"), row, strict=True))
                for name, row in zip(names, shares.T.tolist(), strict=True)
            },
            "pattern_error": 50 * float(np.abs(p[2] - p[0]).sum()),
            "pattern_floor": 50 * float(np.abs(p[1] - p[0]).sum()),
        }
        return [Score("missing_error", value, floor, "low", floor + 1.0, n=len(tables[2]), details=details)]


METRIC = Missing
TINY = Missing()
SOURCE = "SDMetrics MissingValueSimilarity, turned into an error; patterns: total variation"
