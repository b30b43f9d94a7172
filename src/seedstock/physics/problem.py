"""`Problem`: one model on one series, as a density over the real space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError, SeedstockError
from seedstock.physics.model import Controls, Likelihood, PhysicalModel, States, Summaries, Theta
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series

Floats = NDArray[np.float64]
_BATCH_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class Problem:
    """A model bound to data: priors, constants, and elapsed times.

    Attributes
    ----------
    model : PhysicalModel
    series : Series
        Observations under the model's column names.
    controls : mapping
    priors : mapping of str to Prior
        The p unknown parameters, in order.
    fixed : mapping of str to float
        The known ones.
    """

    model: PhysicalModel
    series: Series
    controls: Controls
    priors: Mapping[str, Prior]
    fixed: Mapping[str, float]

    @classmethod
    def of(cls, model: PhysicalModel, series: Series, controls: Controls | None = None, strict: bool = True) -> Problem:
        """Bind a model to a series under its column names; where it is not strict, unknown controls are ignored.

        Raises
        ------
        InputError
            For controls that the model does not have, and data that its noise cannot give.

        Notes
        -----
        A control with a parameter's name makes this parameter known.
        """
        every = {**model.controls, **(controls or {})}
        if isinstance(model.observe, Noise):
            model.observe.check(series.values)
        if model.kind == "curve":
            order = np.argsort(series.t, kind="stable")
            series = replace(series, t=series.t[order], values={k: v[order] for k, v in series.values.items()})
        else:
            series.check_order()
        try:
            priors = dict(model.priors(series, every) if callable(model.priors) else model.priors)
        except (TypeError, ValueError) as error:
            words = ", ".join(f"{k}={v!r}" for k, v in (controls or {}).items())
            raise InputError(f"the model {model.name!r} makes no priors with the controls {words}: {error}") from None
        for name, value in (controls or {}).items():
            if isinstance(value, float) and np.isnan(value):
                raise InputError(f"the control {name!r} must be a number, not NaN; leave it out where it is unknown")
            if name in priors and value is not None:
                priors[name] = _known(name, value, priors[name])
            elif strict and name not in model.controls:
                known = ", ".join({**model.controls, **priors}) or "none"
                raise InputError(f"the model {model.name!r} has no control {name!r}; it has {known}")
        for name, prior in priors.items():
            base = priors.get(prior.of) if isinstance(prior, Prior) and prior.of else 1.0
            if base is None or (isinstance(base, Prior) and base.of):
                raise InputError(f"the prior of {name!r} must be a multiple of a parameter that is no multiple itself")
        scales = set(model.observe.scale.values()) if isinstance(model.observe, Noise) else set()
        if lacking := sorted(scales - set(priors)):
            raise InputError(f"the noise of {model.name!r} needs a prior for {', '.join(lacking)}")
        return cls(
            model,
            series,
            every,
            {k: p for k, p in priors.items() if isinstance(p, Prior)},
            {k: float(p) for k, p in priors.items() if not isinstance(p, Prior)},
        )

    @property
    def names(self) -> list[str]:
        """Return the unknown parameters' names."""
        return list(self.priors)

    @property
    def has_likelihood(self) -> bool:
        return not isinstance(self.model.observe, Summaries)

    @property
    def start(self) -> float:
        """The time that `simulate` calls 0."""
        return float(self.series.t[0]) if self.model.origin == "first" else 0.0

    def elapsed(self, t: Floats | None = None) -> Floats:
        """Return times as the model's clock shows them."""
        return np.asarray((self.series.t if t is None else t) - self.start, float)

    def theta(self, x: Floats) -> dict[str, Floats]:
        """Return parameter sets, shape (m, p), by name, the known ones included."""
        known = {k: np.full(len(x), v) for k, v in self.fixed.items()}
        return {**{name: x[:, i] for i, name in enumerate(self.priors)}, **known}

    def from_free(self, u: Floats) -> tuple[Floats, Floats]:
        """Map points of the real space, shape (m, p), to parameters; and the log prior there with its Jacobian."""
        x = np.empty_like(u)
        log_prior = np.zeros(len(u))
        for i, prior in enumerate(self.priors.values()):
            x[:, i], jacobian = prior.from_free(u[:, i])
            log_prior = log_prior + prior.log_density(x[:, i]) + jacobian
        return x * self._units(x), log_prior

    def to_free(self, x: Floats) -> Floats:
        """Map parameters, shape (m, p), to the real space."""
        ratios = self.ratios(x)
        return np.stack([prior.to_free(ratios[:, i]) for i, prior in enumerate(self.priors.values())], axis=1)

    def ratios(self, x: Floats) -> Floats:
        """Return parameters, shape (m, p), as their priors describe them: some as multiples of others."""
        return np.asarray(x / self._units(x))

    def _units(self, x: Floats) -> Floats:
        out = np.ones_like(x)
        for i, prior in enumerate(self.priors.values()):
            if prior.of:
                out[:, i] = x[:, self.names.index(prior.of)] if prior.of in self.priors else self.fixed[prior.of]
        return out

    def draw_prior(self, n: int, g: np.random.Generator) -> Floats:
        """Draw n parameter sets from the prior, shape (n, p)."""
        x = np.stack([prior.sample(n, g) for prior in self.priors.values()], axis=1).reshape(n, len(self.priors))
        return x * self._units(x)

    def simulate(self, theta: Theta, g: np.random.Generator, t: Floats | None = None, **controls: object) -> States:
        """Run the model at times t (by default the data's); checks the shapes of what comes back."""
        found = self._run(theta, self.elapsed(t), g, {**self.controls, **controls})
        m = len(next(iter(theta.values())))
        steps = len(self.series.t if t is None else t)
        states = {name: np.asarray(values, float) for name, values in found.items()}
        for name, values in states.items():
            good = values.ndim == 2 and values.shape[0] == m
            if not good or (values.shape[1] != steps and self.model.kind in ("series", "curve")):
                raise InputError(
                    f"the simulator of {self.model.name!r} must return {name!r} of shape ({m}, {steps}), not "
                    f"{values.shape}"
                )
        return states

    def _run(self, theta: Theta, t: Floats, g: np.random.Generator, controls: Controls) -> States:
        """Run the user's function, whose faults are the user's: they are told in one line."""
        name, observe = self.model.name, self.model.observe
        try:
            found = self.model.simulate(theta, t, g, controls)
        except SeedstockError:
            raise
        except Exception as error:
            raise InputError(
                f"the simulator of {name!r} raised {type(error).__name__}: {error}; mend it, or let "
                f"Simulator.of_function run it for one parameter set at a time, and count crashes"
            ) from error
        if not isinstance(found, Mapping):
            raise InputError(f"the simulator of {name!r} must return a mapping of names to arrays, not {found!r:.60}")
        of = (observe.of or {}) if isinstance(observe, Noise) else {}
        need = ("time",) if self.model.kind == "events" else (of.get(c, c) for c in self.model.columns)
        if lacking := [c for c in need if c not in found]:
            have = ", ".join(map(repr, found)) or "nothing"
            raise InputError(f"the simulator of {name!r} must return {lacking[0]!r}, and it returns {have}")
        return found

    def log_likelihood(self, theta: Theta) -> Floats:
        """Return the log likelihood of parameter sets, shape (m,); -inf where the model breaks down."""
        m, size = len(next(iter(theta.values()))), self._batch
        if m > size:
            some = [{k: v[i : i + size] for k, v in theta.items()} for i in range(0, m, size)]
            return np.concatenate([self.log_likelihood(part) for part in some])
        observe = self.model.observe
        if isinstance(observe, Noise):
            # A model with a noise likelihood is deterministic: its simulate takes no random number.
            states = self.simulate(theta, np.random.default_rng(0))
            out = observe.log_density(self.series.values, states, theta)
        elif isinstance(observe, Likelihood):
            out = observe.log_density(replace(self.series, t=self.elapsed()), theta, self.controls)
        else:
            raise TypeError(f"{self.model.name} has no likelihood")
        return np.where(np.isnan(out), -np.inf, out)

    @property
    def _batch(self) -> int:
        return max(1, _BATCH_CELLS // max(1, len(self.series) * max(1, len(self.model.columns))))

    def log_density(self, u: Floats) -> Floats:
        """Return the log posterior density in the real space, shape (m,), up to a constant."""
        x, out = self.from_free(u)
        out = np.where(np.isnan(out), -np.inf, out)
        here = np.flatnonzero(np.isfinite(out) & np.isfinite(x).all(axis=1))
        result = np.full(len(u), -np.inf)
        if len(here):
            with np.errstate(all="ignore"):
                result[here] = out[here] + self.log_likelihood(self.theta(x[here]))
        return result

    def observations(self, states: States, theta: Theta, g: np.random.Generator) -> dict[str, Floats]:
        """Return observations, shape (m, T) a column, that states give; for events under the name ``time``."""
        observe = self.model.observe
        if isinstance(observe, Noise):
            return observe.draw(self.model.columns, states, theta, g)
        if self.model.kind == "events":
            return {"time": states["time"]}
        out = {name: states[name] for name in self.model.columns}
        return {"time": states["time"], **out} if self.model.kind == "records" else out

    def replicate(self, theta: Theta, g: np.random.Generator, t: Floats | None = None) -> dict[str, Floats]:
        """Draw data sets like the one observed, one for each parameter set."""
        with np.errstate(all="ignore"):
            return self.observations(self.simulate(theta, g, t), theta, g)

    def on(self, series: Series) -> Problem:
        """Return the same problem, priors included, on other observations."""
        return replace(self, series=series)


def _known(name: str, value: object, prior: Prior | float) -> float:
    """Return the known value of a parameter, which its prior must allow."""
    try:
        out = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"the known value of {name!r} must be a number, not {value!r}") from None
    if isinstance(prior, Prior) and not np.isfinite(prior.log_density(np.array(out))):
        low, high = prior.support
        raise InputError(f"the known value of {name!r} must lie between {low:g} and {high:g}, not at {out:g}")
    return out
