"""Regular readings: their course in time, what follows what, and a new series on the same calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.regular import LEAST, readings
from seedstock.core.results import State
from seedstock.core.rng import Rng, blocks
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.split import split_stretches
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.ids import IdMaker
from seedstock.encoding.plan import Plan
from seedstock.generators._chain import within
from seedstock.generators._sequence_draw import ruled
from seedstock.generators._series_fit import Layout, fit_walk
from seedstock.generators._series_panel import Panel
from seedstock.generators._series_rows import Walk
from seedstock.generators._series_state import walk_from_state, walk_state


@dataclass(frozen=True, eq=False)
class TimeSeriesFitted:
    """A model of one regular series, or of a few on one grid.

    Attributes
    ----------
    plan : Plan
        All columns but the order and the entity; its schema is the table's.
    layout : Layout
        Which channels and states the columns are.
    walk : Walk
    names : Column or None
        The series' names, where there is a column for them.
    maker : IdMaker or None
        Makes other names, where they are identifiers.
    by_time : bool
        Whether rows come in order of time, or series after series.
    notes : tuple of str
    """

    schema: Schema
    plan: Plan
    layout: Layout
    walk: Walk
    names: Column | None
    maker: IdMaker | None
    by_time: bool
    notes: tuple[str, ...] = ()

    unmarkable: ClassVar[str] = "rows picked one by one among candidates would not follow each other"

    @property
    def columns(self) -> TableSchema:
        """The table's schema."""
        return next(iter(self.schema.tables.values()))

    @property
    def static(self) -> tuple[str, ...]:
        """Columns that never change within a series."""
        return tuple(self.layout.static)

    def sample(self, n: int, rng: Rng, given: Table | Given | None = None, start: int = 0) -> Dataset:
        """Draw exactly n rows: the first n of series that begin where the real ones do.

        By as many rows as the real ones have, they span the same calendar. Beyond its end, the cycles and the
        deviations go on, and the trend stays where it ended.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise InputError(f"rows must be an integer of 0 or more, not {n!r}")
        if given is not None and Given.of(given).restricts:
            raise InputError("conditions are for rows on their own, and readings hang together; take the forest")
        parts, done = [], start
        for block, rows in blocks(n, start):
            parts.append(self._block(done, rows, rng, rng.child("block", block)))
            done += rows
        table = Table.concat(parts) if parts else self._block(0, 1, Rng(0), Rng(0)).take(slice(0, 0))
        return Dataset({next(iter(self.schema.tables)): table}, self.schema)

    def _block(self, start: int, n: int, rng: Rng, stream: Rng) -> Table:
        drawn, first = self.walk.rows(start, n, rng)
        series = drawn.absent.shape[1]
        # Row by row: all series of a moment, then the next moment.
        flat = np.flatnonzero(~drawn.absent.reshape(-1))[start - first : start - first + n]
        t, s = flat // series, flat % series
        out: dict[str, Column] = {}
        for name, j in self.layout.numbers.items():
            values, missing = drawn.value[t, j * series + s], drawn.missing[t, j * series + s]
            out[name] = Column(self._written(name, values), missing)
        for name, q in self.layout.states.items():
            g = stream.child("cell", name).generator()
            out[name] = self.plan.atoms[name].column(drawn.state[t, q * series + s], g)
        for name, codes in self.layout.static.items():
            out[name] = self.plan.atoms[name].column(codes[s], stream.child("cell", name).generator())
        table = ruled(self, Table({c: out[c] for c in self.plan.atoms}, n), stream.child("rules"))
        whole: dict[str, Column] = {}
        for name in self.columns.columns:
            if name in table:
                whole[name] = table[name]
            elif name == self.layout.order:
                whole[name] = Column.of(self.walk.calendar.steps.times(drawn.moment[t], self.layout.order_dtype))
            elif name == self.layout.entity and self.names is not None:
                made = self.names if self.maker is None else self.maker.make(series, rng.child("make", name), 0)
                whole[name] = made.take(s)
            else:
                column = self.plan.makers[name].make(n, rng.child("make", name), start)
                hole = stream.child("empty", name).generator().random(n) < self.plan.empty[name]
                whole[name] = Column(column.values, column.missing | hole, column.levels)
        made_rows = Table(whole, n)
        return made_rows if self.by_time else made_rows.take(np.lexsort((t, s)))

    def _written(self, name: str, values: NDArray[np.float64]) -> NDArray[Any]:
        """Return numbers as the column writes them."""
        atoms = self.plan.atoms[name]
        kind = atoms.values.dtype.kind
        if kind in "imM":
            step = max(atoms.step, 1.0)
            origin = float(atoms.values.astype("i8")[0])
            whole = np.round(np.round((values - origin) / step) * step + origin)
            return whole.astype(np.int64).astype(atoms.values.dtype)
        decimals = self.columns[name].decimals
        return values if decimals is None else np.round(values, decimals)

    def rules_json(self) -> list[dict[str, Any]]:
        """Return the rules that every draw keeps."""
        return [rule.facts() for rule in self.plan.rules]

    def state(self) -> State:
        plan, walk = self.plan.state(), walk_state(self.walk)
        arrays = {f"plan.{k}": v for k, v in plan.arrays.items()} | {f"walk.{k}": v for k, v in walk.arrays.items()}
        arrays |= {f"static.{i}": v for i, v in enumerate(self.layout.static.values())}
        names = None if self.names is None else _names_json(self.names)
        meta = {
            "schema": self.schema.to_json(), "plan": plan.meta, "walk": walk.meta, "layout": self.layout.to_json(),
            "names": names, "maker": None if self.maker is None else self.maker.to_json(), "by_time": self.by_time,
            "notes": list(self.notes),
        }  # fmt: skip
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Self:
        try:
            meta, arrays = state.meta, state.arrays
            plan = Plan.from_state(State(within(arrays, "plan."), meta["plan"]))
            layout = Layout.from_json(
                meta["layout"], [arrays[f"static.{i}"] for i in range(len(meta["layout"]["static"]))]
            )
            walk = walk_from_state(State(within(arrays, "walk."), meta["walk"]))
            maker = None if meta["maker"] is None else IdMaker.from_json(meta["maker"])
            names = None if meta["names"] is None else _names_of(meta["names"])
            made = cls(
                Schema.from_json(meta["schema"]), plan, layout, walk, names, maker, bool(meta["by_time"]),
                tuple(map(str, meta["notes"])),
            )  # fmt: skip
            layout.check(plan, walk, made.columns, 1 if names is None else len(names))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this model is damaged or foreign ({error!s}); fit it again") from None
        return made


@dataclass(frozen=True)
class TimeSeries:
    """The default generator for readings at regular times: one series, or a few long ones on one grid.

    Each column's course is learned as a trend and the cycles that its spectrum shows (days, weeks, years, or whatever
    period stands out). What is left follows lags of all columns, with the innovations, states, gaps and missing cells
    of a real moment that was alike, as trees on the calendar and the recent past tell.

    Attributes
    ----------
    trees : int
    min_leaf_rows : int
        Moments that a leaf holds at least.
    rows_per_tree : int
        Moments that one tree sees at most.
    shrinkage_share : float
        As in the forest generator.
    """

    trees: int = 12
    min_leaf_rows: int = 20
    rows_per_tree: int = 20_000
    shrinkage_share: float = 0.1

    fitted: ClassVar[type[Fitted]] = TimeSeriesFitted

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 0 or (value == 0 and name != "shrinkage_share"):
                raise InputError(f"{name} must be above 0, not {value}")

    def part(self, data: Dataset, holdout: float, rng: Rng) -> tuple[Dataset, Dataset]:
        """Hold out whole stretches of time, of all series alike."""
        return split_stretches(data, holdout, rng)

    def fit(self, data: Dataset, rng: Rng) -> TimeSeriesFitted:
        found = readings(data)
        if found is None:
            raise InputError(why_not(data))
        panel = Panel.of(data, found)
        columns = data.columns
        kept = {c: columns[c] for c in data.table if c not in (found.order, found.entity)}
        own = Dataset({data.name: data.table.select(list(kept))}, Schema({data.name: replace(columns, columns=kept)}))
        plan, codes = Plan.fit(own)
        layout, walk, notes = fit_walk(self, data, found, panel, plan, codes, rng)
        names = maker = None
        if found.entity is not None:
            first = np.unique(found.owner, return_index=True)[1]
            names = data.table[found.entity].take(first)
            if columns[found.entity].kind == "id":
                maker = IdMaker.fit(data.table[found.entity])
        by_time = found.series == 1 or int((np.diff(found.owner) != 0).sum()) > 2 * found.series
        return TimeSeriesFitted(data.schema, plan, layout, walk, names, maker, by_time, tuple(notes))


def why_not(data: Dataset) -> str:
    """Return in one line why rows are no regular readings, and the way out."""
    order = data.columns.with_role("order")
    way = "take the generator sequence for events at any time, or forest for rows on their own"
    if len(order) != 1 or len(data.columns.with_role("entity")) > 1:
        return f"a regular series needs one order column, and there are {len(order)}; name it with --order"
    if len(data.table) < LEAST:
        return f"a regular series needs at least {LEAST} readings, and there are {len(data.table):,}; {way}"
    return f"the times in {order[0]!r} lie on no grid of equal steps with one reading each; {way}"


def _names_json(names: Column) -> dict[str, Any]:
    if names.is_text:
        return {"texts": names.texts().tolist()}
    return {"values": names.values.tolist(), "dtype": str(names.values.dtype)}


def _names_of(value: Mapping[str, Any]) -> Column:
    if "texts" in value:
        return Column.of_texts(value["texts"])
    return Column.of(np.array(value["values"], str(value["dtype"])))


GENERATOR = TimeSeries
TINY = TimeSeries(trees=4)
SOURCE = (
    "Trend and cycles by least squares of quasi-differences (Cochrane and Orcutt 1949), cycles by Fisher's test 1929, "
    "the rest by an autoregressive bootstrap (Kreiss and Lahiri 2012, Bootstrap methods for time series, section 4) "
    "whose innovations are picked by the forest generator's trees."
)
DOMAIN = "regular"
