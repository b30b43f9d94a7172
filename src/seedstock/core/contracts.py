"""The contracts, on one page: what a generator, a check and a metric must do.

A new one is one new file in `generators/`, `checks/` or `metrics/`. At its end stand three constants:

=============  ==========================  =============================  ==================================
folder         what it is                  for the contract tests         where it comes from
=============  ==========================  =============================  ==================================
generators/    ``GENERATOR`` (the class)   ``TINY`` (small settings)      ``SOURCE`` (paper, equation)
checks/        ``CHECK`` (the class)       ``plant`` (contaminates)       ``SOURCE``
metrics/       ``METRIC`` (the class)      ``TINY``                       ``SOURCE``
=============  ==========================  =============================  ==================================

`seedstock.catalog` lists the files; nothing else needs an edit. `tests/contract` holds each of them to this page.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

from seedstock.core.given import Given
from seedstock.core.results import Evidence, Finding, Score, State
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset, Table


@runtime_checkable
class Fitted(Protocol):
    """A fitted model. There is no unfitted one."""

    @property
    def schema(self) -> Schema:
        """The schema of the data it was fitted to, and of all that it draws."""

    def sample(self, n: int, rng: Rng, given: Table | Given | None = None, start: int = 0) -> Dataset:
        """Draw exactly n rows, or raise a `ShortfallError` with the acceptance rate.

        Rows come in blocks (`seedstock.core.rng.blocks`), each from its own stream: rows ``start`` to
        ``start + n`` are the same whoever draws them, in whatever division. `given` has n rows and some of the
        columns: its present cells are kept, its missing cells are drawn; a `Given` says besides what drawn cells
        may be (ranges, sets, missing).
        """

    def state(self) -> State:
        """Return all that `from_state` needs to make an equal model."""

    @classmethod
    def from_state(cls, state: State) -> Fitted:
        """Make the model again; an `InputError` where the state does not fit."""


@runtime_checkable
class Generator(Protocol):
    """Settings of a model: a frozen dataclass, units in the names."""

    fitted: ClassVar[type[Fitted]]

    def fit(self, data: Dataset, rng: Rng) -> Any:  # Fitted
        """Learn one table. The data are not changed; equal data, settings and rng give an equal model."""


@runtime_checkable
class Check(Protocol):
    """Looks for one kind of contamination: a frozen dataclass.

    Its module has ``plant(data, share, rng) -> (data, rows)``, which contaminates a share of the rows of a clean
    data set and says which rows; rows is None where this kind of contamination cannot occur in these data.
    """

    false_alarms: ClassVar[float]
    """Declared bound: share of clean tables on which it reports anything of high severity."""

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return what was found; an empty list where there is nothing or the check does not apply."""


@runtime_checkable
class Metric(Protocol):
    """Measures one thing about synthetic data: a frozen dataclass."""

    group: ClassVar[str]
    """``fidelity``, ``utility``, ``coverage`` or ``privacy``."""

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        """Return scores, each beside its floor. Scores that do not apply are left out."""
