"""`seedstock prove`."""

from __future__ import annotations

from typing import Annotated

import typer

from seedstock.cli._door import DONE, SHORT, Data, Json, Quiet, Seed, Target, door, print_json, printable, progress, say
from seedstock.core.errors import InputError


@door
def prove(
    data: Data,
    target: Target = None,
    test: Annotated[str | None, typer.Option("--test", metavar="FILE", help="Real rows to test on.")] = None,
    generator: Annotated[
        list[str] | None, typer.Option("--generator", "-g", metavar="NAME", help="Repeatable.", show_default="copula")
    ] = None,
    few: Annotated[str, typer.Option("--few", metavar="N,N", help="Numbers of few real rows.")] = "50,100,200",
    rare: Annotated[
        str | None, typer.Option("--rare", metavar="VALUE", help="A rare value of the target: the protocol for these.")
    ] = None,
    subtype: Annotated[
        str | None, typer.Option("--subtype", metavar="COLUMN", help="With --rare: the kind within the rare class.")
    ] = None,
    examples: Annotated[
        str, typer.Option("--examples", metavar="N,N", help="With --rare: real examples.")
    ] = "5,10,20,50",
    subsets: Annotated[
        int | None, typer.Option("--subsets", help="Random subsets of the real rows.", show_default="5; 10 with --rare")
    ] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option("--max-minutes", help="Begin no subset that would end later.", show_default="5; 20 with --rare"),
    ] = None,
    hide_labels: Annotated[
        bool, typer.Option("--hide-labels", help="Beyond the few, real rows take part without their labels.")
    ] = False,
    report: Annotated[str | None, typer.Option("--report", metavar="FILE.html", help="Write a page.")] = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Measure whether few real rows + synthetic ones train like many real rows. Exit code 1: they train worse."""
    from seedstock.api import proving

    shown = progress(json_, quiet)
    if rare is not None:
        if hide_labels:
            raise InputError("--hide-labels does not go with --rare: leave one of them out")
        if report is not None:
            raise InputError("there is no page for --rare yet: leave --report out, and take --json")
        facts = proving.prove_rare(
            data,
            target,
            rare,
            test,
            subtype,
            generator or proving.GENERATORS,
            _numbers(examples),
            subsets or 10,
            max_minutes or 20.0,
            seed or 0,
            shown,
        )
        shown.close()
        if json_:
            print_json(facts)
        else:
            from seedstock.cli import _show

            _show.proven_rare(facts)
        return DONE
    proven = proving.prove(
        data,
        target,
        test,
        generator or proving.GENERATORS,
        few=_numbers(few),
        seeds=subsets or 5,
        max_minutes=max_minutes or 5.0,
        seed=seed or 0,
        progress=shown,
        hide_labels=hide_labels,
    )
    if report is not None:
        shown.stage("report")
        proven.save_report(report)
        shown.kept(report)
    shown.close()
    if json_:
        print_json(proven.facts)
    else:
        from seedstock.cli import _show

        _show.proven(proven.facts)
        if report is not None:
            say(f"Report  {printable(report)}")
    return SHORT if proven.proof.advice == "hurts" else DONE


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.replace(" ", "").split(",") if part]
    except ValueError:
        raise InputError(f"few rows are written as numbers with commas, such as 50,100,200, not {text!r}") from None
