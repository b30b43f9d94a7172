"""`View`: a table as the search for rules reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import TableSchema
from seedstock.core.table import Mask, Table
from seedstock.encoding.rules.cells import MISSING, Codes, Domain, Numbers, is_number, numbers, step_of
from seedstock.encoding.rules.decimals import error_of, precision_of

_CHANCE = 1e-6
"""Expected number of rules of one kind that chance alone makes in a table."""

_FINE = 1e-5
"""Numbers with more decimals may be written with so many significant digits instead."""


def by_chance(candidates: int) -> float:
    """Return the log-probability below which chance is excluded, after so many candidates."""
    return float(np.log(_CHANCE) - np.log(max(candidates, 1)))


@dataclass(frozen=True, eq=False)
class View:
    """The learned columns of a table, as codes and as numbers, computed when first asked for.

    Attributes
    ----------
    table : Table, n rows
    schema : TableSchema
    """

    table: Table
    schema: TableSchema

    @property
    def n(self) -> int:
        return len(self.table)

    @cached_property
    def names(self) -> list[str]:
        """Columns that rules may be about, in order; constant ones are not."""
        made = set(self.schema.of_kind("id", "text", "image"))
        return [name for name in self.table if name not in made and self.k(name) > 1]

    @cached_property
    def _coded(self) -> dict[str, tuple[Domain, Codes]]:
        return {}

    def coded(self, name: str) -> tuple[Domain, Codes]:
        """Return a column's domain and codes, `MISSING` where missing."""
        if name not in self._coded:
            self._coded[name] = Domain.fit(self.table[name])
        return self._coded[name]

    def k(self, name: str) -> int:
        """Number of distinct values, missing included."""
        return len(self.coded(name)[0].values) + bool(self.table[name].missing.any())

    def codes(self, name: str) -> Codes:
        """Return codes (n,) from 0 on, missing last."""
        domain, codes = self.coded(name)
        return np.where(codes == MISSING, len(domain.values), codes)

    def shares(self, name: str) -> NDArray[np.float64]:
        """Return the share of each code, shape (k,)."""
        codes = self.codes(name)
        return np.bincount(codes, minlength=len(self.coded(name)[0].values) + 1) / max(self.n, 1)

    def usual(self, name: str) -> Mask:
        """Return where a column has its most common value; such rows hardly test a rule."""
        codes = self.codes(name)
        usual: Mask = codes == np.argmax(np.bincount(codes))
        return usual

    @cached_property
    def numeric(self) -> list[str]:
        """Columns that can be computed with."""
        return [name for name in self.names if is_number(self.table[name])]

    @cached_property
    def _numbers(self) -> dict[str, Numbers]:
        return {}

    def numbers(self, name: str) -> Numbers:
        """Return a column as float64, NaN where missing or infinite."""
        if name not in self._numbers:
            x = numbers(self.table[name])
            self._numbers[name] = np.where(np.isfinite(x), x, np.nan)
        return self._numbers[name]

    @cached_property
    def _steps(self) -> dict[str, float]:
        return {}

    def step(self, name: str) -> float:
        """Return the grid of a column, 0 where there is none."""
        if name not in self._steps:
            self._steps[name] = step_of(self.table[name], self.schema[name])
        return self._steps[name]

    @cached_property
    def _precisions(self) -> dict[str, tuple[int, float]]:
        return {}

    def digits(self, name: str) -> int:
        """Return the significant digits of a column on no or a fine grid, 0 where as many as fit; or `SINGLE`."""
        return self._precision(name)[0]

    def relative(self, name: str) -> float:
        """Return the relative error with which a column on no grid or a fine one is written."""
        return self._precision(name)[1]

    def loosest(self, name: str) -> float:
        """Return the relative error of a column if it is one of the digits that it has beyond those of its grid."""
        coarse = self.step(name) > _FINE
        return self.relative(name) or (0.0 if coarse else error_of(self.numbers(name), bool(self.step(name))))

    def _precision(self, name: str) -> tuple[int, float]:
        if name not in self._precisions:
            coarse = self.step(name) > _FINE
            self._precisions[name] = (0, 0.0) if coarse else precision_of(self.numbers(name))
        return self._precisions[name]

    def family(self, name: str) -> str:
        """Return ``time``, ``duration`` or ``number``: columns of one family can be compared."""
        kind = self.table[name].values.dtype.kind
        return {"M": "time", "m": "duration"}.get(kind, "number")

    def repeats(self, name: str) -> bool:
        """Tell whether most rows share their value with three others at least."""
        counts = np.bincount(self.codes(name))
        return bool(counts[counts >= 4].sum() >= 0.9 * self.n)

    def present(self, names: Sequence[str]) -> Mask:
        """Return where none of the columns is missing."""
        out = np.ones(self.n, bool)
        for name in names:
            out &= ~self.table[name].missing
        return out

    def unusual(self, names: Sequence[str]) -> Mask:
        """Return where all columns are present and not all have their most common value."""
        out = np.zeros(self.n, bool)
        for name in names:
            out |= ~self.usual(name)
        return out & self.present(names)
