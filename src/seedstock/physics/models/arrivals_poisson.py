"""Arrivals that know nothing of each other: the Poisson process.

rate in events/time. Observed are the time stamps alone; the first one starts the clock. Log likelihood of n further
events in a window of length T: n log rate - rate T.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, Likelihood, PhysicalModel, States, Theta
from seedstock.physics.models._events import cap, each, mean_rate
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    window, most = float(t[-1]), cap(t)

    def one(k: int) -> Floats:
        n = min(int(rng.poisson(min(theta["rate"][k] * window, most))), most)
        return np.sort(rng.uniform(0, window, n))

    return each(len(theta["rate"]), one)


def _log_density(series: Series, theta: Theta, controls: Controls) -> Floats:
    return np.asarray((len(series.t) - 1) * np.log(theta["rate"]) - theta["rate"] * series.t[-1])


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    return {"rate": Prior.lognormal(mean_rate(series), 2)}


SOURCE = "Kingman (1993), Poisson Processes."
MODEL = PhysicalModel(
    name="arrivals_poisson",
    simulate=_simulate,
    priors=_priors,
    observe=Likelihood(_log_density),
    columns=(),
    kind="events",
    equations="intensity(t) = rate",
    units={"rate": "1/time"},
    source=SOURCE,
    origin="first",
)
