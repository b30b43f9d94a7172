"""Ensembles of walkers that sample a density without its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seedstock.physics.diagnostics import effective_size, nested_rhat
from seedstock.physics.optimise import LogDensity

Floats = NDArray[np.float64]
_STRETCH = 2.0


@dataclass(frozen=True, eq=False)
class Chain:
    """What the walkers saw.

    Attributes
    ----------
    draws : ndarray, shape (steps, ensembles, walkers, p)
        After the burn-in.
    log_density : ndarray, shape (steps, ensembles, walkers)
    acceptance : float
    rhat, ess : ndarray, shape (p,)
        Nested R-hat over the ensembles; effective sample size over all walkers.
    steps : int
        Steps made, burn-in included.
    """

    draws: Floats
    log_density: Floats
    acceptance: float
    rhat: Floats
    ess: Floats
    steps: int

    def flat(self) -> Floats:
        """Return all draws, shape (n, p)."""
        return self.draws.reshape(-1, self.draws.shape[-1])


def sample(
    log_density: LogDensity,
    start: Floats,
    g: np.random.Generator,
    ess: float = 2_000,
    rhat: float = 1.01,
    block: int = 100,
    max_steps: int = 2_000,
) -> Chain:
    """Walk until the draws are worth `ess` independent ones and R-hat is below its bound, or steps run out.

    Parameters
    ----------
    log_density : callable
        Takes points of shape (m, p) and returns shape (m,).
    start : ndarray, shape (ensembles, walkers, p)
        Two ensembles or more; walkers an even number above p, with finite densities.
    block : int
        Steps between two looks. The first third of all steps is burn-in.

    Notes
    -----
    Half of an ensemble moves by the other half (Goodman and Weare 2010, section 2; Foreman-Mackey et al. 2013,
    algorithm 3): the stretch move, or the differential evolution move of ter Braak (2006, equation 2).

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> chain = sample(lambda x: -0.5 * (x**2).sum(axis=1), g.normal(size=(4, 32, 2)), g)
    >>> bool(abs(chain.flat().std() - 1) < 0.1)
    True
    """
    x = start.copy()
    e, w, p = x.shape
    f = log_density(x.reshape(-1, p)).reshape(e, w)
    kept: list[Floats] = []
    heights: list[Floats] = []
    accepted = 0.0
    while len(kept) < max_steps:
        for _ in range(block):
            # A fresh division in halves keeps walkers from being tied to a side.
            order = g.permutation(w)
            for mine, others in ((order[: w // 2], order[w // 2 :]), (order[w // 2 :], order[: w // 2])):
                new, log_factor = _propose(x[:, mine], x[:, others], g)
                value = log_density(new.reshape(-1, p)).reshape(e, -1)
                with np.errstate(invalid="ignore"):
                    go = np.log(g.random(value.shape)) < value - f[:, mine] + log_factor
                x[:, mine] = np.where(go[..., None], new, x[:, mine])
                f[:, mine] = np.where(go, value, f[:, mine])
                accepted += float(go.mean()) / 2
            kept.append(x.copy())
            heights.append(f.copy())
        burn = len(kept) // 3
        draws = np.stack(kept[burn:])
        r = np.array([nested_rhat(draws[..., i].transpose(1, 2, 0)) for i in range(p)])
        n = np.array([effective_size(draws[..., i].reshape(len(draws), -1).T) for i in range(p)])
        if r.max() < rhat and n.min() >= ess:
            break
    return Chain(draws, np.stack(heights[burn:]), accepted / len(kept), r, n, len(kept))


def _propose(x: Floats, others: Floats, g: np.random.Generator) -> tuple[Floats, Floats]:
    """Return proposals for walkers of shape (e, k, p), and the log of the factor beside the densities' ratio."""
    e, k, p = x.shape
    rows = np.arange(e)[:, None]
    n = others.shape[1]
    a = g.integers(n, size=(e, k))
    b = (a + g.integers(1, n, size=(e, k))) % n
    z = ((_STRETCH - 1) * g.random((e, k)) + 1) ** 2 / _STRETCH
    stretch = others[rows, a] + z[..., None] * (x - others[rows, a])
    gamma = np.where(g.random((e, k)) < 0.1, 1.0, 2.38 / np.sqrt(2 * p) * g.uniform(0.5, 1.2, (e, k)))
    evolve = x + gamma[..., None] * (others[rows, a] - others[rows, b]) + 1e-5 * g.standard_normal(x.shape)
    use = g.random((e, k)) < 0.3
    return np.where(use[..., None], stretch, evolve), np.where(use, (p - 1) * np.log(z), 0.0)
