"""Shares kept while a mark picks: a few rows take their other candidate, so that columns come out even.

Drawn rows lie more evenly than by chance; a pick at random among candidates would lose that again. So the picks are
balanced (balanced sampling: Deville and Tillé 2004): the kept rows show each cell about as often as all
candidates do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Column, Table

MOST_SWAPS = 0.08
"""Share of the rows that take their other candidate at most: so much of the mark may go into even columns."""
CLOSE = 0.4
"""Share of the rows that may: those whose candidates score most alike, so that the mark loses little by it."""
_STEPS = 32
_BINS = 32
_COMMON = 64
_EDGE_ROWS = 20_000


def balanced(
    draws: Sequence[Table], winners: NDArray[np.int64], losers: NDArray[np.int64], lead: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return which of the m draws each of the n rows keeps: its winner, or for a few rows the loser.

    Steepest descent: what falls is the sum, over the cells of all columns (categories, and bins of numbers), of the
    squared difference between how often kept rows show a cell and how often one draw does on average, over its
    standard deviation under picks at random.

    Parameters
    ----------
    draws : sequence of m Table, each of n rows
    winners, losers : int64 ndarray, shape (n,)
        The two draws between which each row may choose.
    lead : ndarray, shape (n,)
        How far the winner's score lies above the loser's, 0 to 1: what a swap costs the mark.
    """
    n = len(winners)
    close = np.sort(np.argsort(lead, kind="stable")[: int(n * CLOSE)])
    if not len(close) or not len(draws[0].columns):
        return winners
    here, there, surplus, weight = _cells(draws, winners, losers, close)
    # A row whose two candidates share a cell neither takes one off nor adds one to it.
    same = ((here == there) * 2 * weight[here]).sum(axis=0)
    swapped = np.zeros(len(close), bool)
    left = int(n * MOST_SWAPS)
    step = max(1, left // _STEPS)
    while step and left:
        gain = (weight * (2 * surplus - 1))[here].sum(axis=0) - (weight * (2 * surplus + 1))[there].sum(axis=0) + same
        gain[swapped] = -1.0
        best = np.argpartition(-gain, min(step, left, len(gain)) - 1)[: min(step, left)]
        best = best[gain[best] > 0]
        change = np.zeros(len(surplus))
        np.add.at(change, there[:, best], 1)
        np.add.at(change, here[:, best], -1)
        # Swaps that are made at once may overshoot together: then fewer are made.
        if not (weight * change * (2 * surplus + change)).sum() < 0:
            step //= 2
            continue
        surplus = surplus + change
        swapped[best] = True
        left -= len(best)
    out = winners.copy()
    out[close[swapped]] = losers[close[swapped]]
    return out


def _cells(
    draws: Sequence[Table], winners: NDArray[np.int64], losers: NDArray[np.int64], close: NDArray[np.int64]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the cells of some rows' winners and losers, shape (columns, rows), and each cell's surplus and weight."""
    m, rows = len(draws), np.arange(len(winners))
    here, there, surplus, weight, start = [], [], [], [], 0
    for name in draws[0]:
        codes = _codes(Column.concat([d[name] for d in draws])).reshape(m, -1)
        own = codes[winners, rows]
        expected = np.bincount(codes.reshape(-1)) / m
        here.append(own[close] + start)
        there.append(codes[losers[close], close] + start)
        surplus.append(np.bincount(own, minlength=len(expected)) - expected)
        weight.append(1 / np.sqrt(expected * (1 - expected / len(rows)) + 1))
        start += len(expected)
    floats = (np.concatenate(x).astype(np.float32) for x in (surplus, weight))
    return np.stack(here).astype(np.int32), np.stack(there).astype(np.int32), *floats


def _codes(column: Column) -> NDArray[np.int64]:
    """Return codes of categories, or of bins of numbers; missing cells are one more, rare ones one together."""
    values = column.values
    if column.is_text or values.dtype.kind == "b":
        codes = values.astype(np.int64)
    else:
        values = values.astype(np.int64) if values.dtype.kind in "mM" else values
        some = values[~column.missing]
        some = some[:: max(1, len(some) // _EDGE_ROWS)]
        edges = np.unique(np.quantile(some, np.arange(1, _BINS) / _BINS, method="lower")) if len(some) else some
        codes = np.searchsorted(edges, values, side="right")
    codes = np.where(column.missing, codes.max(initial=0) + 1, codes)
    order = np.argsort(-np.bincount(codes), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.minimum(np.arange(len(order)), _COMMON)
    return place[codes]
