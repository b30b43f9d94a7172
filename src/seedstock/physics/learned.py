"""Summaries that are learned: what in the data tells the parameters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng

Floats = NDArray[np.float64]
_FEW = 4
"""Features up to this many times the parameters are used as they are."""


@dataclass(frozen=True, eq=False)
class Learned:
    """Summaries of simulated and of observed data.

    Attributes
    ----------
    data : ndarray, shape (n, k)
    target : ndarray, shape (k,)
        Of the observed data.
    scale : ndarray, shape (k,)
        The spread by which differences are measured.
    kind : str
        ``features`` or ``network``.
    """

    data: Floats
    target: Floats
    scale: Floats
    kind: str


def learn(u: Floats, features: Floats, observed: Floats, rng: Rng) -> Learned:
    """Return summaries of features: themselves where they are few, else the posterior means that a network predicts.

    Parameters
    ----------
    u : ndarray, shape (n, p)
        Parameters in the real space.
    features : ndarray, shape (n, k)
    observed : ndarray, shape (k,)

    Notes
    -----
    Fearnhead and Prangle (2012), semi-automatic ABC; Jiang, Wu, Zheng and Wong (2017) with a network.
    """
    x, target = _standard(features, observed)
    if x.shape[1] <= u.shape[1]:
        spread = _spread(x)
        return Learned(x, target, spread, "features")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    centre, scale = u.mean(axis=0), u.std(axis=0) + 1e-12
    net = MLPRegressor(
        hidden_layer_sizes=(64, 64), early_stopping=True, max_iter=150, n_iter_no_change=10, learning_rate_init=3e-3,
        batch_size=min(200, max(16, len(u) // 20)), random_state=rng.integer(),
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(x, (u - centre) / scale)
    data = net.predict(x).reshape(len(u), -1)
    mine = net.predict(target[None]).reshape(-1)
    return Learned(data, mine, _spread(data), "network")


def _standard(features: Floats, observed: Floats) -> tuple[Floats, Floats]:
    """Return features on a common scale; those of long tails by their ranks' normal scores would lose the far ends."""
    low, middle, high = np.quantile(features, [0.16, 0.5, 0.84], axis=0)
    scale = (high - low) / 2
    scale = np.where(scale > 0, scale, features.std(axis=0))
    keep = scale > 0
    if not keep.any():
        keep[:] = True
        scale[:] = 1.0
    scale = scale[keep]

    def tame(z: Floats) -> Floats:
        # Linear near the middle, logarithmic far out.
        z = (z[..., keep] - middle[keep]) / scale
        return np.asarray(np.arcsinh(z / 3) * 3)

    return tame(features), tame(observed)


def _spread(x: Floats) -> Floats:
    low, high = np.quantile(x, [0.16, 0.84], axis=0)
    return np.maximum((high - low) / 2, 1e-12)
