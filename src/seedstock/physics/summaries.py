"""Data as a row of features: what a model without a likelihood is compared by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seedstock.physics.model import Summaries
from seedstock.physics.ppc import event_statistics
from seedstock.physics.problem import Problem

Floats = NDArray[np.float64]
_MOST_VALUES = 60
_QUANTILES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


def features_of(problem: Problem, values: Mapping[str, Floats]) -> Floats:
    """Return features of simulated data, shape (m, k); NaN in the row of a failed simulation."""
    observe = problem.model.observe
    t = problem.elapsed()
    if isinstance(observe, Summaries) and observe.summarise is not None:
        return np.asarray(observe.summarise(t, values), float)
    if problem.model.kind == "events":
        return _event_features(values["time"], float(t[-1]))
    parts = []
    for name, y in problem.series.values.items():
        z = values[name][:, np.isfinite(y)]
        if z.shape[1] > _MOST_VALUES:
            # Means of stretches say nearly as much as all the values.
            edges = np.linspace(0, z.shape[1], _MOST_VALUES + 1).astype(int)[:-1]
            counts = np.diff(np.append(edges, z.shape[1]))
            z = np.concatenate([np.add.reduceat(z, edges, axis=1) / counts, z.std(axis=1, keepdims=True)], axis=1)
        parts.append(z)
    return np.concatenate(parts, axis=1)


def observed_features(problem: Problem) -> Floats:
    """Return the features of the observed data, shape (k,)."""
    values = {name: y[None] for name, y in problem.series.values.items()}
    if problem.model.kind in ("events", "records"):
        values["time"] = problem.elapsed()[None]
    return features_of(problem, values)[0]


def _event_features(times: Floats, window: float) -> Floats:
    found = event_statistics(times, window)
    gaps = np.diff(times, axis=1)
    some = np.isfinite(gaps).any(axis=1)
    logs = np.log(np.maximum(np.where(np.isfinite(gaps), gaps, np.nan), 1e-9 * window))
    logs[~some] = 0.0
    quantiles = np.nanquantile(logs, _QUANTILES, axis=1).T
    columns = [np.log1p(found["events"]), *(np.log1p(np.abs(v)) for k, v in found.items() if k != "events")]
    return np.concatenate([np.stack(columns, axis=1), quantiles], axis=1)
