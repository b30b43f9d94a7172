"""An epidemic with a time between infection and infectiousness.

    d S / dt = -beta c(t) S I / N,   d E / dt = beta c(t) S I / N - sigma E
    d I / dt = sigma E - gamma I,    d R / dt = gamma I

beta, sigma, gamma in 1/time; the rest as in `sir`. Derived: R0 = beta / gamma.
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
    beta, sigma, gamma, n = theta["beta"], theta["sigma"], theta["gamma"], theta["population"]
    lead = float(controls["lead"])
    contact, since = controls["contact"], controls["contact_from"] + lead

    def rhs(time: float, y: Floats) -> Floats:
        out = np.empty_like(y)
        new = (beta * contact if time >= since else beta) * y[0] * y[2] / n
        out[0] = -new
        out[1] = new - sigma * y[1]
        out[2] = sigma * y[1] - gamma * y[2]
        return out

    infected0 = np.minimum(theta["infected0"], n / 2)
    exposed0 = np.minimum(theta["exposed0"], n / 2)
    y = integrate(rhs, np.stack([n - infected0 - exposed0, exposed0, infected0]), t + lead)
    susceptible, exposed, infected = (y[:, i].T for i in range(3))
    return {
        "infected": infected, "susceptible": susceptible, "exposed": exposed,
        "recovered": n[:, None] - susceptible - exposed - infected,
    }  # fmt: skip


def _regime(t: Floats, states: States, theta: Theta) -> Mapping[str, np.ndarray]:
    """Name the phase of each row: growth while one infects more than one."""
    one_infects = states["susceptible"] * (theta["beta"] / theta["gamma"] / theta["population"])[:, None]
    return {"regime": np.where(one_infects > 1, "growth", "decline")}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior | float]:
    y, unit = series.values["infected"], time_unit(series)
    known = controls["population"]
    start = max(first(y), 1.0)
    return {
        "beta": Prior.lognormal(2.5, 0.7).times("gamma"),
        "sigma": Prior.lognormal(1 / unit, 0.7),
        "gamma": Prior.lognormal(0.4 / unit, 0.7),
        "infected0": Prior.lognormal(start, 1),
        "exposed0": Prior.lognormal(start, 1),
        "overdispersion": Prior.exponential(0.2),
        "population": Prior.lognormal(3 * largest(y), 1) if known is None else float(known),
    }


SOURCE = "Anderson and May (1991), Infectious Diseases of Humans, chapter 6."
MODEL = PhysicalModel(
    name="seir",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("negative_binomial", {"infected": "overdispersion"}),
    columns=("infected",),
    controls={"population": None, "lead": 0.0, "contact": 1.0, "contact_from": np.inf},
    derived={"R0": lambda theta: theta["beta"] / theta["gamma"]},
    labels=_regime,
    aliases={"infected": ("infect", "in_bed", "cases", "active", "sick", "prevalence", "ill")},
    equations="dS/dt = -beta S I/N; dE/dt = beta S I/N - sigma E; dI/dt = sigma E - gamma I; dR/dt = gamma I",
    units={"beta": "1/time", "sigma": "1/time", "gamma": "1/time", "R0": "1"},
    source=SOURCE,
    origin="first",
)
