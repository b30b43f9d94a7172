"""`Formula`: rules that calculate a number from other numbers."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from seedstock.core.table import Mask, Table
from seedstock.encoding.rules.cells import Numbers, numbers
from seedstock.encoding.rules.rule import Rule


class Formula(Rule):
    """A rule whose last column is calculated from the others, not looked up."""

    computes: ClassVar[bool] = True

    @abstractmethod
    def value(self, table: Table) -> Numbers:
        """Return what it makes of each row, shape (n,), NaN where it says nothing; not rounded."""

    @abstractmethod
    def near(self, want: Numbers, table: Table) -> Mask:
        """Tell which cells of the last column are as near to a value, shape (n,), as writing leaves them."""

    def holds(self, table: Table) -> Mask:
        want = self.value(table)
        with np.errstate(invalid="ignore"):
            near = self.near(want, table)
        out: Mask = near | ~np.isfinite(want) | np.isnan(numbers(table[self.columns[-1]]))
        return out

    def tells(self, table: Table) -> Mask:
        out: Mask = np.isfinite(self.value(table))
        return out
