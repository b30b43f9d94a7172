"""`seedstock trace` and `seedstock register`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seedstock.cli._door import DONE, Also, Data, Json, Key, door, print_json, printable, say

Register = Annotated[
    str | None,
    typer.Option("--register", metavar="FILE|URL", help="A file, or postgresql://...", show_default="the user's own"),
]

Role = Annotated[
    str, typer.Option("--role", metavar="data|train|test", help="What the rows are used for: test rows must not train.")
]


@door
def trace(
    data: Data,
    also: Also = None,
    key: Key = None,
    register: Register = None,
    role: Role = "data",
    json_: Json = False,
) -> int:
    """Where does this come from, and is any of it synthetic?"""
    from seedstock import api

    found = api.trace([data, *also] if also else data, key, register, _known(role))
    if json_:
        print_json(found)
        return DONE
    from seedstock.cli import _show

    _show.traced(found)
    return DONE


@door
def register(
    data: Data,
    name: Annotated[str | None, typer.Option("--name", help="What to call it.", show_default="the file's name")] = None,
    register_: Register = None,
    role: Role = "data",
    json_: Json = False,
) -> int:
    """Remember a data set's fingerprint, so that `trace` finds its rows elsewhere."""
    from seedstock import api

    entry = api.register(data, name, register_, _known(role))
    if json_:
        print_json(entry)
    else:
        say(f"{printable(entry['name'])}   {entry['rows']:,} rows remembered in {printable(entry['register'])}")
        for note in entry["notes"]:
            say(printable(note))
    return DONE


def _known(role: str) -> Any:
    from seedstock.core.errors import InputError

    if role not in ("data", "train", "test"):
        raise InputError(f"the role must be data, train or test, not {role!r}")
    return role
