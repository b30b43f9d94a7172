"""Small image sets with known properties, for the contracts of image generators and measures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table


def image_set(images: NDArray[np.uint8], labels: list[str | None] | None = None) -> Dataset:
    columns, schemas = {"image": Column.of(images)}, {"image": ColumnSchema("image", dtype="image")}
    if labels is not None:
        columns["label"] = Column.of_texts(labels)
        schemas["label"] = ColumnSchema("category", ("target",))
    return Dataset({"data": Table(columns, len(images))}, Schema({"data": TableSchema(schemas)}))


def blobs(n: int, size: int = 8, channels: int = 1, seed: int = 0) -> Dataset:
    """Bright spots on the left (label a) or the right (label b, rare), somewhat moved and lit."""
    g = np.random.default_rng(seed)
    right = g.random(n) < 0.25
    right[:2] = [False, True][: min(n, 2)]
    x, y = g.normal(size * np.where(right, 0.7, 0.3), 0.6), g.normal(size / 2, 0.6, n)
    rows, columns = np.mgrid[:size, :size]
    spots = np.exp(-((rows - y[:, None, None]) ** 2 + (columns - x[:, None, None]) ** 2) / (size / 2))
    light = g.uniform(0.6, 1.0, (n, 1, 1, channels))
    images = 230 * spots[..., None] * light + g.normal(0, 3, (n, size, size, channels)) + 12
    return image_set(np.clip(images, 0, 255).astype(np.uint8), ["b" if r else "a" for r in right])


def one() -> Dataset:
    return blobs(1)


def constant() -> Dataset:
    return image_set(np.full((12, 8, 8, 1), 77, np.uint8))


def odd_size() -> Dataset:
    return image_set(np.random.default_rng(0).integers(0, 256, (20, 9, 13, 1)).astype(np.uint8))


def colours() -> Dataset:
    return blobs(60, channels=3)


def gaps() -> Dataset:
    data = blobs(30)
    table = data.table
    missing = np.arange(30) % 5 == 0
    labels: list[str | None] = [None if k % 4 == 0 else t for k, t in enumerate(table["label"].texts())]
    columns = {"image": Column(table["image"].values, missing), "label": Column.of_texts(labels)}
    return data.with_table(Table(columns, 30))


TABLES = {
    "one": one, "constant": constant, "odd size": odd_size, "colours": colours, "gaps": gaps, "grey": lambda: blobs(60),
}  # fmt: skip
