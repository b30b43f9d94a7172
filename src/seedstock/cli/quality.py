"""`seedstock check`, `seedstock clean` and `seedstock judge`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from seedstock.cli._door import (
    DONE,
    SHORT,
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


@door
def check(
    data: Data,
    target: Target = None,
    against: Annotated[
        str | None, typer.Option("--against", metavar="OTHER", help="Data that must not share rows with these.")
    ] = None,
    schema: SchemaFile = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Look for contamination. Exit code 1: something grave was found."""
    from seedstock import api

    shown = progress(json_, quiet)
    shown.stage("check")
    found = api.check(api.read(data, target, schema), against=against, seed=seed or 0)
    shown.close()
    if json_:
        print_json({"findings": [f.to_json() for f in found]})
    else:
        from seedstock.cli import _show

        _show.findings(found)
    return SHORT if any(f.severity == "high" for f in found) else DONE


@door
def clean(
    data: Data,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The mended data.")],
    edits: Annotated[
        str | None, typer.Option("--edits", metavar="FILE.json", help="Every change, with its reason.")
    ] = None,
    target: Target = None,
    policy: Annotated[str, typer.Option(help="What to mend: safe or thorough.")] = "safe",
    schema: SchemaFile = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Mend what the checks find, and say what was changed."""
    from seedstock import api
    from seedstock.sources.write import write
    from seedstock.store import file_in_place

    shown = progress(json_, quiet)
    shown.stage("clean")
    source = api.read(data, target, schema)
    cleaned, made = api.clean_dataset(source, policy, seed or 0)
    write(cleaned, output)
    if edits is not None:
        text = json.dumps([e.to_json() for e in made], indent=1, allow_nan=False)
        file_in_place(edits, lambda new: new.write_text(text + "\n", "utf-8"))
    shown.close()
    removed = len(source.table) - len(cleaned.table)
    changed = sum(e.column is not None for e in made)
    if json_:
        print_json({"output": output, "edits": len(made), "rows_removed": removed, "cells_changed": changed})
    else:
        say(f"{removed:,} rows removed, {changed:,} cells changed   {printable(output)}")
    return DONE


@door
def judge(
    train: Annotated[str, typer.Option("--train", metavar="FILE", help="The rows that the generator learned from.")],
    holdout: Annotated[str, typer.Option("--holdout", metavar="FILE", help="Real rows that it never saw.")],
    synthetic: Annotated[str, typer.Option("--synthetic", metavar="FILE", help="The rows to judge.")],
    target: Target = None,
    report: Annotated[str | None, typer.Option("--report", metavar="FILE.html", help="Write a report.")] = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Measure synthetic rows: fidelity, utility, coverage and privacy, each beside its floor."""
    from seedstock import api

    shown = progress(json_, quiet)
    shown.stage("read")
    judged = api.judge(train, holdout, synthetic, target, seed or 0, shown)
    if report is not None:
        shown.stage("report")
        judged.save_report(report)
        shown.kept(report)
    shown.close()
    if json_:
        print_json(judged.facts)
    else:
        from seedstock.cli import _show

        _show.judged(judged)
        if report is not None:
            say(f"Report  {printable(report)}")
    return SHORT if "no" in (judged.verdict.train_on, judged.verdict.share) else DONE
