"""Keyed column subsets for the mark: which of them a table has can be told from its own columns alone.

Narrow subsets are those of four and of six columns with the smallest keyed hashes. Where a table has lost columns,
those that are left stand in front of the others, in the same order, and a reader finds them there: bottom-k sampling
(Cohen and Kaplan 2007) applied to the subsets, with no list of the original columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import ceil, comb

import numpy as np

from seedstock.provenance.cells import derive, mix
from seedstock.provenance.loci import Locus

PANEL = ((4, 8), (6, 16))
"""Width and number of the subsets of each class, the narrow ones first."""
N_WIDE = 4
WIDE = 0.8
WIDEST = 12
CLASSES = len(PANEL) + 1
MOST_COMBINATIONS = 40_000


def subsets(names: Sequence[str], key: bytes) -> list[Locus]:
    """Return the subsets that a mark is put on, class by class, each by its keyed hashes; the wide ones last.

    The class stands in `Locus.layer`.

    Examples
    --------
    >>> whole = [x for x in subsets([f"c{i}" for i in range(15)], b"key") if x.layer == 0]
    >>> kept = [x for x in subsets([f"c{i}" for i in range(12)], b"key") if x.layer == 0]
    >>> left = [x for x in whole if not set(x.columns) - {f"c{i}" for i in range(12)}]
    >>> kept[: len(left)] == left
    True
    """
    word = {name: int.from_bytes(derive(key, "subset", name, size=8), "little") for name in names}
    ordered = sorted(names, key=word.__getitem__)
    out: dict[Locus, None] = {}
    for layer, (most, number) in enumerate(PANEL):
        for columns in _smallest([(name, word[name]) for name in ordered], most, number):
            out[Locus(layer, columns)] = None
    width = min(max(PANEL[-1][0], ceil(WIDE * len(names))), WIDEST, len(names))
    for i in range(min(N_WIDE, len(names))):
        start = i * len(names) // min(N_WIDE, len(names))
        columns = tuple(sorted(ordered[(start + k) % len(names)] for k in range(width)))
        out[Locus(len(PANEL), columns)] = None
    return list(out)


def _smallest(words: list[tuple[str, int]], most: int, number: int) -> Iterator[tuple[str, ...]]:
    """Yield the `number` subsets of `most` names (or of all there are) with the smallest hashes."""
    n = len(words)
    width = min(most, n)
    if not n:
        return
    while n > width and comb(n, width) > MOST_COMBINATIONS:
        n -= 1  # of very many columns those with the smallest hashes
    chosen = np.array(list(combinations(range(n), width)), np.int64).reshape(-1, width)
    with np.errstate(over="ignore"):
        hashes = mix(mix(np.array([w for _, w in words[:n]], np.uint64))[chosen].sum(axis=1, dtype=np.uint64))
    for k in np.argsort(hashes, kind="stable")[:number]:
        yield tuple(sorted(words[i][0] for i in chosen[k]))


def prefixes(n: int) -> list[int]:
    """Return how many subsets of a class are tried, from the front: all of them, half, a quarter.

    >>> prefixes(16), prefixes(1)
    ([16, 8, 4], [1])
    """
    return list(dict.fromkeys(max(1, n >> k) for k in range(3))) if n else []
