"""How far from the mean drawn points lie: as far as real ones do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError

Matrix = NDArray[np.float64]
_QUANTILES = 101


@dataclass(frozen=True, eq=False)
class Radii:
    """Quantiles of the norms of real and of drawn points.

    A flow that was learned from few points carries some noise far beyond them: few, but far enough to be seen in any
    measure of spread. Norms are mapped from their distribution to that of real points; directions stay.

    Attributes
    ----------
    shrink : float
        Factor of all points first: they were learned with noise on them.
    real, drawn : ndarray, shape (q,)
        Quantiles, ascending.

    Examples
    --------
    >>> radii = Radii.of(np.eye(2), np.array([[0.0, 1.0], [9.0, 0.0]]), 1.0)
    >>> radii.mend(np.array([[0.0, 9.0], [80.0, 0.0]])).round(6).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """

    shrink: float
    real: Matrix
    drawn: Matrix

    @classmethod
    def of(cls, real: Matrix, drawn: Matrix, shrink: float) -> Radii:
        """Compare real points (n, d) with drawn ones (m, d)."""
        at = np.linspace(0, 1, _QUANTILES)
        norms = (np.linalg.norm(points, axis=1) for points in (real, shrink * drawn))
        return cls(shrink, *(np.quantile(r, at) for r in norms))

    def mend(self, points: Matrix) -> Matrix:
        """Return drawn points, shape (n, d), at the distances of real ones."""
        out = self.shrink * points
        norms = np.linalg.norm(out, axis=1)
        return out * (np.interp(norms, self.drawn, self.real) / np.maximum(norms, 1e-12))[:, None]

    def arrays(self) -> dict[str, Matrix]:
        """Return what `of_arrays` takes."""
        return {"radii.real": self.real, "radii.drawn": self.drawn}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], shrink: float) -> Radii:
        """Make it again; an `InputError` for nonsense."""
        real, drawn = (np.asarray(arrays[f"radii.{k}"], float) for k in ("real", "drawn"))
        good = real.shape == drawn.shape == (_QUANTILES,) and all((np.diff(a) >= 0).all() for a in (real, drawn))
        if not (good and np.isfinite([real, drawn]).all() and 0 < shrink <= 1):
            raise InputError("this model is damaged: its distances are out of range; fit it again")
        return cls(shrink, real, drawn)
