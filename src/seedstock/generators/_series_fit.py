"""Learning a regular series: columns as channels and states, their courses, lags, and donors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from seedstock.core.errors import InputError
from seedstock.core.regular import Readings, numbers_of
from seedstock.core.rng import Rng
from seedstock.core.schema import TableSchema
from seedstock.core.table import Dataset
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._series_course import Course, fit_course
from seedstock.generators._series_kinds import carried, kinds_of
from seedstock.generators._series_panel import Panel
from seedstock.generators._series_part import Given, Read, fit_part
from seedstock.generators._series_rows import Walk
from seedstock.generators._series_width import fit_width, spread

if TYPE_CHECKING:
    from seedstock.generators.time_series import TimeSeries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FEW_VALUES = 12
_SPIKE = 0.02
_STANDS_OUT = 5.0
_TOGETHER = 0.15
_RARE = 0.15


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
        S = walk.size
        fits = (
            series == S
            and sorted(own) == sorted(plan.atoms)
            and all(len(p.courses) == len(self.numbers) * len(g) for p, g in zip(walk.parts, walk.series, strict=True))
            and all(len(p.place) == len(self.states) * len(g) for p, g in zip(walk.parts, walk.series, strict=True))
            and all(len(c) == S and c.min() >= 0 and c.max() < plan.atoms[n].k for n, c in self.static.items())
            and self.order in columns.columns
            and set(columns.columns) == {*plan.atoms, *plan.makers, self.order, *filter(None, [self.entity])}
            and all(
                len(part.place[q * len(own) + i]) == plan.atoms[n].k
                for n, q in self.states.items()
                for part, own in zip(walk.parts, walk.series, strict=True)
                for i in range(len(own))
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
    absent = panel.row < 0
    state = np.zeros((T, len(states) * S), np.int64)
    for q, name in enumerate(states):
        state[:, q * S : (q + 1) * S] = carried(np.where(absent, -1, codes[name][panel.row]))
    usual = [_usual(state[:, s::S], panel.held) for s in range(S)]
    courses = tuple(
        fit_course(np.where(usual[c % S], Y[:, c], np.nan), k, int(k[-1]) + 1, cycles) for c in range(Y.shape[1])
    )
    D = Y - (np.stack([f(k) for f in courses], axis=1) if courses else np.zeros_like(Y))
    spikes = tuple(_spikes(data.table[c].values[~data.table[c].missing]) for c in numbers for _ in range(S))
    spike = np.full(Y.shape, -1, np.int16)
    for c, found_values in enumerate(spikes):
        for i, v in enumerate(found_values):
            spike[Y[:, c] == v, c] = i
    widths = tuple(
        fit_width(np.where(spike[:, c] < 0, D[:, c], np.nan), k, int(k[-1]) + 1, cycles) for c in range(D.shape[1])
    )
    R = D / np.stack([w(k) for w in widths], axis=1) if widths else D
    missing = ~np.isfinite(Y) & ~np.tile(absent, (1, len(numbers)))
    walks, groups = [], _groups(R, state, absent, panel.held)
    for p, own in enumerate(groups):
        c = _places(own, len(numbers), S)
        q = _places(own, len(states), S)
        atoms = [plan.atoms[name] for name in states for _ in own]
        read = Read(
            Y[:, c], tuple(courses[i] for i in c), tuple(widths[i] for i in c), tuple(spikes[i] for i in c), spike[:, c]
        )
        given = Given(state[:, q], missing[:, c], absent[:, own], atoms)
        walks.append(fit_part(settings, panel, read, given, rng.child("part", p)))
    walk = Walk(calendar, tuple(walks), tuple(groups))
    dtype = {"M": "M8[us]", "m": "m8[us]", "f": "float64"}.get(data.table[found.order].values.dtype.kind, "int64")
    layout = Layout(
        found.order, dtype, found.entity, {c: i for i, c in enumerate(numbers)},
        {c: i for i, c in enumerate(states)}, static,
    )  # fmt: skip
    return layout, walk, _told(found, panel, numbers, courses, S)


def _usual(state: Ints, held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the moments of states that are not rare: a rare one may have a course of its own, shape (T,)."""
    kind = kinds_of(state, held)
    share = np.bincount(kind[~held]) / max(int((~held).sum()), 1)
    usual = share[np.minimum(kind, len(share) - 1)] >= _RARE
    return usual if usual[~held].mean() >= 1 - 2 * _RARE else np.ones(len(kind), bool)


def _places(own: Ints, columns: int, S: int) -> Ints:
    """Return the channels (or states) of some series."""
    return np.concatenate([j * S + own for j in range(columns)] or [np.zeros(0, np.int64)])


def _groups(R: Floats, state: Ints, absent: NDArray[np.bool_], held: NDArray[np.bool_]) -> list[Ints]:
    """Return which series hang together: those whose innovations, states or gaps are correlated."""
    S = absent.shape[1]
    if S == 1:
        return [np.zeros(1, np.int64)]
    parts = [R[:, c] - 0.7 * np.r_[np.nan, R[:-1, c]] for c in range(R.shape[1])]
    parts = [np.clip(np.nan_to_num(e) / spread(e), -3, 3) for e in parts]
    parts += [(state[:, q] != np.bincount(state[:, q]).argmax()).astype(float) for q in range(state.shape[1])]
    parts += [absent[:, s].astype(float) for s in range(S)]
    X = np.stack(parts, axis=1)[~held]
    X = X - X.mean(axis=0)
    size = np.sqrt((X**2).sum(axis=0))
    r = np.abs(X.T @ X) / np.maximum(np.outer(size, size), 1e-300)
    owner = np.arange(len(parts)) % S
    together = np.eye(S, dtype=bool)
    for i, j in zip(*np.nonzero(r > max(_TOGETHER, 4 / np.sqrt(len(X)))), strict=True):
        together[owner[i], owner[j]] = True
    _, label = connected_components(together, directed=False)
    return [np.flatnonzero(label == g) for g in range(int(label.max()) + 1)]


def _static(codes: Codes, found: Readings, k: int) -> Ints | None:
    """Return each series' code of a column that never changes within a series; None where it does."""
    first = np.unique(found.owner, return_index=True)[1]
    return codes[first] if (codes == codes[first][found.owner]).all() else None


def _spikes(values: NDArray[Any]) -> Floats:
    """Return the values that are far commoner than those next to them: zero at night, a sensor's limit."""
    v, n = np.unique(values.astype("i8") if values.dtype.kind in "mM" else values, return_counts=True)
    if len(v) < 4:
        return np.zeros(0)
    share = n / n.sum()
    padded = np.r_[share[:1] * 0, share, share[-1:] * 0]
    beside = (padded[:-2] + padded[2:]) / np.where((np.arange(len(v)) == 0) | (np.arange(len(v)) == len(v) - 1), 1, 2)
    return v[(share >= _SPIKE) & (share > _STANDS_OUT * beside)].astype(float)[:100]


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
        notes.append(f"{panel.lost:,} rows without a time, or second at their moment, were not learned from.")
    return notes
