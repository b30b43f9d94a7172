"""Near duplicates: rows that differ from another in a few cells or by small noise, far closer than rows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import compared, counted, hash_cells, hash_table, mix, normal, numbers, present_levels
from seedstock.checks._frame import finite
from seedstock.core.results import Edit, Finding, Severity
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "near_duplicates"
Codes = NDArray[np.uint64]
Pairs = NDArray[np.int64]
_MOST_COLUMNS = 40
_PASSES = 14
_MOST_GROUP = 12
_MOST_PAIRS = 2_000_000
_CELLS = 64


@dataclass(frozen=True)
class NearDuplicates:
    """Finds pairs of rows that agree, wholly or up to noise, in far more than chance or dependence would give.

    Candidates come from locality-sensitive hashing: random subsets of the columns, numbers in random grids, texts by
    their rarest words. A pair's surprise is the sum over the agreeing columns of -log P(two rows agree). It must stand
    apart from the surprise that ordinary rows reach with their nearest neighbours.
    """

    false_alarms: ClassVar[float] = 0.05
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return at most one finding, with the later row of each pair."""
        n = len(data.table)
        found = near_pairs(data, rng)
        if found is None:
            return []
        pairs, agree, n_views = found
        rows = np.unique(pairs.max(1))
        share = len(rows) / n
        if share > 0.3:
            return []  # where everything is near, nearness says nothing
        shown = pairs[:20]
        # More than one differing cell in most pairs: rather how these rows are than copies.
        copies = float(np.median(agree)) >= 1 - 1.5 / n_views
        severity: Severity = "low" if not copies else "high" if share >= 0.01 and len(pairs) >= 5 else "medium"
        # Which of two is the better row nobody knows here: a proposal for review, never made by itself.
        edits = tuple(
            Edit(data.name, int(r), None, None, None, NAME, 0.45, False, "nearly repeats an earlier row") for r in rows
        )
        return [
            Finding(
                NAME,
                data.name,
                None,
                tuple(rows.tolist()),
                severity,
                0.8,
                f"{counted(len(rows), 'row')} ({share:.2%}) nearly repeat an earlier row: they agree with it in "
                f"{np.median(agree):.0%} of the columns, more than any ordinary pair.",
                "Look at the pairs; keep one row of each, or put both on the same side of a split.",
                edits,
                {"pairs": shown.tolist()},
            )
        ]


def near_pairs(data: Dataset, rng: Rng) -> tuple[Pairs, NDArray[np.float64], int] | None:
    """Return the pairs of rows that stand apart, most alike first, the share of columns in which they agree, and the
    number of columns compared; None where there are none."""
    names = compared(data)
    n = len(data.table)
    if n < 20 or len(names) < 2:
        return None
    views = [_view(data.table[c]) for c in names]
    views = [v for v in views if v.weight > 0.02]
    views = sorted(views, key=lambda v: -v.weight)[:_MOST_COLUMNS]
    if sum(v.weight for v in views) < 2 * np.log(n) or len(views) < 2:
        return None
    pairs = _candidates(views, n, rng)
    if not len(pairs):
        return None
    score, agree, same = _surprise(views, pairs)
    limit = _limit(score[~same], pairs[~same], n, sum(v.weight for v in views))
    hit = np.flatnonzero(~same & (score >= limit) & (agree >= 0.8))
    if not len(hit):
        return None
    hit = hit[np.argsort(-score[hit], kind="stable")]
    return pairs[hit], agree[hit], len(views)


@dataclass(frozen=True)
class View:
    """One column as it is compared.

    Attributes
    ----------
    exact : uint64 ndarray, shape (n,)
        Equal cells have equal numbers.
    place : float64 ndarray, shape (n,), or None
        Numbers as shares of the order, 0 to 1; -1 where missing.
    words : uint64 ndarray, shape (n, w), or None
        Texts: hashes of their rarest words; 0 where there are fewer.
    size : int64 ndarray, shape (n,), or None
        Number of words.
    weight, exact_weight : float
        -log of the probability that two rows agree, and that their cells are equal.
    """

    exact: Codes
    place: NDArray[np.float64] | None
    words: Codes | None
    size: NDArray[np.int64] | None
    weight: float
    exact_weight: float


def _view(column: Column) -> View:
    exact = hash_cells(column)
    _, counts = np.unique(exact, return_counts=True)
    n = len(exact)
    p_same = float((counts.astype(float) * (counts - 1)).sum() / max(n * (n - 1), 1))
    x = numbers(column)
    if x is not None and len(counts) > 20:
        x = finite(x)
        order = np.sort(x[~np.isnan(x)])
        if len(order):
            left, right = np.searchsorted(order, x, "left"), np.searchsorted(order, x, "right")
            place = np.where(np.isnan(x), -1.0, (left + right) / (2 * len(order)))
            p_near = max(2 * _NOISE, p_same)
            return View(exact, place, None, None, -np.log(p_near), min(-np.log(max(p_same, 1e-6)), 12.0))
    if column.is_text and len(counts) > 50:
        words, size = _rare_words(column)
        if (size > 2).mean() > 0.5:
            weight = min(-np.log(max(p_same, 1 / n)), 12.0)
            return View(exact, None, words, size, weight, weight)
    weight = -np.log(max(p_same, 1 / n))
    return View(exact, None, None, None, weight, weight)


_NOISE = 0.01
"""Difference of places in the order below which two numbers agree."""


def _rare_words(column: Column, most: int = 8) -> tuple[Codes, NDArray[np.int64]]:
    """Return for each cell the hashes of its rarest words and the number of its words."""
    levels, counts, codes = present_levels(column)
    split = [sorted(set(normal(t[:2000]).split())) for t in levels]
    index: dict[str, int] = {}
    flat = np.array([index.setdefault(w, len(index)) for ws in split for w in ws] or [0], np.int64)
    owner = np.repeat(np.arange(len(split)), [len(ws) for ws in split])
    frequency = np.bincount(flat[: len(owner)], counts[owner] if len(owner) else None, minlength=max(len(index), 1))
    table = np.zeros((len(levels) + 1, most), np.uint64)
    size = np.zeros(len(levels) + 1, np.int64)
    size[: len(split)] = [len(ws) for ws in split]
    if len(owner):
        flat = flat[: len(owner)]
        order = np.lexsort((flat, frequency[flat], owner))
        starts = np.concatenate([[0], np.cumsum(size[: len(split)])])[:-1]
        rank = np.arange(len(owner)) - np.repeat(starts, size[: len(split)])
        keep = rank < most
        table[owner[order][keep], rank[keep]] = mix(flat[order][keep].astype(np.uint64) + np.uint64(1))
    return table[codes], size[codes]


def _candidates(views: list[View], n: int, rng: Rng) -> Pairs:
    """Return pairs of rows that share a key in some pass, shape (m, 2), first below second."""
    g = rng.child("subsets").generator()
    found: list[Pairs] = []
    weights = np.array([v.weight for v in views])
    enough = 1.5 * np.log(n)
    room = max(_MOST_PAIRS // max(len(views), 1), 50_000)
    for k in range(_PASSES):
        # Random columns until their keys are rare enough; noise in any other column does no harm.
        order = np.argsort(-np.sqrt(weights) * g.random(len(views)))
        key = np.zeros(n, np.uint64)
        total = 0.0
        for j in order:
            v = views[j]
            if v.place is not None:
                cells = max(4, min(_CELLS, int(np.exp(v.weight))))
                shifted = np.floor(v.place * cells + g.random()).astype(np.int64)
                code = np.where(v.place < 0, np.uint64(0), mix(shifted.astype(np.uint64) + np.uint64(1)))
                gain = float(np.log(cells))
            elif v.words is not None:
                column = np.ascontiguousarray(v.words[:, [0, 1] if k % 2 else [1, 2]]).astype(np.uint64)
                with np.errstate(over="ignore"):
                    code = column[:, 0] + np.uint64(3) * column[:, 1]
                gain = min(v.weight, 6.0)
            else:
                code = v.exact
                gain = v.weight
            with np.errstate(over="ignore"):
                key = key + mix(code ^ np.uint64(0x51ED27 * (int(j) + 1)))
            total += gain
            if total >= enough:
                break
        found.append(_pairs(key, room))
    return np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2), np.int64)


def _pairs(key: Codes, most: int) -> Pairs:
    """Return pairs within groups of equal keys; large groups are coarse, and skipped."""
    order = np.argsort(key, kind="stable")
    sorted_key = key[order]
    out: list[Pairs] = []
    total = 0
    for lag in range(1, _MOST_GROUP):
        same = sorted_key[lag:] == sorted_key[:-lag]
        if not same.any() or total > most:
            break
        a, b = order[:-lag][same], order[lag:][same]
        out.append(np.column_stack([np.minimum(a, b), np.maximum(a, b)]))
        total += len(a)
    return np.concatenate(out)[:most] if out else np.zeros((0, 2), np.int64)


def _surprise(views: list[View], pairs: Pairs) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return for each pair its surprise, the share of columns that agree, and whether all cells are equal."""
    a, b = pairs.T
    score = np.zeros(len(pairs))
    agree = np.zeros(len(pairs))
    same = np.ones(len(pairs), bool)
    for v in views:
        equal = v.exact[a] == v.exact[b]
        same &= equal
        close = equal.astype(np.float64)
        if v.place is not None:
            gap = np.abs(v.place[a] - v.place[b])
            close = np.where((v.place[a] < 0) | (v.place[b] < 0), close, (gap <= _NOISE).astype(np.float64))
        elif v.words is not None and v.size is not None:
            shared = (v.words[a][:, :, None] == v.words[b][:, None, :]) & (v.words[a] > 0)[:, :, None]
            n_shared = shared.any(2).sum(1)
            most = np.minimum(np.maximum(v.size[a], v.size[b]), v.words.shape[1])
            likeness = n_shared / np.maximum(most, 1)
            close = np.maximum(close, np.where(likeness >= 0.6, likeness, 0.0))
        score += np.where(equal, v.exact_weight, v.weight * close)
        agree += close > 0
    return score, agree / len(views), same


def _limit(score: NDArray[np.float64], pairs: Pairs, n: int, top: float) -> float:
    """Return the surprise from which a pair is no ordinary neighbour; infinite where there is no such pair.

    Ordinary pairs become rarer as their surprise grows. Copies make a second hill: the limit is the lowest surprise
    beyond which there are at least twice as many rows as in the band below it. Chance alone needs 2 log n.
    """
    best = np.zeros(n)
    np.maximum.at(best, pairs.max(1), score)
    best = np.sort(best[best > 0])
    if not len(best):
        return np.inf
    band = 0.12 * top
    for limit in np.arange(max(2.0 * np.log(n), 0.6 * top), max(best[-1], 0.97 * top), 0.02 * top):
        above = len(best) - np.searchsorted(best, limit)
        below = np.searchsorted(best, limit) - np.searchsorted(best, limit - band)
        far_below = np.searchsorted(best, limit) - np.searchsorted(best, limit - 2 * band)
        if above > 2 * below and (above >= 3 or (above and not far_below)):
            return float(limit)
    return np.inf


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Overwrite rows with copies of earlier ones: numbers get small noise, and one other cell is another row's."""
    n = len(data.table)
    k = max(1, round(share * n))
    if n < 2 * k + 2 or len(compared(data)) < 5:
        return data, None
    g = rng.generator()
    places = np.sort(g.permutation(n)[: 2 * k].reshape(k, 2), axis=1)
    index = np.arange(n)
    index[places[:, 1]] = places[:, 0]
    table = data.table.take(index)
    columns: dict[str, Column] = {}
    names = compared(data)
    changed = g.choice(len(names), k)
    for j, name in enumerate(names):
        column = table[name]
        own = places[changed == j, 1]
        values = column.values.copy()
        missing = column.missing.copy()
        donors = g.integers(0, n, len(own))
        values[own] = data.table[name].values[donors]
        missing[own] = data.table[name].missing[donors]
        if column.values.dtype.kind == "f":
            rest = places[changed != j, 1]
            values[rest] *= 1 + 1e-3 * g.normal(size=len(rest))
        columns[name] = Column(values, missing, column.levels)
    out = data.with_table(table.assign(columns))
    with np.errstate(over="ignore"):
        keys = hash_table(out.table, names).sum(1, dtype=np.uint64)
    # Where the other row's cell was the same, the copy is exact: that is another kind.
    return out, places[keys[places[:, 1]] != keys[places[:, 0]], 1]


CHECK = NearDuplicates
SOURCE = (
    "Locality-sensitive hashing (Indyk and Motwani 1998; Broder 1997) and agreement weights (Fellegi and Sunter 1969)."
)
