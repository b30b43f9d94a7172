"""The expected course of a regular series: a trend of few straight pieces, and the cycles that its spectrum shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CHANCE = 1e-3
"""Chance of one cycle being found in pure noise."""
_ROUNDS = 8
_SIDE_LOBES = 0.1
_MOST_CYCLES = 120
_KNOTS = (1, 2, 3, 5, 9)
_ROWS_A_KNOT = 40
_PIECE = 65_536
_WIDE = 64
_BOUND = 3.0
_YEAR_HARMONICS = 6
_APART = 3.0
"""Resolutions by which a cycle must be off those found before: nearer ones are their shadows in gaps."""
_FAR = 3.0
_WIDTH = 5
_RARE = (10, 0.2)


@dataclass(frozen=True, eq=False)
class Course:
    """What a series is expected to be at each moment.

    Attributes
    ----------
    knots, levels : float64 ndarray, shape (p,)
        Moments and the trend's values there; straight between them, level beyond them.
    frequency, cosine, sine : float64 ndarray, shape (q,)
        Cycles a step, and their parts.
    of : tuple of str
        To which period each cycle belongs: ``day``, ``week``, ``year``, ``hour``, or ``37.5 steps``.
    """

    knots: Floats
    levels: Floats
    frequency: Floats
    cosine: Floats
    sine: Floats
    of: tuple[str, ...] = ()

    def trend(self, k: Ints) -> Floats:
        """Return the trend at moments, shape (n,)."""
        return np.interp(k, self.knots, self.levels)

    def seasons(self, k: Ints) -> Floats:
        """Return the sum of the cycles at moments, shape (n,)."""
        out = np.zeros(len(k))
        for f, a, b in zip(self.frequency, self.cosine, self.sine, strict=True):
            turn = 2 * np.pi * np.mod(f * k, 1.0)
            out += a * np.cos(turn) + b * np.sin(turn)
        return out

    def __call__(self, k: Ints) -> Floats:
        return self.trend(k) + self.seasons(k)

    def amplitudes(self) -> dict[str, float]:
        """Return half the height of each period's cycles together (root of the sum of squares)."""
        out: dict[str, float] = {}
        for name, a, b in zip(self.of, self.cosine, self.sine, strict=True):
            out[name] = out.get(name, 0.0) + a * a + b * b
        return {name: float(np.sqrt(x)) for name, x in out.items()}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {k: getattr(self, k) for k in ("knots", "levels", "frequency", "cosine", "sine")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], of: list[str]) -> Self:
        """Make it again; a `ValueError` where the parts do not fit."""
        made = cls(**{k: np.asarray(v, float) for k, v in arrays.items()}, of=tuple(map(str, of)))
        if len(made.knots) != len(made.levels) or not len(made.knots) or (np.diff(made.knots) <= 0).any():
            raise ValueError("a trend without its knots")
        if not len(made.frequency) == len(made.cosine) == len(made.sine) == len(made.of):
            raise ValueError("cycles without their parts")
        return made


def fit_course(y: Floats, k: Ints, span: int, cycles: Mapping[str, float]) -> Course:
    """Learn the expected course of one series.

    Trend and cycles are least squares of the differences ``y[t] - phi y[t-1]`` (Cochrane and Orcutt 1949), so that
    what neighbours share is not taken for either; values far from the course count as near ones (Huber). Cycles are
    those frequencies at which the spectrum of what is left stands out from its neighbourhood more than chance would
    have it (Fisher's test, 1929, against a local background); those near a day's, week's or year's are taken for these.

    Parameters
    ----------
    y : float64 ndarray, shape (T,)
        NaN where nothing is known.
    k : int64 ndarray, shape (T,)
        Moments, ascending.
    span : int
        Moments from the first to the last one.
    cycles : mapping of str to float
        Period's name -> its length in steps.
    """
    known = np.isfinite(y)
    n = int(known.sum())
    none = np.zeros(0)
    if n < 8 or np.ptp(y[known]) == 0:
        level = float(np.median(y[known])) if n else 0.0
        return Course(np.zeros(1), np.array([level]), none, none, none)
    frequency: list[float] = []
    of: list[str] = []
    clipped, phi = y, 0.0
    course = Course(np.zeros(1), np.array([float(np.median(y[known]))]), none, none, none)
    for turn in range(_ROUNDS):
        clipped, spread = _clip(y, course(k))
        course = _best_trend(clipped, k, span, frequency, of, phi)
        clipped, spread = _clip(y, course(k))
        if spread > 0:
            clipped = np.where(regimes((y - course(k))[:, None] / spread, _FAR)[:, 0] != 0, np.nan, clipped)
        r = clipped - course(k)
        phi = _neighbours(r)
        if spread == 0 or turn == _ROUNDS - 1:
            break
        found = _cycles(_whitened(r, phi), k, span, frequency, cycles)
        found = found[: max(0, min(_MOST_CYCLES, n // 10) - len(frequency))]
        if not found:
            break
        frequency += [f for f, _ in found]
        of += [name for _, name in found]
    for _ in range(2):
        course = _best_trend(clipped, k, span, frequency, of, phi)
        kept = _standing_out(clipped, k, course, phi)
        if kept.all():
            break
        frequency = [f for f, keep in zip(frequency, kept, strict=True) if keep]
        of = [name for name, keep in zip(of, kept, strict=True) if keep]
    return course


def _standing_out(y: Floats, k: Ints, course: Course, phi: float) -> NDArray[np.bool_]:
    """Return which cycles are more than chance once all are known: some were shadows of others."""
    r = _whitened(y - course(k), phi)
    n, left = int(np.isfinite(r).sum()), float(np.nanvar(r))
    # What the differences leave of a cycle.
    share = 1 + phi * phi - 2 * phi * np.cos(2 * np.pi * course.frequency)
    size = (course.cosine**2 + course.sine**2) * n / 4 * share
    return np.asarray(size > np.log(max(n, 2) / 2 / _CHANCE) * max(left, 1e-300))


def regimes(R: Floats, far: float = 4.0) -> Ints:
    """Return where a channel stays far from its course for a while: 1 above, -1 below, shape (T, C).

    Where that is more than a fifth of the time, or hardly ever, it is no rare regime.

    >>> r = np.zeros((200, 1)); r[50:62] = 9; r[100] = 9
    >>> np.flatnonzero(regimes(r)).tolist() == list(range(50, 62))
    True
    """
    from scipy.ndimage import median_filter

    out = np.zeros(R.shape, np.int64)
    for c in range(R.shape[1]):
        middle = median_filter(np.nan_to_num(R[:, c]), _WIDTH, mode="nearest")
        there = np.where(middle > far, 1, np.where(middle < -far, -1, 0))
        if _RARE[0] <= np.count_nonzero(there) <= _RARE[1] * len(there):
            out[:, c] = there
    return out


def _clip(y: Floats, expected: Floats) -> tuple[Floats, float]:
    """Return values with those far from what was expected brought near, and the robust spread."""
    r = y - expected
    spread = 1.4826 * float(np.nanmedian(np.abs(r - np.nanmedian(r))))
    spread = spread or float(np.nanstd(r))
    return expected + np.clip(r, -_BOUND * spread, _BOUND * spread), spread


def _neighbours(r: Floats) -> float:
    a, b = r[:-1], r[1:]
    both = np.isfinite(a) & np.isfinite(b)
    size = float((a[both] ** 2).sum())
    return float(np.clip((a[both] * b[both]).sum() / size, 0, 0.98)) if size > 0 else 0.0


def _whitened(x: Floats, phi: float) -> Floats:
    """Return differences to a share of the value before, shape (T, ...); the first of a stretch stays, shrunk."""
    before = np.concatenate([np.full_like(x[:1], np.nan), x[:-1]])
    return np.where(np.isfinite(before), x - phi * before, x * np.sqrt(1 - phi * phi))


def _basis(k: Ints, knots: Floats, frequency: list[float]) -> Floats:
    hats = np.stack([np.interp(k, knots, np.eye(len(knots))[j]) for j in range(len(knots))], axis=1)
    turn = 2 * np.pi * np.mod(np.outer(k, frequency), 1.0)
    return np.concatenate([hats, np.cos(turn), np.sin(turn)], axis=1)


def _solve(y: Floats, k: Ints, knots: Floats, frequency: list[float], phi: float) -> tuple[Floats, float, int]:
    """Return coefficients, the whitened sum of squares and its number of rows; sums go piece by piece."""
    p = len(knots) + 2 * len(frequency)
    G, b, c, n = np.zeros((p, p)), np.zeros(p), 0.0, 0
    known = np.isfinite(y)
    level = float(np.mean(y[known]))
    for start in range(0, len(y), _PIECE):
        rows = slice(max(start - 1, 0), start + _PIECE)
        part, here = y[rows] - level, known[rows]
        B = np.where(here[:, None], _basis(k[rows], knots, frequency), np.nan)
        W, w = _whitened(B, phi), _whitened(part, phi)
        keep = np.isfinite(w)
        if start:
            keep[0] = False
        W, w = W[keep], w[keep]
        G += W.T @ W
        b += W.T @ w
        c += float(w @ w)
        n += len(w)
    coef = np.linalg.solve(G + np.eye(p) * 1e-9 * max(np.trace(G) / p, 1e-300), b)
    rss = max(c - 2 * coef @ b + coef @ G @ coef, 1e-300)
    coef[: len(knots)] += level
    return coef, float(rss), n


def _best_trend(y: Floats, k: Ints, span: int, frequency: list[float], of: list[str], phi: float) -> Course:
    """Return the course with as many pieces of the trend as Schwarz's criterion, doubled, allows."""
    best, least = None, np.inf
    for count in _KNOTS:
        if count > 1 and np.isfinite(y).sum() < _ROWS_A_KNOT * (count - 1):
            break
        knots = np.zeros(1) if count == 1 else np.linspace(0, max(span - 1, 1), count)
        coef, rss, n = _solve(y, k, knots, frequency, phi)
        cost = n * np.log(rss / n) + 2 * count * np.log(n)
        if cost < least:
            q = len(frequency)
            a, b = coef[count : count + q], coef[count + q :]
            least, best = cost, Course(knots, coef[:count], np.array(frequency, float), a, b, tuple(of))
    assert best is not None
    return best


def _cycles(e: Floats, k: Ints, span: int, have: list[float], cycles: Mapping[str, float]) -> list[tuple[float, str]]:
    """Return frequencies at which a spectrum stands out, strongest first, and the periods that they belong to."""
    known = np.isfinite(e)
    n, width = int(known.sum()), int(k.max()) + 1
    if n < 20:
        return []
    grid = np.zeros(width)
    grid[k[known]] = e[known] - e[known].mean()
    size = next_fast_len(2 * width)
    power = np.abs(rfft(grid, size)) ** 2 / max(float((grid**2).sum()), 1e-300)
    low, high = int(np.ceil(2 * size / span)), len(power)
    if high - low < 8:
        return []
    power = power / _background(power, low)
    inner = power[low : high - 1]
    peak = (inner >= power[low - 1 : high - 2]) & (inner > power[low + 1 : high])
    chance = np.log(max(high - low, 2) / 2 / _CHANCE)
    at = low + np.flatnonzero(peak & (inner > max(chance, _SIDE_LOBES * inner.max())))
    out: list[tuple[float, str]] = []
    for j in at[np.argsort(-power[at])].tolist():
        left, middle, right = np.log(power[j - 1 : j + 2] + 1e-300)
        bend = left - 2 * middle + right
        f = (j + (0.5 * (left - right) / bend if bend < 0 else 0.0)) / size
        f, name = _named(f, span, cycles, [*have, *(x for x, _ in out)])
        near = _APART / span
        if all(abs(f - x) > near for x in [*have, *(x for x, _ in out)]) and 1.5 / span < f <= 0.5:
            out.append((f, name))
    return out


def _background(power: Floats, low: int) -> Floats:
    """Return what the spectrum of mere noise would be around each frequency."""
    pieces = max((len(power) - low) // (2 * _WIDE), 1)
    edges = np.linspace(low, len(power), pieces + 1).astype(int)
    middle = [float(np.median(power[a:b])) / np.log(2) for a, b in pairwise(edges)]
    place = (edges[:-1] + edges[1:]) / 2
    return np.maximum(np.interp(np.arange(len(power)), place, middle), 1e-300)


def _named(f: float, span: int, cycles: Mapping[str, float], have: list[float]) -> tuple[float, str]:
    """Return the frequency of the calendar that cannot be told from this one, and its period."""
    close = 0.6 / span
    for name in ("hour", "day", "week", "year"):
        length = cycles.get(name, 0.0)
        h = round(f * length)
        if h >= 1 and abs(f - h / length) <= close and (name != "year" or h <= _YEAR_HARMONICS):
            return h / length, name
    for base in have:
        h = round(f / base)
        if h > 1 and abs(f - h * base) <= close:
            return h * base, f"{1 / base:.4g} steps"
    whole = round(1 / f)
    if whole >= 2 and abs(f - 1 / whole) <= close:
        f = 1 / whole
    return f, f"{1 / f:.4g} steps"
