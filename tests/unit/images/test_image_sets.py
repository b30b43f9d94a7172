"""Image sets as data: what is read, what is refused, what is written, checked and measured."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import seedstock
from seedstock import catalog
from seedstock.core.errors import InputError
from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources.images import is_images, read_images


def pictures(n: int, seed: int = 0, size: int = 16) -> np.ndarray:
    """Smooth random pictures of two kinds, n x size x size x 1: no two are alike."""
    g = np.random.default_rng(seed)
    t = np.arange(size) / size
    out = np.zeros((n, size, size))
    for k in range(1, 4):
        for j in range(1, 4):
            a = g.normal(size=(n, 1, 1)) / (k * j)
            out += a * np.cos(np.pi * k * t)[None, :, None] * np.cos(np.pi * j * t)[None, None, :]
    out[n // 2 :] += 2 * np.cos(2 * np.pi * t)[None, :, None]
    out = 128 + 40 * out + g.normal(0, 2, out.shape)
    return np.clip(out, 0, 255).astype(np.uint8)[..., None]


def as_set(images: np.ndarray, labels: list[str] | None = None) -> Dataset:
    columns, schemas = {"image": Column.of(images)}, {"image": ColumnSchema("image", dtype="image")}
    if labels is not None:
        columns["label"], schemas["label"] = Column.of_texts(labels), ColumnSchema("category", ("target",))
    return Dataset({"data": Table(columns, len(images))}, Schema({"data": TableSchema(schemas)}))


def folder(path: Path, n: int = 24, labelled: bool = True) -> Path:
    for k, x in enumerate(pictures(n)):
        own = path / ("left" if k < n // 2 else "right") if labelled else path
        own.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[..., 0]).save(own / f"{k}.png")
    return path


def test_a_folder_is_images_and_labels(tmp_path: Path) -> None:
    data = seedstock.read(folder(tmp_path / "set"))
    assert data.domain == "image"
    assert data.table["image"].values.shape == (24, 16, 16, 1)
    assert sorted(set(data.table["label"].texts())) == ["left", "right"]
    assert data.table["file"].texts()[0] == "left/0"
    assert (data.table["image"].values[:12] == pictures(24)[:12][np.argsort([str(k) for k in range(12)])]).all()


def test_labels_come_from_a_sheet_too(tmp_path: Path) -> None:
    path = folder(tmp_path, 6, labelled=False)
    with (path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "mood"], *[[f"{k}.png", "gay" if k % 2 else "grave"] for k in range(5)]])
    data = read_images(path)
    assert data.table["mood"].texts().tolist() == ["grave", "gay", "grave", "gay", "grave", None]


def test_an_npz_file_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=pictures(10)[..., 0] / 255.0, digit=np.arange(10) % 3)
    data = read_images(tmp_path / "set.npz", target="digit")
    assert np.abs(data.table["image"].values.astype(int) - pictures(10)).max() <= 1
    assert data.columns.target == "digit"


def test_mixed_sizes_modes_and_depths_become_one_and_the_steps_are_told(tmp_path: Path) -> None:
    x = pictures(1, size=40)[0, ..., 0]
    Image.fromarray(x).save(tmp_path / "a.png")
    Image.fromarray(np.stack([x, x, x], -1)).resize((80, 50)).save(tmp_path / "b.jpg")
    Image.fromarray(x.astype(np.uint16) * 257).save(tmp_path / "c.tiff")
    Image.fromarray(np.dstack([x, x, x, np.zeros_like(x)])).save(tmp_path / "d.png")
    Image.fromarray(x).save(tmp_path / "e.pgm")
    data = read_images(tmp_path)
    values = data.table["image"].values
    assert values.shape == (5, 40, 40, 3)
    assert np.abs(values[0].astype(int) - values[2]).max() <= 1  # 16 bits are brought to 8
    assert (values[3] == 255).all()  # all is transparent
    assert len(data.origin["steps"]) == 3
    assert read_images(tmp_path, size=8).table["image"].values.shape == (5, 8, 8, 3)


def truncated(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(path / "x.jpg")
    (path / "x.jpg").write_bytes((path / "x.jpg").read_bytes()[:900])


def bomb(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path / "x.png")


@pytest.mark.parametrize("plant", [truncated, bomb, lambda p: (p / "x.png").write_text("no image")],
                         ids=["truncated", "bomb", "text"])  # fmt: skip
def test_what_cannot_be_read_is_left_out_and_told(tmp_path: Path, plant: Any) -> None:
    plant(folder(tmp_path, labelled=False))
    data = seedstock.read(tmp_path)
    assert len(data.table) == 24
    assert len(data.origin["unreadable"]) == 1
    assert any("could not be read" in note for note in data.notes)
    assert "image_files" in {f.check for f in seedstock.check(data)}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: (p / "x.png").write_text("no"), "'x.png': it is no image"),
        (bomb, "decompression bomb"),
        (lambda p: np.savez(p / "x.npz", a=np.zeros(3)), "one array of images"),
        (lambda p: (p / "x.npz").write_text("no"), "no npz file"),
        (lambda p: np.savez(p / "x.npz", a=np.full((2, 4, 4), -3.0)), "must be 0..1 or 0..255"),
    ],
    ids=["no image", "bomb", "no images in npz", "broken npz", "pixels out of range"],
)
def test_what_is_no_image_set_is_refused_in_one_line(tmp_path: Path, make: Any, words: str) -> None:
    make(tmp_path)
    source = tmp_path / "x.npz" if (tmp_path / "x.npz").exists() else tmp_path
    with pytest.raises(InputError, match=words) as caught:
        read_images(source)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_is_no_image_set(tmp_path: Path) -> None:
    assert not is_images(tmp_path)
    with pytest.raises(InputError, match="empty; bring images"):
        seedstock.read(tmp_path)
    with pytest.raises(InputError, match="holds no image"):
        read_images(tmp_path)


def test_names_like_paths_write_nowhere_else(tmp_path: Path) -> None:
    folder(tmp_path / "set", 4, labelled=False)
    (tmp_path / "set" / "labels.csv").write_text("file,what\n../../0.png,x\n1.png,../../evil\n")
    data = read_images(tmp_path / "set")
    assert data.table["what"].texts().tolist() == [None, "../../evil", None, None]
    seedstock.grow(data, generator="image_gaussian", rows=6, output=tmp_path / "out", holdout=0.5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "set"]


def test_the_whole_line_and_the_guard_at_its_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    grown = seedstock.grow(
        folder(tmp_path / "set", 60), target="label", generator="image_gaussian", rows=40, output=out, real=True
    )
    drawn = read_images(out / "synthetic")
    assert (drawn.table["image"].values == grown.run.synthetic.table["image"].values).all()
    assert drawn.table["label"].texts().tolist() == grown.run.synthetic.table["label"].texts().tolist()
    assert "data:image/png;base64" in (out / "report.html").read_text("utf-8")
    assert set(grown.scores) >= {"image_kernel_distance", "image_copy_rate"}
    assert json.loads((out / "run.json").read_text("utf-8"))["generator"] == "image_gaussian"
    assert Image.open(out / "synthetic" / "000001.png").text["Software"] == "seedstock"
    with pytest.raises(InputError, match="synthetic"):
        seedstock.fit(out / "synthetic", generator="image_gaussian")
    again = seedstock.sample(out / "model", 5, seed=3, output=tmp_path / "more")
    assert len(read_images(again).table) == 5


def test_one_image_is_learned_from_and_said_to_be_too_few(tmp_path: Path) -> None:
    model = seedstock.fit(folder(tmp_path, 1, labelled=False))
    assert model.generator == "image_gaussian"
    assert model.fitted.sample(3, Rng(0)).table["image"].values.shape == (3, 16, 16, 1)


def test_sizes_and_times_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    for asked, words in (
        ({"size": 2}, "size"),
        ({"max_minutes": 0}, "max_minutes"),
        ({"kinds": {"a": "id"}}, "labels"),
    ):
        with pytest.raises(InputError, match=words):
            seedstock.grow(path, **asked)
    with pytest.raises(InputError, match="for images"):
        seedstock.read({"x": [1.0, 2.0]}, size=8)


def image_set(n: int, seed: int) -> Dataset:
    return as_set(pictures(n, seed), ["a"] * (n // 2) + ["b"] * (n - n // 2))


@pytest.mark.parametrize("name", catalog.names("checks", "image"))
def test_checks_find_what_is_planted_and_little_else(name: str) -> None:
    module = catalog.load("checks", name)
    clean = image_set(300, 1)
    assert not module.CHECK()(clean, Rng(0))
    dirty, rows = module.plant(clean, 0.03, Rng(1))
    assert rows is not None
    found = {r for f in module.CHECK()(dirty, Rng(0)) for r in f.rows}
    assert len(found & set(rows.tolist())) >= 0.8 * len(rows)
    assert len(found - set(rows.tolist())) <= 2


def test_images_of_the_test_set_are_found_in_the_training_set() -> None:
    train, test = image_set(60, 1), image_set(60, 2)
    values = test.table["image"].values.copy()
    values[7] = train.table["image"].values[30]
    leaky = as_set(values)
    found = [f for f in seedstock.check(train, against=leaky) if "other set" in f.message]
    assert [f.rows for f in found] == [(30,)]


def scores(drawn: np.ndarray) -> dict[str, Score]:
    train, held = (as_set(pictures(200, seed)) for seed in (1, 2))
    evidence = Evidence(train, held, as_set(drawn))
    return {
        s.name: s
        for m in catalog.names("metrics", "image")
        for s in catalog.load("metrics", m).METRIC()(evidence, Rng(0))
    }


def test_other_real_images_score_well() -> None:
    found = scores(pictures(200, 3))
    assert all(s.ok for s in found.values()), {k: (s.value, s.good) for k, s in found.items() if not s.ok}
    assert found["image_nearest_ratio"].value == pytest.approx(1, abs=0.1)


def test_copies_are_told_mirrored_and_lit_or_not() -> None:
    copies = pictures(200, 1)[:, :, ::-1]
    found = scores(
        np.clip(copies.astype(int) + np.random.default_rng(0).integers(-2, 3, copies.shape), 0, 255).astype(np.uint8)
    )
    assert found["image_copy_rate"].value > 90
    assert found["image_copy_rate"].ok is False
    assert found["image_nearest_ratio"].ok is False


def test_noise_is_told() -> None:
    found = scores(np.random.default_rng(0).integers(0, 256, (200, 16, 16, 1), np.uint8))
    for name in ("image_kernel_distance", "image_frechet_distance", "image_precision", "image_coverage"):
        assert found[name].ok is False, name
