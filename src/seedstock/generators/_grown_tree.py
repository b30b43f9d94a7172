"""One tree while it is learned: scikit-learn's structure, and the rows of each of its nodes as a range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes


@dataclass(frozen=True)
class TreeSettings:
    """How trees are grown."""

    trees: int
    min_leaf_rows: int
    structure_share: float
    rows_per_tree: int
    shrinkage_share: float
    identifying: float = 0.0
    """Share of rows that the column's values single out."""

    def shrinkage(self, best: float) -> float:
        """Return the shrinkage for a column whose held-out rows are predicted best with `best` rows' worth.

        A share of it keeps detail. But values that single rows out, and that the other columns tell little about
        (the best shrinkage is large), give the row away and nothing else: they get up to all of it.
        """
        little = float(np.clip(np.log10(max(best, 1) / 30) / 2, 0, 1))
        return float(best * self.shrinkage_share ** (1 - self.identifying * little))


@dataclass
class GrownTree:
    """One tree, its rows in an order that makes every node a range.

    `sorted_rows` are the rows that it saw, ascending; `leaf` and `inside` (the structure's share) go with them.
    `rows` are the same rows by leaf: ``rows = sorted_rows[order]``.
    """

    feature: NDArray[Any]
    threshold: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    parent: NDArray[Any]
    start: NDArray[Any]
    end: NDArray[Any]
    order: NDArray[np.int64]
    rows: NDArray[np.int64]
    sorted_rows: NDArray[np.int64]
    leaf: NDArray[np.int64]
    inside: NDArray[np.bool_]

    @classmethod
    def grow(cls, X: NDArray[np.float64], classes: Codes, settings: TreeSettings, rng: Rng) -> Self:
        n = len(classes)
        n_tree = min(n, settings.rows_per_tree)
        g = rng.generator()
        rows = np.arange(n) if n_tree == n else np.sort(g.choice(n, n_tree, replace=False))
        inside = g.random(n_tree) < settings.structure_share
        inside[g.integers(n_tree)] = True
        model = DecisionTreeClassifier(min_samples_leaf=settings.min_leaf_rows, random_state=int(g.integers(2**31)))
        y = classes[rows[inside]]
        # Where most rows are a class of their own there is nothing to learn: the tree stays a root.
        model.fit(X[rows[inside]], y if 2 * len(np.unique(y)) <= len(y) else np.zeros_like(y))
        tree, leaf = model.tree_, model.apply(X[rows])
        left, right = tree.children_left, tree.children_right
        inner = np.flatnonzero(left >= 0)
        parent = np.full(tree.node_count, -1)
        parent[left[inner]] = inner
        parent[right[inner]] = inner
        # scikit-learn numbers nodes depth first: the leaves below a node are a range of numbers.
        last = np.arange(tree.node_count)
        for node in inner[::-1]:
            last[node] = last[right[node]]
        order = np.argsort(leaf, kind="stable")
        start = np.searchsorted(leaf[order], np.arange(tree.node_count), "left")
        end = np.searchsorted(leaf[order], last, "right")
        feature = np.where(left >= 0, tree.feature, -1)
        return cls(
            feature, tree.threshold, left, right, parent, start, end, order, rows[order], rows, leaf, inside
        )  # fmt: skip

    def place(self) -> NDArray[np.int64]:
        """Return where each of `sorted_rows` stands in `rows`."""
        out = np.empty(len(self.order), np.int64)
        out[self.order] = np.arange(len(self.order))
        return out
