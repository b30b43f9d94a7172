"""Addresses and names of machines: replaced before anything is learned, unless the user keeps them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from seedstock.api.gathering import Gathered
from seedstock.core.table import Dataset, Table
from seedstock.marking import known_origin
from seedstock.network.mask import kept, mask
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


def hide(gathered: Gathered, keep: bool, key: str | os.PathLike[str] | None = None) -> Hidden:
    """Replace the addresses of data that are learned from, under the project's key; or say that they are kept.

    Synthetic rows that are learned from beside the real ones were drawn from replaced addresses already, and stay.
    """
    if keep:
        data = kept(gathered.data)
        notes = data.notes[len(gathered.data.notes) :]
        return Hidden(replace(gathered, data=data), lambda v: v, lambda t: t, notes)

    def secret() -> tuple[bytes, str]:
        own = project_key(key)
        return own.secret, own.name

    masked = mask(gathered.data, secret)
    notes = masked.data.notes[len(gathered.data.notes) :]
    return Hidden(replace(gathered, data=masked.data), masked.texts, masked.tables, notes)


def on_equal_terms(
    real: Dataset, held: Dataset, drawn: Dataset, source: Any
) -> tuple[Dataset, Dataset, tuple[str, ...]]:
    """Return real rows and held ones with the addresses that drawn rows were learned with, and what there is to note.

    Parameters
    ----------
    drawn : Dataset
        Rows whose record says whether addresses were replaced.
    source : path or frame
        What they were read from.
    """
    record = lineage_of(known_origin(drawn, source).origin) or {}
    said = [p.get("addresses") for p in record.get("parents") or () if isinstance(p, dict)]
    replaced = [a for a in said if isinstance(a, dict) and a.get("kept") is False]
    if not replaced or drawn.domain == "linked":
        return real, held, ()
    own = project_key()
    if any(a.get("key") != own.name for a in replaced):
        note = (
            "Addresses of the drawn rows were replaced under another key than this project's, so columns of addresses "
            "cannot be compared with the real ones; judge where they were grown."
        )
        return real, held, (note,)
    masked = mask(real, own.secret)
    return masked.data, held.with_table(masked.tables(held.table)), masked.data.notes[len(real.notes) :]
