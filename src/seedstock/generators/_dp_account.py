"""What differential privacy costs: zero-concentrated privacy, its conversion, and the ledger of one fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seedstock.core.errors import InputError

_ORDERS = 1 + np.logspace(-4, 6, 20_001)


def delta_of(rho: float, epsilon: float) -> float:
    """Return the delta of (epsilon, delta)-privacy that rho-zCDP gives.

    Source: Canonne, Kamath and Steinke 2020, The discrete Gaussian for differential privacy, Corollary 13; the least
    over a grid of orders, so an upper bound.

    >>> bool(delta_of(0.01, 1.0) < np.exp(-((1.0 - 0.01) ** 2) / 0.04))  # Bun and Steinke's simpler bound
    True
    """
    if rho == 0:
        return 0.0
    a = _ORDERS
    log_delta = (a - 1) * (a * rho - epsilon) + a * np.log1p(-1 / a) - np.log(a - 1)
    return float(min(1.0, np.exp(log_delta.min())))


def epsilon_of(rho: float, delta: float) -> float:
    """Return the least epsilon, to one in a million, for which rho-zCDP gives (epsilon, delta)-privacy."""
    low, high = 0.0, rho + 2 * float(np.sqrt(rho * np.log(1 / delta)))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if delta_of(rho, middle) <= delta else (middle, high)
    return high


def rho_of(epsilon: float, delta: float) -> float:
    """Return the largest rho that (epsilon, delta) allows.

    >>> round(epsilon_of(rho_of(1.0, 1e-9), 1e-9), 6)
    1.0
    """
    low, high = 0.0, max(2 * epsilon, 1.0)
    while delta_of(high, epsilon) <= delta:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if delta_of(middle, epsilon) <= delta else (low, middle)
    return low


@dataclass
class Ledger:
    """What each mechanism of one fit has spent of (epsilon, delta); it refuses to spend more than there is.

    Attributes
    ----------
    epsilon, delta : float
        The whole budget. Half of delta is for zCDP, four tenths for thresholds, a tenth for rounded probabilities.
    """

    epsilon: float
    delta: float
    entries: list[dict[str, Any]] = field(default_factory=list)
    rho: float = field(init=False)
    """All rho that there is."""

    def __post_init__(self) -> None:
        self.rho = rho_of(self.epsilon, self.delta / 2)

    def spend(self, what: str, mechanism: str, rho: float, delta: float = 0.0, **details: Any) -> None:
        """Write down one mechanism's share."""
        self.entries.append({"what": what, "mechanism": mechanism, "rho": rho, "delta": delta, **details})
        if self.spent_rho() > self.rho * (1 + 1e-9) or self.spent_delta() > self.delta * 0.5 * (1 + 1e-9):
            raise AssertionError(f"the privacy budget is overspent by {what}")

    def spent_rho(self) -> float:
        """Return the rho spent so far: zCDP adds up."""
        return float(sum(e["rho"] for e in self.entries))

    def spent_delta(self) -> float:
        """Return the delta spent on thresholds and rounded probabilities."""
        return float(sum(e["delta"] for e in self.entries))

    def to_json(self) -> dict[str, Any]:
        """Return the accounting as JSON values."""
        rho = self.spent_rho()
        return {
            "definition": "(epsilon, delta)-differential privacy; neighbours differ in one row, added or removed",
            "epsilon": self.epsilon,
            "delta": self.delta,
            "rho": rho,
            "epsilon_spent": epsilon_of(rho, self.delta / 2) if rho else 0.0,
            "delta_spent": self.delta / 2 + self.spent_delta(),
            "conversion": "Canonne, Kamath and Steinke 2020, Corollary 13",
            "mechanisms": [dict(e) for e in self.entries],
        }


def checked(epsilon: float, delta: float) -> None:
    """Refuse budgets that mean nothing."""
    if not (np.isfinite(epsilon) and epsilon > 0):
        raise InputError(f"epsilon must be a number above 0, not {epsilon}; 1 is usual, and less is more private")
    if not 0 < delta < 1:
        raise InputError(f"delta must lie between 0 and 1, not {delta}; take far less than one in the number of rows")
