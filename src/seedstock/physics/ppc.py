"""Predictive checks: whether data that the model makes look like the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from seedstock.core.rng import Rng
from seedstock.physics.model import Theta
from seedstock.physics.noise import Noise
from seedstock.physics.posterior import Posterior
from seedstock.physics.problem import Problem
from seedstock.physics.residuals import fitted_residuals

Floats = NDArray[np.float64]
Pairs = dict[str, tuple[Floats, Floats]]
_RESIDUAL_DRAWS = 3_000
_REPLICATES = 1_000
_MOST_CELLS = 50_000_000
_PART_CELLS = 1_000_000
_WINDOWS = (20, 60)
"""Parts of the time into which events are counted."""
_MANY_TIED = 0.05
"""Share of events with another's time above which a coarse clock does not excuse it."""
_SLOW = 4
"""Cosines over the rows that make a slow course: two humps and two dips at most."""


def posterior_p_values(posterior: Posterior, rng: Rng, n: int | None = None) -> dict[str, float]:
    """Return posterior predictive p-values of the default and the model's own statistics.

    Series with a noise model are compared by their standardised residuals: how large these are under the posterior,
    and what order is left in them after the fit (memory, the share of a slow course and of the strongest rhythm). All
    else is compared by statistics of the data.

    Notes
    -----
    Gelman, Meng and Stern (1996), section 2; p = 2 min(P(rep >= obs), P(rep <= obs)), at most 1; of the order that is
    left P(rep >= obs), for only more of it speaks against a model.
    """
    if n is None:
        # Residuals are cheap; whole replicates of events are not.
        residuals = isinstance(posterior.problem.model.observe, Noise)
        n = int(np.clip(_MOST_CELLS // _cells(posterior.problem), 400, _RESIDUAL_DRAWS)) if residuals else _REPLICATES
    g = rng.child("predictive").generator()
    out = _p_values(posterior.problem, posterior.thin(n, g), g)
    if isinstance(posterior.problem.model.observe, Noise):
        for column, (theirs, mine) in fitted_residuals(posterior, g, n).items():
            shapes, own = _shapes(theirs), _shapes(mine)
            out |= {_of(k, column, posterior.problem): _above(shapes[k], own[k]) for k in own}
    return out


def explained_share(posterior: Posterior, rng: Rng, n: int = 200) -> float | None:
    """Return the share of the variation that the mechanism explains, on the noise's scale; the least of all columns.

    Values are compared as they are (normal noise), by logarithms (lognormal) or by square roots (counts), with the
    median of the posterior's courses. None for models without a noise model, and where nothing varies.
    """
    problem = posterior.problem
    observe = problem.model.observe
    if not isinstance(observe, Noise):
        return None
    g = rng.child("explained").generator()
    with np.errstate(all="ignore"):
        states = problem.simulate(posterior.thin(n, g), g)
    least = 1.0
    for column, y in problem.series.values.items():
        state = np.nanmedian(states[(observe.of or {}).get(column, column)], axis=0)
        scale = {"normal": np.asarray, "lognormal": np.log}.get(observe.family, np.sqrt)
        here = np.isfinite(y)
        z, m = scale(y[here]), scale(np.maximum(state[here], 0.0 if observe.counts else -np.inf))
        if not np.ptp(z) > 0:
            return None
        least = min(least, 1 - float(((z - m) ** 2).sum() / ((z - z.mean()) ** 2).sum()))
    return least


def prior_p_values(problem: Problem, rng: Rng, n: int = 400) -> dict[str, float]:
    """Return the same for the prior: small where the prior does not expect such data."""
    g = rng.child("prior predictive").generator()
    theta = problem.theta(problem.draw_prior(n, g))
    return _tails(problem, theta, lambda some: _plain(problem, problem.replicate(some, g)))


def _p_values(problem: Problem, theta: Theta, g: np.random.Generator) -> dict[str, float]:
    return _tails(problem, theta, lambda some: _compared(problem, some, g))


def _tails(problem: Problem, theta: Theta, compare: Callable[[Theta], Pairs]) -> dict[str, float]:
    """Return p-values of pairs (replicates, observed), which are made for a few draws at a time."""
    size = max(1, _PART_CELLS // _cells(problem))
    parts: dict[str, list[tuple[Floats, Floats]]] = {}
    for k in range(0, len(next(iter(theta.values()))), size):
        for name, pair in compare({p: v[k : k + size] for p, v in theta.items()}).items():
            parts.setdefault(name, []).append(np.broadcast_arrays(*pair))  # type: ignore[arg-type]
    both = {name: [np.concatenate(side) for side in zip(*pairs, strict=True)] for name, pairs in parts.items()}
    return {name: _two_sided(rep, observed) for name, (rep, observed) in both.items()}


def _cells(problem: Problem) -> int:
    return max(1, len(problem.series) * max(1, len(problem.series.values)))


def _compared(problem: Problem, theta: Theta, g: np.random.Generator) -> Pairs:
    pairs: dict[str, tuple[Floats, Floats]] = {}
    with np.errstate(all="ignore"):
        observe = problem.model.observe
        if isinstance(observe, Noise):
            states = problem.simulate(theta, g)
            rep = problem.observations(states, theta, g)
            for column, y in problem.series.values.items():
                mine = _sizes(observe.residuals(y, states, theta, column))
                there = np.where(np.isfinite(y), rep[column], np.nan)
                theirs = _sizes(observe.residuals(there, states, theta, column))
                pairs |= {_of(k, column, problem): (theirs[k], mine[k]) for k in mine}
        else:
            rep = problem.replicate(theta, g)
            pairs |= _plain(problem, rep)
        pairs |= _own(problem, rep)
    return pairs


def _of(check: str, column: str, problem: Problem) -> str:
    return f"{check} of {column}" if len(problem.series.values) > 1 else check


def _two_sided(rep: Floats, observed: Floats) -> float:
    above = _above(rep, observed)
    return float(np.minimum(1.0, 2 * min(above, 1 - above)))


def _above(rep: Floats, observed: Floats) -> float:
    """Return how often replicates are above the observed value; equal ones count half, and never is not 0."""
    rep, observed = np.broadcast_arrays(rep, observed)
    good = np.isfinite(rep) & np.isfinite(observed)
    if not good.any():
        return float("nan")
    n = int(good.sum())
    above = float(((rep[good] > observed[good]) + 0.5 * (rep[good] == observed[good])).sum())
    return (above + 0.5) / (n + 1)


def _sizes(z: Floats) -> dict[str, Floats]:
    """Return how large residuals of shape (m, T) are, each of shape (m,)."""
    n = np.maximum(np.isfinite(z).sum(axis=1), 1)
    z = np.nan_to_num(z, posinf=np.inf, neginf=-np.inf)
    return {"size of residuals": (z**2).sum(axis=1) / n, "largest residual": np.abs(z).max(axis=1)}


def _shapes(z: Floats) -> dict[str, Floats]:
    """Return what order is left in residuals of shape (m, T), each of shape (m,), whatever their size."""
    here = np.isfinite(z)
    n = np.maximum(here.sum(axis=1), 1)
    z = np.where(here, z, 0.0)
    both = here[:, 1:] & here[:, :-1]
    centred = np.where(here, z - (z.sum(axis=1) / n)[:, None], 0.0)
    size = np.maximum((centred**2).sum(axis=1), 1e-300)
    # What a mechanism leaves is no course of its own: the lowest cosines of many are worth little.
    slow = fft.dct(centred, norm="ortho", axis=1)[:, 1 : 1 + _SLOW] ** 2
    # Fisher (1929): the share of the strongest rhythm, of a forgotten week or overtone, say.
    power = np.abs(np.fft.rfft(centred, axis=1)[:, 1:]) ** 2
    return {
        "memory of residuals": (centred[:, 1:] * centred[:, :-1] * both).sum(axis=1) / size,
        "course of residuals": slow.sum(axis=1) / size,
        "rhythm of residuals": power.max(axis=1, initial=0.0) / np.maximum(power.sum(axis=1), 1e-300),
    }


def _own(problem: Problem, rep: Mapping[str, Floats]) -> dict[str, tuple[Floats, Floats]]:
    if problem.model.statistics is None:
        return {}
    t = problem.elapsed()
    observed = {name: y[None] for name, y in problem.series.values.items()}
    if "time" in rep:
        observed["time"] = t[None]
    theirs = problem.model.statistics(t, rep, problem.controls)
    mine = problem.model.statistics(t, observed, problem.controls)
    return {name: (theirs[name], mine[name]) for name in mine}


def _plain(problem: Problem, rep: Mapping[str, Floats]) -> dict[str, tuple[Floats, Floats]]:
    """Return default statistics of the data: those of events, of records, or of values."""
    out: dict[str, tuple[Floats, Floats]] = {}
    t = problem.elapsed()
    if problem.model.kind == "events":
        theirs, mine = event_statistics(rep["time"], t[-1]), event_statistics(t[None], t[-1])
        out = {name: (theirs[name], mine[name]) for name in mine}
        if (tied := simultaneous(t[None])) > _MANY_TIED:
            out["simultaneous events"] = simultaneous(rep["time"]), tied
        return out
    for column, y in problem.series.values.items():
        if problem.model.kind == "records":
            continue
        there = np.where(np.isfinite(y), rep[column], np.nan)
        theirs, mine = _value_statistics(t, there), _value_statistics(t, y[None])
        out |= {_of(k, column, problem): (theirs[k], mine[k]) for k in mine}
    return out


def _value_statistics(t: Floats, y: Floats) -> dict[str, Floats]:
    broken = ~np.isfinite(y).any(axis=1)
    filled = np.where(np.isfinite(y), y, -np.inf)
    change = np.abs(np.diff(np.where(np.isfinite(y), y, 0.0), axis=1))
    out = {
        "mean": np.nanmean(np.where(broken[:, None], 0.0, y), axis=1),
        "largest": filled.max(axis=1),
        "time of the largest": t[np.argmax(filled, axis=1)],
        "mean change": change.mean(axis=1),
    }
    return {k: np.where(broken, np.nan, v) for k, v in out.items()}


def simultaneous(times: Floats) -> Floats:
    """Return which share of the events has the time of the one before, shape (m,), for times of shape (m, most).

    >>> simultaneous(np.array([[0.0, 1.0, 1.0, np.nan]]))
    array([0.5])
    """
    gaps = np.diff(times, axis=1)
    return np.asarray((gaps == 0).sum(axis=1) / np.maximum(np.isfinite(gaps).sum(axis=1), 1))


def event_statistics(times: Floats, window: float) -> dict[str, Floats]:
    """Return what tells arrival processes apart, each of shape (m,).

    Parameters
    ----------
    times : ndarray, shape (m, most)
        Ascending, NaN at the end.
    window : float
    """
    gaps = np.diff(times, axis=1)
    n = np.isfinite(gaps).sum(axis=1)
    some = np.maximum(n, 1)
    g0 = np.where(np.isfinite(gaps), gaps, 0.0)
    mean = g0.sum(axis=1) / some
    variance = (np.where(np.isfinite(gaps), (gaps - mean[:, None]) ** 2, 0.0)).sum(axis=1) / some
    logs = np.log(np.where(np.isfinite(gaps) & (gaps > 0), gaps, 1e-12 * window))
    centre = np.where(np.isfinite(gaps), logs, 0.0).sum(axis=1) / some
    dev = np.where(np.isfinite(gaps), logs - centre[:, None], 0.0)
    memory = (dev[:, 1:] * dev[:, :-1]).sum(axis=1) / np.maximum((dev**2).sum(axis=1), 1e-300)
    out = {"events": n.astype(float), "unevenness of gaps": np.sqrt(variance) / np.maximum(mean, 1e-300),
           "memory of gaps": memory}  # fmt: skip
    for parts in _WINDOWS:
        cell = np.clip(np.nan_to_num(times[:, 1:], nan=-1.0) / window * parts, -1, parts - 1e-9)
        row = np.arange(len(times))[:, None] * (parts + 1)
        index = np.where(np.isfinite(times[:, 1:]), np.floor(cell), parts).astype(np.int64) + row
        counts = np.bincount(index.ravel(), minlength=len(times) * (parts + 1)).reshape(len(times), -1)[:, :parts]
        spread = counts.var(axis=1) / np.maximum(counts.mean(axis=1), 1e-300)
        out[f"unevenness of counts in {parts} parts"] = spread
    return out
