"""What the verbs hand back: a fitted model, a judgement, and what `grow` has grown."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seedstock import store
from seedstock.conditions import Conditions
from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.results import Score
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset
from seedstock.drawing import draw
from seedstock.marking import Marking
from seedstock.pipeline import Run

if TYPE_CHECKING:
    from seedstock.metrics._verdict import Verdict


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted generator: what `fit` returns, `load` reads and `Grown.model` is.

    Attributes
    ----------
    fitted : Fitted
    generator : str
        Name of the generator.
    about : mapping
        JSON values that stay with it: settings, seed, rows, target, source.
    flavour : str
        The kind of frame that `sample` returns: ``pandas``, ``polars``, ``arrow`` or ``table``.
    """

    fitted: Fitted
    generator: str
    about: Mapping[str, Any] = field(default_factory=dict)
    flavour: str = "pandas"

    @property
    def schema(self) -> Schema:
        """The schema of the rows it draws."""
        return self.fitted.schema

    def sample(
        self,
        rows: int | None = None,
        seed: int = 0,
        given: Any = None,
        *,
        mark: bool = True,
        key: str | os.PathLike[str] | None = None,
    ) -> Any:
        """Draw rows as a frame.

        Parameters
        ----------
        rows : int or None
            None: as many as `given` has rows.
        seed : int
            The same seed gives the same rows.
        given : mapping, sequence of texts, frame or path
            What the rows must be: ``{"sex": "Female", "age": (30, 40), "workclass": {"Private", "State-gov"}}``, None
            for a missing cell; texts such as ``"age>=60"``; or a frame (or the path of a file) of partial rows, whose
            missing cells are drawn. See `seedstock.conditions.read`.
        mark, key
            Whether the rows carry a mark in their values, and the key file of it; see `seedstock.grow`.
        """
        conditions = self.conditions(given, seed)
        n = rows_of(rows, conditions)
        drawer, _ = self.marking(mark, key).of(self.fitted, n)
        return as_frame(draw(drawer, n, Rng(seed).child("sample"), conditions), self.flavour)

    def marking(self, mark: bool = True, key: str | os.PathLike[str] | None = None) -> Marking:
        """Return how rows drawn from this model are marked: by the generation that its record says."""
        own = self.about.get("record")
        return Marking.choose(mark, key, int(own.get("generation", 1)) if isinstance(own, Mapping) else 1)

    def conditions(self, given: Any, seed: int = 0, partial: Any = None) -> Conditions | None:
        """Return conditions for `seedstock.drawing.draw`, None where there are none.

        `partial` are partial rows beside what `given` says of all rows. An `InputError` says what contradicts.
        """
        if partial is None and given is not None and not isinstance(given, str | Mapping | list | tuple):
            given, partial = None, given
        if not given and partial is None:
            return None
        from seedstock.conditions.replaced import refuse_replaced
        from seedstock.provenance.record import lineage_of
        from seedstock.sources.partial import read_partial

        table = None if partial is None else read_partial(partial, self.schema)
        known = self.fitted.sample(0, Rng(0))
        made = Conditions.make(known, given, (), Rng(seed), table)
        if made is not None:
            refuse_replaced(made, known.table, lineage_of(self.about) or {})
            made.plausibility(self.fitted, int(self.about.get("rows", 0)))
        return made

    def plausibility(self, given: Any, seed: int = 0) -> float | None:
        """Return the estimated share of all rows that meet conditions which hold for all; None where there are none."""
        made = self.conditions(given, seed)
        return None if made is None else made.plausibility(self.fitted, int(self.about.get("rows", 0)))

    def score(self, data: Dataset, seed: int = 0) -> dict[str, Any]:
        """Return how probable other rows are to this model; see `seedstock.score`."""
        if not hasattr(self.fitted, "score"):
            raise InputError(f"{self.generator} cannot tell how probable rows are; take forest or independent")
        if not len(data.table):
            raise InputError("there are no rows to score; bring some")
        parts = self.fitted.score(data.table, Rng(seed))
        total = np.sum(list(parts.values()), axis=0)
        return {
            "rows": len(data.table),
            "log_likelihood": float(total.mean()),
            "standard_error": float(total.std(ddof=1) / len(total) ** 0.5) if len(total) > 1 else None,
            "columns": {name: float(part.mean()) for name, part in parts.items()},
        }

    def metadata(
        self, seed: int, given: Conditions | None, content: Mapping[str, Any], mark: Mapping[str, Any]
    ) -> dict[str, str]:
        """Return what a file of rows drawn from this model carries: its record, tied to the rows."""
        from seedstock.provenance.record import lineage_of, tied

        own = lineage_of(self.about)
        if own is None:
            return {}
        drawn: dict[str, Any] = {"seed": seed, "given": {}}
        if given is not None:
            share = given.plausibility(self.fitted, int(self.about.get("rows", 0)))
            drawn |= given.facts() | ({} if share is None else {"plausibility": share})
        return metadata_of(tied({**own, "drawn": drawn, "watermark": dict(mark)}, content))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the model as a folder: arrays and JSON, nothing that could be executed."""
        store.save(self.fitted, self.generator, folder, {**self.about, "flavour": self.flavour})

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Model:
        """Read a model that was saved; an `InputError` where it is foreign, damaged or too new."""
        fitted, generator, about = store.load(folder)
        flavour = about.get("flavour")
        return cls(fitted, generator, about, flavour if flavour in FLAVOURS else "pandas")


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores and verdict over synthetic rows: what `judge` returns."""

    run: Run

    @property
    def scores(self) -> dict[str, Score]:
        """The scores by name."""
        return {s.name: s for s in self.run.scores}

    @property
    def verdict(self) -> Verdict:
        """Whether to train on the rows, whether to share them, and what to watch."""
        return self.run.verdict

    @property
    def report(self) -> str:
        """The report: one HTML page that needs nothing else."""
        from seedstock.report.build import page

        return page(self.run)

    @property
    def facts(self) -> dict[str, Any]:
        """All that there is to say, as JSON values: the content of ``run.json``."""
        from seedstock.report.facts import facts

        value = facts(self.run)
        if self.run.rows:
            value["rows"] |= {"synthetic": self.run.rows, "judged": len(self.run.synthetic.table)}
        return value

    def save_report(self, path: str | os.PathLike[str]) -> None:
        """Write the report as one HTML file."""
        text = self.report
        store.file_in_place(path, lambda new: new.write_text(text, "utf-8"))

    def save_facts(self, path: str | os.PathLike[str]) -> None:
        """Write ``run.json``."""
        text = json.dumps(self.facts, indent=1, ensure_ascii=False, allow_nan=False)
        store.file_in_place(path, lambda new: new.write_text(text + "\n", "utf-8"))

    def _repr_html_(self) -> str:
        from seedstock.report.notebook import summary

        return summary(self.run)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.run.verdict.sentence}>"


@dataclass(frozen=True, eq=False)
class Grown(Judged):
    """What `grow` has grown: the rows, the proof, the model.

    Attributes
    ----------
    model : Model
    folder : Path or None
        Where the files are, if any were asked for.
    """

    model: Model
    folder: Path | None = None

    def __repr__(self) -> str:
        n = self.run.rows or self.run.synthetic.size
        return f"<Grown: {n:,} rows by {self.run.generator}; {self.verdict.sentence}>"

    @property
    def table(self) -> Any:
        """The synthetic rows as the kind of frame that was handed in; for a file, as pandas.

        Of very many rows in a folder these are the first ones; all of them are in ``synthetic.parquet``.
        """
        return as_frame(self.run.synthetic, self.model.flavour)

    def to_pandas(self) -> Any:
        """Return the synthetic rows as a pandas frame."""
        return as_frame(self.run.synthetic, "pandas")

    def to_polars(self) -> Any:
        """Return the synthetic rows as a Polars frame."""
        return as_frame(self.run.synthetic, "polars")

    def to_arrow(self) -> Any:
        """Return the synthetic rows as an Arrow table."""
        return as_frame(self.run.synthetic, "arrow")

    def save_croissant(self, rows: Path, path: Path) -> None:
        """Write a Croissant description of the file that holds the rows."""
        from seedstock.provenance.croissant import croissant, file_facts

        inside = sorted([*rows.glob("*.parquet"), *rows.glob("*.csv")]) if rows.is_dir() else []
        found = [{**file_facts(f), "name": f"{rows.name}/{f.name}"} for f in inside]
        text = json.dumps(croissant(self.run.record, found or file_facts(rows)), indent=1, ensure_ascii=False)
        store.file_in_place(path, lambda new: new.write_text(text + "\n", "utf-8"))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write the rows, croissant.json, report.html, run.json and model/ into a folder.

        The rows are synthetic.parquet; of linked tables a folder synthetic/ with one file a table, of images one with
        a PNG each.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        rows = target / rows_name(self.run.synthetic.schema)
        save_rows(self.run.synthetic, rows, metadata_of(self.run.record))
        self.model.save(target / "model")
        self.save_croissant(rows, target / "croissant.json")
        self.save_report(target / "report.html")
        self.save_facts(target / "run.json")
        return target


CARRYING = (".parquet", ".pq", ".arrow", ".feather")
"""Files that carry their record themselves."""


def rows_of(rows: int | None, conditions: Conditions | None) -> int:
    """Return how many rows to draw: as many as asked, else as many as there are partial ones."""
    if rows is not None:
        return rows
    if conditions is None or conditions.partial is None:
        raise InputError("say how many rows to draw; only partial rows say it themselves")
    return len(conditions.partial)


FLAVOURS = ("pandas", "polars", "arrow")


def flavour_of(data: Dataset) -> str:
    """Return the kind of frame that a data set came as; pandas for files."""
    flavour = data.origin.get("flavour")
    return flavour if flavour in FLAVOURS else "pandas"


def rows_name(schema: Schema) -> str:
    """Return what the synthetic rows are called in the folder of a run: a file, or a folder of tables or images."""
    whole = len(schema.tables) == 1 and not next(iter(schema.tables.values())).of_kind("image")
    return "synthetic.parquet" if whole else "synthetic"


def save_rows(data: Dataset, path: Path, metadata: Mapping[str, str], form: str = "parquet") -> None:
    """Write one table as a file, linked tables as a folder of files, images as a folder of pictures.

    Linked tables of a log of events become one such log where `path` ends in ``.json``.
    """
    from seedstock.sources.images import LABELS_FILE
    from seedstock.sources.linked import SCHEMA_FILE
    from seedstock.sources.write import write
    from seedstock.sources.write_linked import write_tables

    if data.domain == "image" and not path.suffix:
        from seedstock.sources.write_images import ImageFolder

        with store.folder_in_place(path, LABELS_FILE) as new:
            images = ImageFolder(new)
            images.append(data)
            images.close(metadata)
        return
    if len(data.tables) == 1:
        write(data, path, metadata)
        return
    if path.suffix.lower() == ".json":
        from seedstock.sources.write_eve import eve_schema, write_eve

        if not eve_schema(data.schema):
            raise InputError("linked tables are written to a folder, and only events of eve.json to a .json file")
        store.file_in_place(path, lambda new: write_eve(data, new))
        describe_beside(path, metadata)
        return
    with store.folder_in_place(path, SCHEMA_FILE) as new:
        for file in write_tables(data, new, metadata, form):
            describe_beside(file, metadata)


def as_frame(data: Dataset, flavour: str) -> Any:
    """Return a data set as a frame of the named kind; linked tables as a mapping of frames."""
    from seedstock.sources.frames import to_frame

    if len(data.tables) > 1:
        from seedstock.sources.linked import tables_of

        return {name: to_frame(table, flavour) for name, table in tables_of(data)}

    return to_frame(data, flavour)


def metadata_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a file of synthetic rows carries of its provenance."""
    from seedstock.provenance.record import to_metadata

    return to_metadata(record) if record else {}


def describe_beside(path: Path, metadata: Mapping[str, str]) -> Path | None:
    """Write ``FILE.croissant.json`` beside a file of rows whose format has no place for a record of its own."""
    from seedstock.provenance.croissant import SUFFIX, croissant, file_facts
    from seedstock.provenance.record import from_metadata

    record = from_metadata(metadata)
    if record is None or path.suffix.lower() in CARRYING:
        return None
    beside = path.with_name(path.name + SUFFIX)
    text = json.dumps(croissant(record, file_facts(path), path.stem), indent=1, ensure_ascii=False)
    store.file_in_place(beside, lambda new: new.write_text(text + "\n", "utf-8"))
    return beside
