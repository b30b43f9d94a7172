"""How alike drawn and real images are as sets: kernel and Frechet distance, precision, recall, density, coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import sqrtm

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.encoding.image_features import Matrix, features
from seedstock.metrics._auc import auc, auc_interval
from seedstock.metrics._image_sides import Sides, baselines
from seedstock.metrics._learners import linear, out_of_fold
from seedstock.metrics.prdc import prdc

_LEAST = 10
_AXES = 48
_NAMES = ("image_precision", "image_recall", "image_density", "image_coverage")


@dataclass(frozen=True)
class ImageLikeness:
    """Distances of drawn images to training images, in the space of fixed random filters.

    ``image_kernel_distance``: unbiased squared maximum mean discrepancy with a cubic kernel, times 1,000, 0 best
    (Binkowski et al. 2018). ``image_frechet_distance``: between Gaussians on the 48 main axes (Heusel et al. 2017).
    ``image_precision``, ``image_recall``, ``image_density``, ``image_coverage`` (Naeem et al. 2020, k = 5).
    ``image_detection``: AUC of a linear model that tells drawn from held-out images, 0.5 best. Floors: held-out images
    in the place of drawn ones. Details: the same of images of noise, of a Gaussian of the pixels, and of copies of the
    training images.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        sides = Sides.of(evidence, rng.child("sides"))
        least = min(len(sides.train), len(sides.held), len(sides.drawn))
        if least < _LEAST:
            nan = float("nan")
            why = f"there are {least} images on one side, and {_LEAST} are the least"
            return [Score("image_kernel_distance", nan, nan, "low", nan, details={"why": why})]
        beside = baselines(sides.train, rng.child("beside"))
        sets = {"train": sides.train, "held": sides.held, "drawn": sides.drawn, **beside}
        whole = {k: features(v) for k, v in sets.items()}
        centre, scale = whole["train"].mean(0), whole["train"].std(0) + 1e-6
        z = {k: (v - centre) / scale / np.sqrt(v.shape[1]) for k, v in whole.items()}
        n = len(sides.drawn)
        scores = []
        for name, distance, times in (("kernel", kernel_distance, 1_000.0), ("frechet", _frechet(z["train"]), 1.0)):
            found = {k: times * distance(z["train"], z[k]) for k in z if k != "train"}
            floor = found["held"]
            details: dict[str, Any] = {k: found[k] for k in beside}
            # Held-out images may be of other people or things than the training images, and far off; a Gaussian is not.
            good = found["gaussian"]
            scores.append(Score(f"image_{name}_distance", found["drawn"], floor, "low", good, n=n, details=details))
        k, m = min(5, least - 1), min(len(z["drawn"]), len(z["held"]))
        shares = {side: prdc(z["train"], z[side][:m], k) for side in z if side != "train"}
        for i, name in enumerate(_NAMES):
            floor = shares["held"][i]
            details = {side: float(shares[side][i]) for side in beside}
            scores.append(Score(name, shares["drawn"][i], floor, "high", floor - 0.15, n=n, details=details))
        return [*scores, _detection(z, tuple(beside), n, rng.child("told"))]


def kernel_distance(a: Matrix, b: Matrix) -> float:
    """Return the unbiased squared MMD of two samples with the kernel (x·y + 1)³; may be slightly below 0.

    >>> g = np.random.default_rng(0)
    >>> x, y = g.normal(size=(400, 2)), g.normal(size=(400, 2))
    >>> abs(kernel_distance(x, y)) < 0.5 < kernel_distance(x, y + 2)
    True
    """
    n, m = len(a), len(b)
    aa, bb, ab = ((x @ y.T + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    return float((aa.sum() - np.trace(aa)) / (n * (n - 1)) + (bb.sum() - np.trace(bb)) / (m * (m - 1)) - 2 * ab.mean())


def frechet(mean_a: Matrix, cov_a: Matrix, mean_b: Matrix, cov_b: Matrix) -> float:
    """Return the squared Frechet (Wasserstein-2) distance of two Gaussians (Dowson and Landau 1982).

    >>> frechet(np.zeros(2), np.eye(2), np.array([3.0, 4.0]), 4 * np.eye(2))
    27.0
    """
    root = np.real(sqrtm(cov_a @ cov_b))
    return round(float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)), 9)


def _frechet(train: Matrix) -> Any:
    centre = train.mean(0)
    axes = np.linalg.svd(train - centre, full_matrices=False)[2][: min(_AXES, len(train) // 3)].T

    def distance(a: Matrix, b: Matrix) -> float:
        sides = [((x - centre) @ axes) for x in (a, b)]
        moments = [m for x in sides for m in (x.mean(0), np.cov(x, rowvar=False).reshape(x.shape[1], -1))]
        return frechet(*moments)

    return distance


def _detection(z: dict[str, Matrix], beside: tuple[str, ...], n: int, rng: Rng) -> Score:
    def told(name: str) -> tuple[float, Any]:
        m = min(len(z["held"]), len(z[name]))
        X, y = np.concatenate([z["held"][:m], z[name][:m]]), np.arange(2 * m) >= m
        axes = np.linalg.svd(X - X.mean(0), full_matrices=False)[2][: min(20, m // 3)].T
        seed = rng.integer() % 2**31
        p = out_of_fold(linear, (X - X.mean(0)) @ axes * np.sqrt(X.shape[1]), y, seed)
        return auc(p, y), auc_interval(p, y)

    (value, interval), (floor, _) = told("drawn"), told("train")
    good = 0.5 + max(abs(floor - 0.5) + 0.1, 0.1)
    details = {name: told(name)[0] for name in beside}
    return Score("image_detection", value, floor, "half", min(good, 1.0), interval, n=n, details=details)


METRIC = ImageLikeness
TINY = ImageLikeness()
SOURCE = "Binkowski et al. 2018 (kernel distance); Heusel et al. 2017 (Frechet); Naeem et al. 2020 (PRDC)."
DOMAIN = "image"
