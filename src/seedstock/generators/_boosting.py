"""Boosted trees that tell two kinds of rows apart, over values that lie in bins.

Newton steps on the log loss (Friedman, Hastie and Tibshirani 2000, section 4; Chen and Guestrin 2016, eqs. 5 and 7).
scikit-learn's classifier does the same, but finds bins, checks and parts its rows anew each time: here one column's
questions are asked of the same rows again and again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from seedstock.generators._bins import Binned
from seedstock.generators._compiled import GrownTree
from seedstock.generators._stored_trees import Tree

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_PATIENCE, _HELD_PATIENCE = 8, 12
"""Trees after which boosting ends if none of them tells held-out rows better: a fifth of the rows, or given ones."""
_HELD = 0.2
_GAIN = 1e-7


def boost(
    table: Binned,
    y: Bools,
    seed: int,
    iterations: int,
    min_rows: int,
    leaves: int = 8,
    held: tuple[Binned, Bools] | None = None,
    step: float = 0.15,
) -> tuple[list[Tree], Floats]:
    """Boost small trees that tell y, shape (n,), by the bins of p features, shape (p, n).

    How many is found out on rows that are `held` out: their sum is then the log odds of y, and there is one at least.
    Without them a fifth of both kinds is taken, both kinds weigh the same, and the sum is the log odds up to a
    constant; there is none where nothing tells y. `step` is the rate.

    Returns
    -------
    list of trees
        Their thresholds are numbers of bins.
    float64 ndarray
        Log odds of the held-out rows.
    """
    given = held is not None
    if held is None:
        seen, out = _parted(y, seed)
        held, table, y = (table[:, out], y[out]), table[:, seen], y[seen]
    table = np.ascontiguousarray(table)
    weight, weight_held = (np.ones(len(y)), np.ones(len(held[1]))) if given else (_alike(y), _alike(held[1]))
    base = float(logit(y.mean())) if given else 0.0
    odds, odds_held = np.full(len(y), base), np.full(len(held[1]), base)
    losses, best = [_loss(odds_held, held[1], weight_held)], odds_held.copy()
    patience = _HELD_PATIENCE if given else _PATIENCE
    trees: list[Tree] = []
    for _ in range(iterations):
        p = expit(odds)
        tree = GrownTree(table, weight * (p - y), weight * p * (1 - p), leaves, min_rows, step)
        tree.add_to(odds)
        odds_held += tree.of(held[0])
        trees.append(tree.nodes())
        losses.append(_loss(odds_held, held[1], weight_held))
        if losses[-1] < min(losses[:-1]):
            best = odds_held.copy()
        if len(losses) > patience and min(losses[-patience:]) > losses[-patience - 1] - _GAIN:
            break
    trees = trees[: max(int(np.argmin(losses)), 1 if given else 0)]
    if given:
        first = trees[0]
        trees[0] = {**first, "value": np.where(first["feature"] < 0, first["value"] + base, 0.0)}
    return trees, best


def _parted(y: Bools, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to learn from and a fifth of each kind that is held out, both in order."""
    g = np.random.default_rng(seed)
    kinds = [g.permutation(np.flatnonzero(y == kind)) for kind in (False, True)]
    out = np.concatenate([rows[: int(_HELD * len(rows))] for rows in kinds])
    seen = np.ones(len(y), bool)
    seen[out] = False
    return np.flatnonzero(seen), np.sort(out)


def _alike(y: Bools) -> Floats:
    """Return weights of rows, shape (n,), by which both kinds weigh the same.

    >>> _alike(np.array([True, False, False, False])).round(2).tolist()
    [2.0, 0.67, 0.67, 0.67]
    """
    share = y.mean()
    return np.where(y, 0.5 / share, 0.5 / (1 - share))


def _loss(odds: Floats, y: Bools, weight: Floats) -> float:
    return float(np.average(np.logaddexp(0.0, np.where(y, -odds, odds)), weights=weight))
