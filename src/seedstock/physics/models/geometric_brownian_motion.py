"""A price whose relative changes are normal and independent.

    d price = drift price dt + volatility price dW

drift in 1/time, volatility in 1/sqrt(time). log price(t + h) - log price(t) is normal with mean
(drift - volatility²/2) h and variance volatility² h, exactly. The first price is given.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from seedstock.core.errors import InputError
from seedstock.physics.model import Controls, Floats, Likelihood, PhysicalModel, States, Theta
from seedstock.physics.models._scales import first, span
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series


def _simulate(theta: Theta, t: Floats, rng: np.random.Generator, controls: Controls) -> States:
    drift, volatility = theta["drift"][:, None], theta["volatility"][:, None]
    h = np.diff(t, prepend=0.0)
    steps = (drift - volatility**2 / 2) * h + volatility * np.sqrt(h) * rng.standard_normal((len(drift), len(t)))
    return {"price": theta["start"][:, None] * np.exp(np.cumsum(steps, axis=1))}


def _log_density(series: Series, theta: Theta, controls: Controls) -> Floats:
    y = series.values["price"]
    here = np.isfinite(y)
    if (y[here] <= 0).any():
        raise InputError(f"prices must be above 0, and {series.names.get('price', 'price')!r} has {y[here].min():g}")
    change, h, after = np.diff(np.log(y[here])), np.diff(series.t[here]), np.log(y[here])[1:]
    change, after, h = change[h > 0], after[h > 0], h[h > 0]
    drift, volatility = theta["drift"][:, None], theta["volatility"][:, None]
    sd = volatility * np.sqrt(h)
    z = (change - (drift - volatility**2 / 2) * h) / sd
    # The density is that of the price, not of its logarithm.
    return np.asarray((-0.5 * z**2 - np.log(sd * np.sqrt(2 * np.pi)) - after).sum(axis=1))


def _statistics(t: Floats, values: States, controls: Controls) -> Mapping[str, Floats]:
    """Return what normal and independent changes fix: their tails, and their memory."""
    with np.errstate(all="ignore"):
        change = np.diff(np.log(values["price"]), axis=1) / np.sqrt(np.maximum(np.diff(t), 1e-300))
    z = change - np.nanmean(change, axis=1, keepdims=True)
    sd = np.sqrt(np.nanmean(z**2, axis=1, keepdims=True)) + 1e-300
    z = np.nan_to_num(z / sd)
    size = np.abs(z) - np.abs(z).mean(axis=1, keepdims=True)
    return {
        "kurtosis of changes": (z**4).mean(axis=1),
        "memory of changes": (z[:, 1:] * z[:, :-1]).mean(axis=1),
        "memory of their sizes": (size[:, 1:] * size[:, :-1]).mean(axis=1) / ((size**2).mean(axis=1) + 1e-300),
    }


def _priors(series: Series, controls: Controls) -> Mapping[str, Prior | float]:
    y = series.values["price"]
    with np.errstate(all="ignore"):
        change = np.diff(np.log(y[np.isfinite(y)]))
    gap = span(series) / max(len(y) - 1, 1)
    typical = float(np.nanstd(change)) / np.sqrt(gap) if len(change) and np.isfinite(change).all() else 1.0
    typical = typical or 1e-6
    return {
        "drift": Prior.normal(0, 5 * typical / np.sqrt(span(series)) + 5 * typical**2),
        "volatility": Prior.lognormal(typical, 1),
        "start": first(y) or 1.0,
    }


SOURCE = "Samuelson (1965), Rational theory of warrant pricing; Black and Scholes (1973), equation 1."
MODEL = PhysicalModel(
    name="geometric_brownian_motion",
    simulate=_simulate,
    priors=_priors,
    observe=Likelihood(_log_density),
    columns=("price",),
    statistics=_statistics,
    aliases={"price": ("close", "value", "quote", "index")},
    equations="d price = drift price dt + volatility price dW",
    units={"drift": "1/time", "volatility": "1/sqrt(time)"},
    source=SOURCE,
    origin="first",
)
