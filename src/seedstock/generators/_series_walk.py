"""Drawing regular series that hang together: moment after moment, each with a donor that was alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.generators._ensemble import Ensemble
from seedstock.generators._series_course import Course
from seedstock.generators._series_dynamics import LONGEST_STATE, RECENT, Donors, Lags, Past
from seedstock.generators._series_kinds import Trees
from seedstock.generators._series_panel import Calendar
from seedstock.generators._series_width import Width

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRETCH = 1_024
"""Moments that share one stream. Part of the output: another size gives other rows for the same seed."""
_CLIMBS = 12
_TRIES = 3
"""Donors that are tried where a value would leave the real ones' range; the last one is cut."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Moments as drawn.

    Attributes
    ----------
    moment : int64 ndarray, shape (m,)
        Of the grid.
    value : float64 ndarray, shape (m, C)
    missing : bool ndarray, shape (m, C)
    state : int64 ndarray, shape (m, Q)
    absent : bool ndarray, shape (m, S)
    """

    moment: Ints
    value: Floats
    missing: NDArray[np.bool_]
    state: Ints
    absent: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Part:
    """Some series that hang together: their moments, from the first one on, without an end.

    Attributes
    ----------
    courses : tuple of Course
        One a channel.
    widths : tuple of Width
        What a deviation of 1 is, at each moment.
    bounds : float64 ndarray, shape (2, C)
        Least and greatest real value of each channel.
    spikes : tuple of float64 ndarray
        Values that a channel takes again and again.
    level : float64 ndarray, shape (kinds, C)
        The middle of the deviations at moments of each kind.
    patterns : bool ndarray, shape (patterns, S)
        Which series are without a row together.
    place : tuple of float64 ndarray
        Where each state's codes lie on a line, for the trees.
    turns : float64 ndarray
        Cycles a step of periods that are not the calendar's.
    """

    calendar: Calendar
    courses: tuple[Course, ...]
    widths: tuple[Width, ...]
    bounds: Floats
    spikes: tuple[Floats, ...]
    level: Floats
    lags: Lags
    donors: Donors
    trees: Trees
    patterns: NDArray[np.bool_]
    place: tuple[Floats, ...]
    turns: Floats

    def known(self, i: Ints) -> Floats:
        """Return what trees know of open moments before they come, shape (m, ...)."""
        k = self.calendar.moment(i)
        parts = [
            *self.calendar.clock(i).values(),
            *(np.floor(24 * np.mod(f * k + 1e-9, 1.0) + 1e-6) for f in self.turns),
        ]
        return np.stack(parts, axis=1)

    def begin(self) -> Past:
        """Return a past out of which the warming up begins."""
        C, Q, S = len(self.courses), len(self.place), self.patterns.shape[1]
        state = np.array([np.bincount(self.donors.state[:, q]).argmax() for q in range(Q)], np.int64)
        return Past(
            np.zeros((self.lags.longest, C)), np.zeros((RECENT, C)), state, np.ones(Q), np.zeros(S), np.zeros(C),
            np.array([0.0, 1.0]),
        )  # fmt: skip

    def stretch(self, j: int, past: Past, rng: Rng) -> tuple[Past, Drawn]:
        """Draw one stretch of moments; the one before the first only warms up."""
        m, M, half = STRETCH, self.lags.longest, 2 + _CLIMBS
        i = np.arange(j * m, (j + 1) * m)
        k = self.calendar.moment(i)
        C, donors, lags = len(self.courses), self.donors, self.lags
        F = np.stack([c(k) for c in self.courses], axis=1) if C else np.zeros((m, 0))
        scale = np.stack([w(k) for w in self.widths], axis=1) if C else np.ones((m, 0))
        low, high = (self.bounds[0] - F) / scale, (self.bounds[1] - F) / scale
        known = self.known(i)
        g = rng.child("stretch", j + 1).generator()
        chance = g.random((m, (2 + _TRIES) * half)).tolist()
        R, E = np.zeros((M + m, C)), np.zeros((RECENT + m, C))
        R[:M], E[:RECENT] = past.R, past.E
        a = known.shape[1]
        x = np.zeros(a + 3 * C + 2 * len(self.place) + self.patterns.shape[1] + C + 2)
        at_state = a + 3 * C
        at_absent = at_state + 2 * len(self.place)
        at_missing = at_absent + self.patterns.shape[1]
        innovation, states, missings = donors.innovation.astype(float), donors.state, donors.missing
        gone = None if self.trees.absences is None else _lists(self.trees.absences)
        pattern, donor = np.zeros(m, np.int64), 0
        spiky = [None if not s.any() else s for s in (donors.spike >= 0)] if any(map(len, self.spikes)) else None
        which = None if self.trees.kind is None else _lists(self.trees.kind)
        groups = {g: _lists(e) for g, e in self.trees.of.items()}
        levels = self.level
        state, run, absent, missing = past.state, past.run, past.absent, past.missing
        kind, lasted = int(past.kind[0]), float(past.kind[1])
        picked = np.empty(m, np.int64)
        has_lags = len(lags.lags) > 0
        back, weight = M - lags.lags, lags.weight
        for t in range(m):
            here = t + M
            x[:a] = known[t]
            x[a : a + C] = R[here - 1]
            x[a + C : a + 2 * C] = R[here - RECENT : here].sum(0) / RECENT
            x[a + 2 * C : at_state] = E[t : t + RECENT].sum(0) / RECENT
            for q, line in enumerate(self.place):
                x[at_state + 2 * q] = line[state[q]]
                x[at_state + 2 * q + 1] = run[q]
            x[at_absent:at_missing] = absent
            x[at_missing:-2] = missing
            x[-2], x[-1] = kind, lasted
            own, first = levels[kind], weight @ R[t + back].ravel() if has_lags else np.zeros(C)
            if gone is not None:
                pattern[t] = _pick(gone, x, chance[t][-half:])
                lacks = self.patterns[pattern[t]]
                absent = np.where(lacks, np.minimum(absent + 1, LONGEST_STATE), 0.0)
                if lacks.all():
                    R[here] = np.minimum(np.maximum(first, low[t] - own), high[t] - own)
                    run, lasted = np.minimum(run + 1, LONGEST_STATE), min(lasted + 1.0, LONGEST_STATE)
                    missing, picked[t] = np.zeros(C), donor
                    continue
            now = kind if which is None else _pick(which, x, chance[t])
            group = 2 * now + (now != kind)
            tree = groups[group if group in groups else group ^ 1]
            lasted = 1.0 if now != kind else min(lasted + 1.0, LONGEST_STATE)
            kind = now
            own = levels[now]
            for attempt in range(1, 1 + _TRIES):
                donor = _pick(tree, x, chance[t][attempt * half :])
                e = innovation[donor]
                r = first + e
                inside = np.minimum(np.maximum(r, low[t] - own), high[t] - own)
                if (inside == r).all():
                    break
            r = inside
            picked[t] = donor
            if spiky is not None and (on := spiky[donor]) is not None:
                for c in np.flatnonzero(on).tolist():
                    r[c] = (self.spikes[c][donors.spike[donor, c]] - F[t, c]) / scale[t, c] - own[c]
            R[here], E[t + RECENT] = r, np.abs(e)
            new = states[donor]
            run = np.where(new == state, np.minimum(run + 1, LONGEST_STATE), 1.0)
            state = new
            missing = np.where(missings[donor], np.minimum(missing + 1, LONGEST_STATE), 0.0)
        value = F + scale * (R[M:] + levels[donors.kind[picked]])
        for c, values in enumerate(self.spikes):
            if len(values):
                s = donors.spike[picked, c]
                value[:, c] = np.where(s >= 0, values[np.maximum(s, 0)], value[:, c])
        drawn = Drawn(k, value, missings[picked], states[picked].astype(np.int64), self.patterns[pattern])
        after = Past(R[m:].copy(), E[m:].copy(), state.astype(np.int64), run, absent, missing, np.array([kind, lasted]))
        return after, drawn


_Tree = tuple[list[int], list[int], list[float], list[int], list[int], list[int], list[int], list[int], Any, float]


def _lists(ensemble: Ensemble) -> _Tree:
    """Return an ensemble as lists, which one row at a time goes through faster than through arrays."""
    e = ensemble
    parts = (e.roots, e.feature, e.threshold, e.left, e.right, e.parent, e.start, e.end)
    return (*(p.tolist() for p in parts), e.codes, e.shrinkage)  # type: ignore[return-value]


def _pick(tree: _Tree, x: Floats, chance: list[float]) -> int:
    """Draw a donor for one moment: a random tree's leaf, or with the shrinkage's chance one of its ancestors."""
    roots, feature, threshold, left, right, parent, start, end, codes, shrinkage = tree
    node = roots[int(chance[0] * len(roots))]
    while (f := feature[node]) >= 0:
        node = left[node] if x[f] <= threshold[node] else right[node]
    for u in chance[2 : 2 + _CLIMBS]:
        size = end[node] - start[node]
        if parent[node] < 0 or u * (size + shrinkage) < size:
            break
        node = parent[node]
    return int(codes[start[node] + int(chance[1] * (end[node] - start[node]))])
