"""Drawing any number of rows from a fitted model, in chunks: memory does not grow with their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seedstock.clock import Progress
from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError, ResourceError
from seedstock.core.given import Given as Conditioned
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.table import Dataset, Table
from seedstock.provenance.content import ContentHash, content_facts, content_of

CHUNK_ROWS = 4 * BLOCK_ROWS
"""Rows that are drawn and handed on at a time."""

THREADS = 2
"""Chunks that are drawn side by side; memory holds one more than that."""

_WHOLE = 3
"""Chunks from which rows come in whole ones; fewer rows come in blocks, so that each thread has some."""

Given = Callable[[int, int], "Table | Conditioned"]
"""Conditions of n rows from row `start` on: ``given(n, start)``."""
Sink = Callable[[Dataset], None]
"""Takes the drawn rows, chunk by chunk."""


def chunks(fitted: Fitted, n: int, rng: Rng, given: Given | None = None, threads: int = THREADS) -> Iterator[Dataset]:
    """Draw n rows in chunks of at most `CHUNK_ROWS`, so that memory does not grow with n.

    Several chunks are drawn side by side; the rows do not depend on how many.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
    size = CHUNK_ROWS if n >= _WHOLE * CHUNK_ROWS else BLOCK_ROWS
    starts = range(0, max(n, 1), size)

    def one(start: int) -> Dataset:
        rows = min(size, n - start)
        return fitted.sample(rows, rng, given(rows, start) if given else None, start)

    if len(starts) == 1:
        yield one(0)
        return
    # Each chunk has random numbers of its own, and most of the work lets other threads run.
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[Dataset]] = deque()
        try:
            for start in starts:
                ahead.append(pool.submit(one, start))
                if len(ahead) > threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


@dataclass
class Tally:
    """A sink that hands rows on, and keeps the hash of their cells to tie a record to them."""

    sink: Sink | None
    content: ContentHash = field(default_factory=ContentHash)
    whole: dict[str, Any] | None = None

    def __call__(self, drawn: Dataset) -> None:
        if drawn.domain == "linked":
            self.whole = content_of(drawn)
        else:
            self.content.add(drawn.table, drawn.columns.columns)
        if self.sink is not None:
            self.sink(drawn)

    def facts(self) -> dict[str, Any]:
        """Return what a record holds of the rows."""
        return content_facts(self.content) if self.whole is None else self.whole


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
    if len(fitted.schema.tables) > 1:
        # Rows of linked tables point to each other: they come in one piece.
        if given is not None:
            raise InputError("conditions are for single tables, and these are linked ones; draw without them")
        whole = fitted.sample(n, rng)
        if sink is not None:
            sink(whole)
        return whole
    if keep is None and n > CHUNK_ROWS:
        _must_fit(fitted, n)
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


def _must_fit(fitted: Fitted, n: int) -> None:
    """Refuse to hold more rows than the memory does, before hours are spent on them."""
    one = fitted.sample(1, Rng(0)).table
    # Once in the chunks, and once in the table that they are joined to.
    need = 2 * n * sum(c.values.nbytes + 1 for c in one.columns.values())
    have = free_memory()
    if have is not None and need > have:
        raise ResourceError(
            f"{n:,} rows take about {need / 2**30:.1f} GiB of memory, and {have / 2**30:.1f} GiB are free; "
            f"name an output, then the rows are written in blocks"
        )


def free_memory() -> int | None:
    """Return the bytes of memory that can still be had, None where the system does not say."""
    free = None
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    free = int(line.split()[1]) * 1024
        # What a container may use at most; its caches count as used there, so the use says little.
        most = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
        if most.isdigit():
            free = int(most) if free is None else min(free, int(most))
    except (OSError, ValueError):
        pass
    return free
