"""What one keyed bit a row can do at best: the analysis that the measured curves stand beside."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom, norm


def one_bit_power(n: int, m: int, share: float) -> float:
    p = 0.5 + share * (0.5 - 2.0**-m)
    return float(binom.sf(binom.isf(1e-3, n, 0.5), n, p))


def rows_needed(m: int, share: float) -> int:
    p = 0.5 + share * (0.5 - 2.0**-m)
    z = norm.isf(1e-3) * 0.5 + norm.isf(1e-2) * np.sqrt(p * (1 - p))
    return int(np.ceil((z / (p - 0.5)) ** 2))
