"""A pendulum that may swing wide.

    angle'' = -(gravity / length) sin(angle) - friction angle'

angle in radians, length in metres and time in seconds with the control gravity = 9.81 m/s². Normal noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.integrate import integrate
from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Theta
from seedstock.physics.models._scales import largest, magnitude, span
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    pull, friction = controls["gravity"] / theta["length"], theta["friction"]

    def rhs(time: float, y: Floats) -> Floats:
        out = np.empty_like(y)
        out[0] = y[1]
        out[1] = -pull * np.sin(y[0]) - friction * y[1]
        return out

    y = integrate(rhs, np.stack([theta["angle0"], theta["speed0"]]), t)
    return {"angle": y[:, 0].T, "angular_speed": y[:, 1].T}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    angle = series.values["angle"]
    omega = 2 * np.pi * 5 / span(series)
    return {
        "length": Prior.lognormal(controls["gravity"] / omega**2, 2),
        "friction": Prior.exponential(1 / span(series)),
        "angle0": Prior.normal(0, 2 * largest(angle)),
        "speed0": Prior.normal(0, 2 * omega * largest(angle)),
        "sigma": Prior.lognormal(0.1 * magnitude(angle), 1.5),
    }


SOURCE = "Huygens (1673), Horologium Oscillatorium; Landau and Lifshitz (1976), Mechanics, section 11."
MODEL = PhysicalModel(
    name="pendulum",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("normal", {"angle": "sigma"}),
    columns=("angle",),
    controls={"gravity": 9.81},
    aliases={"angle": ("theta", "phi")},
    equations="angle'' = -(gravity/length) sin(angle) - friction angle'",
    units={"length": "m", "friction": "1/s", "angle0": "rad", "speed0": "rad/s", "gravity": "m/s^2"},
    source=SOURCE,
    origin="first",
)
