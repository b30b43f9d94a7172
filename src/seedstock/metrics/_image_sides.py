"""The images of a run, as measures compare them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

MOST = 2_000
"""Images of each set that are compared."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Training, held-out and drawn images, the same way: bytes (n, h, w, c), at most `MOST` of each."""

    train: NDArray[np.uint8]
    held: NDArray[np.uint8]
    drawn: NDArray[np.uint8]

    @classmethod
    def of(cls, evidence: Evidence, rng: Rng) -> Sides:
        """Take the images of a run."""
        parts = (evidence.train, evidence.holdout, evidence.synthetic)
        return cls(*(_images(d, rng.child(k)) for k, d in enumerate(parts)))


def _images(data: Dataset, rng: Rng) -> NDArray[np.uint8]:
    column = data.table[data.columns.of_kind("image")[0]]
    here = np.flatnonzero(~column.missing)
    if len(here) > MOST:
        here = np.sort(rng.generator().choice(here, MOST, replace=False))
    return column.values[here]
