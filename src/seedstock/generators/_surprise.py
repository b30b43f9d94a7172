"""The log loss of draws on held-out rows: the yardstick of kinds of leaves that have no likelihood in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._classes import classes_of
from seedstock.generators._grown_tree import GrownTree, TreeSettings
from seedstock.generators._lined_trees import LineTask, fit_all_lines

_TRIALS = 2
_DRAWS = 30
_FINE = 100


def surprise(
    X: NDArray[np.float64],
    classes: Codes,
    codes: Codes,
    atoms: Atoms,
    settings: TreeSettings,
    rng: Rng,
    kinds: Sequence[LineTask | None] = (None,),
) -> list[float]:
    """Return the log loss of single trees on held-out rows, with each kind of leaves: with lines, or plain (None).

    Each row's probabilities are estimated by draws, because the two kinds of leaves have no likelihood in common.
    """
    total = np.zeros(len(kinds))
    for t in range(_TRIALS):
        tree = GrownTree.grow(X, classes, settings, rng.child("trial", t))
        test = np.flatnonzero(~tree.inside)
        if not len(test):
            return [np.inf] * len(kinds)
        for i, lines in enumerate(kinds):
            draw = _trial_draw(tree, test, codes, atoms, rng.child("draw", t).generator(), lines)
            total[i] += drawn_loss(draw, tree.sorted_rows[test], codes, atoms)
    return (total / _TRIALS).tolist()


def _trial_draw(
    tree: GrownTree, test: NDArray[np.int64], codes: Codes, atoms: Atoms, g: np.random.Generator, lines: LineTask | None
) -> Callable[[], Codes]:
    """Return what draws a code for each of a tree's test rows from its leaf."""
    leaf, own = tree.leaf[test], tree.place()[test]
    size = (tree.end - tree.start)[leaf]
    fitted, held = (None, [codes[tree.rows]]) if lines is None else fit_all_lines([tree], lines, codes)
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
