"""`seedstock clean`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from seedstock.cli._door import (
    DONE,
    Data,
    Json,
    Quiet,
    SchemaFile,
    Seed,
    Target,
    door,
    print_json,
    printable,
    progress,
    say,
)
from seedstock.core.errors import InputError


@door
def clean(
    data: Data,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The mended data.")],
    edits: Annotated[
        str | None, typer.Option("--edits", metavar="FILE.json", help="Every change, with its reason.")
    ] = None,
    target: Target = None,
    policy: Annotated[
        str | None, typer.Option(help="What to mend: report (nothing), safe or thorough.", show_default="safe")
    ] = None,
    review: Annotated[
        str | None,
        typer.Option(
            "--review", metavar="FILE", help="What is in doubt, to be ticked (.csv or .html); read back, if it exists."
        ),
    ] = None,
    decisions: Annotated[
        str | None, typer.Option("--decisions", metavar="FILE.csv", help="A review file that was ticked.")
    ] = None,
    undo: Annotated[
        str | None, typer.Option("--undo", metavar="EDITS.json", help="Take the edits of a log back, exactly.")
    ] = None,
    schema: SchemaFile = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Mend what the checks find, and say what was changed; or take changes back."""
    if undo is not None:
        given: dict[str, object] = {"--edits": edits, "--target": target, "--policy": policy, "--review": review}
        given |= {"--decisions": decisions, "--schema": schema, "--seed": seed}
        if extra := [name for name, value in given.items() if value is not None]:
            raise InputError(f"--undo takes back what a log says; {extra[0]} has no place beside it")
        return _undo(data, output, undo, json_, quiet)
    from seedstock import api
    from seedstock.sources.write import write

    kept = review is not None and Path(review).suffix.lower() in (".csv", "") and Path(review).exists()
    if kept and decisions is not None:
        raise InputError(f"two files with decisions, {review} and {decisions}; give one of them")
    answers = review if kept else decisions
    shown = progress(json_, quiet)
    shown.stage("clean")
    mended = api.clean_dataset(api.read(data, target, schema), policy or "safe", seed or 0, answers)
    write(mended.after, output)
    if edits is not None:
        mended.save_log(edits)
    if review is not None and not kept:
        mended.save_review(review)
    shown.close()
    removed = len(mended.before.table) - len(mended.after.table)
    facts: dict[str, Any] = {
        "output": output,
        "edits": len(mended.edits),
        "rows_removed": removed,
        "cells_changed": sum(e.column is not None for e in mended.edits),
        "in_doubt": len(mended.doubtful),
        "accepted": mended.accepted,
    }
    if json_:
        print_json(facts)
        return DONE
    say(f"{removed:,} rows removed, {facts['cells_changed']:,} cells changed   {printable(output)}")
    if answers is not None:
        say(f"{mended.accepted:,} of them by your decisions   {printable(answers)}")
    elif review is not None:
        say(f"{len(mended.doubtful):,} edits in doubt: tick those that are right   {printable(review)}")
    return DONE


def _undo(data: str, output: str, log: str, json_: bool, quiet: bool) -> int:
    from seedstock import api
    from seedstock.sources.write import write

    shown = progress(json_, quiet)
    shown.stage("undo")
    before = api.undo_dataset(data, log)
    write(before, output)
    shown.close()
    if json_:
        print_json({"output": output, "rows": len(before.table), "undone": log})
    else:
        say(f"{len(before.table):,} rows, as before the edits of {printable(log)}   {printable(output)}")
    return DONE
