"""Models: fitted, and drawn from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedstock import drawing, pipeline
from seedstock.api.gathering import gather
from seedstock.api.reading import Source, read
from seedstock.catalog import default_generator
from seedstock.clock import Clock, Progress, Silent
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.outcomes import Model, describe_beside, flavour_of
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
    """
    gathered = gather(source, lambda s: read(s, target, schema, kinds, roles), real, override)
    data, overrides = gathered.whole, gathered.guarded.overrides
    generator = generator or default_generator(data.domain)
    made = make_generator(generator, settings)
    fitted = pipeline.fit(made, data, seed, Clock(progress or Silent()))
    about = {
        "settings": pipeline.settings_of(made),
        "seed": seed,
        "target": data.columns.target,
        "rows": len(data.table),
        "record": make(data, fitted.schema, generator, pipeline.settings_of(made), seed, overrides=overrides),
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
    row_count(rows)
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
    describe_beside(Path(output), writer.metadata)
    return Path(output)


def row_count(rows: Any) -> None:
    """Refuse what is no positive number of rows."""
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise InputError(f"rows must be a positive integer, not {rows!r}")
