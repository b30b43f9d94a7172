"""The correlation of latent normals from the scores of the cells that they fell into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.special import ndtri

from seedstock.generators._copula_blocks import Block, Floats, OrderedBlock, normal_density

_TERMS = 40
_TERMS_WIDE = 16
_WIDE = 400
_STRIP = 16
_BISECTIONS = 14
_LIMIT = 0.999
_FLOOR = 5e-4

Chunks = Callable[[], Iterator[Floats]]


def moments(chunks: Chunks, width: int) -> tuple[Floats, Floats, int]:
    """Return the second moments of scores, the variances of these moments, both (p, p), and the number of rows."""
    first, second, n = np.zeros((width, width)), np.zeros((width, width)), 0
    for x in chunks():
        first += x.T @ x
        second += (x * x).T @ (x * x)
        n += len(x)
    mean = first / n
    variance = np.maximum(second / n - mean**2, 0) / max(n - 1, 1)
    return mean, variance, n


def shrinkage(moment: Floats, variance: Floats, between: NDArray[np.bool_]) -> float:
    """Return how far correlations of different columns must shrink toward 0, 0 to 1.

    Source: Schaefer and Strimmer 2005, A shrinkage approach to large-scale covariance matrix estimation, equation 8
    with target D: the sum of the correlations' variances over the sum of their squares.
    """
    scale = np.sqrt(np.maximum(np.diag(moment), 1e-300))
    r = moment / np.outer(scale, scale)
    noise = variance / np.outer(scale**2, scale**2)
    total = float((r[between] ** 2).sum())
    return float(np.clip(noise[between].sum() / total, 0, 1)) if total > 0 else 1.0


def hermite(block: OrderedBlock, terms: int) -> Floats:
    """Return the normalised Hermite coefficients 1..terms of the score on the block's first axis, shape (terms,).

    For a step function g that rises by d_j at t_j: c_k = sum_j d_j phi(t_j) He_{k-1}(t_j) / sqrt(k!).
    """
    t = ndtri(block.edges[1:-1])
    rise = np.diff(block.scores()[block.order, 0]) * normal_density(t)
    out = np.zeros(terms)
    before, now = np.zeros_like(t), np.ones_like(t)
    for k in range(1, terms + 1):
        out[k - 1] = (rise * now).sum() / np.sqrt(k)
        # He_k / sqrt(k!) by its three-term recurrence.
        before, now = now, (t * now - np.sqrt(k - 1) * before) / np.sqrt(k)
    return out


def invert(moment: Floats, a: Floats, b: Floats) -> Floats:
    """Return the latent correlations behind moments of two scores: solve sum_k a_k b_k r^k = moment for r.

    Ties weaken the correlation of scores, but not that of the normals behind them. For two binary columns this is the
    tetrachoric correlation, for two ordered ones a polychoric correlation by moments. Mehler's expansion gives
    the moments of functions of two normals of correlation r.

    Parameters
    ----------
    moment : float64 ndarray, shape (p, q)
    a, b : float64 ndarray, shapes (p, terms), (q, terms)
    """
    out = np.empty_like(moment)
    for at in range(0, len(moment), _STRIP):
        part, lead = moment[at : at + _STRIP], a[at : at + _STRIP]
        low, high = np.full(part.shape, -_LIMIT), np.full(part.shape, _LIMIT)
        product = lead[:, None, :] * b[None, :, :]
        powers = [np.ascontiguousarray(product[:, :, k]) for k in range(a.shape[1])]
        for _ in range(_BISECTIONS):
            r = (low + high) / 2
            value = powers[-1] * r
            for c in powers[-2::-1]:
                value += c
                value *= r
            above = value > part
            high, low = np.where(above, r, high), np.where(above, low, r)
        out[at : at + _STRIP] = (low + high) / 2
    return out


def first_guess(blocks: list[Block], moment: Floats) -> Floats:
    """Return the latent correlation, (p, p): exact for pairs of ordered axes, to first order for the others."""
    width = len(moment)
    starts = np.cumsum([0] + [b.width for b in blocks])
    weight = np.zeros((width, width))
    for block, s in zip(blocks, starts[:-1], strict=True):
        own = moment[s : s + block.width, s : s + block.width]
        weight[s : s + block.width, s : s + block.width] = linalg.pinvh(own + 1e-9 * np.eye(len(own)))
    out = np.clip(weight @ moment @ weight, -_LIMIT, _LIMIT)
    terms = _TERMS if width <= _WIDE else _TERMS_WIDE
    ordered = [(int(s), b) for b, s in zip(blocks, starts[:-1], strict=True) if isinstance(b, OrderedBlock)]
    axes, series, seen = [], [], []
    for s, block in ordered:
        axes.append(s)
        series.append(hermite(block, terms))
        seen.append(1 - block.gap)
        if block.gap:
            axes.append(s + 1)
            two = OrderedBlock(np.arange(2), np.array([0, block.gap, 1]), 0.0)
            series.append(hermite(two, terms))
            seen.append(1.0)
    if axes:
        # Where cells are missing, only rows with both present tell about a pair.
        both = np.outer(seen, seen)
        coefficients = np.array(series)
        out[np.ix_(axes, axes)] = invert(moment[np.ix_(axes, axes)] / both, coefficients, coefficients)
    return standard(out, starts)


def standard(r: Floats, starts: NDArray[np.int64], floor: float = _FLOOR) -> Floats:
    """Return the nearest proper correlation: positive definite, with independent axes inside each column.

    Narrow matrices lose their negative eigenvalues; wide ones are drawn toward the identity.
    """
    r = (r + r.T) / 2
    for s, e in pairwise(starts.tolist()):
        r[s:e, s:e] = np.eye(e - s)
    if len(r) <= _WIDE:
        values, vectors = np.linalg.eigh(r)
        if values[0] >= floor:
            return r
        r = (vectors * np.maximum(values, floor)) @ vectors.T
        whiten = np.zeros_like(r)
        for s, e in pairwise(starts.tolist()):
            v, u = np.linalg.eigh(r[s:e, s:e])
            whiten[s:e, s:e] = (u / np.sqrt(v)) @ u.T
        r = whiten @ r @ whiten.T
        return (r + r.T) / 2
    for kept in (1.0, 0.98, 0.95, 0.9, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1):
        trial = kept * r + (1 - kept) * np.eye(len(r))
        try:
            np.linalg.cholesky(trial - floor * np.eye(len(r)))
        except np.linalg.LinAlgError:
            continue
        return trial
    return np.eye(len(r))


def refine(r: Floats, blocks: list[Block], target: Floats, rounds: int, rows: int, g: np.random.Generator) -> Floats:
    """Correct the correlation until data drawn with it have the moments asked: pairs that have no closed form.

    Each round draws latent normals, cuts them into cells, and moves the correlation of each pair of columns by
    the difference of the moments, in units of the scores' own moments (a Robbins-Monro step).
    """
    starts = np.cumsum([0] + [b.width for b in blocks])
    tables = [b.scores() for b in blocks]
    weight = np.zeros_like(r)
    for block, s in zip(blocks, starts[:-1], strict=True):
        own = target[s : s + block.width, s : s + block.width]
        weight[s : s + block.width, s : s + block.width] = linalg.pinvh(own + 1e-9 * np.eye(len(own)))
    noise = g.normal(size=(rows // 2, len(r)))
    for k in range(rounds):
        z = noise @ np.linalg.cholesky(r).T
        scores = np.empty((2 * len(z), len(r)))
        for block, table, s in zip(blocks, tables, starts[:-1], strict=True):
            own = z[:, s : s + block.width]
            scores[:, s : s + block.width] = table[np.concatenate([block.decode(own, g), block.decode(-own, g)])]
        step = weight @ (target - scores.T @ scores / len(scores)) @ weight
        r = standard(np.clip(r + step / np.sqrt(1 + k), -_LIMIT, _LIMIT), starts)
    return r
