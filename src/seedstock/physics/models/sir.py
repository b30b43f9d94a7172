"""An epidemic: susceptible, infected, recovered.

    d S / dt = -beta c(t) S I / N,   d I / dt = beta c(t) S I / N - gamma I,   d R / dt = gamma I

beta, gamma in 1/time; N people in all (control population, or a parameter where it is unknown). Observed is the
number of the infected, with negative binomial noise of variance mean + overdispersion mean². infected0 are infected
at the time lead (control, 0) before the first observation. Controls: from the time contact_from on, contacts are
contact times as many. Derived: R0 = beta / gamma.
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
    beta, gamma, n = theta["beta"], theta["gamma"], theta["population"]
    lead = float(controls["lead"])
    contact, since = controls["contact"], controls["contact_from"] + lead

    def rhs(time: float, y: Floats) -> Floats:
        out = np.empty_like(y)
        new = (beta * contact if time >= since else beta) * y[0] * y[1] / n
        out[0] = -new
        out[1] = new - gamma * y[1]
        return out

    infected0 = np.minimum(theta["infected0"], n)
    y = integrate(rhs, np.stack([n - infected0, infected0]), t + lead)
    susceptible, infected = y[:, 0].T, y[:, 1].T
    return {"infected": infected, "susceptible": susceptible, "recovered": n[:, None] - susceptible - infected}


def _regime(t: Floats, states: States, theta: Theta) -> Mapping[str, np.ndarray]:
    """Name the phase of each row: growth while one infects more than one."""
    one_infects = states["susceptible"] * (theta["beta"] / theta["gamma"] / theta["population"])[:, None]
    return {"regime": np.where(one_infects > 1, "growth", "decline")}


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior | float]:
    y, unit = series.values["infected"], time_unit(series)
    known = controls["population"]
    return {
        "beta": Prior.lognormal(2.5, 0.7).times("gamma"),
        "gamma": Prior.lognormal(0.4 / unit, 1),
        "infected0": Prior.lognormal(max(first(y), 1.0), 1),
        "overdispersion": Prior.exponential(0.2),
        "population": Prior.lognormal(3 * largest(y), 1) if known is None else float(known),
    }


SOURCE = "Kermack and McKendrick (1927); Grinsztajn et al. (2021), Bayesian workflow for disease transmission modeling."
MODEL = PhysicalModel(
    name="sir",
    simulate=_simulate,
    priors=_priors,
    observe=Noise("negative_binomial", {"infected": "overdispersion"}),
    columns=("infected",),
    controls={"population": None, "lead": 0.0, "contact": 1.0, "contact_from": np.inf},
    derived={"R0": lambda theta: theta["beta"] / theta["gamma"], "infectious_time": lambda theta: 1 / theta["gamma"]},
    labels=_regime,
    aliases={"infected": ("infect", "in_bed", "cases", "active", "sick", "prevalence", "ill")},
    equations="dS/dt = -beta S I/N; dI/dt = beta S I/N - gamma I; dR/dt = gamma I",
    units={"beta": "1/time", "gamma": "1/time", "R0": "1", "infectious_time": "time"},
    source=SOURCE,
    origin="first",
)
