"""Learning a regular series: columns as channels and states, their courses, lags, and donors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.regular import Readings, numbers_of
from seedstock.core.rng import Rng
from seedstock.core.schema import TableSchema
from seedstock.core.table import Dataset
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._grow_trees import TreeSettings, placement
from seedstock.generators._series_course import Course, fit_course
from seedstock.generators._series_dynamics import RECENT, Donors, Lags, features, filled, fit_lags
from seedstock.generators._series_kinds import fit_trees, kinds_of, regimes, spread
from seedstock.generators._series_panel import Panel
from seedstock.generators._series_walk import Walk

if TYPE_CHECKING:
    from seedstock.generators.time_series import TimeSeries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FEW_VALUES = 12
_SPIKE = 0.02
_STANDS_OUT = 5.0
_FAR = 4.5
"""Robust standard deviations from which a deviation is none of the usual ones."""
_MOST_DONORS = 400_000


@dataclass(frozen=True, eq=False)
class Layout:
    """Which channels and states the columns are.

    Attributes
    ----------
    order, order_dtype, entity : str, str, and str or None
    numbers, states : mapping of str to int
        Column -> its number; series s of S has channel (or state) ``number * S + s``.
    static : mapping of str to int64 ndarray, shape (S,)
        Columns that never change within a series: codes.
    """

    order: str
    order_dtype: str
    entity: str | None
    numbers: Mapping[str, int]
    states: Mapping[str, int]
    static: Mapping[str, Ints]

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; the codes of static columns go to arrays."""
        own = {"numbers": list(self.numbers), "states": list(self.states), "static": list(self.static)}
        return {"order": self.order, "dtype": self.order_dtype, "entity": self.entity, **own}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], static: list[Ints]) -> Self:
        """Make it again."""
        numbers, states = ({str(c): i for i, c in enumerate(value[k])} for k in ("numbers", "states"))
        entity = None if value["entity"] is None else str(value["entity"])
        codes = {str(c): np.asarray(v) for c, v in zip(value["static"], static, strict=True)}
        if value["dtype"] not in ("M8[us]", "m8[us]", "int64", "float64"):
            raise ValueError("times of an unknown type")
        return cls(str(value["order"]), str(value["dtype"]), entity, numbers, states, codes)

    def check(self, plan: Plan, walk: Walk, columns: TableSchema, series: int) -> None:
        """Raise an `InputError` where the parts of a loaded model do not fit each other."""
        own = [*self.numbers, *self.states, *self.static]
        S = walk.donors.absent.shape[1]
        fits = (
            S == series
            and sorted(own) == sorted(plan.atoms)
            and len(walk.courses) == len(self.numbers) * S
            and len(walk.place) == len(self.states) * S
            and all(len(c) == S and c.min() >= 0 and c.max() < plan.atoms[n].k for n, c in self.static.items())
            and self.order in columns.columns
            and set(columns.columns) == {*plan.atoms, *plan.makers, self.order, *filter(None, [self.entity])}
            and all(
                len(walk.place[q * S + s]) == plan.atoms[n].k for n, q in self.states.items() for s in range(S)
            )
        )
        if not fits:
            raise InputError("this model is damaged: its parts do not fit each other; fit it again")


def fit_walk(
    settings: TimeSeries, data: Dataset, found: Readings, panel: Panel, plan: Plan, codes: Mapping[str, Codes], rng: Rng
) -> tuple[Layout, Walk, list[str]]:
    """Learn everything about regular series but the names of rows and columns."""
    S, T, calendar = found.series, panel.calendar.span, panel.calendar
    numeric = [c for c in numbers_of(data.columns) if c in plan.atoms]
    static = {c: v for c in plan.atoms if (v := _static(codes[c], found, plan.atoms[c].k)) is not None}
    numbers = [c for c in numeric if c not in static and plan.atoms[c].k > _FEW_VALUES]
    states = [c for c in plan.atoms if c not in static and c not in numbers]
    k = calendar.moment(np.arange(T))
    cycles = calendar.steps.cycles()
    values = [panel.cells(data.table[c]) for c in numbers]
    Y = np.concatenate(values, axis=1) if values else np.zeros((T, 0))
    courses = tuple(fit_course(Y[:, c], k, int(k[-1]) + 1, cycles) for c in range(Y.shape[1]))
    D = Y - (np.stack([f(k) for f in courses], axis=1) if courses else np.zeros_like(Y))
    scale = np.array([spread(D[:, c]) for c in range(D.shape[1])])
    spikes = tuple(_spikes(data.table[c].values[~data.table[c].missing]) for c in numbers for _ in range(S))
    spike = np.full(Y.shape, -1, np.int16)
    for c, found_values in enumerate(spikes):
        for i, v in enumerate(found_values):
            spike[Y[:, c] == v, c] = i
    absent = panel.row < 0
    missing = ~np.isfinite(Y) & ~np.tile(absent, (1, len(numbers)))
    state = np.zeros((T, len(states) * S), np.int64)
    for q, name in enumerate(states):
        state[:, q * S : (q + 1) * S] = _carried(np.where(absent, -1, codes[name][panel.row]))
    kind = kinds_of(np.concatenate([state, absent, missing, spike, regimes(D / scale)], axis=1), panel.held)
    periods = _periods(courses, calendar.cycle, len(calendar.phases))
    level, lags, full, E = _dynamics(D / scale, kind, periods)
    donors = Donors(E.astype(np.float32), spike, missing, state.astype(np.int32), absent, kind.astype(np.int32))
    rows = _usable(panel.held, lags.longest)
    place = []
    for q in range(state.shape[1]):
        atoms = plan.atoms[states[q // S]]
        line = placement(atoms, state[np.maximum(rows - 1, 0), q], kind[rows])
        place.append(np.arange(atoms.k, dtype=float) if line is None else line.astype(float))
    turns = np.array(sorted({min(f) for c in courses for f in _free(c).values()}))
    calendared = [*calendar.clock(np.arange(T)).values(), *(np.floor(24 * np.mod(f * k, 1.0)) for f in turns)]
    X = np.concatenate([np.stack(calendared, axis=1), features(full, E, place, state, donors)], axis=1)
    g = rng.child("donors").generator()
    if len(rows) > _MOST_DONORS:
        rows = g.choice(rows, _MOST_DONORS, replace=False)
    # In an order of chance, so that a saved model does not hold the real course.
    rows = rows[g.permutation(len(rows))]
    changed = np.r_[False, kind[1:] != kind[:-1]]
    tree = TreeSettings(settings.trees, settings.min_leaf_rows, 0.632, settings.rows_per_tree, 1.0)
    trees = fit_trees(X[rows], donors.take(rows), changed[rows], tree, rng.child("trees"))
    bounds = np.stack([np.nanmin(Y, axis=0), np.nanmax(Y, axis=0)]) if Y.size else np.zeros((2, 0))
    walk = Walk(
        calendar, courses, scale, bounds, spikes, level, lags, donors.take(rows), trees, tuple(place), turns
    )  # fmt: skip
    dtype = {"M": "M8[us]", "m": "m8[us]", "f": "float64"}.get(data.table[found.order].values.dtype.kind, "int64")
    layout = Layout(
        found.order, dtype, found.entity, {c: i for i, c in enumerate(numbers)},
        {c: i for i, c in enumerate(states)}, static,
    )  # fmt: skip
    return layout, walk, _told(found, panel, numbers, courses, S)


def _static(codes: Codes, found: Readings, k: int) -> Ints | None:
    """Return each series' code of a column that never changes within a series; None where it does."""
    first = np.unique(found.owner, return_index=True)[1]
    return codes[first] if (codes == codes[first][found.owner]).all() else None


def _periods(courses: tuple[Course, ...], cycle: int, phases: int) -> list[int]:
    """Return the lengths of the periods that were found, in open moments, where they are whole numbers."""
    out = set()
    for course in courses:
        for name in set(course.of):
            base = min(f for f, of in zip(course.frequency, course.of, strict=True) if of == name)
            length = 1 / base * phases / cycle
            if abs(length - round(length)) < 0.02 * length:
                out.add(round(length))
    return sorted(out)[:3]


def _free(course: Course) -> dict[str, list[float]]:
    """Return the cycles of periods that are not the calendar's."""
    out: dict[str, list[float]] = {}
    for f, name in zip(course.frequency.tolist(), course.of, strict=True):
        if name not in ("hour", "day", "week", "year"):
            out.setdefault(name, []).append(f)
    return out


def _spikes(values: NDArray[Any]) -> Floats:
    """Return the values that are far commoner than those next to them: zero at night, a sensor's limit."""
    v, n = np.unique(values.astype("i8") if values.dtype.kind in "mM" else values, return_counts=True)
    if len(v) < 4:
        return np.zeros(0)
    share = n / n.sum()
    padded = np.r_[share[:1] * 0, share, share[-1:] * 0]
    beside = (padded[:-2] + padded[2:]) / np.where((np.arange(len(v)) == 0) | (np.arange(len(v)) == len(v) - 1), 1, 2)
    return v[(share >= _SPIKE) & (share > _STANDS_OUT * beside)].astype(float)[:100]


def _carried(codes: Ints) -> Ints:
    """Return states with those of moments without a row carried on from before, shape (T, S)."""
    out = codes.copy()
    for s in range(out.shape[1]):
        known = np.flatnonzero(out[:, s] >= 0)
        if not len(known):
            out[:, s] = 0
            continue
        last = np.maximum.accumulate(np.where(out[:, s] >= 0, np.arange(len(out)), -1))
        out[:, s] = out[np.where(last >= 0, last, known[0]), s]
    return out


def _usable(held: NDArray[np.bool_], longest: int) -> Ints:
    """Return the moments that are known, and whose past is as well."""
    for back in (min(longest, 2 * RECENT), 1, 0):
        run = np.convolve(held, np.ones(back + 1, int))[: len(held)]
        rows = np.flatnonzero((run == 0) & (np.arange(len(held)) >= back))
        if len(rows) >= 0.5 * (~held).sum():
            return rows
    return np.flatnonzero(~held)


def _dynamics(R: Floats, kind: Ints, periods: list[int]) -> tuple[Floats, Lags, Floats, Floats]:
    """Return levels by kind, lags, deviations without gaps and innovations: with levels where these foretell better."""
    best: tuple[float, tuple[Floats, Lags, Floats, Floats]] | None = None
    none = np.zeros((int(kind.max()) + 1, R.shape[1]))
    tries = [none]
    if len(none) > 1:
        own = none.copy()
        for j in range(1, len(none)):
            part = R[kind == j]
            for c in range(R.shape[1]):
                known = part[np.isfinite(part[:, c]), c]
                own[j, c] = np.median(known) if len(known) else 0.0
        tries.append(own)
    for level in tries:
        left = R - level[kind]
        # Rare regimes far off would pull the lags toward themselves.
        lags = fit_lags(np.where(np.abs(left) > _FAR, np.nan, left), periods)
        full, E = filled(left, lags)
        cost = float(np.log(np.abs(E).mean(axis=0) + 1e-12).sum())
        if best is None or cost < best[0]:
            best = cost, (level, lags, full, E)
    assert best is not None
    return best[1]


def _told(found: Readings, panel: Panel, numbers: list[str], courses: tuple[Course, ...], S: int) -> list[str]:
    """Return what was found, for people."""
    which = f"{found.series} series of regular readings" if found.series > 1 else "One series of regular readings"
    notes = [f"{which}: a step of {found.steps.text} in {found.order!r}, {panel.calendar.span:,} moments."]
    for i, name in enumerate(numbers):
        mine = courses[i * S : (i + 1) * S]
        periods: dict[str, float] = {}
        for course in mine:
            for period, size in course.amplitudes().items():
                periods[period] = max(periods.get(period, 0.0), size)
        tilt = max((float(c.levels[-1] - c.levels[0]) for c in mine), key=abs)
        pieces = max(len(c.knots) for c in mine) - 1
        said = [f"a cycle of a {p} (half height {a:.3g})" if p.isalpha() else f"a cycle of {p} (half height {a:.3g})"
                for p, a in sorted(periods.items(), key=lambda x: -x[1])[:4]]  # fmt: skip
        if pieces:
            said.insert(0, f"a trend of {tilt:+.3g} over the span" + (f" in {pieces} pieces" if pieces > 1 else ""))
        notes.append(f"{name!r} has {', '.join(said)}." if said else f"{name!r} has neither a trend nor a cycle.")
    if len(numbers) > 8:
        notes = [*notes[:9], f"And so on for {len(numbers) - 8} further columns."]
    if len(panel.calendar.phases) < panel.calendar.cycle:
        notes.append(
            f"Of {panel.calendar.cycle:,} moments of a week, {len(panel.calendar.phases):,} have readings; "
            f"the others stay empty."
        )
    if panel.lost:
        notes.append(f"{panel.lost:,} rows without a time, off the grid or second at their moment were not learned from.")
    return notes
