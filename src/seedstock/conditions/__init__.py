"""Conditions on drawn rows: values, ranges and sets, partial rows, and situations with a share of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.conditions.auto import rare_situations
from seedstock.conditions.rare import AUTO, Rare, joined, meeting, rest_of
from seedstock.conditions.read import read_all
from seedstock.conditions.situations import situations
from seedstock.core.errors import InputError
from seedstock.core.given import Case, Given
from seedstock.core.rng import BLOCK_ROWS, Rng, blocks
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.rules.rule import Rule
from seedstock.generators._rare_class import MANY, RareClass

__all__ = ["AUTO", "Conditions", "Group", "Rare"]

FEWEST = 5
"""Fewer real examples than this are no ground to draw from."""
_CHANCE_ROWS = 30
_NEVER_ROWS = 0.5


@dataclass(frozen=True, eq=False)
class Group:
    """Situations about the same columns, each with a share of the rows, and what all other rows are.

    Attributes
    ----------
    wanted : tuple of (Case, share)
    names : tuple of str
        How each reads.
    examples : tuple of int
        Real rows of each.
    rest : tuple of Case
        Cases that part the other rows.
    weights : tuple of float
        Real rows of each of these.
    classes : tuple of RareClass or None
        Where there are few examples: what draws the columns that tell each situation apart.
    """

    wanted: tuple[tuple[Case, float], ...]
    names: tuple[str, ...]
    examples: tuple[int, ...]
    rest: tuple[Case, ...]
    weights: tuple[float, ...]
    classes: tuple[RareClass | None, ...] = ()

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(name for case, _ in self.wanted for name in case)


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions of any rows of a draw, by row number: the same however the draw is divided.

    Attributes
    ----------
    cells : mapping of str to Column
        Fixed values, one cell each.
    allowed : mapping of str to Allowed
        What all rows' other cells may be.
    groups : tuple of Group
        Situations with shares.
    partial : Table or None
        Partial rows, used in turn.
    """

    cells: Mapping[str, Column]
    allowed: Case
    groups: tuple[Group, ...]
    partial: Table | None
    rng: Rng

    @classmethod
    def make(
        cls,
        train: Dataset,
        given: Mapping[str, Any] | Sequence[str] | None,
        rare: Sequence[Rare],
        rng: Rng,
        partial: Table | None = None,
        insist: bool = False,
        rules: Sequence[Rule] = (),
        near: bool = True,
    ) -> Conditions | None:
        """Return the conditions, or None where there are none.

        Parameters
        ----------
        train : Dataset
            The real rows; without rows (only their schema and types) there can be no shares.
        partial : Table or None
            Partial rows of the schema: missing cells are drawn.
        insist : bool
            Whether situations with fewer than `FEWEST` real examples may have a share.
        rules : sequence of Rule
            What drawn rows keep.
        near : bool
            Whether columns that tell a class of few examples apart are kept near to these.
        """
        everywhere = read_all(train, given)
        if not everywhere and not rare and partial is None:
            return None
        groups = tuple(_groups(train, rare, insist))
        seen: dict[str, str] = dict.fromkeys(everywhere, "--given")
        for name in partial or ():
            if name in seen:
                raise InputError(f"column {name!r} stands in the partial rows and under --given; say it once")
            seen[name] = "the partial rows"
        for group in groups:
            for name in sorted(group.columns):
                if name in seen:
                    raise InputError(f"column {name!r} is fixed by {seen[name]} and cannot have a share as well")
                seen[name] = "another share"
        groups = tuple(_with_classes(group, train, tuple(seen), rules, near) for group in groups)
        single = {name: a.values for name, a in everywhere.items() if a.single and a.values is not None}
        others = {name: a for name, a in everywhere.items() if name not in single}
        return cls(single, others, groups, partial, rng)

    def __call__(self, n: int, start: int) -> Table | Given:
        """Return the conditions of rows ``start`` to ``start + n``."""
        zeros = np.zeros(n, np.int64)
        columns = {name: cell.take(zeros) for name, cell in self.cells.items()}
        if self.partial is not None:
            rows = (start + np.arange(n)) % len(self.partial)
            columns |= self.partial.take(rows).columns
        values = Table(columns, n)
        if not self.allowed and not self.groups:
            return values
        kinds = [self._kinds(g, n, start) for g in self.groups]
        for group, kind in zip(self.groups, kinds, strict=True):
            values = self._near_examples(values, group, kind, start)
        key = np.stack([*kinds, zeros], axis=1)
        combinations, case = np.unique(key, axis=0, return_inverse=True)
        cases = []
        for combination in combinations:
            own: Case = self.allowed
            for group, kind in zip(self.groups, combination, strict=False):
                wanted = [c for c, _ in group.wanted]
                own = joined(own, (*wanted, *group.rest)[kind])
            cases.append(own)
        return Given(values, tuple(cases), case.reshape(-1).astype(np.int64))

    def _kinds(self, group: Group, n: int, start: int) -> NDArray[np.int64]:
        """Return which situation each row is: a wanted one, as many as its share asks for, or one of the rest."""
        parts = []
        ends = np.cumsum([share for _, share in group.wanted])
        weights = np.cumsum(group.weights) if group.weights else np.zeros(0)
        for block, rows in blocks(n, start):
            g = self.rng.child("rare", *sorted(group.columns), block).generator()
            first = block * BLOCK_ROWS
            upto = np.floor((first + rows) * ends + 1e-9) - np.floor(first * ends + 1e-9)
            upto = np.minimum(np.maximum.accumulate(upto), rows).astype(np.int64)
            kind = np.searchsorted(upto, np.arange(rows), side="right")
            if len(weights):
                other = np.searchsorted(weights, g.random(rows) * weights[-1], side="right")
                kind = np.where(kind < len(ends), kind, len(ends) + np.minimum(other, len(weights) - 1))
            else:
                kind = np.minimum(kind, len(ends) - 1)
            parts.append(g.permutation(kind))
        return np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, np.int64)

    def _near_examples(self, values: Table, group: Group, kind: NDArray[np.int64], start: int) -> Table:
        """Return values with the separating columns of situations of few examples put in, block by block."""
        for i, own in enumerate(group.classes):
            if own is None or not own.columns:
                continue
            made, at = [], 0
            for block, rows in blocks(len(values), start):
                here = int((kind[at : at + rows] == i).sum())
                g = self.rng.child("examples", *sorted(group.columns), i, block).generator()
                made.append(own.draw(here, g))
                at += rows
            rows_of = np.flatnonzero(kind == i)
            cells = Table.concat(made)
            columns = {}
            for name, new in cells.columns.items():
                if name in values:
                    old = values[name]
                else:
                    none = np.zeros(len(values), new.values.dtype)
                    old = Column(none, np.ones(len(values), bool), new.levels)
                both = Column.concat([old, new])
                pick = np.arange(len(values))
                pick[rows_of] = len(values) + np.arange(len(new))
                columns[name] = both.take(pick)
            values = values.assign(columns)
        return values

    def facts(self) -> dict[str, Any]:
        """Return what was asked, as JSON values."""
        given = {name: f"{name} = {_text(cell)}" for name, cell in self.cells.items()}
        given |= {name: a.text for name, a in self.allowed.items()}
        out: dict[str, Any] = {"given": given} if given else {}
        if self.partial is not None:
            out["partial_rows"] = {"rows": len(self.partial), "columns": self.partial.names}
        if self.groups:
            out["shares"] = [
                {"what": name, "share": share, "real_rows": examples}
                | ({} if own is None else {"near_the_examples": sorted(own.columns)})
                for g in self.groups
                for (_, share), name, examples, own in zip(g.wanted, g.names, g.examples, g.classes, strict=True)
            ]
        return out

    def situations(self, train: Dataset, drawn: Dataset, rng: Rng) -> dict[str, Any]:
        """Return how many real examples stand behind each situation, and how new and plausible its drawn rows are."""
        wanted = [(name, case) for g in self.groups for (case, _), name in zip(g.wanted, g.names, strict=True)]
        return {"situations": situations(wanted, train, drawn, rng)} if wanted else {}

    def plausibility(self, fitted: Any, rows: int) -> float | None:
        """Return the share of all rows that meet what is given everywhere, as a model sees it.

        None where nothing is given everywhere, or the model cannot say. An `InputError` says where conditions that
        occur one by one contradict each other: were they independent, many of the real rows would meet them.
        """
        if not (self.cells or self.allowed) or not hasattr(fitted, "plausibility"):
            return None
        each = [{name: cell} for name, cell in self.cells.items()]
        one: list[tuple[Mapping[str, Column], Case]] = [(self.cells, self.allowed)]
        one += [(cell, {}) for cell in each] + [({}, {name: a}) for name, a in self.allowed.items()]
        columns = {
            name: Column.concat([c[name] if name in c else _empty(cell) for c, _ in one])
            for name, cell in self.cells.items()
        }
        given = Given(Table(columns, len(one)), tuple(case for _, case in one), np.arange(len(one)))
        found = fitted.plausibility(given, self.rng.child("plausibility"))
        together, alone = float(found[0]), float(np.prod(found[1:]))
        if len(one) > 2 and rows * together < _NEVER_ROWS and rows * alone >= _CHANCE_ROWS:
            said = " and ".join(map(repr, self.facts()["given"].values()))
            raise InputError(
                f"{said} contradict each other: chance alone would give {rows * alone:,.0f} such rows among the "
                f"{rows:,} real ones, and the model expects {rows * together:.2g}; no model can show what it has "
                f"never seen: drop or widen one of them"
            )
        return together


def _empty(cell: Column) -> Column:
    return Column(cell.values, np.ones(1, bool), cell.levels)


def _text(cell: Column) -> str:
    return str(cell.texts()[0] if cell.is_text else cell.values[0])


def _groups(train: Dataset, rare: Sequence[Rare], insist: bool) -> list[Group]:
    by: dict[frozenset[str], list[tuple[Rare, Case]]] = {}
    out = []
    for r in rare:
        if r.what == AUTO:
            # What was found stands for itself: a row is one of them at most.
            found = rare_situations(train, r.share)
            out.append(_group(train, [(one, one.case(train)) for one in found], insist, apart=False))
        else:
            case = r.case(train)
            by.setdefault(frozenset(case), []).append((r, case))
    return out + [_group(train, wanted, insist) for wanted in by.values()]


def _group(train: Dataset, wanted: Sequence[tuple[Rare, Case]], insist: bool, apart: bool = True) -> Group:
    """Return situations that no two of which a row is asked to be, with what the other rows are."""
    n, columns = len(train.table), train.table.columns
    names = sorted({name for _, case in wanted for name in case})
    shown = repr(", ".join(names))
    total = sum(r.share for r, _ in wanted)
    if total > 1 + 1e-9:
        raise InputError(f"the shares asked of {shown} add up to {total:g}, more than 1")
    hit = [meeting(columns, case, n) for _, case in wanted]
    if apart and (np.sum(hit, axis=0) > 1).any():
        raise InputError(f"two of the situations of {shown} overlap: some real rows are both; part them")
    for (r, _), met in zip(wanted, hit, strict=True):
        _enough(r, int(met.sum()), insist)
    rest: list[Case] = []
    weights: list[float] = []
    if total < 1 - 1e-9:
        found = [(case, float(meeting(columns, case, n).sum())) for case in rest_of([case for _, case in wanted])]
        rest, weights = [case for case, w in found if w], [w for _, w in found if w]
        if not rest:
            raise InputError(f"all rows of {shown} are what was asked for; their shares must add up to 1")
    return Group(
        tuple((case, r.share) for r, case in wanted), tuple(r.text for r, _ in wanted),
        tuple(int(met.sum()) for met in hit), tuple(rest), tuple(weights),
    )  # fmt: skip


def _with_classes(group: Group, train: Dataset, taken: Sequence[str], rules: Sequence[Rule], near: bool) -> Group:
    """Return a group with what draws its situations of few examples."""
    own: list[RareClass | None] = []
    for (case, _), examples in zip(group.wanted, group.examples, strict=True):
        if near and 2 <= examples < MANY:
            member = meeting(train.table.columns, case, len(train.table))
            own.append(RareClass.fit(train.table, train.columns, member, taken, rules))
        else:
            own.append(None)
    return replace(group, classes=tuple(own))


def _enough(rare: Rare, examples: int, insist: bool) -> None:
    """Refuse a situation that was never seen, or hardly ever."""
    if not examples:
        raise InputError(
            f"no training row has {rare.text}, and no model can show what it has never seen; choose what occurs"
        )
    if examples < FEWEST and not insist:
        raise InputError(
            f"{examples} real row{'s have' if examples > 1 else ' has'} {rare.text}, fewer than {FEWEST}: rows drawn "
            f"from so few would be copies of them or guesses; bring more examples, or insist (--insist)"
        )
