"""Categories placed in the latent space by what they tell about the other columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import ndtri
from scipy.stats import qmc

from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._copula_blocks import Floats, NominalBlock, OrderedBlock

_FEATURES = 1_000
_CANDIDATES = 400
_PREDICTORS = 120
_PREDICTORS_IN_ALL = 20_000
_MAX_CELLS = 48
_MIN_SHARE = 0.002
_POOL = 2**14
_TEMPERATURES = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_POOL_ROWS = (2**11, 2**12, 2**13, 2**14, 2**14, 2**14)
_APART = 0.05
_NEWTON_STEPS = 12
_TOLERANCE = 2e-5


@dataclass(frozen=True, eq=False)
class Features:
    """All columns as standardised numbers: normal scores, and indicators of frequent categories.

    Attributes
    ----------
    X : float64 ndarray, shape (n, q)
    gram : float64 ndarray, shape (q, q)
    owner : int64 ndarray, shape (q,)
        Number of the column that each feature belongs to.
    """

    X: Floats
    gram: Floats
    owner: NDArray[np.int64]

    @classmethod
    def of(cls, plan: Plan, codes: Mapping[str, Codes], names: Sequence[str]) -> Features:
        """Return features of these columns; wide tables get fewer indicators a column."""
        each = int(np.clip(_FEATURES // max(len(names), 1), 1, 12))
        parts, owner = [], []
        for i, name in enumerate(names):
            atoms = plan.atoms[name]
            if atoms.ordered or atoms.k == 2:
                table = OrderedBlock.fit(atoms).scores()
            else:
                common = np.argsort(-atoms.counts, kind="stable")[: min(each, atoms.k - 1)]
                table = np.zeros((atoms.k, len(common)))
                table[common, np.arange(len(common))] = 1.0
            parts.append(table[codes[name]])
            owner += [i] * table.shape[1]
        X = np.concatenate(parts, axis=1)
        X -= X.mean(0)
        spread = X.std(0)
        X /= np.where(spread > 0, spread, 1.0)
        return cls(X, X.T @ X / max(len(X), 1), np.array(owner, np.int64))


def placement(features: Features, own: int, atoms: Atoms, codes: Codes) -> tuple[Floats, Floats]:
    """Return categories' discriminant coordinates, shape (k, d), and the canonical correlations, (d,), falling.

    Linear discriminant analysis of the categories by all other columns. Only directions beyond what chance gives
    (the edge of the Marchenko-Pastur law) are returned; there may be none.
    """
    n = len(codes)
    others = np.flatnonzero(features.owner != own)
    # Wide tables: each column looks at some of the others only, evenly spread.
    others = others[:: -(-len(others) // _CANDIDATES)] if len(others) else others
    n_used = int(np.clip(_PREDICTORS_IN_ALL // (features.owner[-1] + 1), 20, _PREDICTORS))
    none = np.zeros((atoms.k, 0)), np.zeros(0)
    if not len(others) or n < 3:
        return none
    member = sparse.csr_array((np.ones(n), (codes, np.arange(n))), shape=(atoms.k, n))
    size = np.bincount(codes, minlength=atoms.k).astype(float)
    means = (member @ features.X[:, others]) / np.maximum(size, 1)[:, None]
    # Means of categories with few rows are mostly noise: drawn toward the common mean, 0, as far as the variance
    # between the categories that remains after the noise suggests (one-way random effects, by moments).
    between = np.clip((size[:, None] * means**2).sum(0) / n - (atoms.k - 1) / n, 1e-4, 0.999)
    means *= size[:, None] / (size[:, None] + (1 - between) / between)
    best = np.argsort(-between, kind="stable")[:n_used]
    used = others[best]
    gram = features.gram[np.ix_(used, used)] + np.eye(len(used)) * (0.01 + len(used) / n)
    root = np.linalg.cholesky(gram)
    whitened = np.linalg.solve(root, means[:, best].T).T * np.sqrt(size / n)[:, None]
    left, canonical, _ = np.linalg.svd(whitened, full_matrices=False)
    chance = (np.sqrt(len(used) / n) + np.sqrt(min(atoms.k, n) / n)) if atoms.k < n else 1.0
    real = canonical > chance
    if not real.any():
        return none
    share = np.sqrt(np.maximum(size, 1) / n)
    coordinates = left[:, real] / share[:, None]
    return coordinates, np.minimum(canonical[real], 0.995)


def nominal_block(
    atoms: Atoms, coordinates: Floats, canonical: Floats, max_axes: int, rng: Rng
) -> NominalBlock | OrderedBlock:
    """Return cells for categories at these coordinates; one axis where one direction is all there is."""
    d = min(max_axes, len(canonical))
    if d <= 1:
        order = np.argsort(coordinates[:, 0], kind="stable") if d else np.arange(atoms.k)
        return OrderedBlock.fit(atoms, order)
    shares = atoms.counts / atoms.counts.sum()
    # Distances between classes in units of their own spread, as in discriminant analysis.
    points = coordinates[:, :d] * (canonical / np.sqrt(1 - canonical**2))[:d]
    spread = np.sqrt((shares[:, None] * points**2).sum() / d)
    cell = _merge(points / spread, shares, _group(shares, points[:, 0]))
    mass, points = np.bincount(cell, shares), _centres(points / spread, shares, cell)
    if len(mass) < 2:
        return OrderedBlock.fit(atoms, np.argsort(coordinates[:, 0], kind="stable"))
    pool = normal_pool(d, rng.child("pool"))
    offsets = balance(points, mass, pool)
    mine = np.argmax(pool @ points.T + offsets, axis=1)
    size = np.bincount(mine, minlength=len(mass))
    means = np.stack([np.bincount(mine, x, minlength=len(mass)) for x in pool.T], axis=1)
    # A cell too small for the pool has its mean at its point's side, for want of a better one.
    return NominalBlock(points, offsets, np.where(size[:, None], means / np.maximum(size, 1)[:, None], points), cell,
                        atoms.counts)  # fmt: skip


def _centres(points: Floats, shares: Floats, cell: NDArray[np.int64]) -> Floats:
    mass = np.bincount(cell, shares)
    return np.stack([np.bincount(cell, shares * p) / mass for p in points.T], axis=1)


def _merge(points: Floats, shares: Floats, cell: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the cells with those merged that hardly differ: what tells nothing apart needs no border."""
    centres, mass = _centres(points, shares, cell), np.bincount(cell, shares)
    to = np.full(len(mass), -1)
    kept: list[int] = []
    for i in np.argsort(-mass, kind="stable"):
        gap = np.linalg.norm(centres[kept] - centres[i], axis=1) if kept else np.full(1, np.inf)
        if gap.min() < _APART:
            to[i] = kept[int(gap.argmin())]
        else:
            to[i] = i
            kept.append(int(i))
    return np.unique(to[cell], return_inverse=True)[1].reshape(-1).astype(np.int64)


def _group(shares: Floats, place: Floats) -> NDArray[np.int64]:
    """Return a cell for each code: its own for frequent ones, neighbours on the first axis together for rare ones."""
    order = np.argsort(-shares, kind="stable")
    rank = np.empty(len(shares), np.int64)
    rank[order] = np.arange(len(shares))
    rare = (shares < _MIN_SHARE) | (rank >= _MAX_CELLS)
    cell = np.zeros(len(shares), np.int64)
    if rare.any():
        along = np.flatnonzero(rare)[np.argsort(place[rare], kind="stable")]
        total = np.cumsum(shares[along])
        groups = int(np.clip(total[-1] / max(_MIN_SHARE * 2, total[-1] / 16), 1, 16))
        cell[along] = np.minimum((total - shares[along]) / total[-1] * groups, groups - 1).astype(np.int64)
    cell[~rare] = np.arange((~rare).sum()) + 16
    return np.unique(cell, return_inverse=True)[1].reshape(-1).astype(np.int64)


def normal_pool(d: int, rng: Rng) -> Floats:
    """Return evenly spread points of the standard normal in d dimensions, shape (16,384, d), symmetric about 0."""
    half = ndtri(np.clip(qmc.Sobol(d, rng=rng.generator()).random(_POOL // 2), 1e-9, 1 - 1e-9))
    return np.concatenate([half, -half])


def balance(points: Floats, mass: Floats, pool: Floats) -> Floats:
    """Return offsets with which the cells of the points hold their masses of the pool, shape (m,).

    The dual of semi-discrete optimal transport, smoothed by an entropy that falls to almost nothing; damped Newton
    steps. Source: Peyre and Cuturi 2019, Computational optimal transport, section 5.3.
    """
    utility = pool @ points.T
    offsets = np.log(mass) * _TEMPERATURES[0]
    for t, size in zip(_TEMPERATURES, _POOL_ROWS, strict=True):
        # Points come in pairs z, -z, so that a few of them are as even as all.
        half = len(pool) // 2
        some = np.concatenate([utility[: size // 2], utility[half : half + size // 2]])
        offsets = _newton(some, mass, offsets, t)
    return np.asarray(offsets, float)


def _newton(utility: Floats, mass: Floats, offsets: Floats, t: float) -> Floats:
    def soft(a: Floats) -> tuple[float, Floats]:
        scaled = (utility + a) / t
        top = scaled.max(axis=1, keepdims=True)
        scaled = np.exp(scaled - top)
        total = scaled.sum(axis=1, keepdims=True)
        return float(t * (top + np.log(total)).mean() - mass @ a), scaled / total

    value, p = soft(offsets)
    for _ in range(_NEWTON_STEPS):
        share = p.mean(0)
        slope = share - mass
        if np.abs(slope).max() < _TOLERANCE:
            break
        curve = (np.diag(share) - p.T @ p / len(p)) / t
        step = np.linalg.solve(curve + 1e-6 * np.eye(len(mass)), slope)
        step *= min(1.0, 4 * t / max(np.abs(step).max(), 1e-300))
        # The dual is convex: halve the step until it falls.
        for _ in range(6):
            trial, new = soft(offsets - step)
            if trial <= value + 1e-12:
                break
            step = step / 2
        offsets, value, p = offsets - step, trial, new
    return offsets - offsets.mean()
