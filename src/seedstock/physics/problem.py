"""`Problem`: one model on one series, as a density over the real space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
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
        priors = dict(model.priors(series, every) if callable(model.priors) else model.priors)
        for name, value in (controls or {}).items():
            if name in priors and value is not None:
                priors[name] = float(value)
            elif strict and name not in model.controls:
                known = ", ".join({**model.controls, **priors}) or "none"
                raise InputError(f"the model {model.name!r} has no control {name!r}; it has {known}")
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
        return x, log_prior

    def to_free(self, x: Floats) -> Floats:
        """Map parameters, shape (m, p), to the real space."""
        return np.stack([prior.to_free(x[:, i]) for i, prior in enumerate(self.priors.values())], axis=1)

    def draw_prior(self, n: int, g: np.random.Generator) -> Floats:
        """Draw n parameter sets from the prior, shape (n, p)."""
        return np.stack([prior.sample(n, g) for prior in self.priors.values()], axis=1).reshape(n, len(self.priors))

    def simulate(self, theta: Theta, g: np.random.Generator, t: Floats | None = None, **controls: object) -> States:
        """Run the model at times t (by default the data's); checks the shapes of what comes back."""
        states = self.model.simulate(theta, self.elapsed(t), g, {**self.controls, **controls})
        m = len(next(iter(theta.values())))
        steps = len(self.series.t if t is None else t)
        for name, values in states.items():
            good = values.ndim == 2 and values.shape[0] == m
            if not good or (values.shape[1] != steps and self.model.kind in ("series", "curve")):
                raise InputError(
                    f"the simulator of {self.model.name!r} must return {name!r} of shape ({m}, {steps}), not "
                    f"{values.shape}"
                )
        return states

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
