"""`Noise`: how an observation scatters around what the model says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from seedstock.core.errors import InputError

Floats = NDArray[np.float64]
Values = Mapping[str, Floats]
FAMILIES = ("normal", "lognormal", "poisson", "negative_binomial")
_TINY = 1e-9


@dataclass(frozen=True)
class Noise:
    """The likelihood of independent observations, given the model's states.

    Attributes
    ----------
    family : {"normal", "lognormal", "poisson", "negative_binomial"}
        normal: y ~ N(mean, s); lognormal: log y ~ N(log mean, s); negative binomial: variance mean + s mean².
    scale : mapping of str to str
        Observed column -> the parameter that is its s; not used by poisson.
    of : mapping of str to str
        Observed column -> the state that is its mean; a column that is not here is its own state.

    Examples
    --------
    >>> noise = Noise("normal", {"y": "sigma"})
    >>> states, theta = {"y": np.zeros((1, 1))}, {"sigma": np.ones(1)}
    >>> noise.log_density({"y": np.array([0.0])}, states, theta).round(4)
    array([-0.9189])
    """

    family: Literal["normal", "lognormal", "poisson", "negative_binomial"]
    scale: Mapping[str, str]
    of: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise InputError(f"a noise model must be one of {', '.join(FAMILIES)}, not {self.family!r}")

    @property
    def counts(self) -> bool:
        """Whether observations are whole numbers of 0 or more."""
        return self.family in ("poisson", "negative_binomial")

    def _mean(self, states: Values, column: str) -> Floats:
        return states[(self.of or {}).get(column, column)]

    def _scale(self, theta: Values, column: str) -> Floats:
        return theta[self.scale[column]][:, None] if column in self.scale else np.ones((1, 1))

    def check(self, data: Values) -> None:
        """Raise an `InputError` where the data cannot come from this noise: negative counts, say."""
        for column, y in data.items():
            seen = y[np.isfinite(y)]
            low = seen.min(initial=np.inf)
            row = int(np.flatnonzero(y == low)[0]) if len(seen) else 0
            if self.counts and low < 0:
                raise InputError(
                    f"counts must be 0 or more, and {column!r} is {low:g} in row {row}; mend or empty this cell"
                )
            if self.family == "lognormal" and low <= 0:
                raise InputError(
                    f"this model needs amounts above 0, and {column!r} is {low:g} in row {row}; mend or empty this cell"
                )
            if self.counts and (seen != np.round(seen)).any():
                odd = seen[seen != np.round(seen)][0]
                raise InputError(
                    f"this model needs whole counts, and {column!r} has {odd:g}; give the counts themselves"
                )

    def log_density(self, data: Values, states: Values, theta: Values) -> Floats:
        """Return the log likelihood of each parameter set, shape (m,); missing observations (NaN) say nothing.

        Parameters
        ----------
        data : mapping of str to ndarray, shape (T,)
        states : mapping of str to ndarray, shape (m, T)
        theta : mapping of str to ndarray, shape (m,)
        """
        total: Floats = np.zeros(1)
        for column, y in data.items():
            total = total + self.pointwise(y, states, theta, column).sum(axis=1)
        return total

    def pointwise(self, y: Floats, states: Values, theta: Values, column: str) -> Floats:
        """Return the log density of each observation, shape (m, T), 0 where it is missing, -inf for a broken state."""
        mean, s = self._mean(states, column), self._scale(theta, column)
        here = np.isfinite(y)
        y = np.where(here, y, 1.0)
        with np.errstate(all="ignore"):
            if self.family == "normal":
                out = -0.5 * ((y - mean) / s) ** 2 - np.log(s * np.sqrt(2 * np.pi))
            elif self.family == "lognormal":
                out = -0.5 * ((np.log(y) - np.log(mean)) / s) ** 2 - np.log(y * s * np.sqrt(2 * np.pi))
            elif self.family == "poisson":
                mean = np.maximum(mean, _TINY)
                out = special.xlogy(y, mean) - mean - special.gammaln(y + 1)
            else:
                mean, r = np.maximum(mean, _TINY), 1 / np.maximum(s, _TINY)
                out = (
                    special.gammaln(y + r) - special.gammaln(r) - special.gammaln(y + 1)
                    + special.xlogy(y, mean / (mean + r)) - r * np.log1p(mean / r)
                )  # fmt: skip
        out = np.where(here, out, 0.0)
        return np.where(np.isnan(out), -np.inf, out)

    def draw(
        self, columns: tuple[str, ...], states: Values, theta: Values, g: np.random.Generator
    ) -> dict[str, Floats]:
        """Draw observations of each parameter set, shape (m, T) a column; NaN where the state is."""
        out = {}
        for column in columns:
            mean, s = self._mean(states, column), self._scale(theta, column)
            broken = ~np.isfinite(mean)
            mean = np.where(broken, 1.0, mean)
            if self.family == "normal":
                y = mean + s * g.standard_normal(mean.shape)
            elif self.family == "lognormal":
                y = np.maximum(mean, 0) * np.exp(s * g.standard_normal(mean.shape))
            else:
                # NumPy's Poisson refuses rates near 2^63.
                rate = np.clip(mean, 0, 1e15)
                if self.family == "negative_binomial":
                    s = np.clip(s, _TINY, 1e9)
                    rate = np.minimum(rate * g.gamma(1 / s, s, mean.shape), 1e15)
                y = g.poisson(rate).astype(float)
            out[column] = np.where(broken, np.nan, y)
        return out

    def residuals(self, y: Floats, states: Values, theta: Values, column: str) -> Floats:
        """Return standardised residuals, shape (m, T): mean 0 and sd 1 where the model is right.

        `y` has shape (T,) or (m, T). NaN where the observation is missing.
        """
        mean, s = self._mean(states, column), self._scale(theta, column)
        with np.errstate(all="ignore"):
            if self.family == "normal":
                return np.asarray((y - mean) / s)
            if self.family == "lognormal":
                return np.asarray((np.log(y) - np.log(mean)) / s)
            mean = np.maximum(mean, _TINY)
            return np.asarray((y - mean) / np.sqrt(mean + (s * mean**2 if self.family == "negative_binomial" else 0)))
