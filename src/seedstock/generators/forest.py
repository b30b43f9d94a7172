"""Sequential conditional forests: each column drawn from trees on the columns before it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.encoding.atoms import Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._ensemble import Ensemble, Occurrences
from seedstock.generators._grow_trees import TreeSettings, classes_of, grow, placement
from seedstock.generators._particles import draw_given
from seedstock.generators._tabular import Given, TabularFitted, weighted

_CLASSES = 32


@dataclass(frozen=True, eq=False)
class Conditional:
    """One column given the columns before it.

    Attributes
    ----------
    predictors : tuple of str
    places : mapping
        Predictor -> where its categories lie on a line, shape (k,); absent for ordered predictors.
    ensemble : Ensemble
    """

    predictors: tuple[str, ...]
    places: Mapping[str, NDArray[np.float32]]
    ensemble: Ensemble

    def design(self, codes: Mapping[str, Codes]) -> NDArray[np.float32]:
        """Return the predictors' matrix, shape (n, p)."""
        columns = [self.places[p][codes[p]] if p in self.places else codes[p] for p in self.predictors]
        return np.stack(columns, axis=1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class ForestFitted(TabularFitted):
    """Conditionals in the order in which columns are drawn; columns without one are drawn on their own."""

    order: tuple[str, ...]
    conditionals: Mapping[str, Conditional]

    def draw(self, n: int, rng: Rng, given: Given) -> dict[str, Codes]:
        if given:
            return draw_given(self, n, rng, given)
        out: dict[str, Codes] = {}
        for name in self.order:
            out[name] = self.draw_column(name, n, out, rng.child(name).generator())
        return out

    def draw_column(self, name: str, n: int, before: Mapping[str, Codes], g: np.random.Generator) -> Codes:
        """Draw one column given those before it."""
        if name not in self.conditionals:
            return weighted(self.plan.atoms[name].counts, n, g)
        conditional = self.conditionals[name]
        return conditional.ensemble.draw(conditional.design(before), g)

    def occurrences(self, name: str) -> tuple[Codes, Occurrences]:
        """Return the groups of a column's codes, shape (k,), and where they stand among the ensemble's values.

        A number that hardly repeats would be found nowhere: it stands for its half percent of the values.
        """
        if name not in self._occurrences:
            atoms = self.plan.atoms[name]
            groups = np.arange(atoms.k)
            if atoms.smooth:
                groups = classes_of(atoms, groups, 200)
            self._occurrences[name] = groups, Occurrences(self.conditionals[name].ensemble.codes, groups)
        return self._occurrences[name]

    @cached_property
    def _occurrences(self) -> dict[str, tuple[Codes, Occurrences]]:
        return {}

    def own_state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {}
        meta = []
        for i, (name, c) in enumerate(self.conditionals.items()):
            arrays |= {f"{i}.{k}": v for k, v in c.ensemble.arrays().items()}
            arrays |= {f"{i}.place.{c.predictors.index(p)}": v for p, v in c.places.items()}
            meta.append({"name": name, "predictors": list(c.predictors), "places": list(c.places)})
        return State(arrays, {"order": list(self.order), "conditionals": meta})

    @classmethod
    def from_own_state(cls, plan: Plan, state: State) -> Self:
        conditionals = {}
        known = set(plan.atoms)
        for i, m in enumerate(state.meta["conditionals"]):
            own = {k.removeprefix(f"{i}."): v for k, v in state.arrays.items() if k.startswith(f"{i}.")}
            places = {p: own.pop(f"place.{m['predictors'].index(p)}") for p in m["places"]}
            ensemble = Ensemble.from_arrays(own)
            wrong = int(ensemble.codes.max()) >= plan.atoms[m["name"]].k or ensemble.feature.max() >= len(
                m["predictors"]
            )
            if wrong or not set(m["predictors"]) <= known or any(len(v) != plan.atoms[p].k for p, v in places.items()):
                raise InputError("this model is damaged: its trees do not fit its columns; fit it again")
            conditionals[m["name"]] = Conditional(tuple(m["predictors"]), places, ensemble)
        if sorted(state.meta["order"]) != sorted(known):
            raise InputError("this model is damaged: its order does not name its columns; fit it again")
        return cls(plan, tuple(state.meta["order"]), conditionals)


@dataclass(frozen=True)
class Forest:
    """The default generator for tables.

    Columns are drawn one after the other, those with few values first. Each is drawn from the leaves of an
    ensemble of trees on the columns before it, shrunk toward the leaves' ancestors.

    Attributes
    ----------
    trees : int
        Trees a column.
    min_leaf_rows : int
        Rows that a leaf holds at least.
    structure_share : float
        Share of the rows that decides where a tree splits; the leaves then hold the values of all rows.
    rows_per_tree : int
        Rows that one tree sees at most; each tree sees others.
    shrinkage_share : float
        Shrinkage as a share of the one that predicts held-out rows best. Less keeps more detail, and remembers more.
    threads : int
        Columns fitted side by side. The result does not depend on it.
    """

    trees: int = 20
    min_leaf_rows: int = 5
    structure_share: float = 0.632
    rows_per_tree: int = 100_000
    shrinkage_share: float = 0.3
    threads: int = 2

    fitted: ClassVar[type[Fitted]] = ForestFitted

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value <= 0 and name != "shrinkage_share":
                raise InputError(f"{name} must be above 0, not {value}")
        if self.structure_share > 1:
            raise InputError(f"structure_share must be at most 1, not {self.structure_share}")
        if self.shrinkage_share < 0:
            raise InputError(f"shrinkage_share must be 0 or more, not {self.shrinkage_share}")

    def fit(self, data: Dataset, rng: Rng) -> ForestFitted:
        plan, codes = Plan.fit(data)
        order = sorted(plan.atoms, key=lambda name: (plan.atoms[name].k, name))
        # A column of one value needs no trees and helps none.
        varied = [name for name in order if plan.atoms[name].k > 1]
        with ThreadPoolExecutor(self.threads) as pool:
            jobs = {
                name: pool.submit(self._conditional, plan, codes, name, tuple(varied[:i]), rng.child("fit", name))
                for i, name in enumerate(varied)
                if i
            }
            return ForestFitted(plan, tuple(order), {name: job.result() for name, job in jobs.items()})

    def _conditional(
        self, plan: Plan, codes: Mapping[str, Codes], name: str, predictors: tuple[str, ...], rng: Rng
    ) -> Conditional:
        classes = classes_of(plan.atoms[name], codes[name], _CLASSES)
        placed = {p: placement(plan.atoms[p], codes[p], classes) for p in predictors}
        places = {p: place for p, place in placed.items() if place is not None}
        design = Conditional(predictors, places, None).design(codes)  # type: ignore[arg-type]
        settings = TreeSettings(
            self.trees, self.min_leaf_rows, self.structure_share, self.rows_per_tree, self.shrinkage_share
        )
        return Conditional(predictors, places, grow(design, classes, codes[name], settings, rng))


GENERATOR = Forest
TINY = Forest(trees=4, rows_per_tree=2_000)
SOURCE = (
    "Sequential trees: Reiter 2005, Using CART to generate partially synthetic public use microdata. "
    "Shrinkage along the path: Agarwal et al. 2022, Hierarchical shrinkage."
)
