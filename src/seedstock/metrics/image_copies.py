"""Copies among drawn images: the main risk where few images teach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.encoding.image_features import Matrix, both_ways, features, small
from seedstock.metrics._image_sides import Sides, baselines
from seedstock.metrics._neighbours import nearest

RATIO = 1 / 3
_LEAST = 3


@dataclass(frozen=True)
class ImageCopies:
    """Whether drawn images are training images again.

    ``image_copy_rate``: percent of drawn images whose nearest training image is less than a third as far as the second
    nearest, in pixels or in features, mirror images included (Yoon et al. 2023); 0 best. ``image_nearest_ratio``: the
    median distance of drawn images to the nearest training image over that of held-out images: well below 1, drawn
    images are closer to training images than new real ones are. Floors: held-out images in the place of drawn ones.
    """

    group: ClassVar[str] = "privacy"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        sides = Sides.of(evidence, rng.child("sides"))
        nan = float("nan")
        if len(sides.train) < _LEAST or not len(sides.drawn) or not len(sides.held):
            why = f"{len(sides.train)} training images are too few to tell a copy from a likeness"
            return [Score("image_copy_rate", nan, nan, "low", nan, details={"why": why})]
        own = both_ways(sides.train), _seen(sides.train)
        drawn, held = _copies(own, sides.drawn, len(sides.train)), _copies(own, sides.held, len(sides.train))
        n = len(sides.drawn)
        rates = [100 * float(x["copy"].mean()) for x in (drawn, held)]
        middle = float(np.median(held["distance"]))
        ratio = float(np.median(drawn["distance"])) / middle if middle > 0 else nan
        sets = baselines(sides.train, rng.child("beside"))
        beside = {k: _copies(own, v, len(sides.train)) for k, v in sets.items()}
        details: dict[str, Any] = {
            "pixels": 100 * float(drawn["pixels"].mean()),
            "features": 100 * float(drawn["features"].mean()),
            **{k: 100 * float(x["copy"].mean()) for k, x in beside.items()},
        }
        if np.isnan(ratio):
            why = {"why": "held-out images equal training images; remove duplicates first"}
            return [
                Score("image_copy_rate", rates[0], rates[1], "low", rates[1] + 1.0, n=n, details=details),
                Score("image_nearest_ratio", nan, nan, "high", nan, details=why),
            ]
        ratios = {k: float(np.median(x["distance"])) / middle for k, x in beside.items()}
        return [
            Score("image_copy_rate", rates[0], rates[1], "low", rates[1] + 1.0, n=n, details=details),
            Score("image_nearest_ratio", ratio, 1.0, "high", 0.4, n=n, details=ratios),
        ]


def _seen(images: Any) -> Matrix:
    return np.concatenate([features(images), features(images[:, :, ::-1])])


def _copies(own: tuple[Matrix, Matrix], images: Any, n: int) -> dict[str, Any]:
    pixels = small(images).reshape(len(images), -1).astype(np.float64)
    out: dict[str, Any] = {}
    for name, points, queries in (("pixels", own[0], pixels), ("features", own[1], features(images))):
        near, far = _two(queries, points, n)
        out[name] = near < RATIO * far
        if name == "pixels":
            out["distance"] = near
    out["copy"] = out["pixels"] | out["features"]
    return out


def _two(queries: Matrix, points: Matrix, n: int) -> tuple[Matrix, Matrix]:
    """Return distances to the nearest image and to the nearest other one; points hold images and mirror images."""
    square, index = nearest(queries, points, min(4, len(points)))
    image = index % n
    other = image != image[:, :1]
    # Without another image among the nearest four, the fourth bounds its distance from below.
    second = np.where(other.any(1), other.argmax(1), square.shape[1] - 1)
    return np.sqrt(square[:, 0]), np.sqrt(square[np.arange(len(square)), second])


METRIC = ImageCopies
TINY = ImageCopies()
SOURCE = (
    "Yoon et al. 2023, Diffusion probabilistic models generalize when they fail to memorize (the ratio of a third)."
)
DOMAIN = "image"
