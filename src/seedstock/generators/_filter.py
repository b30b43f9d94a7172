"""Density-ratio resampling: draw too many rows, keep those that look most like real ones.

A boosted classifier tells real rows from drawn ones; its odds estimate the density ratio, and rejection by it brings
the drawn rows nearer to the real distribution (Grover et al. 2019, likelihood-free importance weighting; Azadi et al.
2019, discriminator rejection sampling, section 3). What a few hundred rows agree on can be learned this way, single
rows cannot: trees are small, their leaves large, and their number is found on rows that they have not seen. At last
the shares of single columns are raked to the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._bins import Bins
from seedstock.generators._boosting import boost
from seedstock.generators._even import kept, likeness
from seedstock.generators._leaf_masks import LeafMasks
from seedstock.generators._raking import rake
from seedstock.generators._stored_trees import Tree, joined, parted

_ROWS, _CELLS = 50_000, 1_000_000
"""Real rows, and their cells, that the classifier sees at most;"""
_AGAINST = 4
"""so many drawn ones for each real one stand against them."""
_FEWEST = 5_000
_ITERATIONS = 200
_LEAVES, _MIN_ROWS = 16, 100
_STEP, _SMALL_STEP = 0.2, 0.1
"""Steps of boosting; of few rows larger ones would remember too much."""
_CAP, _FACTOR_CAP = 0.985, 0.975
"""Quantiles of the weights above which rows are kept as often as at it."""
_FLOOR = -4.0
_POOL = 16
"""Drawn rows for each real one that the rounds choose from,"""
_POOL_CELLS = 50_000_000
"""at most so many cells, and two rows for each real one at least."""
_PART = 32_768
"""Rows that are drawn at a time."""
_RAKED = 3
"""Drawn rows for each real one, of which the last shares are raked."""
_BALANCED = 4
"""Columns with the most values, whose shares thinning leaves as they are."""
Draw = Callable[[int, Rng, "Filter | None"], dict[str, Codes]]


@dataclass(frozen=True, eq=False)
class Filter:
    """Boosted trees and factors over the codes of some columns, and the weight from which rows are always kept.

    Attributes
    ----------
    names : tuple of str
    trees : tuple of mapping
        Arrays of nodes: feature, threshold, left, right, value.
    factors : mapping of str to float64 ndarray
        Column -> log factor of each code, shape (k,).
    cap, factor_cap : float
        Log weights by the trees and by the factors from which no more is made of them.
    rate : float
        Share of the rows that is kept.
    """

    names: tuple[str, ...]
    trees: tuple[Tree, ...]
    factors: Mapping[str, NDArray[np.float64]]
    cap: float
    factor_cap: float
    rate: float

    @classmethod
    def fit(
        cls, draw: Draw, real: Mapping[str, Codes], k: Mapping[str, int], rng: Rng, rounds: int, threads: int = 1
    ) -> Filter:
        """Learn what tells real rows from drawn ones; each round sees rows that the rounds before let through.

        `k` tells how many codes each column has. The last round is the one that finds nothing more.
        """
        names = tuple(real)
        n = len(real[names[0]])
        g = rng.child("rows").generator()
        most = min(_ROWS, max(_CELLS // len(names), _FEWEST))
        rows = np.arange(n) if n <= most else g.choice(n, most, replace=False)
        seen = {name: codes[rows] for name, codes in real.items()}
        X = _design(names, seen)
        bins = Bins.of(X)
        real_bins = bins.place(X)
        # One pool of drawn rows serves all rounds: each lets through what the rounds before would have kept of it.
        size = max(2, min(_POOL, _POOL_CELLS // X.size)) * len(X)
        pool = np.hstack(_drawn(bins.place, draw, names, size, rng.child("pool"), threads))
        weight, cap = np.zeros(size), 0.0
        step = _STEP if len(X) >= _FEWEST else _SMALL_STEP
        trees: list[Tree] = []
        for i in range(rounds):
            stream = rng.child("round", i)
            through = stream.child("through").generator().random(size) < np.exp(np.minimum(weight - cap, 0.0))
            table = np.hstack([real_bins, pool[:, np.flatnonzero(through)[: _AGAINST * len(X)]]])
            y = np.arange(table.shape[1]) < len(X)
            seed = stream.child("boost").integer()
            new, _ = boost(table, y, seed, _ITERATIONS, _MIN_ROWS, _LEAVES, step=step)
            if not new:
                break
            masks = LeafMasks.of(new, len(names))
            with ThreadPoolExecutor(threads) as workers:
                weight += np.concatenate(list(workers.map(masks.total, np.array_split(pool.T, 2 * threads))))
            trees += bins.unplaced(new)
            cap = float(np.quantile(np.maximum(weight, _FLOOR), _CAP))
        out = cls(names, tuple(trees), {}, cap, 0.0, 1.0)
        rows = np.vstack(_drawn(np.asarray, draw, names, _RAKED * len(X), rng.child("rake"), threads))
        fresh = {name: column.astype(np.int64) for name, column in zip(names, rows.T, strict=True)}
        out = replace(out, factors=rake(seen, fresh, k, out._probability(fresh)))
        out = replace(out, factor_cap=float(np.quantile(out._by_factors(fresh), _FACTOR_CAP)))
        return replace(out, rate=float(out._probability(fresh).mean()))

    def log_weight(self, codes: Mapping[str, Codes]) -> NDArray[np.float64]:
        """Return the log density ratio of each row, up to a constant, shape (n,)."""
        return self._by_trees(codes) + self._by_factors(codes)

    def keep(self, codes: Mapping[str, Codes], g: np.random.Generator) -> NDArray[np.bool_]:
        """Return which rows are kept, shape (n,)."""
        return kept(self._probability(codes), likeness([codes[name] for name in self.names[-_BALANCED:]]), g)

    def _probability(self, codes: Mapping[str, Codes]) -> NDArray[np.float64]:
        trees = np.minimum(self._by_trees(codes) - self.cap, 0.0)
        # Capped apart, or the caps would undo what was raked.
        return np.exp(trees + np.minimum(self._by_factors(codes) - self.factor_cap, 0.0))

    def _by_factors(self, codes: Mapping[str, Codes]) -> NDArray[np.float64]:
        total = np.zeros(len(codes[self.names[0]]))
        for name, of_code in self.factors.items():
            total += of_code[codes[name]]
        return total

    def _by_trees(self, codes: Mapping[str, Codes]) -> NDArray[np.float64]:
        return np.maximum(self._masks.total(_design(self.names, codes)), _FLOOR)

    @cached_property
    def _masks(self) -> LeafMasks:
        return LeafMasks.of(self.trees, len(self.names))

    def state(self) -> State:
        """Return all that `from_state` needs."""
        arrays, sizes = joined(self.trees)
        arrays |= {f"factor.{self.names.index(name)}": of_code for name, of_code in self.factors.items()}
        meta = {"names": list(self.names), "sizes": sizes, "factors": list(self.factors)}
        return State(arrays, meta | {"cap": self.cap, "factor_cap": self.factor_cap, "rate": self.rate})

    @classmethod
    def from_state(cls, state: State, known: Mapping[str, Atoms]) -> Self:
        """Make it again for columns that are known; every index is checked, for compiled code will follow it."""
        names, meta = tuple(state.meta["names"]), state.meta
        trees = parted(state.arrays, meta["sizes"], len(names))
        factors = {n: np.asarray(state.arrays[f"factor.{names.index(n)}"], np.float64) for n in meta["factors"]}
        fits = set(names) <= set(known) and all(of.shape == (known[n].k,) for n, of in factors.items())
        if not fits or not 0 < float(meta["rate"]) <= 1:
            raise InputError("this model is damaged: its filter does not fit its columns; fit it again")
        caps = float(meta["cap"]), float(meta["factor_cap"])
        return cls(names, trees, factors, *caps, float(meta["rate"]))


def _drawn(
    of: Callable[[NDArray[np.float64]], NDArray[Any]], draw: Draw, names: tuple[str, ...], size: int, rng: Rng,
    threads: int,
) -> list[NDArray[Any]]:  # fmt: skip
    """Draw rows in parts, some side by side, and return what is made of their codes; it does not depend on how many."""
    starts = range(0, size, _PART)

    def part(start: int) -> NDArray[Any]:
        return of(_design(names, draw(min(_PART, size - start), rng.child(start), None)))

    with ThreadPoolExecutor(threads) as workers:
        return list(workers.map(part, starts))


def _design(names: tuple[str, ...], codes: Mapping[str, Codes]) -> NDArray[np.float64]:
    X = np.empty((len(codes[names[0]]), len(names)))
    for i, name in enumerate(names):
        X[:, i] = codes[name]
    return X
