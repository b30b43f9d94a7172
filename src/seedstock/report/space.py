"""Rows as points: the map (two principal components) and the distances to the nearest training row.

Points are those that the privacy measures use, `seedstock.metrics._features.Features.embedded`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.metrics._columns import thin, thin_all
from seedstock.metrics._features import encode
from seedstock.metrics._neighbours import nearest

Floats = NDArray[np.float64]

MAX_MAP_ROWS = 10_000
MAX_NEAR_ROWS = 2_000
GRID = 40
BINS = 30


def density_map(evidence: Evidence, rng: Rng) -> tuple[dict[str, Floats], float] | None:
    """Return densities over the first two principal components of the training rows, and the variance they hold.

    Returns
    -------
    grids : {"real": ndarray, "synthetic": ndarray}, both of shape (GRID, GRID)
        Shares of rows per cell, first index along the first component; rows outside the central 99 % lie in the
        outermost cells.
    explained : float
        Share of the variance, 0 to 1. None instead of both where no plane can be laid through the rows.
    """
    real, _, drawn = encode(thin_all(evidence, MAX_MAP_ROWS, rng)).embedded()
    if min(len(real), real.shape[1]) < 3 or not len(drawn) or (np.ptp(real, axis=0) > 0).sum() < 2:
        return None
    from sklearn.decomposition import PCA

    pca = PCA(2, svd_solver="full").fit(real)
    # The sign of a component is arbitrary: fix it, for the page to be the same everywhere.
    signs = np.where(pca.components_[np.arange(2), np.abs(pca.components_).argmax(axis=1)] < 0, -1.0, 1.0)
    real, drawn = pca.transform(real) * signs, pca.transform(drawn) * signs
    low, high = np.quantile(real, [0.005, 0.995], axis=0)
    pad = 0.04 * np.where(high > low, high - low, 1.0)
    edges = [np.linspace(low[k] - pad[k], high[k] + pad[k], GRID + 1) for k in range(2)]
    grids = {}
    for key, points in (("real", real), ("synthetic", drawn)):
        x, y = (np.clip(points[:, k], edges[k][0], edges[k][-1]) for k in range(2))
        grids[key] = np.histogram2d(x, y, bins=(edges[0], edges[1]))[0] / len(points)
    return grids, float(np.nan_to_num(pca.explained_variance_ratio_.sum()))


def nearest_distances(evidence: Evidence, rng: Rng) -> dict[str, Floats] | None:
    """Return histograms of the distance to the nearest training row, from holdout rows and from synthetic rows.

    Both sides have equally many rows (at most `MAX_NEAR_ROWS`) and the same training rows to be near to (at most
    `MAX_MAP_ROWS`).

    Returns
    -------
    dict or None
        ``edges`` (BINS + 1,), ``holdout`` and ``synthetic``, counts (BINS,); None where a side has no rows.
    """
    n = min(len(evidence.holdout.table), len(evidence.synthetic.table), MAX_NEAR_ROWS)
    sides = {key: thin(getattr(evidence, key), n, rng.child(key)) for key in ("holdout", "synthetic")}
    features = encode(replace(evidence, train=thin(evidence.train, MAX_MAP_ROWS, rng.child("train")), **sides))
    points, *queries = features.embedded()
    if not n or not points.size:
        return None
    found = [np.sqrt(nearest(q, points)[0][:, 0]) for q in queries]
    top = np.ceil(10 * max(float(np.quantile(d, 0.99)) for d in found)) / 10 or 1.0
    edges = np.linspace(0, top, BINS + 1)
    held, drawn = (np.histogram(np.minimum(d, top), edges)[0].astype(float) for d in found)
    return {"edges": edges, "holdout": held, "synthetic": drawn}
