"""Growth up to a capacity.

    d size / dt = rate size (1 - size / capacity)

rate in 1/time. Closed form: size(t) = capacity / (1 + (capacity / size0 - 1) e^{-rate t}). Normal noise, because sizes
may be measured as 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Theta
from seedstock.physics.models._scales import first, largest, span
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    rate, capacity, size0 = (theta[k][:, None] for k in ("rate", "capacity", "size0"))
    with np.errstate(over="ignore"):
        return {"size": capacity / (1 + (capacity / size0 - 1) * np.exp(-rate * t))}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    y = series.values["size"]
    top = largest(y)
    return {
        "rate": Prior.lognormal(5 / span(series), 1),
        "capacity": Prior.lognormal(1.5 * top, 1),
        "size0": Prior.lognormal(max(first(y), 0.01 * top), 1),
        "sigma": Prior.lognormal(0.05 * top, 1.5),
    }


SOURCE = "Verhulst (1838), notice on the law that a population follows in its growth."
MODEL = PhysicalModel(
    name="logistic_growth",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("normal", {"size": "sigma"}),
    columns=("size",),
    derived={"doubling_time": lambda theta: np.log(2) / theta["rate"]},
    aliases={"size": ("population", "biomass", "density", "count", "users")},
    equations="d size/dt = rate size (1 - size/capacity)",
    units={"rate": "1/time", "doubling_time": "time"},
    source=SOURCE,
    origin="first",
)
