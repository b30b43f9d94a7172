"""Arrivals that set off others: the Hawkes process with an exponential kernel.

    intensity(t) = background + branching decay sum over earlier events of e^{-decay (t - t_i)}

background and decay in 1/time; branching, below 1, is the mean number of events that one event sets off directly.
The log likelihood is exact (Ozaki 1979), with the recursion R_i = e^{-decay (t_i - t_{i-1})} (1 + R_{i-1}). The window
starts with the first event, and events before it are taken to have faded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, Likelihood, PhysicalModel, States, Theta
from seedstock.physics.models._events import cap, each, gaps_of, mean_rate
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    window, most = float(t[-1]), cap(t)

    def one(k: int) -> Floats:
        # Families (Hawkes and Oakes 1974): immigrants, then generation after generation of children.
        background, branching, decay = (float(theta[name][k]) for name in ("background", "branching", "decay"))
        generation = np.append(rng.uniform(0, window, min(rng.poisson(min(background * window, most)), most)), 0.0)
        every = [generation[:-1]]
        total = len(generation)
        while len(generation) and total < most:
            parents = np.repeat(generation, rng.poisson(branching, len(generation)))
            generation = parents + rng.exponential(1 / decay, len(parents))
            generation = generation[generation < window]
            every.append(generation)
            total += len(generation)
        return np.sort(np.concatenate(every))

    return each(len(theta["decay"]), one)


def _log_density(series: Series, theta: Theta, controls: Controls) -> Floats:
    background, branching, decay = (theta[name] for name in ("background", "branching", "decay"))
    faded = np.exp(-decay * gaps_of(series)[:, None])
    excited = np.empty_like(faded)
    r = np.zeros_like(decay)
    for i, f in enumerate(faded):
        r = f * (1 + r)
        excited[i] = r
    intensity = np.log(background + branching * decay * excited).sum(axis=0)
    left = 1 - np.exp(-decay * (series.t[-1] - series.t)[:, None])
    return np.asarray(intensity - background * series.t[-1] - branching * left.sum(axis=0))


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    rate = mean_rate(series)
    return {
        "background": Prior.lognormal(0.5 * rate, 1),
        "branching": Prior.uniform(0, 1),
        "decay": Prior.lognormal(2 * rate, 1.5),
    }


SOURCE = "Hawkes (1971); Ozaki (1979), Maximum likelihood estimation of Hawkes' self-exciting point processes."
MODEL = PhysicalModel(
    name="arrivals_hawkes",
    simulate=_simulate,
    priors=_priors,
    observe=Likelihood(_log_density),
    columns=(),
    kind="events",
    equations="intensity(t) = background + branching decay sum_i exp(-decay (t - t_i))",
    units={"background": "1/time", "branching": "1", "decay": "1/time"},
    source=SOURCE,
    origin="first",
)
