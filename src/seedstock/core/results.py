"""What stages hand on besides data: findings, edits, scores, evidence and a model's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from seedstock.core.table import Dataset

Severity = Literal["high", "medium", "low"]
Direction = Literal["low", "high", "half"]


@dataclass(frozen=True)
class Finding:
    """What one check found in one place.

    Attributes
    ----------
    check : str
        Name of the check.
    table, column : str, str or None
    rows : tuple of int
        0-based row numbers, ascending; empty where the whole column or table is meant.
    severity : {"high", "medium", "low"}
    confidence : float
        Probability, 0 to 1, that this is real contamination.
    message, fix : str
        What was seen, with numbers; what to do about it.
    edits : tuple of Edit
        The cell edits and row removals that would mend it.
    details : mapping
        Further evidence; JSON values only.
    """

    check: str
    table: str
    column: str | None
    rows: tuple[int, ...]
    severity: Severity
    confidence: float
    message: str
    fix: str
    edits: tuple[Edit, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the finding as JSON values, without its edits."""
        out = {k: v for k, v in self.__dict__.items() if k != "edits"}
        return {**out, "rows": list(self.rows), "n_edits": len(self.edits)}


@dataclass(frozen=True)
class Edit:
    """One change of one cell, or, with no column, the removal of one row.

    `safe` edits lose no information or can be undone exactly. `before` and `after` are the cell's text, None
    where missing. Rows are numbered as in the table before any edit.
    """

    table: str
    row: int
    column: str | None
    before: str | None
    after: str | None
    check: str
    confidence: float
    safe: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return the edit as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Score:
    """One measured number beside its floor.

    Attributes
    ----------
    name : str
    value : float
        NaN where it could not be measured; `details` then has ``"why"``.
    floor : float
        The same measure between two samples of real data (holdout in the place of synthetic).
    better : {"low", "high", "half"}
        Which direction is good; ``half`` means that 0.5 is ideal.
    good : float
        The bound that a good synthetic table meets: value <= good, >= good, or abs(value - .5) <= good - .5.
    interval : tuple of float or None
        95 % interval of the value, where one is known.
    n : int
        Rows that the value stands on.
    details : mapping
        Further numbers, per column say; JSON values only.
    """

    name: str
    value: float
    floor: float
    better: Direction
    good: float
    interval: tuple[float, float] | None = None
    n: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool | None:
        """Whether the value meets its bound; None where it could not be measured."""
        if np.isnan(self.value):
            return None
        if self.better == "high":
            return self.value >= self.good
        if self.better == "low":
            return self.value <= self.good
        return abs(self.value - 0.5) <= self.good - 0.5

    def to_json(self) -> dict[str, Any]:
        """Return the score as JSON values; NaN becomes None."""
        out: dict[str, Any] = {**asdict(self), "ok": self.ok, "details": dict(self.details)}
        return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in out.items()}


@dataclass(frozen=True)
class Evidence:
    """What a metric may look at. All data sets have one schema.

    `holdout` was never seen by the generator. `synthetic` may have any number of rows.
    """

    train: Dataset
    holdout: Dataset
    synthetic: Dataset

    @property
    def target(self) -> str | None:
        return self.train.target


@dataclass(frozen=True)
class State:
    """A model as arrays and JSON values: all that is ever saved of one."""

    arrays: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any]
