"""One random stream per piece of work, derived from a seed and a path."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from seedstock.core.errors import InputError

BLOCK_ROWS = 16_384
"""Rows that share one stream. Part of the output: another size gives other rows for the same seed."""


@dataclass(frozen=True)
class Rng:
    """A place in a tree of random streams.

    The stream depends on the seed and the path only, never on what was drawn elsewhere. Work that is divided
    over chunks, processes or machines therefore gives the same result, however it was divided.

    Examples
    --------
    >>> rng = Rng(7)
    >>> a = rng.child("sample", 3).generator().integers(100)
    >>> a == Rng(7).child("sample").child(3).generator().integers(100)
    np.True_
    """

    seed: int
    path: tuple[str | int, ...] = field(default=())

    def __post_init__(self) -> None:
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"a seed must be an integer of 0 or more, not {self.seed!r}")

    def child(self, *path: str | int) -> Rng:
        """Return the stream at a path below this one."""
        return Rng(self.seed, self.path + path)

    def entropy(self) -> int:
        """Return 128 bits that stand for the seed and the path."""
        text = repr((self.seed, self.path)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big")

    def generator(self) -> np.random.Generator:
        """Return a fresh NumPy generator at the start of this stream."""
        return np.random.Generator(np.random.PCG64(self.entropy()))

    def integer(self) -> int:
        """Return the 31-bit integer of this stream, for libraries that take a ``random_state``."""
        return self.entropy() & 0x7FFF_FFFF


def blocks(n: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Yield (block number, rows) for rows ``start`` to ``start + n``; ``start`` is a multiple of `BLOCK_ROWS`.

    >>> list(blocks(20_000))
    [(0, 16384), (1, 3616)]
    """
    if n < 0:
        raise InputError(f"rows must be 0 or more, not {n}")
    if start % BLOCK_ROWS:
        raise InputError(f"a block starts at a multiple of {BLOCK_ROWS}, not at row {start}")
    first = start // BLOCK_ROWS
    for k in range(-(-n // BLOCK_ROWS)):
        yield first + k, min(BLOCK_ROWS, n - k * BLOCK_ROWS)
