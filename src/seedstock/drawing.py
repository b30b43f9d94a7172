"""Drawing any number of rows from a fitted model, in chunks: memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from seedstock.clock import Progress
from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.table import Dataset, Table
from seedstock.provenance.content import ContentHash, content_facts

CHUNK_ROWS = 4 * BLOCK_ROWS
"""Rows that are drawn and handed on at a time."""

Given = Callable[[int, int], Table]
"""Conditions of n rows from row `start` on: ``given(n, start)``."""
Sink = Callable[[Dataset], None]
"""Takes the drawn rows, chunk by chunk."""


def chunks(fitted: Fitted, n: int, rng: Rng, given: Given | None = None) -> Iterator[Dataset]:
    """Draw n rows in chunks of `CHUNK_ROWS`, so that memory does not grow with n."""
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
    for start in range(0, max(n, 1), CHUNK_ROWS):
        rows = min(CHUNK_ROWS, n - start)
        yield fitted.sample(rows, rng, given(rows, start) if given else None, start)


@dataclass
class Tally:
    """A sink that hands rows on, and keeps the hash of their cells to tie a record to them."""

    sink: Sink | None
    content: ContentHash = field(default_factory=ContentHash)

    def __call__(self, drawn: Dataset) -> None:
        self.content.add(drawn.table, drawn.columns.columns)
        if self.sink is not None:
            self.sink(drawn)

    def facts(self) -> dict[str, Any]:
        """Return what a record holds of the rows."""
        return content_facts(self.content)


def draw(
    fitted: Fitted,
    n: int,
    rng: Rng,
    given: Given | None = None,
    sink: Sink | None = None,
    keep: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Draw n rows, hand every chunk to the sink, and return the first `keep` of them (None: all)."""
    kept: list[Table] = []
    n_kept = done = 0
    data = None
    for data in chunks(fitted, n, rng, given):
        if sink is not None:
            sink(data)
        missing = len(data.table) if keep is None else keep - n_kept
        if missing > 0 or not kept:
            kept.append(data.table.take(slice(0, max(missing, 0))))
            n_kept += len(kept[-1])
        done += len(data.table)
        if progress is not None:
            progress.share(done / max(n, 1))
    assert data is not None  # chunks yields at least once
    return data.with_table(Table.concat(kept))
