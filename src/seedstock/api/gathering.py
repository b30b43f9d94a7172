"""What a model may learn from: one file, or several of one table, with their lineage and the guard's word."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seedstock.api.reading import Source, read_like
from seedstock.core.errors import InputError
from seedstock.core.table import Dataset, Table
from seedstock.marking import known_origin
from seedstock.provenance.guard import GuardResult, guard
from seedstock.provenance.lineage import parts, sources_of
from seedstock.provenance.tails import TailResult, tail_gate


@dataclass(frozen=True, eq=False)
class Gathered:
    """Data that the guard has let pass.

    Attributes
    ----------
    data : Dataset
        The rows that are cleaned, split and judged by: all of them, or those of the files that are not synthetic.
    beside : Dataset or None
        Synthetic rows to learn from as well.
    guarded : GuardResult
    """

    data: Dataset
    beside: Dataset | None
    guarded: GuardResult

    @property
    def whole(self) -> Dataset:
        """All rows to learn from, in one data set."""
        return self.data if self.beside is None else joined([self.data, self.beside])


def gather(
    source: Source | Sequence[Source],
    read: Callable[[Source], Dataset],
    real: bool = False,
    override: str | None = None,
    key: str | os.PathLike[str] | None = None,
    holdout: float = 0.0,
) -> Gathered:
    """Read all sources, find out where they come from, and refuse what must not be learned from.

    Parameters
    ----------
    source : source or list of sources
        The first one decides about the columns; the others hold more rows of the same table.
    read : callable
        Reads the first one.
    holdout : float
        Share of the real rows that will be held out: they have no weight in the fit.
    """
    known = read_all(source, read, real, key)
    synthetic = [bool(set(parts(d.origin)) - {"0", "unauthenticated"}) for d in known]
    base = [d for d, s in zip(known, synthetic, strict=True) if not s]
    beside = [d for d, s in zip(known, synthetic, strict=True) if s]
    if not base or not beside:
        weights = [{**d.origin, "rows": d.size} for d in known]
        return Gathered(joined(known), None, guard(weights, override).enforce())
    data, extra = joined(base), joined(beside)
    weights = [{**d.origin, "rows": len(d.table), "weight": len(d.table) * (1.0 - holdout)} for d in base]
    weights += [{**d.origin, "rows": len(d.table)} for d in beside]
    tails: dict[str, TailResult] = {name_of(d): tail_gate(data, d) for d in beside}
    return Gathered(data, extra, guard(weights, override, tails).enforce())


def read_all(
    source: Source | Sequence[Source],
    read: Callable[[Source], Dataset],
    real: bool = False,
    key: str | os.PathLike[str] | None = None,
) -> list[Dataset]:
    """Return each source as a data set with its lineage; all of them have the first one's columns."""
    sources = list(source) if isinstance(source, list | tuple) else [source]
    if not sources:
        raise InputError("there is nothing to read; name at least one source")
    first = read(sources[0])
    if len(sources) > 1 and first.domain not in ("table", "sequence", "regular"):
        raise InputError(f"several sources can be read together where they are tables, not {first.domain} data")
    data = [first, *(read_like(s, first) for s in sources[1:])]
    return [known_origin(d, s, real, key) for d, s in zip(data, sources, strict=True)]


def joined(data: Sequence[Dataset]) -> Dataset:
    """Return the rows of several data sets as one, which remembers what it was put together from."""
    if len(data) == 1:
        return data[0]
    names = data[0].table.names
    for d in data[1:]:
        if set(d.table.names) != set(names):
            odd = sorted(set(names) ^ set(d.table.names))
            raise InputError(f"{name_of(d)!r} has other columns than {name_of(data[0])!r}: {', '.join(odd[:5])}")
    tables = [Table({c: d.table[c] for c in names}, len(d.table)) for d in data]
    origins = [
        {"name": name_of(d), **o, "rows": len(d.table)} if len(sources_of(d.origin)) == 1 else dict(o)
        for d in data
        for o in sources_of(d.origin)
    ]
    origin: dict[str, Any] = {"name": " + ".join(name_of(d) for d in data), "parts": origins}
    if "flavour" in data[0].origin:
        origin["flavour"] = data[0].origin["flavour"]
    notes = tuple(dict.fromkeys(note for d in data for note in d.notes))
    return replace(data[0].with_table(Table.concat(tables)), origin=origin, notes=notes)


def name_of(data: Dataset) -> str:
    """Return what a data set is called to a user: its file's name, or its own."""
    name = data.origin.get("path") or data.origin.get("name") or data.name
    return str(name).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
