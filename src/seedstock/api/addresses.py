"""Addresses and names of machines: replaced before anything is learned, unless the user keeps them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from seedstock.api.gathering import Gathered
from seedstock.core.table import Table
from seedstock.network.mask import kept, mask
from seedstock.provenance.keys import project_key


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
