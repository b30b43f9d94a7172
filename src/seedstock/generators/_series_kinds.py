"""Kinds of moments: states, spikes and rare regimes together, which last and then turn into each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Codes
from seedstock.generators._ensemble import Ensemble
from seedstock.generators._grow_trees import grow
from seedstock.generators._grown_tree import TreeSettings
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
_MOST_PATTERNS = 64


@dataclass(frozen=True, eq=False)
class Trees:
    """Which kind the next moment is, and which donors of that kind are alike.

    Attributes
    ----------
    kind : Ensemble or None
        None where there is one kind.
    absences : Ensemble or None
        Which series the next moment lacks.
    of : mapping of int to Ensemble
        Donors of kind j that follow the same kind are in ``2 * j``, those after a change in ``2 * j + 1``.
    """

    kind: Ensemble | None
    absences: Ensemble | None
    of: Mapping[int, Ensemble]

    def all(self) -> dict[int, Ensemble]:
        """Return all ensembles; that of the kinds under -1, that of the absences under -2."""
        own = {-1: self.kind, -2: self.absences}
        return {g: e for g, e in own.items() if e is not None} | dict(self.of)


def carried(codes: Ints) -> Ints:
    """Return codes with those that are unknown (-1) carried on from before, shape (T, m).

    >>> carried(np.array([[-1], [3], [-1], [2]])).ravel().tolist()
    [3, 3, 3, 2]
    """
    out = codes.copy()
    for s in range(out.shape[1]):
        known = np.flatnonzero(out[:, s] >= 0)
        if not len(known):
            out[:, s] = 0
            continue
        last = np.maximum.accumulate(np.where(out[:, s] >= 0, np.arange(len(out)), -1))
        out[:, s] = out[np.where(last >= 0, last, known[0]), s]
    return out


def patterns_of(absent: NDArray[np.bool_], held: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Ints]:
    """Return which series are without a row together, shape (patterns, S), and each moment's pattern; 0 is none.

    Patterns beyond the commonest 64 count as the first of them.
    """
    found, which = np.unique(np.where(held[:, None], False, absent), axis=0, return_inverse=True)
    which = which.reshape(-1)
    none = found.any(axis=1)
    sizes = np.where(none, np.bincount(which, minlength=len(found)), np.iinfo(np.int64).max)
    order = np.argsort(-sizes, kind="stable")[:_MOST_PATTERNS]
    if none.all():
        order = order[: _MOST_PATTERNS - 1]
    patterns = np.concatenate([np.zeros((1, absent.shape[1]), bool), found[order][found[order].any(axis=1)]])
    place = np.full(len(found), min(1, len(patterns) - 1))
    for i in order.tolist():
        place[i] = int(np.flatnonzero((patterns == found[i]).all(axis=1))[0])
    return patterns, place[which].astype(np.int64)


def fit_absences(X: Floats, pattern: Ints, settings: TreeSettings, rng: Rng) -> Ensemble | None:
    """Learn which series are without a row; None where there is one pattern."""
    if len(np.unique(pattern)) < 2:
        return None
    return _grown(X, pattern, pattern, settings, rng)


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
    X: Floats,
    donors: Donors,
    changed: NDArray[np.bool_],
    loose: Ints,
    absences: Ensemble | None,
    settings: TreeSettings,
    rng: Rng,
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
        which = _grown(X, kind, kind, settings, rng.child("kind"))
    of = {}
    for group in np.unique(2 * kind + changed).tolist():
        rows = np.flatnonzero(2 * kind + changed == group)
        own = rng.child("group", group)
        classes = _classes(donors.take(rows), own.child("classes")) * (int(loose.max()) + 1) + loose[rows]
        classes = np.unique(classes, return_inverse=True)[1].reshape(-1).astype(np.int64)
        less = settings if len(rows) >= _FEW else replace(settings, trees=1)
        of[group] = _grown(X[rows], classes, rows, less, own)
    return Trees(which, absences, of)


def _grown(X: Floats, classes: Codes, codes: Codes, settings: TreeSettings, rng: Rng) -> Ensemble:
    used = np.flatnonzero(np.ptp(X, axis=0) > 0)
    used = used if len(used) else np.zeros(1, np.int64)
    ensemble, *_ = grow(X[:, used], classes, codes, settings, rng)
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
