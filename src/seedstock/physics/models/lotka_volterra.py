"""Predator and prey.

    d prey / dt     =  alpha prey - beta prey predator
    d predator / dt = -gamma predator + delta prey predator

alpha, gamma in 1/time; beta, delta in 1/(time amount). Both are observed with lognormal noise. The priors are those of
Carpenter (2018), stated for amounts near 30 and some twenty time units, and carried over to the data's own units.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.integrate import integrate
from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Theta
from seedstock.physics.models._scales import amount_unit, time_unit
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    alpha, beta, gamma, delta = (theta[k] for k in ("alpha", "beta", "gamma", "delta"))

    def rhs(time: float, y: Floats) -> Floats:
        prey, predator = y
        out = np.empty_like(y)
        out[0] = (alpha - beta * predator) * prey
        out[1] = (delta * prey - gamma) * predator
        return out

    y = integrate(rhs, np.stack([theta["prey0"], theta["predator0"]]), t)
    return {"prey": y[:, 0].T, "predator": y[:, 1].T}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    t, a = time_unit(series), amount_unit(series)
    return {
        "alpha": Prior.normal(1 / t, 0.5 / t, lower=0),
        "beta": Prior.normal(0.05 / t / a, 0.05 / t / a, lower=0),
        "gamma": Prior.normal(1 / t, 0.5 / t, lower=0),
        "delta": Prior.normal(0.05 / t / a, 0.05 / t / a, lower=0),
        "prey0": Prior.lognormal(10 * a, 1),
        "predator0": Prior.lognormal(10 * a, 1),
        "sigma_prey": Prior.lognormal(np.exp(-1), 1),
        "sigma_predator": Prior.lognormal(np.exp(-1), 1),
    }


SOURCE = "Carpenter (2018), Predator-Prey Population Dynamics: the Lotka-Volterra model in Stan; Lotka (1925)."
MODEL = PhysicalModel(
    name="lotka_volterra",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("lognormal", {"prey": "sigma_prey", "predator": "sigma_predator"}),
    columns=("prey", "predator"),
    derived={"period_small": lambda theta: 2 * np.pi / np.sqrt(theta["alpha"] * theta["gamma"])},
    aliases={"prey": ("hare", "rabbit"), "predator": ("lynx", "fox", "wolf")},
    equations="d prey/dt = alpha prey - beta prey predator; d predator/dt = delta prey predator - gamma predator",
    units={"alpha": "1/time", "beta": "1/(time amount)", "gamma": "1/time", "delta": "1/(time amount)"},
    source=SOURCE,
    origin="first",
)
