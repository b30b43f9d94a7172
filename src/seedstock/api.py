"""The verbs. Each takes what users have (a path or a frame) and gives back what they can use."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedstock import drawing, pipeline
from seedstock.clock import Clock, Progress, Silent
from seedstock.conditions import Conditions, Rare
from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Evidence, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.marking import Marking, authenticate
from seedstock.outcomes import Grown, Judged, Model, as_frame, flavour_of
from seedstock.output import Folder
from seedstock.pipeline import Run
from seedstock.provenance.keys import home, read_key
from seedstock.provenance.record import make
from seedstock.settings import make_generator

JUDGED_ROWS = 100_000
"""Of more drawn rows than this, the first ones are judged when the rest goes to a file."""
POLICIES = ("report", "safe", "thorough")
Source = Any
"""A path, a pandas, Polars or Arrow frame, or a `Dataset`."""


def read(
    source: Source,
    target: str | None = None,
    schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
) -> Dataset:
    """Read a file or a frame, and find out what its columns are.

    Parameters
    ----------
    source : path, pandas.DataFrame, polars.DataFrame, pyarrow.Table or Dataset
        Files: CSV, TSV, JSON lines, Parquet, Arrow/Feather, Excel.
    target : str or None
        The column that a model is to learn.
    schema : path or mapping or None
        A schema file (TOML or JSON), or what it says.
    kinds, roles : mapping or None
        Column -> kind (``number``, ``category``, ``id``, ...), column -> role, where the guess is wrong.
    """
    if isinstance(source, Dataset):
        if target is None:
            return source
        return _with_target(source, target)
    from seedstock.sources.read import read as read_source

    return read_source(source, schema=schema, target=target, kinds=kinds, roles=roles)


def check(source: Source, target: str | None = None, against: Source | None = None, seed: int = 0) -> list[Finding]:
    """Look for contamination; `against` is a second data set that must not share rows with the first."""
    from seedstock.checks._run import run_checks

    data = read(source, target)
    other = None if against is None else _like(against, data)
    return list(run_checks(data, Rng(seed).child("check"), against=other))


def clean(source: Source, target: str | None = None, policy: str = "safe", seed: int = 0) -> tuple[Any, list[Edit]]:
    """Mend what the checks find: the data as the kind of frame that was handed in, and the list of edits.

    Parameters
    ----------
    policy : {"safe", "thorough"}
        ``safe`` makes only sure edits that lose nothing; ``thorough`` makes all that are more likely right than not.
    """
    data = read(source, target)
    cleaned, edits = clean_dataset(data, policy, seed)
    return as_frame(cleaned, flavour_of(data)), edits


def clean_dataset(data: Dataset, policy: str = "safe", seed: int = 0) -> tuple[Dataset, list[Edit]]:
    """Mend a data set; see `clean`."""
    from seedstock.checks._clean import clean as clean_by
    from seedstock.checks._run import run_checks

    _known_policy(policy)
    findings = run_checks(data, Rng(seed).child("check"))
    cleaned, edits = clean_by(data, findings, policy)
    return cleaned, list(edits)


def fit(
    source: Source,
    target: str | None = None,
    generator: str = "forest",
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
    real: bool = False,
    override: str | None = None,
) -> Model:
    """Fit a generator to all rows of a source.

    Parameters
    ----------
    generator : str
        ``forest``, ``copula``, ``independent``, or another that the catalog lists.
    settings : mapping or None
        Its settings, such as ``{"trees": 30}``.
    schema, kinds, roles
        See `read`.
    real : bool
        Your word that no row is synthetic, for the record.
    override : str or None
        A reason to learn from synthetic rows all the same; the record keeps it.
    """
    made = make_generator(generator, settings)
    data, guarded = authenticate(read(source, target, schema, kinds, roles), source, real, override)
    fitted = pipeline.fit(made, data, seed, Clock(progress or Silent()))
    about = {
        "settings": pipeline.settings_of(made),
        "seed": seed,
        "target": data.columns.target,
        "rows": len(data.table),
        "record": make(data, fitted.schema, generator, pipeline.settings_of(made), seed, overrides=guarded.overrides),
    }
    return Model(fitted, generator, about, flavour_of(data))


def sample(
    model: Model | str | os.PathLike[str],
    rows: int,
    seed: int = 0,
    given: Mapping[str, Any] | None = None,
    output: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    *,
    mark: bool = True,
    key: str | os.PathLike[str] | None = None,
) -> Any:
    """Draw rows from a model: as a frame, or into a file in blocks, for any number of rows.

    Parameters
    ----------
    model : Model or path
        A fitted model, or the folder of a saved one.
    output : path or None
        A file (its ending says the format); then the path is returned.
    mark, key
        See `grow`.
    """
    own = model if isinstance(model, Model) else Model.load(model)
    _row_count(rows)
    if output is None:
        return own.sample(rows, seed, given, mark=mark, key=key)
    from seedstock.sources.write import Writer

    listener = progress or Silent()
    listener.stage("sample", f"{rows:,} rows")
    drawer, facts = own.marking(mark, key).of(own.fitted, rows)
    with Writer(Path(output), own.schema) as writer:
        tally = drawing.Tally(writer.append)
        drawing.draw(drawer, rows, Rng(seed).child("sample"), own.conditions(given, seed), tally, 0, listener)
        writer.metadata.update(own.metadata(seed, given, tally.facts(), facts))
    return Path(output)


def judge(
    train: Source,
    holdout: Source,
    synthetic: Source,
    target: str | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Judged:
    """Measure synthetic rows against the real ones they were learned from, and against real ones held out."""
    real = read(train, target)
    held, drawn = _like(holdout, real), _like(synthetic, real)
    for data, what in ((real, "train"), (held, "holdout"), (drawn, "synthetic")):
        if not len(data.table):
            raise InputError(f"the {what} data have no rows; bring some")
    clock = Clock(progress or Silent())
    judgement = pipeline.judge(Evidence(real, held, drawn), seed, clock)
    run = Run(
        source=real, findings=(), edits=(), train=real, holdout=held, synthetic=drawn,
        generator="unknown", settings={}, model={}, scores=judgement.scores, groups=judgement.groups,
        verdict=judgement.verdict, seed=seed, seconds=clock.seconds, notes=(), record={},
    )  # fmt: skip
    return Judged(run)


def grow(
    source: Source,
    target: str | None = None,
    rows: int | None = None,
    generator: str = "forest",
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    holdout: float = 0.2,
    policy: str = "safe",
    given: Mapping[str, Any] | None = None,
    rare: Mapping[tuple[str, Any], float] | Sequence[Rare] | None = None,
    schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
    mark: bool = True,
    key: str | os.PathLike[str] | None = None,
    real: bool = False,
    override: str | None = None,
    progress: Progress | None = None,
) -> Grown:
    """Check, clean, split, fit, sample and judge: the whole line in one call.

    Parameters
    ----------
    source : path, pandas.DataFrame, polars.DataFrame, pyarrow.Table or Dataset
    target : str or None
        The column that a model is to learn; with it, usefulness for training is measured.
    rows : int or None
        Rows to draw; by default as many as the source has.
    generator, settings
        See `fit`.
    seed : int
        The same seed and source give the same rows.
    output : path or None
        A folder for synthetic.parquet, report.html, run.json and model/.
    holdout : float
        Share of the rows that is kept apart to judge by.
    policy : {"report", "safe", "thorough"}
        Which of the edits that the checks propose are made: none, the safe ones, or all that are likely right.
    given : mapping or None
        Columns to fix in all rows: ``{"sex": "Female"}``.
    rare : mapping or None
        Values to make common: ``{("income", ">50K"): 0.5}`` gives half of the rows that income.
    schema, kinds, roles
        See `read`.
    mark : bool
        Whether the drawn rows carry a mark in their values, by which `trace` knows them without any record.
    key : path or None
        The key file of the mark; by default the project's own, which is made on first use. Other keys mark other
        rows of the same seed.
    real, override
        See `fit`.

    Returns
    -------
    Grown
        ``.table`` is a frame of the kind that was handed in; ``.scores``, ``.verdict``, ``.report``, ``.model``.
    """
    made = make_generator(generator, settings)
    _known_policy(policy)
    if rows is not None:
        _row_count(rows)
    wanted = _rare(rare)
    listener = progress or Silent()
    listener.stage("read")
    data, guarded = authenticate(read(source, target, schema, kinds, roles), source, real, override, key)
    about: dict[str, Any] = {"settings": pipeline.settings_of(made), "seed": seed, "target": data.columns.target}
    out = None if output is None else Folder(Path(output), generator, about, flavour_of(data), listener)
    run, fitted = pipeline.grow(
        data,
        made,
        generator,
        rows,
        seed,
        holdout,
        policy,
        lambda train: Conditions.make(train, given, wanted, Rng(seed)),
        out,
        None if out is None else JUDGED_ROWS,
        listener,
        Marking.choose(mark, key, guarded.generation),
        guarded.overrides,
    )
    about |= {"rows": len(run.train.table), "record": dict(run.record)}
    grown = Grown(run, Model(fitted, generator, about, flavour_of(data)), None if out is None else out.path)
    if out is not None:
        out.reports(grown)
    return grown


def trace(
    source: Source,
    key: str | os.PathLike[str] | None = None,
    register: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Say where data come from: their record, the mark in their values, and what of them is registered.

    Parameters
    ----------
    key : path or None
        A key file; by default the project's own, where there is one.
    register : path or None
        A register; by default the user's own, where there is one.

    Returns
    -------
    dict
        JSON values; see `seedstock.provenance.trace.trace`.
    """
    from seedstock.provenance.trace import trace as trace_data

    data = read(source)
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    file = Path(key) if key is not None else home() / "key.json"
    book = Path(register) if register is not None else home() / "register.sqlite"
    return trace_data(
        data,
        read_key(file) if key is not None or file.exists() else None,
        book if register is not None or book.exists() else None,
        path,
    )


def register(source: Source, name: str | None = None, register: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Remember a data set by sketches of its rows (no values), so that `trace` finds its rows elsewhere.

    Parameters
    ----------
    name : str or None
        What to call it; by default the file's name.
    register : path or None
        The register; by default the user's own, which is made on first use.
    """
    from seedstock.provenance.register import register as add

    data = read(source)
    return add(data, name or str(data.origin.get("path") or data.name), register)


def _with_target(data: Dataset, target: str) -> Dataset:
    columns = data.columns
    for name in columns.with_role("target"):
        columns = columns.replace_column(name, roles=tuple(r for r in columns[name].roles if r != "target"))
    columns = columns.replace_column(target, roles=(*columns[target].roles, "target"))
    return replace(data, schema=replace(data.schema, tables={data.name: columns}))


def _like(source: Source, real: Dataset) -> Dataset:
    """Read a second source by the first one's schema."""
    if isinstance(source, Dataset):
        return source
    from seedstock.sources.read import read as read_source

    return read_source(source, schema=real.schema)


def _rare(rare: Mapping[tuple[str, Any], float] | Sequence[Rare] | None) -> list[Rare]:
    if isinstance(rare, Mapping):
        return [Rare(column, str(value), share) for (column, value), share in rare.items()]
    return list(rare or ())


def _known_policy(policy: str) -> None:
    if policy not in POLICIES:
        raise InputError(f"the policy must be one of {', '.join(POLICIES)}, not {policy!r}")


def _row_count(rows: Any) -> None:
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise InputError(f"rows must be a positive integer, not {rows!r}")
