"""`seedstock fit`, `seedstock sample` and `seedstock score`."""

from __future__ import annotations

import shutil
from typing import Annotated, Any

import typer

from seedstock.cli._door import (
    DONE,
    Also,
    Data,
    Delta,
    Entity,
    Epsilon,
    Json,
    KeepAddresses,
    KeepPersonal,
    Key,
    MaxMinutes,
    NoMark,
    Order,
    Override,
    Privacy,
    Quiet,
    Real,
    SchemaFile,
    Seed,
    Size,
    Target,
    door,
    print_json,
    printable,
    progress,
    roles_of,
    say,
)
from seedstock.cli.grow import Given, GivenFile, Kinds, Roles, Settings, Toml, _merged


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
    privacy: Privacy = None,
    epsilon: Epsilon = None,
    delta: Delta = None,
    size: Size = None,
    max_minutes: MaxMinutes = None,
    entity: Entity = None,
    order: Order = None,
    also: Also = None,
    real: Real = False,
    override: Override = None,
    keep_addresses: KeepAddresses = False,
    keep_personal: KeepPersonal = False,
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
        "roles": roles_of(role, entity, order),
        "real": real or None,
        "override": override,
        "keep_addresses": keep_addresses or None,
        "keep_personal": keep_personal or None,
        "privacy": privacy,
        "epsilon": epsilon,
        "delta": delta,
        "size": size,
        "max_minutes": max_minutes,
    }
    known = {
        "target",
        "generator",
        "seed",
        "settings",
        "schema",
        "kinds",
        "roles",
        "real",
        "override",
        "keep_addresses",
        "keep_personal",
        "privacy",
        "epsilon",
        "delta",
        "size",
        "max_minutes",
    }
    asked = _merged(asked, set_, settings)
    shown = progress(json_, quiet)
    shown.stage("read")
    training = f"{output.rstrip('/')}.training"
    asked = {k: v for k, v in asked.items() if k in known} | {"checkpoint": training}
    model = api.fit([data, *also] if also else data, progress=shown, **asked)
    model.save(output)
    shutil.rmtree(training, ignore_errors=True)
    shown.close()
    if json_:
        print_json({"model": output, "generator": model.generator, **model.about})
    else:
        say(f"Model   {printable(output)}")
    return DONE


@door
def sample(
    model: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="Folder of a fitted model.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="File; its ending says the format.")],
    rows: Annotated[int | None, typer.Option("--rows", "-n", help="Rows to draw.", show_default="partial rows")] = None,
    given: Given = None,
    given_file: GivenFile = None,
    seed: Seed = None,
    no_mark: NoMark = False,
    key: Key = None,
    form: Annotated[
        str, typer.Option("--format", help="Of linked tables' files: parquet, csv, jsonl, arrow or (Zeek's) log.")
    ] = "parquet",
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Draw rows from a fitted model into a file."""
    from seedstock import api
    from seedstock.pipeline import percent

    shown = progress(json_, quiet)
    told: dict[str, Any] = {}
    path = api.sample(
        model, rows, seed or 0, given, output, shown,
        given_file=given_file, mark=not no_mark, key=key, form=form, tell=told.__setitem__,
    )  # fmt: skip
    shown.close()
    if json_:
        print_json({"output": str(path), "seed": seed or 0, **told})
    else:
        say(f"{told['rows']:,} rows   {printable(path)}")
        if told.get("plausibility") is not None:
            say(f"What was given holds for about {percent(told['plausibility'])} of all rows, as the model sees it.")
    return DONE


@door
def score(
    model: Annotated[str, typer.Argument(metavar="MODEL_DIR", help="Folder of a fitted model.")],
    data: Annotated[str, typer.Argument(metavar="DATA", help="Rows that it has not seen.")],
    seed: Seed = None,
    json_: Json = False,
) -> int:
    """Say how probable rows are to a model, column by column."""
    from seedstock import api
    from seedstock.cli._show import table

    found = api.score(model, data, seed or 0)
    if json_:
        print_json(found)
        return DONE
    error = "" if found["standard_error"] is None else f" (standard error {found['standard_error']:.3f})"
    say(f"{found['log_likelihood']:.3f} nats a row{error}, over {found['rows']:,} rows")
    table(("column", "nats"), [(name, f"{value:.3f}") for name, value in found["columns"].items()], right=(1,))
    for note in found["notes"]:
        say(printable(note))
    return DONE
