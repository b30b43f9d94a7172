"""Summaries that are learned: what in the data tells the parameters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng

Floats = NDArray[np.float64]
_APART = 5
"""Every so many simulations one is left out of a network's training."""
_LEAST_TEST = 40
_UNTOLD, _CLEARLY = 0.9, 0.8
"""Misfit above which nothing is told of a parameter, and share of it below which its square is told better."""


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
        ``features``, ``network`` or ``linear``.
    unseen : int ndarray
        Simulations that a network was not trained on.
    squared : bool ndarray, shape (p,)
        Parameters of which the data tell the size but not the sign.
    """

    data: Floats
    target: Floats
    scale: Floats
    kind: str
    unseen: NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    squared: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))


def learn(u: Floats, features: Floats, observed: Floats, rng: Rng, local: NDArray[np.intp]) -> Learned:
    """Return summaries of features: themselves where they are few, else the posterior means that a network predicts.

    Where a parameter's sign leaves no trace, its posterior mean is the same whatever the data; then the mean of its
    square is the summary. Which of the two is told better is seen on simulations that are left out of the training.

    Parameters
    ----------
    u : ndarray, shape (n, p)
        Parameters in the real space.
    features : ndarray, shape (n, k)
    observed : ndarray, shape (k,)
    local : int ndarray
        The simulations from which to learn.

    Notes
    -----
    Fearnhead and Prangle (2012), semi-automatic ABC; Jiang, Wu, Zheng and Wong (2017) with a network.
    """
    x, target = _standard(features, observed, local)
    if x.shape[1] <= u.shape[1]:
        spread = _spread(x[local])
        return Learned(x, target, spread, "features")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    p = u.shape[1]
    y = _both((u - u[local].mean(axis=0)) / (u[local].std(axis=0) + 1e-12), local)
    net = MLPRegressor(
        hidden_layer_sizes=(64, 64), early_stopping=True, max_iter=150, n_iter_no_change=10, learning_rate_init=3e-3,
        batch_size=min(200, max(16, len(local) // 20)), random_state=rng.integer(),
    )  # fmt: skip
    # Some are left out, so that it can be told what the network is worth.
    apart = np.arange(len(local)) % _APART == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(x[local[~apart]], y[local[~apart]])
    data, unseen = net.predict(x), local[apart]
    missed = ((data - y)[unseen] ** 2).mean(axis=0) / y[unseen].var(axis=0)
    # Of a parameter that is told at all, the square would part from its sign.
    squared = (missed[:p] > _UNTOLD) & (missed[p:] < _CLEARLY * missed[:p])
    some = np.where(squared, np.arange(p, 2 * p), np.arange(p))
    data, mine = data[:, some], net.predict(target[None])[0, some]
    return Learned(data, mine, _spread(data[local]), "network", unseen, squared)


def _both(z: Floats, local: NDArray[np.intp]) -> Floats:
    """Return parameters of mean 0 and sd 1 and their squares, shape (n, 2 p), with local sds of 1."""
    square = z**2 - 1
    return np.concatenate([z, square / (square[local].std(axis=0) + 1e-12)], axis=1)


def refine(u: Floats, features: Floats, observed: Floats, old: Learned, rows: NDArray[np.intp]) -> Learned:
    """Return summaries of few, near simulations: linear ones of all features, where these tell more than the old.

    Near the answer the posterior mean is nearly linear in the data, and a line needs no training.

    Parameters
    ----------
    u : ndarray, shape (n, p)
    features : ndarray, shape (n, k)
    observed : ndarray, shape (k,)
    old : Learned
    rows : int ndarray
        The simulations that are near.
    """
    if old.kind == "features":
        return old
    if not np.ptp(features[rows], axis=0).any():
        return old  # equal data tell nothing more, and a line through them would call all others equal, too
    x, target = _standard(features, observed, rows)
    mean, sd = x[rows].mean(axis=0), x[rows].std(axis=0) + 1e-12
    design, mine = (x - mean) / sd, (target - mean) / sd
    y = (u - u[rows].mean(axis=0)) / (u[rows].std(axis=0) + 1e-12)
    y = _both(y, rows)[:, np.where(old.squared, np.arange(len(y.T), 2 * len(y.T)), np.arange(len(y.T)))]
    test = np.intersect1d(rows, old.unseen)
    fit = np.setdiff1d(rows, test)
    plain = (old.data - old.data[rows].mean(axis=0)) / (old.data[rows].std(axis=0) + 1e-12)
    missed = [float(((y[test] - a[test] @ _ridge(a[fit], y[fit])) ** 2).mean()) for a in (design, plain)]
    if len(test) < _LEAST_TEST or missed[0] >= missed[1]:
        return Learned(old.data, old.target, _spread(old.data[rows]), old.kind, old.unseen, old.squared)
    b = _ridge(design[rows], y[rows])
    return Learned(design @ b, mine @ b, _spread(design[rows] @ b), "linear", old.unseen, old.squared)


def _ridge(x: Floats, y: Floats) -> Floats:
    return np.asarray(np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ y))


def _standard(features: Floats, observed: Floats, local: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return features on the scale that they have among the local simulations."""
    low, middle, high = np.quantile(features[local], [0.16, 0.5, 0.84], axis=0)
    scale = (high - low) / 2
    scale = np.where(scale > 0, scale, features[local].std(axis=0))
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
