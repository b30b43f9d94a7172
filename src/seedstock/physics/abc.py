"""Calibration without a likelihood: sequential Monte Carlo ABC with learned summaries and regression adjustment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.physics.learned import learn, refine
from seedstock.physics.posterior import Posterior
from seedstock.physics.problem import Problem
from seedstock.physics.summaries import features_of, observed_features

Floats = NDArray[np.float64]
_KEEP = 8_000
_NEAR = 100
_LAST = 250
_LOCAL = 1_500
_MOST_FAILED = 0.9

Simulations = Callable[[Floats, np.random.Generator], Floats]
"""Parameters, shape (m, p), to features, shape (m, k); NaN rows are failed simulations."""


def smc_abc(problem: Problem, rng: Rng, simulations: int = 10_000) -> Posterior:
    """Calibrate a model by simulations alone.

    A first fifth of the budget comes from the prior; each further round from around the parameter sets whose data came
    nearest to the observed ones. A network learns the posterior mean from the features of the data, and its output is
    the summary by which data are compared.

    Parameters
    ----------
    problem : Problem
    rng : Rng
    simulations : int
        Simulated data sets in all; failed ones count.

    Raises
    ------
    InputError
        Where nine tenths of the first simulations fail, or the budget is below 200.
    """
    tally: dict[str, int] = {"failed": 0}
    observed = observed_features(problem)

    def simulate(x: Floats, g: np.random.Generator) -> Floats:
        out = []
        for k in range(0, len(x), 500):
            theta = problem.theta(x[k : k + 500])
            with np.errstate(all="ignore"):
                out.append(features_of(problem, problem.replicate(theta, g)))
        return np.concatenate(out)

    draws, facts = infer(problem, simulate, observed, rng, simulations, tally)
    counted = getattr(problem.model.simulate, "rejected", None)
    facts["rejected"] = dict(counted()) if callable(counted) else {"failed": tally["failed"]}
    made = Posterior(problem, draws, "smc-abc", facts)
    from seedstock.physics.calibration import remarks

    return Posterior(problem, draws, "smc-abc", facts, tuple(remarks(made)))


def infer(
    problem: Problem,
    simulate: Simulations,
    observed: Floats,
    rng: Rng,
    simulations: int,
    tally: dict[str, int],
    rounds: int = 8,
) -> tuple[Floats, dict[str, Any]]:
    """Return posterior draws, shape (n, p), and how they came about.

    Notes
    -----
    Toni et al. (2009) and Beaumont et al. (2009) for the sequence, with the weights prior / mixture of all proposals
    (Owen and Zhou 2000); Fearnhead and Prangle (2012) for learned summaries; Beaumont, Zhang and Balding (2002) for the
    adjustment, which is local here (see `_adjust`).
    """
    if simulations < 200:
        raise InputError(f"calibration by simulation needs 200 simulations or more, not {simulations}")
    p = len(problem.names)
    sizes = _sizes(simulations, rounds)
    g = rng.child("simulate").generator()
    u = problem.to_free(problem.draw_prior(sizes[0], g))
    features = simulate(problem.from_free(u)[0], g)
    good = np.isfinite(features).all(axis=1)
    tally["failed"] += int((~good).sum())
    if good.sum() < max(20, (1 - _MOST_FAILED) * len(good)):
        raise InputError(
            f"{int((~good).sum()):,} of the first {len(good):,} simulations of {problem.model.name!r} failed (crash, "
            f"time-out, or no finite result); mend the simulator, or narrow the priors to where it works"
        )
    u, features = u[good], features[good]
    proposals: list[tuple[Floats, Floats, Floats]] = []
    counts = [len(u)]
    epsilon = np.inf
    local: NDArray[np.intp] = np.arange(len(u))
    for k in range(1, rounds + 1):
        summary = learn(u, features, observed, rng.child("learn", k), local)
        distance = np.sqrt((((summary.data - summary.target) / summary.scale) ** 2).sum(axis=1))
        weight = _weights(problem, u, counts, proposals)
        if k == rounds:
            pick = np.argsort(distance)[: max(_LOCAL, 20 * features.shape[1])]
            summary = refine(u, features, observed, summary, pick)
            break
        # The nearest few of all rounds: their number is fixed, so the tolerance shrinks as simulations gather.
        order = np.argsort(distance)
        near = order[: _NEAR * p]
        epsilon = float(distance[near[-1]])
        w = weight[near] / weight[near].sum()
        centre = u[near]
        covariance = 2 * np.cov(centre.T, aweights=w).reshape(p, p) + 1e-12 * np.eye(p)
        # Twice the covariance of the near ones is right for one hump (Beaumont); for several, local ones are narrower.
        root = np.linalg.cholesky(covariance * _narrow(centre, w))
        new = centre[g.choice(len(near), sizes[k], p=w)] + g.standard_normal((sizes[k], p)) @ root.T
        inside = np.isfinite(_log_prior(problem, new))
        new = new[inside]
        made = simulate(problem.from_free(new)[0], g)
        good = np.isfinite(made).all(axis=1)
        tally["failed"] += int((~good).sum())
        proposals.append((centre, w, root))
        u, features = np.concatenate([u, new[good]]), np.concatenate([features, made[good]])
        counts.append(int(good.sum()))
        # Summaries are learned where the parameters may still be: the nearer half of the old, and all the new.
        local = np.concatenate([order[: max(len(order) // 2, 500)], np.arange(len(order), len(u))])
    draws, ess, used = _adjust(problem, u, summary.data, summary.target, summary.scale, weight, g)
    facts: dict[str, Any] = {
        "simulations": int(sum(sizes)),
        "rounds": rounds,
        "epsilon": epsilon if np.isfinite(epsilon) else None,
        "effective_particles": ess,
        "particles": used,
        "summaries": summary.kind,
    }
    return problem.from_free(draws)[0], facts


def _sizes(simulations: int, rounds: int) -> list[int]:
    first = simulations // 5
    rest = (simulations - first) // (rounds - 1)
    return [simulations - rest * (rounds - 1), *([rest] * (rounds - 1))]


def _log_prior(problem: Problem, u: Floats) -> Floats:
    out = problem.from_free(u)[1]
    return np.where(np.isnan(out), -np.inf, out)


def _narrow(centre: Floats, w: Floats) -> float:
    """Return a factor below 1 where the near parameter sets lie on something thinner than one hump.

    It compares the spread of nearest neighbours with that of a normal of the same covariance.
    """
    n = len(centre)
    some = centre[:: max(1, n // 400)]
    z = (some - np.average(centre, axis=0, weights=w)) / (centre.std(axis=0) + 1e-300)
    distance = np.sqrt(((z[:, None] - z[None]) ** 2).sum(axis=2))
    k = min(10, len(some) - 1)
    near = np.sort(distance, axis=1)[:, k].mean()
    g = np.random.default_rng(0).standard_normal(z.shape)
    reference = np.sqrt(((g[:, None] - g[None]) ** 2).sum(axis=2))
    return float(np.clip((near / np.sort(reference, axis=1)[:, k].mean()) ** 2, 0.02, 1.0))


def _weights(problem: Problem, u: Floats, counts: list[int], proposals: list[tuple[Floats, Floats, Floats]]) -> Floats:
    """Return prior / mixture of all proposals for all points, shape (n,): the balance heuristic over the rounds."""
    log_prior = _log_prior(problem, u)
    total = np.exp(log_prior) * counts[0]
    for (centre, w, root), n in zip(proposals, counts[1:], strict=True):
        total = total + n * _mixture(u, centre, w, root)
    return np.exp(log_prior) / np.maximum(total, 1e-300)


def _mixture(u: Floats, centre: Floats, w: Floats, root: Floats) -> Floats:
    inverse = np.linalg.inv(root)
    a, b = u @ inverse.T, centre @ inverse.T
    norm = np.abs(np.linalg.det(inverse)) / (2 * np.pi) ** (u.shape[1] / 2)
    out = np.empty(len(u))
    for k in range(0, len(u), 1_000):
        part = a[k : k + 1_000]
        square = (part**2).sum(axis=1)[:, None] - 2 * part @ b.T + (b**2).sum(axis=1)
        out[k : k + 1_000] = np.exp(-0.5 * np.maximum(square, 0)) @ w * norm
    return out


def _adjust(
    problem: Problem, u: Floats, data: Floats, target: Floats, scale: Floats, weight: Floats, g: np.random.Generator
) -> tuple[Floats, float, int]:
    """Return draws: the nearest parameter sets, each moved to where its data would be the observed ones, resampled.

    Around each parameter set the summaries of all simulations there (near or far: to choose by the summaries would
    flatten the slope) are regressed on the parameters, s = a + J u + noise of covariance S. With
    the prior's precision P the set is moved by -(J' S^-1 J + P)^-1 J' S^-1 (s - observed): exact where all is linear
    and normal, and also where the noise only shifts the summaries. A regression of parameters on summaries over all
    near sets, the usual one, mixes the humps of the posterior.
    """
    p = u.shape[1]
    z = (data - target) / scale
    distance = np.sqrt((z**2).sum(axis=1))
    # Equal data, as counts often are, come in no order: the first rounds must not stand for all.
    order = np.lexsort((g.random(len(z)), np.round(distance, 3)))
    n = max(_LAST * p, min(_LOCAL, len(u)) // 4)
    near = order[: min(n, len(order))]
    h = max(float(distance[near[-1]]), 1e-300)
    w = weight[near] * np.maximum(1 - (distance[near] / h) ** 2, 1e-6)
    w = w / w.sum()
    moved = u[near] + _shift(u, z, near, np.linalg.inv(np.cov(problem.to_free(_prior_draws(problem)).T).reshape(p, p)))
    inside = np.isfinite(_log_prior(problem, moved))
    moved = np.where(inside[:, None], moved, u[near])
    rows = g.choice(len(near), _KEEP, p=w)
    spread = np.sqrt(np.average((moved - np.average(moved, axis=0, weights=w)) ** 2, axis=0, weights=w))
    ess = float(1 / (w**2).sum())
    # A kernel of Silverman's width, narrowed where the posterior is thin, keeps repeated draws apart.
    width = 0.3 * (4 / (p + 2) / ess) ** (1 / (p + 4)) * np.sqrt(_narrow(moved, w))
    out = moved[rows] + width * spread * g.standard_normal((_KEEP, p))
    outside = ~np.isfinite(_log_prior(problem, out))
    out[outside] = u[near][rows[outside]]
    return out, ess, len(near)


def _shift(u: Floats, z: Floats, near: NDArray[np.intp], precision: Floats) -> Floats:
    """Return how each near parameter set moves, shape (n, p); `z` are the summaries' differences from the observed."""
    p, k = u.shape[1], z.shape[1]
    middle, spread = u[near].mean(axis=0), u[near].std(axis=0) + 1e-12
    tree = cKDTree((u - middle) / spread)
    size = min(len(u), max(60, 15 * (p + 1)))
    _, index = tree.query((u[near] - middle) / spread, k=size)
    x = (u[index] - u[near][:, None]) / spread
    design = np.concatenate([np.ones((*x.shape[:2], 1)), x], axis=2)
    y = z[index]
    gram = np.einsum("nki,nkj->nij", design, design) + 1e-6 * size * np.eye(p + 1)
    slope = np.linalg.solve(gram, np.einsum("nki,nkj->nij", design, y))
    rest = y - design @ slope
    noise = np.einsum("nki,nkj->nij", rest, rest) / max(size - p - 1, 1)
    noise += 1e-9 * np.eye(k) * (1 + np.trace(noise, axis1=1, axis2=2)[:, None, None])
    j = slope[:, 1:].transpose(0, 2, 1)
    weighted = np.linalg.solve(noise, j).transpose(0, 2, 1)
    gain = np.linalg.solve(weighted @ j + precision * np.outer(spread, spread), weighted)
    return np.asarray(-(gain @ z[near][:, :, None])[:, :, 0] * spread)


def _prior_draws(problem: Problem) -> Floats:
    return problem.draw_prior(2_000, np.random.default_rng(0))
