"""`Posterior`: what is known of a model's parameters after the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.physics.problem import Problem

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of the parameters, and how they were made.

    Attributes
    ----------
    problem : Problem
    draws : ndarray, shape (n, p)
        Of equal weight.
    method : str
        ``mcmc``, ``smc-abc`` or ``npe``.
    diagnostics : mapping
        JSON values: R-hat and effective sizes, acceptance, simulations, rejected simulations by their cause.
    notes : tuple of str
        What a reader must know: parameters that the data do not tell, priors at odds with the data.
    """

    problem: Problem
    draws: Floats
    method: str
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The parameters' names."""
        return self.problem.names

    def theta(self, rows: NDArray[np.integer[Any]] | slice = slice(None)) -> dict[str, Floats]:
        """Return draws by name, the known parameters included."""
        return self.problem.theta(self.draws[rows])

    def thin(self, n: int, g: np.random.Generator) -> dict[str, Floats]:
        """Return n draws by name, without repetition where there are enough."""
        return self.theta(g.choice(len(self.draws), n, replace=n > len(self.draws)))

    def quantities(self) -> dict[str, Floats]:
        """Return parameters and derived quantities by name, shape (n,)."""
        theta = self.theta()
        with np.errstate(all="ignore"):
            derived = {name: f(theta) for name, f in self.problem.model.derived.items()}
        return {**{name: theta[name] for name in self.names}, **derived}

    def summary(self) -> dict[str, dict[str, float]]:
        """Return mean, sd and the 5, 50 and 95 % quantiles of each parameter and derived quantity."""
        out = {}
        for name, x in self.quantities().items():
            x = x[np.isfinite(x)]
            if not len(x):
                continue
            low, median, high = np.quantile(x, [0.05, 0.5, 0.95])
            out[name] = {
                "mean": float(x.mean()), "sd": float(x.std(ddof=1)) if len(x) > 1 else 0.0,
                "q05": float(low), "median": float(median), "q95": float(high),
            }  # fmt: skip
        return out

    def contraction(self) -> dict[str, float]:
        """Return for each parameter how much of the prior's variance the data took away, 0 to 1, in the real space."""
        prior = self.problem.to_free(self.problem.draw_prior(2_000, np.random.default_rng(0)))
        free = self.problem.to_free(self.draws)
        out = 1 - free.var(axis=0) / np.maximum(prior.var(axis=0), 1e-300)
        return {name: float(c) for name, c in zip(self.names, out, strict=True)}
