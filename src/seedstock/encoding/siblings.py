"""Sibling times: created, shipped, delivered. The gaps between them are finer than either one's learned moments.

Where the gap between two times is far narrower than the times themselves vary, its real distribution is kept as
quantiles, and drawn gaps are carried over to it rank by rank (quantile mapping): a long drawn gap becomes a long real
one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.table import Column

Floats = NDArray[np.float64]

_QUANTILES = 512
_NARROW = 0.2
_LEAST_ROWS = 50
_NEAR_ENOUGH = 0.03
"""Kolmogorov-Smirnov distance up to which drawn gaps are as good as they are."""


@dataclass(frozen=True, eq=False)
class Sibling:
    """A time that follows another, and the quantiles of the gap in microseconds, shape (q,), on a grid."""

    earlier: str
    later: str
    gaps: Floats
    step: float

    def placed(self, earlier: Column, later: Column, drawn: Floats, before: Column) -> Column:
        """Return the later times, their gaps carried over from the drawn distribution to the real one.

        Parameters
        ----------
        earlier, later : Column
            As drawn.
        drawn : float64 ndarray, shape (q,)
            Quantiles of drawn gaps.
        before : Column
            The earlier times as they are now.
        """
        here = ~(earlier.missing | later.missing | before.missing)
        if not here.any() or _distance(self.gaps, drawn) <= _NEAR_ENOUGH:
            return later
        gap = _micros(later)[here] - _micros(earlier)[here]
        share = _rank(drawn, gap)
        mapped = np.interp(share, np.linspace(0, 1, len(self.gaps)), self.gaps)
        micros = _micros(later).copy()
        micros[here] = _micros(before)[here] + (np.round(mapped / self.step) * self.step).astype(np.int64)
        return Column(micros.astype("M8[us]"), later.missing)

    def to_json(self) -> dict[str, Any]:
        return {"earlier": self.earlier, "later": self.later, "gaps": self.gaps.tolist(), "step": self.step}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any], known: Sequence[str]) -> Self:
        """Make it again, checked: a saved model is untrusted."""
        gaps, step = np.asarray(facts["gaps"], np.float64), float(facts["step"])
        fits = {facts["earlier"], facts["later"]} <= set(known) and len(gaps) > 1 and step > 0
        if not fits or not np.isfinite(gaps).all() or (np.diff(gaps) < 0).any():
            raise InputError("this model is damaged: its gaps between times do not fit; fit it again")
        return cls(str(facts["earlier"]), str(facts["later"]), gaps, step)


def siblings_of(columns: Mapping[str, Column]) -> tuple[Sibling, ...]:
    """Find the times that follow another one closely: each after the one that it follows most closely.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> start = np.datetime64("2024-01-01", "us") + g.integers(0, 10**13, 300).astype("m8[us]")
    >>> end = start + g.integers(1, 10**9, 300).astype("m8[us]")
    >>> no = np.zeros(300, bool)
    >>> [(s.earlier, s.later) for s in siblings_of({"end": Column(end, no), "start": Column(start, no)})]
    [('start', 'end')]
    """
    times = {n: c for n, c in columns.items() if c.levels is None and c.values.dtype.kind == "M"}
    middle = {n: float(np.median(_micros(c)[~c.missing])) for n, c in times.items() if (~c.missing).any()}
    order = sorted(middle, key=lambda n: (middle[n], n))
    out = []
    for i, later in enumerate(order):
        found = [s for earlier in order[:i] if (s := _sibling(earlier, later, times)) is not None]
        if found:
            out.append(min(found, key=lambda s: float(s.gaps[-len(s.gaps) // 4] - s.gaps[len(s.gaps) // 4])))
    return tuple(out)


def earlier_first(order: Sequence[str], siblings: Sequence[Sibling]) -> list[str]:
    """Return an order in which no time comes before the one that it follows: the gap is what is to be learned.

    Examples
    --------
    >>> earlier_first(["b", "x", "a", "y"], [Sibling("a", "b", np.zeros(2), 1.0)])
    ['x', 'a', 'b', 'y']
    """
    out = list(order)
    for s in siblings:
        if out.index(s.later) < out.index(s.earlier):
            out.remove(s.later)
            out.insert(out.index(s.earlier) + 1, s.later)
    return out


def quantiles(earlier: Column, later: Column) -> Floats:
    """Return the quantiles of the gaps between present times, shape (q,); one zero where there are none."""
    here = ~(earlier.missing | later.missing)
    if not here.any():
        return np.zeros(1)
    gaps: Floats = np.quantile(_micros(later)[here] - _micros(earlier)[here], np.linspace(0, 1, _QUANTILES + 1))
    return gaps


def _sibling(earlier: str, later: str, times: Mapping[str, Column]) -> Sibling | None:
    a, b = times[earlier], times[later]
    here = ~(a.missing | b.missing)
    if here.sum() < max(_LEAST_ROWS, 0.9 * (~b.missing).sum()):
        return None
    first, second = _micros(a)[here], _micros(b)[here]
    gap = second - first
    if _width(gap) > _NARROW * _width(second):
        return None
    return Sibling(earlier, later, quantiles(a, b), float(max(np.gcd.reduce(gap), 1)))


def _micros(column: Column) -> NDArray[np.int64]:
    return column.values.astype("M8[us]").astype(np.int64)


def _width(x: NDArray[Any]) -> float:
    low, high = np.quantile(x, [0.1, 0.9])
    return float(high - low)


def _rank(quantile: Floats, x: NDArray[Any]) -> Floats:
    """Return the share of a distribution up to x, shape (n,): in the middle of a run of equal quantiles."""
    shares = np.linspace(0, 1, len(quantile))
    left = np.searchsorted(quantile, x, side="left")
    right = np.searchsorted(quantile, x, side="right")
    plain = np.interp(x, quantile, shares)
    middle = (shares[np.minimum(left, len(shares) - 1)] + shares[np.maximum(right - 1, 0)]) / 2
    return np.where(right > left, middle, plain)


def _distance(one: Floats, other: Floats) -> float:
    """Return the Kolmogorov-Smirnov distance between two distributions given by quantiles."""
    at = np.concatenate([one, other])
    below = [np.searchsorted(q, at, side="right") / len(q) for q in (one, other)]
    return float(np.abs(below[0] - below[1]).max())
