"""Radioactive decay, and any first-order loss.

    d amount / dt = -rate amount,   amount(t) = amount0 exp(-rate t)

rate in 1/time; half life = log 2 / rate. Normal noise of sd sigma.
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
    return {"amount": theta["amount0"][:, None] * np.exp(-theta["rate"][:, None] * t)}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    top = largest(series.values["amount"])
    return {
        "amount0": Prior.lognormal(top, 1),
        "rate": Prior.lognormal(3 / span(series), 1.5),
        "sigma": Prior.lognormal(0.05 * top, 2),
    }


SOURCE = "Rutherford and Soddy (1902), The cause and nature of radioactivity."
MODEL = PhysicalModel(
    name="decay",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("normal", {"amount": "sigma"}),
    columns=("amount",),
    derived={"half_life": lambda theta: np.log(2) / theta["rate"]},
    aliases={"amount": ("activity", "count", "concentration", "remaining")},
    equations="d amount/dt = -rate amount",
    units={"rate": "1/time", "half_life": "time"},
    source=SOURCE,
    origin="first",
)
