"""The speed of an enzyme's reaction at a concentration of its substrate.

    velocity = vmax substrate / (km + substrate)

km in the substrate's unit, vmax in the velocity's. Observed over the substrate, in any order. Normal noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Theta
from seedstock.physics.models._scales import largest
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    return {"velocity": theta["vmax"][:, None] * t / (theta["km"][:, None] + t)}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    top = largest(series.values["velocity"])
    return {
        "vmax": Prior.lognormal(1.5 * top, 1),
        "km": Prior.lognormal(0.5 * (float(np.abs(series.t).max()) or 1.0), 1.5),
        "sigma": Prior.lognormal(0.05 * top, 1.5),
    }


SOURCE = "Michaelis and Menten (1913), the kinetics of invertin action."
MODEL = PhysicalModel(
    name="michaelis_menten",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("normal", {"velocity": "sigma"}),
    columns=("velocity",),
    kind="curve",
    aliases={"velocity": ("rate", "speed", "v"), "x": ("substrate", "concentration", "conc")},
    equations="velocity = vmax substrate / (km + substrate)",
    units={"vmax": "velocity", "km": "concentration"},
    source=SOURCE,
)
