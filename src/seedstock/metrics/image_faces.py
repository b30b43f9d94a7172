"""Whether drawn faces are faces, where the real images are faces and scikit-image is installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np
from scipy.ndimage import zoom

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._image_sides import Bytes, Sides, baselines

MOST = 200
"""Images of each set that are looked at: the cascade takes some hundredths of a second for each."""
_SIDE, _MARGIN = 128, 24
_LEAST, _FACES = 10, 50.0


@dataclass(frozen=True)
class ImageFaces:
    """Percent of drawn images in which a cascade finds a face; good from 90 % of the rate of held-out images.

    The cascade (local binary patterns, Liao et al. 2007) is the one that scikit-image carries: the extra ``judge``.
    There is no score without it, and none where it finds faces in less than half of the training images: those are no
    faces, or not the frontal ones that it knows. Details: the same of images of noise, of a Gaussian of the pixels, and
    of copies. A cascade is easily pleased: read the score beside the Gaussian's.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        if find_spec("skimage") is None:
            return []
        sides = Sides.of(evidence, rng.child("sides"), MOST)
        if min(len(sides.train), len(sides.held), len(sides.drawn)) < _LEAST or face_rate(sides.train) < _FACES:
            return []
        floor, found = face_rate(sides.held), face_rate(sides.drawn)
        beside = baselines(sides.train, rng.child("beside"))
        details: dict[str, Any] = {k: face_rate(v) for k, v in beside.items()}
        return [Score("image_face_rate", found, floor, "high", 0.9 * floor, n=len(sides.drawn), details=details)]


def face_rate(images: Bytes) -> float:
    """Return the percent of images, shape (n, h, w, c), in which the cascade finds a face of half their height."""
    cascade = _cascade()
    found = 0
    for image in images:
        grey = image.mean(2)
        larger = zoom(grey, (_SIDE / grey.shape[0], _SIDE / grey.shape[1]), order=3, mode="nearest", grid_mode=True)
        x = np.pad(larger.round().clip(0, 255).astype(np.uint8), _MARGIN, mode="edge")
        sizes = {"min_size": (_SIDE // 2, _SIDE // 2), "max_size": (_SIDE + 42, _SIDE + 42)}
        found += bool(cascade.detect_multi_scale(x, scale_factor=1.1, step_ratio=1, **sizes))
    return 100 * found / len(images)


@cache
def _cascade() -> Any:
    from skimage.data import lbp_frontal_face_cascade_filename
    from skimage.feature import Cascade

    return Cascade(lbp_frontal_face_cascade_filename())


METRIC = ImageFaces
TINY = ImageFaces()
SOURCE = "Liao et al. 2007, learning multi-scale block local binary patterns for face recognition"
DOMAIN = "image"
