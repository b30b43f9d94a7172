"""Whether chains have converged, and how many independent draws they are worth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Floats = NDArray[np.float64]


def split_rhat(chains: Floats) -> float:
    """Return rank-normalised split R-hat, the larger one of bulk and tail.

    Parameters
    ----------
    chains : ndarray, shape (chains, draws)
        At least 4 draws a chain.

    Notes
    -----
    Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), "Rank-normalization, folding, and localization",
    equations 3, 4 and 14.

    Examples
    --------
    >>> chains = np.random.default_rng(0).normal(size=(4, 500))
    >>> split_rhat(chains) < 1.01, split_rhat(chains + np.arange(4)[:, None]) > 1.5
    (True, True)
    """
    split = _split(chains)
    folded = np.abs(split - np.median(split))
    return float(max(_rhat(_ranked(split)), _rhat(_ranked(folded))))


def effective_size(chains: Floats) -> float:
    """Return the bulk effective sample size of chains of shape (chains, draws).

    Notes
    -----
    Vehtari et al. (2021), equations 10-13, with Geyer's initial monotone sequence, on rank-normalised split chains.

    Examples
    --------
    >>> chains = np.random.default_rng(0).normal(size=(4, 500))
    >>> 1500 < effective_size(chains) < 2600
    True
    """
    x = _ranked(_split(chains))
    m, n = x.shape
    if np.ptp(x) == 0:
        return float(m * n)
    size = 2 ** int(np.ceil(np.log2(2 * n)))
    centred = x - x.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centred, size)) ** 2
    acov = np.fft.irfft(spectrum, size)[:, :n].mean(axis=0) / n
    within = acov[0] * n / (n - 1)
    var_plus = within * (n - 1) / n + (x.mean(axis=1).var(ddof=1) if m > 1 else 0.0)
    rho = 1 - (within - acov * n / (n - 1)) / var_plus
    rho[0] = 1.0
    pairs = rho[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    pairs = np.minimum.accumulate(pairs[: negative[0] if len(negative) else len(pairs)])
    tau = max(-1 + 2 * pairs.sum(), 1 / np.log10(max(m * n, 10)))
    return float(m * n / tau)


def nested_rhat(draws: Floats) -> float:
    """Return R-hat of groups of many short chains, where the groups are independent of each other.

    The walkers of an ensemble are too short to be compared one by one; their ensembles are compared instead.

    Parameters
    ----------
    draws : ndarray, shape (groups, chains, draws)

    Notes
    -----
    Margossian, Hoffman, Sountsov, Riou-Durand, Vehtari and Gelman (2024), "Nested R-hat", equations 4-6.

    Examples
    --------
    >>> nested_rhat(np.random.default_rng(0).normal(size=(4, 32, 20))) < 1.01
    True
    """
    k, m, n = draws.shape
    # Halves of a group must agree, too: a common drift shows in no other way.
    halves = np.concatenate([draws[:, :, : n // 2], draws[:, :, n - n // 2 :]])
    mean = halves.mean(axis=2)
    between_groups = mean.mean(axis=1).var(ddof=1) if k > 1 else 0.0
    between_chains = mean.var(axis=1, ddof=1) if m > 1 else np.zeros(len(mean))
    within = halves.var(axis=2, ddof=1).mean(axis=1) if n > 3 else np.zeros(len(mean))
    inside = float((between_chains + within).mean())
    if inside == 0:
        return 1.0 if between_groups == 0 else np.inf
    return float(np.sqrt(1 + between_groups / inside))


def _split(chains: Floats) -> Floats:
    n = chains.shape[1] // 2
    return np.concatenate([chains[:, :n], chains[:, chains.shape[1] - n :]])


def _ranked(x: Floats) -> Floats:
    ranks = stats.rankdata(x).reshape(x.shape)
    return np.asarray(special.ndtri((ranks - 0.375) / (x.size + 0.25)))


def _rhat(x: Floats) -> float:
    n = x.shape[1]
    within = x.var(axis=1, ddof=1).mean()
    if within == 0:
        return 1.0 if np.ptp(x) == 0 else np.inf
    between = n * x.mean(axis=1).var(ddof=1)
    return float(np.sqrt((n - 1) / n + between / within / n))
