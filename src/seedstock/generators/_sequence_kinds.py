"""Kinds of entities: servers and clients, quick sessions and long ones, told by what their events are on the whole.

Two events back say little about whose sequence it is, so that long drawn sequences drift from one way of living into
another. A kind is drawn with the entity, and every event knows it: a mixture of Markov chains (Cadez et al. 2003,
Model-based clustering and visualization of navigation patterns on a web site), with the kinds found beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes

KIND = "kind of sequence"
_KINDS = 12
_ENTITIES_A_KIND = 20
_FEWEST = 5
"""Entities of a kind, at least: a kind of one would be that entity."""
_LEVELS = 10

Matrix = NDArray[np.float64]


def kinds(columns: Mapping[str, Atoms], codes: Mapping[str, Codes], lengths: NDArray[np.int64], rng: Rng) -> Codes:
    """Return the kind of each of m entities by the means of their events, shape (m,).

    Parameters
    ----------
    columns, codes : mapping of str to Atoms, int64 ndarray (n,)
        Columns of the events, sequence after sequence.
    lengths : int64 ndarray, shape (m,)

    Examples
    --------
    >>> port = Atoms(np.array([22, 443]), np.array([200, 200]), 1.0, False)
    >>> own = np.repeat([0, 1], 200)
    >>> found = kinds({"port": port}, {"port": own}, np.full(80, 5), Rng(1))
    >>> len(set(found[:40])), len(set(found[40:])), set(found[:40]) & set(found[40:])
    (1, 1, set())
    """
    from sklearn.cluster import KMeans

    m = len(lengths)
    parts = [_coordinates(a, codes[c]) for c, a in columns.items()]
    k = min(_KINDS, m // _ENTITIES_A_KIND)
    if k < 2 or not parts:
        return np.zeros(m, np.int64)
    start = np.r_[0, np.cumsum(lengths)[:-1]]
    means = np.add.reduceat(np.column_stack(parts), start) / lengths[:, None]
    k = min(k, len(np.unique(means, axis=0)))
    if k < 2:
        return np.zeros(m, np.int64)
    # The mean of many events says more about whose they are than one event does.
    weight = np.log2(1 + lengths)
    made = KMeans(k, n_init=2, random_state=rng.integer()).fit(means, sample_weight=weight)
    return _nearest(means, np.asarray(made.cluster_centers_, float))


def _nearest(X: Matrix, centres: Matrix) -> Codes:
    """Return the nearest centre of each row, of those that enough rows have; numbered without gaps."""
    while True:
        near = ((centres**2).sum(1) - 2 * X @ centres.T).argmin(1)
        counts = np.bincount(near, minlength=len(centres))
        if counts.min() >= _FEWEST or len(centres) == 1:
            return near.astype(np.int64)
        centres = np.delete(centres, counts.argmin(), 0)


def _coordinates(atoms: Atoms, codes: Codes) -> Matrix:
    """Return a column as coordinates of like spread: ranks of numbers and times, the commonest values of others."""
    k = len(atoms.values)
    if atoms.ordered and k > 2:
        counts = atoms.counts[:k]
        rank = np.append((np.cumsum(counts) - counts / 2) / max(counts.sum(), 1), 0.5)
        out = np.sqrt(12) * (rank[codes] - 0.5)
        return out[:, None] if atoms.k == k else np.column_stack([out, codes == k])
    common = np.argsort(-atoms.counts, kind="stable")[:_LEVELS]
    return (codes[:, None] == common[None]).astype(float)
