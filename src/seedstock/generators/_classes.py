"""The classes of a column that trees tell apart, and the line on which they cut the categories of others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.atoms import Atoms, Codes

_FINER = 8


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
