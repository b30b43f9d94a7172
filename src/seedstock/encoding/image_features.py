"""Images as numbers without any trained net: responses of fixed random filters, pooled over quarters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
SIDE = 32
_FILTERS, _PATCH = 96, 5


def small(images: NDArray[np.uint8], side: int = SIDE) -> NDArray[np.float32]:
    """Return images as means of blocks, at most side x side, in 0..1, shape (n, h', w', c)."""
    x = np.asarray(images, np.float32) / 255
    for axis in (1, 2):
        k = x.shape[axis]
        if k > side:
            edges = np.linspace(0, k, side + 1).astype(int)
            counts = np.diff(edges).astype(np.float32)
            x = np.add.reduceat(x, edges[:-1], axis=axis) / counts.reshape([-1 if a == axis else 1 for a in range(4)])
    return x


def features(images: NDArray[np.uint8], seed: int = 0) -> Matrix:
    """Return what fixed random filters see, shape (n, d).

    96 filters of 5 x 5 pixels, with their means taken out, are applied everywhere, rectified, and averaged over the
    image's quarters (Coates, Lee and Ng 2011; random filters: Jarrett et al. 2009); to them come the means of an
    8 x 8 reduction. The same filters for all images of one shape, whatever the data.
    """
    x = small(images)
    n, h, w, c = x.shape
    p = min(_PATCH, h, w)
    g = np.random.default_rng([seed, c, p])
    filters = g.standard_normal((p * p * c, _FILTERS)).astype(np.float32)
    filters -= filters.mean(0)
    filters /= np.linalg.norm(filters, axis=0) + 1e-9
    out = []
    for start in range(0, n, 128):
        part = x[start : start + 128]
        windows = np.lib.stride_tricks.sliding_window_view(part, (p, p), axis=(1, 2))
        m, hh, ww = windows.shape[:3]
        seen = np.maximum(windows.reshape(m * hh * ww, -1) @ filters, 0).reshape(m, hh, ww, _FILTERS)
        a, b = max(hh // 2, 1), max(ww // 2, 1)
        halves = [(slice(None, k), slice(-k, None)) for k in (a, b)]
        quarters = [seen[:, i, j].mean((1, 2)) for i in halves[0] for j in halves[1]]
        out.append(np.concatenate([*quarters, small((part * 255).astype(np.uint8), 8).reshape(m, -1)], axis=1))
    return np.concatenate(out).astype(np.float64) if out else np.empty((0, 1))


def both_ways(images: NDArray[np.uint8]) -> Matrix:
    """Return reduced pixels of images and of their mirror images, shape (2 n, d)."""
    x = small(images)
    return np.concatenate([x, x[:, :, ::-1]]).reshape(2 * len(x), -1).astype(np.float64)
