"""Units of data in round powers, so that priors do not depend on the unit in which something was written down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedstock.physics.series import Series

Floats = NDArray[np.float64]


def span(series: Series) -> float:
    """Return the time from the first to the last observation, 1 where there is none."""
    return float(np.ptp(series.t)) or 1.0


def time_unit(series: Series, steps: float = 20.0) -> float:
    """Return the power of ten in which the series spans about `steps` units.

    >>> time_unit(Series(np.arange(21.0), {}))
    1.0
    """
    return float(10.0 ** np.round(np.log10(span(series) / steps)))


def amount_unit(series: Series, typical: float = 30.0) -> float:
    """Return the power of a thousand in which amounts are about `typical`.

    >>> amount_unit(Series(np.arange(2.0), {"y": np.array([2e4, 4e4])}))
    1000.0
    """
    median = magnitude(*series.values.values())
    return float(1000.0 ** np.round(np.log10(median / typical) / 3))


def magnitude(*values: Floats) -> float:
    """Return the median of the sizes that are not 0, or 1."""
    sizes = np.abs(np.concatenate([v[np.isfinite(v)] for v in values])) if values else np.empty(0)
    sizes = sizes[sizes > 0]
    return float(np.median(sizes)) if len(sizes) else 1.0


def largest(y: Floats) -> float:
    """Return the largest size, or 1."""
    return float(np.nanmax(np.abs(y), initial=0.0)) or 1.0


def first(y: Floats) -> float:
    """Return the first value that is there, or 0."""
    here = y[np.isfinite(y)]
    return float(here[0]) if len(here) else 0.0
