"""A column halved again and again by boosted trees: for values that follow other columns smoothly.

The column's values lie in bins of like numbers of rows. Which bin a row falls into is asked as a series of questions,
"the upper half of what is left?", and each series' level is one boosted classifier, which sees the predictors and the
half that was reached. The probability of a bin is the product of the answers along its way (Bengio and Bengio 2000,
eq. 1, over the bits of one number). Inside a bin values come as often as in the data.

Boosted trees add up what single columns tell, where the leaves of a forest have to be reached by one split after the
other: smooth dependence on many columns is learned from fewer rows, and no leaf holds anybody's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators._bins import Bins
from seedstock.generators._boosting import boost
from seedstock.generators._even import even, in_order, kept
from seedstock.generators._leaf_masks import LeafMasks, Places
from seedstock.generators._stored_trees import Tree, joined, parted

Floats = NDArray[np.float64]

_HELD = 0.15
_ITERATIONS = 200
_LEAVES, _BINS, _WIDE = 16, 255, 24
"""Leaves of a tree (up to 16 are looked up fastest) and bins of a predictor; fewer in tables of more predictors."""
_MIN_ROWS = 30
_STEP = 0.3
_RANKS, _FEWEST_RANKS = 1 << 16, 64
"""Ranks of a level's probabilities and halves together (so many are put in order fastest), and of a half's at least."""


@dataclass(frozen=True, eq=False)
class Halving:
    """Boosted trees for each level of halving, and which bin each code lies in.

    Attributes
    ----------
    bins : int64 ndarray, shape (k,)
        Bin of each code, ascending with the code; not all numbers have codes.
    shares : float64 ndarray, shape (k,)
        Share of each code among the rows of its bin.
    levels : tuple of tuples of trees
        From the highest bit of the bin's number to the lowest; their last feature is the half that was reached.
    predictors : int
        p.
    """

    bins: Codes
    shares: Floats
    levels: tuple[tuple[Tree, ...], ...]
    predictors: int

    @classmethod
    def fit(
        cls, X: Floats, codes: Codes, classes: Codes, atoms: Atoms, rng: Rng, most_rows: int
    ) -> tuple[Self, Floats, Codes] | None:
        """Learn a column's codes, shape (n,), from predictors X, shape (n, p); None where a half has no rows.

        How many trees a level has is found on rows that are held out of all levels. `classes` tells the class of each
        code, shape (k,), ascending; those of several codes are halved once more.

        Returns
        -------
        Halving
        float64 ndarray, shape (m,)
            Log probability of the classes of the held-out rows.
        int64 ndarray, shape (m,)
            Which rows those are.
        """
        rows = rng.child("held").generator().permutation(len(codes))[:most_rows]
        split = len(classes) > classes[-1] + 1
        bins = _halved(classes, atoms.counts) if split else classes
        place, depth = bins[codes[rows]], max(int(bins[-1]).bit_length(), 1)
        narrow = min(1.0, _WIDE / X.shape[1])
        leaves, fine = max(6, round(narrow * _LEAVES)), max(31, round(narrow * _BINS))
        # The predictors lie in the same bins at all levels; what a level adds is the half that was reached.
        of_predictors = Bins.of(X[rows], fine)
        table = of_predictors.place(X[rows])
        n_held = int(_HELD * len(rows))
        levels: list[tuple[Tree, ...]] = []
        score = np.zeros(n_held)
        for level in range(depth):
            bit = depth - 1 - level
            upper, before = (place >> bit & 1).astype(bool), (place >> (bit + 1))[:, None]
            if upper[n_held:].all() or not upper[n_held:].any():
                return None
            of_halves = Bins.of(before, fine)
            whole, seed = np.vstack([table, of_halves.place(before)]), rng.child("level", level).integer()
            held = whole[:, :n_held], upper[:n_held]
            trees, log_odds = boost(
                whole[:, n_held:], upper[n_held:], seed, _ITERATIONS, _MIN_ROWS, leaves, held, _STEP
            )  # fmt: skip
            levels.append(tuple(Bins(of_predictors.ends + of_halves.ends).unplaced(trees)))
            if bit or not split:
                score -= np.logaddexp(0.0, np.where(held[1], -log_odds, log_odds))
        total = np.bincount(bins, atoms.counts)
        return cls(bins, atoms.counts / total[bins], tuple(levels), X.shape[1]), score, rows[:n_held]

    def draw(self, X: Floats, name: str, before: Mapping[str, Codes], atoms: Mapping[str, Atoms],
             g: np.random.Generator) -> Codes:  # fmt: skip
        """Draw a code for each row of X, shape (n, p); shares of like rows come evenly."""
        at = np.zeros(len(X), np.int64)
        places = self._places(X)
        for level in range(len(self.levels)):
            p = self._upper(places, level, at)
            # Rows with like probabilities stand together, so that as many go up as their probabilities add up to.
            rank = max(_RANKS >> level, _FEWEST_RANKS)
            order = in_order(at * rank + (p * (rank - 1)).astype(np.int64))
            at = 2 * at + kept(p, order, g)
        return self._inside(at, self.shares, g)

    def probability(self, X: Floats, name: str, value: Codes, groups: Codes, before: Mapping[str, Codes],
                    atoms: Mapping[str, Atoms], g: np.random.Generator) -> Floats:  # fmt: skip
        """Return the probability of a code, or of the codes in its group, for each row of X, shape (n,)."""
        out = np.zeros(len(X))
        for one in np.unique(groups[value]):
            rows = np.flatnonzero(groups[value] == one)
            out[rows] = self._in_bins(X[rows], (groups == one).astype(float))[0].sum(axis=1)
        return out

    def draw_inside(self, X: Floats, name: str, share: Shares, before: Mapping[str, Codes],
                    atoms: Mapping[str, Atoms], g: np.random.Generator) -> tuple[Floats, Codes]:  # fmt: skip
        """Return the probability of a set of codes, and a code from it (any where it is 0), both of shape (n,)."""
        mass, bins = self._in_bins(X, share)
        upto = np.cumsum(mass, axis=1)
        total = upto[:, -1] if len(bins) else np.zeros(len(X))
        pick = (upto < (g.random(len(X)) * total)[:, None]).sum(axis=1) if len(bins) else np.zeros(len(X), np.int64)
        out = np.zeros(len(X), np.int64)
        here = np.flatnonzero(total > 0)
        if len(here):
            out[here] = self._inside(bins[np.minimum(pick[here], len(bins) - 1)], self.shares * share, g)
        return total, out

    def _in_bins(self, X: Floats, share: Shares) -> tuple[Floats, Codes]:
        """Return the probability of a set's part in each bin that it touches, shape (n, b), and those bins, (b,)."""
        part = np.bincount(self.bins, self.shares * share)
        wanted = np.flatnonzero(part > 0)
        reached, places = {0: np.ones(len(X))}, self._places(X)
        depth = len(self.levels)
        for level in range(depth):
            ends = set((wanted >> (depth - 1 - level)).tolist())
            on: dict[int, Floats] = {}
            for at, p in reached.items():
                upper = self._upper(places, level, np.full(len(X), at))
                on |= {half: p * (upper if half & 1 else 1 - upper) for half in (2 * at, 2 * at + 1) if half in ends}
            reached = on
        mass = (
            np.stack([reached[b] * part[b] for b in wanted.tolist()], axis=1) if len(wanted) else np.zeros((len(X), 0))
        )
        return mass, wanted

    def _places(self, X: Floats) -> Places:
        return self._masks[0].places(X)

    def _upper(self, places: Places, level: int, at: Codes) -> Floats:
        """Return the probability of the upper half for rows that have reached a half, shape (n,)."""
        masks = self._masks[level]
        log_odds = masks.total_at(places, at)
        # Where a half has no codes, there is nothing to draw.
        rest = len(self.levels) - 1 - level
        reached = np.bincount(self._filled >> rest, minlength=2 << level) > 0
        p = np.where(reached[2 * at + 1], 1 / (1 + np.exp(-log_odds)), 0.0)
        return np.where(reached[2 * at], p, 1.0)

    @cached_property
    def _filled(self) -> Codes:
        """The bins that have codes, ascending."""
        return np.unique(self.bins)

    @cached_property
    def _masks(self) -> list[LeafMasks]:
        """The levels' trees, all looked up at the same places."""
        return LeafMasks.side_by_side(self.levels, self.predictors + 1)

    def _inside(self, bins: Codes, weight: Floats, g: np.random.Generator) -> Codes:
        """Draw a code in each bin, shape (n,), by weight."""
        upto = np.cumsum(weight)
        ends = upto[np.searchsorted(self.bins, np.arange(self.bins[-1] + 1), side="right") - 1]
        high, low = ends[bins], np.concatenate([[0.0], ends])[bins]
        u = np.minimum(low + even(in_order(bins), g) * (high - low), np.nextafter(high, -np.inf))
        return np.minimum(np.searchsorted(upto, u, side="right"), len(weight) - 1).astype(np.int64)

    def state(self) -> State:
        """Return all that `from_state` needs."""
        arrays, sizes = joined([t for trees in self.levels for t in trees])
        arrays |= {"bins": self.bins, "shares": self.shares}
        return State(arrays, {"sizes": sizes, "levels": [len(trees) for trees in self.levels]})

    @classmethod
    def from_state(cls, state: State, k: int, predictors: tuple[str, ...]) -> Self:
        """Make it again for a column of k codes; every index is checked."""
        a, counts = state.arrays, [int(c) for c in state.meta["levels"]]
        trees = parted(a, state.meta["sizes"], len(predictors) + 1)
        bins, shares = np.asarray(a["bins"], np.int64), np.asarray(a["shares"], np.float64)
        fits = (
            bins.shape == shares.shape == (k,)
            and bins[0] == 0
            and (np.diff(bins) >= 0).all()
            and max(int(bins[-1]).bit_length(), 1) == len(counts)
            and sum(counts) == len(trees)
            and np.isfinite(shares).all()
            and (shares >= 0).all()
            and (np.bincount(bins, shares)[bins] > 0).all()
        )
        if not fits:
            raise InputError("this model is damaged: its halves do not fit its column; fit it again")
        ends = np.cumsum([0, *counts])
        return cls(bins, shares, tuple(trees[a:b] for a, b in pairwise(ends)), len(predictors))


def _halved(classes: Codes, counts: NDArray[np.int64]) -> Codes:
    """Return twice each code's class, and one more in the upper half of its rows, shape (k,).

    Examples
    --------
    >>> _halved(np.array([0, 0, 0, 0, 1]), np.array([5, 5, 5, 5, 80])).tolist()
    [0, 0, 1, 1, 2]
    """
    total = np.bincount(classes, counts)
    before = np.cumsum(counts) - counts - (np.cumsum(total) - total)[classes]
    return 2 * classes + (2 * before >= total[classes])
