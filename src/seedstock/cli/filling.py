"""`seedstock impute`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedstock.cli._door import DONE, Data, Json, Quiet, SchemaFile, Seed, door, print_json, printable, progress, say
from seedstock.cli.grow import Kinds, Roles, Settings


@door
def impute(
    data: Data,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The completed data.")],
    draws: Annotated[
        int, typer.Option("--draws", "-m", help="Completed tables; several are numbered: FILE-1, FILE-2, ...")
    ] = 1,
    edits: Annotated[
        str | None, typer.Option("--edits", metavar="FILE.json", help="Every filled cell; `clean --undo` takes it.")
    ] = None,
    generator: Annotated[str | None, typer.Option("--generator", "-g", metavar="NAME", show_default="forest")] = None,
    seed: Seed = None,
    set_: Settings = None,
    schema: SchemaFile = None,
    kind: Kinds = None,
    role: Roles = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draw missing cells given the present ones. No other cell changes."""
    from seedstock import api
    from seedstock.checks._log import to_text
    from seedstock.settings import parse_pairs
    from seedstock.sources.write import write

    shown = progress(json_, quiet)
    shown.stage("read")
    source = api.read(
        data, None, schema, parse_pairs(kind or [], "--kind"), parse_pairs(role or [], "--role"), series=False
    )
    settings = parse_pairs(set_ or [], "--set")
    done = api.impute(source, draws, generator, settings, seed or 0, shown).completed
    files = []
    for i, (table, own) in enumerate(zip(done.draws, done.edits, strict=True), 1):
        file = _numbered(output, i, draws)
        write(table, file)
        shown.kept(file)
        files.append(file)
        if edits is not None:
            _write_text(_numbered(edits, i, draws), to_text(own, source, table))
    shown.close()
    cells = len(done.edits[0])
    if json_:
        print_json({"output": files, "cells": cells, "draws": draws, "seed": seed or 0, "notes": list(done.notes)})
    else:
        for note in done.notes:
            say(printable(note))
        for file in files:
            say(f"{cells:,} cells filled   {printable(file)}")
    return DONE


def _write_text(file: str, text: str) -> None:
    from seedstock.store import file_in_place

    file_in_place(file, lambda new: new.write_text(text, "utf-8"))


def _numbered(file: str, i: int, draws: int) -> str:
    path = Path(file)
    return file if draws == 1 else str(path.with_name(f"{path.stem}-{i}{path.suffix}"))
