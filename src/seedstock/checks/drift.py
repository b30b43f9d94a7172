"""Drift and batch effects: blocks of rows that differ from the rest, and an order that is not random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from seedstock.checks._batches import batches
from seedstock.checks._cells import counted, numbers, present_levels
from seedstock.checks._stuck import stuck
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "drift"
_MOST_COLUMNS = 60
_GRID = 2_000
_LEVELS = 8
_USUAL = 0.05
_SHORTEST = 8


@dataclass(frozen=True)
class Drift:
    """Finds contiguous blocks of rows in which a column differs from the rest of the table.

    A scan over all blocks (lengths growing by a quarter, starts by an eighth of the length) for the largest
    standardised difference of mean ranks, or of a level's share. Where neighbouring rows resemble each other all
    along, the file is sorted or runs through time: that is said, and blocks are not searched.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a block that stands out, one a source or a stuck value, and one for sorted columns."""
        n = len(data.table)
        if n < 60:
            return []
        blocks: list[tuple[float, int, int, str, int]] = []
        sorted_by: list[tuple[str, float]] = []
        names = [c for c in data.table if data.columns[c].kind not in ("id", "image", "text")][:_MOST_COLUMNS]
        tests = 0
        for name in names:
            for z in _signals(data.table[name], rng.child(name)):
                near = float((z[1:] * z[:-1]).mean())
                if near * np.sqrt(n) > 5 and near > 0.15:
                    # Is it one block that does it? Without the block, neighbours are strangers again.
                    _, start, stop = scan(z)
                    rest = np.delete(z, slice(start, stop))
                    rest = rest - rest.mean()
                    again = float((rest[1:] * rest[:-1]).mean() / max(rest.var(), 1e-12))
                    if stop - start > 0.3 * n or again > 0.5 * near:
                        sorted_by.append((name, near))
                        break
                tests += _n_blocks(n)
                score, start, stop = scan(z)
                blocks.append((score, start, stop, name, tests))
        return _blocks(data, blocks, tests, n) + _sorted(data, sorted_by) + batches(data) + stuck(data)


def _signals(column: Column, rng: Rng) -> list[NDArray[np.float64]]:
    """Return the standardised series that a column is scanned by: its ranks, or the indicators of its levels."""
    n = len(column)
    series: list[NDArray[np.float64]] = []
    x = numbers(column)
    if x is not None:
        known = np.isfinite(x)
        if known.sum() >= 30:
            # Ties in random order: equal values are no order.
            order = np.lexsort((rng.generator().random(n), np.where(known, x, np.inf)))
            rank = np.empty(n)
            rank[order] = np.arange(n)
            series.append(np.where(known, rank, (known.sum() - 1) / 2))
    elif column.is_text:
        _, counts, codes = present_levels(column)
        # A rare level's runs are no normal deviates.
        usual = [k for k in np.argsort(-counts, kind="stable")[:_LEVELS] if counts[k] >= _USUAL * n]
        series += [(codes == k).astype(np.float64) for k in usual]
    else:
        series.append(np.where(column.missing, 0.5, column.values.reshape(n, -1)[:, 0]).astype(np.float64))
    if column.missing.mean() >= _USUAL:
        series.append(column.missing.astype(np.float64))
    return [(s - s.mean()) / s.std() for s in series if s.std() > 0]


def _lengths(n: int) -> list[int]:
    out, length = [], float(max(_SHORTEST, n // _GRID))
    while length <= n // 2:
        out.append(int(length))
        length *= 1.25
    return out


def _n_blocks(n: int) -> int:
    """Return how many independent blocks a scan tries, roughly: n / length for each doubling of the length."""
    return max(1, int(sum(n / k for k in _lengths(n)[::3])))


def scan(z: NDArray[np.float64]) -> tuple[float, int, int]:
    """Return the block of rows whose mean is farthest from the rest's: standard errors, start and stop.

    >>> z = np.random.default_rng(0).normal(size=1000)
    >>> z[200:260] += 2
    >>> score, start, stop = scan(z)
    >>> score > 10, abs(start - 200) < 10, abs(stop - 260) < 10
    (True, True, True)
    """
    n = len(z)
    total = np.concatenate([[0.0], np.cumsum(z)])
    best = (0.0, 0, 0)
    for length in _lengths(n):
        starts = np.arange(0, n - length + 1, max(1, length // 8))
        sums = total[starts + length] - total[starts]
        score = np.abs(sums - total[-1] * length / n) / np.sqrt(length * (1 - length / n))
        k = int(score.argmax())
        if score[k] > best[0]:
            best = (float(score[k]), int(starts[k]), int(starts[k]) + length)
    score, start, stop = best
    # The grid is coarse: let both ends run to where the score is largest.
    reach = max((stop - start) // 3, 2)
    for _ in range(2):
        ends = np.arange(max(start + 2, stop - reach), min(n, stop + reach) + 1)
        stop = int(ends[_score(total, start, ends, n).argmax()])
        begins = np.arange(max(0, start - reach), min(stop - 2, start + reach) + 1)
        start = int(begins[_score(total, begins, stop, n).argmax()])
    score = float(_score(total, np.array([start]), stop, n)[0])
    if len(np.unique(z[:: max(1, n // 1000)])) == 2:
        # Shares of short blocks are binomial, not normal.
        hits, rate = int((z[start:stop] > 0).sum()), float((z > 0).mean())
        p = min(binom.sf(hits - 1, stop - start, rate), binom.cdf(hits, stop - start, rate))
        score = min(score, float(norm.isf(max(p, 1e-300))))
    return score, start, stop


def _score(
    total: NDArray[np.float64], start: NDArray[np.int64] | int, stop: NDArray[np.int64] | int, n: int
) -> NDArray[np.float64]:
    length = np.asarray(stop) - np.asarray(start)
    sums = total[stop] - total[start] - total[-1] * length / n
    return np.asarray(np.abs(sums) / np.sqrt(np.maximum(length * (1 - length / n), 0.5)))


def _blocks(data: Dataset, blocks: list[tuple[float, int, int, str, int]], tests: int, n: int) -> list[Finding]:
    """Return findings of blocks that stand out, joined where they are the same rows."""
    strong = sorted((b for b in blocks if 2 * norm.sf(b[0]) * 8 * max(tests, 1) < 0.001), key=lambda b: -b[0])
    joined: list[list[tuple[float, int, int, str, int]]] = []
    for block in strong:
        for group in joined:
            start, stop = group[0][1:3]
            overlap = min(stop, block[2]) - max(start, block[1])
            if overlap > 0.5 * min(stop - start, block[2] - block[1]):
                group.append(block)
                break
        else:
            joined.append([block])
    ordered = bool(data.columns.with_role("order"))
    out: list[Finding] = []
    for group in joined[:10]:
        score, start, stop, name, _ = group[0]
        names = list(dict.fromkeys(b[3] for b in group))
        several = f" and {counted(len(names) - 1, 'further column')}" if len(names) > 1 else ""
        severe = not ordered and (len(names) > 1 or score > 7)
        out.append(
            Finding(
                NAME, data.name, name, tuple(range(start, stop)), "medium" if severe else "low", 0.85,
                f"Rows {start:,} to {stop - 1:,} differ from the rest in {name!r}{several}: {score:.0f} standard "
                "errors.",
                "Find out where this block comes from; another source, batch or time may need its own treatment.",
                details={"p_value": float(2 * norm.sf(score)), "tests": tests, "columns": names[:50]},
            )
        )  # fmt: skip
    return out


def _sorted(data: Dataset, by: list[tuple[str, float]]) -> list[Finding]:
    if not by or data.columns.with_role("order"):
        return []
    by = sorted(by, key=lambda item: -item[1])
    names = ", ".join(repr(c) for c, _ in by[:3])
    return [
        Finding(
            NAME, data.name, by[0][0], (), "low", 0.9,
            f"The order of the rows is not random: neighbours resemble each other in {names}.",
            "Shuffle before splitting, or split by time or group.", details={"columns": [c for c, _ in by]},
        )
    ]  # fmt: skip


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Shift two columns of numbers by two spreads in one block of rows."""
    n = len(data.table)
    k = max(25, round(share * n))
    names = [c for c in data.columns.of_kind("number") if data.table[c].values.dtype.kind == "f"]
    names = [c for c in names if c != data.columns.target][:2]
    if n < 10 * k or not names:
        return data, None
    start = int(rng.generator().integers(0, n - k))
    columns: dict[str, Column] = {}
    for name in names:
        column = data.table[name]
        values = column.values.copy()
        values[start : start + k] += 2 * np.nanstd(values)
        columns[name] = Column(values, column.missing)
    return data.with_table(data.table.assign(columns)), np.arange(start, start + k)


CHECK = Drift
SOURCE = "Scan statistics over blocks (Arias-Castro, Donoho and Huo 2005); false discovery rate over all checks."
