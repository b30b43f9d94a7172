"""Two reactions in a row, each of the first order.

    A -> B -> C
    d a / dt = -k1 a,   d b / dt = k1 a - k2 b

k1, k2 in 1/time. Solved in closed form (Bateman), b(t) = b0 e^{-k2 t} + a0 k1 (e^{-k1 t} - e^{-k2 t}) / (k2 - k1).
Normal noise. Observed are the reactant and the intermediate.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Theta
from seedstock.physics.models._scales import largest, span
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    k1, k2, a0, b0 = (theta[k][:, None] for k in ("k1", "k2", "a0", "b0"))
    a = a0 * np.exp(-k1 * t)
    # (e^{-k1 t} - e^{-k2 t}) / (k2 - k1) without cancellation where the two rates are equal.
    gap = (k2 - k1) * t
    shape = t * np.exp(-k1 * t) * np.where(np.abs(gap) < 1e-8, 1.0, -np.expm1(-gap) / np.where(gap == 0, 1.0, gap))
    b = b0 * np.exp(-k2 * t) + a0 * k1 * shape
    return {"reactant": a, "intermediate": b, "product": a0 + b0 - a - b}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    top = max(largest(series.values["reactant"]), largest(series.values["intermediate"]))
    rate = 3 / span(series)
    return {
        "k1": Prior.lognormal(rate, 1.5),
        "k2": Prior.lognormal(rate, 1.5),
        "a0": Prior.lognormal(top, 1),
        "b0": Prior.exponential(0.2 * top),
        "sigma": Prior.lognormal(0.05 * top, 2),
    }


SOURCE = "Bateman (1910), solution of a system of differential equations occurring in radioactive transformations."
MODEL = PhysicalModel(
    name="first_order_kinetics",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("normal", {"reactant": "sigma", "intermediate": "sigma"}),
    columns=("reactant", "intermediate"),
    aliases={"reactant": ("a", "substrate", "parent"), "intermediate": ("b", "daughter")},
    equations="da/dt = -k1 a; db/dt = k1 a - k2 b",
    units={"k1": "1/time", "k2": "1/time"},
    source=SOURCE,
    origin="first",
)
