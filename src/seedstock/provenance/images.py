"""An image as a few coarse numbers that survive small changes: signs of its low frequencies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

SIDE = 32
_ORDER = [(u, v) for s in range(1, 6) for u in range(s + 1) for v in [s - u]][:16]
_STEP = 0.08
N_FEATURES = len(_ORDER)


def features(images: NDArray[np.uint8]) -> list[NDArray[np.int64]]:
    """Return 16 quantised low-frequency coefficients of each image, each of shape (n,).

    The images are reduced to 32 x 32 means, transformed (DCT-II), divided by their own contrast, so that brightness and
    contrast do not matter, and rounded to few steps.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, height, width, channels)
    """
    n = images.shape[0]
    if n == 0 or 0 in images.shape[1:]:
        return [np.zeros(n, np.int64) for _ in _ORDER]
    grey = images.reshape(n, images.shape[1], images.shape[2], -1).mean(axis=3)
    rows = np.linspace(0, grey.shape[1], min(SIDE, grey.shape[1]) + 1).astype(int)
    columns = np.linspace(0, grey.shape[2], min(SIDE, grey.shape[2]) + 1).astype(int)
    small = np.add.reduceat(np.add.reduceat(grey, rows[:-1], axis=1), columns[:-1], axis=2)
    small = small / np.diff(rows)[None, :, None] / np.diff(columns)[None, None, :]
    c = dctn(small, axes=(1, 2), norm="ortho")
    wanted = np.stack([c[:, u % c.shape[1], v % c.shape[2]] for u, v in _ORDER], axis=1)
    contrast = np.sqrt((wanted**2).sum(axis=1, keepdims=True))
    wanted = wanted / np.where(contrast > 1e-9, contrast, 1.0)
    binned = np.floor(wanted / (2 * _STEP) + 0.5).astype(np.int64)
    return list(binned.T)
