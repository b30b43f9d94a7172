"""Kernel distance of drawn to real images in what a net sees that was trained on photographs, where it is installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._image_sides import Sides, baselines
from seedstock.metrics.image_likeness import kernel_distance
from seedstock.nets import judge

MOST = 200
"""Images of each set: the net takes about a hundredth of a second for each."""
_LEAST = 10


@dataclass(frozen=True)
class ImageTrained:
    """``image_trained_distance``: as ``image_kernel_distance``, on features of EfficientNet-lite0.

    Its weights (trained on ImageNet) come with the extra ``judge``; there is no score without it. Floor: held-out
    images in the place of drawn ones. Details: the same of images of noise, of a Gaussian of the pixels, and of copies.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        sides = Sides.of(evidence, rng.child("sides"), MOST)
        if not judge.here() or min(len(sides.train), len(sides.held), len(sides.drawn)) < _LEAST:
            return []
        beside = baselines(sides.train, rng.child("beside"))
        seen = {k: judge.see(v) for k, v in {"held": sides.held, "drawn": sides.drawn, **beside}.items()}
        train, d = judge.see(sides.train), judge.FEATURES
        found = {k: 1_000 * kernel_distance(train / np.sqrt(d), v / np.sqrt(d)) for k, v in seen.items()}
        details = {k: found[k] for k in beside}
        n = len(sides.drawn)
        floor, good = found["held"], found["gaussian"]
        return [Score("image_trained_distance", found["drawn"], floor, "low", good, n=n, details=details)]


METRIC = ImageTrained
TINY = ImageTrained()
SOURCE = "Binkowski et al. 2018 (kernel distance); Tan and Le 2019 (EfficientNet)."
DOMAIN = "image"
