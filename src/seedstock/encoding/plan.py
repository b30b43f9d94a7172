"""`Plan`: which columns a generator learns, which are made anew, and the way back to a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.table import Column, Dataset, Mask, Table
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.encoding.ids import IdMaker
from seedstock.encoding.pack import pack, unpack
from seedstock.encoding.personal import PersonalMaker
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.stored import rules_from_json, rules_to_json
from seedstock.encoding.siblings import Sibling, siblings_of
from seedstock.encoding.texts import TextMaker
from seedstock.encoding.ties import Tie

Maker = IdMaker | TextMaker | PersonalMaker
_MAKERS: dict[str, type[IdMaker] | type[TextMaker]] = {"id": IdMaker, "text": TextMaker}


@dataclass(frozen=True, eq=False)
class Plan:
    """A fitted translation between a data set of one table and codes.

    Attributes
    ----------
    schema : Schema
    atoms : mapping of str to Atoms
        The learned columns, in the table's order; then the hidden ones of ties.
    makers : mapping of str to IdMaker, PersonalMaker or TextMaker
        The columns that are made anew for each row, with the share of cells to leave empty.
    empty : mapping of str to float
    rules : tuple of Rule
        What every drawn row keeps, in the order of repair.
    siblings : tuple of Sibling
        Times that follow other times closely.
    ties : tuple of Tie
        Numbers that are now and then exactly another column's, in the order in which they are drawn.
    """

    schema: Schema
    atoms: Mapping[str, Atoms]
    makers: Mapping[str, Maker]
    empty: Mapping[str, float]
    rules: tuple[Rule, ...] = ()
    siblings: tuple[Sibling, ...] = ()
    ties: tuple[Tie, ...] = ()

    @classmethod
    def fit(cls, data: Dataset, search: bool = True) -> tuple[Plan, dict[str, Codes]]:
        """Return the plan of a data set, and the codes of its learned columns, each of shape (n,).

        Rules between columns are searched for unless `search` is false; those that the schema declares are kept anyway.
        """
        table, columns = data.table, data.columns
        if not len(table):
            raise InputError("a generator needs at least one row, and there is none; bring rows")
        if images := columns.of_kind("image"):
            raise InputError(f"column {images[0]!r} holds images; take an image generator for it")
        makers: dict[str, Maker] = {
            name: PersonalMaker.fit(table[name], columns[name], name) or _MAKERS[columns[name].kind].fit(table[name])
            for name in columns.of_kind("id", "text")
        }
        empty = {name: float(table[name].missing.mean()) for name in makers}
        fitted = {name: Atoms.fit(table[name], columns[name]) for name in table if name not in makers}
        codes = {name: c for name, (_, c) in fitted.items()}
        rules = find_rules(table, columns, columns.rules, columns.veto if search else ("*",))
        atoms = {name: a for name, (a, _) in fitted.items()}
        return cls(data.schema, atoms, makers, empty, rules, siblings_of({name: table[name] for name in atoms})), codes

    def with_ties(self, ties: Sequence[Tie], table: Table) -> tuple[Plan, dict[str, Codes]]:
        """Return a plan that learns ties too, and the codes of their hidden columns, each of shape (n,)."""
        codes = {tie.kind: tie.kinds(table, self.atoms[tie.column]) for tie in ties}
        hidden = {tie.kind: tie.kind_atoms(codes[tie.kind]) for tie in ties}
        return replace(self, atoms={**self.atoms, **hidden}, ties=tuple(ties)), codes

    def cells(self, codes: Mapping[str, Codes], rng: Rng) -> dict[str, Column]:
        """Return the learned columns' cells for codes; hidden columns have none."""
        hidden = {tie.kind for tie in self.ties}
        out = {
            name: a.column(codes[name], rng.child("cell", name).generator())
            for name, a in self.atoms.items()
            if name not in hidden
        }
        return self.tied(out, codes)

    def tied(
        self, cells: dict[str, Column], codes: Mapping[str, Codes], fixed: Mapping[str, Mask] = MappingProxyType({})
    ) -> dict[str, Column]:
        """Return cells of which those that are copies are copied; cells that are fixed, each (n,), stay."""
        out = dict(cells)
        for tie in self.ties:
            if {tie.column, *tie.partners} <= set(out) and tie.kind in codes:
                out |= tie.copied(out, codes[tie.kind], fixed)
        return out

    def assemble(self, codes: Mapping[str, Codes], n: int, rng: Rng, row: int, seed_rng: Rng) -> Table:
        """Return n rows from codes: cells of the learned columns, and made ones.

        Parameters
        ----------
        rng : Rng
            The block's stream.
        row : int
            Number of the first row, from which identifiers are made.
        seed_rng : Rng
            The whole draw's stream, which the identifiers' permutation depends on.
        """
        name_of_table = next(iter(self.schema.tables))
        out: dict[str, Column] = {}
        learned = self.cells(codes, rng)
        for name in self.schema.tables[name_of_table].columns:
            if name in self.atoms:
                out[name] = learned[name]
                continue
            maker = self.makers[name]
            stream = rng if isinstance(maker, TextMaker) else seed_rng
            column = maker.make(n, stream.child("make", name), row)
            hole = rng.child("empty", name).generator().random(n) < self.empty[name]
            out[name] = Column(column.values, column.missing | hole, column.levels)
        return Table(out, n)

    def dataset(self, table: Table) -> Dataset:
        """Return a table of this plan's schema as a data set."""
        return Dataset({next(iter(self.schema.tables)): table}, self.schema)

    def state(self) -> State:
        """Return the plan as arrays and JSON values."""
        arrays: dict[str, NDArray[Any]] = {}
        meta: dict[str, Any] = {"schema": self.schema.to_json(), "atoms": {}, "makers": {}, "empty": dict(self.empty)}
        for i, (name, a) in enumerate(self.atoms.items()):
            if a.is_text:
                arrays[f"atoms.{i}.bytes"], arrays[f"atoms.{i}.offsets"] = pack(a.values)
            else:
                # npz keeps times with their unit.
                arrays[f"atoms.{i}.values"] = a.values
            arrays[f"atoms.{i}.counts"] = a.counts
            meta["atoms"][name] = {"step": a.step, "smooth": a.smooth, "text": a.is_text}
        for name, maker in self.makers.items():
            meta["makers"][name] = maker.to_json()
        meta["rules"] = rules_to_json(self.rules)
        meta["siblings"] = [s.to_json() for s in self.siblings]
        meta["ties"] = [tie.to_json() for tie in self.ties]
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Plan:
        """Make the plan again."""
        schema = Schema.from_json(state.meta["schema"])
        columns = next(iter(schema.tables.values()))
        atoms = {}
        for i, (name, m) in enumerate(state.meta["atoms"].items()):
            a = {
                part: state.arrays[f"atoms.{i}.{part}"] for part in (("bytes", "offsets") if m["text"] else ("values",))
            }
            values = unpack(a["bytes"], a["offsets"]) if m["text"] else a["values"]
            atoms[name] = Atoms(values, state.arrays[f"atoms.{i}.counts"], float(m["step"]), bool(m["smooth"]))
        makers: dict[str, Maker] = {
            name: (PersonalMaker if "personal" in m else _MAKERS[columns[name].kind]).from_json(m)
            for name, m in state.meta["makers"].items()
        }
        empty = {k: float(v) for k, v in state.meta["empty"].items()}
        rules = rules_from_json(state.meta["rules"], columns)
        if stray := [name for rule in rules for name in rule.columns if name not in atoms]:
            raise InputError(f"this model has a rule about {stray[0]!r}, which it did not learn; fit it again")
        siblings = tuple(Sibling.from_json(s, list(atoms)) for s in state.meta["siblings"])
        ties = tuple(Tie.from_json(t, atoms, columns.columns) for t in state.meta["ties"])
        return cls(schema, atoms, makers, empty, rules, siblings, ties)


def none_given(given: Table | None) -> bool:
    """Tell whether a table of conditions has no present cell."""
    return given is None or all(bool(np.all(c.missing)) for c in given.columns.values())
