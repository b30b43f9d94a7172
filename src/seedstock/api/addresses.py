"""Addresses of machines and data about people: replaced before anything is learned, unless the user keeps them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from seedstock.api.gathering import Gathered
from seedstock.core.table import Dataset, Table
from seedstock.marking import known_origin
from seedstock.network import mask as network
from seedstock.personal import mask as personal
from seedstock.provenance.keys import project_key
from seedstock.provenance.record import lineage_of


@dataclass(frozen=True, eq=False)
class Hidden:
    """What may be learned from, and the same replacement for what else a user hands in.

    Attributes
    ----------
    gathered : Gathered
    texts : callable
        For conditions: any value with texts.
    tables : callable
        For partial rows.
    notes : tuple of str
    """

    gathered: Gathered
    texts: Callable[[Any], Any]
    tables: Callable[[Table], Table]
    notes: tuple[str, ...] = ()


def hide(
    gathered: Gathered, keep_addresses: bool, keep_personal: bool, key: str | os.PathLike[str] | None = None
) -> Hidden:
    """Replace addresses and data about people in what is learned from, under the project's key; or say they are kept.

    Synthetic rows that are learned from beside the real ones were drawn from replaced values already, and stay.
    """

    def secret() -> tuple[bytes, str]:
        own = project_key(key)
        return own.secret, own.name

    data = gathered.data
    masked = []
    for kind, keep in ((personal, keep_personal), (network, keep_addresses)):
        if keep:
            data = kind.kept(data)
            continue
        masked.append(kind.mask(data, secret))
        data = masked[-1].data

    def texts(value: Any) -> Any:
        return reduce(lambda v, m: m.texts(v), masked, value)

    def tables(table: Table) -> Table:
        return reduce(lambda t, m: m.tables(t), masked, table)

    notes = data.notes[len(gathered.data.notes) :]
    return Hidden(replace(gathered, data=data), texts, tables, notes)


def on_equal_terms(
    real: Dataset, held: Dataset, drawn: Dataset, source: Any
) -> tuple[Dataset, Dataset, tuple[str, ...]]:
    """Return real rows and held ones with the values that drawn rows were learned with, and what there is to note.

    Parameters
    ----------
    drawn : Dataset
        Rows whose record says whether addresses and data about people were replaced.
    source : path or frame
        What they were read from.
    """
    if drawn.domain == "linked":
        return real, held, ()
    return as_learned(real, held, lineage_of(known_origin(drawn, source).origin) or {})


def as_learned(real: Dataset, held: Dataset, record: Mapping[str, Any]) -> tuple[Dataset, Dataset, tuple[str, ...]]:
    """Return real rows and held ones with the values that a model of this record learned, and what there is to note."""
    before = len(real.notes)
    for fact, what, kind in (("personal", "Data about people", personal), ("addresses", "Addresses", network)):
        said = [p.get(fact) for p in record.get("parents") or () if isinstance(p, dict)]
        replaced = [a for a in said if isinstance(a, dict) and a.get("kept") is False]
        if not replaced:
            continue
        own = project_key()
        if any(a.get("key") != own.name for a in replaced):
            note = (
                f"{what} of the drawn rows were replaced under another key than this project's, so columns of them "
                f"cannot be compared with the real ones; judge where they were grown."
            )
            real = replace(real, notes=(*real.notes, note))
            continue
        masked = kind.mask(real, own.secret)
        real, held = masked.data, held.with_table(masked.tables(held.table))
    return real, held, real.notes[before:]
