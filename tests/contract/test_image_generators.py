"""Every generator of images, found through the catalog, against the laws of `seedstock.core.contracts`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seedstock import catalog, store
from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Table

from . import awkward_images
from .awkward_images import TABLES, blobs, image_set

NAMES = catalog.names("generators", "image")


@cache
def module(name: str) -> ModuleType:
    if name != "image_gaussian":
        pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'seedstock[torch]'")
    return catalog.load("generators", name)


@cache
def fitted(name: str, table: str) -> Any:
    return module(name).TINY.fit(TABLES[table](), Rng(3))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("table", TABLES)
def test_draws_n_images_of_the_schema(name: str, table: str) -> None:
    data = TABLES[table]()
    drawn = fitted(name, table).sample(5, Rng(1))
    assert drawn.schema == data.schema
    assert drawn.table["image"].values.shape == (5, *data.table["image"].values.shape[1:])
    assert drawn.table["image"].values.dtype == np.uint8
    assert not drawn.table["image"].missing.any()
    assert len(fitted(name, table).sample(0, Rng(1)).table) == 0


def test_same_seed_same_images_in_any_number(name: str) -> None:
    model = fitted(name, "grey")
    one, two, other = model.sample(40, Rng(1)).table, model.sample(70, Rng(1)).table, model.sample(40, Rng(2)).table
    assert one.equals(two.take(slice(0, 40)))
    assert not one["image"].equals(other["image"])


def test_equal_data_and_seed_give_an_equal_model_and_leave_the_data_alone(name: str) -> None:
    data = TABLES["grey"]()
    before = data.table["image"].values.copy()
    again = module(name).TINY.fit(data, Rng(3)).state().arrays
    assert (data.table["image"].values == before).all()
    assert all((a == again[k]).all() for k, a in fitted(name, "grey").state().arrays.items())


def test_state_round_trips_through_files(name: str, tmp_path: Path) -> None:
    model = fitted(name, "colours")
    store.save(model, name, tmp_path / "model", {})
    assert store.load(tmp_path / "model").fitted.sample(9, Rng(1)).table.equals(model.sample(9, Rng(1)).table)


def test_a_damaged_state_is_refused(name: str) -> None:
    state = fitted(name, "grey").state()
    for gone in state.arrays:
        arrays = {k: v for k, v in state.arrays.items() if k != gone}
        with pytest.raises(InputError):
            module(name).GENERATOR.fitted.from_state(State(arrays, state.meta))


def test_a_rare_class_is_drawn_on_demand_and_looks_like_itself(name: str) -> None:
    given = Table({"label": Column.of_texts(["b"] * 30 + ["a"] * 30)})
    drawn = fitted(name, "grey").sample(60, Rng(1), given).table
    assert drawn["label"].texts().tolist() == ["b"] * 30 + ["a"] * 30
    left = drawn["image"].values[..., 0].astype(float)
    share = left[:, :, 4:].sum((1, 2)) / left.sum((1, 2))
    if name != "image_flow":  # thirty steps of training from noise teach it nothing; its truth test trains longer
        assert share[:30].mean() > 0.6 > 0.4 > share[30:].mean()


def test_labels_come_as_often_as_they_were(name: str) -> None:
    drawn = fitted(name, "grey").sample(300, Rng(5)).table["label"].texts()
    real = TABLES["grey"]().table["label"].texts()
    assert abs((drawn == "b").mean() - (real == "b").mean()) < 0.1


def test_an_unknown_label_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match="never"):
        fitted(name, "grey").sample(1, Rng(1), Table({"label": Column.of_texts(["z"])}))
    with pytest.raises(InputError, match="no label"):
        fitted(name, "grey").sample(1, Rng(1), Table({"colour": Column.of_texts(["z"])}))


def test_constant_images_give_constant_images() -> None:
    drawn = fitted("image_gaussian", "constant").sample(4, Rng(1)).table["image"].values
    assert (abs(drawn.astype(int) - 77) <= 1).all()


def test_the_gaussian_keeps_mean_and_covariance_of_pixels() -> None:
    data = blobs(400)
    model = catalog.load("generators", "image_gaussian").ImageGaussian().fit(data, Rng(0))
    real, made = (d.table["image"].values.reshape(-1, 64).astype(float) for d in (data, model.sample(2000, Rng(1))))
    assert abs(real.mean(0) - made.mean(0)).max() < 12
    a, b = np.cov(real.T), np.cov(made.T)
    assert np.linalg.norm(a - b) < 0.35 * np.linalg.norm(a)


def test_flow_learns_two_points() -> None:
    """Images of two kinds only: what is drawn must be near one of the two, not between."""
    name = "image_flow"
    images = np.repeat(np.stack([np.tril(np.full((8, 8), 200)), np.triu(np.full((8, 8), 200))]), 60, axis=0)
    net = {"width": 48, "depth": 2, "dropout": 0.0, "blur": 0.1, "max_components": 4}
    settings = module(name).ImageFlow(**net, steps=500, batch=64, solver_steps=12)
    model = settings.fit(image_set(images[..., None].astype(np.uint8)), Rng(0))
    drawn = model.sample(64, Rng(1)).table["image"].values[..., 0].astype(float)
    far = np.abs(drawn[:, None] - images[[0, 60]][None]).mean((2, 3)).min(1)
    assert np.mean(far < 25) > 0.8


def test_diffusion_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    from seedstock.core.watching import watched

    settings = module("image_diffusion").TINY
    data = awkward_images.blobs(60)
    with watched(None, tmp_path):
        first = settings.fit(data, Rng(0))
    assert len(list(tmp_path.glob("*.npz"))) == 1
    moments: list[Any] = []
    with watched(moments.append, tmp_path):
        again = settings.fit(data, Rng(0))
    assert not moments  # all steps were done before
    assert first.sample(3, Rng(1)).table.equals(again.sample(3, Rng(1)).table)
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:1000])
    with watched(moments.append, tmp_path):
        settings.fit(data, Rng(0))
    assert moments[-1].step == settings.steps  # a damaged checkpoint is begun anew


def test_an_untrained_denoiser_is_the_gaussian_one_and_its_error_is_known() -> None:
    torch = pytest.importorskip("torch")
    from seedstock.generators._image_gaussian import Space
    from seedstock.nets.edm import GaussianPath, heun

    g = np.random.default_rng(0)
    space = Space(
        np.zeros((1, 16), np.float32),
        np.linalg.qr(g.normal(size=(16, 3)))[0].astype(np.float32),
        np.array([2.0, 1.0, 0.5], np.float32),
        0.1,
    )
    path = GaussianPath(space.means, space.basis, space.spread, space.rest, torch.device("cpu"))
    y = torch.zeros(4000, dtype=torch.long)
    z = torch.as_tensor(g.normal(size=(2, 4000, 1, 4, 4)), dtype=torch.float32)
    x0 = path.start(z[0], 1e-6, y)
    sigma = torch.full((4000,), 0.7)
    error = (path.denoise(x0 + 0.7 * z[1], sigma, y) - x0).square().mean().sqrt()
    assert error == pytest.approx(float(path.error(sigma)[0]), rel=0.02)
    # The probability flow of a Gaussian carries its start to itself: the covariance is right at the end.
    end = heun(lambda x, s: path.denoise(x, s, y), path.start(z[0], 5.0, y), 18, 5.0).reshape(4000, 16).numpy()
    truth = (space.basis * space.spread) @ space.basis.T + 0.1 * (np.eye(16) - space.basis @ space.basis.T)
    assert np.abs(np.cov(end.T) - truth).max() < 0.12


def test_filling_keeps_known_pixels(name: str) -> None:
    if name != "image_diffusion":
        pytest.skip("only diffusion fills in")
    images = TABLES["grey"]().table["image"].values[:4]
    known = np.zeros((8, 8), bool)
    known[:, :4] = True
    filled = fitted(name, "grey").fill(images, known)
    assert (filled[:, :, :4] == images[:, :, :4]).all()
    assert (filled[:, :, 4:] != images[:, :, 4:]).any()
