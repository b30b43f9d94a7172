"""Lines in the leaves of grown trees, and what the leaves then hold: spikes, and residuals by their quantile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.atoms import Codes
from seedstock.generators._grown_tree import GrownTree
from seedstock.generators._linear_leaves import Lines, fit_lines, residual_quantiles


@dataclass(frozen=True)
class LineTask:
    """What leaves with lines need to know: the predictors as numbers (n, q), the number itself, its spikes."""

    Z: NDArray[np.float64]
    y: NDArray[np.float64]
    spikes: Codes


def fit_all_lines(trees: list[GrownTree], task: LineTask, codes: Codes) -> tuple[Lines, list[Codes]]:
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
