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


def test_a_gaussian_denoiser_moves_to_its_conditional_mean_and_fills_with_its_conditional_spread() -> None:
    torch = pytest.importorskip("torch")
    from seedstock.nets.edm import SEEN_NOISE, GaussianPath, heun

    g = np.random.default_rng(1)
    basis = np.linalg.qr(g.normal(size=(16, 3)))[0].astype(np.float32)
    path = GaussianPath(np.zeros((1, 16), np.float32), basis, np.array([2.0, 1.0, 0.5]), 0.1, torch.device("cpu"))
    prior = (basis * [1.9, 0.9, 0.4]) @ basis.T + 0.1 * np.eye(16)
    here = np.arange(16) < 9
    seen = (np.linalg.cholesky(prior) @ g.normal(size=16)).reshape(1, 1, 4, 4)
    keep, seen = torch.as_tensor(here.reshape(1, 1, 4, 4)).float(), torch.as_tensor(seen).float()

    def given(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gain = covariance[:, here] @ np.linalg.inv(covariance[np.ix_(here, here)] + SEEN_NOISE**2 * np.eye(9))
        return gain @ seen.numpy().ravel()[here], covariance - gain @ covariance[here]

    at = np.linalg.inv(np.linalg.inv(prior) + np.eye(16) / 0.7**2)
    found = path.towards(torch.zeros(1, 1, 4, 4), 0.7, seen, keep).numpy().ravel()
    assert np.abs(found - given(at)[0]).max() < 1e-3
    n, y = 4000, torch.zeros(4000, dtype=torch.long)
    z = torch.as_tensor(g.normal(size=(2, n, 1, 4, 4)), dtype=torch.float32)
    many = keep.expand(n, -1, -1, -1)
    x = path.towards(path.start(z[0], 0.0, y), float("inf"), seen, many) + 5 * z[1]
    end = heun(lambda x, s: path.towards(path.denoise(x, s, y), float(s[0]), seen, many), x, 18, 5.0).reshape(n, 16)
    mean, covariance = given(prior)
    assert np.abs(end.numpy().mean(0) - mean).max() < 0.05
    assert np.abs(np.cov(end.numpy().T) - covariance)[np.ix_(~here, ~here)].max() < 0.06


def test_filling_keeps_known_pixels_and_draws_the_others_to_fit(name: str) -> None:
    images = blobs(80, seed=9).table["image"].values[:24]
    known = np.ones((8, 8), bool)
    known[2:5, 2:6] = False
    model = fitted(name, "grey")
    filled = model.fill(images, known)
    assert (filled[:, known] == images[:, known]).all()
    assert (filled[:, ~known] != images[:, ~known]).any()
    assert (filled == model.fill(images, known)).all()
    assert not (filled == model.fill(images, known, seed=1)).all()
    free = model.sample(24, Rng(1)).table["image"].values

    def far(made: np.ndarray) -> float:
        return float(np.abs(made.astype(float) - images)[:, ~known].mean())

    assert far(filled) < 0.7 * far(free)


def test_a_gaussian_fills_as_its_closed_form_says() -> None:
    """Two pixels, correlated by 0.9: given one, the other's mean and spread are known."""
    g = np.random.default_rng(0)
    x = g.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 4000) * 25 + 128
    data = image_set(np.repeat(x.round().clip(0, 255).astype(np.uint8), 4, axis=1).reshape(-1, 2, 4, 1))
    model = catalog.load("generators", "image_gaussian").ImageGaussian(variance=1.0, max_components=2).fit(data, Rng(0))
    known = np.array([[True] * 4, [False] * 4])
    filled = model.fill(np.full((3000, 2, 4, 1), 153, np.uint8), known)[:, 1, 0, 0].astype(float)
    assert filled.mean() == pytest.approx(128 + 0.9 * 25, abs=1.5)
    assert filled.std() == pytest.approx(25 * np.sqrt(1 - 0.81), rel=0.1)


def test_the_way_between_two_images_is_short_in_each_step(name: str) -> None:
    model = fitted(name, "grey")
    way = model.between(9, {"label": "b"}, seed=2).astype(float)
    assert way.shape == (9, 8, 8, 1)
    steps = np.abs(np.diff(way, axis=0)).mean((1, 2, 3))
    assert steps.max() < 0.6 * np.abs(way[-1] - way[0]).mean()
    assert (model.between(9, {"label": "b"}, seed=2) == way).all()
    assert model.row_of({"label": "b"}) != model.row_of({"label": "a"})


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda m: m.between(1), "2 or more"),
        (lambda m: m.between(4, {"label": "z"}), "never"),
        (lambda m: m.between(4, 99), "row must be"),
        (lambda m: m.fill(np.zeros((1, 4, 4, 1), np.uint8), np.ones((4, 4), bool)), "shape"),
        (lambda m: m.fill(np.zeros((1, 8, 8, 1), np.uint8), np.ones((3, 3), bool)), "known"),
    ],
)
def test_what_cannot_be_shown_is_refused(name: str, what: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        what(fitted(name, "grey"))
