"""`seedstock grow` and `seedstock demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from seedstock.cli._door import (
    DONE,
    SHORT,
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

Given = Annotated[
    list[str] | None,
    typer.Option(
        "--given",
        metavar="CONDITION",
        help="What all rows must be: COLUMN=VALUE, COLUMN=LOW..HIGH, COLUMN>=LOW, COLUMN=A|B, COLUMN!=A|B, COLUMN= for "
        "missing, COLUMN!= for present. Repeatable.",
    ),
]
GivenFile = Annotated[
    str | None,
    typer.Option("--given-file", metavar="FILE", help="Partial rows: missing cells and other columns are drawn."),
]
Rare = Annotated[
    list[str] | None,
    typer.Option("--rare", metavar="CONDITION:SHARE", help="Make a rare situation common: COLUMN=VALUE:SHARE."),
]
Rebalance = Annotated[
    list[str] | None,
    typer.Option("--rebalance", metavar="COLUMN", help="Equal shares for a column's values; or COLUMN=VALUE:SHARE."),
]
Insist = Annotated[bool, typer.Option("--insist", help="Draw situations with fewer than 5 real examples all the same.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of the generator. Repeatable.")
]
Toml = Annotated[
    str | None, typer.Option("--settings", metavar="FILE", help="Settings from a TOML file; options given here win.")
]
Kinds = Annotated[
    list[str] | None, typer.Option("--kind", metavar="COLUMN=KIND", help="What a column is, where the guess is wrong.")
]
NoTrial = Annotated[
    bool, typer.Option("--no-trial", help="Do not try whether synthetic rows beside real ones help a model.")
]
Roles = Annotated[list[str] | None, typer.Option("--role", metavar="COLUMN=ROLE", help="What a column does.")]
Open = Annotated[bool, typer.Option("--open", help="Open the report in the browser.")]


@door
def grow(
    data: Data,
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder for all that is made.")],
    target: Target = None,
    rows: Annotated[int | None, typer.Option("--rows", "-n", help="Rows to draw.", show_default="as many")] = None,
    generator: Annotated[str | None, typer.Option("--generator", "-g", metavar="NAME", show_default="forest")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Which model, for the generator physical.")
    ] = None,
    seed: Seed = None,
    holdout: Annotated[float | None, typer.Option(help="Share of rows kept to judge by.", show_default="0.2")] = None,
    policy: Annotated[
        str | None, typer.Option(help="What to mend: report (nothing), safe or thorough.", show_default="safe")
    ] = None,
    given: Given = None,
    given_file: GivenFile = None,
    rare: Rare = None,
    rebalance: Rebalance = None,
    insist: Insist = False,
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
    no_mark: NoMark = False,
    no_trial: NoTrial = False,
    key: Key = None,
    also: Also = None,
    real: Real = False,
    override: Override = None,
    keep_addresses: KeepAddresses = False,
    keep_personal: KeepPersonal = False,
    open_: Open = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Check, clean, split, fit, sample and judge: the whole line, and a report."""
    asked: dict[str, Any] = {"target": target, "rows": rows, "generator": generator, "seed": seed, "holdout": holdout}
    asked |= {"policy": policy, "given": given, "rare": rare, "schema": schema, "kinds": kind}
    asked |= {"roles": roles_of(role, entity, order)}
    asked |= {"given_file": given_file, "rebalance": rebalance, "insist": insist or None}
    asked |= {"mark": False if no_mark else None, "key": key, "real": real or None, "override": override}
    asked |= {"keep_addresses": keep_addresses or None, "keep_personal": keep_personal or None}
    asked |= {"trial": not no_trial or None}
    asked |= {"privacy": privacy, "epsilon": epsilon, "delta": delta, "size": size, "max_minutes": max_minutes}
    if model is not None and generator is None:
        asked["generator"] = "physical"
    own = [*(set_ or []), *([] if model is None else [f"model={model}"])]
    return _grow([data, *also] if also else data, output, _merged(asked, own, settings), open_, json_, quiet)


@door
def demo(
    output: Annotated[str, typer.Option("--output", "-o", metavar="DIR", help="Folder for all that is made.")] = (
        "demo-out"
    ),
    seed: Seed = None,
    open_: Open = False,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Send a bundled census sample, with contamination planted, through the whole line."""
    from seedstock.demo import contaminated

    data, planted = contaminated(seed or 0)
    if not json_:
        say(f"A census sample of {len(data.table):,} rows. Planted in it: {'; '.join(planted)}.")
        say("Income above 50K, a quarter of the rows, is asked to be half of the drawn ones.")
    asked = {"seed": seed, "rare": ["income=>50K:0.5"], "rows": 5_000}
    return _grow(data, output, {k: v for k, v in asked.items() if v is not None}, open_, json_, quiet)


def _merged(asked: dict[str, Any], pairs: list[str] | None, file: str | None) -> dict[str, Any]:
    """Return what was asked: the command line over the settings file over nothing."""
    from seedstock.settings import parse_pairs, read_toml

    out = read_toml(file) if file else {}
    out |= {k: v for k, v in asked.items() if v is not None and v != []}
    chosen = out.get("generator", "forest" if out.get("epsilon") is None else "private")
    own = out.pop("generators", {}).get(chosen, {})
    out["settings"] = {**own, **parse_pairs(pairs or [], "--set")}
    for name, option in (("kinds", "--kind"), ("roles", "--role")):
        if isinstance(out.get(name), list):
            out[name] = parse_pairs(out[name], option)
    return out


def _grow(data: Any, output: str, asked: dict[str, Any], open_: bool, json_: bool, quiet: bool) -> int:
    from seedstock import api
    from seedstock.outcomes import rows_name

    shown = progress(json_, quiet)
    grown = api.grow(data, output=output, progress=shown, **asked)
    shown.close()
    rows_at = rows_name(grown.run.synthetic.schema)
    files = {name: str(Path(output) / name) for name in (rows_at, "report.html", "run.json", "model")}
    if json_:
        print_json({**grown.facts, "files": files})
    else:
        from seedstock.cli import _show

        _show.mended(grown)
        for note in grown.run.notes:
            say(printable(note))
        _show.judged(grown)
        say(f"Rows    {printable(files[rows_at])}")
        say(f"Model   {printable(files['model'])}")
        say(f"Report  {printable(files['report.html'])}")
    if open_:
        import webbrowser

        webbrowser.open((Path(output) / "report.html").resolve().as_uri())
    return SHORT if "no" in (grown.verdict.train_on, grown.verdict.share) else DONE
