"""An ensemble of trees as flat arrays, whose leaves hold values: one conditional distribution to draw from.

A row falls into the leaf of a randomly chosen tree. Its value is drawn from the leaf's values with probability
``size / (size + shrinkage)``, else the parent's distribution takes over, in the same way, up to the root. This is
hierarchical shrinkage (Agarwal et al. 2022, eq. 1, for distributions) as a sampling rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.encoding.atoms import Codes
from seedstock.generators._compiled import CompiledTree
from seedstock.generators._even import dealt, even, in_order

Nodes = NDArray[np.int32]


class Occurrences:
    """Where each group of codes stands among an ensemble's values, so that any node's share of it is two searches."""

    def __init__(self, codes: NDArray[np.int32], groups: Codes) -> None:
        group = groups[codes]
        order = np.argsort(group, kind="stable")
        self._width = len(codes) + 1
        self._keys = group[order] * self._width + order

    def count(self, wanted: Codes, start: NDArray[np.int32], end: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return how many values at places start..end-1 belong to the wanted group; arrays of one shape."""
        base = wanted * self._width
        return np.searchsorted(self._keys, base + end) - np.searchsorted(self._keys, base + start)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """N nodes of all trees, and the values below each of them.

    Attributes
    ----------
    feature : int32 ndarray, shape (N,)
        Column of the predictors to compare; -1 in leaves.
    threshold : float32 ndarray, shape (N,)
        Rows with a value <= threshold go left.
    left, right, parent : int32 ndarray, shape (N,)
        Node numbers; parent is -1 in roots.
    start, end : int32 ndarray, shape (N,)
        The node's values are ``codes[start:end]``; children's parts lie inside their parent's.
    codes : int32 ndarray
        Codes of the predicted column.
    roots : int32 ndarray, shape (trees,)
    shrinkage : float
        Weight of the parent, in rows.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: Nodes
    right: Nodes
    parent: Nodes
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    codes: NDArray[np.int32]
    roots: Nodes
    shrinkage: float

    def leaves(self, X: NDArray[np.float64], tree: Codes) -> Nodes:
        """Return the leaf of each row of X, shape (n, p), in the tree of that number, shape (n,)."""
        order = in_order(tree)
        ends = np.cumsum(np.bincount(tree, minlength=len(self.roots)))
        sorted_X = X[order]
        found = np.empty(len(X), np.int32)
        for compiled, start, end in zip(self._compiled, [0, *ends[:-1]], ends, strict=True):
            if start < end:
                found[start:end] = compiled(sorted_X[start:end])
        node = np.empty(len(X), np.int32)
        node[order] = found
        return node

    @cached_property
    def _compiled(self) -> list[CompiledTree]:
        """The trees; a leaf's value is its node number, which a float64 holds exactly."""
        out = []
        for start, end in pairwise([*self.roots.tolist(), len(self.feature)]):
            part = slice(start, end)
            left, right = self.left[part] - start, self.right[part] - start
            out.append(CompiledTree(self.feature[part], self.threshold[part], left, right, np.arange(start, end)))
        return out

    def draw(self, X: NDArray[np.float64], g: np.random.Generator) -> tuple[Codes, Nodes]:
        """Draw a code for each row of X, shape (n, p); return the codes and the leaves, each of shape (n,)."""
        leaf = self.leaves(X, dealt(len(self.roots), len(X), g))
        node = leaf.copy()
        climbing = np.arange(len(X))
        while len(climbing):
            here = node[climbing]
            size = self.end[here] - self.start[here]
            up = (g.random(len(climbing)) * (size + self.shrinkage) >= size) & (self.parent[here] >= 0)
            climbing = climbing[up]
            node[climbing] = self.parent[here[up]]
        size = self.end[node] - self.start[node]
        u = even(in_order(node), g)
        return self.codes[self.start[node] + (u * size).astype(np.int64)].astype(np.int64), leaf

    def probability(
        self,
        X: NDArray[np.float64],
        wanted: Callable[[Nodes], tuple[Codes, NDArray[np.float64]]],
        among: Occurrences,
        g: np.random.Generator,
        trees: int = 4,
    ) -> NDArray[np.float64]:
        """Return each row's probability of a wanted group of codes, averaged over some random trees, shape (n,).

        `wanted` tells for the rows' leaves the group and a factor, each of shape (n,).
        """
        total = np.zeros(len(X))
        for _ in range(trees):
            node = self.leaves(X, g.integers(len(self.roots), size=len(X)))
            group, weight = wanted(node)
            rows = np.arange(len(X))
            while len(rows):
                start, end = self.start[node], self.end[node]
                size = end - start
                root = self.parent[node] < 0
                stop = np.where(root, 1.0, size / (size + self.shrinkage))
                total[rows] += weight * stop * among.count(group[rows], start, end) / size
                weight, node, rows = (weight * (1 - stop))[~root], self.parent[node][~root], rows[~root]
        return total / trees

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to save."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make it again, with every index checked: a saved model is untrusted input."""
        a = dict(arrays)
        shrinkage = float(a.pop("shrinkage"))
        out = cls(**a, shrinkage=shrinkage)
        n = len(out.feature)
        inner = out.feature >= 0
        same = all(len(x) == n for x in (out.threshold, out.left, out.right, out.parent, out.start, out.end))
        # Children come after their parents, which also rules out circles.
        own = np.arange(n)
        if not (
            same
            and n
            and (out.left[inner] > own[inner]).all()
            and (out.right[inner] > own[inner]).all()
            and (out.left < n).all()
            and (out.right < n).all()
            and out.roots[0] == 0
            and (np.diff(out.roots) > 0).all()
            and _in_own_tree(out.roots, n, own[inner], out.left[inner], out.right[inner])
            and (out.parent < own).all()
            and (out.start >= 0).all()
            and (out.start < out.end).all()
            and (out.end <= len(out.codes)).all()
            and (out.codes >= 0).all()
            and len(out.roots)
            and (out.roots >= 0).all()
            and (out.roots < n).all()
            and shrinkage >= 0
        ):
            raise InputError("this model is damaged: its trees point outside themselves; fit it again")
        return out


def _in_own_tree(roots: Nodes, n: int, inner: NDArray[Any], left: Nodes, right: Nodes) -> bool:
    """Tell whether all children of inner nodes lie in their parent's tree."""
    tree = np.searchsorted(roots, np.arange(n), side="right")
    return bool((tree[inner] == tree[left]).all() and (tree[inner] == tree[right]).all())
