"""Raking: factors for the values of single columns that give weighted rows the real columns' shares.

Iterative proportional fitting on the margins (Deming and Stephan 1940). Values are taken together into bins of a
hundred real rows or more, so that no few rows decide a factor.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.atoms import Codes

_BINS = 50
_MIN_ROWS = 100
_PASSES = 10
_MOST = 1.0
"""Bound on the log of a factor."""


def bins_of(codes: Codes, k: int) -> NDArray[np.int64]:
    """Return for each of k codes the number of its bin: neighbours together, of like numbers of rows, shape (k,)."""
    counts = np.bincount(codes, minlength=k)
    size = max(_MIN_ROWS, len(codes) / _BINS)
    middle = np.cumsum(counts) - counts / 2
    return np.unique((middle / size).astype(np.int64), return_inverse=True)[1].reshape(-1)


def rake(
    real: Mapping[str, Codes], drawn: Mapping[str, Codes], k: Mapping[str, int], weight: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """Return for each column the log factor of each code, shape (k,).

    Parameters
    ----------
    real, drawn : mapping of str to int64 ndarray, shape (n,) and (m,)
    k : mapping of str to int
        Codes of each column.
    weight : ndarray, shape (m,)
        What the drawn rows weigh before.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> real, drawn = {"a": (g.random(5000) < 0.4).astype(int)}, {"a": (g.random(5000) < 0.5).astype(int)}
    >>> np.exp(rake(real, drawn, {"a": 2}, np.ones(5000))["a"]).round(1).tolist()
    [1.2, 0.8]
    """
    bins = {name: bins_of(codes, k[name]) for name, codes in real.items()}
    at = {name: bins[name][drawn[name]] for name in real}
    wanted = {n: np.bincount(bins[n][codes], minlength=bins[n].max() + 1) / len(codes) for n, codes in real.items()}
    factors = {name: np.zeros(len(shares)) for name, shares in wanted.items()}
    w = weight.copy()
    for _ in range(_PASSES):
        for name, shares in wanted.items():
            has = np.bincount(at[name], w, len(shares)) / w.sum()
            ratio = np.divide(shares, has, out=np.ones_like(shares), where=(has > 0) & (shares > 0))
            factor = np.clip(factors[name] + np.log(ratio), -_MOST, _MOST)
            w *= np.exp(factor - factors[name])[at[name]]
            factors[name] = factor
    return {name: factor[bins[name]] for name, factor in factors.items()}
