"""The mark against what follows from its construction: fair draws, three quarters of ones, an exact null."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import binom, chisquare

from seedstock.core.results import State
from seedstock.core.rng import Rng, blocks
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.cells import expand
from seedstock.provenance.detect import _Counts, _p_value, detect
from seedstock.provenance.loci import Locus, locus_hashes
from seedstock.provenance.subsets import subsets
from seedstock.provenance.watermark import generation_key, mark

SCHEMA = Schema({"data": TableSchema({c: ColumnSchema("category") for c in "ab"})})
P = np.array([[0.30, 0.10, 0.02], [0.05, 0.25, 0.08], [0.01, 0.04, 0.15]])


@dataclass(frozen=True)
class Known:
    """Draws two columns from a known joint distribution; with `unique`, every row is new."""

    unique: bool = False
    schema: Schema = SCHEMA

    def sample(self, n: int, rng: Rng, given: Table | None = None, start: int = 0) -> Dataset:
        parts = []
        for b, rows in blocks(n, start):
            g = rng.child("block", b).generator()
            if self.unique:
                code = g.integers(0, 2**62, (2, rows))
                parts.append(Table({c: Column.of_texts([f"{v:x}t" for v in code[k]]) for k, c in enumerate("ab")}))
                continue
            cell = g.choice(9, rows, p=P.ravel())
            names = {"a": cell // 3, "b": cell % 3}
            parts.append(Table({c: Column.of_texts([f"{c}{v}" for v in code]) for c, code in names.items()}))
        return Dataset({"data": Table.concat(parts)}, SCHEMA)

    def state(self) -> State:
        return State({}, {})

    @classmethod
    def from_state(cls, state: State) -> Known:
        return cls()


@pytest.mark.parametrize("candidates", [2, 4])
def test_over_the_keys_the_distribution_is_that_of_the_generator(candidates):
    """Each draw of 12 rows repeats its few keys; unmasked or unequal scores would favour rare cells here."""
    counts = np.zeros((3, 3))
    for k in range(500):
        t = mark(Known(), k.to_bytes(32, "big"), candidates=candidates).sample(12, Rng(k)).table
        a, b = (np.array([int(x[1]) for x in t[c].texts()]) for c in "ab")
        np.add.at(counts, (a, b), 1)
    # Rows of one draw are not independent of each other given a key, but nearly so: 6,000 rows, 8 degrees.
    assert chisquare(counts.ravel(), P.ravel() * counts.sum()).pvalue > 1e-4


def test_one_key_leaves_a_long_draw_as_it_is():
    """Nine cells speak at most nine times a block, so that 16,384 rows hardly notice."""
    t = mark(Known(), b"k" * 32).sample(16_384, Rng(1)).table
    a, b = (np.array([int(x[1]) for x in t[c].texts()]) for c in "ab")
    counts = np.zeros((3, 3))
    np.add.at(counts, (a, b), 1)
    assert chisquare(counts.ravel(), P.ravel() * 16_384).pvalue > 1e-4


def test_the_better_of_two_has_as_many_ones_as_follows():
    """With rows that never repeat: of K fair bits a candidate the winner's expected sum is that of the greater of two.

    Three loci, every second one in a round: two bits in the first (E max of two Binomial(2, 1/2) = 22/16, so 11/16
    a bit), one in the second (3/4). But for the bits that are masked because another key fell into the same of
    2^20 places: half of 4 n / 2^20.
    """
    n = 16_384
    key = b"k" * 32
    data = mark(Known(unique=True), key).sample(n, Rng(1))
    own = generation_key(key, 1)
    table, schemas = expand(data.table, data.columns)
    loci = subsets(list(table), own)
    assert [x.layer for x in loci] == [0, 1, 2]
    for h, plain in zip(locus_hashes(table, schemas, loci, own), (11 / 16, 3 / 4, 11 / 16), strict=True):
        expected = plain - (plain - 0.5) * (4 * n / 2**20) / 2
        assert (h >> np.uint64(63)).mean() == pytest.approx(expected, abs=5 * np.sqrt(0.22 / n))


@pytest.mark.parametrize(("candidates", "one_bit", "rows"), [(2, 0.75, 105), (4, 0.9375, 24)])
def test_the_analysis_of_the_issue(candidates, one_bit, rows):
    """1 - 2^-m ones, and so many rows until 99 % are found at 0.1 %: the normal approximation of the binomial."""
    assert one_bit == 1 - 2.0**-candidates
    z, power = 3.0902, 2.3263
    needed = ((z * 0.5 + power * np.sqrt(one_bit * (1 - one_bit))) / (one_bit - 0.5)) ** 2
    assert np.ceil(needed) == rows
    threshold = binom.isf(1e-3, rows, 0.5)
    assert binom.sf(threshold, rows, one_bit) > 0.975


def test_p_values_are_valid():
    """Fair bits give p-values that are uniform or larger."""
    g = np.random.default_rng(0)
    keys = np.array([1, 3, 10, 40, 150, 150, 90, 7, 500, 20])
    loci = tuple(Locus(k % 3, (str(k),)) for k in range(10))
    p = np.array([_p_value(_Counts(loci, g.binomial(keys, 0.5), keys)) for _ in range(3_000)])
    for alpha in (0.1, 0.01, 0.001):
        assert (p <= alpha).mean() <= alpha + 4 * np.sqrt(alpha / 3_000)
    assert (p <= 0.1).mean() > 0.01  # and not void


def test_false_alarms_on_unmarked_rows():
    g = np.random.default_rng(3)
    n_tests, low = 300, 0
    columns = {c: ColumnSchema("number", dtype="float64") for c in "vwxyz"}
    schema = Schema({"data": TableSchema(columns)})
    for k in range(n_tests):
        t = Table({c: Column.of(np.round(g.normal(50, 20, 60), g.integers(0, 3))) for c in columns})
        low += detect(Dataset({"data": t}, schema), k.to_bytes(32, "big")).p_value <= 0.05
    assert low <= binom.isf(1e-3, n_tests, 0.05)
