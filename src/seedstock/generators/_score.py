"""How probable rows are to a model, column by column: the yardstick that all choices of a generator share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.core.table import Table
from seedstock.encoding.allowed import Shares
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.encoding.plan import Plan
from seedstock.generators._classes import classes_of

GROUPS = 200
"""A number that hardly repeats counts together with its half percent of the values."""
_LOOKS = 5


class Conditioned(Protocol):
    """A model that draws columns one after the other."""

    plan: Plan

    def plausible(
        self, name: str, value: Codes, before: Mapping[str, Codes], g: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return how probable a column's value is after the columns before it."""

    def draw_inside(
        self, name: str, share: Shares, before: Mapping[str, Codes], n: int, g: np.random.Generator
    ) -> tuple[NDArray[np.float64], Codes]:
        """Return how probable a set of a column's codes is after the columns before it."""


def groups_of(atoms: Atoms) -> Codes:
    """Return the group of each code: itself, but for numbers that hardly repeat.

    >>> groups_of(Atoms(np.array([1.0, 2.0]), np.array([3, 4]), 1.0, False)).tolist()
    [0, 1]
    """
    own = np.arange(atoms.k)
    return classes_of(atoms, own, GROUPS) if atoms.smooth else own


def share_of_group(atoms: Atoms, value: Codes) -> NDArray[np.float64]:
    """Return the share of training rows in each value's group, shape (n,)."""
    groups = groups_of(atoms)
    total = np.bincount(groups, atoms.counts)
    share: NDArray[np.float64] = (total / total.sum())[groups[value]]
    return share


def log_scores(
    model: Any, order: Sequence[str], alone: Sequence[str], table: Table, rng: Rng
) -> dict[str, NDArray[np.float64]]:
    """Return the log probability (nats) of each row's cell in each learned column, shape (n,) each.

    Together they are the log probability of the row. A value that the model has never seen counts as one of half a row,
    and so does what it holds for less probable.

    Parameters
    ----------
    model : Conditioned
        Or one that has a plan, where all columns are drawn alone.
    order : sequence of str
        Columns in the order in which they are drawn.
    alone : sequence of str
        Those of them that are drawn on their own.
    """
    hidden = {tie.kind: tie for tie in model.plan.ties}
    codes, unseen = {}, {}
    for name in order:
        atoms = model.plan.atoms[name]
        if name in hidden:
            codes[name] = hidden[name].kinds(table, model.plan.atoms[hidden[name].column])
            unseen[name] = np.zeros(len(table), bool)
            continue
        found = atoms.encode(table[name])
        unseen[name] = found < 0
        codes[name] = np.where(found < 0, int(atoms.counts.argmax()), found)
    out = {}
    for i, name in enumerate(order):
        atoms = model.plan.atoms[name]
        if name in alone or not len(table):
            p = share_of_group(atoms, codes[name])
        else:
            before = {b: codes[b] for b in order[:i]}
            g = rng.child("score", name).generator()
            p = np.mean([_probability(model, name, codes[name], before, g) for _ in range(_LOOKS)], axis=0)
        least = 0.5 / (atoms.counts.sum() + 1)
        out[name] = np.log(np.maximum(np.where(unseen[name], 0.0, p), least))
    # Whether a cell is a copy is a part of what it is.
    for kind, tie in hidden.items():
        out[tie.column] += out.pop(kind)
    return out


def _probability(
    model: Conditioned, name: str, value: Codes, before: Mapping[str, Codes], g: np.random.Generator
) -> NDArray[np.float64]:
    atoms = model.plan.atoms[name]
    if not atoms.smooth:
        return model.plausible(name, value, before, g)
    groups = groups_of(atoms)
    own = groups[value]
    out = np.empty(len(value))
    for one in np.unique(own):
        rows = np.flatnonzero(own == one)
        share = (groups == one).astype(float)
        out[rows] = model.draw_inside(name, share, {k: v[rows] for k, v in before.items()}, len(rows), g)[0]
    return out
