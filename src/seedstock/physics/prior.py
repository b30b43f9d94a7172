"""`Prior`: what is believed of one parameter before the data, and its way to the whole real line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from seedstock.core.errors import InputError

Floats = NDArray[np.float64]
Family = Literal["normal", "lognormal", "uniform", "exponential", "beta"]


@dataclass(frozen=True)
class Prior:
    """The prior distribution of one parameter.

    Make one with `normal`, `lognormal`, `uniform`, `exponential` or `beta`.

    Attributes
    ----------
    family : str
    a, b : float
        normal: mean, sd; lognormal: median, sd of the logarithm; uniform: low, high; exponential: mean, unused;
        beta: the two shapes.
    lower, upper : float
        The support; a normal is truncated to it.
    of : str
        Another parameter, of which the value is a multiple: then all else describes the ratio of the two; see `times`.

    Examples
    --------
    >>> Prior.normal(1, 0.5, lower=0).support
    (0.0, inf)
    >>> float(Prior.uniform(0, 4).log_density(np.array(1.0)).round(4))
    -1.3863
    """

    family: Family
    a: float
    b: float
    lower: float = -np.inf
    upper: float = np.inf
    of: str = ""

    def __post_init__(self) -> None:
        if not (np.isfinite(self.a) and np.isfinite(self.b)):
            raise InputError(f"a prior's numbers must be finite, not {self.a} and {self.b}")
        if not self.lower < self.upper:
            raise InputError(f"a prior's lower bound must be below its upper one, not {self.lower} and {self.upper}")
        if self.family != "uniform" and self.b <= 0:
            raise InputError(f"the spread of a {self.family} prior must be above 0, not {self.b}")
        if self.family in ("lognormal", "exponential", "beta") and self.a <= 0:
            raise InputError(f"the first number of a {self.family} prior must be above 0, not {self.a}")

    @classmethod
    def normal(cls, mean: float, sd: float, lower: float = -np.inf, upper: float = np.inf) -> Prior:
        """Normal, truncated to [lower, upper]."""
        return cls("normal", float(mean), float(sd), float(lower), float(upper))

    @classmethod
    def lognormal(cls, median: float, sigma: float) -> Prior:
        """Lognormal: the logarithm has mean log(median) and sd sigma."""
        return cls("lognormal", float(median), float(sigma), 0.0)

    @classmethod
    def uniform(cls, low: float, high: float) -> Prior:
        """Equal density between two bounds."""
        return cls("uniform", float(low), float(high), float(low), float(high))

    @classmethod
    def exponential(cls, mean: float) -> Prior:
        """Exponential with this mean."""
        return cls("exponential", float(mean), 1.0, 0.0)

    @classmethod
    def beta(cls, a: float, b: float) -> Prior:
        """Beta on (0, 1)."""
        return cls("beta", float(a), float(b), 0.0, 1.0)

    def times(self, parameter: str) -> Prior:
        """Return the prior of a parameter whose ratio to another one is distributed like this.

        >>> Prior.lognormal(2.5, 0.7).times("gamma").of
        'gamma'
        """
        return replace(self, of=parameter)

    @property
    def support(self) -> tuple[float, float]:
        """The lowest and the highest possible value."""
        return self.lower, self.upper

    def _frozen(self) -> Any:
        if self.family == "normal":
            return stats.truncnorm(
                (self.lower - self.a) / self.b, (self.upper - self.a) / self.b, loc=self.a, scale=self.b
            )
        if self.family == "lognormal":
            return stats.lognorm(self.b, scale=self.a)
        if self.family == "uniform":
            return stats.uniform(self.a, self.b - self.a)
        if self.family == "exponential":
            return stats.expon(scale=self.a)
        return stats.beta(self.a, self.b)

    def log_density(self, x: Floats) -> Floats:
        """Return the log density, up to no constant; -inf outside the support. Any shape."""
        x = np.asarray(x, float)
        with np.errstate(all="ignore"):
            if self.family == "normal":
                # SciPy's truncated normal is slow; the constant is the mass inside the bounds.
                low, high = (self.lower - self.a) / self.b, (self.upper - self.a) / self.b
                mass = special.ndtr(high) - special.ndtr(low)
                out = -0.5 * ((x - self.a) / self.b) ** 2 - np.log(self.b * np.sqrt(2 * np.pi) * mass)
            elif self.family == "lognormal":
                z = np.log(x / self.a) / self.b
                out = -0.5 * z**2 - np.log(x * self.b * np.sqrt(2 * np.pi))
            elif self.family == "uniform":
                out = np.full(x.shape, -np.log(self.b - self.a))
            elif self.family == "exponential":
                out = -x / self.a - np.log(self.a)
            else:
                out = special.xlogy(self.a - 1, x) + special.xlog1py(self.b - 1, -x) - special.betaln(self.a, self.b)
            inside = (x >= self.lower) & (x <= self.upper)
        return np.where(inside, out, -np.inf)

    def sample(self, n: int, g: np.random.Generator) -> Floats:
        """Draw n values, shape (n,)."""
        return np.asarray(self.quantile(g.random(n)), float)

    def quantile(self, p: Floats) -> Floats:
        """Return quantiles at probabilities p."""
        return np.asarray(self._frozen().ppf(p), float)

    def cdf(self, x: Floats) -> Floats:
        """Return the probability of a value of at most x."""
        return np.asarray(self._frozen().cdf(x), float)

    def to_free(self, x: Floats) -> Floats:
        """Map the support to the real line: x, log(x - lower), log(upper - x) or a logit."""
        low, high = self.support
        with np.errstate(all="ignore"):
            if np.isfinite(low) and np.isfinite(high):
                u = (x - low) / (high - low)
                return np.asarray(np.log(u) - np.log1p(-u))
            if np.isfinite(low):
                return np.asarray(np.log(x - low))
            if np.isfinite(high):
                return np.asarray(-np.log(high - x))
        return np.asarray(x, float)

    def from_free(self, u: Floats) -> tuple[Floats, Floats]:
        """Map the real line to the support; returns the values and log |dx/du|."""
        low, high = self.support
        with np.errstate(all="ignore"):
            if np.isfinite(low) and np.isfinite(high):
                s = special.expit(u)
                jacobian = np.log(high - low) + special.log_expit(u) + special.log_expit(-u)
                return low + (high - low) * s, jacobian
            if np.isfinite(low):
                return low + np.exp(u), u
            if np.isfinite(high):
                return high - np.exp(-u), -u
        return u, np.zeros_like(u)
