"""Conditions on values that a model never saw, because others stood for them when it learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seedstock.conditions import Conditions
from seedstock.core.errors import InputError
from seedstock.core.given import Allowed
from seedstock.core.table import Column, Table

_OPTIONS = {"personal": "--keep-personal", "addresses": "--keep-addresses"}


def refuse_replaced(asked: Conditions, known: Table, record: Mapping[str, Any]) -> None:
    """Raise an `InputError` where conditions name a value of the source in a column whose values were replaced.

    Parameters
    ----------
    known : Table
        Whose texts are those that the model learned.
    record : mapping
        The model's record.
    """
    for name, option in _replaced(record).items():
        levels = known[name].levels if name in known else None
        if levels is None:
            continue
        learned = set(levels.tolist())
        for cells in _asked(asked, name):
            foreign = [t for t in cells.texts()[~cells.missing] if t not in learned] if cells.is_text else []
            if foreign:
                raise InputError(
                    f"no row with {name} = {foreign[0]!r} was learned: made-up values stand for the real ones of this "
                    f"column; name one that drawn rows have, put the condition to `grow`, or learn with {option}"
                )


def _replaced(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns whose values were replaced, and the option that keeps them."""
    out: dict[str, str] = {}
    for parent in record.get("parents") or ():
        for fact, option in _OPTIONS.items():
            said = parent.get(fact) if isinstance(parent, Mapping) else None
            if isinstance(said, Mapping) and said.get("kept") is False:
                for columns in dict(said.get("columns") or {}).values():
                    out |= dict.fromkeys(columns, option)
    return out


def _asked(asked: Conditions, name: str) -> Iterator[Column]:
    if name in asked.cells:
        yield asked.cells[name]
    if asked.partial is not None and name in asked.partial:
        yield asked.partial[name]
    if name in asked.allowed:
        yield from _values(asked.allowed[name])


def _values(allowed: Allowed) -> Iterator[Column]:
    if allowed.values is not None:
        yield allowed.values
    for other in allowed.also:
        yield from _values(other)
