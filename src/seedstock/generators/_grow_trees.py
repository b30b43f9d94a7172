"""Growing an `Ensemble`: scikit-learn's trees for the structure, held-out likelihood for the shrinkage."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes
from seedstock.generators._ensemble import Ensemble
from seedstock.generators._grown_tree import GrownTree, TreeSettings
from seedstock.generators._linear_leaves import Lines
from seedstock.generators._lined_trees import LineTask, fit_all_lines
from seedstock.generators._shrinkage import Held, best_shrinkage

Floats = NDArray[np.float64]

_BINS = 32


def grow(
    X: NDArray[np.float64],
    classes: Codes,
    codes: Codes,
    settings: TreeSettings,
    rng: Rng,
    lines: LineTask | None = None,
) -> tuple[Ensemble, Lines | None, Held]:
    """Grow an ensemble on predictors X, shape (n, p), that tells `classes` apart and holds `codes`.

    A tree's structure comes from a random share of its rows, its values from all of them. The shrinkage is
    `shrinkage_share` of the one with the best likelihood on rows that the structure has not seen, their own
    value left out (Breiman's out-of-bag idea). With `lines`, leaves hold residuals instead of codes.

    Returns
    -------
    Ensemble
    Lines or None
    Held
        How well each row's class (its residual's, with lines) is told out of bag.
    """
    trees = [GrownTree.grow(X, classes, settings, rng.child("tree", t)) for t in range(settings.trees)]
    fitted = None
    if lines is not None:
        fitted, held = fit_all_lines(trees, lines, codes)
        # The likelihood is that of the residuals' classes.
        s = len(lines.spikes)
        bins = min(_BINS, len(fitted.residuals) - 1)
        of_code = np.concatenate(
            [np.arange(s), s + np.arange(len(fitted.residuals) - 1) * bins // (len(fitted.residuals) - 1)]
        )
        kinds = [of_code[h] for h in held]
    else:
        held, kinds = [codes[t.rows] for t in trees], [classes[t.rows] for t in trees]
    best, told = best_shrinkage(trees, kinds, len(codes))
    return _flatten(trees, held, settings.shrinkage(best)), fitted, told


def _flatten(trees: list[GrownTree], held: list[Codes], shrinkage: float) -> Ensemble:
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
