"""A drug taken by mouth, in one compartment.

    concentration(t) = dose ka / (volume (ka - ke)) (e^{-ke t} - e^{-ka t}),   ke = clearance / volume

ka, ke in 1/time, volume per bioavailable dose, clearance in volume/time; t is counted from the dose. The control dose
is 1 unless it is known, and volume is then volume per dose. Absorption is taken to be faster than elimination
(ka > ke), because the two cannot be told apart otherwise. Noise: normal.
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
    ke = (theta["clearance"] / theta["volume"])[:, None]
    ka = ke * (1 + theta["absorption_ratio"][:, None])
    scale = controls["dose"] / theta["volume"][:, None] * ka / (ka - ke)
    return {"concentration": scale * (np.exp(-ke * t) - np.exp(-ka * t))}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    top = largest(series.values["concentration"])
    volume = controls["dose"] / top
    return {
        "volume": Prior.lognormal(volume, 1),
        "clearance": Prior.lognormal(3 * volume / span(series), 1),
        "absorption_ratio": Prior.lognormal(4, 1),
        "sigma": Prior.lognormal(0.05 * top, 1),
    }


SOURCE = "Teorell (1937), Kinetics of distribution of substances administered to the body."
MODEL = PhysicalModel(
    name="pk_one_compartment",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("normal", {"concentration": "sigma"}),
    columns=("concentration",),
    controls={"dose": 1.0},
    derived={
        "ke": lambda theta: theta["clearance"] / theta["volume"],
        "ka": lambda theta: theta["clearance"] / theta["volume"] * (1 + theta["absorption_ratio"]),
        "half_life": lambda theta: np.log(2) * theta["volume"] / theta["clearance"],
    },
    aliases={"concentration": ("conc", "level", "plasma", "dv")},
    equations="d gut/dt = -ka gut; d central/dt = ka gut - ke central; concentration = central/volume",
    units={"volume": "volume", "clearance": "volume/time", "ka": "1/time", "ke": "1/time", "half_life": "time"},
    source=SOURCE,
)
