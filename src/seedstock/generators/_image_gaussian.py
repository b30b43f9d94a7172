"""Pictures as a Gaussian: means of the classes, principal directions within them, and one variance for the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Space:
    """A Gaussian of pictures x in d pixels: mean of the class, variance `spread` along `basis`, `rest` elsewhere.

    Attributes
    ----------
    means : float32 ndarray, shape (k, d)
        One per class, drawn towards the common mean where a class is small.
    basis : float32 ndarray, shape (d, r)
        Orthonormal directions, most varied first.
    spread : float32 ndarray, shape (r,)
        Variance within classes along each direction.
    rest : float
        Variance along each other direction.
    """

    means: F32
    basis: F32
    spread: F32
    rest: float

    @classmethod
    def fit(cls, X: F32, classes: NDArray[np.int64], k: int, rank: int) -> Space:
        """Fit to pictures X (n, d) of classes (n,) in 0..k-1; at most `rank` directions."""
        n, d = X.shape
        common = X.mean(axis=0, dtype=np.float64)
        means = np.tile(common, (k, 1))
        for c in range(k):
            own = X[classes == c]
            if len(own):
                means[c] += len(own) / (len(own) + 2.0) * (own.mean(axis=0, dtype=np.float64) - common)
        means = means.astype(np.float32)
        R = X - means[classes]
        rank = max(1, min(rank, n - 1, d)) if n > 1 else 1
        values, vectors = principal(R, rank)
        total = float(np.square(R, dtype=np.float64).sum() / max(n - 1, 1))
        rest = max(total - float(values.sum()), 0.0) / max(d - rank, 1)
        return cls(means, vectors, np.maximum(values, 1e-8).astype(np.float32), max(rest, 1e-6))

    def scores(self, X: F32, classes: NDArray[np.int64]) -> F32:
        """Return whitened coordinates (n, r) of pictures (n, d)."""
        out: F32 = (X - self.means[classes]) @ self.basis / np.sqrt(self.spread)
        return out

    def pictures(self, scores: F32, classes: NDArray[np.int64], noise: F32 | None = None) -> F32:
        """Return pictures (n, d) of whitened coordinates (n, r); `noise` (n, d) fills the other directions."""
        out: F32 = self.means[classes] + (scores * np.sqrt(self.spread)) @ self.basis.T
        if noise is not None:
            out += np.float32(np.sqrt(self.rest)) * (noise - (noise @ self.basis) @ self.basis.T)
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `of_arrays` takes."""
        return {
            "means": self.means, "basis": self.basis, "spread": self.spread, "rest": np.array(self.rest, np.float64),
        }  # fmt: skip

    @classmethod
    def of_arrays(cls, arrays: Any) -> Space:
        """Make it again; a `ValueError` where shapes do not fit."""
        means, basis, spread = (np.asarray(arrays[k], np.float32) for k in ("means", "basis", "spread"))
        if means.ndim != 2 or basis.shape != (means.shape[1], len(spread)) or spread.ndim != 1:
            raise ValueError("the shapes of the Gaussian do not fit together")
        return cls(means, basis, spread, float(arrays["rest"]))


def principal(R: F32, rank: int) -> tuple[NDArray[np.float64], F32]:
    """Return variances (rank,) and directions (d, rank) of centred rows R (n, d), most varied first."""
    n, d = R.shape
    if n <= d:
        values, left = np.linalg.eigh((R @ R.T).astype(np.float64))
        order = np.argsort(values)[::-1][:rank]
        values = np.maximum(values[order], 1e-12)
        vectors = (R.T @ left[:, order].astype(np.float32)) / np.sqrt(values).astype(np.float32)
    else:
        values, right = np.linalg.eigh((R.T @ R).astype(np.float64))
        order = np.argsort(values)[::-1][:rank]
        values, vectors = np.maximum(values[order], 1e-12), right[:, order].astype(np.float32)
    # Directions without variance come out unnormalised: they are made orthonormal.
    vectors = np.linalg.qr(vectors.astype(np.float64))[0].astype(np.float32)
    return values / max(n - 1, 1), vectors
