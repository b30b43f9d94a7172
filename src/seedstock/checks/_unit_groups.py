"""Groups of rows that were measured in another unit than all the others: one site in pounds, one in Fahrenheit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from seedstock.checks._cells import present_levels
from seedstock.core.table import Dataset

_SOURCE = re.compile(
    r"(?i)(?:^|[^a-z])(?:source|site|batch|lab|laboratory|plate|run|device|sensor|instrument|machine|scanner|operator"
    r"|hospital|clinic|cent(?:er|re)|station|file|origin|vendor|provider|supplier|branch|plant|system|version|wave"
    r"|country|region|unit)(?:$|[^a-z])"
)
_LEAST = 20
_MOST_GROUPS = 60
_MOST_ROWS = 0.4
_SAMPLE = 2_000
Values = NDArray[np.float64]
Conversion = tuple[float, str, Callable[[Values], Values]]


def is_source(name: str) -> bool:
    """Tell whether a column's name says where rows come from.

    >>> is_source("site_id"), is_source("LAB"), is_source("colour")
    (True, True, False)
    """
    return bool(_SOURCE.search(name))


def groupings(data: Dataset, apart_from: str) -> Iterator[tuple[str, list[tuple[str, NDArray[np.int64]]]]]:
    """Yield the columns that divide the rows into groups, each with its levels' rows."""
    for name, column in data.table.columns.items():
        if name in (apart_from, data.columns.target) or not column.is_text or data.columns[name].kind != "category":
            continue
        levels, counts, codes = present_levels(column)
        if 2 <= len(levels) <= _MOST_GROUPS and (counts >= _LEAST).sum() >= 2:
            yield name, [(str(levels[k]), np.flatnonzero(codes == k)) for k in np.flatnonzero(counts >= _LEAST)]


def converted_group(
    x: Values, groups: list[tuple[str, NDArray[np.int64]]], factors: Mapping[float, str]
) -> tuple[str, NDArray[np.int64], float, str] | None:
    """Return the group that is off by a unit, its rows, the factor (NaN for temperatures) and what it looks like.

    All other groups must agree in their middles, and the group must have their very distribution once it is converted:
    groups differ for many reasons, and few of these keep the shape and hit a conversion factor. Still, ask it of
    sources (`is_source`) alone: of twenty factors one fits a natural difference now and then.

    Parameters
    ----------
    x : float64 ndarray, shape (n,)
        NaN where a value is missing.

    Examples
    --------
    >>> g = np.random.default_rng(0)
    >>> x = g.normal(75, 9, 900)
    >>> x[600:] *= 2.20462
    >>> groups = [("a", np.arange(300)), ("b", np.arange(300, 600)), ("c", np.arange(600, 900))]
    >>> converted_group(x, groups, {2.20462: "pounds"})[2:]
    (2.20462, 'pounds')
    """
    parts = [(name, rows, x[rows][np.isfinite(x[rows])]) for name, rows in groups]
    parts = [p for p in parts if len(p[2]) >= _LEAST]
    total = sum(len(p[2]) for p in parts)
    for name, rows, own in sorted(parts, key=lambda p: len(p[2])):
        rest = [p[2] for p in parts if p[0] != name]
        if not rest or len(own) > _MOST_ROWS * total or not _agree(rest):
            continue
        others = np.concatenate(rest)
        spread = float(np.subtract(*np.quantile(others, [0.75, 0.25]))) / 1.349
        if spread <= 0 or abs(float(np.median(own)) - float(np.median(others))) < 2 * spread:
            continue
        for factor, what, back in _conversions(factors, others):
            if _alike(back(own), others):
                known = rows[np.isfinite(x[rows])]
                return name, known, factor, what
    return None


def _conversions(factors: Mapping[float, str], others: Values) -> Iterator[Conversion]:
    if (others > 0).mean() > 0.98:
        for factor, what in factors.items():
            for f in (factor, 1.0 / factor):
                yield f, what, partial(np.multiply, 1.0 / f)
    if -60 < float(np.median(others)) < 230:
        yield np.nan, "Fahrenheit among Celsius", lambda v: (v - 32) / 1.8
        yield np.nan, "Celsius among Fahrenheit", lambda v: v * 1.8 + 32


def _agree(parts: list[Values]) -> bool:
    """Tell whether the middles of all groups lie within half of their common spread."""
    middles = np.array([np.median(p) for p in parts])
    spread = float(np.median([np.subtract(*np.quantile(p, [0.75, 0.25])) for p in parts])) / 1.349
    return bool(np.ptp(middles) <= 0.5 * spread)


def _alike(a: Values, b: Values) -> bool:
    """Tell whether two samples are of one distribution, but for rounding."""
    a, b = (v[:: max(1, len(v) // _SAMPLE)] for v in (a, b))
    size = len(a) * len(b) / (len(a) + len(b))
    return bool(ks_2samp(a, b).statistic <= 0.04 + 1.36 / np.sqrt(size))
