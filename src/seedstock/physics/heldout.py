"""How well a model foresees what it has not seen, beside a statistical forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.physics.calibration import fit
from seedstock.physics.model import Likelihood
from seedstock.physics.posterior import Posterior
from seedstock.physics.problem import Problem
from seedstock.physics.scoring import crps, forecast, renewal_log_score

Floats = NDArray[np.float64]
SHARE = 0.2
_DRAWS = 500
_PARTS = 10
_MOST_CELLS = 20_000_000
CRPS = "negative CRPS, higher is better"
LOG = "log score, higher is better"


@dataclass(frozen=True)
class HeldOut:
    """The score on the held-out part; higher is better.

    Attributes
    ----------
    score : float
        Mean over the held-out observations.
    measure : str
    baseline : float or None
        The same of a statistical forecast: an autoregression, or a renewal process of gamma gaps.
    p_value : float or None
        How often the model, if it were right, would do as badly. None where it has no forecast to draw.
    n : int
        Held-out observations.
    """

    score: float
    measure: str
    baseline: float | None
    p_value: float | None
    n: int

    @property
    def skill(self) -> float:
        """The score above the baseline's, as a share of its size for CRPS."""
        if self.baseline is None:
            return self.score
        return (self.score - self.baseline) / (abs(self.baseline) + 1e-300 if self.measure == CRPS else 1.0)


def held_out_score(problem: Problem, rng: Rng, simulations: int = 10_000) -> HeldOut | None:
    """Calibrate on the first four fifths and score the rest; None where too little would be left to calibrate on.

    Of a curve over a controlled variable every fifth point is held out instead.
    """
    n = len(problem.series)
    later = np.zeros(n, bool)
    if problem.model.kind == "curve":
        later[2::5] = True
    else:
        later[n - max(1, round(SHARE * n)) :] = True
    train = problem.on(problem.series.take(~later))
    if len(train.series) < 3 or not later.any():
        return None
    try:
        posterior = fit([train], rng, "auto", simulations, effective=500)
    except InputError:
        return None
    if isinstance(problem.model.observe, Likelihood):
        return _log_score(problem, posterior, later)
    if problem.model.kind == "events":
        return _counts(problem, posterior, rng)
    return _crps(problem, posterior, later, rng)


def _crps(problem: Problem, posterior: Posterior, later: NDArray[np.bool_], rng: Rng) -> HeldOut | None:
    g = rng.child("forecast").generator()
    draws_each = int(np.clip(_MOST_CELLS // (2 * len(problem.series)), 100, _DRAWS))
    rep = problem.replicate(posterior.thin(2 * draws_each, g), g)
    mine, theirs, floor, count = 0.0, np.zeros(_DRAWS), 0.0, 0
    for column, y in problem.series.values.items():
        here = later & np.isfinite(y)
        draws = rep[column][:, here]
        draws = draws[np.isfinite(draws).all(axis=1)]
        if not here.any() or len(draws) < 50:
            continue
        half = len(draws) // 2
        mine += float(crps(draws, y[here]).sum())
        own = np.array([crps(draws[half:], z).sum() for z in draws[: min(half, _DRAWS)]])
        theirs = theirs[: len(own)] + own[: len(theirs)]
        steps = int(later.sum())
        plain = _plain_forecast(problem, column, later, steps, g)
        floor += float(crps(plain[:, here[later]], y[here]).sum())
        count += int(here.sum())
    if not count:
        return None
    p = float(((theirs >= mine).sum() + 1) / (len(theirs) + 1))
    return HeldOut(-mine / count, CRPS, -floor / count, p, count)


def _plain_forecast(
    problem: Problem, column: str, later: NDArray[np.bool_], steps: int, g: np.random.Generator
) -> Floats:
    y = problem.series.values[column]
    if problem.model.kind != "curve":
        return forecast(y[~later], steps, _DRAWS, g)
    # Of a curve the plain guess is the line between neighbours, with the scatter of neighbours.
    t, known = problem.series.t, ~later & np.isfinite(y)
    middle = np.interp(t[later], t[known], y[known])
    sd = float(np.std(np.diff(y[known], 2))) / np.sqrt(6) if known.sum() > 3 else float(np.std(y[known]))
    return np.asarray(middle + sd * g.standard_normal((_DRAWS, steps)))


def _log_score(problem: Problem, posterior: Posterior, later: NDArray[np.bool_]) -> HeldOut:
    theta = posterior.thin(_DRAWS, np.random.default_rng(0))
    gain = problem.log_likelihood(theta) - posterior.problem.log_likelihood(theta)
    n = int(later.sum())
    score = float(special.logsumexp(gain) - np.log(len(gain))) / n
    series = problem.series
    if problem.model.kind in ("events", "records"):
        gaps = np.diff(series.t)
        baseline = renewal_log_score(gaps[~later[1:]], gaps[later[1:]])
        if problem.model.kind == "records":
            for y in series.values.values():
                baseline += renewal_log_score(y[~later], y[later])
    else:
        baseline = _walk_log_score(series.values, later)
    return HeldOut(score, LOG, baseline, None, n)


def _walk_log_score(values: Mapping[str, Floats], later: NDArray[np.bool_]) -> float:
    total, n = 0.0, 0
    for y in values.values():
        step = np.diff(y)
        known, new = step[~later[1:]], step[later[1:]]
        known, new = known[np.isfinite(known)], new[np.isfinite(new)]
        if len(known) > 1 and known.std() > 0 and len(new):
            total += float(stats.norm.logpdf(new, known.mean(), known.std(ddof=1)).sum())
            n += len(new)
    return total / max(n, 1)


def _counts(problem: Problem, posterior: Posterior, rng: Rng) -> HeldOut:
    """Score counts of events in ten parts of the last fifth of the time."""
    g = rng.child("forecast").generator()
    t = problem.elapsed()
    edges = np.linspace((1 - SHARE) * t[-1], t[-1], _PARTS + 1)
    y = np.histogram(t, edges)[0].astype(float)
    times = problem.replicate(posterior.thin(_DRAWS, g), g)["time"]
    draws = np.stack([np.histogram(row[np.isfinite(row)], edges)[0] for row in times]).astype(float)
    rate = (t < edges[0]).sum() / edges[0] * np.diff(edges)
    plain = g.poisson(rate, (_DRAWS, _PARTS)).astype(float)
    half = len(draws) // 2
    mine = float(crps(draws, y).sum())
    own = np.array([crps(draws[half:], z).sum() for z in draws[:half]])
    p = float(((own >= mine).sum() + 1) / (len(own) + 1))
    return HeldOut(-mine / _PARTS, CRPS, -float(crps(plain, y).mean()), p, _PARTS)
