"""Sequential conditional forests: each column drawn from trees on the columns before it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import ClassVar

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.encoding.siblings import earlier_first
from seedstock.encoding.ties import find_ties
from seedstock.generators._conditional import Conditional
from seedstock.generators._filter import Filter
from seedstock.generators._forest_fitted import ForestFitted
from seedstock.generators._grown_tree import TreeSettings
from seedstock.generators._guard import Guard
from seedstock.generators._last_look import tells_less
from seedstock.generators._learn_column import ColumnSettings, learn_column
from seedstock.generators._presence import draw_order
from seedstock.generators._ruled import calculated, parents_first
from seedstock.generators._tied import Tied

_FILTER_ROWS = 1_000
_MOST_GUARDED = 0.5


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
    guard_share : float
        Share of the rows, up to a half, that are drawn anew because they came nearest to single learned rows; 0: none
        are. The filter mends what that takes away: without it, drawn shares are less true.
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
    guard_share: float = 0.05
    threads: int = 2

    fitted: ClassVar[type[Fitted]] = ForestFitted

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value <= 0 and name not in ("shrinkage_share", "boost_rows", "filter_rounds", "guard_share"):
                raise InputError(f"{name} must be above 0, not {value}")
        if self.structure_share > 1:
            raise InputError(f"structure_share must be at most 1, not {self.structure_share}")
        if not 0 <= self.guard_share <= _MOST_GUARDED:
            raise InputError(f"guard_share must be between 0 and {_MOST_GUARDED}, not {self.guard_share}")
        if self.shrinkage_share < 0:
            raise InputError(f"shrinkage_share must be 0 or more, not {self.shrinkage_share}")

    def fit(self, data: Dataset, rng: Rng) -> ForestFitted:
        plan, codes, order = self._planned(data)
        hidden = {tie.kind for tie in plan.ties}
        # A column of one value needs no trees and helps none.
        varied = [name for name in order if plan.atoms[name].k > 1 and name not in hidden]
        ties = {tie.column: tie for tie in plan.ties}
        # What a rule calculates is drawn for the sake of its gaps, and of conditions on it.
        told = calculated(plan)

        def learn(name: str, before: tuple[str, ...]) -> dict[str, Conditional | Tied]:
            stream = rng.child("fit", name)
            if name in told:
                return {name: learn_column(self._light, plan, codes, name, before, stream)}
            if name not in ties:
                return {name: self.learn(plan, codes, name, before, stream)}
            kind = ties[name].kind
            return {
                kind: learn_column(self._light, plan, codes, kind, before, stream.child("kind")),
                name: Tied.learn(self.learn, plan, codes, ties[name], before, stream),
            }

        with ThreadPoolExecutor(self.threads) as pool:
            # Columns after many others take longest: they come first, so that no thread waits for one at the end.
            jobs = [pool.submit(learn, varied[i], tuple(varied[:i])) for i in reversed(range(1, len(varied)))]
            learned = {name: one for job in jobs for name, one in job.result().items()}
        plain = ForestFitted(plan, order, {name: learned[name] for name in order if name in learned})
        if len(data.table) < _FILTER_ROWS or len(varied) < 2:
            return plain
        real = {name: codes[name] for name in varied}
        plain = self._last_look(plain, real, data.columns.target, rng.child("again"))
        if self.guard_share:
            plain = replace(
                plain, guard=Guard.fit(plain.draw_free, real, plain.plan.atoms, self.guard_share, rng.child("guard"))
            )
        if not self.filter_rounds:
            return plain
        k = {name: plan.atoms[name].k for name in varied}
        kept = Filter.fit(plain.draw_kept, real, k, rng.child("filter"), self.filter_rounds, self.threads)
        return replace(plain, filter=kept)

    def _planned(self, data: Dataset) -> tuple[Plan, dict[str, Codes], tuple[str, ...]]:
        """Return the plan, the codes, and the order in which columns are drawn, hidden ones of ties among them."""
        plan, codes = Plan.fit(data)
        order = parents_first(earlier_first(draw_order(plan.atoms, codes), plan.siblings), calculated(plan))
        leave = {rule.columns[-1] for rule in plan.rules if rule.computes} | {data.columns.target}
        ties = find_ties(order, data.table.columns, plan.atoms, leave)
        plan, hidden = plan.with_ties(ties, data.table)
        for tie in ties:
            order.insert(order.index(tie.column), tie.kind)
        return plan, codes | hidden, tuple(order)

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

    @property
    def _light(self) -> ColumnSettings:
        """Settings for columns of which little hangs: hidden ones, and what rules calculate."""
        trees = self._settings.trees
        return replace(self._settings, trees=replace(trees, trees=max(1, trees.trees // 2)), plain=True)


GENERATOR = Forest
TINY = Forest(trees=4, rows_per_tree=2_000)
SOURCE = (
    "Sequential trees: Reiter 2005, Using CART to generate partially synthetic public use microdata. "
    "Shrinkage along the path: Agarwal et al. 2022, Hierarchical shrinkage. "
    "Halves: Bengio and Bengio 2000, Modeling high-dimensional discrete data with multi-layer neural networks."
)
