"""Outliers: values that the column's own tail does not reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv
from scipy.stats import norm
from sklearn.ensemble import IsolationForest

from seedstock.checks._cells import cell_text, clip, counted, numbers, present_levels
from seedstock.checks._fit import quiet
from seedstock.checks._frame import frame, sample
from seedstock.checks._joint import normal_scores, residuals, spots
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "outliers"
_LEAST = 40
_RARE = 0.01
_MOST_SHARE = 0.12
_GAP = 0.15
_SPIKE = 0.2
_FOREST_ROWS = 20_000
_MOST_JOINT = 0.05
_LEAST_OF_A_KIND = 20


@dataclass(frozen=True)
class Outliers:
    """Finds values beyond what a column's tail extends to, and rows of odd combinations.

    The tail is extended from its quantiles, as an exponential one and, for positive columns, as a Pareto one; the
    farther extension counts, so heavy-tailed and many-humped columns are not punished. What lies beyond it and apart
    from its neighbours is reported. So are rows with a number far from what the columns that it follows say, and crowds
    in one spot of two columns. Odd combinations (isolation forest) are of low severity: rare situations are data.
    """

    false_alarms: ClassVar[float] = 0.03
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return at most one finding a column, and three for the rows."""
        out: list[Finding] = []
        for name in data.columns.of_kind("number", "datetime", "duration"):
            x = numbers(data.table[name])
            if x is None:
                continue
            hit, far = beyond(x)
            hit &= ~_of_a_kind(data, hit, x)
            if hit.any():
                out.append(_finding(data, name, hit, far))
        return out + _together(data) + _combinations(data, rng)


def beyond(x: NDArray[np.float64]) -> tuple[NDArray[np.bool_], float]:
    """Return which values lie beyond their column's extended tails, and how far the farthest does, in tail lengths.

    >>> g = np.random.default_rng(0)
    >>> beyond(np.append(g.normal(size=500), 30.0))[0].nonzero()[0].tolist()
    [500]
    """
    none = np.zeros(len(x), bool)
    known = np.isfinite(x)
    values, counts = np.unique(x[known], return_counts=True)
    # A column of zeros with a few amounts: the amounts are judged among themselves.
    spikes = values[counts >= _SPIKE * known.sum()]
    known &= ~np.isin(x, spikes)
    n = int(known.sum())
    if n < _LEAST or len(values) < 25:
        return none, 0.0
    x = np.where(known, x, np.nan)
    high, far_high = _upper(x, x[known])
    low, far_low = _upper(-x, -x[known])
    hit = known & (high | low)
    if hit.sum() > max(_MOST_SHARE * n, 3):
        return none, 0.0
    return hit, max(far_high, far_low)


def _of_a_kind(data: Dataset, hit: NDArray[np.bool_], x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the rows of categories most of whose rows are hit: what costs more is no outlier, unless among its kind.

    One category in hundreds may be so by chance, or hold the odd rows alone; so it must have some share of the rows.
    """
    out = np.zeros(len(hit), bool)
    if hit.sum() < _LEAST_OF_A_KIND:
        return out
    for name in data.columns.of_kind("category"):
        if not data.table[name].is_text or name == data.columns.target:
            continue
        _, counts, codes = present_levels(data.table[name])
        hits = np.bincount(codes[hit & (codes >= 0)], minlength=len(counts))
        whole = (hits >= 0.7 * counts) & (counts >= max(_LEAST_OF_A_KIND, 0.03 * len(hit)))
        for k in np.flatnonzero(whole).tolist():
            own = np.flatnonzero(codes == k)
            out[own] |= ~beyond(x[own])[0]
    return out


def _upper(x: NDArray[np.float64], known: NDArray[np.float64]) -> tuple[NDArray[np.bool_], float]:
    """Return the values above a gap that the tail below it does not bridge, and how far they lie."""
    none = np.zeros(len(x), bool)
    order = np.sort(known)
    n = len(order)
    middle = float(np.median(order))
    first = max(int((1 - _MOST_SHARE) * n), 10)
    below = order[first - 1 : -1]
    # Gaps in units of the distance from the middle: those of a tail shrink, those before odd values do not.
    gap = np.diff(order[first - 1 :]) / np.maximum(below - middle, 1e-300)
    wide = np.flatnonzero(gap >= _GAP)
    wide = np.sort(wide[np.argsort(-gap[wide], kind="stable")[:4]])
    for start in (first + wide).tolist():
        body, k = order[:start], n - start
        # So many values above, that a tail with this chance of one gives as many in 1 % of all tables only.
        limit = _reach(body, float(gammaincinv(k, _RARE)) / n)
        if order[start] > limit:
            far = float((order[-1] - limit) / max(limit - middle, 1e-300))
            return np.isfinite(x) & (x >= order[start]), far
    return none, 0.0


def _reach(body: NDArray[np.float64], goal: float) -> float:
    """Return the value above which a share `goal` of the rows lies, if the body's tail goes on.

    Four families of tails are lines in the right scales: normal, exponential, log-normal and Pareto. Those that fit the
    body's tail nearly as well as the best one are extended, and the farthest counts.
    """
    m = len(body)
    p = np.array([0.28, 0.24, 0.2, 0.17, 0.14, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02])
    p = p[p * m >= 3]
    if len(p) < 4:
        return np.inf
    values = body[((1 - p) * m).astype(int)]
    fits: list[tuple[float, float]] = []
    logs = np.log(values) if values[0] > 0 else None
    for v in (values, logs):
        if v is None:
            continue
        for depth, end in ((norm.isf(p), float(norm.isf(goal))), (-np.log(p), float(-np.log(goal)))):
            slope, _ = np.polyfit(depth, v, 1)
            line = v[-1] + slope * (depth - depth[-1])
            off = np.exp(np.minimum(line, 700)) - values if v is logs else line - values
            reach = float(v[-1] + 1.15 * max(slope, 0.0) * max(end - depth[-1], 0.0))
            fits.append((float(np.sqrt((off**2).mean())), float(np.exp(min(reach, 700.0))) if v is logs else reach))
    best = min(f for f, _ in fits)
    noise = 0.015 * (values[-1] - values[0])
    limit = max(reach for off, reach in fits if off <= 1.2 * best + noise)
    # An even column ends where it ends: give it a quarter of its width.
    return max(limit, float(body[-1] + 0.25 * (body[-1] - np.median(body))))


def _finding(data: Dataset, name: str, hit: NDArray[np.bool_], far: float) -> Finding:
    rows = np.flatnonzero(hit)
    column = data.table[name]
    texts = [cell_text(column, int(r)) for r in rows[:3]]
    edits = tuple(
        Edit(data.name, int(r), name, cell_text(column, int(r)), None, NAME, 0.45, False, "beyond its column's tail")
        for r in rows[:5_000]
    )
    return Finding(
        NAME, data.name, name, tuple(rows.tolist()), "medium",
        0.8 if far > 2 else 0.6,
        f"{counted(len(rows), 'value')} of {name!r} lie beyond what its tail extends to: "
        f"{', '.join(map(clip, texts))}.",
        "Look at these rows; empty the cells if they are errors, keep them if they are rare situations.", edits,
    )  # fmt: skip


def _together(data: Dataset) -> list[Finding]:
    """Find rows whose numbers contradict each other, and crowds in one spot of two columns."""
    names, Z, fine = normal_scores(data)
    n = len(Z)
    against: list[tuple[tuple[int, ...], NDArray[np.bool_]]] = []
    for columns, left in residuals(Z):
        hit, far = beyond(left)
        if 0 < hit.sum() <= _MOST_JOINT * n and (hit.sum() >= 3 or far > 1):
            against.append((columns, hit))
    out = []
    for found, what, confidence in (
        (against, "hold numbers that contradict each other, far beyond the rest", 0.7),
        (spots(Z, fine), "crowd in one spot where hardly any other row is", 0.6),
    ):
        if not found:
            continue
        rows = np.flatnonzero(np.any([hit for _, hit in found], axis=0))
        most = max(found, key=lambda pair: int(pair[1].sum()))[0]
        where = " and ".join(repr(names[j]) for j in most)
        out.append(
            Finding(
                NAME, data.name, None, tuple(rows.tolist()), "medium" if len(rows) >= 0.005 * n else "low", confidence,
                f"{counted(len(rows), 'row')} {what}; most in {where}.",
                "Look at these rows; leave them out if they are errors, keep them if they are rare situations.",
                details={"columns": sorted({names[j] for columns, _ in found for j in columns})},
            )
        )  # fmt: skip
    return out


def _combinations(data: Dataset, rng: Rng) -> list[Finding]:
    n = len(data.table)
    if n < 200:
        return []
    rows = sample(n, _FOREST_ROWS, rng.child("rows").generator())
    features = frame(data, rows)
    if features.X.shape[1] < 3:
        return []
    X = features.linear()
    if X.shape[1] < 3 or X.shape[1] > 500:
        return []
    with quiet():
        forest = IsolationForest(
            n_estimators=60, max_samples=min(256, len(X)), random_state=rng.child("forest").integer()
        )
        score = -forest.fit(X).score_samples(X)
    middle = float(np.median(score))
    upper = float(np.quantile(score, 0.84)) - middle
    odd = score > middle + 6 * max(upper, 1e-9)
    if not odd.any() or odd.mean() > 0.02:
        return []
    shown = rows[odd]
    return [
        Finding(
            NAME, data.name, None, tuple(shown.tolist()), "low", 0.4,
            f"{counted(len(shown), 'row')} are odd in the combination of their values.",
            "Look at them; rare situations are data too.",
        )
    ]  # fmt: skip


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Put a share of the cells of one column of numbers 15 to 30 spreads above its middle."""
    n = len(data.table)
    g = rng.generator()
    for name in data.columns.of_kind("number"):
        column = data.table[name]
        x = numbers(column)
        if x is None or column.values.dtype.kind != "f" or name == data.columns.target:
            continue
        known = x[np.isfinite(x)]
        spread = float(np.subtract(*np.quantile(known, [0.75, 0.25])))
        if spread <= 0 or known.std() > spread:  # a heavy tail reaches that far by itself
            continue
        rows = np.sort(g.choice(np.flatnonzero(np.isfinite(x)), max(1, round(share * n)), replace=False))
        values = column.values.copy()
        values[rows] = np.median(known) + spread * g.uniform(15, 30, len(rows))
        return data.with_table(data.table.assign({name: Column(values, column.missing)})), rows
    return data, None


CHECK = Outliers
SOURCE = "Tails extended from their quantiles (Hill 1975; Breiman et al. 1979); isolation forest (Liu et al. 2008)."
