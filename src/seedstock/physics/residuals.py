"""What a fit leaves over, beside what it would leave over if the model were right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedstock.physics.noise import Noise
from seedstock.physics.optimise import polish
from seedstock.physics.posterior import Posterior

Floats = NDArray[np.float64]
_TRIED = 200
_STEP = 1e-4


def fitted_residuals(posterior: Posterior, g: np.random.Generator, n: int) -> dict[str, tuple[Floats, Floats]]:
    """Return for each column the residuals of n replicates, each after a fit of its own, and those of the data.

    A fit bends to its data, so its residuals are tamer than true ones; to compare the two would let wrong models pass,
    most of all where observations are few.

    Parameters
    ----------
    posterior : Posterior
        Of a model with a noise model.

    Returns
    -------
    dict of str to (ndarray of shape (n, T), ndarray of shape (1, T))
        Standardised; NaN where the observation is missing.

    Notes
    -----
    The parametric bootstrap with one Gauss-Newton step from the mode in the place of each refit: with J the derivatives
    of the standardised means and P the prior's precision, z becomes z - J (J'J + P)^-1 J' z. See Hjort, Dahl and
    Steinbakk (2006), "Post-processing posterior predictive p-values", on why plain ones are too kind.
    """
    problem = posterior.problem
    observe = problem.model.observe
    assert isinstance(observe, Noise)
    values = problem.series.values
    some = problem.to_free(posterior.draws[g.choice(len(posterior.draws), min(_TRIED, len(posterior.draws)), False)])
    at = polish(problem.log_density, some[np.argmax(problem.log_density(some))]).at
    p = len(at)
    # The mode itself, then a step up and a step down along each parameter.
    near = np.concatenate([at[None], at + _STEP * np.eye(p), at - _STEP * np.eye(p)])
    with np.errstate(all="ignore"):
        theta = problem.theta(problem.from_free(near)[0])
        states = problem.simulate(theta, g)
        here = {name: v[:1] for name, v in theta.items()}
        mode = {name: v[:1] for name, v in states.items()}
        every = {name: np.repeat(v, n, axis=0) for name, v in here.items()}
        drawn = observe.draw(tuple(values), {name: np.repeat(v, n, axis=0) for name, v in mode.items()}, every, g)
        data, replicates, steps = [], [], []
        for column, y in values.items():
            mean = mode[(observe.of or {}).get(column, column)]
            data.append(observe.residuals(y, mode, here, column))
            replicates.append(observe.residuals(drawn[column], mode, here, column))
            steps.append(observe.residuals(mean, states, {k: np.repeat(v, 2 * p + 1) for k, v in here.items()}, column))
    r, z, moved = (np.concatenate(parts, axis=1) for parts in (data, replicates, steps))
    seen = np.isfinite(r)[0]
    j = np.where(seen, (moved[1 : p + 1] - moved[p + 1 :]) / (2 * _STEP), 0.0)
    j = np.where(np.isfinite(j).all(axis=1, keepdims=True), j, 0.0)
    prior = problem.to_free(problem.draw_prior(2_000, np.random.default_rng(0))).var(axis=0)
    z0 = np.where(seen & np.isfinite(z), z, 0.0)
    z = np.where(seen, z0 - z0 @ j.T @ np.linalg.solve(j @ j.T + np.diag(1 / prior), j), np.nan)
    t = len(problem.series)
    return {c: (z[:, k * t : (k + 1) * t], r[:, k * t : (k + 1) * t]) for k, c in enumerate(values)}
