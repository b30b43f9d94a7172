"""A worm spreads over hosts while they are patched.

    d S / dt = -beta S I / N - patch(t) S,   d I / dt = beta S I / N - clean(t) I

Susceptible hosts are patched at the rate patch and infected ones cleaned at the rate clean, both in 1/time, from the
control patch_from on (time since the first observation; 0 at first). N hosts (control hosts, or a parameter). Observed
is the number of infected hosts, with negative binomial noise.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.integrate import integrate
from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Theta
from seedstock.physics.models._scales import first, largest, time_unit
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    beta, patch, clean, n = theta["beta"], theta["patch"], theta["clean"], theta["hosts"]
    since = controls["patch_from"]

    def rhs(time: float, y: Floats) -> Floats:
        out = np.empty_like(y)
        new = beta * y[0] * y[1] / n
        on = time >= since
        out[0] = -new - patch * y[0] * on
        out[1] = new - clean * y[1] * on
        return out

    infected0 = np.minimum(theta["infected0"], n)
    y = integrate(rhs, np.stack([n - infected0, infected0]), t)
    susceptible, infected = y[:, 0].T, y[:, 1].T
    return {"infected": infected, "susceptible": susceptible, "patched": n[:, None] - susceptible - infected}


def _regime(t: Floats, states: States, theta: Theta) -> Mapping[str, np.ndarray]:
    """Name the phase of each row."""
    grows = states["susceptible"] * (theta["beta"] / theta["hosts"])[:, None] > theta["clean"][:, None]
    return {"regime": np.where(grows, "outbreak", "containment")}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior | float]:
    y, unit = series.values["infected"], time_unit(series)
    known = controls["hosts"]
    return {
        "beta": Prior.lognormal(1 / unit, 1),
        "patch": Prior.lognormal(0.1 / unit, 1.5),
        "clean": Prior.lognormal(0.2 / unit, 1.5),
        "infected0": Prior.lognormal(max(first(y), 1.0), 1),
        "overdispersion": Prior.exponential(0.1),
        "hosts": Prior.lognormal(2 * largest(y), 1) if known is None else float(known),
    }


SOURCE = "Zou, Gong and Towsley (2002), Code Red worm propagation modeling and analysis, equations 4-7."
MODEL = PhysicalModel(
    name="worm_patching",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("negative_binomial", {"infected": "overdispersion"}),
    columns=("infected",),
    controls={"hosts": None, "patch_from": 0.0},
    derived={"growth_rate": lambda theta: theta["beta"] - theta["clean"]},
    labels=_regime,
    aliases={"infected": ("infect", "compromised", "scanning", "bots")},
    equations="dS/dt = -beta S I/N - patch S; dI/dt = beta S I/N - clean I",
    units={"beta": "1/time", "patch": "1/time", "clean": "1/time"},
    source=SOURCE,
    origin="first",
)
