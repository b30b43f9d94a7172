"""Wrong models are rejected, right ones are not: twenty data sets of each kind, verdicts at the default settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from run import bar

from seedstock.core.rng import Rng
from seedstock.physics import Series, explain, load_model

REPLICATES = 20
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


def run() -> dict[str, Any]:
    bars, cases = [], {}
    for name, make, model, right, controls in CASES:
        rejected, whys = 0, []
        for k in range(REPLICATES):
            data = make(np.random.default_rng(100 + k))
            (found,) = explain(load_model(model), data, Rng(k), controls=controls, effective=800)
            rejected += not found.explains
            if found.explains != right:
                whys.append(found.why)
        share = rejected / REPLICATES
        bars.append(bar(f"{name}: rejected", share, "<=" if right else ">=", 0.1 if right else 0.9))
        cases[name] = {"rejected": rejected, "of": REPLICATES, "wrong_verdicts": whys}
        print(name, rejected, "of", REPLICATES, whys[:3], flush=True)
    return {"bars": bars, "cases": cases}
