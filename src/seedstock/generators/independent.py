"""Each column from its own distribution: the floor that all other generators must beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset, Table
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._score import log_scores
from seedstock.generators._tabular import TabularFitted, Wanted, weighted


@dataclass(frozen=True, eq=False)
class IndependentFitted(TabularFitted):
    """The columns' own distributions."""

    def draw(self, n: int, rng: Rng, given: Wanted) -> dict[str, Codes]:
        out = {}
        for name, atoms in self.plan.atoms.items():
            g = rng.child(name).generator()
            codes = weighted(atoms.counts, n, g)
            if name in given:
                codes = np.where(given.fixed(name), given[name], codes)
                for share, rows in given.in_sets(name):
                    codes[rows] = weighted(atoms.counts * share, len(rows), g)
            out[name] = codes
        return out

    def score(self, table: Table, rng: Rng) -> dict[str, NDArray[np.float64]]:
        """Return the log probability of each row's cell in each learned column; see `_score.log_scores`."""
        return log_scores(self, list(self.plan.atoms), list(self.plan.atoms), table, rng)

    def evidence(self, n: int, wanted: Wanted, rng: Rng) -> NDArray[np.float64]:
        out = np.ones(n)
        for name, codes in wanted.items():
            shares = self.plan.atoms[name].counts / self.plan.atoms[name].counts.sum()
            held = wanted.fixed(name)
            out[held] *= shares[codes[held]]
            for share, rows in wanted.in_sets(name):
                out[rows] *= shares @ share
        return out

    def own_state(self) -> State:
        return State({}, {})

    @classmethod
    def from_own_state(cls, plan: Plan, state: State) -> Self:
        return cls(plan)


@dataclass(frozen=True)
class Independent:
    """Draws every column on its own, as often as each value was seen; no dependence is kept but declared rules.

    Examples
    --------
    >>> import numpy as np
    >>> from seedstock.core.schema import ColumnSchema, Schema, TableSchema
    >>> from seedstock.core.table import Column, Table
    >>> data = Dataset(
    ...     {"data": Table({"x": Column.of(np.arange(3))})},
    ...     Schema({"data": TableSchema({"x": ColumnSchema("number", dtype="int64")})}),
    ... )
    >>> len(Independent().fit(data, Rng(1)).sample(5, Rng(2)).table)
    5
    """

    fitted: ClassVar[type[Fitted]] = IndependentFitted

    def fit(self, data: Dataset, rng: Rng) -> IndependentFitted:
        return IndependentFitted(Plan.fit(data, search=False)[0])


GENERATOR = Independent
TINY = Independent()
SOURCE = "The product of the empirical marginals; the null model of dependence."
