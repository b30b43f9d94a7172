"""`seedstock check` and `seedstock judge`."""

from __future__ import annotations

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
    report: Annotated[
        str | None,
        typer.Option("--report", metavar="FILE.html", help="A page with every column and what was found, weighed."),
    ] = None,
    damage: Annotated[
        bool, typer.Option("--damage", help="Weigh what was found: what it costs a model. Takes up to 30 s more.")
    ] = False,
    max_rows: Annotated[
        int,
        typer.Option(
            "--max-rows", metavar="N", min=1_000, help="Of a Parquet or text file of more rows, check so many."
        ),
    ] = 2_000_000,
    schema: SchemaFile = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Look for contamination. Exit code 1: something grave was found."""
    from seedstock import api

    shown = progress(json_, quiet)
    shown.stage("check")
    spent = 30.0 if damage or report is not None else 0.0
    checked = api.profile(data, target, against, seed=seed or 0, damage_seconds=spent, max_rows=max_rows, schema=schema)
    found = checked.findings
    if report is not None:
        checked.save_report(report)
    shown.close()
    if json_:
        weighed = {"damage": [d.to_json() for d in checked.damage]} if spent else {}
        size = {} if checked.sampled_of is None else {"rows_checked": checked.data.size, "rows": checked.sampled_of}
        print_json({"findings": [f.to_json() for f in found], **weighed, **size})
    else:
        from seedstock.cli import _show

        if checked.sampled_of is not None:
            say(f"{checked.data.size:,} of {checked.sampled_of:,} rows, drawn at random, were checked; repeats in all.")
        for d in checked.damage:
            if d.interval[0] > 0:
                say(printable(f"{d.advice[:1].upper()}{d.advice[1:]}"))
        _show.findings(found)
        if report is not None:
            say(f"Report  {printable(report)}")
    return SHORT if any(f.severity == "high" for f in found) else DONE


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
