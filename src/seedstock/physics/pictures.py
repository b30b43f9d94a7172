"""The numbers behind the pictures of a calibrated model: bands, pairs of parameters, calibration ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.physics.posterior import Posterior

Floats = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_DRAWS = 400
_POINTS = 300
_MOST_CELLS = 5_000_000
_MOST_PAIRS = 6
_MOST_MOMENTS = 400


def picture_data(posterior: Posterior, rng: Rng) -> dict[str, Any]:
    """Return what the report draws of a posterior, as JSON values.

    Returns
    -------
    dict
        ``bands``: for each observed column ``t``, ``observed`` (None where missing) and ``quantiles``, one row for
        each of `QUANTILES`; of arrivals the number so far. ``pairs``: ``names`` and ``draws``, the parameters that the
        data tell most about. ``time``, ``unit``: how the horizontal axis is called.
    """
    g = rng.child("pictures").generator()
    problem = posterior.problem
    series = problem.series
    n = int(np.clip(_MOST_CELLS // max(len(series), 1), 60, _DRAWS))
    rep = problem.replicate(posterior.thin(n, g), g)
    bands: dict[str, Any] = {}
    if problem.model.kind == "events":
        t = np.linspace(0, problem.elapsed()[-1], 60)
        times = np.where(np.isfinite(rep["time"]), rep["time"], np.inf)
        counts = np.stack([np.searchsorted(row, t, side="right") for row in times]).astype(float)
        mine = np.searchsorted(problem.elapsed(), t, side="right").astype(float)
        bands["events so far"] = _band(t + problem.start, mine, counts)
    else:
        some = np.unique(np.linspace(0, len(series) - 1, min(len(series), _MOST_MOMENTS)).round().astype(int))
        for name, y in series.values.items():
            if name in rep and rep[name].shape[1] == len(series):
                label = series.names.get(name, name)
                bands[label] = _band(series.t[some], y[some], rep[name][:, some])
    told = posterior.contraction()
    names = sorted(told, key=lambda name: -told[name])[:_MOST_PAIRS]
    names = [name for name in posterior.names if name in names]
    rows = g.choice(len(posterior.draws), min(_POINTS, len(posterior.draws)), replace=False)
    columns = [posterior.names.index(name) for name in names]
    draws = posterior.draws[np.ix_(rows, columns)]
    where = series.time if not series.unit else f"{series.time}, {series.unit}"
    return {
        "bands": bands,
        "pairs": {"names": names, "draws": [[float(v) for v in row] for row in draws]},
        "time": where,
    }


def _band(t: Floats, observed: Floats, drawn: Floats) -> dict[str, Any]:
    good = drawn[np.isfinite(drawn).all(axis=1)]
    if not len(good):
        good = np.nan_to_num(drawn)
    quantiles = np.quantile(good, QUANTILES, axis=0)
    return {
        "t": [float(v) for v in t],
        "observed": [float(v) if np.isfinite(v) else None for v in observed],
        "quantiles": [[float(v) for v in row] for row in quantiles],
    }
