"""Images as coordinates: principal components, and what they leave out as noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.generators._images import Pixels

Matrix = NDArray[np.float64]


_LEAST_NOISE = 0.02
"""Standard deviation below which no pixel (-1..1) is taken to be known: bytes and rounding."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A Gaussian likelihood of whitened coordinates z: exp(-z' weight z / 2 + pull' z), shapes (d, d) and (d,)."""

    weight: Matrix
    pull: Matrix

    def times(self, factor: float) -> Seen:
        """Return the likelihood of y where z = factor * y."""
        return Seen(self.weight * factor**2, self.pull * factor)


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of images.

    Attributes
    ----------
    mean : ndarray, shape (p,)
        The mean image; p = height x width x channels.
    basis : ndarray, shape (d, p)
        Orthonormal rows, by falling variance.
    scale : ndarray, shape (d,)
        Standard deviations of the coordinates: coordinates are divided by them (whitened).
    residual : ndarray, shape (p,)
        Standard deviation of each pixel that the components leave out.
    shape : tuple of three int
    """

    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    scale: Matrix
    residual: NDArray[np.float32]
    shape: tuple[int, int, int]

    @property
    def width(self) -> int:
        """The number of components, d."""
        return len(self.basis)

    @classmethod
    def fit(cls, pixels: Pixels, variance: float, most: int, rng: Rng) -> Components:
        """Find as many components as keep the share `variance` of the pixels' variance, `most` at most."""
        n = len(pixels)
        flat = pixels.reshape(n, -1)
        mean = flat.mean(0)
        centred = flat - mean
        k = max(1, min(most, n - 1, flat.shape[1]))
        _, s, vt = randomized_svd(centred, k, n_iter=4, random_state=rng.integer() % 2**32)
        total = float((centred.astype(np.float64) ** 2).sum())
        kept = np.cumsum(s.astype(np.float64) ** 2) / (total or 1.0)
        d = int(min(np.searchsorted(kept, variance) + 1, k))
        basis = vt[:d].astype(np.float32)
        scale = np.maximum(s[:d].astype(np.float64) / np.sqrt(max(n, 1)), 1e-6)
        left = centred - (centred @ basis.T) @ basis
        height, width, channels = pixels.shape[1:]
        return cls(mean.astype(np.float32), basis, scale, left.std(0).astype(np.float32), (height, width, channels))

    def coordinates(self, pixels: Pixels) -> Matrix:
        """Return whitened coordinates, shape (n, d)."""
        flat = pixels.reshape(len(pixels), -1) - self.mean
        return np.asarray((flat @ self.basis.T) / self.scale, np.float64)

    def images(self, z: Matrix, g: np.random.Generator | None = None) -> Pixels:
        """Return images of whitened coordinates, shape (n, height, width, channels); with g, the rest as noise."""
        flat = (z * self.scale).astype(np.float32) @ self.basis + self.mean
        if g is not None:
            flat = flat + g.standard_normal(flat.shape, dtype=np.float32) * self.residual
        return np.asarray(flat.reshape(len(z), *self.shape), np.float32)

    def seen(self, picture: NDArray[np.float32], known: NDArray[np.bool_]) -> Seen:
        """Return what the known pixels of one picture (h, w, c) say of its whitened coordinates."""
        here = known.reshape(-1)
        A = (self.basis[:, here] * self.scale[:, None]).astype(np.float64)
        weighted = A / np.maximum(self.residual[here].astype(np.float64), _LEAST_NOISE) ** 2
        return Seen(weighted @ A.T, weighted @ (picture.reshape(-1)[here] - self.mean[here]))

    def state(self) -> State:
        """Return the arrays."""
        arrays = {"mean": self.mean, "basis": self.basis, "scale": self.scale, "residual": self.residual}
        return State({f"components.{k}": v for k, v in arrays.items()}, {})

    @classmethod
    def from_state(cls, state: State, shape: tuple[int, int, int]) -> Components:
        """Read what `state` gave; an `InputError` where the arrays do not fit."""
        mean, basis, scale, residual = (
            np.asarray(state.arrays[f"components.{k}"]) for k in ("mean", "basis", "scale", "residual")
        )
        p = int(np.prod(shape))
        if mean.shape != (p,) or residual.shape != (p,) or basis.shape != (len(scale), p):
            raise InputError("this model is damaged: its components do not fit its images; fit it again")
        return cls(mean.astype(np.float32), basis.astype(np.float32), scale, residual.astype(np.float32), shape)
