"""Physical models of a source: do they explain it, and which equations would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from seedstock.api.reading import Source, read
from seedstock.clock import Progress, Silent
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng


def explain(
    source: Source,
    models: Sequence[str],
    *,
    controls: Mapping[str, float] | None = None,
    columns: Mapping[str, str] | None = None,
    time: str | None = None,
    seed: int = 0,
    simulations: int = 10_000,
    calibration_runs: int = 0,
    pictures: bool = False,
    method: Literal["auto", "mcmc", "smc-abc", "npe"] = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge whether models of the physics library explain a source, the best one first.

    Parameters
    ----------
    source : path or frame
    models : list of str
        As `physical_models` lists them.
    controls : mapping or None
        Settings of the experiment and known parameters; a model ignores those that it does not have.
    columns : mapping or None
        Model's column -> the source's column, where the names do not tell.
    time : str or None
        The time column; found by role, kind or name where it is None.
    simulations : int
        Budget for models without a likelihood.
    calibration_runs : int
        Runs of simulation-based calibration for each model: 0 for none.
    method : {"auto", "mcmc", "smc-abc", "npe"}
        By default what a model allows; npe needs the extra ``sbi``.
    pictures : bool
        Whether the numbers for the report's pictures are given, under ``pictures``.
    progress : Progress or None
        Hears how far it is.

    Returns
    -------
    dict
        JSON values: ``{"source", "models": [{"name", "verdict", "why", "parameters", "p_values", "heldout_score",
        ...}]}``.
    """
    from seedstock.physics import load_model
    from seedstock.physics.explanation import explain_data

    if not models:
        raise InputError("name at least one model to explain the data with; `seedstock physics models` lists them")
    if simulations < 200 or calibration_runs < 0:
        raise InputError("simulations must be 200 or more, and calibration runs 0 or more")
    for name in models:
        load_model(name)
    shown = progress or Silent()
    shown.stage("read")
    data = read(source)
    shown.stage("explain")

    def heard(name: str, share: float) -> None:
        shown.detail(name)
        shown.share(share)

    found = explain_data(
        data, list(dict.fromkeys(models)), Rng(seed), controls, columns=columns, time=time, simulations=simulations,
        calibration_runs=calibration_runs, pictures=pictures, method=method, heard=heard,
    )  # fmt: skip
    return {"source": str(data.origin.get("path") or data.name), "rows": len(data.table), **found}


def discover(source: Source, *, degree: int = 2, time: str | None = None, seed: int = 0) -> dict[str, Any]:
    """Look for sparse equations of motion that a source obeys, and judge them.

    Parameters
    ----------
    source : path or frame
        All numeric columns beside the time are states.
    degree : int
        The highest power of the terms, 1 to 3.

    Returns
    -------
    dict
        JSON values: ``{"source", "verdict": "found|refused", "why", "equations", "models", ...}``; ``models`` judges
        the found equations as `explain` does, and is empty where they are refused.
    """
    from seedstock.physics.discovery import discover_data

    data = read(source)
    found = discover_data(data, Rng(seed), degree=degree, time=time)
    judged = found.pop("model")
    where = str(data.origin.get("path") or data.name)
    return {"source": where, "rows": len(data.table), **found, "models": [] if judged is None else [judged]}


def physical_models() -> list[dict[str, Any]]:
    """Return the models of the library: name, what it is, columns, parameters' controls, equations and source."""
    from seedstock.physics import load_model, model_names
    from seedstock.physics.library import summary_of

    out = []
    for name in model_names():
        model = load_model(name)
        out.append(
            {
                "name": name, "about": summary_of(name), "kind": model.kind, "columns": list(model.columns),
                "controls": {k: None if v is None or v == float("inf") else v for k, v in model.controls.items()},
                "equations": model.equations, "source": model.source,
            }
        )  # fmt: skip
    return out
