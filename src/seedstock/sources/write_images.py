"""Image sets -> a folder: one PNG a row, the labels, and the record."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

from seedstock.core.table import Dataset
from seedstock.sources.images import FILE, LABELS_FILE, RECORD_FILE
from seedstock.sources.pictures import png
from seedstock.sources.texts import cell_texts

TOLD = {"Software": "seedstock", "Source": "synthetic image, made by a model; not a photograph"}
"""What each PNG says of itself."""


class ImageFolder:
    """An empty folder that gets images, and ``labels.csv`` and ``seedstock.json`` at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows: list[list[str]] = []
        self._names: list[str] = []

    def append(self, data: Dataset) -> None:
        """Write the images of some rows; they are named by their order."""
        table, columns = data.table, data.columns
        (image,) = columns.of_kind("image")
        labels = [c for c in table if c not in (image, FILE)]
        self._names = labels
        texts = {c: cell_texts(table[c], columns[c]).texts() for c in labels}
        for k, values in enumerate(table[image].values):
            name = f"{len(self._rows) + 1:06d}"
            (self.folder / f"{name}.png").write_bytes(png(values, TOLD))
            self._rows.append([f"{name}.png", *(str(texts[c][k] or "") for c in labels)])

    def close(self, metadata: Mapping[str, str]) -> None:
        """Write the labels and the record."""
        with (self.folder / LABELS_FILE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([FILE, *self._names])
            writer.writerows(self._rows)
        (self.folder / RECORD_FILE).write_text(json.dumps(dict(metadata), indent=1) + "\n", "utf-8")
