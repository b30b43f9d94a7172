"""Columns as atoms: the distinct values of a column in order, and each cell as a code into them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.calendar import Calendar

Codes = NDArray[np.int64]

FEW = 5
"""A value that at most this many rows have may single a row out."""


@dataclass(frozen=True, eq=False)
class Atoms:
    """The distinct values of one column, sorted, with the missing cell as a last atom of its own.

    Attributes
    ----------
    values : ndarray, shape (k,)
        Sorted distinct values; for texts an object array in order of frequency.
    counts : int64 ndarray, shape (k,) or (k + 1,)
        Rows of each atom; one more entry where cells were missing.
    step : float
        Grid of the numbers or times (in microseconds); 0 where there is none.
    smooth : bool
        Whether `column` may draw values between the atoms: numbers or times that hardly ever repeat.
    """

    values: NDArray[Any]
    counts: NDArray[np.int64]
    step: float
    smooth: bool

    @property
    def is_text(self) -> bool:
        return self.values.dtype == object

    @property
    def k(self) -> int:
        """Number of atoms, the missing one included."""
        return len(self.counts)

    @property
    def ordered(self) -> bool:
        """Whether the codes follow an order of size."""
        return not self.is_text

    @classmethod
    def fit(cls, column: Column, schema: ColumnSchema) -> tuple[Atoms, Codes]:
        """Return a column's atoms, and its codes, shape (n,)."""
        here = ~column.missing
        codes = np.empty(len(column), np.int64)
        if column.levels is not None:
            counts = np.bincount(column.values[here], minlength=len(column.levels))
            # Ties by text, so that the order of the rows does not matter.
            order = np.lexsort((column.levels.astype(str), -counts)) if len(counts) else np.zeros(0, np.int64)
            order = order[counts[order] > 0]
            place = np.empty(len(counts), np.int64)
            place[order] = np.arange(len(order))
            codes[here] = place[column.values[here]]
            values, counts = column.levels[order], counts[order]
            step, smooth = 0.0, False
        else:
            values, inverse, counts = np.unique(column.values[here], return_inverse=True, return_counts=True)
            codes[here] = inverse
            step = _grid(values, schema)
            smooth = _is_smooth(values, counts)
        missing = int(column.missing.sum())
        if missing:
            codes[~here] = len(values)
            counts = np.append(counts, missing)
        return cls(values, counts.astype(np.int64), step, smooth), codes

    def recounted(self, codes: Codes) -> Atoms:
        """Return the same values as other rows have them, by their codes: how often, and whether they fill a range.

        >>> hosts = Atoms(np.array([22, 443]), np.array([900, 100]), 1.0, False)
        >>> hosts.recounted(np.array([0, 0, 1])).counts.tolist()
        [2, 1]
        """
        counts = np.bincount(codes, minlength=self.k).astype(np.int64)
        smooth = not self.is_text and _is_smooth(self.values, counts[: len(self.values)])
        return Atoms(self.values, counts, self.step, smooth)

    def encode(self, column: Column) -> Codes:
        """Return the codes of other cells, shape (n,): numbers by their nearest atom, unknown texts as -1.

        A missing cell is -1 too where none was missing in the data that were fitted.
        """
        codes = np.full(len(column), self.k - 1 if self.k > len(self.values) else -1, np.int64)
        here = ~column.missing
        if column.levels is not None:
            if not self.is_text:
                raise InputError("a condition on a number or a time must be one, not a text")
            index = {v: i for i, v in enumerate(self.values)}
            place = np.array([index.get(t, -1) for t in column.levels], np.int64)
            codes[here] = place[column.values[here]] if len(place) else -1
        elif self.is_text:
            raise InputError("a condition on a text column must be a text")
        elif len(self.values):
            codes[here] = nearest(self.values, column.values[here])
        return codes

    def column(self, codes: Codes, rng: np.random.Generator) -> Column:
        """Return the cells of these codes; smooth columns get values between the atom's neighbours."""
        missing = codes >= len(self.values)
        if not len(self.values):
            return Column(np.zeros(len(codes), np.int32 if self.is_text else self.values.dtype), missing,
                          np.empty(0, object) if self.is_text else None)  # fmt: skip
        safe = np.where(missing, 0, codes)
        if self.is_text:
            return Column(safe.astype(np.int32), missing, self.values)
        values = self.values[safe]
        return Column(self._between(safe, rng) if self.smooth else values, missing)

    def _between(self, codes: Codes, rng: np.random.Generator) -> NDArray[Any]:
        """Draw uniformly between the midpoints to both neighbours, on the grid; repeated values stay."""
        values = self.values[codes]
        x = self.values.astype("i8") if self.values.dtype.kind in "mM" else self.values
        x = x.astype(float)
        left, right = x[np.maximum(codes - 1, 0)], x[np.minimum(codes + 1, len(x) - 1)]
        here = x[codes]
        u = rng.random(len(codes))
        with np.errstate(invalid="ignore"):
            new = (here + left) / 2 * (1 - u) + (here + right) / 2 * u
        keep = (self.counts[codes] > FEW) | ~np.isfinite(new)
        if self.step:
            # Whole numbers and times: the grid runs through the values, which need not be multiples of the step.
            origin = 0.0 if self.values.dtype.kind == "f" else x[0]
            new = np.round((new - origin) / self.step) * self.step + origin
        if self.values.dtype.kind in "imM":
            # Whole numbers beyond 2**53 would lose digits in float64.
            keep |= np.abs(here) > 2**53
            whole = np.round(np.where(keep, 0.0, new)).astype("i8")
            if self._calendar is not None:
                whole = self._on_grid(self._calendar.between(codes, whole, rng))
            drawn = whole.astype(values.dtype)
        else:
            drawn = np.round(new, _decimals(self.step)) if self.step else new
        return np.where(keep, values, drawn)

    def _on_grid(self, moments: NDArray[np.int64]) -> NDArray[np.int64]:
        origin, step = int(self.values[0].astype("i8")), max(int(self.step), 1)
        return (moments - origin + step // 2) // step * step + origin

    @cached_property
    def _calendar(self) -> Calendar | None:
        return Calendar.of(self.values, self.counts[: len(self.values)]) if self.values.dtype.kind == "M" else None


def _is_smooth(values: NDArray[Any], counts: NDArray[np.int64]) -> bool:
    """Where most rows share their value with another, the values are a set to keep, not a sample to fill in."""
    alone = counts[counts <= FEW].sum()
    return bool(len(values) > 100 and values.dtype != bool and alone >= 0.5 * counts.sum())


def nearest(values: NDArray[Any], wanted: NDArray[Any]) -> Codes:
    """Return for each wanted number or time the index of the nearest of the sorted values."""
    right = np.clip(np.searchsorted(values, wanted), 0, len(values) - 1)
    left = np.maximum(right - 1, 0)
    if values.dtype == bool:
        return right.astype(np.int64)
    with np.errstate(invalid="ignore", over="ignore"):
        nearer = np.abs(wanted - values[left]) < np.abs(values[right] - wanted)
    return np.where(nearer, left, right).astype(np.int64)


def _grid(values: NDArray[Any], schema: ColumnSchema) -> float:
    """Return the step of the grid that all values lie on, 0 where there is none."""
    if values.dtype.kind in "mM":
        whole = np.diff(values.astype("i8"))
        return float(np.gcd.reduce(whole)) if len(whole) else 1.0
    if values.dtype.kind == "i":
        # Differences of far apart int64 values overflow; the grid of such columns does not matter.
        spread = values.astype(float)
        if not len(values) or np.abs(spread).max() > 2**52:
            return 1.0
        return float(max(np.gcd.reduce(values - values[0]), 1)) if len(values) > 1 else 1.0
    return grid_of(values, schema.decimals) if values.dtype.kind == "f" and schema.decimals is not None else 0.0


def grid_of(values: NDArray[np.float64], decimals: int) -> float:
    """Return the coarsest step whose multiples all finite values are; they have so many decimals at most.

    Whole numbers with gaps are often written as 13.0, and prices end in 5 or 0.

    >>> grid_of(np.array([2.0, 7.0, np.inf]), 1), grid_of(np.array([0.1, 0.25]), 2), grid_of(np.array([0.0]), 2)
    (1.0, 0.05, 0.01)
    """
    x = values[np.isfinite(values)]
    if not len(x) or np.abs(x).max() >= 2**52 / 10.0**decimals:
        return float(10.0**-decimals)
    whole = np.round(x * 10.0**decimals).astype("i8")
    return float(max(np.gcd.reduce(whole), 1) / 10**decimals)


def _decimals(step: float) -> int:
    """Return how many decimals the multiples of a step have.

    >>> _decimals(0.05), _decimals(5.0), _decimals(0.001)
    (2, 0, 3)
    """
    return next((d for d in range(16) if abs(step * 10**d - round(step * 10**d)) <= 1e-6 * step * 10**d), 16)
