"""Wrong models are rejected, right ones are not: twenty data sets of each kind, verdicts at the default settings.

Then ten data sets of each further model of the library that nobody tuned anything to; a verdict of a model that is
calibrated by simulation takes minutes of a processor, so these have five.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from run import bar

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.physics import Series, explain, load_model

REPLICATES, OTHERS, SIMULATED = 20, 10, 5
Made = Callable[[np.random.Generator], Series]


def epidemic(g: np.random.Generator) -> Series:
    """Draw an SIR epidemic among 1,000 with negative binomial counts, thirty days."""
    model, t = load_model("sir"), np.arange(30.0)
    theta = {"beta": g.uniform(0.8, 1.6), "gamma": g.uniform(0.25, 0.5), "infected0": 3.0, "population": 1_000.0}
    state = model.simulate({k: np.array([v]) for k, v in theta.items()}, t, g, model.controls)["infected"][0]
    return Series(t, {"infected": g.negative_binomial(10, 10 / (10 + np.maximum(state, 1e-9))).astype(float)}, "day")


def growth(g: np.random.Generator) -> Series:
    """Draw logistic growth with normal noise, thirty days."""
    t = np.arange(30.0)
    top, rate = g.uniform(50, 500), g.uniform(0.2, 0.6)
    y = top / (1 + (top / (0.03 * top) - 1) * np.exp(-rate * t))
    return Series(t, {"size": y + 0.05 * top * g.standard_normal(30)}, "day")


def hawkes(g: np.random.Generator) -> Series:
    """Draw alerts that set off others: some 300 in 300 hours, half of them echoes."""
    model = load_model("arrivals_hawkes")
    theta = {"background": 0.5, "branching": g.uniform(0.4, 0.7), "decay": g.uniform(1, 4)}
    times = model.simulate({k: np.array([v]) for k, v in theta.items()}, np.array([0.0, 300.0]), g, {})["time"][0]
    return Series(times[np.isfinite(times)], {}, "time")


def poisson(g: np.random.Generator) -> Series:
    return Series(np.sort(g.uniform(0, 300, g.poisson(300))), {}, "time")


def queue(g: np.random.Generator, shape: float) -> Series:
    """Draw 400 customers of one server at 70 % load; services are gamma of this shape, 1 being exponential."""
    arrival = np.cumsum(g.exponential(1, 400))
    service = g.gamma(shape, 0.7 / shape, 400)
    leave = np.empty(400)
    free = 0.0
    for k in range(400):
        free = leave[k] = max(free, arrival[k]) + service[k]
    return Series(arrival, {"stay": leave - arrival}, "arrival")


CASES: list[tuple[str, Made, str, bool, dict[str, float]]] = [
    ("SIR data, SIR", epidemic, "sir", True, {"population": 1_000}),
    ("SIR data, logistic growth", epidemic, "logistic_growth", False, {}),
    ("logistic data, logistic growth", growth, "logistic_growth", True, {}),
    ("Hawkes data, Hawkes", hawkes, "arrivals_hawkes", True, {}),
    ("Hawkes data, Poisson", hawkes, "arrivals_poisson", False, {}),
    ("Poisson data, Poisson", poisson, "arrivals_poisson", True, {}),
    ("M/M/1 data, M/M/1", lambda g: queue(g, 1.0), "queue_mmc", True, {}),
    ("M/G/1 data (gamma services of shape 3), M/M/1", lambda g: queue(g, 3.0), "queue_mmc", False, {}),
    ("M/G/1 data (gamma services of shape 0.4), M/M/1", lambda g: queue(g, 0.4), "queue_mmc", False, {}),
]


def drawn(model: str, t: Any, g: np.random.Generator, controls: dict[str, float], **theta: float) -> Any:
    """Return one course of a library model."""
    m = load_model(model)
    return m.simulate({k: np.array([float(v)]) for k, v in theta.items()}, t, g, {**m.controls, **controls})


def worm(g: np.random.Generator) -> Series:
    """Draw the infected of 10,000 hosts on sixty days, patched from the fifteenth on."""
    t, u = np.arange(60.0), g.uniform
    theta = {"beta": u(0.4, 0.8), "patch": u(0.02, 0.05), "clean": u(0.05, 0.12), "infected0": 5, "hosts": 10_000}
    state = drawn("worm_patching", t, g, {"patch_from": 15.0}, **theta)["infected"][0]
    return Series(t, {"infected": g.negative_binomial(50, 50 / (50 + np.maximum(state, 1e-9))).astype(float)}, "day")


def few_hosts(g: np.random.Generator) -> Series:
    """Draw a worm among 500 hosts, where chance plays a part."""
    t, u = np.arange(40.0), g.uniform
    theta = {"beta": u(0.4, 0.8), "patch": u(0.02, 0.06), "clean": u(0.05, 0.15), "infected0": 5}
    return Series(t, {"infected": drawn("worm_stochastic", t, g, {"hosts": 500}, **theta)["infected"][0]}, "day")


def cycles(g: np.random.Generator) -> Series:
    """Draw predator and prey over thirty years."""
    t, u = np.arange(30.0), g.uniform
    theta = {"alpha": u(0.4, 0.8), "beta": u(0.02, 0.04), "gamma": u(0.5, 1), "delta": u(0.015, 0.03)}
    state = drawn("lotka_volterra", t, g, {}, **theta, prey0=30, predator0=8)
    return Series(t, {k: state[k][0] * np.exp(0.15 * g.standard_normal(30)) for k in ("prey", "predator")}, "year")


def swing(g: np.random.Generator) -> Series:
    """Draw a pendulum that starts at 0.5 to 2.5 radians."""
    t, u = np.linspace(0, 20, 80), g.uniform
    theta = {"length": u(1, 4), "friction": u(0.02, 0.1), "angle0": u(0.5, 2.5), "speed0": u(-0.5, 0.5)}
    return Series(t, {"angle": drawn("pendulum", t, g, {}, **theta)["angle"][0] + 0.05 * g.standard_normal(80)}, "t")


def servers(g: np.random.Generator, c: int) -> Series:
    """Draw 400 customers of c servers at 60 to 85 % load."""
    theta = {"arrival_rate": c * g.uniform(0.6, 0.85), "service_rate": 1.0}
    state = drawn("queue_mmc", np.arange(400.0), g, {"servers": c}, **theta)
    return Series(state["time"][0], {"stay": state["stay"][0]}, "arrival")


def alerts(model: str, **span: tuple[float, float]) -> Made:
    """Draw some hundred arrivals in 300 hours."""

    def make(g: np.random.Generator) -> Series:
        theta = {k: g.uniform(*ends) for k, ends in span.items()}
        times = drawn(model, np.array([0.0, 300.0]), g, {}, **theta)["time"][0]
        return Series(times[np.isfinite(times)], {}, "time")

    return make


switching = alerts("arrivals_mmpp", quiet=(0.3, 0.7), lift=(3, 9), up=(0.025, 0.067), down=(0.05, 0.2))
bursts = alerts("arrivals_pareto_on_off", rate=(2, 5), shape=(1.2, 1.8), mean_on=(3, 8), mean_off=(5, 15))

FURTHER: list[tuple[str, Made, str, bool, dict[str, float], int]] = [
    ("worm data, worm", worm, "worm_patching", True, {"hosts": 10_000, "patch_from": 15.0}, OTHERS),
    ("predator and prey, Lotka-Volterra", cycles, "lotka_volterra", True, {}, OTHERS),
    ("pendulum data, pendulum", swing, "pendulum", True, {}, OTHERS),
    ("M/M/2 data, M/M/2", lambda g: servers(g, 2), "queue_mmc", True, {"servers": 2}, OTHERS),
    ("M/M/5 data, M/M/5", lambda g: servers(g, 5), "queue_mmc", True, {"servers": 5}, OTHERS),
    ("M/M/2 data, M/M/5", lambda g: servers(g, 2), "queue_mmc", False, {"servers": 5}, OTHERS),
    ("MMPP data, MMPP", switching, "arrivals_mmpp", True, {}, OTHERS),
    ("MMPP data, Hawkes", switching, "arrivals_hawkes", False, {}, OTHERS),
    ("worm among few hosts, the same", few_hosts, "worm_stochastic", True, {"hosts": 500}, SIMULATED),
    ("Pareto bursts, Pareto on and off", bursts, "arrivals_pareto_on_off", True, {}, SIMULATED),
]


def trial(make: Made, model: str, right: bool, controls: dict[str, float], n: int) -> dict[str, Any]:
    """Return how many of n data sets a model is rejected for, and the words of the verdicts that are wrong."""
    rejected, whys = 0, []
    for k in range(n):
        data = make(np.random.default_rng(100 + k))
        try:
            (found,) = explain(load_model(model), data, Rng(k), controls=controls, effective=800)
            explains, why = found.explains, found.why
        except InputError as error:  # a model that refuses the data does not explain them
            explains, why = False, str(error)
        rejected += not explains
        if explains != right:
            whys.append(why)
    return {"rejected": rejected, "of": n, "wrong_verdicts": whys}


def run() -> dict[str, Any]:
    bars, cases = [], {}
    for name, make, model, right, controls, *n in [*CASES, *FURTHER]:
        cases[name] = one = trial(make, model, right, controls, *n or [REPLICATES])
        share = one["rejected"] / one["of"]
        bars.append(bar(f"{name}: rejected", share, "<=" if right else ">=", 0.1 if right else 0.9))
        print(name, one["rejected"], "of", one["of"], one["wrong_verdicts"][:3], flush=True)
    return {"bars": bars, "cases": cases}
