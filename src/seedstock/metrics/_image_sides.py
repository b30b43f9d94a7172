"""The images of a run, and images of known worth beside them, as measures compare them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

MOST = 2_000
"""Images of each set that are compared."""

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Sides:
    """Training, held-out and drawn images, the same way: bytes (n, h, w, c), at most `MOST` of each."""

    train: Bytes
    held: Bytes
    drawn: Bytes

    @classmethod
    def of(cls, evidence: Evidence, rng: Rng, most: int = MOST) -> Sides:
        """Take the images of a run, at most `most` of each set."""
        parts = (evidence.train, evidence.holdout, evidence.synthetic)
        return cls(*(_images(d, rng.child(k), most) for k, d in enumerate(parts)))


def baselines(train: Bytes, rng: Rng) -> dict[str, Bytes]:
    """Return what drawn images are measured beside, as many as there are training images.

    ``noise`` is the worst there can be, ``gaussian`` has the mean and the covariance of the training images' pixels,
    and ``copies`` are training images again: no likeness can be better, and no privacy worse.
    """
    g = rng.generator()
    n = len(train)
    flat = train.reshape(n, -1).astype(np.float32)
    centre = flat.mean(0)
    _, s, axes = np.linalg.svd(flat - centre, full_matrices=False)
    drawn = (g.standard_normal((n, len(s))) * s / np.sqrt(max(n - 1, 1))) @ axes + centre
    return {
        "noise": g.integers(0, 256, train.shape, np.uint8),
        "gaussian": np.clip(drawn, 0, 255).astype(np.uint8).reshape(train.shape),
        "copies": train[g.integers(n, size=n)],
    }


def _images(data: Dataset, rng: Rng, most: int) -> Bytes:
    column = data.table[data.columns.of_kind("image")[0]]
    here = np.flatnonzero(~column.missing)
    if len(here) > most:
        here = np.sort(rng.generator().choice(here, most, replace=False))
    return column.values[here]
