"""Calibration without a likelihood on three tasks of Lueckmann et al. (2021), against exact posteriors."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from run import bar

from seedstock.core.rng import Rng
from seedstock.physics import mcmc
from seedstock.physics.calibration import fit
from seedstock.physics.integrate import integrate
from seedstock.physics.model import PhysicalModel, Summaries
from seedstock.physics.neural import train
from seedstock.physics.optimise import maximise
from seedstock.physics.prior import Prior
from seedstock.physics.problem import Problem
from seedstock.physics.series import Series

Floats = NDArray[np.float64]
PUBLISHED = {
    "two_moons": {"smc-abc": 0.71, "npe": 0.61},
    "slcp": {"smc-abc": 0.97, "npe": 0.90},
    "sir": {"smc-abc": 0.63, "npe": 0.68},
}
SIMULATIONS = 10_000


def series(x: Floats) -> Series:
    return Series(np.arange(float(len(x))), {"x": x})


# Two moons (appendix T.8): a crescent, shifted by |a + b| and b - a.


def two_moons_x(theta: Any, t: Floats, g: np.random.Generator, controls: Any) -> dict[str, Floats]:
    a, b = theta["a"], theta["b"]
    angle, r = g.uniform(-np.pi / 2, np.pi / 2, len(a)), g.normal(0.1, 0.01, len(a))
    x1 = r * np.cos(angle) + 0.25 - np.abs(a + b) / np.sqrt(2)
    return {"x": np.stack([x1, r * np.sin(angle) + (b - a) / np.sqrt(2)], axis=1)}


def two_moons_reference(x: Floats, n: int, g: np.random.Generator) -> Floats:
    out = np.empty((0, 2))
    while len(out) < n:
        angle, r = g.uniform(-np.pi / 2, np.pi / 2, 10 * n), g.normal(0.1, 0.01, 10 * n)
        s = np.sqrt(2) * (r * np.cos(angle) + 0.25 - x[0])
        d = np.sqrt(2) * (x[1] - r * np.sin(angle))
        sign = g.choice([-1.0, 1.0], len(s))
        new = np.stack([(sign * s - d) / 2, (sign * s + d) / 2], axis=1)
        out = np.concatenate([out, new[(s >= 0) & (np.abs(new) <= 1).all(axis=1)]])
    return out[:n]


# SLCP (appendix T.3): four points of a normal distribution whose five parameters enter by squares and a tanh.


def slcp_x(theta: Any, t: Floats, g: np.random.Generator, controls: Any) -> dict[str, Floats]:
    s1, s2, rho = theta["c"] ** 2, theta["d"] ** 2, np.tanh(theta["e"])
    z = g.standard_normal((2, len(s1), 4))
    x = theta["a"][:, None] + s1[:, None] * z[0]
    y = theta["b"][:, None] + s2[:, None] * (rho[:, None] * z[0] + np.sqrt(1 - rho**2)[:, None] * z[1])
    return {"x": np.stack([x, y], axis=2).reshape(len(s1), 8)}


def slcp_reference(x: Floats, n: int, g: np.random.Generator) -> Floats:
    point = x.reshape(4, 2)
    priors = [
        Prior.uniform(-3, 3),
        Prior.uniform(-3, 3),
        Prior.uniform(0, 3),
        Prior.uniform(0, 3),
        Prior.uniform(-3, 3),
    ]

    def log_density(u: Floats) -> Floats:
        pairs = [p.from_free(u[:, i]) for i, p in enumerate(priors)]
        a, b, c, d, e = (v for v, _ in pairs)
        with np.errstate(all="ignore"):
            s1, s2, rho = c[:, None] ** 2, d[:, None] ** 2, np.tanh(e)[:, None]
            zx, zy = (point[:, 0] - a[:, None]) / s1, (point[:, 1] - b[:, None]) / s2
            q = (zx**2 - 2 * rho * zx * zy + zy**2) / (1 - rho**2)
            out = (-0.5 * q - np.log(s1 * s2 * np.sqrt(1 - rho**2))).sum(axis=1) + sum(j for _, j in pairs)
        return np.where(np.isfinite(out), out, -np.inf)

    draws = exact(log_density, priors, n, g)
    # The likelihood knows only the squares: each sign is as good as the other.
    draws[:, 2:4] *= g.choice([-1.0, 1.0], (n, 2))
    return draws


# SIR (appendix T.9): ten binomial counts of an epidemic among a million.


def sir_states(beta: Floats, gamma: Floats, t: Floats) -> Floats:
    n = 1e6

    def rhs(now: float, y: Floats) -> Floats:
        new = beta * y[0] * y[1] / n
        return np.stack([-new, new - gamma * y[1]])

    y = integrate(rhs, np.stack([np.full_like(beta, n - 1), np.ones_like(beta)]), t)
    return np.clip(y[:, 1].T / n, 0, 1)


TIMES = np.linspace(160 / 10, 160, 10)


def sir_x(theta: Any, t: Floats, g: np.random.Generator, controls: Any) -> dict[str, Floats]:
    share = sir_states(theta["beta"], theta["gamma"], TIMES)
    return {"x": np.where(np.isfinite(share), g.binomial(1000, np.nan_to_num(share)), np.nan)}


SIR_PRIORS = {"beta": Prior.lognormal(0.4, 0.5), "gamma": Prior.lognormal(1 / 8, 0.2)}


def sir_reference(x: Floats, n: int, g: np.random.Generator) -> Floats:
    priors = list(SIR_PRIORS.values())

    def log_density(u: Floats) -> Floats:
        pairs = [p.from_free(u[:, i]) for i, p in enumerate(priors)]
        share = np.clip(sir_states(pairs[0][0], pairs[1][0], TIMES), 1e-12, 1 - 1e-12)
        out = (x * np.log(share) + (1000 - x) * np.log1p(-share)).sum(axis=1)
        out = out + sum(p.log_density(v) + j for p, (v, j) in zip(priors, pairs, strict=True))
        return np.where(np.isfinite(out), out, -np.inf)

    return exact(log_density, priors, n, g)


def exact(log_density: Any, priors: list[Prior], n: int, g: np.random.Generator) -> Floats:
    start = np.stack([p.to_free(p.sample(2_000, g)) for p in priors], axis=1)
    mode = maximise(log_density, start, g)
    value = log_density(start)
    # Half of the walkers start around the mode, the others where the prior is best: other modes are found, too.
    best = start[np.argsort(-value)[:128]]
    near = mode.at + g.standard_normal((128, len(priors))) @ np.linalg.cholesky(mode.covariance).T
    walkers = np.concatenate([best, np.where(np.isfinite(log_density(near))[:, None], near, mode.at)])
    walkers = walkers[g.permutation(256)].reshape(4, 64, len(priors))
    flat = mcmc.sample(log_density, walkers, g, ess=6_000, max_steps=6_000).flat()
    flat = flat[g.choice(len(flat), n, replace=False)]
    return np.stack([p.from_free(flat[:, i])[0] for i, p in enumerate(priors)], axis=1)


TASKS: dict[str, tuple[Any, dict[str, Prior], Any, int]] = {
    "two_moons": (two_moons_x, {k: Prior.uniform(-1, 1) for k in "ab"}, two_moons_reference, 2),
    "slcp": (slcp_x, {k: Prior.uniform(-3, 3) for k in "abcde"}, slcp_reference, 8),
    "sir": (sir_x, SIR_PRIORS, sir_reference, 10),
}


def c2st(a: Floats, b: Floats, seed: int = 0) -> float:
    """Return the accuracy of a network that tells two samples apart, five-fold, as published."""
    from sklearn.model_selection import cross_val_score
    from sklearn.neural_network import MLPClassifier

    mean, sd = b.mean(axis=0), b.std(axis=0)
    x = np.concatenate([(a - mean) / sd, (b - mean) / sd])
    y = np.repeat([0, 1], [len(a), len(b)])
    order = np.random.default_rng(seed).permutation(len(x))
    size = 10 * x.shape[1]
    net = MLPClassifier(hidden_layer_sizes=(size, size), max_iter=300, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(cross_val_score(net, x[order], y[order], cv=5).mean())


def run(tasks: tuple[str, ...] = tuple(TASKS)) -> dict[str, Any]:
    from importlib.util import find_spec

    methods = ["smc-abc"] if find_spec("sbi") is None else ["smc-abc", "npe"]
    found = {method: measure(method, tasks=tasks) for method in methods}
    bars = [
        bar(f"{method}: C2ST on {task}", one["c2st"], "<=", one["published"])
        for method, each in found.items()
        for task, one in each.items()
    ]
    return {"bars": bars, **found}


def measure(method: str, observations: int = 5, n: int = 5_000, tasks: tuple[str, ...] = tuple(TASKS)) -> Any:
    out: dict[str, Any] = {}
    for name in tasks:
        simulate, priors, reference, k = TASKS[name]
        model = PhysicalModel(name, simulate, priors, Summaries(lambda t, v: v["x"]), ("x",))
        scores, seconds = [], []
        estimator = None
        for seed in range(observations):
            g = np.random.default_rng(1_000 + seed)
            truth = {p: prior.sample(1, g) for p, prior in priors.items()}
            x = simulate(truth, np.arange(float(k)), g, {})["x"][0]
            start = time.process_time()
            problem = Problem.of(model, series(x))
            if method == "npe":
                # A flow knows the posterior of any data: one training serves all observations.
                estimator = estimator or train(problem, Rng(seed), SIMULATIONS)
                posterior = estimator.at(problem, Rng(seed))
            else:
                posterior = fit([problem], Rng(seed), "smc-abc", SIMULATIONS)
            seconds.append(time.process_time() - start)
            scores.append(c2st(posterior.draws[:n], reference(x, n, g)))
            print(name, method, seed, f"{scores[-1]:.4f}", f"{seconds[-1]:.0f} s", flush=True)
        out[name] = {
            "c2st": float(np.mean(scores)), "each": scores, "published": PUBLISHED[name][method],
            "cpu_seconds": seconds, "simulations": SIMULATIONS, "ok": float(np.mean(scores)) <= PUBLISHED[name][method],
        }  # fmt: skip
        print(name, method, out[name], flush=True)
    return out
