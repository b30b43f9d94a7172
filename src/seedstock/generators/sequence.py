"""Sequences of events: how many an entity has, when they come, and what they are, event after event."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.results import State
from seedstock.core.rng import Rng, blocks
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.split import row_codes, split, split_by_time
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.encoding.ids import IdMaker
from seedstock.encoding.plan import Plan
from seedstock.generators._chain import NUMBER, Chain, within
from seedstock.generators._sequence_draw import draw_block, no_rows
from seedstock.generators._sequence_gaps import PACE, Gaps
from seedstock.generators._sequence_history import Period, clock, histories, log, with_none
from seedstock.generators._sequence_kinds import KIND, kinds
from seedstock.generators.forest import Forest

LENGTH, START, SPAN = "number of events", "time of the first event", "time to the last event"
WORD = ColumnSchema("category", dtype="string")
_PARTS = ("plan", "entities", "gaps", "events")
_LOST = 0.05
"""Share of rows without a time above which nothing is learned."""


@dataclass(frozen=True, eq=False)
class SequenceFitted:
    """A model of sequences in one table.

    Attributes
    ----------
    plan : Plan
        All columns but the entity and the order; its schema is the table's. Values are counted by the entities
        that have them.
    entities : Chain
        Of an entity: its attributes and its `KIND`, `LENGTH`, `START` and `SPAN`.
    gaps : Gaps
    events : Chain
        Of an event: its columns, after its time.
    static : tuple of str
        Columns that belong to the entity.
    maker : IdMaker or None
        Makes entities' names; None where there is one sequence without a name.
    period : Period
    by_time : bool
        Whether rows come in order of time, or sequence after sequence.
    notes : tuple of str
    """

    schema: Schema
    plan: Plan
    entities: Chain
    gaps: Gaps
    events: Chain
    static: tuple[str, ...]
    maker: IdMaker | None
    period: Period
    by_time: bool
    notes: tuple[str, ...] = ()

    unmarkable: ClassVar[str] = "rows picked one by one among candidates would not follow each other"

    @property
    def columns(self) -> TableSchema:
        """The table's schema."""
        return next(iter(self.schema.tables.values()))

    @property
    def entity(self) -> str | None:
        """The entity's column."""
        return next(iter(self.columns.with_role("entity")), None)

    @property
    def order(self) -> str:
        """The order's column."""
        return self.columns.with_role("order")[0]

    def sample(self, n: int, rng: Rng, given: Table | Given | None = None, start: int = 0) -> Dataset:
        """Draw exactly n rows: whole sequences, of which the last one of a block may be cut."""
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
        if given is not None and Given.of(given).restricts:
            raise InputError("conditions are for rows on their own, and events depend on those before; take the forest")
        parts = [draw_block(self, block, rows, rng) for block, rows in blocks(n, start)]
        table = Table.concat(parts) if parts else no_rows(self)
        return Dataset({next(iter(self.schema.tables)): table}, self.schema)

    def rules_json(self) -> list[dict[str, Any]]:
        """Return the rules that every draw keeps."""
        return [rule.facts() for rule in self.plan.rules]

    def state(self) -> State:
        arrays: dict[str, NDArray[Any]] = {}
        meta: dict[str, Any] = {
            "schema": self.schema.to_json(), "static": list(self.static), "by_time": self.by_time,
            "maker": None if self.maker is None else self.maker.to_json(), "period": asdict(self.period),
            "notes": list(self.notes),
        }  # fmt: skip
        for part in _PARTS:
            state = getattr(self, part).state()
            arrays |= {f"{part}.{k}": v for k, v in state.arrays.items()}
            meta[part] = state.meta
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Self:
        try:
            parts = {p: State(within(state.arrays, f"{p}."), state.meta[p]) for p in _PARTS}
            chains = {p: Chain.from_state(parts[p]) for p in ("entities", "events")}
            maker = state.meta["maker"]
            made = cls(
                Schema.from_json(state.meta["schema"]), Plan.from_state(parts["plan"]),
                gaps=Gaps.from_state(parts["gaps"]), **chains, static=tuple(state.meta["static"]),
                maker=None if maker is None else IdMaker.from_json(maker), period=Period(**state.meta["period"]),
                by_time=bool(state.meta["by_time"]), notes=tuple(map(str, state.meta["notes"])),
            )  # fmt: skip
            wanted = {LENGTH, START, SPAN, *made.static}
            ends = PACE in made.gaps.paces.own
            if set(chains["entities"].own) - {KIND} != wanted or ends != (maker is not None) or not made.order:
                raise InputError("this model is damaged: its parts do not fit each other; fit it again")
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this model is damaged or foreign ({error!s}); fit it again") from None
        return made


@dataclass(frozen=True)
class Sequence:
    """The default generator for tables with an entity and an order.

    An entity's attributes, number of events, first time and time span are drawn first. Then all entities advance event
    by event: the gap given the hour, the pace so far and what is left; then the event's columns given the time, the
    last two events and running means. Conditionals are those of the forest generator.

    Attributes
    ----------
    trees : int
        Trees a column.
    min_leaf_rows : int
        Rows that a leaf holds at least.
    shrinkage_share : float
        As in the forest generator.
    rows_per_tree : int
        Events that one tree sees at most.
    """

    trees: int = 20
    min_leaf_rows: int = 10
    shrinkage_share: float = 0.1
    rows_per_tree: int = 100_000

    fitted: ClassVar[type[Fitted]] = SequenceFitted

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0 or (value == 0 and name != "shrinkage_share"):
                raise InputError(f"{name} must be above 0, not {value}")

    def part(self, data: Dataset, holdout: float, rng: Rng) -> tuple[Dataset, Dataset]:
        """Hold out whole sequences; of a single one, what comes last."""
        entity, order = roles(data)
        if entity is not None and len(np.unique(row_codes(data.table.select([entity])))) > 1:
            return split(data, holdout, rng)
        table, notes = _with_times(data.table, order)
        return split_by_time(data.with_table(table, *notes), holdout, order)

    def fit(self, data: Dataset, rng: Rng) -> SequenceFitted:
        entity, order = roles(data)
        forest = Forest(
            trees=self.trees, min_leaf_rows=self.min_leaf_rows, shrinkage_share=self.shrinkage_share,
            rows_per_tree=self.rows_per_tree, boost_rows=0, filter_rounds=0, threads=1,
        )  # fmt: skip
        table, notes = _with_times(data.table, order)
        owner = row_codes(table.select([entity])) if entity else np.zeros(len(table), np.int64)
        times = ticks(table[order])
        by_time = bool((np.diff(times) >= 0).mean() > 0.95) if len(times) > 1 and entity else True
        back = int((np.diff(times) < 0).sum()) if not entity else 0
        if back:
            notes.append(f"{back:,} times go backwards; rows were put in order of {order!r}.")
        rows = np.lexsort((np.arange(len(times)), times, owner))
        table, owner, times = table.take(rows), owner[rows], times[rows]
        first = np.r_[True, owner[1:] != owner[:-1]] if len(owner) else np.zeros(0, bool)
        start = np.flatnonzero(first)
        lengths = np.diff(np.r_[start, len(owner)])
        place = np.arange(len(owner)) - np.repeat(start, lengths)
        kept = [c for c in table if c not in (entity, order)]
        columns = replace(data.columns, columns={c: data.columns[c] for c in kept})
        plan, codes = Plan.fit(Dataset({data.name: table.select(kept)}, Schema({data.name: columns})))
        static = tuple(c for c in plan.atoms if _is_static(codes[c], first, lengths))
        period = Period(float(times.min()), float(times.max()), table[order].values.dtype.kind == "M")
        gap = np.where(first, 0.0, np.diff(times, prepend=times[:1]))
        whole = table[order].values.dtype.kind != "f"
        gap_atoms, gap_codes_after = _numbers(gap[~first] if (~first).any() else np.zeros(1), whole)
        gap_codes = np.zeros(len(gap), np.int64)
        if (~first).any():
            gap_codes[~first] = gap_codes_after
        ends = times[start + lengths - 1]
        own = {c: (plan.atoms[c].recounted(codes[c][start]), codes[c][start]) for c in static}
        own[LENGTH] = _numbers(lengths.astype(float), True)
        own[START] = _numbers(times[start], whole)
        own[SPAN] = _numbers(ends - times[start], whole)
        dynamic = {c: plan.atoms[c] for c in plan.atoms if c not in static}
        kind = Atoms.fit(Column.of_texts(kinds(dynamic, codes, lengths, rng.child("kinds")).astype(str).tolist()), WORD)
        if kind[0].k > 1:
            own = {KIND: kind, **own}
        entities = Chain.fit(forest, {}, own, rng.child("entities"))
        coded, plain = histories(dynamic, codes, gap_atoms, gap_codes, place)
        atoms_of = {f"last {c}": a for c, a in dynamic.items()} | {f"before {c}": a for c, a in dynamic.items()}
        atoms_of |= {"last gap": gap_atoms, "gap before": gap_atoms}
        known = {k: (with_none(atoms_of[k], len(start)), c) for k, c in coded.items()}
        known |= {f"own {c}": (a, np.repeat(x, lengths)) for c, (a, x) in own.items() if c in (*static, KIND)}
        before = np.where(first, times, np.r_[times[:1], times[:-1]])
        left = (np.repeat(lengths, lengths) - place).astype(float)
        if entity:
            plain["left"] = Column.of(log(left))
        context = {**plain, **clock(before, period.is_time), "elapsed": period.elapsed(before)}
        later = np.flatnonzero(~first)
        gaps = Gaps.fit(
            forest, {k: c.take(later) for k, c in context.items()}, {k: (a, c[later]) for k, (a, c) in known.items()},
            (gap_atoms, gap_codes[later]), before[later],
            (np.repeat(ends, lengths) - before)[later] if entity else None, left[later], period.is_time,
            rng.child("gaps"),
        )  # fmt: skip
        context = {**plain, **clock(times, period.is_time), "elapsed": period.elapsed(times)}
        this_gap = (with_none(gap_atoms, len(start)), np.where(first, len(gap_atoms.values), gap_codes))
        events = Chain.fit(
            forest, context, {c: (dynamic[c], codes[c]) for c in dynamic}, rng.child("events"),
            {**known, "this gap": this_gap},
        )  # fmt: skip
        maker = IdMaker.fit(table[entity]) if entity else None
        if entity:
            # A port that one session has in all its lines singles it out, however many they are.
            seen = {c: np.unique(np.stack([owner, codes[c]]), axis=1)[1] for c in plan.atoms}
            plan = replace(plan, atoms={c: a.recounted(seen[c]) for c, a in plan.atoms.items()})
        return SequenceFitted(data.schema, plan, entities, gaps, events, static, maker, period, by_time, tuple(notes))


def roles(data: Dataset) -> tuple[str | None, str]:
    """Return the columns of entity and order; an `InputError` where there is no order, or more than one of either."""
    entity, order = data.columns.with_role("entity"), data.columns.with_role("order")
    if len(order) != 1 or len(entity) > 1:
        raise InputError(
            f"a sequence needs one order column and at most one entity column, and there are {len(order)} and "
            f"{len(entity)}; name them with --order and --entity"
        )
    if data.columns[order[0]].kind not in ("datetime", "number", "duration"):
        raise InputError(
            f"the order {order[0]!r} must be a time or a number, not of kind {data.columns[order[0]].kind}"
        )
    return (entity[0] if entity else None), order[0]


def ticks(column: Column) -> NDArray[np.float64]:
    """Return times as numbers: microseconds, or the column's own unit."""
    values = column.values.astype("i8") if column.values.dtype.kind in "mM" else column.values
    return values.astype(np.float64)


def _with_times(table: Table, order: str) -> tuple[Table, list[str]]:
    """Return the rows that have a time, and a note where some have none."""
    column = table[order]
    lost = column.missing | ~np.isfinite(ticks(column))
    if not lost.any():
        return table, []
    if not len(table) or lost.mean() > _LOST:
        raise InputError(
            f"{int(lost.sum()):,} of {len(table):,} rows have no time in {order!r}, so they have no place in their "
            f"sequence; fill in the times, or leave these rows out"
        )
    return table.take(~lost), [f"{int(lost.sum()):,} rows without a time in {order!r} were not learned from."]


def _is_static(codes: Codes, first: NDArray[np.bool_], lengths: NDArray[np.int64]) -> bool:
    """Tell whether a column never changes within a sequence, of which at least five have several events."""
    same = codes[1:] == codes[:-1]
    return bool((lengths > 1).sum() >= 5 and (same | first[1:]).all())


def _numbers(values: NDArray[np.float64], whole: bool) -> tuple[Atoms, Codes]:
    schema = NUMBER if whole else ColumnSchema("number", dtype="float64")
    return Atoms.fit(Column.of(np.round(values).astype(np.int64) if whole else values), schema)


GENERATOR = Sequence
TINY = Sequence(trees=4)
SOURCE = (
    "Step by step from entity to event, as in the sequential models of Lin et al. 2020, Using GANs for sharing "
    "networked time series data (attributes first, then the course); conditionals as in the forest generator."
)
DOMAIN = "sequence"
