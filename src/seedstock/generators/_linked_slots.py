"""References to other tables: how many rows point to each parent, and which row gets which parent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Column

CLASSES = 16
_ROWS_A_CLASS = 20
_ONE_HOT = 12
_SWAPS = 50

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Classes:
    """A few kinds of parents, by which rows choose among them: the nearest of some centres of their attributes.

    Attributes
    ----------
    numbers : tuple of str
    levels : tuple of (str, tuple of str)
        Categories and their commonest texts.
    shift, scale : float64 ndarray, shape (p,)
    centres : float64 ndarray, shape (k, p + q)
    """

    numbers: tuple[str, ...]
    levels: tuple[tuple[str, tuple[str, ...]], ...]
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    centres: NDArray[np.float64]

    @classmethod
    def fit(cls, attributes: Mapping[str, Column], n: int, rng: Rng) -> Classes:
        """Find the kinds of n parents."""
        numbers = tuple(k for k, c in attributes.items() if not c.is_text)
        levels = tuple((k, _common(c)) for k, c in attributes.items() if c.is_text)
        X = np.column_stack([_floats(attributes[k]) for k in numbers]) if numbers else np.zeros((n, 0))
        with np.errstate(all="ignore"):
            shift, scale = np.nan_to_num(np.nanmean(X, 0)) if n else np.zeros(X.shape[1]), np.nanstd(X, 0)
        plain = cls(numbers, levels, shift, np.where(scale > 0, scale, 1.0), np.zeros((1, 0)))
        Z = plain._matrix(attributes, n)
        k = min(CLASSES, n // _ROWS_A_CLASS, len(np.unique(Z, axis=0)))
        if k < 2:
            return cls(numbers, levels, plain.shift, plain.scale, Z[:1] * 0.0)
        from sklearn.cluster import KMeans

        made = KMeans(k, n_init=2, random_state=rng.integer()).fit(Z)
        return cls(numbers, levels, plain.shift, plain.scale, np.asarray(made.cluster_centers_, float))

    def of(self, attributes: Mapping[str, Column], n: int) -> NDArray[np.int64]:
        """Return the kind of each of n parents, shape (n,)."""
        if len(self.centres) < 2:
            return np.zeros(n, np.int64)
        Z = self._matrix(attributes, n)
        cross = -2 * Z @ self.centres.T + (self.centres**2).sum(1)
        nearest: NDArray[np.int64] = cross.argmin(1).astype(np.int64)
        return nearest

    def _matrix(self, attributes: Mapping[str, Column], n: int) -> NDArray[np.float64]:
        parts = [np.zeros((n, 0))]
        if self.numbers:
            X = np.column_stack([_floats(attributes[k]) for k in self.numbers])
            parts.append(np.nan_to_num(np.clip((X - self.shift) / self.scale, -4, 4)))
        for name, texts in self.levels:
            column = attributes[name]
            index = {t: i for i, t in enumerate(texts)}
            place = np.array([index.get(str(t), -1) for t in column.levels] if column.levels is not None else [], int)
            code = np.where(column.missing, -1, place[column.values] if len(place) else -1)
            parts.append((code[:, None] == np.arange(len(texts))[None]).astype(float))
        return np.column_stack(parts)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the numbers of a saved model."""
        return {"shift": self.shift, "scale": self.scale, "centres": self.centres}

    def meta(self) -> dict[str, Any]:
        """Return its names."""
        return {"numbers": list(self.numbers), "levels": [[k, list(v)] for k, v in self.levels]}

    @classmethod
    def from_parts(cls, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> Self:
        """Make them again."""
        levels = tuple((str(k), tuple(map(str, v))) for k, v in meta["levels"])
        made = cls(tuple(meta["numbers"]), levels, arrays["shift"], arrays["scale"], arrays["centres"])
        width = len(made.numbers) + sum(len(v) for _, v in levels)
        if made.centres.ndim != 2 or len(made.shift) != len(made.numbers) or made.centres.shape[1] not in (0, width):
            raise InputError("this model is damaged: its classes of parents do not fit; fit it again")
        return made


def grown(counts: NDArray[np.int64], total: int, spread: float, g: np.random.Generator) -> NDArray[np.int64]:
    """Return numbers of children that sum to `total`: too many are thinned, and more go to those who have some.

    A Pólya urn: a further child chooses parent i with probability proportional to counts_i + spread, as under a
    negative binomial with that many successes (Johnson, Kemp and Kotz, Univariate discrete distributions, 5.1).

    >>> grown(np.array([0, 4]), 8, 0.0, np.random.default_rng(1)).tolist()
    [0, 8]
    """
    counts = counts.astype(np.int64)
    if not len(counts) or total <= 0:
        return counts * 0
    more = total - int(counts.sum())
    if more < 0:
        return g.multivariate_hypergeometric(counts, total).astype(np.int64)
    weight = counts + max(spread, 1e-9 if counts.any() else 1.0)
    # A gamma-mixed multinomial is the urn after `more` steps at once.
    share = g.gamma(weight) + 1e-300
    return counts + g.multinomial(more, share / share.sum())


def evened(drawn: Rows, g: np.random.Generator) -> Rows:
    """Return one of several draws a column, so that values occur together as often as in all draws.

    Parameters
    ----------
    drawn : int64 ndarray, shape (k, n)
        Each column's own draws; the first row is changed where a value occurs too often in it.

    Examples
    --------
    >>> drawn = np.array([[1, 1, 1, 1], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]])
    >>> sorted(evened(drawn, np.random.default_rng(0)).tolist())
    [0, 0, 1, 1]
    """
    values, codes = np.unique(drawn, return_inverse=True)
    codes = codes.reshape(drawn.shape)
    out = codes[0].copy()
    aim = np.bincount(codes.reshape(-1), minlength=len(values)) / len(codes)
    for other in codes[1:]:
        over = np.bincount(out, minlength=len(values)) - aim
        rows = np.flatnonzero((over[out] >= 0.5) & (over[other] <= -0.5))
        rows = g.permutation(rows)
        rows = rows[_place(out[rows]) < np.round(over[out[rows]])]
        rows = rows[_place(other[rows]) < np.round(-over[other[rows]])]
        out[rows] = other[rows]
    return values[out].astype(np.int64)


def _place(groups: Rows) -> Rows:
    """Return each member's place in its group, in order."""
    order = np.argsort(groups, kind="stable")
    ranked = groups[order]
    place = np.empty(len(groups), np.int64)
    place[order] = np.arange(len(groups)) - np.searchsorted(ranked, ranked)
    return place


def spread_of(counts: NDArray[np.int64]) -> float:
    """Return the size r of the negative binomial with the counts' mean and variance: m**2 / (v - m); at most 1e6."""
    m, v = float(counts.mean()), float(counts.var())
    return min(m * m / (v - m), 1e6) if v > m * (1 + 1e-9) else 1e6


def matched(
    wanted: NDArray[np.int64], counts: NDArray[np.int64], classes: NDArray[np.int64], g: np.random.Generator
) -> NDArray[np.int64]:
    """Return a parent for each row that wants one of a class; parent i is given counts_i times, whatever its class.

    Parameters
    ----------
    wanted : int64 ndarray, shape (m,)
        Class that each row wants.
    counts, classes : int64 ndarray, shape (p,)
        The counts sum to m.
    """
    slots = g.permutation(np.repeat(np.arange(len(counts)), counts))
    order_rows, order_slots = _ranked(wanted, g), _ranked(classes[slots], g)
    key_rows = _within(wanted, order_rows)
    key_slots = _within(classes[slots], order_slots)
    _, at_row, at_slot = np.intersect1d(key_rows, key_slots, return_indices=True)
    out = np.full(len(wanted), -1, np.int64)
    out[at_row] = slots[at_slot]
    left_rows = np.flatnonzero(out < 0)
    left_slots = np.setdiff1d(np.arange(len(slots)), at_slot)
    out[left_rows] = slots[g.permutation(left_slots)[: len(left_rows)]]
    return out


def _ranked(groups: NDArray[np.int64], g: np.random.Generator) -> NDArray[np.int64]:
    return np.lexsort((g.random(len(groups)), groups)).astype(np.int64)


def _within(groups: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number for each member: its group and its place in the group."""
    sorted_groups = groups[order]
    start = np.searchsorted(sorted_groups, sorted_groups)
    out = np.empty(len(groups), np.int64)
    out[order] = sorted_groups * (len(groups) + 2**32) + (np.arange(len(groups)) - start)
    return out


def distinct_pairs(first: Rows, order: Rows, g: np.random.Generator, second: Rows) -> tuple[Rows, int]:
    """Return an order of `second` in which no pair (first, second) repeats, and the number of rows that still do.

    Rows that repeat a pair swap with rows picked at random, again and again.
    """
    order, width = order.copy(), int(second.max(initial=0)) + 2
    again = np.zeros(0, np.int64)
    for _ in range(_SWAPS):
        _, at = np.unique(first * width + second[order] + 1, return_index=True)
        again = np.setdiff1d(np.arange(len(order)), at)
        if not len(again):
            break
        for i, j in zip(again.tolist(), g.integers(len(order), size=len(again)).tolist(), strict=True):
            order[i], order[j] = order[j], order[i]
    return order, len(again)


def _common(column: Column) -> tuple[str, ...]:
    if column.levels is None or not len(column.levels):
        return ()
    counts = np.bincount(column.values[~column.missing], minlength=len(column.levels))
    order = np.lexsort((column.levels.astype(str), -counts))[:_ONE_HOT]
    return tuple(str(column.levels[i]) for i in order if counts[i])


def _floats(column: Column) -> NDArray[np.float64]:
    values = column.values.view("i8") if column.values.dtype.kind in "mM" else column.values
    out = values.astype(np.float64)
    out[column.missing | ~np.isfinite(out)] = np.nan
    return out
