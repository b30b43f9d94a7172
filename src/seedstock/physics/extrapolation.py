"""How far generated rows lie from the data, and whether that is still inside their range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from seedstock.physics.posterior import Posterior

Floats = NDArray[np.float64]
_IN_RANGE = 1.0


def stamps_of(posterior: Posterior, table: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.object_], Floats]:
    """Return for each row whether it is in range of the data, and its distance from them.

    The distance is to the nearest observed row (time and observed columns, in units of the data's own gaps): 1 is the
    95 % quantile of what observed rows are from each other.
    """
    series = posterior.problem.series
    if posterior.problem.model.kind == "events":
        # A list of stamps is judged by how crowded it is: the gap before each event.
        real, new = np.diff(series.t)[:, None], _gaps(table, series.time)[:, None]
        real, new = np.log(np.maximum(real, 1e-12)), np.log(np.maximum(new, 1e-12))
    else:
        slots = [slot for slot in posterior.problem.model.columns if series.names.get(slot, slot) in table]
        real = np.stack([series.t, *(series.values[slot] for slot in slots)], axis=1)
        names = [series.time, *(series.names.get(slot, slot) for slot in slots)]
        new = np.stack([np.asarray(table[name], float) for name in names], axis=1)
        real = real[np.isfinite(real).all(axis=1)]
    if not len(new):
        return np.empty(0, object), np.empty(0)
    low, high = real.min(axis=0), real.max(axis=0)
    scale = np.maximum(high - low, 1e-12 * np.maximum(np.abs(high), 1.0))
    tree = cKDTree(real / scale)
    among = tree.query(real / scale, k=min(2, len(real)))[0]
    unit = max(float(np.quantile(among[:, -1] if among.ndim > 1 else among, 0.95)), 0.05)
    distance = tree.query(new / scale)[0] / unit
    return np.where(distance <= _IN_RANGE, "in_range", "extrapolated").astype(object), distance


def _gaps(table: Mapping[str, NDArray[Any]], time: str) -> Floats:
    t, k = np.asarray(table[time], float), np.asarray(table["series"])
    gap = np.diff(t, prepend=t[:1])
    first = np.diff(k, prepend=-1) != 0
    gap[first] = np.roll(gap, -1)[first] if len(gap) > 1 else gap[first]
    return np.abs(gap)
