"""Choosing a tree of columns privately, and measuring its marginals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.atoms import Codes
from seedstock.generators._dp_columns import Measure
from seedstock.generators._dp_noise import Floats
from seedstock.generators._dp_tree import Tree, fitted_to, project

_ROOT_BINS = 8
"""A target of at most so many bins stands beside each edge of the tree."""
_SHARES = (0.12, 0.28, 0.12, 0.48)
"""Of the budget: single columns, pairs with the target, choosing edges, measuring them."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Exact counts of the rows, to be noised before anything else sees them."""

    codes: Mapping[str, Codes]
    k: Mapping[str, int]

    def count(self, *names: str) -> NDArray[np.int64]:
        """Return the rows in each cell of some columns; a row without a bin in one of them is in no cell."""
        shape = tuple(self.k[name] for name in names)
        keep = np.all([self.codes[name] >= 0 for name in names], axis=0)
        flat = np.ravel_multi_index([self.codes[name][keep] for name in names], shape)
        return np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)


def learn(codes: Mapping[str, Codes], k: Mapping[str, int], target: str | None, rho: float, m: Measure) -> Tree:
    """Return a tree whose tables were measured with a budget of rho."""
    names = list(codes)
    if not names:
        return Tree(None, {}, {})
    cells = Cells(codes, k)
    one_share, pair_share, choice_share, edge_share = (rho * s for s in _SHARES)
    ones, sigma = {}, 1.0
    for name in names:
        noisy, sigma = m.counts(f"{name}: bins", cells.count(name), one_share / len(names))
        ones[name] = noisy.astype(float)
    rows = max(float(np.median([noisy.sum() for noisy in ones.values()])), 1.0)
    # Bins of which nothing can be seen above the noise are given almost nothing.
    ones = {
        name: project(np.where(noisy < 2 * sigma, np.minimum(noisy, 0), noisy), rows) for name, noisy in ones.items()
    }
    varied = [name for name in names if k[name] > 1]
    root = target if target in varied and k[str(target)] <= _ROOT_BINS and len(varied) > 2 else None
    if root is None:
        edge_share += pair_share
    pairs = {}
    others = [name for name in varied if name != root]
    if root is not None:
        for name in others:
            noisy, _ = m.counts(f"{root} x {name}", cells.count(root, name), pair_share / len(others))
            pairs[name] = fitted_to(project(noisy, rows), [((0,), ones[root]), ((1,), ones[name])])
    edges = _choose(cells, others, root, ones, pairs, rows, choice_share, edge_share, m)
    return _tables(cells, names, others, root, ones, pairs, edges, rows, edge_share, m)


def _choose(
    cells: Cells,
    others: list[str],
    root: str | None,
    ones: Mapping[str, Floats],
    pairs: Mapping[str, Floats],
    rows: float,
    rho: float,
    edge_rho: float,
    m: Measure,
) -> list[tuple[str, str]]:
    """Return the edges of a spanning tree: Kruskal's algorithm, each edge by the exponential mechanism.

    An edge's score is how far its true counts lie from what independence (given the root) says, less the noise that
    measuring it will bring (McKenna et al. 2022, AIM, equation 1). One row moves it by 1.
    """
    if len(others) < 2:
        return []
    rounds = len(others) - 1
    epsilon = float(np.sqrt(8 * rho / rounds))
    m.ledger.spend("edges of the tree", "exponential", rho, sensitivity=1, epsilon_each=epsilon, rounds=rounds)
    sigma = float(np.sqrt(rounds / (2 * edge_rho)))
    candidates, scores = [], []
    for i, a in enumerate(others):
        for b in others[i + 1 :]:
            if root is None:
                exact = cells.count(a, b)
                expected = np.outer(ones[a], ones[b]) / rows
            else:
                exact = cells.count(root, a, b)
                expected = pairs[a][:, :, None] * pairs[b][:, None, :] / np.maximum(ones[root], 1.0)[:, None, None]
            candidates.append((a, b))
            scores.append(float(np.abs(exact - expected).sum()) - np.sqrt(2 / np.pi) * sigma * exact.size)
    group = {name: i for i, name in enumerate(others)}
    edges = []
    for _ in range(rounds):
        free = [i for i, (a, b) in enumerate(candidates) if group[a] != group[b]]
        a, b = candidates[free[m.noise.choose([scores[i] for i in free], epsilon, 1.0)]]
        edges.append((a, b))
        old = group[b]
        group = {name: group[a] if g == old else g for name, g in group.items()}
    return edges


def _tables(
    cells: Cells,
    names: list[str],
    others: list[str],
    root: str | None,
    ones: Mapping[str, Floats],
    pairs: Mapping[str, Floats],
    edges: list[tuple[str, str]],
    rows: float,
    rho: float,
    m: Measure,
) -> Tree:
    """Measure the edges and hang them under the root."""
    measured: dict[tuple[str, str], Floats] = {}
    for a, b in edges:
        if root is None:
            noisy, _ = m.counts(f"{a} x {b}", cells.count(a, b), rho / len(edges))
            measured[a, b] = fitted_to(project(noisy, rows), [((0,), ones[a]), ((1,), ones[b])])
        else:
            noisy, _ = m.counts(f"{root} x {a} x {b}", cells.count(root, a, b), rho / len(edges))
            measured[a, b] = fitted_to(project(noisy, rows), [((0, 1), pairs[a]), ((0, 2), pairs[b])])
    parents: dict[str, str | None] = {}
    tables: dict[str, Floats] = {}

    def single(name: str) -> None:
        parents[name], tables[name] = None, _normal(ones[name])[None, None, :]

    for name in sorted(names, key=lambda name: name != root):
        if name == root or name not in others:
            single(name)
    near: dict[str, list[tuple[str, Floats]]] = {name: [] for name in others}
    for (a, b), table in measured.items():
        near[a].append((b, table))
        near[b].append((a, np.swapaxes(table, -1, -2)))
    for start in others:
        if start in parents:
            continue
        if root is None:
            single(start)
        else:
            parents[start], tables[start] = root, _normal(pairs[start])[:, None, :]
        todo = [start]
        while todo:
            a = todo.pop(0)
            for b, table in near[a]:
                if b not in parents:
                    parents[b] = a
                    tables[b] = _normal(table if root is not None else table[None])
                    todo.append(b)
    # A tree without a root shape: columns with one bin were given a table of their own above.
    return Tree(root, parents, {name: _shaped(t, name, root, cells.k) for name, t in tables.items()})


def _shaped(table: Floats, name: str, root: str | None, k: Mapping[str, int]) -> Floats:
    """Give a column that hangs nowhere one row for each bin of the root."""
    if root is not None and name != root and table.shape[0] == 1:
        return np.repeat(table, k[root], axis=0)
    return table


def _normal(table: Floats) -> Floats:
    """Return conditional probabilities along the last axis; where nothing was seen, all bins alike."""
    sums = table.sum(axis=-1, keepdims=True)
    return np.where(sums > 0, table / np.where(sums > 0, sums, 1.0), 1.0 / table.shape[-1])
