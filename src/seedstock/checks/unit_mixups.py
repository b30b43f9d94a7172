"""Unit and scale mix-ups: a cluster of values off by a known factor, or in another temperature scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from seedstock.checks._cells import cell_text, clip, counted, numbers, plain
from seedstock.checks._frame import frame, sample
from seedstock.checks._unit_groups import converted_group, groupings, is_source
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "unit_mixups"
FACTORS: dict[float, str] = {
    10.0: "a factor of 10",
    100.0: "a factor of 100 (per cent, cents, centimetres)",
    1000.0: "a factor of 1000 (grams and kilograms, milliseconds and seconds)",
    1e6: "a factor of a million",
    2.20462: "pounds and kilograms",
    2.54: "inches and centimetres",
    25.4: "inches and millimetres",
    3.28084: "feet and metres",
    30.48: "feet and centimetres",
    1.60934: "miles and kilometres",
    60.0: "minutes and seconds",
    3600.0: "hours and seconds",
    24.0: "days and hours",
    7.0: "weeks and days",
    12.0: "years and months",
    365.25: "years and days",
    28.3495: "ounces and grams",
    3.78541: "gallons and litres",
    18.0182: "mmol/l and mg/dl of glucose",
    4.184: "calories and joules",
}
_LEAST = 3
_MOST_COLUMNS = 25
_LEARNED_ROWS = 6_000


@dataclass(frozen=True)
class UnitMixups:
    """Finds values of one column that were measured in another unit.

    The log of the column, less what the other columns say about it where they say anything, is a mixture of one
    cluster and a copy of it that is shifted by the log of a known conversion factor. The copy must stand apart from the
    main cluster, with next to nothing between them. Temperatures are tried on their own scale. A group of rows, such as
    one site's, may be off as a whole: then the other groups agree, and it has their distribution once it is converted.
    """

    false_alarms: ClassVar[float] = 0.03
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return at most one finding a column."""
        out: list[Finding] = []
        for name in data.columns.of_kind("number", "duration")[:_MOST_COLUMNS]:
            if name == data.columns.target and data.table[name].is_text:
                continue
            x = numbers(data.table[name])
            if x is None:
                continue
            known = np.flatnonzero(np.isfinite(x) & (x != 0))
            if len(known) < 60 or len(np.unique(x[known])) < 15:
                continue
            found = None
            if (x[known] > 0).mean() > 0.98:
                rows = known[x[known] > 0]
                found = _shifted(np.log(x[rows]), rows)
                if found is None:
                    found = _explained(data, name, x, rows, rng.child(name))
            if found is None:
                found = _fahrenheit(x, np.flatnonzero(np.isfinite(x)))
            if found is not None:
                out.append(_finding(data, name, x, *found))
            else:
                out += _of_groups(data, name, x)
        return out


def _of_groups(data: Dataset, name: str, x: NDArray[np.float64]) -> list[Finding]:
    """Find one group of rows, such as one site's, in another unit."""
    for by, groups in groupings(data, name):
        found = converted_group(x, groups, FACTORS) if is_source(by) else None
        if found is not None:
            level, rows, factor, what = found
            return [_finding(data, name, x, rows, factor, what, f" where {by!r} is {clip(level)}")]
    return []


Found = tuple[NDArray[np.int64], float, str]


def _shifted(z: NDArray[np.float64], rows: NDArray[np.int64]) -> Found | None:
    """Find a cluster shifted by the log of a factor: the rows, the factor to divide by, and its name.

    The cluster must have the main one's shape: its middle at the factor within its own error, its spread no larger
    than the main one's.
    """
    middle = float(np.median(z))
    # Skewed clusters have another spread on each side.
    low, high = ((abs(middle - float(np.quantile(z, q))) / 0.6745) for q in (0.25, 0.75))
    if min(low, high) <= 0:
        low = high = max(low, high, float(np.std(z)) / 3)
    if low <= 0:
        return None
    best: tuple[float, Found] | None = None
    for factor, what in FACTORS.items():
        for sign in (1, -1):
            shift = sign * np.log(factor)
            # Closer than this the two clusters cannot be told apart row by row.
            if abs(shift) < 2.2 * (low + high):
                continue
            u, v = _units(z - middle, low, high), _units(z - middle - shift, low, high)
            nearer = np.abs(z - middle - shift) < 0.5 * abs(shift)
            hit = (np.abs(v) < 3.2) & nearer
            n = int(hit.sum())
            if n < _LEAST or n > 0.3 * len(z):
                continue
            # Nothing between the two clusters, nothing beyond.
            outside = (u * sign > 3.2) & ~hit
            if outside.sum() > 0.15 * n:
                continue
            # The copy has its middle at the factor, and is no wider than the original.
            centre = float(np.median(v[hit]))
            width = float(np.median(np.abs(v[hit] - centre))) / 0.6745
            error = 1.25 * max(width, 0.2) / np.sqrt(n)
            if abs(centre) > min(3.5 * error + 0.05, 0.8) or width > 1.7:
                continue
            # What would the main cluster's own tail give there? A normal tail, with room.
            expected = len(z) * (norm.sf(abs(shift) / (high if sign > 0 else low) - 3.0) * 3 + 1e-4)
            if n < 4 * expected + _LEAST - 1:
                continue
            score = n - 0.3 * n * abs(centre)
            if best is None or score > best[0]:
                best = (score, (rows[hit], float(factor**sign), what))
    return None if best is None else best[1]


def _units(x: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return np.where(x > 0, x / high, x / low)


def _explained(data: Dataset, name: str, x: NDArray[np.float64], rows: NDArray[np.int64], rng: Rng) -> Found | None:
    """Look for a shifted cluster in what other columns leave unexplained."""
    z = np.log(x[rows])
    spread = float(np.subtract(*np.quantile(z, [0.75, 0.25]))) / 1.349
    if len(rows) < 200 or spread <= 0:
        return None
    chosen = rows[sample(len(rows), _LEARNED_ROWS, rng.child("rows").generator())]
    X = frame(data, chosen, drop=(name,)).linear()
    if not X.shape[1]:
        return None
    y = np.log(x[chosen])
    # Squared error would follow the odd values; clipped ones cannot pull.
    low, high = np.quantile(y, [0.02, 0.98])
    design = np.column_stack([X, np.ones(len(X))])
    gram = design.T @ design + 1e-3 * len(X) * np.eye(design.shape[1])
    left = y - design @ np.linalg.solve(gram, design.T @ np.clip(y, low, high))
    residual_spread = float(np.median(np.abs(left - np.median(left)))) / 0.6745
    if residual_spread > 0.75 * spread:
        return None
    return _shifted(left, chosen)


def _fahrenheit(x: NDArray[np.float64], rows: NDArray[np.int64]) -> Found | None:
    """Find degrees Fahrenheit among Celsius (or the reverse): an affine copy, apart from the main cluster."""
    z = x[rows]
    middle = float(np.median(z))
    spread = float(np.median(np.abs(z - middle))) / 0.6745
    if spread <= 0 or not -60 < middle < 230:
        return None
    for to_celsius in (True, False):
        centre = middle * 1.8 + 32 if to_celsius else (middle - 32) / 1.8
        width = spread * 1.8 if to_celsius else spread / 1.8
        if abs(centre - middle) < 3.2 * (spread + width) or abs(middle) > 150:
            continue
        hit = np.abs(z - centre) < np.abs(z - middle)
        n = int(hit.sum())
        if n < _LEAST or n > 0.3 * len(z):
            continue
        # Both may have tails, and there is a gap between them.
        gap = z[hit].min() - z[~hit].max() if centre > middle else z[~hit].min() - z[hit].max()
        own = float(np.median(z[hit]))
        own_width = float(np.median(np.abs(z[hit] - own))) / 0.6745
        near = (np.abs(z[hit] - centre) < 4 * width).mean()
        if gap < 0.25 * abs(centre - middle) or own_width > 1.7 * width or near < 0.8:
            continue
        if abs(own - centre) < 3 * width / np.sqrt(n) + 0.3 * width:
            return rows[hit], np.nan, "Fahrenheit among Celsius" if to_celsius else "Celsius among Fahrenheit"
    return None


def _finding(
    data: Dataset, name: str, x: NDArray[np.float64], rows: NDArray[np.int64], factor: float, what: str, where: str = ""
) -> Finding:
    rows = np.sort(rows)
    column = data.table[name]
    if np.isnan(factor):
        mended = (x[rows] - 32) / 1.8 if what.startswith("Fahrenheit") else x[rows] * 1.8 + 32
    else:
        mended = x[rows] / factor
    decimals = data.columns[name].decimals
    mended = np.round(mended, 6 if decimals is None else min(decimals + 1, 10))
    edits: list[Edit] = []
    if data.columns[name].kind == "number":
        for r, v in zip(rows.tolist(), mended.tolist(), strict=True):
            before = cell_text(column, r)
            edits.append(Edit(data.name, r, name, before, plain(repr(v)), NAME, 0.8, False, f"converted: {what}"))
    by = "" if np.isnan(factor) else f", {max(factor, 1 / factor):.6g} times {'larger' if factor > 1 else 'smaller'}"
    return Finding(
        NAME, data.name, name, tuple(rows.tolist()), "high" if len(rows) >= 5 else "medium", 0.85,
        f"{counted(len(rows), 'value')} of {name!r}{where} form a cluster of their own{by}: it looks like {what}.",
        "Convert these values to the unit of the others.", tuple(edits),
        {"factor": None if np.isnan(factor) else factor},
    )  # fmt: skip


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Multiply a share of a positive column by 1000."""
    n = len(data.table)
    g = rng.generator()
    for name in data.columns.of_kind("number"):
        column = data.table[name]
        x = numbers(column)
        if x is None or name == data.columns.target or not (x[np.isfinite(x)] > 0).all():
            continue
        z = np.log(x[np.isfinite(x)])
        if column.values.dtype.kind != "f" or z.std() * 4 > np.log(1000.0):
            continue
        rows = np.sort(g.choice(np.flatnonzero(np.isfinite(x)), max(3, round(share * n)), replace=False))
        values = column.values.copy()
        values[rows] *= 1000.0
        return data.with_table(data.table.assign({name: Column(values, column.missing)})), rows
    return data, None


CHECK = UnitMixups
SOURCE = "Log-scale mixture with shifts fixed to conversion factors; factors by the SI brochure and NIST SP 811."
