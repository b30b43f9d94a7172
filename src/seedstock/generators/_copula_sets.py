"""Latent normals of columns that must fall into one of several cells: ranges, sets, or anything but missing.

Numbers on one axis move within the union of their cells exactly. Where cells lie in several axes, each sweep draws a
few candidates from the column's conditional normal and picks among those in the set, the present one included:
iterated sampling-importance-resampling, which leaves the target as it is (Andrieu, Lee and Vihola 2018, section 2).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri

from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Codes
from seedstock.generators._copula_blocks import Block, Floats, NominalBlock, OrderedBlock

_CANDIDATES = 16


def first_codes(codes: Codes, sets: Mapping[int, Shares], counts: NDArray[np.int64], g: np.random.Generator) -> Codes:
    """Return codes with the rows that have a set in a code of it, as often as it was seen."""
    out = codes.copy()
    for number, share in sets.items():
        rows = np.flatnonzero(codes == number)
        cumulative = np.cumsum(counts * share)
        out[rows] = np.searchsorted(cumulative, g.random(len(rows)) * cumulative[-1], side="right")
    return np.minimum(out, len(counts) - 1)


def move_in_set(
    block: Block, share: Shares, counts: NDArray[np.int64], z: Floats, codes: Codes, mean: Floats, root: Floats,
    g: np.random.Generator,
) -> tuple[Floats, Codes]:  # fmt: skip
    """Draw a column's axes given the other columns', inside a set of its codes.

    Parameters
    ----------
    z, codes : ndarray, shape (n, w) and (n,)
        Where the rows are now, and their codes.
    mean : float64 ndarray, shape (n, w)
    root : float64 ndarray, shape (w, w)
        Conditional mean, and Cholesky factor of the conditional covariance.
    """
    if isinstance(block, OrderedBlock) and block.width == 1:
        return _on_one_axis(block, share, mean[:, 0], float(root[0, 0]), g)
    n, w = z.shape
    candidates = np.concatenate([z[None], mean + g.normal(size=(_CANDIDATES, n, w)) @ root.T])
    found = block.decode(candidates.reshape(-1, w), g).reshape(-1, n)
    found[0] = codes
    if isinstance(block, NominalBlock):
        # Rare codes share a cell: which of them it is, is drawn anew, among those in the set.
        cell = block.cell[found]
        held = np.bincount(block.cell, weights=counts * share, minlength=len(block.offsets))
        weight = (held / np.bincount(block.cell, weights=counts, minlength=len(block.offsets)))[cell]
    else:
        weight = share[found]
    cumulative = np.cumsum(weight, axis=0)
    pick = (cumulative <= g.random(n) * cumulative[-1]).sum(axis=0)
    pick = np.minimum(pick, len(candidates) - 1)
    rows = np.arange(n)
    z, codes = candidates[pick, rows], found[pick, rows]
    if isinstance(block, NominalBlock):
        codes = _within_cell(block, share, counts, codes, g)
    return z, codes


def _within_cell(
    block: NominalBlock, share: Shares, counts: NDArray[np.int64], codes: Codes, g: np.random.Generator
) -> Codes:
    out, cell = codes.copy(), block.cell[codes]
    for c in np.unique(cell):
        members = np.flatnonzero((block.cell == c) & (share > 0))
        rows = np.flatnonzero(cell == c)
        if len(members):
            cumulative = np.cumsum((counts * share)[members])
            at = np.searchsorted(cumulative, g.random(len(rows)) * cumulative[-1], side="right")
            out[rows] = members[np.minimum(at, len(members) - 1)]
    return out


def _on_one_axis(
    block: OrderedBlock, share: Shares, mean: Floats, spread: float, g: np.random.Generator
) -> tuple[Floats, Codes]:
    """Draw from a normal cut down to the union of the cells of a set."""
    from seedstock.generators._copula_condition import truncated

    on = share[block.order] > 0
    edge = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(int)))
    cuts = ndtri(block.edges)
    n = len(mean)
    low, high = np.full(n, -np.inf), np.full(n, np.inf)
    best = np.full(n, -np.inf)
    # The run is picked by the Gumbel trick: runs far in a tail differ by more than float64 holds.
    for first, last in zip(edge[0::2], edge[1::2], strict=True):
        a, b = (cuts[first] - mean) / spread, (cuts[last] - mean) / spread
        score = _log_mass(a, b) + g.gumbel(size=n)
        better = score > best
        best = np.where(better, score, best)
        low, high = np.where(better, a, low), np.where(better, b, high)
    x = truncated(low, high, g.random(n))
    z = mean + spread * x
    code = block.order[np.clip(np.searchsorted(cuts[1:-1], z, side="right"), 0, len(block.order) - 1)]
    wrong = share[code] == 0
    if wrong.any():
        # Rounding at an edge: the nearest code of the set.
        able = np.flatnonzero(on)
        place = block.place[code[wrong]]
        code[wrong] = block.order[able[np.abs(able[:, None] - place).argmin(axis=0)]]
    return z[:, None], code


def _log_mass(a: Floats, b: Floats) -> Floats:
    """Return the logarithm of a standard normal's mass between a and b."""
    flip = a > 0
    low, high = np.where(flip, -b, a), np.where(flip, -a, b)
    top = log_ndtr(high)
    with np.errstate(divide="ignore"):
        return np.asarray(top + np.log1p(-np.exp(np.minimum(log_ndtr(low) - top, -1e-16))), float)
