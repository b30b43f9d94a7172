"""How far leaves are drawn toward their ancestors: as held-out rows are predicted best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.atoms import Codes
from seedstock.generators._grown_tree import GrownTree

Floats = NDArray[np.float64]

_SHRINKAGES = np.array([0.001, 1, 3, 10, 30, 100, 300, 1000, 3000])
"""Candidates, in rows."""
_LEAST = 1e-12
_COUNTED = 1 << 22
"""Nodes times classes up to which classes are counted node by node, without sorting."""


@dataclass(frozen=True, eq=False)
class Held:
    """How well rows are told by the trees whose structure has not seen them.

    Attributes
    ----------
    likelihood : float64 ndarray, shape (n,)
        Log likelihood of each row under the mean of those trees; NaN where there is none.
    seen : float64 ndarray, shape (n,)
        Number of those trees.
    spread : float
        What the mean of ever more trees adds to that of a single one, in nats.
    """

    likelihood: Floats
    seen: Floats
    spread: float

    def foretold(self, trees: float) -> Floats:
        """Return what the log likelihoods would be under the mean of so many trees that have not seen a row, (n,).

        The logarithm of a mean of k lies below that of the expectation by half the squared relative error of the mean,
        which falls with 1/k (delta method).
        """
        return self.likelihood + self.spread * (1 / np.maximum(self.seen, 1) - 1 / trees)


def best_shrinkage(trees: list[GrownTree], kinds: list[Codes], n: int) -> tuple[float, Held]:
    """Return the candidate that is best for rows outside the structure's share, and how well it tells them."""
    m = max(int(k.max()) for k in kinds) + 1
    likelihood, seen = np.zeros((len(_SHRINKAGES), n)), np.zeros(n)
    prior = (np.bincount(np.concatenate(kinds), minlength=m) + 0.5) / (sum(map(len, kinds)) + 0.5 * m)
    parts = []
    for tree, kind in zip(trees, kinds, strict=True):
        test = np.flatnonzero(~tree.inside)
        if not len(test):
            continue
        of_row = np.empty(len(kind), np.int64)
        of_row[tree.order] = kind
        rows = tree.sorted_rows[test]
        parts.append((rows, _held_out(tree, tree.leaf, of_row, test, prior)))
        likelihood[:, rows] += parts[-1][1]
        seen[rows] += 1
    used, out = seen > 0, np.full(n, np.nan)
    if not used.any():
        return float(_SHRINKAGES[-1]), Held(out, seen, 0.0)
    score = np.log(np.maximum(likelihood[:, used] / seen[used], _LEAST))
    best = int(np.argmax(score.mean(1)))
    out[used] = score[best]
    return float(_SHRINKAGES[best]), Held(out, seen, _spread([(rows, p[best]) for rows, p in parts], out, seen))


def _spread(parts: list[tuple[NDArray[np.int64], Floats]], likelihood: Floats, seen: Floats) -> float:
    """Return half the squared relative error of single trees: by it the mean of k trees gains 1 - 1/k over one."""
    alone = np.zeros(len(seen))
    for rows, p in parts:
        alone[rows] += np.log(np.maximum(p, _LEAST))
    more = seen > 1
    if not more.any():
        return 0.0
    gained = likelihood[more] - alone[more] / seen[more]
    return max(0.0, float(gained.sum() / (1 - 1 / seen[more]).sum()))


def _held_out(
    tree: GrownTree, leaf: NDArray[np.int64], classes: Codes, test: NDArray[np.int64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the test rows' probabilities of their own class under each shrinkage, shape (shrinkages, tests)."""
    m = len(prior)
    paths, node = [], leaf
    while (node >= 0).any():
        paths.append(node)
        node = np.where(node >= 0, tree.parent[node], -1)
    keys = np.concatenate([p[p >= 0] * m + classes[p >= 0] for p in paths])
    count_of = _counter(keys, len(tree.parent) * m)
    own = classes[test]
    out = np.tile(prior[own].astype(np.float32), (len(_SHRINKAGES), 1))
    for path in reversed(paths):
        node = path[test]
        on = np.flatnonzero(node >= 0)
        key = node[on] * m + own[on]
        count = (count_of(key) - 1).astype(np.float32)
        size = ((tree.end - tree.start)[node[on]] - 1).astype(np.float32)
        a = _SHRINKAGES[:, None].astype(np.float32)
        out[:, on] = (count + a * out[:, on]) / (size + a)
    return out


def _counter(keys: NDArray[np.int64], size: int) -> Callable[[NDArray[np.int64]], NDArray[np.int64]]:
    """Return what tells how often each of some keys below a size occurs among all."""
    if size <= _COUNTED:
        counts = np.bincount(keys, minlength=size)
        return lambda asked: counts[asked]
    distinct, counts = np.unique(keys, return_counts=True)
    return lambda asked: counts[np.searchsorted(distinct, asked)]
