"""`calibrate`: parameters from data, by the best method that the model allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.physics import mcmc
from seedstock.physics.model import Controls, PhysicalModel
from seedstock.physics.noise import Noise
from seedstock.physics.optimise import Mode, maximise
from seedstock.physics.posterior import Posterior
from seedstock.physics.problem import Problem
from seedstock.physics.series import Series, as_data, series_of

Floats = NDArray[np.float64]
Method = Literal["auto", "mcmc", "smc-abc", "npe"]
_STARTS = 2_000
_ENSEMBLES = 4
_KEEP = 8_000
_UNTOLD = 0.2
"""Contraction below which a parameter counts as not told by the data."""
_EDGE = 1e-4


def calibrate(
    model: PhysicalModel,
    data: Dataset | Series,
    rng: Rng,
    *,
    method: Method = "auto",
    controls: Controls | None = None,
    columns: Mapping[str, str] | None = None,
    time: str | None = None,
    simulations: int = 10_000,
    effective: float = 2_000,
) -> Posterior:
    """Find the parameter sets under which a model could have given the data.

    With a likelihood: differential evolution from 2,000 draws of the prior, Newton steps, and an ensemble sampler that
    starts around the mode. Without: sequential Monte Carlo ABC with learned summaries, or neural posterior estimation
    (``method="npe"``, needs the extra ``sbi``).

    Parameters
    ----------
    model : PhysicalModel
    data : Dataset or Series
        A table with a time column, or a series.
    rng : Rng
    method : {"auto", "mcmc", "smc-abc", "npe"}
    controls : mapping or None
        Settings of the experiment, over the model's defaults.
    columns : mapping or None
        Model's column -> data's column, where the names do not tell. Otherwise every way is tried, and the one
        with the highest posterior mode is taken.
    time : str or None
        The time column.
    simulations : int
        Budget of the methods without a likelihood.
    effective : float
        Effective sample size at which the sampler stops.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError
        For data that the model cannot give, too few observations (which parameters stay unknown is said), and priors
        that exclude the data.

    Examples
    --------
    >>> from seedstock.physics import load_model
    >>> t = np.arange(8.0)
    >>> fit = calibrate(load_model("decay"), Series(t, {"amount": 100 * np.exp(-0.3 * t)}), Rng(1), effective=200)
    >>> fit.method, bool(abs(fit.summary()["rate"]["mean"] - 0.3) < 0.01)
    ('mcmc', True)
    """
    return fit(bind(model, data, controls, columns, time), rng, method, simulations, effective)


def fit(
    problems: list[Problem], rng: Rng, method: Method = "auto", simulations: int = 10_000, effective: float = 2_000
) -> Posterior:
    """Calibrate the one of several readings of the data that has the highest posterior mode; see `calibrate`."""
    name = problems[0].model.name
    if method == "auto":
        method = "mcmc" if problems[0].has_likelihood else "smc-abc"
    if method == "mcmc":
        if not problems[0].has_likelihood:
            raise InputError(f"the model {name!r} has no likelihood; choose the method smc-abc or npe")
        return _by_mcmc(problems, rng, effective)
    if method == "smc-abc":
        from seedstock.physics.abc import smc_abc

        return smc_abc(problems[0], rng, simulations)
    if method == "npe":
        from seedstock.physics.neural import npe

        return npe(problems[0], rng, simulations)
    raise InputError(f"the method must be auto, mcmc, smc-abc or npe, not {method!r}")


def bind(
    model: PhysicalModel,
    data: Dataset | Series,
    controls: Controls | None = None,
    columns: Mapping[str, str] | None = None,
    time: str | None = None,
    strict: bool = True,
) -> list[Problem]:
    """Return the problems that the data may pose to the model: one for each way to read the columns' names."""
    data = as_data(data)
    if isinstance(data, Dataset):
        data = series_of(data, _free_variable(model, data, time), model.kind != "curve")
    return [Problem.of(model, s, controls, strict) for s in model.bindings(data, columns)]


def _free_variable(model: PhysicalModel, data: Dataset, time: str | None) -> str | None:
    if time is not None or model.kind != "curve":
        return time
    from seedstock.physics.series import time_column

    words = model.aliases.get("x", ())
    for column in data.columns.of_kind("number"):
        if any(word in column.lower() for word in words):
            return column
    try:
        return time_column(data)
    except InputError:
        numbers = data.columns.of_kind("number")
        if not numbers:
            raise
        return numbers[0]


def find_mode(problem: Problem, rng: Rng) -> Mode:
    """Return the posterior's mode in the real space; an `InputError` where the prior excludes the data."""
    g = rng.child("mode").generator()
    starts = problem.to_free(problem.draw_prior(_STARTS, g))
    starts = starts[np.isfinite(starts).all(axis=1)]
    if not np.isfinite(problem.log_density(starts[:_STARTS])).any():
        _refuse(problem, g)
    return maximise(problem.log_density, starts, g)


def _refuse(problem: Problem, g: np.random.Generator) -> NoReturn:
    """Say why no draw of the prior can give the data."""
    x = problem.draw_prior(_STARTS, g)
    broken = False
    if isinstance(problem.model.observe, Noise):
        with np.errstate(all="ignore"):
            states = problem.simulate(problem.theta(x[:200]), g)
        broken = not any(np.isfinite(values).any() for values in states.values())
    low, high = x.min(axis=0), x.max(axis=0)
    ranges = ", ".join(f"{n} {a:.3g} to {b:.3g}" for n, a, b in zip(problem.names, low, high, strict=True))
    known = "".join(f", or what is known ({n} {v:g})" for n, v in problem.fixed.items())
    why = ", for its simulator gives no finite value there; mend it, or" if broken else ";"
    raise InputError(
        f"the priors of {problem.model.name!r} exclude the data: none of {_STARTS:,} draws ({ranges}) can give "
        f"them{why} widen the priors{known}"
    )


def _by_mcmc(problems: list[Problem], rng: Rng, effective: float) -> Posterior:
    modes = [find_mode(problem, rng) for problem in problems]
    best = int(np.argmax([mode.value for mode in modes]))
    problem, mode = problems[best], modes[best]
    _enough(problem, mode)
    p = len(problem.names)
    walkers = max(32, 4 * p + 4 * p % 2)
    g = rng.child("walkers").generator()
    start = _around(problem, mode, _ENSEMBLES * walkers, g).reshape(_ENSEMBLES, walkers, p)
    chain = mcmc.sample(problem.log_density, start, rng.child("walk").generator(), effective)
    x, _ = problem.from_free(chain.flat())
    every = g.permutation(len(x))[:_KEEP]
    diagnostics: dict[str, Any] = {
        "rhat": dict(zip(problem.names, map(float, chain.rhat), strict=True)),
        "ess": dict(zip(problem.names, map(float, chain.ess), strict=True)),
        "acceptance": chain.acceptance,
        "steps": chain.steps,
        "walkers": _ENSEMBLES * walkers,
        "log_posterior_at_mode": mode.value,
    }
    out = Posterior(problem, x[every], "mcmc", diagnostics)
    return Posterior(problem, out.draws, "mcmc", diagnostics, (*_converged(chain), *remarks(out)))


def _around(problem: Problem, mode: Mode, n: int, g: np.random.Generator) -> Floats:
    """Draw n points of finite density from a Student distribution (5 degrees) around the mode."""
    root = np.linalg.cholesky(mode.covariance + 1e-12 * np.eye(len(mode.at)))
    out = np.repeat(mode.at[None], n, axis=0)
    todo = np.arange(n)
    for k in range(20):
        tail = np.sqrt(5 / g.chisquare(5, len(todo)))[:, None]
        new = mode.at + 0.7**k * tail * (g.standard_normal((len(todo), len(mode.at))) @ root.T)
        # Points that are hopelessly low would take the whole burn-in to come back.
        good = problem.log_density(new) > mode.value - 3 * len(mode.at) - 10
        out[todo[good]] = new[good]
        todo = todo[~good]
        if not len(todo):
            break
    return out


def _enough(problem: Problem, mode: Mode) -> None:
    n, p = problem.series.observed(), len(problem.names)
    if n >= p:
        return
    prior = problem.to_free(problem.draw_prior(2_000, np.random.default_rng(0))).var(axis=0)
    told = 1 - np.diag(mode.covariance) / prior
    untold = [name for name, c in zip(problem.names, told, strict=True) if c < 0.5] or problem.names
    raise InputError(
        f"{n} observations cannot tell the {p} parameters of {problem.model.name!r} apart ({', '.join(untold)} stay "
        f"unknown); bring {p - n} more observations, or fix some parameters"
    )


def _converged(chain: mcmc.Chain) -> list[str]:
    if chain.rhat.max() < 1.01:
        return []
    return [
        f"the sampler did not converge (R-hat {chain.rhat.max():.3f} after {chain.steps:,} steps); do not rely on it"
    ]


def remarks(posterior: Posterior) -> list[str]:
    """Return what a reader must know: untold parameters, simultaneous events, priors far from the posterior."""
    out = []
    untold = [name for name, c in posterior.contraction().items() if c < _UNTOLD]
    if untold:
        out.append(f"the data say little about {', '.join(untold)}: there the prior decides")
    problem = posterior.problem
    if problem.model.kind == "events" and (tied := int((np.diff(problem.series.t) == 0).sum())):
        out.append(
            f"{tied} of {len(problem.series)} events have the time of the one before, and separate events come one by "
            f"one; give finer stamps"
        )
    ratios = problem.ratios(posterior.draws)
    for i, (name, prior) in enumerate(problem.priors.items()):
        median = float(np.median(ratios[:, i]))
        tail = min(float(prior.cdf(np.array(median))), 1 - float(prior.cdf(np.array(median))))
        if tail < _EDGE:
            name = f"{name} / {prior.of}" if prior.of else name
            out.append(f"the prior of {name} is at odds with the data: only {tail:.1g} of it lies beyond {median:.3g}")
    return out
