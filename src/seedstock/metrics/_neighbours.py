"""Nearest neighbours of embedded rows, by blocked matrix products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from seedstock.metrics._threads import one_thread

Matrix = NDArray[np.float64]


def nearest(queries: Matrix, points: Matrix, k: int = 1) -> tuple[Matrix, NDArray[np.int64]]:
    """Return squared distances and indices of the k nearest points, ascending, shapes (n, k).

    Distances are rounded to 1e-9, so that equal rows are at 0 and equal distances tie. Brute force: in more than
    about ten dimensions trees do not prune, and a matrix product is faster.

    >>> d, i = nearest(np.array([[0.0], [2.2]]), np.array([[0.0], [2.0]]))
    >>> d.round(2).tolist(), i.tolist()
    ([[0.0], [0.04]], [[0], [1]])
    """
    k = min(k, len(points))
    if not len(queries) or not k or not points.shape[1]:
        return np.zeros((len(queries), k)), np.zeros((len(queries), k), np.int64)
    model = NearestNeighbors(n_neighbors=k, algorithm="brute", metric="sqeuclidean").fit(np.ascontiguousarray(points))
    with one_thread():
        distance, index = model.kneighbors(np.ascontiguousarray(queries))
    return np.round(np.maximum(distance, 0.0), 9), index.astype(np.int64)
