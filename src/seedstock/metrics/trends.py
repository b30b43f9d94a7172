"""Pair trends: how far the dependence of each pair of columns is from the real one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._columns import Trio, trios

BINS = 10


@dataclass(frozen=True)
class Trends:
    """Mean over pairs of columns of the error in their joint behaviour, in percent: ``trend_error``.

    Two numbers: half the absolute difference of the Pearson correlations. Two categories: total variation of the
    joint shares, missing as a category of its own. A number with a category: the number in ten equal bins first.
    All pairs are kept, also weak ones; pairs without a defined correlation (a constant column) are left out. All
    rows are used.

    The published definition bins each table by its own range. Where the ranges differ, because of one outlier
    say, equal distributions then look different, so the details also carry ``common_bins``: the same with the
    training table's bins for both.

    For heat maps, the details carry one matrix a table: Pearson's correlation of two numbers, bias-corrected
    Cramér's V of all other pairs (numbers in ten equally full bins), over the first `max_matrix` columns.
    """

    max_matrix: int = 60

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        columns, left_out = trios(evidence)
        prepared = [_Prepared.of(t) for t in columns]
        pairs: list[dict[str, Any]] = []
        for a, b in combinations(prepared, 2):
            error, floor = pair_error(a, b, 2), pair_error(a, b, 1)
            common = error if a.numeric == b.numeric else pair_error(a, b, 2, common=True)
            pairs.append({"a": a.name, "b": b.name, "error": error, "floor": floor, "common": common})
        value, floor_value, common_value = (_mean([p[k] for p in pairs]) for k in ("error", "floor", "common"))
        worst = sorted((p for p in pairs if p["error"] == p["error"]), key=lambda p: -p["error"])[:20]
        details: dict[str, Any] = {
            "worst_pairs": [{**p, **{k: _json(p[k]) for k in ("error", "floor", "common")}} for p in worst],
            "n_pairs": len(pairs),
            "common_bins": _json(common_value),
            "left_out": left_out,
            "matrices": _matrices(prepared[: self.max_matrix]),
        }
        if np.isnan(value):
            details["why"] = "there is no pair of columns with a defined trend on both sides"
        good = 3.0 + (0.0 if np.isnan(floor_value) else floor_value)
        return [Score("trend_error", value, floor_value, "low", good, n=len(evidence.synthetic.table), details=details)]


@dataclass(frozen=True)
class _Prepared:
    """A column's three parts as numbers, or as codes from 0, with bins for numbers."""

    name: str
    numeric: bool
    values: tuple[NDArray[np.float64], ...]
    own: tuple[NDArray[np.int64] | None, ...]
    common: tuple[NDArray[np.int64] | None, ...]
    full: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, trio: Trio) -> _Prepared:
        if not trio.numeric:
            codes = tuple(np.asarray(x, np.int64) + 1 for x in trio.parts)
            return cls(trio.name, False, (), codes, codes, codes)
        values = tuple(np.where(np.isfinite(x), x, np.nan) for x in trio.parts)
        edges = [_edges(x) for x in values]
        own = tuple(None if e is None else np.digitize(x, e) for x, e in zip(values, edges, strict=True))
        first = edges[0]
        if first is not None:
            first = np.r_[-np.inf, first[1:-1], np.inf]
        common = tuple(None if first is None else np.digitize(x, first) for x in values)
        here = values[0][~np.isnan(values[0])]
        cuts = np.unique(np.quantile(here, np.arange(1, BINS) / BINS)) if len(here) else np.zeros(0)
        full = tuple(np.where(np.isnan(x), 0, 1 + np.searchsorted(cuts, x, "right")) for x in values)
        return cls(trio.name, True, values, own, common, full)


def _edges(x: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the bin edges of a number, as in the published definition; None where there are none."""
    here = x[~np.isnan(x)]
    if len(here) and not np.isfinite(here.max() - here.min() if abs(here).max() < 1e300 else np.inf):
        return None
    try:
        edges = np.histogram_bin_edges(here, BINS)
    except ValueError:  # a range too small to be cut in ten
        return None
    return edges if np.all(np.diff(edges) > 0) else None


def pair_error(a: _Prepared, b: _Prepared, part: int, common: bool = False) -> float:
    """Return the error, in percent, of a pair's trend in one part (1 holdout, 2 synthetic) against train."""
    if a.numeric and b.numeric:
        r, s = (pearson(a.values[k], b.values[k]) for k in (0, part))
        return 100 * abs(r - s) / 2
    coded = [x.common if common else x.own for x in (a, b)]
    cells = [coded[0][0], coded[1][0], coded[0][part], coded[1][part]]
    if any(c is None for c in cells) or not len(cells[0]) or not len(cells[2]):  # type: ignore[arg-type]
        return float("nan")
    return 100 * joint_tv(*cells)  # type: ignore[arg-type]


def pearson(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return Pearson's correlation over the rows where both are known; NaN where one is constant.

    >>> round(pearson(np.array([1.0, 2.0, np.nan]), np.array([2.0, 4.0, 0.0])), 12)
    1.0
    """
    here = ~(np.isnan(x) | np.isnan(y))
    if here.sum() < 2:
        return float("nan")
    x, y = x[here], y[here]
    # Scaled by the greatest value first: squares of huge numbers would overflow, those of tiny ones vanish.
    centred = []
    for v in (x, y):
        if v.min() == v.max():
            return float("nan")
        v = v / np.abs(v).max()
        v = v - v.mean()
        centred.append(v / np.linalg.norm(v))
    return float(np.clip(centred[0] @ centred[1], -1, 1))


def joint_tv(a: NDArray[np.int64], b: NDArray[np.int64], c: NDArray[np.int64], d: NDArray[np.int64]) -> float:
    """Return the total variation between the joint shares of (a, b) and of (c, d), codes from 0."""
    k = int(max(b.max(), d.max())) + 1
    n_cells = (int(max(a.max(), c.max())) + 1) * k
    first, second = a * k + b, c * k + d
    if n_cells > 4 * (len(a) + len(c)) + 10_000:
        _, inverse = np.unique(np.concatenate([first, second]), return_inverse=True)
        inverse = inverse.reshape(-1)
        first, second, n_cells = inverse[: len(a)], inverse[len(a) :], int(inverse.max()) + 1
    p = np.bincount(first, minlength=n_cells) / len(a)
    q = np.bincount(second, minlength=n_cells) / len(c)
    return float(0.5 * np.abs(p - q).sum())


def cramers_v(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Return the bias-corrected Cramér's V (Bergsma 2013) of two code columns; NaN where one is constant."""
    n = len(a)
    _, i = np.unique(a, return_inverse=True)
    _, j = np.unique(b, return_inverse=True)
    r, k = int(i.max(initial=-1)) + 1, int(j.max(initial=-1)) + 1
    if n < 2 or min(r, k) < 2:
        return float("nan")
    if r * k > 4 * n + 100_000:
        return float("nan")
    table = np.bincount(i.reshape(-1) * k + j.reshape(-1), minlength=r * k).reshape(r, k)
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / n
    phi2 = float(((table - expected) ** 2 / expected).sum() / n)
    phi2 = max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1))
    r_, k_ = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    return float(np.sqrt(min(1.0, phi2 / (min(r_, k_) - 1)))) if min(r_, k_) > 1 else float("nan")


def _matrices(columns: list[_Prepared]) -> dict[str, Any]:
    d = len(columns)
    out = {}
    for name, part in (("real", 0), ("synthetic", 2)):
        m = np.eye(d)
        for (i, a), (j, b) in combinations(enumerate(columns), 2):
            if a.numeric and b.numeric:
                m[i, j] = m[j, i] = pearson(a.values[part], b.values[part])
            else:
                m[i, j] = m[j, i] = cramers_v(a.full[part], b.full[part])
        out[name] = m
    out["difference"] = out["synthetic"] - out["real"]
    rounded = {k: [[None if np.isnan(v) else round(float(v), 4) for v in row] for row in m] for k, m in out.items()}
    return {"columns": [c.name for c in columns], **rounded}


def _mean(values: list[float]) -> float:
    known = [v for v in values if not np.isnan(v)]
    return float(np.mean(known)) if known else float("nan")


def _json(x: float) -> float | None:
    return None if np.isnan(x) else x


METRIC = Trends
TINY = Trends()
SOURCE = "SDMetrics quality report, column pair trends: CorrelationSimilarity and ContingencySimilarity"
