"""Image files that could not be read, sets of mixed sizes, and images that show nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "image_files"
_FLAT = 1.5
"""Standard deviation of the pixels, of 255, below which an image shows nothing."""
_SHOWN = 5


@dataclass(frozen=True)
class ImageFiles:
    """Reports files that could not be read, and finds blank images: all pixels alike, where most images are not."""

    false_alarms: ClassVar[float] = 0.001
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return a finding for what could not be read, and one for blank images."""
        out = []
        bad = data.origin.get("unreadable") or {}
        if bad:
            shown = "; ".join(f"{name} ({why})" for name, why in list(bad.items())[:_SHOWN])
            more = " ..." if len(bad) > _SHOWN else ""
            share = len(bad) / (len(bad) + len(data.table))
            out.append(
                Finding(
                    NAME, data.name, None, (), "high" if share >= 0.01 else "medium", 1.0,
                    f"{len(bad):,} files ({share:.2%}) could not be read: {shown}{more}.",
                    "They are left out; bring whole files in their place.", details={"files": list(bad)[:1_000]},
                )
            )  # fmt: skip
        name = data.columns.of_kind("image")[0]
        column = data.table[name]
        blank = ~column.missing & (spread(column.values) < _FLAT)
        if blank.any() and blank.mean() < 0.5:
            rows = np.flatnonzero(blank)
            edits = tuple(Edit(data.name, int(r), None, None, None, NAME, 0.95, True, "shows nothing") for r in rows)
            out.append(
                Finding(
                    NAME, data.name, name, tuple(rows.tolist()), "high" if blank.mean() >= 0.005 else "medium", 0.95,
                    f"{len(rows):,} images ({blank.mean():.2%}) show nothing: all their pixels are alike.",
                    "Remove them.", edits,
                )
            )  # fmt: skip
        return out


def spread(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return each image's standard deviation of pixels, the channels on their own, shape (n,)."""
    out = np.zeros(len(images))
    for start in range(0, len(images), 1_000):
        part = images[start : start + 1_000].astype(np.float32)
        out[start : start + 1_000] = part.std((1, 2)).max(1)
    return out


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Paint a share of the images over."""
    name = data.columns.of_kind("image")[0]
    n = len(data.table)
    rows = np.sort(rng.generator().choice(n, max(1, round(share * n)), replace=False))
    values = data.table[name].values.copy()
    values[rows] = 255
    return data.with_table(data.table.assign({name: Column.of(values)})), rows


CHECK = ImageFiles
SOURCE = "What the reader could not decode; spread of pixels."
DOMAIN = "image"
