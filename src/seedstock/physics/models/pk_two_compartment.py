"""A drug given into a vein, between blood and tissue.

    d central / dt    = -(clearance + exchange) / v1 central + exchange / v2 tissue
    d tissue / dt     =  exchange / v1 central - exchange / v2 tissue
    concentration     =  central / v1

v1, v2 volumes, clearance and exchange in volume/time; t is counted from the dose, whose control is 1 unless it is
known. Solved in closed form as a sum of two exponentials. Lognormal noise.
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
    v1, v2, clearance, exchange = (theta[k][:, None] for k in ("v1", "v2", "clearance", "exchange"))
    k10, k12, k21 = clearance / v1, exchange / v1, exchange / v2
    total = k10 + k12 + k21
    root = np.sqrt(np.maximum(total**2 - 4 * k10 * k21, 0))
    fast, slow = (total + root) / 2, 2 * k10 * k21 / (total + root)
    share = (fast - k21) / np.maximum(fast - slow, 1e-300)
    dose = controls["dose"]
    central = dose * (share * np.exp(-fast * t) + (1 - share) * np.exp(-slow * t))
    tissue = dose * k12 / np.maximum(fast - slow, 1e-300) * (np.exp(-slow * t) - np.exp(-fast * t))
    return {"concentration": central / v1, "tissue": tissue / v2}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    volume = controls["dose"] / largest(series.values["concentration"])
    return {
        "v1": Prior.lognormal(volume, 1),
        "v2": Prior.lognormal(volume, 1),
        "clearance": Prior.lognormal(3 * volume / span(series), 1),
        "exchange": Prior.lognormal(6 * volume / span(series), 1),
        "sigma": Prior.lognormal(0.1, 1),
    }


def _slow(theta: Theta) -> Floats:
    k10, k12, k21 = (theta["clearance"] / theta["v1"], theta["exchange"] / theta["v1"], theta["exchange"] / theta["v2"])
    total = k10 + k12 + k21
    return np.asarray(2 * k10 * k21 / (total + np.sqrt(np.maximum(total**2 - 4 * k10 * k21, 0))))


SOURCE = "Riegelman, Loo and Rowland (1968), Shortcomings in pharmacokinetic analysis by a single compartment."
MODEL = PhysicalModel(
    name="pk_two_compartment",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("lognormal", {"concentration": "sigma"}),
    columns=("concentration",),
    controls={"dose": 1.0},
    derived={"half_life_slow": lambda theta: np.log(2) / _slow(theta)},
    aliases={"concentration": ("conc", "level", "plasma", "dv")},
    equations="d central/dt = -(clearance + exchange)/v1 central + exchange/v2 tissue; "
    "d tissue/dt = exchange/v1 central - exchange/v2 tissue; concentration = central/v1",
    units={"v1": "volume", "v2": "volume", "clearance": "volume/time", "exchange": "volume/time"},
    source=SOURCE,
)
