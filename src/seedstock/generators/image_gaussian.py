"""Principal components and a shrunk Gaussian per class: the baseline for images, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset, Table
from seedstock.generators._components import Components
from seedstock.generators._images import ImageFitted, ImageSet, Labels, Pixels, label_counts

_POOLED = 10.0
"""Images' worth of the pooled covariance and mean in each class's own."""


@dataclass(frozen=True, eq=False)
class ImageGaussianFitted(ImageFitted):
    """Components of pixels, and a Gaussian of their coordinates per class."""

    components: Components
    means: NDArray[np.float64]
    roots: NDArray[np.float64]

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.components.width,)

    def decode(self, noise: NDArray[np.float32], labels: Labels) -> Pixels:
        return self.components.images(self._coordinates(noise, labels))

    def draw(self, labels: Labels, rng: Rng) -> Pixels:
        g = rng.generator()
        noise = g.standard_normal((len(labels), *self.noise_shape))
        return self.components.images(self._coordinates(noise, labels), g)

    def complete(self, pixels: Pixels, known: NDArray[np.bool_], labels: Labels, rng: Rng) -> Pixels:
        """Draw coordinates from their distribution given the known pixels: exact for a Gaussian."""
        g = rng.generator()
        z = []
        for picture, keep, k in zip(pixels, known, labels, strict=True):
            seen = self.components.seen(picture, keep)
            root = self.roots[k]
            precision = np.eye(len(root)) + root.T @ seen.weight @ root
            u = np.linalg.solve(precision, root.T @ (seen.pull - seen.weight @ self.means[k]))
            u += np.linalg.solve(np.linalg.cholesky(precision).T, g.standard_normal(len(root)))
            z.append(self.means[k] + root @ u)
        return self.components.images(np.stack(z), g)

    def _coordinates(self, noise: NDArray[Any], labels: Labels) -> NDArray[np.float64]:
        return self.means[labels] + np.einsum("nij,nj->ni", self.roots[labels], noise)

    def own_state(self) -> State:
        part = self.components.state()
        return State({**part.arrays, "means": self.means, "roots": self.roots}, part.meta)

    @classmethod
    def from_own_state(
        cls, schema: Schema, combinations: Table, counts: NDArray[np.int64], shape: tuple[int, int, int], state: State
    ) -> Self:
        components = Components.from_state(state, shape)
        means, roots = (np.asarray(state.arrays[k], float) for k in ("means", "roots"))
        d = components.width
        if means.shape != (len(counts), d) or roots.shape != (len(counts), d, d):
            raise InputError("this model is damaged: its classes do not fit its components; fit it again")
        return cls(schema, combinations, counts, shape, components, means, roots)


@dataclass(frozen=True)
class ImageGaussian:
    """Draw coordinates in the space of principal components from one shrunk Gaussian per class.

    Each class's mean and covariance are pooled with those of all images by `_POOLED` images' worth, and the pooled
    covariance is shrunk by the formula of Ledoit and Wolf. What the components leave out is added as noise of the
    pixels' own residual variance.

    Parameters
    ----------
    variance : float
        Share of the pixels' variance that the components keep.
    max_components : int

    Examples
    --------
    >>> ImageGaussian(max_components=8).max_components
    8
    """

    variance: float = 0.95
    max_components: int = 150
    fitted: ClassVar[type[Fitted]] = ImageGaussianFitted

    def __post_init__(self) -> None:
        if not 0 < self.variance <= 1:
            raise InputError(f"variance must be above 0 and at most 1, not {self.variance}")
        if self.max_components < 1:
            raise InputError(f"max_components must be 1 or more, not {self.max_components}")

    def fit(self, data: Dataset, rng: Rng) -> Any:
        """Learn an image set; seconds for thousands of small images."""
        images = ImageSet.of(data)
        components = Components.fit(images.pixels, self.variance, self.max_components, rng.child("components"))
        z = components.coordinates(images.pixels)
        counts = label_counts(images)
        pooled_mean = z.mean(0)
        pooled = ledoit_wolf(z)[0] if len(z) > 1 else np.zeros((z.shape[1], z.shape[1]))
        means = np.stack(
            [(z[images.labels == k].sum(0) + _POOLED * pooled_mean) / (n + _POOLED) for k, n in enumerate(counts)]
        )
        roots = []
        for k, n in enumerate(counts):
            own = z[images.labels == k] - z[images.labels == k].mean(0)
            covariance = (own.T @ own + _POOLED * pooled) / (n + _POOLED)
            values, vectors = np.linalg.eigh(covariance)
            roots.append(vectors * np.sqrt(np.maximum(values, 0)))
        shape = images.pixels.shape[1:]
        return ImageGaussianFitted(
            data.schema, images.combinations, counts, (shape[0], shape[1], shape[2]), components, means, np.stack(roots)
        )


GENERATOR = ImageGaussian
TINY = ImageGaussian(max_components=6)
SOURCE = "Turk and Pentland 1991, eigenfaces; Ledoit and Wolf 2004, a well-conditioned estimator of covariance matrices"
DOMAIN = "image"
