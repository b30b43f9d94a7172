"""Noise for differential privacy: the discrete Gaussian, and the exponential mechanism.

Noise on counts is whole numbers from a table of probabilities, so that no rounding of floats tells what was below it
(Mironov 2012, On significance of the least significant bits). The bits come from the operating system.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng

_BITS = 62
_REACH = 9.5
"""Standard deviations beyond which the table ends: the rest has less than 2**-62 of the probability."""

Floats = NDArray[np.float64]


@dataclass
class Noise:
    """A source of random bits: the operating system's, or for tests a seed's.

    Whoever knows the seed can take the noise away again: seeded noise gives no privacy.
    """

    rng: Rng | None = None
    error: float = 0.0
    """Sum of the total variation distances between what was drawn and the exact distributions."""
    _generator: np.random.Generator | None = field(default=None, repr=False)

    def bits(self, n: int) -> NDArray[np.int64]:
        """Return n uniform whole numbers of 62 bits."""
        if self.rng is None:
            words = np.frombuffer(os.urandom(8 * n), np.uint64)
        else:
            self._generator = self._generator or self.rng.generator()
            words = self._generator.integers(1 << 64, size=n, dtype=np.uint64)
        return (words >> np.uint64(64 - _BITS)).astype(np.int64)

    def uniform(self, n: int) -> Floats:
        """Return n numbers above 0 and below 1."""
        return (self.bits(n) + 0.5) / 2.0**_BITS

    def gaussian(self, n: int, sigma: float) -> NDArray[np.int64]:
        """Draw n discrete Gaussians: P(k) proportional to exp(-k² / (2 sigma²)).

        Source: Canonne, Kamath and Steinke 2020, Definition 1; a count of sensitivity 1 is then 1/(2 sigma²)-zCDP
        (Theorem 4), and a vector of L2 sensitivity 1 as well (their section 4 for whole-numbered vectors).
        """
        reach = max(1, int(np.ceil(_REACH * sigma)))
        table, missed = _table(sigma, reach)
        self.error += n * missed
        return np.searchsorted(table, self.bits(n), side="right").astype(np.int64) - reach

    def choose(self, scores: NDArray[Any], epsilon: float, sensitivity: float, log_weights: Any = 0.0) -> int:
        """Choose an index with probability proportional to ``weight * exp(epsilon * score / (2 * sensitivity))``.

        The exponential mechanism by Gumbel's trick: epsilon-private, and epsilon²/8-zCDP (Cesar and Rogers 2021).
        """
        logits = epsilon * np.asarray(scores, float) / (2 * sensitivity) + log_weights
        return int(np.argmax(logits - np.log(-np.log(self.uniform(len(logits))))))


def _table(sigma: float, reach: int) -> tuple[NDArray[np.int64], float]:
    """Return the cumulative probabilities of -reach..reach as whole numbers of 62 bits, and their error."""
    k = np.arange(-reach, reach + 1, dtype=float)
    weights = np.exp(-(k**2) / (2 * sigma**2))
    whole = np.floor(weights / weights.sum() * 2.0**_BITS).astype(np.int64)
    whole[reach] += (1 << _BITS) - int(whole.sum())
    # Each rounding down moves at most one step, floats' own rounding a few units in their last place of all.
    return np.cumsum(whole), (len(k) + 2) * 2.0**-_BITS + 2.0**-51
