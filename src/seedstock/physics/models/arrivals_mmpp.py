"""Arrivals that change between a quiet and a busy state: the Markov-modulated Poisson process of two states.

Rates quiet and quiet (1 + lift) in events/time; the state changes at the rates up and down in 1/time. The likelihood is
exact: with the generator Q and Lambda = diag(rates), the product over the gaps of e^{(Q - Lambda) gap} Lambda.
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
        quiet, lift, up, down = (float(theta[name][k]) for name in ("quiet", "lift", "up", "down"))
        rates, leave = (quiet, quiet * (1 + lift)), (up, down)
        # At an event the busy state is likelier than at a random time.
        weights = np.array([down * rates[0], up * rates[1]])
        state = int(rng.random() * weights.sum() >= weights[0])
        now, total = 0.0, 0
        out = []
        while now < window and total < most:
            end = min(window, now + rng.exponential(1 / leave[state]))
            n = min(rng.poisson(min(rates[state] * (end - now), most)), most)
            out.append(np.sort(rng.uniform(now, end, n)))
            now, state, total = end, 1 - state, total + n + 1
        return np.concatenate(out)

    return each(len(theta["quiet"]), one)


def _log_density(series: Series, theta: Theta, controls: Controls) -> Floats:
    quiet, lift, up, down = (theta[name] for name in ("quiet", "lift", "up", "down"))
    rate0, rate1 = quiet, quiet * (1 + lift)
    gap = gaps_of(series)[:, None]
    # e^{M h} of the 2x2 matrix M = Q - Lambda, by its two real eigenvalues.
    a, d = -up - rate0, -down - rate1
    middle, root = (a + d) / 2, np.sqrt(((a - d) / 2) ** 2 + up * down)
    high, low = np.exp((middle + root) * gap), np.exp((middle - root) * gap)
    c, s = (high + low) / 2, (high - low) / (2 * root)
    e00, e11 = c + s * (a - d) / 2, c - s * (a - d) / 2
    e01, e10 = s * up, s * down
    busy = up * rate1 / (up * rate1 + down * rate0)
    p0, p1 = 1 - busy, busy
    total = np.zeros_like(quiet)
    for k in range(len(gap)):
        q0 = (p0 * e00[k] + p1 * e10[k]) * rate0
        q1 = (p0 * e01[k] + p1 * e11[k]) * rate1
        scale = q0 + q1
        total = total + np.log(scale)
        p0, p1 = q0 / scale, q1 / scale
    return total


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior]:
    rate = mean_rate(series)
    return {
        "quiet": Prior.lognormal(0.5 * rate, 1),
        "lift": Prior.lognormal(5, 1),
        "up": Prior.lognormal(0.1 * rate, 1.5),
        "down": Prior.lognormal(0.1 * rate, 1.5),
    }


SOURCE = "Fischer and Meier-Hellstern (1993), The Markov-modulated Poisson process cookbook, equation 3; Ryden (1994)."
MODEL = PhysicalModel(
    name="arrivals_mmpp",
    simulate=_simulate,
    priors=_priors,
    observe=Likelihood(_log_density),
    columns=(),
    kind="events",
    equations="intensity = quiet or quiet (1 + lift); quiet -> busy at rate up, busy -> quiet at rate down",
    units={"quiet": "1/time", "up": "1/time", "down": "1/time"},
    derived={"busy_rate": lambda theta: theta["quiet"] * (1 + theta["lift"])},
    source=SOURCE,
    origin="first",
)
