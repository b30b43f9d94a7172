"""The whole line in one call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedstock import pipeline
from seedstock.api.addresses import hide
from seedstock.api.cleaning import known_policy
from seedstock.api.gathering import gather
from seedstock.api.imaging import chosen
from seedstock.api.models import row_count
from seedstock.api.privacy import asked, at_level, policy_of, proves
from seedstock.api.reading import Source, read
from seedstock.catalog import domain_of
from seedstock.clock import Progress, Silent
from seedstock.conditions import Conditions, Rare
from seedstock.conditions.rare import shares_of
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.watching import watched
from seedstock.marking import Marking
from seedstock.outcomes import Grown, Model, flavour_of
from seedstock.output import Folder
from seedstock.pipeline import Run
from seedstock.settings import make_generator
from seedstock.sources.partial import read_partial

TRAINING = "training"
"""Folder of a running training's checkpoints and preview, within the output; a killed run goes on from there."""
JUDGED_ROWS = 100_000
"""Of more drawn rows than this, the first ones are judged when the rest goes to a file."""


def grow(
    source: Source,
    target: str | None = None,
    rows: int | None = None,
    generator: str | None = None,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    holdout: float = 0.2,
    policy: str | None = None,
    given: Any = None,
    given_file: Source | None = None,
    rare: Mapping[Any, float] | Sequence[Rare | str] | str | None = None,
    rebalance: Mapping[str, Any] | Sequence[str] | str | None = None,
    insist: bool = False,
    schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
    mark: bool = True,
    key: str | os.PathLike[str] | None = None,
    real: bool = False,
    override: str | None = None,
    keep_addresses: bool = False,
    keep_personal: bool = False,
    privacy: str | None = None,
    epsilon: float | None = None,
    delta: float | None = None,
    size: int | None = None,
    max_minutes: float | None = None,
    trial: bool = False,
    progress: Progress | None = None,
) -> Grown:
    """Check, clean, split, fit, sample and judge: the whole line in one call.

    Parameters
    ----------
    source : path, pandas.DataFrame, polars.DataFrame, pyarrow.Table, Dataset, or a list of them
        Of several, those that are synthetic are learned from beside the real ones, and never judged by.
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
    policy : {"report", "safe", "thorough"} or None
        Which of the edits that the checks propose are made: none, the safe ones (the default, but for private
        generators), or all that are likely right.
    given : mapping, sequence of texts, frame or path
        What all rows must be: ``{"sex": "Female", "age": (30, 40)}``; see `Model.sample`.
    given_file : path or frame
        Partial rows, whose missing cells are drawn.
    rare : mapping or None
        Situations to make common: ``{("income", ">50K"): 0.5}`` gives half of the rows that income.
    rebalance : mapping, column or None
        A column's shares: ``{"income": {"<=50K": 0.5, ">50K": 0.5}}``; a column alone gets equal ones.
    insist : bool
        Whether to draw situations of which fewer than five real examples are known.
    schema, kinds, roles
        See `read`.
    mark : bool
        Whether the drawn rows carry a mark in their values, by which `trace` knows them without any record.
    key : path or None
        The key file of the mark; by default the project's own, which is made on first use. Other keys mark other
        rows of the same seed.
    size : int or None
        Height and width to which images are brought.
    max_minutes : float or None
        How long a neural generator may learn. A run that is killed goes on from its checkpoint when it is started again
        with the same data, settings, seed and output.
    trial : bool
        Whether to find out, by a quick trial on some hundred training rows, if synthetic rows beside real ones help a
        model that predicts the target; a note says so. See `seedstock.prove` for the full measure.
    real, override, keep_addresses, keep_personal, privacy, epsilon, delta
        See `fit`.

    Returns
    -------
    Grown
        ``.table`` is a frame of the kind that was handed in; ``.scores``, ``.verdict``, ``.report``, ``.model``.
    """
    if policy is not None:
        known_policy(policy)
    generator, settings = asked(generator, settings, epsilon, delta)
    if rows is not None:
        row_count(rows)
    wanted = _rare(rare)
    if given is not None and not isinstance(given, str | Mapping | list | tuple):
        given, given_file = None, given
    listener = progress or Silent()
    listener.stage("read")
    gathered = gather(source, lambda s: read(s, target, schema, kinds, roles, size), real, override, key, holdout)
    hidden = hide(gathered, keep_addresses, keep_personal, key)
    gathered, given, rebalance = hidden.gathered, hidden.texts(given), hidden.texts(rebalance)
    wanted = [replace(r, what=hidden.texts(r.what)) for r in wanted]
    data, guarded = gathered.data, gathered.guarded
    generator, settings = chosen(generator, settings, data, max_minutes)
    settings = at_level(privacy, generator, settings)
    mended = policy_of(
        policy, generator, {"given": given, "given_file": given_file is not None, "rare": rare, "rebalance": rebalance}
    )
    partial = None if given_file is None else read_partial(given_file, data.schema)
    if partial is not None:
        partial = hidden.tables(partial)
    if rows is None and partial is not None:
        rows = len(partial)
    if data.domain == "linked" and (given or wanted or rebalance or partial is not None):
        raise InputError("conditions and rare values are for single tables, and these are linked ones; leave them out")
    made = make_generator(generator, settings)
    about: dict[str, Any] = {"settings": pipeline.settings_of(made), "seed": seed, "target": data.target}
    training = None if output is None or data.domain != "image" else Path(output) / TRAINING
    out = None if output is None else Folder(Path(output), generator, about, flavour_of(data), listener)
    with watched(None, training):
        run, fitted = pipeline.grow(
            data,
            made,
            generator,
            rows,
            seed,
            holdout,
            mended,
            None
            if data.domain == "linked"
            else lambda train, fitted: Conditions.make(
                train,
                given,
                [*wanted, *shares_of(train, rebalance)],
                Rng(seed),
                partial,
                insist,
                rules_of(fitted),
                not getattr(fitted, "shrinks_classes", False),
            ),
            out,
            None if out is None else JUDGED_ROWS,
            listener,
            Marking.choose(mark, key, guarded.generation),
            guarded.overrides,
            gathered.beside,
        )
    if training is not None:
        shutil.rmtree(training, ignore_errors=True)
    told = _trial(run, made, generator, seed, listener) if trial else ()
    run = replace(run, notes=(*guarded.notes, *hidden.notes, *told, *run.notes))
    about |= {"rows": run.train.size, "record": dict(run.record)}
    grown = Grown(run, Model(fitted, generator, about, flavour_of(data)), None if out is None else out.path)
    if out is not None:
        out.reports(grown)
    return grown


def _trial(run: Run, made: Any, name: str, seed: int, progress: Progress) -> tuple[str, ...]:
    """Return what a quick trial says, where there is something to try."""
    tabular = run.train.domain == "table" and domain_of("generators", name) == "table"
    if not tabular or run.train.target is None or proves(name):
        return ()
    from seedstock.proof.quick import quick_trial

    progress.stage("trial", "do synthetic rows help?")
    try:
        gate = quick_trial(run.train, made, name, Rng(seed).child("trial"))
    except InputError as error:
        return (f"No quick trial of whether synthetic rows help: {error}.",)
    return () if gate is None else (gate.sentence,)


def _rare(rare: Mapping[Any, float] | Sequence[Rare | str] | str | None) -> list[Rare]:
    if isinstance(rare, Mapping):
        return [Rare.of(key, share) for key, share in rare.items()]
    texts = [rare] if isinstance(rare, str) else rare or ()
    return [r if isinstance(r, Rare) else Rare.parse(r) for r in texts]


def rules_of(fitted: Any) -> Sequence[Any]:
    """Return the rules that a model keeps."""
    return tuple(getattr(getattr(fitted, "plan", None), "rules", ()))
