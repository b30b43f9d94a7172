"""Growing an `Ensemble`: scikit-learn's trees for the structure, held-out likelihood for the shrinkage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._ensemble import Ensemble
from seedstock.generators._linear_leaves import Lines, fit_lines, residual_quantiles

Floats = NDArray[np.float64]

_SHRINKAGES = np.array([0.001, 1, 3, 10, 30, 100, 300, 1000, 3000])
"""Candidates, in rows."""

_BINS = 32
_FINER = 8
_TRIALS = 2
_DRAWS = 30
_FINE = 100
_COUNTED = 1 << 22
"""Nodes times classes up to which classes are counted node by node, without sorting."""


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


def classes_of(atoms: Atoms, codes: Codes, n_classes: int) -> Codes:
    """Return the classes that trees are to tell apart: the atoms, or where there are more, bins of equal mass.

    Texts keep their commonest ones and one class for the rest. Numbers' spikes have bins of their own, as missing cells
    do, and what is left between them is parted evenly: there may be a few more bins than classes.

    Examples
    --------
    >>> atoms = Atoms(np.arange(6.0), np.array([90, 2, 2, 2, 2, 2]), 0.0, False)
    >>> classes_of(atoms, np.arange(6), 4).tolist()
    [0, 1, 1, 2, 3, 3]
    """
    if atoms.k <= n_classes:
        return codes
    if not atoms.ordered:
        return np.minimum(codes, n_classes - 1)
    v = len(atoms.values)
    counts = atoms.counts[:v]
    spike = counts * n_classes >= counts.sum()
    rest = np.where(spike, 0, counts)
    # What spikes leave is told apart as finely as there are rows for, not only as their masses leave room.
    parts = max(1, min(n_classes - int(spike.sum()), int(_FINER * n_classes * rest.sum() / counts.sum())))
    middle = (np.cumsum(rest) - rest / 2) * parts / max(int(rest.sum()), 1)
    # A spike ends the bin before it.
    key = np.stack([np.cumsum(spike) * 2 - spike, np.where(spike, -1, middle.astype(np.int64))])
    bins = np.concatenate([[0], np.cumsum((np.diff(key) != 0).any(axis=0))])
    return np.append(bins, np.full(atoms.k - v, bins[-1] + 1)).astype(np.int64)[codes]


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
    def grow(cls, X: NDArray[np.float64], classes: Codes, settings: TreeSettings, rng: Rng) -> _Tree:
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


@dataclass(frozen=True)
class LineTask:
    """What leaves with lines need to know: the predictors as numbers (n, q), the number itself, its spikes."""

    Z: NDArray[np.float64]
    y: NDArray[np.float64]
    spikes: Codes


def grow(
    X: NDArray[np.float64],
    classes: Codes,
    codes: Codes,
    settings: TreeSettings,
    rng: Rng,
    lines: LineTask | None = None,
) -> tuple[Ensemble, Lines | None, Floats]:
    """Grow an ensemble on predictors X, shape (n, p), that tells `classes` apart and holds `codes`.

    A tree's structure comes from a random share of its rows, its values from all of them. The shrinkage is
    `shrinkage_share` of the one with the best likelihood on rows that the structure has not seen, their own
    value left out (Breiman's out-of-bag idea). With `lines`, leaves hold residuals instead of codes.

    Returns
    -------
    Ensemble
    Lines or None
    float64 ndarray, shape (n,)
        Log likelihood of each row's class (of its residual's, with lines) out of bag; NaN where no tree can tell.
    """
    trees = [_Tree.grow(X, classes, settings, rng.child("tree", t)) for t in range(settings.trees)]
    fitted = None
    if lines is not None:
        fitted, held = _fit_all_lines(trees, lines, codes)
        # The likelihood is that of the residuals' classes.
        s = len(lines.spikes)
        bins = min(_BINS, len(fitted.residuals) - 1)
        of_code = np.concatenate(
            [np.arange(s), s + np.arange(len(fitted.residuals) - 1) * bins // (len(fitted.residuals) - 1)]
        )
        kinds = [of_code[h] for h in held]
    else:
        held, kinds = [codes[t.rows] for t in trees], [classes[t.rows] for t in trees]
    best, likelihood = _best_shrinkage(trees, kinds, len(codes))
    return _flatten(trees, held, settings.shrinkage(best)), fitted, likelihood


def surprise(
    X: NDArray[np.float64],
    classes: Codes,
    codes: Codes,
    atoms: Atoms,
    settings: TreeSettings,
    rng: Rng,
    lines: LineTask | None = None,
) -> float:
    """Return the log loss of single trees on held-out rows: what decides for or against lines.

    Each row's probabilities are estimated by draws, because the two kinds of leaves have no likelihood in common.
    """
    total = 0.0
    for t in range(_TRIALS):
        tree = _Tree.grow(X, classes, settings, rng.child("trial", t))
        test = np.flatnonzero(~tree.inside)
        if not len(test):
            return np.inf
        draw = _trial_draw(tree, test, codes, atoms, rng.child("draw", t).generator(), lines)
        total += drawn_loss(draw, tree.sorted_rows[test], codes, atoms)
    return total / _TRIALS


def _trial_draw(
    tree: _Tree, test: NDArray[np.int64], codes: Codes, atoms: Atoms, g: np.random.Generator, lines: LineTask | None
) -> Callable[[], Codes]:
    """Return what draws a code for each of a tree's test rows from its leaf."""
    leaf, own = tree.leaf[test], tree.place()[test]
    size = (tree.end - tree.start)[leaf]
    fitted, held = (None, [codes[tree.rows]]) if lines is None else _fit_all_lines([tree], lines, codes)
    Z = None if lines is None else lines.Z[tree.sorted_rows[test]]

    def draw() -> Codes:
        place = tree.start[leaf] + (g.random(len(test)) * size).astype(np.int64)
        # A row's own value says nothing: the next one in the leaf is taken.
        again = (place == own) & (size > 1)
        place = np.where(again, tree.start[leaf] + (place - tree.start[leaf] + 1) % size, place)
        drawn = held[0][place]
        return drawn if fitted is None or Z is None else fitted.atoms_of(drawn, leaf, Z, atoms, g)

    return draw


def drawn_loss(draw: Callable[[], Codes], rows: NDArray[np.int64], codes: Codes, atoms: Atoms) -> float:
    """Return the log loss of rows of a column's codes, shape (n,), whose probabilities are estimated by draws.

    Values are binned into at most 100 classes of equal mass, whatever they are drawn from.
    """
    bins = classes_of(atoms, np.arange(atoms.k), _FINE)
    prior, truth = np.bincount(bins[codes]) / len(codes), bins[codes[rows]]
    hits = np.zeros(len(rows))
    for _ in range(_DRAWS):
        hits += bins[draw()] == truth
    return -float(np.log((hits + prior[truth]) / (_DRAWS + 1)).mean())


def _best_shrinkage(trees: list[_Tree], kinds: list[Codes], n: int) -> tuple[float, Floats]:
    """Return the candidate that is best for rows outside the structure's share, and their log likelihoods under it."""
    m = max(int(k.max()) for k in kinds) + 1
    likelihood, seen = np.zeros((len(_SHRINKAGES), n)), np.zeros(n)
    prior = (np.bincount(np.concatenate(kinds), minlength=m) + 0.5) / (sum(map(len, kinds)) + 0.5 * m)
    for tree, kind in zip(trees, kinds, strict=True):
        test = np.flatnonzero(~tree.inside)
        if not len(test):
            continue
        of_row = np.empty(len(kind), np.int64)
        of_row[tree.order] = kind
        rows = tree.sorted_rows[test]
        likelihood[:, rows] += _held_out(tree, tree.leaf, of_row, test, prior)
        seen[rows] += 1
    used, out = seen > 0, np.full(n, np.nan)
    if not used.any():
        return float(_SHRINKAGES[-1]), out
    score = np.log(np.maximum(likelihood[:, used] / seen[used], 1e-12))
    best = int(np.argmax(score.mean(1)))
    out[used] = score[best]
    return float(_SHRINKAGES[best]), out


def _fit_all_lines(trees: list[_Tree], task: LineTask, codes: Codes) -> tuple[Lines, list[Codes]]:
    """Return the lines of all trees' leaves, and what each tree's places hold in the lines' code space."""
    spike_of = np.full(int(codes.max()) + 1, -1)
    spike_of[task.spikes] = np.arange(len(task.spikes))
    parts, residuals, smooth = [], [], []
    offset = 0
    for tree in trees:
        here = np.flatnonzero(spike_of[codes[tree.rows]] < 0)
        leaf = np.repeat(np.flatnonzero(tree.left < 0), (tree.end - tree.start)[tree.left < 0])
        leaf = leaf[np.argsort(tree.start[leaf], kind="stable")]
        rows = tree.rows[here]
        arrays, r = fit_lines(task.Z[rows], task.y[rows], leaf[here], len(tree.left))
        # A leaf of spikes alone has no line of its own; the mean of all lines stands in.
        bare = (tree.left < 0) & (arrays["slot"] < 0)
        slot = np.where(arrays["slot"] >= 0, arrays["slot"] + offset, -1)
        if bare.any():
            mean = {
                "center": 0.0,
                "level": float(task.y[rows].mean()),
                "spread": float(task.y[rows].std()) + 1e-300,
                "slope": 0.0,
            }
            slot[bare] = offset + len(arrays["level"])
            for name, value in mean.items():
                a = arrays[name]
                arrays[name] = np.concatenate([a, np.full((1, *a.shape[1:]), value, a.dtype)])
        arrays["slot"] = slot.astype(np.int32)
        offset += len(arrays["level"])
        parts.append(arrays)
        residuals.append(r)
        smooth.append(here)
    quantiles = residual_quantiles(np.concatenate(residuals))
    held = []
    for tree, r, here in zip(trees, residuals, smooth, strict=True):
        h = spike_of[codes[tree.rows]]
        i = np.searchsorted(quantiles, r, side="right") - 1
        h[here] = len(task.spikes) + np.clip(i, 0, len(quantiles) - 2)
        held.append(h)
    joined = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    return Lines(**joined, spikes=task.spikes, residuals=quantiles), held


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


def _flatten(trees: list[_Tree], held: list[Codes], shrinkage: float) -> Ensemble:
    nodes = np.concatenate([[0], np.cumsum([len(t.feature) for t in trees])])
    values = np.concatenate([[0], np.cumsum([len(t.rows) for t in trees])])

    def joined(name: str, offsets: NDArray[Any] | None, dtype: Any) -> NDArray[Any]:
        parts = [getattr(t, name) for t in trees]
        if offsets is not None:
            parts = [np.where(p >= 0, p + o, -1) for p, o in zip(parts, offsets[:-1], strict=True)]
        return np.concatenate(parts).astype(dtype)

    held = [h.copy() for h in held]
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
