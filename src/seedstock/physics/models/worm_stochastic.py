"""A worm on few hosts, where chance decides whether it takes hold.

Each infected host finds a susceptible one at the rate beta S / N; susceptible hosts are patched at the rate patch and
infected ones cleaned at the rate clean (1/time). Events are counted in short steps of binomial chance
(a tau leap of at most 1/20 of the fastest mean time). Observed is the exact number of infected hosts; there is no
likelihood, and the model is calibrated by simulation. Control: hosts (1,000), infected0 (the first observation).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.physics.model import Controls, Floats, PhysicalModel, States, Summaries, Theta
from seedstock.physics.models._scales import first, span
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series

_MOST_STEPS = 400


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    m, n = len(theta["beta"]), int(controls["hosts"])
    infected = np.minimum(np.round(theta["infected0"]), n).astype(np.int64)
    susceptible = n - infected
    out = np.empty((2, m, len(t)))
    beta, patch, clean = theta["beta"], theta["patch"], theta["clean"]
    fastest = float(np.quantile(np.maximum(np.maximum(beta, patch), clean), 0.9))
    now = 0.0
    # Finer than 400 steps in all would cost more than it tells.
    longest = max(1 / (20 * max(fastest, 1e-12)), float(t[-1]) / _MOST_STEPS if len(t) else 1.0)
    for k, end in enumerate(t):
        steps = int(np.ceil((end - now) / longest)) if end > now else 0
        h = (end - now) / max(steps, 1)
        for _ in range(steps):
            met = -np.expm1(-beta * infected / n * h)
            leave = -np.expm1(-patch * h)
            new = rng.binomial(susceptible, met)
            patched = rng.binomial(susceptible - new, leave)
            cleaned = rng.binomial(infected, -np.expm1(-clean * h))
            susceptible = susceptible - new - patched
            infected = infected + new - cleaned
        now = float(end)
        out[:, :, k] = infected, susceptible
    return {"infected": out[0], "susceptible": out[1], "patched": n - out[0] - out[1]}


def _summarise(t: Floats, values: States) -> Floats:
    """Return logarithms of the counts, the height of the peak and its time."""
    y = values["infected"]
    peak = y.max(axis=1, keepdims=True)
    return np.concatenate([np.log1p(y), np.log1p(peak), t[np.argmax(y, axis=1)][:, None]], axis=1)


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior | float]:
    length = span(series)
    return {
        "beta": Prior.lognormal(20 / length, 0.8),
        "patch": Prior.lognormal(2 / length, 1),
        "clean": Prior.lognormal(4 / length, 1),
        "infected0": max(first(series.values["infected"]), 1.0),
    }


SOURCE = "Gillespie (2001), Approximate accelerated stochastic simulation, section III; Rohloff and Basar (2005)."
MODEL = PhysicalModel(
    name="worm_stochastic",
    simulate=_simulate,
    priors=_priors,
    observe=Summaries(_summarise),
    columns=("infected",),
    controls={"hosts": 1000},
    aliases={"infected": ("infect", "compromised", "scanning", "bots")},
    equations="S + I -> 2 I at beta S I/N; S -> patched at patch S; I -> patched at clean I",
    units={"beta": "1/time", "patch": "1/time", "clean": "1/time"},
    source=SOURCE,
    origin="first",
)
