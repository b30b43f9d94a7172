"""Growing an `Ensemble`: scikit-learn's trees for the structure, held-out likelihood for the shrinkage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._ensemble import Ensemble

_SHRINKAGES = np.array([0.001, 1, 3, 10, 30, 100, 300, 1000, 3000])
"""Candidates, in rows."""


@dataclass(frozen=True)
class TreeSettings:
    """How trees are grown."""

    trees: int
    min_leaf_rows: int
    structure_share: float
    rows_per_tree: int
    shrinkage_share: float


def classes_of(atoms: Atoms, codes: Codes, n_classes: int) -> Codes:
    """Return the classes that trees are to tell apart: the atoms, or where there are more, bins of equal mass.

    Texts keep their commonest ones and one class for the rest. Spikes of numbers fill bins of their own.
    """
    if atoms.k <= n_classes:
        return codes
    if not atoms.ordered:
        return np.minimum(codes, n_classes - 1)
    middle = np.cumsum(atoms.counts) - atoms.counts / 2
    bins = np.unique((middle * n_classes / atoms.counts.sum()).astype(np.int64), return_inverse=True)[1]
    return bins.reshape(-1).astype(np.int64)[codes]


def placement(atoms: Atoms, codes: Codes, classes: Codes) -> NDArray[np.float32] | None:
    """Return where each atom of an unordered predictor lies on a line, shape (k,); None for ordered ones.

    The line is the first principal axis of the class probabilities given the category: for two classes the best
    split of categories is then a cut of the line (Breiman et al. 1984, theorem 4.5), for more a good one
    (Coppersmith, Hong and Hosking 1999). Small categories are drawn toward the mean.
    """
    if atoms.ordered:
        return None
    k, m = atoms.k, int(classes.max()) + 1
    table = np.bincount(codes * m + classes, minlength=k * m).reshape(k, m).astype(float)
    rows, mean = table.sum(1), table.sum(0) / len(codes)
    profile = ((table + 5 * mean) / (rows[:, None] + 5) - mean) / np.sqrt(mean + 1e-12)
    _, axes = np.linalg.eigh((profile * rows[:, None]).T @ profile)
    axis = axes[:, -1]
    score = profile @ (axis * np.sign(axis[np.argmax(np.abs(axis))]))
    # Ties are broken by the code, so that equal data give equal places.
    place = np.empty(k, np.float32)
    place[np.lexsort((np.arange(k), np.round(score, 12)))] = np.arange(k)
    return place


@dataclass
class _Tree:
    """One tree, its values in an order that makes every node a range."""

    feature: NDArray[Any]
    threshold: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    parent: NDArray[Any]
    start: NDArray[Any]
    end: NDArray[Any]
    rows: NDArray[np.int64]


def grow(X: NDArray[np.float32], classes: Codes, codes: Codes, settings: TreeSettings, rng: Rng) -> Ensemble:
    """Grow an ensemble on predictors X, shape (n, p), that tells `classes` apart and holds `codes`.

    A tree's structure comes from a random share of its rows, its values from all of them. The shrinkage is
    `shrinkage_share` of the one with the best likelihood on rows that the structure has not seen, their own
    value left out (Elkan's and Breiman's out-of-bag idea).
    """
    n, m = len(codes), int(classes.max()) + 1
    n_tree = min(n, settings.rows_per_tree)
    prior = (np.bincount(classes, minlength=m) + 0.5) / (n + 0.5 * m)
    likelihood, seen = np.zeros((len(_SHRINKAGES), n)), np.zeros(n)
    trees = []
    for t in range(settings.trees):
        g = rng.child("tree", t).generator()
        rows = np.arange(n) if n_tree == n else np.sort(g.choice(n, n_tree, replace=False))
        inside = g.random(n_tree) < settings.structure_share
        inside[g.integers(n_tree)] = True
        model = DecisionTreeClassifier(min_samples_leaf=settings.min_leaf_rows, random_state=int(g.integers(2**31)))
        model.fit(X[rows[inside]], classes[rows[inside]])
        leaf = model.apply(X[rows])
        tree = _ranges(model.tree_, leaf, rows)
        trees.append(tree)
        outside = np.flatnonzero(~inside)
        if len(outside):
            likelihood[:, rows[outside]] += _held_out(tree, leaf, classes[rows], outside, prior)
            seen[rows[outside]] += 1
    used = seen > 0
    shrinkage = float(_SHRINKAGES[-1])
    if used.any():
        score = np.log(np.maximum(likelihood[:, used] / seen[used], 1e-12)).mean(1)
        shrinkage = float(_SHRINKAGES[int(np.argmax(score))])
    return _flatten(trees, codes, shrinkage * settings.shrinkage_share)


def _ranges(tree: Any, leaf: NDArray[np.int64], rows: NDArray[np.int64]) -> _Tree:
    left, right = tree.children_left, tree.children_right
    n = tree.node_count
    inner = np.flatnonzero(left >= 0)
    parent = np.full(n, -1)
    parent[left[inner]] = inner
    parent[right[inner]] = inner
    # scikit-learn numbers nodes depth first: the leaves below a node are a range of numbers.
    last = np.arange(n)
    for node in inner[::-1]:
        last[node] = last[right[node]]
    order = np.argsort(leaf, kind="stable")
    in_order = leaf[order]
    start, end = np.searchsorted(in_order, np.arange(n), "left"), np.searchsorted(in_order, last, "right")
    feature = np.where(left >= 0, tree.feature, -1)
    return _Tree(feature, tree.threshold, left, right, parent, start, end, rows[order])


def _held_out(
    tree: _Tree, leaf: NDArray[np.int64], classes: Codes, test: NDArray[np.int64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the test rows' probabilities of their own class under each shrinkage, shape (shrinkages, tests)."""
    m = len(prior)
    paths, node = [], leaf
    while (node >= 0).any():
        paths.append(node)
        node = np.where(node >= 0, tree.parent[node], -1)
    keys = np.concatenate([p[p >= 0] * m + classes[p >= 0] for p in paths])
    distinct, counts = np.unique(keys, return_counts=True)
    own = classes[test]
    out = np.tile(prior[own], (len(_SHRINKAGES), 1))
    for path in reversed(paths):
        node = path[test]
        on = np.flatnonzero(node >= 0)
        key = node[on] * m + own[on]
        count = counts[np.searchsorted(distinct, key)] - 1
        size = (tree.end - tree.start)[node[on]] - 1
        a = _SHRINKAGES[:, None]
        out[:, on] = (count + a * out[:, on]) / (size + a)
    return out


def _flatten(trees: list[_Tree], codes: Codes, shrinkage: float) -> Ensemble:
    nodes = np.concatenate([[0], np.cumsum([len(t.feature) for t in trees])])
    values = np.concatenate([[0], np.cumsum([len(t.rows) for t in trees])])

    def joined(name: str, offsets: NDArray[Any] | None, dtype: Any) -> NDArray[Any]:
        parts = [getattr(t, name) for t in trees]
        if offsets is not None:
            parts = [np.where(p >= 0, p + o, -1) for p, o in zip(parts, offsets[:-1], strict=True)]
        return np.concatenate(parts).astype(dtype)

    held = [codes[t.rows] for t in trees]
    for tree, part in zip(trees, held, strict=True):
        # Sorted inside each leaf: a saved model then does not tell which values came from one row.
        leaf = np.repeat(tree.start[tree.left < 0], (tree.end - tree.start)[tree.left < 0])
        part[:] = part[np.lexsort((part, np.sort(leaf)))]
    return Ensemble(
        joined("feature", None, np.int32),
        joined("threshold", None, np.float32),
        joined("left", nodes, np.int32),
        joined("right", nodes, np.int32),
        joined("parent", nodes, np.int32),
        joined("start", values, np.int32),
        joined("end", values, np.int32),
        np.concatenate(held).astype(np.int32),
        nodes[:-1].astype(np.int32),
        shrinkage,
    )
