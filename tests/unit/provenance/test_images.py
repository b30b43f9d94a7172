from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.detect import detect
from seedstock.provenance.images import N_FEATURES, features
from seedstock.provenance.watermark import layout, mark

SCHEMA = Schema({"data": TableSchema({"image": ColumnSchema("image", dtype="uint8")})})
KEY = b"k" * 32


def smooth(n: int, seed: int) -> np.ndarray:
    """Pictures of low frequencies."""
    g = np.random.default_rng(seed)
    t = np.arange(32) / 32
    basis = np.stack([np.cos(np.pi * k * (t + 1 / 64)) for k in range(6)])
    x = np.einsum("nab,ai,bj->nij", g.normal(size=(n, 6, 6)), basis, basis)
    return np.clip(128 + 14 * x, 0, 255).astype(np.uint8)[..., None]


class Pictures:
    schema = SCHEMA

    def sample(self, n, rng, given=None, start=0):
        return dataset(smooth(n, rng.child(start).integer()))


def dataset(images: np.ndarray) -> Dataset:
    return Dataset({"data": Table({"image": Column(images, np.zeros(len(images), bool))})}, SCHEMA)


def test_features_do_not_see_brightness_contrast_or_size():
    images = smooth(50, 1)
    brighter = np.clip(images.astype(float) * 0.7 + 20, 0, 255).astype(np.uint8)
    larger = images.repeat(2, axis=1).repeat(2, axis=2)
    a, b, c = (np.stack(features(x)) for x in (images, brighter, larger))
    assert a.shape == (N_FEATURES, 50)
    assert (a == b).mean() > 0.95
    assert (a == c).mean() > 0.95
    assert (a != np.stack(features(smooth(50, 2)))).mean() > 0.3


@pytest.mark.parametrize("shape", [(0, 8, 8, 1), (2, 1, 1, 3), (2, 5, 40, 3), (3, 0, 4, 1)])
def test_odd_shapes(shape):
    assert [len(f) for f in features(np.zeros(shape, np.uint8))] == [shape[0]] * N_FEATURES


def test_the_mark_in_pictures():
    marked = mark(Pictures(), KEY).sample(400, Rng(1))
    assert detect(marked, KEY).p_value < 1e-6
    assert detect(marked, b"x" * 32).p_value > 1e-3
    assert detect(dataset(smooth(400, 3)), KEY).p_value > 1e-3
    assert layout(marked.columns)[0] == "image/0"
