"""A mass on a spring with friction.

    x'' + 2 zeta omega x' + omega² x = 0

omega in rad/time is the frequency without friction, zeta the damping ratio without unit (below 1 it swings). Solved in
closed form, x(t) = e^{-zeta omega t} (x0 cosh st + (v0 + zeta omega x0) sinh(st)/s) with s = omega sqrt(zeta² - 1),
which is imaginary where it swings. Normal noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Theta
from seedstock.physics.models._scales import largest, magnitude, span
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    omega, zeta, x0, v0 = (theta[k][:, None] for k in ("omega", "zeta", "x0", "v0"))
    # At zeta = 1 the formula is 0/0; a hair beside it is as good.
    s = omega * np.sqrt((zeta**2 - 1) + 1e-9j)
    friction = zeta * omega
    with np.errstate(all="ignore"):
        up, down = np.exp((s - friction) * t), np.exp((-s - friction) * t)
        x = x0 * (up + down) / 2 + (v0 + friction * x0) * (up - down) / (2 * s)
        v = np.gradient(x.real, t, axis=1) if len(t) > 1 and (np.diff(t) > 0).all() else np.zeros_like(x.real)
    return {"position": x.real, "velocity": v}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    x = series.values["position"]
    top, length = largest(x), span(series)
    return {
        "omega": Prior.lognormal(2 * np.pi * 5 / length, 1),
        "zeta": Prior.exponential(0.3),
        "x0": Prior.normal(0, 2 * top),
        "v0": Prior.normal(0, 2 * np.pi * 10 * top / length),
        "sigma": Prior.lognormal(0.1 * magnitude(x), 1.5),
    }


SOURCE = "Landau and Lifshitz (1976), Mechanics, section 25."
MODEL = PhysicalModel(
    name="damped_oscillator",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("normal", {"position": "sigma"}),
    columns=("position",),
    derived={"period": lambda theta: 2 * np.pi / theta["omega"]},
    aliases={"position": ("displacement", "x", "deflection", "height")},
    equations="x'' + 2 zeta omega x' + omega^2 x = 0",
    units={"omega": "rad/time", "zeta": "1", "period": "time"},
    source=SOURCE,
    origin="first",
)
