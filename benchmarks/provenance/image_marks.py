"""The mark in pictures: what it survives, on a stand-in generator that blends faces."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.detect import detect
from seedstock.provenance.watermark import mark


def part_images(key_of: Callable[[int], bytes], data: Path) -> dict[str, Any]:
    """Whether the mark survives in pictures: selection among pictures by quantised low frequencies."""
    with np.load(data / "olivetti64.npz") as file:
        faces = file["images"][..., None]
    schema = Schema({"data": TableSchema({"image": ColumnSchema("image", dtype="uint8")})})

    class Faces:
        """Draws mixtures of two pictures, shifted and mirrored: a stand-in for a generator of faces."""

        def __init__(self) -> None:
            self.schema = schema

        def sample(self, n: int, rng: Rng, given: Table | None = None, start: int = 0) -> Dataset:
            g = rng.child("faces", start).generator()
            a, b = faces[g.integers(0, 400, n)].astype(float), faces[g.integers(0, 400, n)].astype(float)
            w = g.uniform(0.2, 0.8, (n, 1, 1, 1))
            both = w * a + (1 - w) * np.where(g.random((n, 1, 1, 1)) < 0.5, b, b[:, :, ::-1])
            both = np.roll(both, int(g.integers(-3, 4)), axis=1)
            images = np.clip(both, 0, 255).astype(np.uint8)
            return Dataset({"data": Table({"image": Column(images, np.zeros(n, bool))})}, schema)

    def changed(images: Any, how: str, g: np.random.Generator) -> Any:
        x = images.astype(float)
        if how == "noise, sd 8":
            x = x + g.normal(0, 8, x.shape)
        elif how == "brighter by 20 %":
            x = x * 1.2
        elif how == "half the size and back":
            small = x.reshape(len(x), 32, 2, 32, 2, 1).mean(axis=(2, 4))
            x = small.repeat(2, axis=1).repeat(2, axis=2)
        elif how == "JPEG, quality about 50":
            x = jpeg_like(x)
        elif how == "cropped by 2 of 64 and stretched":
            x = x[:, np.linspace(2, 61, 64).round().astype(int)][:, :, np.linspace(2, 61, 64).round().astype(int)]
        elif how == "mirrored":
            x = x[:, :, ::-1]
        return np.clip(np.round(x), 0, 255).astype(np.uint8)

    model: Any = Faces()
    out: dict[str, Any] = {}
    tries = int(os.environ.get("TRIES", "20"))
    ways = ["as drawn", "noise, sd 8", "brighter by 20 %", "half the size and back", "JPEG, quality about 50",
            "cropped by 2 of 64 and stretched", "mirrored"]  # fmt: skip
    g = np.random.default_rng(0)
    for n in (150, 1_000):
        p: dict[str, list[float]] = {}
        for k in range(tries):
            marked = mark(model, key_of(k)).sample(n, Rng(k))
            for how in ways:
                images = changed(marked.table["image"].values, how, g)
                changed_rows = marked.with_table(Table({"image": Column(images, np.zeros(n, bool))}))
                p.setdefault(how, []).append(detect(changed_rows, key_of(k), threshold=0.0).p_value)
            p.setdefault("unmarked", []).append(detect(model.sample(n, Rng(k)), key_of(k), threshold=0.0).p_value)
        out[f"{n} images"] = {
            how: {"found_at_1_percent": float(np.mean(np.array(v) <= 0.01)), "median_p": float(np.median(v))}
            for how, v in p.items()
        }
    return out


def jpeg_like(x: Any) -> Any:
    """Quantise 8 x 8 blocks with the luminance table of the JPEG standard (quality 50)."""
    from scipy.fft import dctn, idctn

    table = np.array([
        [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55], [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62], [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
    ])  # fmt: skip
    blocks = (x[..., 0] - 128).reshape(len(x), 8, 8, 8, 8).transpose(0, 1, 3, 2, 4)
    coded = np.round(dctn(blocks, axes=(3, 4), norm="ortho") / table) * table
    back = idctn(coded, axes=(3, 4), norm="ortho").transpose(0, 1, 3, 2, 4).reshape(len(x), 64, 64)
    return back[..., None] + 128
