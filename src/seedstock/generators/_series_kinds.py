"""Kinds of moments: states, gaps, spikes and rare regimes together, which last and then turn into each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes
from seedstock.generators._ensemble import Ensemble
from seedstock.generators._grow_trees import TreeSettings, grow
from seedstock.generators._series_dynamics import Donors
from seedstock.generators._series_width import spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_KINDS = 32
_LEAST = 3
_STAYS = 0.5
_CLUSTERS = 24
_CLUSTERED = 20_000
_FEW = 40
_FINE = 4


@dataclass(frozen=True, eq=False)
class Trees:
    """Which kind the next moment is, and which donors of that kind are alike.

    Attributes
    ----------
    kind : Ensemble or None
        None where there is one kind.
    of : mapping of int to Ensemble
        Donors of kind j that follow the same kind are in ``2 * j``, those after a change in ``2 * j + 1``.
    """

    kind: Ensemble | None
    of: Mapping[int, Ensemble]

    def all(self) -> dict[int, Ensemble]:
        """Return all ensembles; that of the kinds under -1."""
        return ({} if self.kind is None else {-1: self.kind}) | dict(self.of)


def lasting(flags: NDArray[np.integer], held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which flags stay as they are clearly more often than chance would have it, shape (m,).

    >>> flags = np.stack([np.repeat([0, 1, 0], 50), np.arange(150) % 7 % 2], axis=1)
    >>> lasting(flags, np.zeros(150, bool)).tolist()
    [True, False]
    """
    out = np.zeros(flags.shape[1], bool)
    both = ~held[1:] & ~held[:-1]
    for j in range(flags.shape[1]):
        x = np.unique(flags[:, j], return_inverse=True)[1].reshape(-1)
        share = np.bincount(x[~held]) / max(int((~held).sum()), 1)
        chance = float((share**2).sum())
        stays = float((x[1:] == x[:-1])[both].mean()) if both.any() else 1.0
        out[j] = chance < 1 and (stays - chance) / (1 - chance) > _STAYS
    return out


def kinds_of(flags: NDArray[np.integer], held: NDArray[np.bool_], most: int = _MOST_KINDS) -> Ints:
    """Return each moment's kind: the combinations of its flags, the commonest one 0, all rare ones the last.

    Parameters
    ----------
    flags : int ndarray, shape (T, m)
    held : bool ndarray, shape (T,)
        Moments of which nothing is known; they count for nothing.
    most : int
        Combinations that are kinds of their own.
    """
    combos = np.zeros(len(flags), np.int64)
    for j in range(flags.shape[1]):
        column = flags[:, j].astype(np.int64) - int(flags[:, j].min())
        combos = np.unique(combos * (int(column.max()) + 1) + column, return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(combos[~held], minlength=int(combos.max()) + 1)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(len(sizes), np.int64)
    rank[order] = np.arange(len(sizes))
    most = int(np.clip((sizes >= _LEAST).sum(), 1, most))
    if most < (sizes > 0).sum():
        rank = np.minimum(rank, most)
    out = np.where(held, 0, rank[combos])
    return np.unique(out, return_inverse=True)[1].reshape(-1).astype(np.int64)


def fit_trees(
    X: Floats, donors: Donors, changed: NDArray[np.bool_], loose: Ints, settings: TreeSettings, rng: Rng
) -> Trees:
    """Learn which kind comes next, and within each kind which innovations.

    Parameters
    ----------
    X : float64 ndarray, shape (n, p)
        What is known before each donor's moment.
    changed : bool ndarray, shape (n,)
        Whether its kind differs from the one before.
    loose : int64 ndarray, shape (n,)
        Combinations of fleeting states, which the trees of a kind tell apart as well.
    """
    kind = donors.kind.astype(np.int64)
    which = None
    if kind.max() > 0:
        # What comes next is nearly certain most of the time: a few moments tell when it is not.
        fine = replace(settings, min_leaf_rows=min(_FINE, settings.min_leaf_rows))
        which = _grown(X, kind, kind, fine, rng.child("kind"))
    of = {}
    for group in np.unique(2 * kind + changed).tolist():
        rows = np.flatnonzero(2 * kind + changed == group)
        own = rng.child("group", group)
        classes = _classes(donors.take(rows), own.child("classes")) * (int(loose.max()) + 1) + loose[rows]
        classes = np.unique(classes, return_inverse=True)[1].reshape(-1).astype(np.int64)
        less = settings if len(rows) >= _FEW else replace(settings, trees=1)
        of[group] = _grown(X[rows], classes, rows, less, own)
    return Trees(which, of)


def _grown(X: Floats, classes: Codes, codes: Codes, settings: TreeSettings, rng: Rng) -> Ensemble:
    used = np.flatnonzero(np.ptp(X, axis=0) > 0)
    used = used if len(used) else np.zeros(1, np.int64)
    ensemble, _ = grow(X[:, used], classes, codes, settings, rng)
    feature = np.where(ensemble.feature >= 0, used[ensemble.feature], -1).astype(np.int32)
    return replace(ensemble, feature=feature)


def _classes(donors: Donors, rng: Rng) -> Codes:
    """Return what trees are to tell apart: clusters of innovations."""
    E = donors.innovation.astype(float)
    n = len(E)
    count = int(np.clip(np.sqrt(n) / 3, 1, _CLUSTERS))
    if not E.shape[1] or count == 1:
        return np.zeros(n, np.int64)
    E = np.clip((E - np.median(E, axis=0)) / np.maximum([spread(e) for e in E.T], 1e-300), -5, 5)
    if E.shape[1] == 1:
        return (np.argsort(np.argsort(E[:, 0], kind="stable")) * count // n).astype(np.int64)
    from sklearn.cluster import KMeans

    few = E if n <= _CLUSTERED else E[rng.generator().choice(n, _CLUSTERED, replace=False)]
    if len(np.unique(few, axis=0)) <= count:
        return np.zeros(n, np.int64)
    model = KMeans(count, n_init=1, max_iter=50, random_state=rng.integer()).fit(few)
    return np.unique(model.predict(E), return_inverse=True)[1].reshape(-1).astype(np.int64)
