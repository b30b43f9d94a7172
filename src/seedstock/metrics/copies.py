"""Copies: synthetic rows that are training rows, cell for cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.split import row_codes
from seedstock.core.table import Table


@dataclass(frozen=True)
class Copies:
    """``copy_rate``: percent of synthetic rows that equal a training row in all columns but identifiers.

    The floor is the rate of the holdout's rows: tables of few, coarse columns repeat themselves by nature. Where
    equal rows were kept on one side of the split, the holdout cannot show this; the Good-Turing estimate from the
    training rows alone, 1 - (rows seen once) / n, can, and enters the bound of what is good. All rows are used.
    """

    group: ClassVar[str] = "privacy"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        schema = evidence.train.columns
        names = [c for c in evidence.train.table if schema[c].kind != "id"]
        tables = [d.table.select(names) for d in (evidence.train, evidence.holdout, evidence.synthetic)]
        n = [len(t) for t in tables]
        if not names or not all(n):
            nan = float("nan")
            why = "there are no rows on one side" if names else "all columns are identifiers"
            return [Score("copy_rate", nan, nan, "low", nan, details={"why": why})]
        codes = row_codes(Table.concat(tables))
        train, holdout, synthetic = np.split(codes, np.cumsum(n)[:-1])
        counts = np.bincount(train, minlength=int(codes.max()) + 1)
        copied, repeated = counts[synthetic] > 0, counts[holdout] > 0
        value, floor = 100 * float(copied.mean()), 100 * float(repeated.mean())
        natural = 100 * float(1 - (counts[train] == 1).mean())
        bound = max(2 * floor, 2 * natural, 100 * wilson(int(repeated.sum()), n[1])[1])
        low, high = wilson(int(copied.sum()), n[2])
        details = {
            "copies": int(copied.sum()),
            "distinct_train_rows_copied": len(np.unique(synthetic[copied])),
            "copies_of_unique_train_rows": int((counts[synthetic] == 1).sum()),
            "copies_in_holdout": int(np.isin(synthetic, holdout).sum()),
            "natural_rate": natural,
        }
        return [Score("copy_rate", value, floor, "low", min(bound, 100.0), (100 * low, 100 * high), n[2], details)]


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate of k in n (Wilson 1927).

    >>> [round(x, 4) for x in wilson(0, 100)]
    [0.0, 0.037]
    """
    z2 = 1.96**2
    centre = (k + z2 / 2) / (n + z2)
    half = 1.96 / (n + z2) * float(np.sqrt(k * (n - k) / n + z2 / 4))
    return max(0.0, centre - half), min(1.0, centre + half)


METRIC = Copies
TINY = Copies()
SOURCE = (
    "Platzer and Reutterer 2021, identical match share (Frontiers in Big Data 4:679939); Good 1953 for the natural rate"
)
