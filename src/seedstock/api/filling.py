"""Missing cells, filled."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seedstock.api.reading import Source, read
from seedstock.catalog import default_generator
from seedstock.clock import Clock, Progress, Silent
from seedstock.core.results import Edit
from seedstock.imputation import Completed, Pooled, pool
from seedstock.imputation import impute as fill
from seedstock.outcomes import as_frame, flavour_of
from seedstock.settings import make_generator


@dataclass(frozen=True, eq=False)
class Imputed:
    """What `impute` returns.

    Attributes
    ----------
    completed : Completed
    flavour : str
        The kind of frame that was handed in.
    """

    completed: Completed
    flavour: str

    @property
    def table(self) -> Any:
        """The first completed table, as the kind of frame that was handed in."""
        return as_frame(self.completed.draws[0], self.flavour)

    @property
    def tables(self) -> list[Any]:
        """All completed tables."""
        return [as_frame(d, self.flavour) for d in self.completed.draws]

    @property
    def edits(self) -> list[Edit]:
        """The cells that were filled in the first table."""
        return list(self.completed.edits[0])

    @property
    def notes(self) -> list[str]:
        """What was left alone, and why."""
        return list(self.completed.notes)

    def pool(self, estimate: Callable[[Any], tuple[float, float]]) -> Pooled:
        """Estimate on every completed table, and pool by Rubin's rules.

        Parameters
        ----------
        estimate : callable
            Takes a frame and returns an estimate and its squared standard error.
        """
        found = [estimate(table) for table in self.tables]
        return pool([value for value, _ in found], [variance for _, variance in found])


def impute(
    source: Source,
    draws: int = 1,
    generator: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
) -> Imputed:
    """Draw the missing cells of a table given the present ones; no other cell changes.

    Parameters
    ----------
    draws : int
        Completed tables. Several show by their spread how sure the filled cells are: analyse each, then
        `Imputed.pool`. Each is drawn from a model of its own.
    generator, settings, seed
        See `fit`.
    schema, kinds, roles
        See `read`.
    """
    data = read(source, None, schema, kinds, roles, series=False)
    made = make_generator(generator or default_generator(data.domain), settings)
    return Imputed(fill(data, made, draws, seed, Clock(progress or Silent())), flavour_of(data))
