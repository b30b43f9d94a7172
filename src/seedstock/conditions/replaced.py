"""Conditions on values that a model never saw, because others stood for them when it learned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seedstock.conditions import Conditions
from seedstock.core.errors import InputError
from seedstock.core.given import Allowed
from seedstock.core.table import Column, Table

_PERSONAL = "--keep-personal"


def refuse_replaced(asked: Conditions, known: Table, record: Mapping[str, Any]) -> None:
    """Raise an `InputError` where conditions name a value of the source in a column whose values were replaced.

    Parameters
    ----------
    known : Table
        Whose texts are those that the model learned.
    record : mapping
        The model's record.
    """
    columns, emails = _replaced(record)
    for name, column in known.columns.items():
        if column.levels is None or not (name in columns or emails):
            continue
        learned = set(column.levels.tolist())
        for cells in _asked(asked, name):
            texts = [t for t in cells.texts()[~cells.missing] if t not in learned] if cells.is_text else []
            foreign = [t for t in texts if name in columns or "@" in t]
            if foreign:
                raise InputError(
                    f"no row with {name} = {foreign[0]!r} was learned: made-up values stand for the real ones of this "
                    f"column; name one that drawn rows have, put the condition to `grow`, or learn with "
                    f"{columns.get(name, _PERSONAL)}"
                )


def _replaced(record: Mapping[str, Any]) -> tuple[dict[str, str], bool]:
    """Return the columns whose values were replaced with the option that keeps them, and whether all e-mails were."""
    columns: dict[str, str] = {}
    emails = False
    for parent in record.get("parents") or ():
        for fact, option in (("personal", _PERSONAL), ("addresses", "--keep-addresses")):
            said = parent.get(fact) if isinstance(parent, Mapping) else None
            if isinstance(said, Mapping) and said.get("kept") is False:
                emails |= option == _PERSONAL
                for names in dict(said.get("columns") or {}).values():
                    columns |= dict.fromkeys(names, option)
    return columns, emails


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
