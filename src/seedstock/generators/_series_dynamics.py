"""What is left of regular series beside their course: lags of all channels, and innovations of similar moments.

Each moment's deviations are a linear function of the moments before (a vector autoregression), plus the innovations
of a real moment that was alike: the trees of the forest generator sort moments by the calendar, the last deviations,
their recent mean and unrest, and the last states. All channels take the innovations, the states and the gaps of one
and the same moment, so that what belongs together stays together. (An autoregressive bootstrap, with trees in the
place of blind chance.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RECENT = 8
"""Moments over which means and unrest are taken."""
LONGEST_STATE = 64
_ORDERS = (0, 1, 2, 3, 4, 6, 8)
_MOST_CROSSED = 30
_ROUNDS = 4
_HUBER = 2.0


@dataclass(frozen=True, eq=False)
class Lags:
    """A vector autoregression of C channels on some lags.

    Attributes
    ----------
    lags : int64 ndarray, shape (l,)
    weight : float64 ndarray, shape (C, l * C)
        Lag after lag; row c says how channel c depends on all channels.
    """

    lags: Ints
    weight: Floats

    @property
    def longest(self) -> int:
        """The longest lag, at least `RECENT`."""
        return int(max([RECENT, *self.lags.tolist()]))

    def expected(self, R: Floats, t: int) -> Floats:
        """Return what the deviations at t are expected to be given those before, shape (C,)."""
        out: Floats = self.weight @ R[t - self.lags].ravel()
        return out


def fit_lags(R: Floats, periods: list[int]) -> Lags:
    """Learn lags of deviations by robust least squares; their number by Schwarz's criterion, channel by channel.

    Parameters
    ----------
    R : float64 ndarray, shape (T, C)
        NaN where nothing is known.
    periods : list of int
        Periods at which a channel may remember itself beside its last moments.
    """
    C = R.shape[1]
    chosen: list[dict[tuple[int, int], float]] = []
    for c in range(C):
        best: tuple[float, dict[tuple[int, int], float]] = (np.inf, {})
        rows = _rows(R[:, c], max(_ORDERS))
        if len(rows) < 30:
            chosen.append({})
            continue
        tries: list[list[tuple[int, int]]] = [[(lag, c) for lag in range(1, p + 1)] for p in _ORDERS]
        for parts in tries:
            best = _better(best, R, c, rows, parts)
        extra = [[(p, c), (p + 1, c)] for p in periods if p > max(_ORDERS) and 4 * p < len(rows)]
        if 1 < C <= _MOST_CROSSED:
            extra.append([(1, d) for d in range(C) if d != c])
        for more in extra:
            best = _better(best, R, c, rows, [*best[1], *more])
        chosen.append(best[1])
    lags = np.array(sorted({lag for part in chosen for lag, _ in part}), np.int64)
    weight = np.zeros((C, len(lags) * C))
    for c, part in enumerate(chosen):
        for (lag, d), w in part.items():
            weight[c, int(np.searchsorted(lags, lag)) * C + d] = w
    return _steady(Lags(lags, weight), C)


def _rows(r: Floats, order: int) -> Ints:
    """Return the moments that are known, and whose last `order` moments are, in one channel."""
    known = np.isfinite(r)
    run = np.convolve(known, np.ones(order + 1, int))[: len(r)]
    return np.flatnonzero(run == order + 1)


def _better(
    best: tuple[float, dict[tuple[int, int], float]], R: Floats, c: int, rows: Ints, parts: list[tuple[int, int]]
) -> tuple[float, dict[tuple[int, int], float]]:
    y = R[rows, c]
    n = len(rows)
    X = (
        np.stack([np.where(rows >= lag, R[np.maximum(rows - lag, 0), d], 0.0) for lag, d in parts], 1)
        if parts
        else None
    )
    if X is None:
        w: Floats = np.zeros(0)
        e = y
    else:
        X = np.nan_to_num(X)
        weight = np.ones(n)
        for _ in range(_ROUNDS):
            G = (X * weight[:, None]).T @ X
            w = np.linalg.solve(G + np.eye(len(G)) * (1e-6 * np.trace(G) / len(G) + 1e-300), X.T @ (weight * y))
            e = y - X @ w
            spread = 1.4826 * float(np.median(np.abs(e))) or float(e.std()) or 1.0
            weight = np.minimum(1.0, _HUBER * spread / np.maximum(np.abs(e), 1e-300)) ** 2
    spread = 1.4826 * float(np.median(np.abs(e))) or float(e.std())
    e = np.clip(e, -3 * spread, 3 * spread)
    cost = n * np.log(max(float(e @ e) / n, 1e-300)) + len(parts) * np.log(n)
    return (cost, dict(zip(parts, w.tolist(), strict=True))) if cost < best[0] else best


def _steady(lags: Lags, C: int) -> Lags:
    """Return lags whose response to a shock dies away; those of an explosive fit are drawn in."""
    if not len(lags.lags):
        return lags
    longest = int(lags.lags.max())
    steps = max(500, 6 * longest)
    for _ in range(60):
        R = np.zeros((longest + steps, C))
        R[:longest] = np.cos(np.arange(longest * C)).reshape(longest, C)
        for t in range(longest, longest + steps):
            R[t] = lags.weight @ R[t - lags.lags].ravel()
            if not np.isfinite(R[t]).all():
                break
        early = np.abs(R[longest : longest + max(longest, 10)]).max()
        late = np.abs(R[-max(longest, 10) :]).max()
        if np.isfinite(late) and late <= 0.9 * early:
            return lags
        lags = Lags(lags.lags, 0.98 * lags.weight)
    return lags


def filled(R: Floats, lags: Lags) -> tuple[Floats, Floats]:
    """Return deviations with what is unknown replaced by what was to be expected, and the innovations, both (T, C).

    Innovations are 0 where the deviation is unknown.
    """
    M = lags.longest
    full = np.concatenate([np.zeros((M, R.shape[1])), R])
    unknown = ~np.isfinite(full)
    for t in np.flatnonzero(unknown.any(1)).tolist():
        if t >= M:
            full[t] = np.where(unknown[t], lags.expected(full, t), full[t])
    expected = np.zeros_like(R)
    for i, lag in enumerate(lags.lags.tolist()):
        expected += full[M - lag : len(full) - lag] @ lags.weight[:, i * R.shape[1] : (i + 1) * R.shape[1]].T
    return full[M:], np.where(unknown[M:], 0.0, full[M:] - expected)


@dataclass(frozen=True, eq=False)
class Donors:
    """What real moments hand on, in an order of chance.

    Attributes
    ----------
    innovation : float32 ndarray, shape (n, C)
    spike : int16 ndarray, shape (n, C)
        Number of the channel's spike (a value that is taken again and again); -1 where there is none.
    missing : bool ndarray, shape (n, C)
    state : int32 ndarray, shape (n, Q)
        Codes of the columns that are no numbers.
    kind : int32 ndarray, shape (n,)
        See `seedstock.generators._series_kinds`.
    """

    innovation: NDArray[np.float32]
    spike: NDArray[np.int16]
    missing: NDArray[np.bool_]
    state: NDArray[np.int32]
    kind: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.innovation)

    def take(self, rows: Ints) -> Donors:
        """Return some of them."""
        return Donors(**{k: v[rows] for k, v in self.arrays().items()})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {k: getattr(self, k) for k in ("innovation", "spike", "missing", "state", "kind")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Donors:
        """Make them again."""
        return cls(**{k: arrays[k] for k in ("innovation", "spike", "missing", "state", "kind")})


@dataclass
class Past:
    """All that the next moment depends on.

    Attributes
    ----------
    R : float64 ndarray, shape (M, C)
        The last deviations.
    E : float64 ndarray, shape (RECENT, C)
        The last innovations' sizes.
    state, run : int64 ndarray, shape (Q,)
        The last states, and how long they have lasted.
    absent : float64 ndarray, shape (S,)
        For how many moments each series has had no row.
    missing : float64 ndarray, shape (C,)
    kind : float64 ndarray, shape (2,)
        The last moment's kind, and for how long it has lasted.
    """

    R: Floats
    E: Floats
    state: Ints
    run: Floats
    absent: Floats
    missing: Floats
    kind: Floats

    def copy(self) -> Past:
        """Return one that changes on its own."""
        return Past(*(np.array(getattr(self, k)) for k in ("R", "E", "state", "run", "absent", "missing", "kind")))


def features(full: Floats, E: Floats, place: list[Floats], absent: NDArray[np.bool_], donors: Donors) -> Floats:
    """Return for all moments at once what `Past` tells before each of them, shape (T, 3C + 2Q + S + C + 2).

    Parameters
    ----------
    full, E : float64 ndarray, shape (T, C)
        Deviations without gaps, and innovations.
    place : list of ndarray
        Where each state's codes lie on a line.
    absent : bool ndarray, shape (T, S)
    donors : Donors
        All T moments.
    """
    parts = [_before(full), _mean(full), _mean(np.abs(E))]
    for q, line in enumerate(place):
        parts += [_before(line[donors.state[:, q]][:, None]), _before(runs(donors.state[:, q])[:, None])]
    kind = np.stack([donors.kind.astype(float), runs(donors.kind)], axis=1)
    return np.concatenate([*parts, _before(streaks(absent)), _before(streaks(donors.missing)), _before(kind)], axis=1)


def _before(x: Floats) -> Floats:
    return np.concatenate([np.zeros_like(x[:1]), x[:-1]])


def _mean(x: Floats) -> Floats:
    total = np.cumsum(np.concatenate([np.zeros((RECENT + 1, x.shape[1])), x]), axis=0)
    return (total[RECENT:-1] - total[: -RECENT - 1]) / RECENT


def runs(codes: NDArray[Any]) -> Floats:
    """Return for how many moments each state has lasted, at most `LONGEST_STATE`, shape (T,)."""
    start = np.r_[True, codes[1:] != codes[:-1]]
    first = np.maximum.accumulate(np.where(start, np.arange(len(codes)), 0))
    return np.minimum(np.arange(len(codes)) - first + 1, LONGEST_STATE).astype(float)


def streaks(flag: NDArray[np.bool_]) -> Floats:
    """Return for how many moments on end each flag has been up, at most `LONGEST_STATE`, shape (T, m)."""
    out = np.zeros(flag.shape)
    for j in range(flag.shape[1]):
        if flag[:, j].any():
            out[:, j] = np.where(flag[:, j], runs(flag[:, j].astype(np.int64)), 0.0)
    return out
