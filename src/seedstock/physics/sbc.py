"""Simulation-based calibration: whether the whole way from data to posterior is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from seedstock.core.errors import SeedstockError
from seedstock.core.rng import Rng
from seedstock.physics.calibration import Method, fit
from seedstock.physics.posterior import Posterior
from seedstock.physics.problem import Problem
from seedstock.physics.series import Series

_DRAWS = 99


@dataclass(frozen=True, eq=False)
class Ranks:
    """Ranks of true parameters among posterior draws, 0 to `draws`.

    Attributes
    ----------
    names : tuple of str
    ranks : int ndarray, shape (runs, p)
        Uniform where the method is right.
    draws : int
    covered : bool ndarray, shape (runs, p)
        Whether the central 90 % interval holds the truth.
    failed : int
        Runs that could not be refitted.
    """

    names: tuple[str, ...]
    ranks: NDArray[np.int64]
    draws: int
    covered: NDArray[np.bool_]
    failed: int

    def p_values(self) -> dict[str, float]:
        """Return the Kolmogorov-Smirnov p-value of uniform ranks, by parameter."""
        u = (self.ranks + 0.5) / (self.draws + 1)
        return {name: float(stats.kstest(u[:, i], "uniform").pvalue) for i, name in enumerate(self.names)}

    def coverage(self) -> dict[str, float]:
        """Return the share of runs whose 90 % interval holds the truth, by parameter."""
        return {name: float(self.covered[:, i].mean()) for i, name in enumerate(self.names)}

    def to_json(self) -> dict[str, Any]:
        """Return ranks, p-values and coverage as JSON values."""
        ranks = {name: self.ranks[:, i].tolist() for i, name in enumerate(self.names)}
        return {"runs": len(self.ranks), "failed": self.failed, "draws": self.draws, "ranks": ranks,
                "ks_p": self.p_values(), "coverage90": self.coverage()}  # fmt: skip


def calibration_ranks(
    problem: Problem, rng: Rng, runs: int, method: Method = "auto", simulations: int = 10_000, effective: float = 400,
    heard: Callable[[int], None] | None = None,
) -> Ranks:  # fmt: skip
    """Draw parameters from the prior, simulate data, refit, and rank the truth among the draws; runs times.

    The priors stay those of the problem, whatever data are simulated. A flow (``npe``) is trained once for all runs.
    `heard` hears how many runs are done.

    Notes
    -----
    Talts, Betancourt, Simpson, Vehtari and Gelman (2018), algorithm 1.
    """
    truth = problem.draw_prior(runs, rng.child("truth").generator())
    flow = None
    if method == "npe":
        from seedstock.physics.neural import train

        flow = train(problem, rng.child("train"), simulations)
    ranks, covered, failed = [], [], 0
    for k in range(runs):
        if heard is not None:
            heard(k)
        g = rng.child("data", k).generator()
        theta = problem.theta(truth[k : k + 1])
        try:
            made = like(problem, problem.replicate(theta, g))
            refit = rng.child("refit", k)
            posterior = flow.at(made, refit) if flow else fit([made], refit, method, simulations, effective)
        except SeedstockError:
            failed += 1
            continue
        draws = _free(posterior)
        at = problem.to_free(truth[k : k + 1])[0]
        some = draws[g.choice(len(draws), _DRAWS, replace=False)]
        ranks.append((some < at).sum(axis=0))
        low, high = np.quantile(draws, [0.05, 0.95], axis=0)
        covered.append((low <= at) & (at <= high))
    p = len(problem.names)
    return Ranks(
        tuple(problem.names), np.array(ranks, np.int64).reshape(-1, p), _DRAWS, np.array(covered).reshape(-1, p), failed
    )


def _free(posterior: Posterior) -> NDArray[np.float64]:
    return posterior.problem.to_free(posterior.draws)


def like(problem: Problem, made: dict[str, NDArray[np.float64]]) -> Problem:
    """Return the problem with simulated observations (the first of each) in the place of the data."""
    series = problem.series
    t = series.t
    if "time" in made:
        t = made["time"][0]
        t = t[np.isfinite(t)] + problem.start
    values = {name: made[name][0] for name in series.values}
    return problem.on(Series(t, values, series.time, series.unit, series.start, series.names))
