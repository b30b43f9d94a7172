"""Where another column decides whether a cell is there at all: fields of an event, answers after a filter question.

Leaves shrunk toward their ancestors give every value some probability in every row, also the missing one. Where a
category's rows all have the cell, or none has it, and chance would not have done so, a draw keeps to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from seedstock.encoding.atoms import Atoms, Codes

_MOST_VALUES = 200
_MOST_NUMBERS = 60
_ROWS, _NEARLY = 10, 0.8
_SURPRISE = 12.0
"""Minus the log probability that independent cells of a category would all be there (or none), e^-12 at most."""


@dataclass(frozen=True, eq=False)
class Presence:
    """Which categories need a cell and which have none.

    Attributes
    ----------
    needs : mapping of str to int8 ndarray (k,)
        Deciding column -> for each of its codes 1 where the cell is always there, -1 where never, 0 where it may be.

    Examples
    --------
    >>> event = Atoms(np.array(["exec", "login"], object), np.array([50, 50]), 0.0, False)
    >>> path = Atoms(np.array(["a", "b"], object), np.array([25, 25, 50]), 0.0, False)
    >>> events, paths = np.repeat([0, 1], 50), np.r_[np.arange(50) % 2, np.full(50, 2)]
    >>> found = Presence.fit(path, paths, {"event": (event, events)})
    >>> found.needs["event"].tolist()
    [1, -1]
    """

    needs: Mapping[str, NDArray[np.int8]]

    @classmethod
    def fit(cls, atoms: Atoms, codes: Codes, before: Mapping[str, tuple[Atoms, Codes]]) -> Self | None:
        """Find the categories that decide whether a column's cells are there; None where there are none."""
        if not can_be_missing(atoms):
            return None
        gone = codes == len(atoms.values)
        found = {name: _needs(gone, *of) for name, of in before.items() if can_decide(of[0])}
        needs = {name: need for name, need in found.items() if need.any()}
        return cls(needs) if needs else None

    def required(self, before: Mapping[str, Codes]) -> NDArray[np.int8]:
        """Return 1, -1 or 0 for each row, shape (n,); where columns disagree, the first one decides."""
        out: NDArray[np.int8] | None = None
        for name, needs in self.needs.items():
            here = needs[before[name]]
            out = here if out is None else np.where(out == 0, here, out)
        assert out is not None
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that `from_arrays` needs, by column."""
        return dict(self.needs)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self | None:
        """Make it again."""
        return cls({name: np.asarray(needs, np.int8) for name, needs in arrays.items()}) if arrays else None

    def fits(self, before: Mapping[str, Atoms]) -> bool:
        """Tell whether every deciding column is known and has as many codes."""
        return all(name in before and needs.shape == (before[name].k,) for name, needs in self.needs.items())


def can_be_missing(atoms: Atoms) -> bool:
    """Tell whether a column has missing cells and others."""
    return atoms.k > len(atoms.values) > 0


def can_decide(atoms: Atoms) -> bool:
    """Tell whether a column's values are few names, or few whole numbers: events are numbered as often as named."""
    few = _MOST_NUMBERS if atoms.ordered else _MOST_VALUES
    return (not atoms.ordered or atoms.values.dtype.kind in "bi") and 1 < atoms.k <= few


def draw_order(atoms: Mapping[str, Atoms], codes: Mapping[str, Codes]) -> list[str]:
    """Return columns by the number of their values, what decides about most cells of another column before that one."""
    gone = {name: codes[name] == len(a.values) for name, a in atoms.items() if can_be_missing(a)}
    decided = {
        (cause, name)
        for cause, a in atoms.items()
        for name, missing in (gone.items() if can_decide(a) else ())
        if name != cause and 2 * np.count_nonzero(_needs(missing, a, codes[cause])[codes[cause]]) > len(missing)
    }
    rank = {name: float(a.k) for name, a in atoms.items()}
    for cause, name in decided:
        if (name, cause) not in decided:
            rank[cause] = min(rank[cause], atoms[name].k - 0.5)
    return sorted(atoms, key=lambda name: (rank[name], name))


def _needs(gone: NDArray[np.bool_], atoms: Atoms, codes: Codes) -> NDArray[np.int8]:
    rows = np.bincount(codes, minlength=atoms.k)
    missing = np.bincount(codes[gone], minlength=atoms.k)
    share = gone.mean()
    needs = np.zeros(atoms.k, np.int8)
    if not 0 < share < 1:
        return needs
    always, never = (missing == 0) & (rows > 0), (missing == rows) & (rows > 0)
    surprise = -rows * np.where(always, np.log1p(-share), np.log(share)) * (always | never)
    # Where (nearly) every category has all or none, together beyond chance, it is so by design, and rare ones keep to
    # it too: all of them, or those of which enough rows are known.
    pure, there = always | never, rows > 0
    together = surprise.sum() >= _SURPRISE + np.log(2) * np.count_nonzero(rows)
    nearly = pure[rows >= _ROWS].sum() >= _NEARLY * np.count_nonzero(rows >= _ROWS)
    by_design = together & (pure[there].all() | (nearly & (rows >= _ROWS)))
    sure = by_design | (surprise >= _SURPRISE)
    needs[always & sure] = 1
    needs[never & sure] = -1
    return needs
