"""`Folder`: the files of one run. Each appears whole, as soon as it is done."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedstock.clock import Progress
from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.drawing import Sink
from seedstock.outcomes import Grown, Model, metadata_of, rows_name
from seedstock.sources.images import LABELS_FILE
from seedstock.sources.linked import SCHEMA_FILE
from seedstock.sources.write_images import ImageFolder
from seedstock.sources.write_linked import write_tables
from seedstock.stages import Prepared
from seedstock.store import folder_in_place

if TYPE_CHECKING:
    from seedstock.core.table import Dataset


class Folder:
    """An `seedstock.pipeline.Outlet` that writes synthetic.parquet, report.html, run.json, croissant.json and model/.

    What was finished before an interruption stays; the progress hears of each file.
    """

    def __init__(self, path: Path, generator: str, about: Mapping[str, Any], flavour: str, progress: Progress) -> None:
        if path.exists() and not path.is_dir():
            raise InputError(f"the output {str(path)!r} is a file; name a folder")
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise InputError(f"the output folder {str(path)!r} cannot be written to; name another one")
        self.path = path
        self._generator, self._about, self._flavour, self._progress = generator, about, flavour, progress
        self._carried: dict[str, str] = {}
        self._linked: Dataset | None = None
        self._rows = "synthetic.parquet"

    def model(self, fitted: Fitted, ready: Prepared, record: Mapping[str, Any]) -> None:
        """Write model/. An earlier run's verdict must not stand beside it, and goes."""
        for name in ("run.json", "report.html", "croissant.json"):
            (self.path / name).unlink(missing_ok=True)
        about = {**self._about, "rows": ready.train.size, "record": dict(record)}
        Model(fitted, self._generator, about, self._flavour).save(self.path / "model")
        self._progress.kept(str(self.path / "model"))

    @contextmanager
    def rows(self, fitted: Fitted) -> Iterator[Sink]:
        """Open synthetic.parquet; it appears when all rows are in it."""
        from seedstock.sources.write import Writer

        def sink(data: Dataset) -> None:
            writer.append(data)

        self._rows = rows_name(fitted.schema)
        if len(fitted.schema.tables) > 1:
            yield self._tables
            return
        if self._rows == "synthetic":
            with folder_in_place(self.path / self._rows, LABELS_FILE) as new:
                images = ImageFolder(new)
                yield images.append
                images.close(self._carried)
            self._progress.kept(str(self.path / self._rows))
            return
        with Writer(self.path / "synthetic.parquet", fitted.schema) as writer:
            yield sink
            # What is known only now: the record is tied to the rows.
            writer.metadata.update(self._carried)
        self._progress.kept(str(self.path / "synthetic.parquet"))

    def _tables(self, data: Dataset) -> None:
        self._linked = data

    def record(self, record: Mapping[str, Any]) -> None:
        """Let synthetic.parquet carry the record."""
        self._carried = metadata_of(record)
        if self._linked is not None:
            with folder_in_place(self.path / "synthetic", SCHEMA_FILE) as new:
                write_tables(self._linked, new, self._carried)
            self._progress.kept(str(self.path / "synthetic"))

    def reports(self, grown: Grown) -> None:
        """Write croissant.json, report.html, and run.json last."""
        self._progress.stage("report")
        grown.save_croissant(self.path / self._rows, self.path / "croissant.json")
        self._progress.kept(str(self.path / "croissant.json"))
        grown.save_report(self.path / "report.html")
        self._progress.kept(str(self.path / "report.html"))
        grown.save_facts(self.path / "run.json")
        self._progress.kept(str(self.path / "run.json"))
