"""Columns as bins that were found privately: value lists by noisy counts, ranges and quantiles by private choice.

Nothing here looks at the data except through `Measure`, which adds noise and writes each look into the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._dp_account import Ledger
from seedstock.generators._dp_noise import Floats, Noise

OTHER = "other"
"""Stands for all texts that too few rows had to be named."""
_TAILS = 2
"""Further halvings at both ends; they shape what is drawn within the outer bins."""
_POWERS = 64
"""Numbers are looked for from 2**-64 to 2**64 steps."""
_POINTS = 256
"""Values that one bin of a number can take, at most."""


@dataclass
class Measure:
    """The only way to the data: noisy counts and private choices, each in the ledger."""

    ledger: Ledger
    noise: Noise

    def counts(self, what: str, exact: NDArray[np.int64], rho: float) -> tuple[NDArray[np.int64], float]:
        """Return counts of rows by cell with discrete Gaussian noise, and sigma: one row changes one cell by 1."""
        sigma = float(np.sqrt(1 / (2 * rho)))
        self.ledger.spend(what, "discrete Gaussian", rho, sensitivity=1, sigma=sigma)
        return exact + self.noise.gaussian(exact.size, sigma).reshape(exact.shape), sigma

    def common(self, what: str, exact: NDArray[np.int64], rho: float, delta: float) -> tuple[Any, Any]:
        """Return which of the values that occur are common, and their noisy counts.

        A value that one row alone has passes the threshold with probability delta at most, so that the list of
        values is private too: stability-based histogram, Korolova et al. 2009.
        """
        sigma = float(np.sqrt(1 / (2 * rho)))
        threshold = 1 + sigma * float(norm.isf(delta)) + 1
        self.ledger.spend(
            what, "discrete Gaussian with threshold", rho, delta, sensitivity=1, sigma=sigma, threshold=threshold
        )
        noisy = exact + self.noise.gaussian(len(exact), sigma)
        kept = np.flatnonzero(noisy >= threshold)
        return kept, noisy[kept]

    def medians(self, what: str, x: Floats, low: float, high: float, levels: int, rho: float) -> Floats:
        """Return edges that halve the values x again and again, between low and high.

        The exponential mechanism on rank (Smith 2011, algorithm 2), by halves (Kaplan et al. 2022): one row is in
        one part of each level, so each level costs one mechanism. The rank's distance from the middle moves by 1/2.
        """
        epsilon = float(np.sqrt(8 * rho / (levels + _TAILS)))
        self.ledger.spend(
            what, "exponential (medians)", rho, sensitivity=0.5, epsilon_each=epsilon, levels=levels + _TAILS
        )
        x = np.sort(np.clip(x, low, high))
        edges = np.array([low, high])
        for level in range(levels + _TAILS):
            parts = list(pairwise(edges))
            if not parts:
                break  # numbers so close together have nothing between them
            if level >= levels:
                # Only the two ends are halved on: between them and the range's bounds there may be much nothing.
                parts = [parts[0], parts[-1]]
            new = [self._median(x[(x >= a) & (x < b)], a, b, epsilon) for a, b in parts]
            edges = np.unique(np.concatenate([edges, new]))
        return edges

    def _median(self, x: Floats, a: float, b: float, epsilon: float) -> float:
        points = np.concatenate([[a], x, [b]])
        length = np.diff(points)
        rank = np.arange(len(length), dtype=float)
        with np.errstate(divide="ignore"):
            weights = np.log(length)
        if not np.isfinite(weights).any():
            return a
        i = self.noise.choose(-np.abs(rank - len(x) / 2), epsilon, 0.5, weights)
        return float(points[i] + length[i] * self.noise.uniform(1)[0])


@dataclass(frozen=True, eq=False)
class Bins:
    """One column as the private model sees it.

    Attributes
    ----------
    atoms : Atoms
        The values that can be drawn; their counts are noisy.
    place : int64 ndarray, shape (atoms.k,)
        The bin of each atom.
    weights : float64 ndarray, shape (atoms.k,)
        How often each atom is drawn within its bin, in proportion.
    """

    atoms: Atoms
    place: NDArray[np.int64]
    weights: Floats

    @property
    def k(self) -> int:
        """Number of bins."""
        return int(self.place.max()) + 1


@dataclass(frozen=True)
class Budget:
    """What one column's discovery may cost."""

    rho: float
    delta: float
    rows: float
    """The noisy number of rows."""
    most: int
    """Bins at most, besides one for missing cells."""


def find_bins(name: str, column: Column, schema: ColumnSchema, m: Measure, budget: Budget) -> tuple[Bins, Codes]:
    """Return a column's bins, and the bin of each row, shape (n,); -1 where a row has none.

    Rows without a bin are left out of counts of the column, which only makes them less sensitive.
    """
    missing, sigma = m.counts(f"{name}: missing cells", np.array([column.missing.sum()]), budget.rho * 0.1)
    gaps = float(missing[0]) if missing[0] > 4 * sigma else 0.0
    rest = Budget(budget.rho * 0.9, budget.delta, budget.rows, budget.most)
    if column.levels is not None:
        found = _texts(name, column, m, rest, bool(gaps > 0.9 * budget.rows))
    elif column.values.dtype == bool:
        place = np.where(column.missing, -1, column.values.astype(np.int64))
        found = np.array([False, True]), np.arange(2), np.ones(2), place, 0.0, False
    else:
        found = _numbers(name, column, schema, m, rest)
    values, place, weights, codes, step, smooth = found
    if gaps:
        place, weights = np.append(place, place.max(initial=-1) + 1), np.append(weights, gaps)
        codes = np.where(column.missing, place[-1], codes)
    counts = np.maximum(np.round(weights), 1).astype(np.int64)
    return Bins(Atoms(values, counts, step, smooth), place, np.maximum(weights, 1e-9)), codes


def _texts(name: str, column: Column, m: Measure, budget: Budget, empty: bool) -> tuple[Any, ...]:
    here = ~column.missing
    levels: NDArray[np.object_] = column.levels if column.levels is not None else np.empty(0, object)
    exact = np.bincount(column.values[here], minlength=len(levels)) if len(levels) else np.zeros(0, np.int64)
    exact[exact == 0] = -(2**40)  # a level that no row has must not come out
    kept, noisy = m.common(f"{name}: values", exact, budget.rho, budget.delta)
    # By noisy count, ties by text: the order of the rows must not show.
    order = np.lexsort((levels[kept].astype(str), -noisy))
    kept, noisy = kept[order], noisy[order].astype(float)
    values = np.empty(len(kept), object)
    values[:] = levels[kept]
    place = np.minimum(np.arange(len(kept)), budget.most - 1)
    left = budget.rows - noisy.sum()
    index = np.full(len(levels) + 1, -1, np.int64)
    index[kept] = place
    # What is left over is one value more, where there is enough of it to be sure of.
    if OTHER not in values.tolist() and (left > 0.005 * budget.rows or not len(kept)) and not empty:
        other = int(place.max(initial=-1)) + 1
        values, place = np.append(values, np.array([OTHER], object)), np.append(place, other)
        noisy = np.append(noisy, max(left, 1.0))
        index[:-1][index[:-1] < 0] = other
    codes = np.where(here, index[np.where(here, column.values, len(levels))], -1)
    return values, place, noisy, codes, 0.0, False


def _numbers(name: str, column: Column, schema: ColumnSchema, m: Measure, budget: Budget) -> tuple[Any, ...]:
    here = ~column.missing
    dtype = column.values.dtype
    x = (column.values.astype("i8") if dtype.kind in "mM" else column.values)[here].astype(float)
    x = np.clip(np.nan_to_num(x, posinf=1e300, neginf=-1e300), -1e300, 1e300)
    step = _step(schema, dtype)
    distinct, exact = np.unique(x, return_counts=True)
    kept, noisy = m.common(f"{name}: repeated values", exact, budget.rho * 0.35, budget.delta / 2)
    spiked = noisy >= max(budget.rows / budget.most, 1)
    spikes = distinct[kept[spiked]]
    rest = x[~np.isin(x, spikes)]
    edges = np.empty(0)
    if schema.kind != "category" or not len(kept):
        edges = _edges(name, rest, step, m, Budget(budget.rho * 0.65, budget.delta / 2, budget.rows, budget.most))
    values, place, weights = _lattice(edges, spikes, step, dtype)
    # Values that came out as common give the bins their shape; the others share what little is left.
    known = dict(zip(distinct[kept].tolist(), noisy.tolist(), strict=True))
    share = np.array([known.get(v, np.nan) for v in values.tolist()], float)
    rare = min(known.values(), default=4) / 4
    weights = np.where(np.isnan(share), weights * rare, share)
    edges = _inner(edges)
    codes = np.full(len(column), -1, np.int64)
    row_bin = np.full(len(x), -1, np.int64)
    is_spike = np.isin(x, spikes)
    if len(edges) > 1:
        row_bin = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    spike_bin = np.searchsorted(spikes, x[is_spike])
    row_bin[is_spike] = max(len(edges) - 1, 0) + spike_bin
    # Bins without a single value of the grid do not exist: their rows go to the next one.
    used = np.unique(place)
    codes[here] = np.where(row_bin < 0, -1, np.minimum(np.searchsorted(used, row_bin), max(len(used) - 1, 0)))
    place = np.searchsorted(used, place)
    smooth = bool(len(values) > 100 and dtype.kind == "f" and step == 0)
    cast = values if dtype.kind == "f" else _whole(values).astype(dtype) if dtype.kind in "mM" else _whole(values)
    return cast.astype(dtype), place, weights, codes, step, smooth


def _edges(name: str, x: Floats, step: float, m: Measure, budget: Budget) -> Floats:
    """Return the edges of a number's bins: a range of common magnitudes (powers of two), halved at medians."""
    scale = step or 1.0
    sign = np.where(np.abs(x) < scale / 2, 0, np.sign(x)).astype(np.int64)
    with np.errstate(divide="ignore"):
        power = np.where(sign == 0, 0, np.clip(np.floor(np.log2(np.abs(x) / scale)), -_POWERS, _POWERS)).astype(int)
    size = 2 * _POWERS + 2
    at = np.where(sign == 0, size, size + sign * (power + _POWERS + 1))
    noisy, sigma = m.counts(f"{name}: magnitudes", np.bincount(at, minlength=2 * size + 1), budget.rho * 0.4)
    common = np.flatnonzero(noisy > 4 * sigma) - size
    rho = budget.rho * 0.6
    levels = min(int(np.log2(budget.most)), max(int(common.size), 1) + 3)
    # A median is off by some ranks: no more halvings than leave parts well above that.
    while levels > 1 and 10 * 2**levels / np.sqrt(8 * rho / (levels + _TAILS)) > noisy.sum():
        levels -= 1
    if not len(common):
        m.ledger.spend(f"{name}: quantiles", "none: no common magnitude", 0.0)
        return np.empty(0)
    low, high = _end(int(common[0]), False) * scale, _end(int(common[-1]), True) * scale
    if step:
        low, high = (np.floor(low / step) - 0.5) * step, (np.ceil(high / step) + 0.5) * step
    edges = m.medians(f"{name}: quantiles", x, low, high, levels, rho)
    if step:
        edges = np.unique((np.round(edges / step - 0.5) + 0.5) * step)
    return edges


def _end(magnitude: int, upper: bool) -> float:
    """Return the end of a stretch of magnitudes that is farther up, or down."""
    if magnitude == 0:
        return 0.0
    outer = magnitude > 0 if upper else magnitude < 0
    return float(np.sign(magnitude) * 2.0 ** (abs(magnitude) - _POWERS - 1 + outer))


def _lattice(edges: Floats, spikes: Floats, step: float, dtype: Any) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Return the values that may be drawn, sorted, with their bins and even weights."""
    inner = _inner(edges)
    values, place = [spikes], [max(len(inner) - 1, 0) + np.arange(len(spikes))]
    even = [np.ones(len(spikes))]
    for a, b in pairwise(edges):
        n = int(min(round((b - a) / step), _POINTS)) if step else _POINTS
        inside = a + (b - a) * (np.arange(n) + 0.5) / max(n, 1)
        if step:
            inside = np.unique(np.round(inside / step) * step)
            inside = np.round(inside, 12) if step < 1 else inside
        inside = np.setdiff1d(inside, spikes)
        home = int(np.clip(np.searchsorted(inner, (a + b) / 2) - 1, 0, len(inner) - 2))
        values.append(inside)
        place.append(np.full(len(inside), home))
        # Pieces of an outer bin hold a half, a quarter and a quarter of its rows.
        depth = int(((edges > inner[home]) & (edges < inner[home + 1])).sum())
        rank = int((edges[1:-1] < a + (b - a) / 2).sum()) if home == 0 else int((edges[1:-1] > a + (b - a) / 2).sum())
        mass = 1.0 if not depth else 0.5 ** max(depth - rank, 1) if rank else 0.5**depth
        even.append(np.full(len(inside), mass / max(len(inside), 1)))
    if not sum(map(len, values)):
        values, place, even = [np.zeros(1)], [np.zeros(1, np.int64)], [np.ones(1)]
    all_values, all_places = np.concatenate(values), np.concatenate(place)
    if np.dtype(dtype).kind != "f":
        all_values = _whole(all_values).astype(float)
    all_values, first = np.unique(all_values, return_index=True)
    weights = np.concatenate(even)[first]
    return all_values, all_places[first].astype(np.int64), weights / max(weights.mean(), 1e-300)


def _inner(edges: Floats) -> Floats:
    """Return the edges of the bins, without those that only shape the two outer ones."""
    return (
        np.concatenate([edges[:1], edges[1 + _TAILS : -1 - _TAILS], edges[-1:]]) if len(edges) > 4 + _TAILS else edges
    )


def _whole(values: Floats) -> NDArray[np.int64]:
    return np.clip(np.round(values), -(2.0**62), 2.0**62).astype(np.int64)


def _step(schema: ColumnSchema, dtype: np.dtype[Any]) -> float:
    """Return the grid of a column's values, from the schema alone; 0 where there is none."""
    if dtype.kind == "M":
        return 86_400e6 if schema.dtype == "date" else 1e6
    if dtype.kind in "im":
        return 1.0
    return float(10.0**-schema.decimals) if schema.decimals is not None and schema.decimals < 12 else 0.0
