"""One table of a linked set: how many rows a parent has, what they refer to, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import ShortfallError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.encoding.plan import Plan
from seedstock.encoding.rules.cells import put
from seedstock.encoding.rules.keep import mend
from seedstock.generators._chain import NUMBER, Chain, within
from seedstock.generators.forest import Forest

Cells = dict[str, Column]
FIRST = "first."
"""Before the name of a column of a row's eldest sibling."""
SIBLINGS = "siblings"
_ROUNDS = 20
_COPIED, _COPIED_ROWS = 0.995, 20


@dataclass(frozen=True, eq=False)
class TableModel:
    """What is learned of a table's own rows.

    Attributes
    ----------
    plan : Plan
        The columns besides references; times that never come before a parent's are durations here.
    choice : Chain
        What a row refers to, given its main parent's attributes and its eldest sibling: codes, or classes of parents.
    cells : Chain
        The learned columns, given that, and the attributes of all parents.
    gaps : mapping of str to str
        Time column -> the parent's time that it is counted from.
    copies : mapping of str to str
        Column -> the parent's column that it repeats.
    """

    plan: Plan
    choice: Chain
    cells: Chain
    gaps: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        forest: Forest,
        name: str,
        table: Table,
        columns: TableSchema,
        references: Cells,
        parent: Cells,
        others: Cells,
        copied: Cells,
        family_of_row: NDArray[np.int64] | None,
        rng: Rng,
    ) -> TableModel:
        """Learn a table of n rows.

        Parameters
        ----------
        references : dict of str to Column
            What each row refers to, as codes or classes.
        parent, others : dict of str to Column
            Attributes of each row's main parent, and of the other parents.
        copied : dict of str to Column
            All cells of the parents, which columns may repeat.
        family_of_row : ndarray, shape (n,), or None
            Rows with the same number are siblings; below 0: no parent. None: a table without a main parent.
        """
        copies = _copies(table, columns, copied)
        left = [c for c in columns.columns if c not in copies]
        table, columns = table.select(left), replace(columns, columns={c: columns[c] for c in left})
        gaps = _gaps(table, columns, parent)
        table, columns = to_gaps(table, gaps, parent), _gap_schema(columns, gaps)
        plan, codes = Plan.fit(Dataset({name: table}, Schema({name: columns})))
        own = {c: (plan.atoms[c], codes[c]) for c in plan.atoms}
        chosen = {c: Atoms.fit(column, NUMBER) for c, column in references.items()}
        first = None if family_of_row is None else eldest(family_of_row)
        context = dict(parent)
        if first is not None:
            context |= siblings_of({**references}, first)
        choice = Chain.fit(forest, context, chosen, rng.child("choice"))
        context = {**parent, **others, **references}
        if first is not None:
            context |= siblings_of({**references, **{c: table[c] for c in own}}, first)
        return cls(plan, choice, Chain.fit(forest, context, own, rng.child("cells")), gaps, copies)

    def choose(self, n: int, parent: Cells, first: NDArray[np.int64] | None, rng: Rng) -> Cells:
        """Return what n rows refer to."""
        return _in_two(self.choice, n, parent, {}, first, rng)

    def draw(
        self,
        n: int,
        references: Cells,
        parent: Cells,
        others: Cells,
        copied: Cells,
        first: NDArray[np.int64] | None,
        rng: Rng,
    ) -> Table:
        """Return n rows of the learned columns, identifiers and texts, with their rules kept."""
        context = {**parent, **others, **references}
        made = self._table(_in_two(self.cells, n, context, references, first, rng), n, rng)
        left = np.flatnonzero(self._broken(made, rng)[1])
        made = self._broken(made, rng)[0]
        for k in range(_ROUNDS):
            if not len(left):
                break
            again = rng.child("again", k)
            part = {c: v.take(left) for c, v in context.items()}
            anchors = None if first is None else first[left]
            cells = self._again(made, part, {c: v.take(left) for c, v in references.items()}, anchors, left, again)
            new, broken = self._broken(cells, again)
            at = left[~broken]
            made = made.assign({c: put(made[c], at, new[c].take(~broken)) for c in new})
            left = left[broken]
        if len(left):
            raise ShortfallError(
                f"{len(left):,} of {n:,} rows cannot keep the rules of their table: veto a rule in the schema file",
                acceptance=1 - len(left) / n,
            )
        return from_gaps(made, self.gaps, parent).assign({c: copied[p] for c, p in self.copies.items()})

    def _again(
        self, made: Table, context: Cells, references: Cells, first: NDArray[np.int64] | None, rows: Any, rng: Rng
    ) -> Table:
        """Draw some rows anew: siblings beside the eldest as it stands, the eldest themselves without one."""
        if first is not None:
            younger = first != rows
            old = {c: made[c] for c in self.cells.own} | {}
            anchor = {FIRST + c: _hidden(column.take(first), ~younger) for c, column in old.items()}
            anchor |= {FIRST + c: _hidden(column, ~younger) for c, column in references.items()}
            context = {**context, **anchor, SIBLINGS: _position(younger)}
        codes = self.cells.draw(len(rows), context, rng.child("draw"))
        return Table({c: a.column(codes[c], rng.child("cell", c).generator()) for c, a in self.cells.own.items()})

    def _table(self, cells: Cells, n: int, rng: Rng) -> Table:
        out: Cells = {}
        for name in next(iter(self.plan.schema.tables.values())).columns:
            if name in cells:
                out[name] = cells[name]
                continue
            column = self.plan.makers[name].make(n, rng.child("make", name), 0)
            hole = rng.child("empty", name).generator().random(n) < self.plan.empty[name]
            out[name] = Column(column.values, column.missing | hole, column.levels)
        return Table(out, n)

    def _broken(self, table: Table, rng: Rng) -> tuple[Table, NDArray[np.bool_]]:
        if not self.plan.rules:
            return table, np.zeros(len(table), bool)
        done = mend(table, self.plan.rules, {}, rng.child("rules").generator())
        return done.table, done.broken

    def state(self) -> State:
        """Return all that `from_state` needs."""
        arrays: dict[str, NDArray[Any]] = {}
        meta: dict[str, Any] = {"gaps": dict(self.gaps), "copies": dict(self.copies)}
        for part in ("plan", "choice", "cells"):
            state = getattr(self, part).state()
            arrays |= {f"{part}.{k}": v for k, v in state.arrays.items()}
            meta[part] = state.meta
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again."""
        plan = Plan.from_state(State(within(state.arrays, "plan."), state.meta["plan"]))
        choice, cells = (
            Chain.from_state(State(within(state.arrays, f"{p}."), state.meta[p])) for p in ("choice", "cells")
        )
        gaps = {str(k): str(v) for k, v in state.meta["gaps"].items()}
        copies = {str(k): str(v) for k, v in state.meta["copies"].items()}
        return cls(plan, choice, cells, gaps, copies)


def eldest(family: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row the first row of its family, shape (n,); rows without a family are their own.

    >>> eldest(np.array([4, 7, 4, -1])).tolist()
    [0, 1, 0, 3]
    """
    own = np.where(family < 0, family.max(initial=0) + 1 + np.arange(len(family)), family)
    _, at, inverse = np.unique(own, return_index=True, return_inverse=True)
    first: NDArray[np.int64] = at[inverse.reshape(-1)].astype(np.int64)
    return first


def siblings_of(cells: Cells, first: NDArray[np.int64]) -> Cells:
    """Return the eldest siblings' cells, missing for the eldest themselves, and whether a row has an elder one."""
    alone = first == np.arange(len(first))
    out = {FIRST + name: _hidden(column.take(first), alone) for name, column in cells.items()}
    return {**out, SIBLINGS: _position(~alone)}


def _position(younger: NDArray[np.bool_]) -> Column:
    return Column.of(younger.astype(np.int64))


def _hidden(column: Column, rows: NDArray[np.bool_]) -> Column:
    return Column(column.values, column.missing | rows, column.levels)


def _in_two(
    chain: Chain, n: int, context: Cells, references: Cells, first: NDArray[np.int64] | None, rng: Rng
) -> Cells:
    """Draw the eldest first, and then their siblings beside them."""
    if first is None:
        codes = chain.draw(n, context, rng.child("draw"))
        return _cells(chain, codes, rng)
    own = {name: np.zeros(n, np.int64) for name in chain.own}
    alone = first == np.arange(n)
    for step, rows in (("eldest", np.flatnonzero(alone)), ("younger", np.flatnonzero(~alone))):
        part = {k: v.take(rows) for k, v in context.items()}
        known = {**_cells(chain, own, rng.child(step)), **references}
        hidden = np.full(len(rows), step == "eldest")
        part |= {FIRST + k: _hidden(c.take(first[rows]), hidden) for k, c in known.items()}
        part[SIBLINGS] = _position(~hidden)
        drawn: dict[str, Codes] = chain.draw(len(rows), part, rng.child("draw", step)) if len(rows) else {}
        for name, codes in drawn.items():
            own[name][rows] = codes
    return _cells(chain, own, rng)


def _cells(chain: Chain, codes: Mapping[str, Codes], rng: Rng) -> Cells:
    return {name: a.column(codes[name], rng.child("cell", name).generator()) for name, a in chain.own.items()}


def _copies(table: Table, columns: TableSchema, copied: Cells) -> dict[str, str]:
    """Return the columns that repeat a parent's column, but for half a percent of the rows."""
    out = {}
    for name, schema in columns.columns.items():
        column = table[name]
        if schema.kind == "id" or len(column) < _COPIED_ROWS or column.codes()[1] < 2:
            continue
        same = [k for k, c in copied.items() if _equal(column, c) >= _COPIED]
        # Of several, the one that is called alike.
        if same:
            out[name] = max(same, key=lambda k: (k.rpartition(".")[2] == name, k))
    return out


def _equal(a: Column, b: Column) -> float:
    if a.is_text != b.is_text or (not a.is_text and a.values.dtype != b.values.dtype):
        return 0.0
    both = Column.concat([a, b])
    x, y = both.take(slice(0, len(a))), both.take(slice(len(a), None))
    return float(np.where(x.missing | y.missing, x.missing & y.missing, x.values == y.values).mean())


def _gaps(table: Table, columns: TableSchema, parent: Cells) -> dict[str, str]:
    """Return the times that never come before a parent's time, each with the nearest such time of the parent."""
    times = {k: c for k, c in parent.items() if c.values.dtype.kind == "M" and not c.missing.any()}
    out = {}
    for name in columns.of_kind("datetime"):
        column = table[name]
        here = ~column.missing
        gap = {k: np.median((column.values - c.values)[here].astype("i8")) for k, c in times.items()
               if here.any() and (column.values >= c.values)[here].all()}  # fmt: skip
        if gap:
            out[name] = min(gap, key=lambda k: (gap[k], k))
    return out


def to_gaps(table: Table, gaps: Mapping[str, str], parent: Cells) -> Table:
    """Return the table with times as durations since the parents' times."""
    new = {c: Column((table[c].values - parent[p].values).astype("m8[us]"), table[c].missing) for c, p in gaps.items()}
    return table.assign(new)


def from_gaps(table: Table, gaps: Mapping[str, str], parent: Cells) -> Table:
    """Take `to_gaps` back."""
    new = {c: Column((parent[p].values + table[c].values).astype("M8[us]"), table[c].missing) for c, p in gaps.items()}
    return table.assign(new)


def _gap_schema(columns: TableSchema, gaps: Mapping[str, str]) -> TableSchema:
    duration = ColumnSchema("duration", dtype="duration[us]")
    return replace(columns, columns={c: duration if c in gaps else s for c, s in columns.columns.items()})
