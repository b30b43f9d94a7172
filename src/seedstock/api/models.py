"""Models: fitted, and drawn from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from seedstock import drawing, pipeline, stages
from seedstock.api.addresses import as_learned, hide
from seedstock.api.gathering import gather
from seedstock.api.imaging import chosen
from seedstock.api.privacy import asked, at_level
from seedstock.api.reading import Source, read
from seedstock.clock import Clock, Progress, Silent
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.core.watching import watched
from seedstock.outcomes import Model, as_frame, describe_beside, flavour_of, rows_name, rows_of, save_rows
from seedstock.provenance.content import content_of
from seedstock.provenance.record import make
from seedstock.settings import make_generator


def fit(
    source: Source,
    target: str | None = None,
    generator: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    kinds: Mapping[str, str] | None = None,
    roles: Mapping[str, Any] | None = None,
    real: bool = False,
    override: str | None = None,
    keep_addresses: bool = False,
    keep_personal: bool = False,
    privacy: str | None = None,
    epsilon: float | None = None,
    delta: float | None = None,
    size: int | None = None,
    max_minutes: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> Model:
    """Fit a generator to all rows of a source.

    Parameters
    ----------
    source
        A path or a frame, or a list of them that hold rows of one table.
    generator : str or None
        ``forest``, ``copula``, ``independent``, or another that the catalog lists; by default the one for such data.
    settings : mapping or None
        Its settings, such as ``{"trees": 30}``.
    schema, kinds, roles
        See `read`.
    real : bool
        Your word that no row is synthetic, for the record.
    override : str or None
        A reason to learn from synthetic rows all the same; the record keeps it.
    keep_addresses : bool
        Whether to learn the real IP and MAC addresses and names of machines. Otherwise each is replaced beforehand, one
        for one, by one that belongs to nobody; see `seedstock.network.addresses`. The record says which.
    keep_personal : bool
        Whether to learn real names, e-mail addresses, phones and the like; see `seedstock.personal.mask`.
    size, max_minutes
        See `seedstock.grow`.
    checkpoint : path or None
        Folder in which a neural generator's training keeps its state, and goes on from it if it was stopped.
    privacy : {"low", "standard", "high"} or None
        Where the forest stands between likeness and memory. Measured, not proved: for a proof take `epsilon`.
    epsilon, delta : float or None
        Budget of differential privacy; with it the generator is ``private``.
    """
    generator, settings = asked(generator, settings, epsilon, delta)
    gathered = gather(source, lambda s: read(s, target, schema, kinds, roles, size), real, override)
    data = hide(gathered, keep_addresses, keep_personal).gathered.whole
    overrides = gathered.guarded.overrides
    generator, settings = chosen(generator, settings, data, max_minutes)
    settings = at_level(privacy, generator, settings)
    made = make_generator(generator, settings)
    with watched(None, None if checkpoint is None else Path(checkpoint)):
        fitted = stages.fit(made, data, seed, Clock(progress or Silent()))
    about = {
        "settings": pipeline.settings_of(made),
        "seed": seed,
        "target": data.target,
        "rows": data.size,
        "record": pipeline.with_privacy(
            make(
                pipeline.shown(data, fitted),
                fitted.schema,
                generator,
                pipeline.settings_of(made),
                seed,
                overrides=overrides,
            ),
            fitted,
        ),
    }
    return Model(fitted, generator, about, flavour_of(data))


def sample(
    model: Model | str | os.PathLike[str],
    rows: int | None = None,
    seed: int = 0,
    given: Any = None,
    output: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    *,
    given_file: Source | None = None,
    mark: bool = True,
    key: str | os.PathLike[str] | None = None,
    form: str = "parquet",
    tell: Callable[[str, Any], None] | None = None,
) -> Any:
    """Draw rows from a model: as a frame, or into a file in blocks, for any number of rows.

    Parameters
    ----------
    model : Model or path
        A fitted model, or the folder of a saved one.
    rows : int or None
        None: as many as there are partial rows.
    given : mapping, sequence of texts, frame or path
        What the rows must be; see `Model.sample`.
    output : path or None
        A file (its ending says the format), or a folder for linked tables and images; then the path is returned.
    given_file : path or frame
        Partial rows, beside what `given` says of all rows.
    mark, key
        See `grow`.
    form : {"parquet", "csv", "jsonl", "arrow", "log"}
        Of linked tables' files; ``log`` is Zeek's. A log of events (eve.json) is one file that ends in ``.json``.
    tell : callable or None
        Told ``"rows"``, their number, and ``"plausibility"``, the share of all rows that meet the conditions.
    """
    own = model if isinstance(model, Model) else Model.load(model)
    if rows is not None:
        row_count(rows)
    conditions = own.conditions(given, seed, given_file)
    n = rows_of(rows, conditions)
    if tell is not None:
        tell("rows", n)
        if conditions is not None:
            tell("plausibility", conditions.plausibility(own.fitted, int(own.about.get("rows", 0))))
    listener = progress or Silent()
    listener.stage("sample", f"{n:,} rows")
    drawer, facts = own.marking(mark, key).of(own.fitted, n)
    rng = Rng(seed).child("sample")
    if output is None:
        return as_frame(drawing.draw(drawer, n, rng, conditions, progress=listener), own.flavour)
    if rows_name(own.schema) == "synthetic":  # a folder, of tables or of images
        drawn = drawing.draw(drawer, n, rng, conditions, progress=listener)
        save_rows(drawn, Path(output), own.metadata(seed, conditions, content_of(drawn), facts), form)
        return Path(output)
    from seedstock.sources.write import Writer

    with Writer(Path(output), own.schema) as writer:
        tally = drawing.Tally(writer.append)
        drawing.draw(drawer, n, rng, conditions, tally, 0, listener)
        writer.metadata.update(own.metadata(seed, conditions, tally.facts(), facts))
    describe_beside(Path(output), writer.metadata)
    return Path(output)


def score(model: Model | str | os.PathLike[str], source: Source, seed: int = 0) -> dict[str, Any]:
    """Return how probable rows are to a model, column by column: the yardstick for settings and generators.

    Parameters
    ----------
    model : Model or path
    source : path, frame or Dataset
        Rows that the model has not seen, of the same columns.

    Returns
    -------
    dict
        ``rows``; ``log_likelihood``: mean log probability of a row in nats, with ``standard_error``; ``columns``: each
        learned column's part, in the order in which they are drawn; ``notes``. A number that hardly repeats counts
        together with its half percent of the values, so that all parts are probabilities.

    Raises
    ------
    InputError
        The generator cannot tell, or there are no rows.
    """
    from seedstock.sources.read import read as read_source

    own = model if isinstance(model, Model) else Model.load(model)
    if len(own.schema.tables) != 1 or not hasattr(own.fitted, "score"):
        raise InputError(f"{own.generator} cannot tell how probable rows are; take forest or independent")
    data = source if isinstance(source, Dataset) else read_source(source, schema=own.schema)
    record = own.about.get("record")
    data, _, notes = as_learned(data, data, record if isinstance(record, Mapping) else {})
    return {**own.score(data, seed), "notes": list(notes)}


def row_count(rows: Any) -> None:
    """Refuse what is no positive number of rows."""
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise InputError(f"rows must be a positive integer, not {rows!r}")
