"""Sequential conditional forests: each column drawn from trees on the columns before it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset, Table
from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.encoding.siblings import earlier_first
from seedstock.generators._conditional import Conditional
from seedstock.generators._filter import Filter
from seedstock.generators._grown_tree import TreeSettings
from seedstock.generators._last_look import tells_less
from seedstock.generators._learn_column import ColumnSettings, learn_column
from seedstock.generators._particles import draw_given, evidence
from seedstock.generators._presence import draw_order
from seedstock.generators._ruled import Ruled
from seedstock.generators._score import log_scores
from seedstock.generators._tabular import TabularFitted, weighted
from seedstock.generators._wanted import FREE, Wanted

_FILTER_ROWS = 1_000
_TRIES = 4
"""Draws of a column for the rows in which the last one broke a rule."""
_CANDIDATES = 4, 16
"""Fewest and most rows of which the filter picks one, where each row has conditions of its own."""


@dataclass(frozen=True, eq=False)
class ForestFitted(TabularFitted):
    """Conditionals in the order in which columns are drawn; columns without one are drawn on their own.

    Where drawn rows would tell the target less well than real ones do, it is drawn once more at last, given all other
    columns: a Gibbs step, after which it depends on them as its best predictor has it.
    """

    order: tuple[str, ...]
    conditionals: Mapping[str, Conditional]
    again: Mapping[str, Conditional] = field(default_factory=dict)
    filter: Filter | None = None

    def draw(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        if not given:
            return self.draw_kept(n, rng, self.filter)
        if self.filter is None:
            return self.draw_met(n, rng, given)
        # Each row has its own condition, and so its own few candidates, of which one is picked by weight.
        m = int(np.clip(round(1.5 / self.filter.rate), *_CANDIDATES))
        again = np.repeat(np.arange(n), m)
        drawn = self.draw_met(len(again), rng, given.take(again))
        weight = self.filter.log_weight(drawn).reshape(n, m)
        noise = rng.child("pick").generator().gumbel(size=weight.shape)
        picked = np.arange(n) * m + (weight + noise).argmax(1)
        return {name: codes[picked] for name, codes in drawn.items()}

    def draw_met(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        """Draw n rows that meet their conditions, by the conditionals alone."""
        drawn = self.draw_again(draw_given(self, n, rng, given), rng, given)
        asked = {name: given[name] != FREE for name in self.order if name in given}
        return Ruled(self.plan, rng.child("rules")).mended(drawn, asked)

    def draw_kept(self, n: int, rng: Rng, keep: Filter | None) -> dict[str, Codes]:
        """Draw n rows that a filter lets through."""
        if keep is None:
            return self.draw_free(n, rng)
        parts: list[dict[str, Codes]] = []
        missing, attempt = n, 0
        while missing > 0:
            stream = rng.child("attempt", attempt)
            drawn = self.draw_free(round(missing / keep.rate * 1.02) + 32, stream)
            rows = np.flatnonzero(keep.keep(drawn, stream.child("keep").generator()))[:missing]
            parts.append({name: codes[rows] for name, codes in drawn.items()})
            missing -= len(rows)
            attempt += 1
        return {name: np.concatenate([p[name] for p in parts]) for name in self.order}

    def draw_free(self, n: int, rng: Rng) -> dict[str, Codes]:
        """Draw n rows by the conditionals alone; a column that breaks a rule with those before it is drawn anew."""
        out: dict[str, Codes] = {}
        ruled = Ruled(self.plan, rng.child("rules"))
        for name in self.order:
            stream = rng.child(name)
            out[name] = self.draw_column(name, n, out, stream.generator())
            rows = ruled.broken(name, out)
            for k in range(_TRIES):
                if not len(rows):
                    break
                here = {p: codes[rows] for p, codes in out.items()}
                here[name] = self.draw_column(name, len(rows), here, stream.child(k).generator())
                out[name][rows] = here[name]
                rows = rows[ruled.broken(name, here)]
        return ruled.mended(self.draw_again(out, rng))

    def draw_again(self, codes: dict[str, Codes], rng: Rng, given: Wanted | None = None) -> dict[str, Codes]:
        """Draw the target once more, given all other columns, where nothing is asked of it."""
        for name, conditional in self.again.items():
            free = given[name] == FREE if given is not None and name in given else np.ones(len(codes[name]), bool)
            if free.any():
                others = {p: codes[p][free] for p in conditional.predictors}
                out = codes[name].copy()
                out[free] = conditional.draw(name, others, self.plan.atoms, rng.child("again", name).generator())
                codes = {**codes, name: out}
        return codes

    def draw_column(self, name: str, n: int, before: Mapping[str, Codes], g: np.random.Generator) -> Codes:
        """Draw one column given those before it."""
        if name not in self.conditionals:
            return weighted(self.plan.atoms[name].counts, n, g)
        return self.conditionals[name].draw(name, before, self.plan.atoms, g)

    def plausible(
        self, name: str, value: Codes, before: Mapping[str, Codes], g: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return how probable a column's given value is after the columns before it, shape (n,)."""
        counts = self.plan.atoms[name].counts
        if name not in self.conditionals:
            return (counts / counts.sum())[value]
        return self.conditionals[name].probability(name, value, before, self.plan.atoms, g)

    def draw_inside(
        self, name: str, share: Shares, before: Mapping[str, Codes], n: int, g: np.random.Generator
    ) -> tuple[NDArray[np.float64], Codes]:
        """Return how probable a set of a column's codes is after the columns before it, and codes from it."""
        if name not in self.conditionals:
            weight = self.plan.atoms[name].counts * share
            return np.full(n, weight.sum() / self.plan.atoms[name].counts.sum()), weighted(weight, n, g)
        return self.conditionals[name].draw_inside(name, share, before, self.plan.atoms, g)

    def score(self, table: Table, rng: Rng) -> dict[str, NDArray[np.float64]]:
        """Return the log probability of each row's cell in each learned column; see `_score.log_scores`.

        The filter, which weighs whole rows, has no part in it, nor has the last draw of the target.
        """
        return log_scores(self, self.order, [n for n in self.order if n not in self.conditionals], table, rng)

    def evidence(self, n: int, wanted: Wanted, rng: Rng) -> NDArray[np.float64]:
        return evidence(self, n, rng, wanted)

    def own_state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {}
        meta: dict[str, dict[str, Any]] = {}
        for part, own in (("", self.conditionals), ("again.", self.again)):
            meta[part] = {}
            for i, (name, conditional) in enumerate(own.items()):
                state = conditional.state()
                arrays |= {f"{part}{i}.{k}": v for k, v in state.arrays.items()}
                meta[part][name] = state.meta
        kept = None
        if self.filter is not None:
            state = self.filter.state()
            arrays |= {f"filter.{k}": v for k, v in state.arrays.items()}
            kept = state.meta
        return State(
            arrays, {"order": list(self.order), "conditionals": meta[""], "again": meta["again."], "filter": kept}
        )

    @classmethod
    def from_own_state(cls, plan: Plan, state: State) -> Self:
        order, conditionals, again = tuple(state.meta["order"]), {}, {}
        if sorted(order) != sorted(plan.atoms):
            raise InputError("this model is damaged: its order does not name its columns; fit it again")

        def part(prefix: str, meta: Any) -> State:
            return State({k.removeprefix(prefix): v for k, v in state.arrays.items() if k.startswith(prefix)}, meta)

        for i, (name, meta) in enumerate(state.meta["conditionals"].items()):
            before = {p: plan.atoms[p] for p in order[: order.index(name)]}
            conditionals[name] = Conditional.from_state(part(f"{i}.", meta), plan.atoms[name], before)
        for i, (name, meta) in enumerate(state.meta["again"].items()):
            others = {p: a for p, a in plan.atoms.items() if p != name}
            again[name] = Conditional.from_state(part(f"again.{i}.", meta), plan.atoms[name], others)
        kept = None
        if state.meta["filter"] is not None:
            kept = Filter.from_state(part("filter.", state.meta["filter"]), plan.atoms)
        return cls(plan, order, conditionals, again, kept)


@dataclass(frozen=True)
class Forest:
    """The default generator for tables.

    Columns are drawn one after the other, those with few values first. Each is drawn from the leaves of an
    ensemble of trees on the columns before it, shrunk toward the leaves' ancestors; or by lines in such leaves, or by
    boosted trees that halve the column again and again, where rows that were not seen are predicted better so.

    Attributes
    ----------
    trees : int
        Trees a column.
    min_leaf_rows : int
        Rows that a leaf holds at least; held-out rows may choose half or five times as many.
    structure_share : float
        Share of the rows that decides where a tree splits; the leaves then hold the values of all rows.
    rows_per_tree : int
        Rows that one tree sees at most; each tree sees others.
    shrinkage_share : float
        Shrinkage as a share of the one that predicts held-out rows best. Less keeps more detail, and remembers more.
    boost_rows : int
        Rows at most (fewer in wide tables) from which boosted trees learn a column, where they predict held-out rows
        better than leaves do; 0 switches them off.
    filter_rounds : int
        Rounds of density-ratio resampling at most; 0 switches it off.
    threads : int
        Columns fitted side by side. The result does not depend on it.
    """

    trees: int = 20
    min_leaf_rows: int = 20
    structure_share: float = 0.632
    rows_per_tree: int = 100_000
    shrinkage_share: float = 1.0
    boost_rows: int = 50_000
    filter_rounds: int = 8
    threads: int = 2

    fitted: ClassVar[type[Fitted]] = ForestFitted

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value <= 0 and name not in ("shrinkage_share", "boost_rows", "filter_rounds"):
                raise InputError(f"{name} must be above 0, not {value}")
        if self.structure_share > 1:
            raise InputError(f"structure_share must be at most 1, not {self.structure_share}")
        if self.shrinkage_share < 0:
            raise InputError(f"shrinkage_share must be 0 or more, not {self.shrinkage_share}")

    def fit(self, data: Dataset, rng: Rng) -> ForestFitted:
        plan, codes = Plan.fit(data)
        order = earlier_first(draw_order(plan.atoms, codes), plan.siblings)
        # A column of one value needs no trees and helps none.
        varied = [name for name in order if plan.atoms[name].k > 1]
        with ThreadPoolExecutor(self.threads) as pool:
            # Columns after many others take longest: they come first, so that no thread waits for one at the end.
            jobs = {
                name: pool.submit(self.learn, plan, codes, name, tuple(varied[:i]), rng.child("fit", name))
                for i, name in reversed(list(enumerate(varied)))
                if i
            }
            plain = ForestFitted(plan, tuple(order), {name: jobs[name].result() for name in varied[1:]})
        if len(data.table) < _FILTER_ROWS or len(varied) < 2:
            return plain
        real = {name: codes[name] for name in varied}
        plain = self._last_look(plain, real, data.columns.target, rng.child("again"))
        if not self.filter_rounds:
            return plain
        k = {name: plan.atoms[name].k for name in varied}
        kept = Filter.fit(plain.draw_kept, real, k, rng.child("filter"), self.filter_rounds, self.threads)
        return replace(plain, filter=kept)

    def _last_look(self, plain: ForestFitted, real: Mapping[str, Codes], target: str | None, rng: Rng) -> ForestFitted:
        """Return the model with a last draw of the target, where drawn rows would tell it less well than real ones."""
        if target not in real or target is None:
            return plain
        learn = partial(learn_column, replace(self._settings, boost_gain=0.0), plain.plan)
        if not tells_less(target, real, plain.plan.atoms, learn, plain.draw_free, rng.child("probe"), self.threads):
            return plain
        others = tuple(name for name in real if name != target)
        return replace(plain, again={target: learn(real, target, others, rng.child("learn"))})

    def learn(
        self, plan: Plan, codes: Mapping[str, Codes], name: str, predictors: tuple[str, ...], rng: Rng
    ) -> Conditional:
        """Learn one column given others, whichever way predicts rows best that it has not seen."""
        return learn_column(self._settings, plan, codes, name, predictors, rng)

    @property
    def _settings(self) -> ColumnSettings:
        trees = TreeSettings(
            self.trees, self.min_leaf_rows, self.structure_share, self.rows_per_tree, self.shrinkage_share
        )
        return ColumnSettings(trees, self.boost_rows)


GENERATOR = Forest
TINY = Forest(trees=4, rows_per_tree=2_000)
SOURCE = (
    "Sequential trees: Reiter 2005, Using CART to generate partially synthetic public use microdata. "
    "Shrinkage along the path: Agarwal et al. 2022, Hierarchical shrinkage. "
    "Halves: Bengio and Bengio 2000, Modeling high-dimensional discrete data with multi-layer neural networks."
)
