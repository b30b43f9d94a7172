"""Linked tables: parents first, then numbers of children, then children given their parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.links import CODES, FAMILIES, Family, family, parent_rows
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import Link, Schema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms
from seedstock.generators._chain import NUMBER, Chain, within
from seedstock.generators._linked_draw import Draw
from seedstock.generators._linked_slots import Classes, evened, spread_of
from seedstock.generators._linked_state import codes_state, codes_table
from seedstock.generators._linked_table import Cells, TableModel
from seedstock.generators._linked_view import (
    attributes,
    columns_without_links,
    copied_cells,
    levels,
    of_parent,
    reference_cells,
)
from seedstock.generators.forest import Forest

COUNT = "number of rows"
_POOL = 100_000


@dataclass(frozen=True, eq=False)
class Counts:
    """How many rows a parent has by one link, given its attributes.

    Attributes
    ----------
    chain : Chain
        Of one column, `COUNT`.
    spread : float
        See `seedstock.generators._linked_slots.grown`.
    without : float
        Rows without a parent, as a share of those that have one.
    """

    chain: Chain
    spread: float
    without: float

    @classmethod
    def fit(cls, forest: Forest, parents: NDArray[np.int64], attributes: Cells, n: int, rng: Rng) -> Counts:
        """Learn the numbers of rows of n parents."""
        counts = np.bincount(parents[parents >= 0], minlength=n)
        own = {COUNT: Atoms.fit(Column.of(counts.astype(np.int64)), NUMBER)}
        without = float((parents < 0).sum() / max((parents >= 0).sum(), 1))
        # A number that was never seen, between two that were, is none to draw: exactly these are drawn.
        own = {k: (Atoms(a.values, a.counts, a.step, False), c) for k, (a, c) in own.items()}
        return cls(Chain.fit(forest, attributes, own, rng), spread_of(counts), without)

    def draw(self, n: int, attributes: Cells, rng: Rng) -> NDArray[np.int64]:
        """Return the number of rows of each of n parents, shape (n,).

        One draw's total is left to chance, and a few large families decide about it. So several are drawn, and where
        the first one has a number too often, some parents take a number of their own from the others.
        """
        times = int(np.clip(_POOL // max(n, 1), 2, 32))
        again = np.tile(np.arange(n), times)
        codes = self.chain.draw(len(again), {k: c.take(again) for k, c in attributes.items()}, rng)[COUNT]
        pool: NDArray[np.int64] = self.chain.own[COUNT].values[codes].astype(np.int64)
        return evened(pool.reshape(times, n), rng.child("even").generator())


@dataclass(frozen=True, eq=False)
class LinkedFitted:
    """A model of linked tables.

    Attributes
    ----------
    schema : Schema
    known : Family
    sizes : mapping of str to float
        Rows of each root for one row of the lead.
    codes : mapping of str to Table
        Lists of codes, kept as they are.
    models : mapping of str to TableModel
    counts : mapping of Link to Counts
    classes : mapping of Link to Classes
        Kinds of parents of references.
    trees : mapping of Link to bool
        For a table's links to itself: whether rows hang below each other without a circle.
    distinct : mapping of str to tuple of str
        Tables of which no two rows refer to the same rows.
    """

    schema: Schema
    known: Family
    sizes: Mapping[str, float]
    codes: Mapping[str, Table]
    models: Mapping[str, TableModel]
    counts: Mapping[Link, Counts]
    classes: Mapping[Link, Classes]
    trees: Mapping[Link, bool] = field(default_factory=dict)
    distinct: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    unmarkable: ClassVar[str] = "the values of linked tables are not marked"

    @property
    def lead(self) -> str:
        """The table of which n rows are drawn."""
        return self.known.lead

    def sample(self, n: int, rng: Rng, given: Table | Given | None = None, start: int = 0) -> Dataset:
        """Draw n rows of the lead table, and all rows of the other tables that belong to them."""
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
        if given is not None and Given.of(given).restricts:
            raise InputError("conditions are for single tables, and these are linked ones; draw without them")
        if start:
            raise InputError("linked tables are drawn in one piece, because rows refer to each other")
        return Draw(self, n, rng).dataset()

    def state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {}
        meta: dict[str, Any] = {
            "schema": self.schema.to_json(), "sizes": dict(self.sizes), "models": {}, "codes": {}, "links": [],
            "distinct": {k: list(v) for k, v in self.distinct.items()},
            "known": {"order": list(self.known.order), "code_lists": list(self.known.code_lists),
                      "divided": list(self.known.divided), "lead": self.known.lead},
        }  # fmt: skip
        for i, (name, table) in enumerate(self.codes.items()):
            more, meta["codes"][name] = codes_state(table)
            arrays |= {f"codes.{i}.{k}": v for k, v in more.items()}
        for i, (name, model) in enumerate(self.models.items()):
            state = model.state()
            arrays |= {f"model.{i}.{k}": v for k, v in state.arrays.items()}
            meta["models"][name] = state.meta
        for i, link in enumerate(self.schema.links):
            said: dict[str, Any] = {"main": self.known.main.get(link.child) == link, "late": link in self.known.late}
            if link in self.counts:
                counts = self.counts[link]
                state = counts.chain.state()
                arrays |= {f"count.{i}.{k}": v for k, v in state.arrays.items()}
                said["counts"] = {"chain": state.meta, "spread": counts.spread, "without": counts.without}
            if link in self.classes:
                arrays |= {f"class.{i}.{k}": v for k, v in self.classes[link].arrays().items()}
                said["classes"] = self.classes[link].meta()
            if link in self.trees:
                said["tree"] = self.trees[link]
            meta["links"].append(said)
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Self:
        try:
            return cls._from_state(state)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this model is damaged or foreign ({error!s}); fit it again") from None

    @classmethod
    def _from_state(cls, state: State) -> Self:
        meta, arrays = state.meta, state.arrays
        schema = Schema.from_json(meta["schema"])
        codes = {t: codes_table(within(arrays, f"codes.{i}."), m) for i, (t, m) in enumerate(meta["codes"].items())}
        models = {
            t: TableModel.from_state(State(within(arrays, f"model.{i}."), m))
            for i, (t, m) in enumerate(meta["models"].items())
        }
        counts, classes, trees, main, late = {}, {}, {}, {}, []
        for i, (link, said) in enumerate(zip(schema.links, meta["links"], strict=True)):
            if "counts" in said:
                chain = Chain.from_state(State(within(arrays, f"count.{i}."), said["counts"]["chain"]))
                counts[link] = Counts(chain, float(said["counts"]["spread"]), float(said["counts"]["without"]))
            if "classes" in said:
                classes[link] = Classes.from_parts(within(arrays, f"class.{i}."), said["classes"])
            if "tree" in said:
                trees[link] = bool(said["tree"])
            if said["main"]:
                main[link.child] = link
            if said["late"]:
                late.append(link)
        k = meta["known"]
        others = {t: tuple(x for x in schema.links if x.child == t and x != main.get(t)) for t in k["order"]}
        known = Family(tuple(k["order"]), main, others, tuple(late), tuple(k["code_lists"]), tuple(k["divided"]),
                       str(k["lead"]))  # fmt: skip
        sizes = {str(t): float(v) for t, v in meta["sizes"].items()}
        if set(known.order) != set(schema.tables) or set(codes) | set(models) != set(schema.tables):
            raise InputError("this model is damaged: its tables do not fit its schema; fit it again")
        distinct = {t: tuple(v) for t, v in meta["distinct"].items()}
        return cls(schema, known, sizes, codes, models, counts, classes, trees, distinct)


@dataclass(frozen=True)
class Linked:
    """The default generator for linked tables.

    Tables are learned with those first that others point to. A table's number of rows for a parent depends on the
    parent's attributes; its rows on the attributes of all their parents and on their eldest sibling. Keys are made
    anew, and every drawn reference points to a drawn row.

    Attributes
    ----------
    trees : int
        Trees a column.
    min_leaf_rows : int
        Rows that a leaf holds at least.
    shrinkage_share : float
        As in the forest generator. Families are few: with all of it, rare kinds of parents lose their own children.
    min_families : int
        Parents from which on numbers of children are learned; a link to fewer is a reference.
    max_code_rows : int
        Rows up to which a table of a key and at most one more column, without parents, is kept as a list of codes; 0
        draws all tables anew.
    """

    trees: int = 20
    min_leaf_rows: int = 20
    shrinkage_share: float = 0.1
    min_families: int = FAMILIES
    max_code_rows: int = CODES

    fitted: ClassVar[type[Fitted]] = LinkedFitted

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0 or (value == 0 and name not in ("max_code_rows", "shrinkage_share")):
                raise InputError(f"{name} must be above 0, not {value}")

    def fit(self, data: Dataset, rng: Rng) -> LinkedFitted:
        known = family(data, self.min_families, self.max_code_rows)
        forest = Forest(
            trees=self.trees, min_leaf_rows=self.min_leaf_rows, shrinkage_share=self.shrinkage_share, boost_rows=0,
            filter_rounds=0, threads=1,
        )  # fmt: skip
        seen: dict[str, Cells] = {}
        models: dict[str, TableModel] = {}
        counts: dict[Link, Counts] = {}
        classes: dict[Link, Classes] = {}
        trees: dict[Link, bool] = {}
        distinct: dict[str, tuple[str, ...]] = {}
        for name in known.order:
            table = data.tables[name]
            if name in known.code_lists:
                continue
            stream = rng.child("table", name)
            main = known.main.get(name)
            parents = None if main is None else parent_rows(data, main)
            parent = {} if main is None or parents is None else of_parent(seen[main.parent], parents, main.parent)
            references, others, copied = {}, {}, {}
            if main is not None and parents is not None:
                copied = copied_cells(data.tables[main.parent], data.schema, main.parent, parents, main.parent)
            for link in known.others[name]:
                rows = parent_rows(data, link)
                if link.parent in known.code_lists:
                    references |= reference_cells(table, link)
                    continue
                if link.parent == name:
                    level = levels(rows)
                    trees[link] = level is not None
                    depth = (rows >= 0).astype(np.int64) if level is None else level
                    references[f"level by {link.column}"] = Column.of(depth)
                    continue
                if link in known.late:
                    continue
                n_parents = len(data.tables[link.parent])
                classes[link] = Classes.fit(seen[link.parent], n_parents, stream.child("classes", link.column))
                kind = classes[link].of(seen[link.parent], n_parents)
                chosen = kind[rows] if n_parents else rows * 0
                references[f"class by {link.column}"] = Column(chosen.astype(np.int64), rows < 0)
                others |= of_parent(seen[link.parent], rows, link.column)
                copied |= copied_cells(data.tables[link.parent], data.schema, link.parent, rows, link.column)
            own = columns_without_links(data.schema, name)
            models[name] = TableModel.fit(
                forest, name, table.select(list(own.columns)), own, references, parent, others, copied, parents,
                stream,
            )  # fmt: skip
            seen[name] = attributes(table, own, references, parent)
            for link in known.others[name]:
                if link.parent == name:
                    counts[link] = Counts.fit(
                        forest, parent_rows(data, link), seen[name], len(table), stream.child("count", link.column)
                    )
            pointers = tuple(x.column for x in data.schema.links if x.child == name)
            if len(pointers) > 1 and _distinct(table, pointers):
                distinct[name] = pointers
        for link in data.schema.links:
            if link.parent not in known.code_lists and link.parent != link.child and link.child not in known.code_lists:
                counts[link] = Counts.fit(
                    forest, parent_rows(data, link), seen[link.parent], len(data.tables[link.parent]),
                    rng.child("count", link.child, link.column),
                )  # fmt: skip
        full = {t: int(data.origin.get("tables", {}).get(t, 0)) or len(data.tables[t]) for t in known.roots}
        sizes = {t: full[t] / max(full.get(known.lead, 1), 1) for t in known.roots}
        codes = {t: data.tables[t] for t in known.code_lists}
        return LinkedFitted(data.schema, known, sizes, codes, models, counts, classes, trees, distinct)


def _distinct(table: Table, pointers: tuple[str, ...]) -> bool:
    from seedstock.core.split import row_codes

    codes = row_codes(table.select(list(pointers)))
    return len(np.unique(codes)) == len(codes)


GENERATOR = Linked
TINY = Linked(trees=4)
SOURCE = (
    "Parents, then numbers of children, then children: Patki, Wedge and Veeramachaneni 2016, The synthetic data vault "
    "(the order of drawing); conditionals as in the forest generator."
)
DOMAIN = "linked"
