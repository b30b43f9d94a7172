"""Many rows in chunks: the same rows for any number of threads, in order, with bounded memory and errors passed on."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset, Table
from seedstock.drawing import CHUNK_ROWS, chunks, draw
from seedstock.generators.forest import Forest
from seedstock.sources.read import read

ROWS = 4 * CHUNK_ROWS + 7


@pytest.fixture(scope="module")
def data() -> Dataset:
    g = np.random.default_rng(0)
    a = g.integers(0, 5, 400)
    names = np.array(["red", "green", "blue", "grey", "pink"], object)[a]
    parent = np.array(["warm", "cold", "cold", "none", "warm"], object)[a]
    return read({"colour": names, "family": parent, "x": a + g.normal(size=400).round(2)})


def joined(parts: Iterator[Dataset]) -> Table:
    return Table.concat([part.table for part in parts])


def test_the_same_rows_for_any_number_of_threads(data: Dataset) -> None:
    fitted = Forest(trees=3).fit(data, Rng(0))
    one = joined(chunks(fitted, ROWS, Rng(1), threads=1))
    assert len(one) == ROWS
    assert one.equals(joined(chunks(fitted, ROWS, Rng(1), threads=4)))
    family = dict(zip(data.table["colour"].texts(), data.table["family"].texts(), strict=True))
    assert all(family[c] == f for c, f in zip(one["colour"].texts(), one["family"].texts(), strict=True))


class Slow:
    """A model whose chunks are counted while they wait to be taken."""

    def __init__(self, data: Dataset, fails_at: int = -1) -> None:
        self.data, self.schema, self.fails_at = data, data.schema, fails_at
        self.made, self.lock = 0, threading.Lock()

    def sample(self, n: int, rng: Rng, given: object = None, start: int = 0) -> Dataset:
        if start == self.fails_at:
            raise InputError("no more")
        with self.lock:
            self.made += 1
        return self.data.take(np.zeros(n, np.int64))


@pytest.mark.parametrize(("rows", "made"), [(0, 1), (10, 1), (2 * CHUNK_ROWS, 8), (3 * CHUNK_ROWS, 3)])
def test_few_rows_come_in_blocks_so_that_each_thread_has_some(data: Dataset, rows: int, made: int) -> None:
    model = Slow(data)
    assert len(joined(chunks(model, rows, Rng(0)))) == rows
    assert model.made == made


def test_few_chunks_wait(data: Dataset) -> None:
    model = Slow(data)
    for taken, _ in enumerate(chunks(model, 40 * CHUNK_ROWS, Rng(0), threads=2), start=1):
        assert model.made <= taken + 2
    assert model.made == 40


def test_an_error_comes_out_and_nothing_goes_on(data: Dataset) -> None:
    model = Slow(data, fails_at=5 * CHUNK_ROWS)
    with pytest.raises(InputError, match="no more"):
        draw(model, 50 * CHUNK_ROWS, Rng(0), keep=0)
    assert model.made <= 8
