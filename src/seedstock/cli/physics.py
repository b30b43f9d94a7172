"""`seedstock physics`: explain, discover, models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from seedstock.cli._door import DONE, SHORT, Data, Json, Quiet, Seed, door, print_json, printable, progress, say
from seedstock.core.errors import InputError

app = typer.Typer(name="physics", help="Mechanistic models: do they explain the data, and which equations would?")

Models = Annotated[str, typer.Option("--models", "-m", metavar="NAME,NAME", help="Models of the library, by commas.")]
Controls = Annotated[
    list[str] | None,
    typer.Option("--control", metavar="NAME=NUMBER", help="A setting of the experiment, or a known parameter."),
]
Columns = Annotated[
    list[str] | None, typer.Option("--column", metavar="MODEL=DATA", help="Which column is meant, by the model's name.")
]
Time = Annotated[str | None, typer.Option("--time", metavar="COLUMN", help="The time column.", show_default="found")]
Method = Annotated[Literal["auto", "mcmc", "smc-abc", "npe"], typer.Option("--method", help="npe needs the extra sbi.")]
Report = Annotated[str | None, typer.Option("--report", metavar="FILE.html", help="Write a page with pictures.")]
Simulations = Annotated[int, typer.Option("--simulations", help="Budget for models without a likelihood.")]
Runs = Annotated[
    int, typer.Option("--calibration-runs", help="Simulate-and-refit runs for each model: is its uncertainty right?")
]


@app.command()
@door
def explain(
    data: Data,
    models: Models,
    control: Controls = None,
    column: Columns = None,
    time: Time = None,
    simulations: Simulations = 10_000,
    calibration_runs: Runs = 0,
    method: Method = "auto",
    report: Report = None,
    seed: Seed = None,
    json_: Json = False,
    quiet: Quiet = False,
) -> int:
    """Does a physical model explain the data? Ranks several, and can say no."""
    from seedstock import api
    from seedstock.settings import parse_pairs

    shown = progress(json_, quiet)
    found = api.explain(
        data,
        [name.strip() for name in models.split(",") if name.strip()],
        controls=_numbers(control),
        columns=parse_pairs(column or [], "--column") or None,
        time=time,
        seed=seed or 0,
        simulations=simulations,
        calibration_runs=calibration_runs,
        pictures=report is not None,
        method=method,
        progress=shown,
    )
    shown.close()
    if report is not None:
        from seedstock.report.mechanism import save_page

        save_page(found, report)
        for one in found["models"]:
            one.pop("pictures", None)
    if json_:
        print_json(found)
    else:
        for one in found["models"]:
            _judged(one)
        if report is not None:
            say(f"Report  {printable(report)}")
    return DONE if any(one["verdict"] == "explains" for one in found["models"]) else SHORT


@app.command()
@door
def discover(
    data: Data,
    degree: Annotated[int, typer.Option("--degree", help="The highest power of the terms, 1 to 3.")] = 2,
    time: Time = None,
    seed: Seed = None,
    json_: Json = False,
) -> int:
    """Which equations of motion do the data obey? Refuses where that cannot be told."""
    from seedstock import api

    found = api.discover(data, degree=degree, time=time, seed=seed or 0)
    if json_:
        print_json(found)
    else:
        say(f"{found['verdict'].capitalize()}: {printable(found['why'])}.")
        for equation in found["equations"]:
            say(f"  {printable(equation)}")
        for one in found["models"]:
            _judged(one)
    return DONE if found["verdict"] == "found" else SHORT


@app.command()
@door
def models(json_: Json = False) -> int:
    """List the models of the library."""
    from seedstock import api
    from seedstock.cli import _show

    found = api.physical_models()
    if json_:
        print_json({"models": found})
        return DONE
    rows = [(m["name"], m["about"], ", ".join(m["columns"]) or "times alone", ", ".join(m["controls"])) for m in found]
    _show.table(("model", "what it is", "columns", "controls"), rows)
    return DONE


def _numbers(pairs: list[str] | None) -> dict[str, float] | None:
    from seedstock.settings import parse_pairs

    out = {}
    for name, value in parse_pairs(pairs or [], "--control").items():
        try:
            out[name] = float(value)
        except ValueError:
            raise InputError(f"--control takes NAME=NUMBER, and {value!r} is no number") from None
    return out or None


def _judged(one: dict[str, Any]) -> None:
    from seedstock.cli import _show

    say(f"{printable(one['name'])}: {one['verdict']} the data")
    say(f"  {printable(one['why'])}")
    if one["parameters"]:
        keys = ("mean", "sd", "q05", "q95")
        rows = [(name, *(_show.number(v[k]) for k in keys)) for name, v in one["parameters"].items()]
        _show.table(("parameter", "mean", "sd", "5 %", "95 %"), rows, right=(1, 2, 3, 4))
