"""Learning some series that hang together: lags, kinds of moments, and donors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms
from seedstock.generators._classes import placement
from seedstock.generators._grown_tree import TreeSettings
from seedstock.generators._series_course import Course, regimes
from seedstock.generators._series_dynamics import RECENT, Donors, Lags, features, filled, fit_lags
from seedstock.generators._series_kinds import carried, fit_absences, fit_trees, kinds_of, lasting, patterns_of
from seedstock.generators._series_panel import Panel
from seedstock.generators._series_walk import Part
from seedstock.generators._series_width import Width

if TYPE_CHECKING:
    from seedstock.generators.time_series import TimeSeries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_DONORS = 400_000
_FAR = 4.5
"""Robust standard deviations from which a deviation is none of the usual ones."""
_TOLD = 0.8
_LOOSE = 8
"""Combinations of fleeting states that the trees of innovations tell apart."""


@dataclass(frozen=True, eq=False)
class Read:
    """Channels: C numbers at T moments, what is expected of them, and their spikes.

    Attributes
    ----------
    Y : float64 ndarray, shape (T, C)
        NaN where nothing is known.
    spike : int16 ndarray, shape (T, C)
        Number of the spike; -1 where there is none.
    """

    Y: Floats
    courses: tuple[Course, ...]
    widths: tuple[Width, ...]
    spikes: tuple[Floats, ...]
    spike: NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Given:
    """What else there is at T moments: Q states as codes of their atoms, missing cells, absent rows."""

    state: Ints
    missing: NDArray[np.bool_]
    absent: NDArray[np.bool_]
    atoms: list[Atoms]


def fit_part(settings: TimeSeries, panel: Panel, read: Read, given: Given, rng: Rng) -> Part:
    """Learn what is left of some series beside their courses."""
    calendar, Y, courses, widths = panel.calendar, read.Y, read.courses, read.widths
    T = calendar.span
    k = calendar.moment(np.arange(T))
    D = Y - (np.stack([f(k) for f in courses], axis=1) if courses else np.zeros_like(Y))
    R = D / np.stack([w(k) for w in widths], axis=1) if widths else D
    state, absent, missing, spike = given.state, given.absent, given.missing, read.spike
    hidden = _untold(regimes(R), state, panel.held)
    lost = np.tile(absent, (1, Y.shape[1] // absent.shape[1]))
    fixed = [carried(np.where(lost, -1, x.astype(np.int64) + 1)) for x in (missing, spike)]
    flags = np.concatenate([state, *fixed], axis=1)
    lasts = lasting(flags, panel.held)
    # A moment without a row changes nothing but the rows.
    empty = absent.all(axis=1)
    kind = kinds_of(np.concatenate([flags[:, lasts], hidden], axis=1), panel.held | empty)
    kind = carried(np.where(empty, -1, kind)[:, None])[:, 0]
    patterns, gone = patterns_of(absent, panel.held)
    loose = kinds_of(flags[:, ~lasts], panel.held, _LOOSE)
    periods = _periods(courses, calendar.cycle, len(calendar.phases))
    level, lags, full, E = _dynamics(np.where(spike < 0, R, np.nan), R, kind, periods)
    donors = Donors(E.astype(np.float32), spike, missing, state.astype(np.int32), kind.astype(np.int32))
    rows = _usable(panel.held, lags.longest)
    every, rows = rows, rows[~empty[rows]]
    place = []
    for q in range(state.shape[1]):
        atoms = given.atoms[q]
        line = placement(atoms, state[np.maximum(rows - 1, 0), q], kind[rows])
        place.append(np.arange(atoms.k, dtype=float) if line is None else line.astype(float))
    turns = np.array(sorted({min(f) for c in courses for f in _free(c).values()}))
    calendared = [
        *calendar.clock(np.arange(T)).values(),
        *(np.floor(24 * np.mod(f * k + 1e-9, 1.0) + 1e-6) for f in turns),
    ]
    X = np.concatenate([np.stack(calendared, axis=1), features(full, E, place, absent, donors)], axis=1)
    tree = TreeSettings(settings.trees, settings.min_leaf_rows, 0.632, settings.rows_per_tree, settings.shrinkage_share)
    absences = fit_absences(X[every], gone[every], tree, rng.child("absences"))
    g = rng.child("donors").generator()
    if len(rows) > _MOST_DONORS:
        rows = g.choice(rows, _MOST_DONORS, replace=False)
    # In an order of chance, so that a saved model does not hold the real course.
    rows = rows[g.permutation(len(rows))]
    changed = np.r_[False, kind[1:] != kind[:-1]]
    trees = fit_trees(X[rows], donors.take(rows), changed[rows], loose[rows], absences, tree, rng.child("trees"))
    bounds = np.stack([np.nanmin(Y, axis=0), np.nanmax(Y, axis=0)]) if Y.size else np.zeros((2, 0))
    return Part(
        calendar, courses, widths, bounds, read.spikes, level, lags, donors.take(rows), trees, patterns,
        tuple(place), turns,
    )  # fmt: skip


def _untold(hidden: Ints, state: Ints, held: NDArray[np.bool_]) -> Ints:
    """Return rare regimes without those that the states tell already, shape (T, C)."""
    out = hidden.copy()
    if not state.shape[1] or not hidden.any():
        return out
    told = kinds_of(state, held)
    for c in range(hidden.shape[1]):
        h = np.where(held, 0, hidden[:, c])
        guess = np.zeros_like(h)
        for sign in (-1, 1):
            share = np.bincount(told[~held], h[~held] == sign) / np.maximum(np.bincount(told[~held]), 1)
            guess[(share > 0.5)[np.minimum(told, len(share) - 1)] & ~held] = sign
        either = (h != 0) | (guess != 0)
        if (h[either] == guess[either]).mean() > _TOLD if either.any() else False:
            out[:, c] = 0
    return out


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


def _usable(held: NDArray[np.bool_], longest: int) -> Ints:
    """Return the moments that are known, and whose past is as well."""
    for back in (min(longest, 2 * RECENT), 1, 0):
        run = np.convolve(held, np.ones(back + 1, int))[: len(held)]
        rows = np.flatnonzero((run == 0) & (np.arange(len(held)) >= back))
        if len(rows) >= 0.5 * (~held).sum():
            return rows
    return np.flatnonzero(~held)


def _dynamics(free: Floats, R: Floats, kind: Ints, periods: list[int]) -> tuple[Floats, Lags, Floats, Floats]:
    """Return levels by kind, lags, deviations without gaps and innovations: with levels where these foretell better.

    Lags are learned from what is free to move: deviations without spikes.
    """
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
        lags = fit_lags(np.where(np.abs(left) > _FAR, np.nan, free - level[kind]), periods)
        full, E = filled(left, lags)
        cost = float(np.log(np.abs(E).mean(axis=0) + 1e-12).sum())
        if best is None or cost < best[0]:
            best = cost, (level, lags, full, E)
    assert best is not None
    return best[1]
