"""Bursts of packets with heavy-tailed lengths: a source that is on and off for Pareto times.

While on, events come as a Poisson process of the given rate; on and off times are Pareto with their means and a common
shape between 1 and 2 (1 < shape < 2 gives infinite variance and, of many sources, long memory). No likelihood is
tractable: the model is calibrated by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Summaries, Theta
from seedstock.physics.models._events import cap, each, mean_rate
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    window, most = float(t[-1]), cap(t)

    def one(k: int) -> Floats:
        rate, shape, on, off = (float(theta[name][k]) for name in ("rate", "shape", "mean_on", "mean_off"))
        lengths = np.empty(0)
        while lengths.sum() < window and len(lengths) < most:
            more = int(np.clip(1.5 * window / (on + off), 8, 10_000))
            # Pareto of mean m: scale m (shape - 1) / shape.
            new = (1 + rng.pareto(shape, (more, 2))) * np.array([on, off]) * (shape - 1) / shape
            lengths = np.concatenate([lengths, new.reshape(-1)])
        ends = np.cumsum(lengths)
        starts = (ends - lengths)[::2]
        stops = np.minimum(ends[::2], window)
        starts, stops = starts[starts < window], stops[: int((starts < window).sum())]
        counts = np.minimum(rng.poisson(np.minimum(rate * (stops - starts), most)), most)
        if counts.sum() > most:
            counts = np.where(np.cumsum(counts) <= most, counts, 0)
        at = np.repeat(starts, counts) + rng.random(int(counts.sum())) * np.repeat(stops - starts, counts)
        return np.sort(at)

    return each(len(theta["rate"]), one)


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    rate = mean_rate(series)
    gap = 1 / rate
    return {
        "rate": Prior.lognormal(4 * rate, 1),
        "shape": Prior.uniform(1.05, 2.5),
        "mean_on": Prior.lognormal(5 * gap, 1),
        "mean_off": Prior.lognormal(10 * gap, 1),
    }


SOURCE = "Willinger, Taqqu, Sherman and Wilson (1997), Self-similarity through high-variability, section 2."
MODEL = PhysicalModel(
    name="arrivals_pareto_on_off",
    simulate=_simulate,
    priors=_priors,
    observe=Summaries(),
    columns=(),
    kind="events",
    equations="on and off times Pareto(shape) with means mean_on, mean_off; while on, Poisson(rate)",
    units={"rate": "1/time", "mean_on": "time", "mean_off": "time"},
    derived={"busy_share": lambda theta: theta["mean_on"] / (theta["mean_on"] + theta["mean_off"])},
    source=SOURCE,
    origin="first",
)
