"""Reading the mark: an exact test, and an estimate of which share of the rows is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, chi2, norm

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, TableSchema
from seedstock.core.table import Dataset, Table
from seedstock.provenance.cells import derive, distinct, expand
from seedstock.provenance.loci import Locus, locus_hashes
from seedstock.provenance.subsets import CLASSES, prefixes, subsets
from seedstock.provenance.watermark import generation_key, select

GENERATIONS = 4
STRENGTHS = (4, 2)
MOST_ROWS = 200_000
"""Of longer tables so many rows are read, evenly spaced."""
_TOP = np.uint64(63)
_SMALLEST = 1e-300
_CALIBRATION_ROWS = 80_000


@dataclass(frozen=True)
class Detection:
    """What one key finds in a table.

    Attributes
    ----------
    p_value : float
        Probability of as much agreement with the key in data that were not marked with it; corrected for all
        that was tried.
    generation : int or None
        The generation whose key agrees best; None where none is significant at 0.1 %.
    share : float or None
        Estimated share of the rows that are marked, 0 to 1; None where nothing was found. Rows whose cells were
        changed since count less, so it is a lower estimate for edited files.
    interval : tuple of float or None
        95 % interval of the share.
    rows, keys : int
        Rows of the table; distinct keys that were read.
    """

    p_value: float
    generation: int | None
    share: float | None
    interval: tuple[float, float] | None
    rows: int
    keys: int

    @property
    def found(self) -> bool:
        return self.generation is not None

    def to_json(self) -> dict[str, Any]:
        """Return the detection as JSON values."""
        out = asdict(self)
        return {**out, "interval": list(self.interval) if self.interval else None}


@dataclass(frozen=True)
class _Counts:
    loci: tuple[Locus, ...]
    ones: NDArray[np.int64]
    keys: NDArray[np.int64]

    @property
    def layers(self) -> NDArray[np.int64]:
        return np.array([x.layer for x in self.loci], np.int64)


def detect(data: Dataset, key: bytes, layouts: Sequence[Sequence[str]] = (), threshold: float = 1e-3) -> Detection:
    """Look for the mark of a key.

    The test counts each distinct key (values of a locus) once. Without a mark its bit is fair and independent of
    the data, so the count of ones is exactly binomial, however often rows repeat and with no reference data.

    Parameters
    ----------
    layouts : sequence of sequence of str
        Columns of tables that were marked with this key, if known: loci that lost a column are then left out.
    threshold : float
        A generation is named where its p-value is at most this.
    """
    n = len(data.table)
    rows = data.table if n <= MOST_ROWS else data.table.take(np.linspace(0, n - 1, MOST_ROWS).astype(np.int64))
    table, schemas = expand(rows, data.columns, {c for x in layouts for c in x})
    whole = _layout(list(table), layouts)
    best = (1.0, 0, 0)
    keys = 0
    for g in range(1, GENERATIONS + 1):
        for m in STRENGTHS:
            counts = _count(table, schemas, whole, generation_key(key, g, m))
            keys = max(keys, int(counts.keys.sum()))
            # Weights 1/4, 1/8, ... for both strengths sum to less than one: a union bound over all that is tried.
            best = min(best, (min(1.0, _p_value(counts) * 2.0 ** (g + 1)), g, m))
    p, generation, m = max(best[0], _SMALLEST), best[1], best[2]
    if p > threshold or not generation:
        return Detection(p, None, None, None, n, keys)
    share, interval = _share(table, schemas, whole, generation_key(key, generation, m), m)
    return Detection(p, generation, share, interval, n, keys)


def _layout(names: list[str], layouts: Sequence[Sequence[str]]) -> list[str]:
    """Return the columns that the file once had: the smallest known layout that holds all of them, or its own."""
    holding = [sorted(x) for x in layouts if set(names) <= set(x) and len(names) * 2 >= len(x)]
    return min(holding, key=len, default=names)


def _count(
    table: Table, schemas: dict[str, ColumnSchema], whole: list[str], key: bytes, ring: bytes | None = None
) -> _Counts:
    loci = [x for x in subsets(whole, ring or key) if all(c in table for c in x.columns)]
    ones, keys = [], []
    for h in locus_hashes(table, schemas, loci, key):
        values = distinct(h)
        ones.append(int((values >> _TOP).sum()))
        keys.append(len(values))
    return _Counts(tuple(loci), np.array(ones, np.int64), np.array(keys, np.int64))


def _p_value(counts: _Counts) -> float:
    """Combine the loci by their sum and by Fisher's combination, over what was tried by Bonferroni.

    Tried are the wide loci, and the narrow ones from the front: all of them, half, a quarter, for where columns were
    lost those that are left come first.
    """
    found = []
    sets = []
    for layer in range(CLASSES):
        own = np.flatnonzero(counts.layers == layer)
        sets += [own[:k] for k in prefixes(len(own))]
    for here in sets:
        if not len(here):
            continue
        ones, keys = counts.ones[here], counts.keys[here]
        found.append(float(binom.sf(ones.sum() - 1, keys.sum(), 0.5)))
        logs = binom.logsf(ones - 1, keys, 0.5)
        # Discrete p-values are too large rather than too small, so this stays a valid test.
        found.append(float(chi2.sf(-2 * logs.sum(), 2 * len(here))))
    return min(1.0, len(found) * min(found)) if found else 1.0


def _share(
    table: Table, schemas: dict[str, ColumnSchema], whole: list[str], key: bytes, candidates: int
) -> tuple[float, tuple[float, float]]:
    """Compare the excess of ones with that of the file's own rows, marked anew under other keys."""
    observed = _count(table, schemas, whole, key)
    excess, variance = _excess(observed)
    reference, spread = _reference(table, schemas, key, candidates)
    # Loci weigh by what a full mark would do to them.
    w = reference / np.maximum(variance, 1e-30)
    slope = float((w * reference).sum())
    if slope <= 0:
        return 1.0, (0.0, 1.0)
    share = float((w * excess).sum()) / slope
    se = float(np.sqrt((w**2 * variance).sum())) / slope
    half = float(norm.ppf(0.975)) * float(np.hypot(se, share * spread))
    return float(np.clip(share, 0, 1)), (float(np.clip(share - half, 0, 1)), float(np.clip(share + half, 0, 1)))


def _excess(counts: _Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean excess of ones over one half in each layer, and its variance without a mark."""
    layers = counts.layers
    keys = np.bincount(layers, counts.keys, minlength=CLASSES)
    ones = np.bincount(layers, counts.ones, minlength=CLASSES)
    safe = np.maximum(keys, 1)
    return np.where(keys > 0, ones / safe - 0.5, 0.0), 0.25 / safe


def _reference(
    table: Table, schemas: dict[str, ColumnSchema], key: bytes, candidates: int
) -> tuple[NDArray[np.float64], float]:
    """Return the excess of a full mark in each layer, and its relative standard error."""
    n = min(len(table), _CALIBRATION_ROWS)
    own = TableSchema(schemas)
    found = []
    repeats = int(np.clip(40_000 // max(n, 1), 5, 20))
    for k in range(repeats):
        other = derive(key, "calibration", k)
        g = Rng(int.from_bytes(other[:4], "little")).generator()
        order = g.permutation(len(table))[: n // candidates * candidates].reshape(candidates, -1)
        draws = [table.take(rows) for rows in order]
        winners = select(draws, own, other, g, ring=key)
        kept = table.take(order[winners, np.arange(order.shape[1])])
        found.append(_excess(_count(kept, schemas, list(table), other, key))[0])
    mean = np.mean(found, axis=0)
    strongest = int(np.argmax(mean))
    # The key at hand is one draw of the keys, so it is the spread over keys that counts, not that of their mean.
    sd = float(np.std([f[strongest] for f in found], ddof=1))
    return np.maximum(mean, 0), sd / max(float(mean[strongest]), 1e-12)
