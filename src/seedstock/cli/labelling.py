"""`seedstock label` and `seedstock categories`."""

from __future__ import annotations

from typing import Annotated

import typer

from seedstock.cli._door import (
    DONE,
    Data,
    Json,
    Quiet,
    SchemaFile,
    Seed,
    door,
    print_json,
    printable,
    progress,
    say,
)
from seedstock.core.errors import InputError


@door
def label(
    data: Data,
    target: Annotated[str, typer.Option("--target", "-t", metavar="COLUMN", help="The labels; some are given.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="The data with labels filled in.")],
    rules: Annotated[
        str | None, typer.Option("--rules", metavar="FILE.toml", help="Labelling rules: patterns and bounds.")
    ] = None,
    next_: Annotated[int, typer.Option("--next", metavar="N", help="How many rows to propose for labelling.")] = 20,
    confidence: Annotated[float, typer.Option(help="How sure a label must be to be filled in.")] = 0.95,
    edits: Annotated[
        str | None, typer.Option("--edits", metavar="FILE.json", help="Every label, for `clean --undo`.")
    ] = None,
    schema: SchemaFile = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Fill missing labels from few given ones and from rules; abstain where it is not clear; propose what to label."""
    from seedstock import api
    from seedstock.sources.write import write

    shown = progress(json_, quiet)
    shown.stage("label")
    found = api.label(api.read(data, schema=schema, series=False), target, rules, next_, confidence, seed or 0)
    write(found.after, output)
    if edits is not None:
        found.save_log(edits)
    shown.close()
    if json_:
        print_json({"output": output, **found.to_json()})
        return DONE
    from seedstock.cli import _show

    done = len(found.edits)
    say(f"{done:,} labels filled in, {len(found.labels.rows) - done:,} left open   {printable(output)}")
    if not found.calibrated:
        why = "Two classes need five given labels each before anything is learned from them"
        say(f"{why}; {'the rules alone have decided' if found.rules else 'nothing was filled in'}.")
    if found.rules:
        _show.table(
            ("rule", "speaks on", "is right"),
            [(r["rule"], f"{r['coverage']:.1%}", f"{r['accuracy'] or 0:.0%}") for r in found.rules],
            right=(1, 2),
        )
    if found.next:
        say(f"Label these rows next (from 0): {', '.join(map(str, found.next))}")
    return DONE


@door
def categories(
    data: Data,
    column: Annotated[
        str | None, typer.Option("--column", "-c", metavar="COLUMN", help="The column of texts to look at.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="The mapping (.toml), or with --apply the mapped data."),
    ] = None,
    apply: Annotated[
        str | None, typer.Option("--apply", metavar="MAPPING.toml", help="Map the values as this file says.")
    ] = None,
    edits: Annotated[
        str | None, typer.Option("--edits", metavar="FILE.json", help="With --apply: every change, for `clean --undo`.")
    ] = None,
    schema: SchemaFile = None,
    json_: Json = False,
) -> int:
    """Propose one name for each thing in a column, as a file to edit; or apply it."""
    from seedstock import api

    source = api.read(data, schema=schema)
    if apply is not None:
        if output is None:
            raise InputError("where to write the mapped data? name it by --output FILE")
        facts = api.map_file(source, apply, output, column, edits)
        if json_:
            print_json(facts)
        else:
            say(f"{facts['cells_changed']:,} cells of {printable(facts['column'])!r} changed   {printable(output)}")
        return DONE
    if column is None:
        raise InputError("which column? name it by --column COLUMN")
    found = api.categories(source, column)
    if output is not None:
        api.save_mapping(found, output)
    if json_:
        print_json({**found, "output": output})
        return DONE
    from seedstock.cli import _show

    say(f"{len(found['canonical']):,} values, {len(found['mapping']):,} other spellings of them")
    rows = [(a, "(no value)" if b is None else b, found["reasons"].get(a, "")) for a, b in found["mapping"].items()]
    if rows:
        _show.table(("value", "becomes", "why"), rows[: _show.MAX_ROWS])
        if len(rows) > _show.MAX_ROWS:
            say(f"and {len(rows) - _show.MAX_ROWS:,} more")
    if output is not None:
        say(f"Edit it, then: seedstock categories {printable(data)} --apply {printable(output)} --output FILE")
    return DONE
