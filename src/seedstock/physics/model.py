"""`PhysicalModel`: a mechanism, what is believed of its parameters, and how it is observed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.physics.series import Series

Floats = NDArray[np.float64]
Theta = Mapping[str, Floats]
"""Parameter sets: name -> values, shape (m,)."""
States = Mapping[str, Floats]
"""What a model says: name -> values, shape (m, T); for events shape (m, most events), NaN at the end."""
Controls = Mapping[str, Any]
Simulate = Callable[[Theta, Floats, np.random.Generator, Controls], States]
Priors = Mapping[str, "Prior | float"]


@dataclass(frozen=True)
class Likelihood:
    """An exact log likelihood, for models that are random in themselves.

    Attributes
    ----------
    log_density : callable
        ``log_density(series, theta, controls)`` returns shape (m,); `series` has elapsed times.
    """

    log_density: Callable[[Series, Theta, Controls], Floats]


@dataclass(frozen=True)
class Summaries:
    """No likelihood: data are compared by numbers that sum them up.

    Attributes
    ----------
    summarise : callable or None
        ``summarise(t, values)`` with values of shape (m, T) returns shape (m, k). By default all values and, for
        events, counts and gaps; what of them matters is learned.
    """

    summarise: Callable[[Floats, States], Floats] | None = None


@dataclass(frozen=True)
class PhysicalModel:
    """A mechanistic model.

    Attributes
    ----------
    name : str
    simulate : callable
        ``simulate(theta, t, rng, controls)``: parameter sets of shape (m,), times of shape (T,), a NumPy generator,
        and settings; returns states of shape (m, T) by name. See `seedstock.physics.simulator` for callables that
        take one parameter set at a time, and for external programs.
    priors : mapping, or callable(series, controls) -> mapping
        Parameter -> `Prior`, or a number where it is known. A callable fits them to the data's units.
    observe : Noise, Likelihood or Summaries
        How data come from the states. With `Summaries` and `Likelihood`, `simulate` returns observations.
    columns : tuple of str
        The observed columns, by the model's names.
    kind : {"series", "events", "records", "curve"}
        Values in time; time stamps alone; one row for each customer of a queue; values over a controlled variable.
    controls : mapping
        Settings of the experiment, with their defaults: a population, a dose. None stands for unknown.
    derived : mapping of str to callable
        Further quantities, functions of the parameters: the basic reproduction number.
    labels : callable or None
        ``labels(t, states, theta)`` returns further columns for generated rows, shape (m, T) of numbers or texts.
    statistics : callable or None
        ``statistics(t, values, controls)`` with values of shape (m, T) returns name -> shape (m,): what predictive
        checks compare besides the defaults.
    prepare : callable or None
        Makes the observed columns of the data's, where these may come in several forms.
    aliases : mapping of str to tuple of str
        Observed column -> words that its name in the data may contain.
    equations, source : str
    units : mapping of str to str
    origin : {"first", "zero"}
        Whether `simulate` gets times since the first observation, or as they are.

    Examples
    --------
    >>> line = PhysicalModel(
    ...     "line",
    ...     lambda theta, t, rng, controls: {"y": theta["slope"][:, None] * t},
    ...     {"slope": Prior.normal(0, 10), "sigma": Prior.exponential(1)},
    ...     Noise("normal", {"y": "sigma"}),
    ...     ("y",),
    ... )
    >>> line.simulate({"slope": np.array([2.0])}, np.arange(3.0), np.random.default_rng(0), {})["y"]
    array([[0., 2., 4.]])
    """

    name: str
    simulate: Simulate
    priors: Priors | Callable[[Series, Controls], Priors]
    observe: Noise | Likelihood | Summaries
    columns: tuple[str, ...]
    kind: Literal["series", "events", "records", "curve"] = "series"
    controls: Controls = field(default_factory=dict)
    derived: Mapping[str, Callable[[Theta], Floats]] = field(default_factory=dict)
    labels: Callable[[Floats, States, Theta], Mapping[str, NDArray[Any]]] | None = None
    statistics: Callable[[Floats, States, Controls], Mapping[str, Floats]] | None = None
    prepare: Callable[[Series], Series] | None = None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    equations: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    origin: Literal["first", "zero"] = "zero"

    def __post_init__(self) -> None:
        if not self.columns and self.kind != "events":
            raise InputError(f"the model {self.name!r} must say which columns it observes")
        if not callable(self.priors):
            for name, prior in self.priors.items():
                if not isinstance(prior, Prior | int | float):
                    raise InputError(f"the prior of {name!r} must be a Prior or a number, not {prior!r}")

    def with_priors(self, priors: Priors | None = None, **changed: Prior | float) -> PhysicalModel:
        """Return the model with some priors changed, or with others altogether."""
        if priors is not None:
            return replace(self, priors={**priors, **changed})
        old = self.priors
        if callable(old):
            make = old
            return replace(self, priors=lambda series, controls: {**make(series, controls), **changed})
        return replace(self, priors={**old, **changed})

    def bindings(self, series: Series, columns: Mapping[str, str] | None = None) -> list[Series]:
        """Return the series under the model's column names, once for each way in which the names may be meant.

        Parameters
        ----------
        columns : mapping of str to str, or None
            Model's column -> data's column, where the user says it.
        """
        if self.kind == "events":
            return [replace(series, values={})]
        if self.prepare is not None:
            series = self.prepare(series)
        have = list(series.values)
        fixed = {slot: (columns or {})[slot] for slot in self.columns if slot in (columns or {})}
        for slot, name in fixed.items():
            if name not in have:
                raise InputError(f"there is no numeric column {name!r} for {slot!r}; there are {', '.join(have)}")
        for slot in self.columns:
            if slot in fixed:
                continue
            words = (slot, *self.aliases.get(slot, ()))
            for word in words:
                found = [h for h in have if word in h.lower().replace(" ", "_") and h not in fixed.values()]
                exact = [h for h in found if h.lower() == word]
                if found and (len(word) > 2 or exact):
                    fixed[slot] = (exact or found)[0]
                    break
        free = [slot for slot in self.columns if slot not in fixed]
        rest = [h for h in have if h not in fixed.values()]
        if len(free) > len(rest):
            raise InputError(
                f"the model {self.name!r} observes {len(self.columns)} columns ({', '.join(self.columns)}), and the "
                f"data have {len(have)} beside {series.time!r}"
            )
        # A few columns may be meant in any order; of many, the first ones are taken.
        ways = permutations(rest[: len(free)], len(free)) if len(free) <= 3 else [tuple(rest[: len(free)])]
        out = []
        for way in ways:
            names = {**fixed, **dict(zip(free, way, strict=True))}
            ordered = {slot: series.values[names[slot]] for slot in self.columns}
            out.append(replace(series, values=ordered, names={**names, **series.names}))
        return out
