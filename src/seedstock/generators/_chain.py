"""Columns given a context: the conditionals of the forest, drawn one after the other for rows that have a context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema
from seedstock.core.table import Column
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.encoding.pack import pack, unpack
from seedstock.encoding.plan import Plan
from seedstock.generators._conditional import Conditional
from seedstock.generators._presence import draw_order
from seedstock.generators._tabular import weighted
from seedstock.generators.forest import Forest

NUMBER = ColumnSchema("number", dtype="int64", decimals=0)
_MAX_CATEGORIES = 200
_ROWS_A_CATEGORY = 20
"""A context's category with fewer rows a value names rows, and tells about nothing else."""


@dataclass(frozen=True, eq=False)
class Chain:
    """Conditionals of some columns, each on the context and on the columns before it.

    Attributes
    ----------
    context, own : mapping of str to Atoms
        Columns that are known, and columns that are drawn, in order.
    conditionals : mapping of str to Conditional
        Own columns without one are drawn on their own.
    """

    context: Mapping[str, Atoms]
    own: Mapping[str, Atoms]
    conditionals: Mapping[str, Conditional]

    @classmethod
    def fit(
        cls,
        forest: Forest,
        context: Mapping[str, Column],
        own: Mapping[str, tuple[Atoms, Codes]],
        rng: Rng,
        coded: Mapping[str, tuple[Atoms, Codes]] | None = None,
    ) -> Chain:
        """Learn columns of n rows given a context of as many rows.

        Parameters
        ----------
        context : mapping of str to Column
            Columns of any type; categories of too many values for the rows are left out.
        own : mapping of str to (Atoms, codes)
        coded : mapping of str to (Atoms, codes) or None
            Further context; to `draw` it comes as codes too.
        """
        order = draw_order({name: a for name, (a, _) in own.items()}, {name: c for name, (_, c) in own.items()})
        known = {name: Atoms.fit(column, NUMBER) for name, column in context.items() if len(column)}
        known |= coded or {}
        n = len(next(iter(own.values()))[1]) if own else 0
        most = min(_MAX_CATEGORIES, max(5, n // _ROWS_A_CATEGORY))
        known = {k: (a, c) for k, (a, c) in known.items() if a.k > 1 and (a.ordered or a.k <= most)}
        atoms = {k: a for k, (a, _) in known.items()} | {k: own[k][0] for k in order}
        codes = {k: c for k, (_, c) in known.items()} | {k: own[k][1] for k in order}
        plan = Plan(Schema({}), atoms, {}, {})
        conditionals: dict[str, Conditional] = {}
        before = list(known)
        for name in order:
            if atoms[name].k < 2:
                continue
            if before:
                # The forest's own way of learning one column from those before it.
                conditionals[name] = forest.learn(plan, codes, name, tuple(before), rng.child("fit", name))
            before.append(name)
        return cls({k: a for k, (a, _) in known.items()}, {k: own[k][0] for k in order}, conditionals)

    def draw(self, n: int, context: Mapping[str, Column | Codes], rng: Rng) -> dict[str, Codes]:
        """Return codes of n rows for each own column."""
        out: dict[str, Codes] = {}
        for name, atoms in self.context.items():
            known = context[name]
            codes = atoms.encode(known) if isinstance(known, Column) else known
            # What was never seen in this place is taken for what is commonest there.
            out[name] = np.where(codes < 0, int(atoms.counts.argmax()), codes)
        for name, atoms in self.own.items():
            g = rng.child(name).generator()
            if name in self.conditionals:
                out[name] = self.conditionals[name].draw(name, out, {**self.context, **self.own}, g)
            else:
                out[name] = weighted(atoms.counts, n, g)
        return {name: out[name] for name in self.own}

    def state(self) -> State:
        """Return all that `from_state` needs."""
        arrays: dict[str, NDArray[Any]] = {}
        meta: dict[str, Any] = {"context": [], "own": [], "conditionals": {}}
        for part in ("context", "own"):
            for i, (name, atoms) in enumerate(getattr(self, part).items()):
                arrays |= {f"{part}.{i}.{k}": v for k, v in _atoms_arrays(atoms).items()}
                meta[part].append([name, atoms.step, atoms.smooth, atoms.is_text])
        for i, (name, conditional) in enumerate(self.conditionals.items()):
            state = conditional.state()
            arrays |= {f"c.{i}.{k}": v for k, v in state.arrays.items()}
            meta["conditionals"][name] = state.meta
        return State(arrays, meta)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again; every index is checked."""
        parts: dict[str, dict[str, Atoms]] = {"context": {}, "own": {}}
        for part, made in parts.items():
            for i, (name, step, smooth, is_text) in enumerate(state.meta[part]):
                made[str(name)] = _atoms_of(within(state.arrays, f"{part}.{i}."), float(step), bool(smooth), is_text)
        conditionals: dict[str, Conditional] = {}
        names = list(parts["own"])
        for i, (name, meta) in enumerate(state.meta["conditionals"].items()):
            if name not in names:
                raise InputError(f"this model is damaged: it draws {name!r}, which it did not learn; fit it again")
            before = parts["context"] | {k: parts["own"][k] for k in names[: names.index(name)]}
            own = State(within(state.arrays, f"c.{i}."), meta)
            conditionals[name] = Conditional.from_state(own, parts["own"][name], before)
        return cls(parts["context"], parts["own"], conditionals)


def within(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def _atoms_arrays(atoms: Atoms) -> dict[str, NDArray[Any]]:
    if atoms.is_text:
        data, offsets = pack(atoms.values)
        return {"bytes": data, "offsets": offsets, "counts": atoms.counts}
    return {"values": atoms.values, "counts": atoms.counts}


def _atoms_of(arrays: Mapping[str, NDArray[Any]], step: float, smooth: bool, is_text: bool) -> Atoms:
    values = unpack(arrays["bytes"], arrays["offsets"]) if is_text else arrays["values"]
    counts = arrays["counts"]
    if len(counts) - len(values) not in (0, 1) or not len(counts):
        raise InputError("this model is damaged: its values and their counts do not fit; fit it again")
    return Atoms(values, counts, step, smooth)
