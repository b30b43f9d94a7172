"""`seedstock fit` and `seedstock sample`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seedstock.cli._door import (
    DONE,
    Also,
    Data,
    Json,
    Key,
    NoMark,
    Override,
    Quiet,
    Real,
    SchemaFile,
    Seed,
    Target,
    door,
    print_json,
    printable,
    progress,
    say,
)
from seedstock.cli.grow import Given, Kinds, Roles, Settings, Toml, _merged


@door
def fit(
    data: Data,
    output: Annotated[str, typer.Option("--output", "-o", metavar="MODEL_DIR", help="Folder for the model.")],
    target: Target = None,
    generator: Annotated[str | None, typer.Option("--generator", "-g", metavar="NAME", show_default="forest")] = None,
    seed: Seed = None,
    set_: Settings = None,
    settings: Toml = None,
    schema: SchemaFile = None,
    kind: Kinds = None,
    role: Roles = None,
    also: Also = None,
    real: Real = False,
    override: Override = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Fit a generator to all rows, and save the model."""
    from seedstock import api

    asked: dict[str, Any] = {
        "target": target,
        "generator": generator,
        "seed": seed,
        "schema": schema,
        "kinds": kind,
        "roles": role,
        "real": real or None,
        "override": override,
    }
    known = {"target", "generator", "seed", "settings", "schema", "kinds", "roles", "real", "override"}
    asked = _merged(asked, set_, settings)
    shown = progress(json_, quiet)
    shown.stage("read")
    model = api.fit([data, *also] if also else data, progress=shown, **{k: v for k, v in asked.items() if k in known})
    model.save(output)
    shown.close()
    if json_:
        print_json({"model": output, "generator": model.generator, **model.about})
    else:
        say(f"Model   {printable(output)}")
    return DONE


@door
def sample(
    model: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="Folder of a fitted model.")],
    rows: Annotated[int, typer.Option("--rows", "-n", help="Rows to draw.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="File; its ending says the format.")],
    given: Given = None,
    seed: Seed = None,
    no_mark: NoMark = False,
    key: Key = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draw rows from a fitted model into a file."""
    from seedstock import api
    from seedstock.settings import parse_pairs

    shown = progress(json_, quiet)
    path = api.sample(
        model, rows, seed or 0, parse_pairs(given or [], "--given"), output, shown, mark=not no_mark, key=key
    )
    shown.close()
    if json_:
        print_json({"output": str(path), "rows": rows, "seed": seed or 0})
    else:
        say(f"{rows:,} rows   {printable(path)}")
    return DONE
