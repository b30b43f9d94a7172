"""A training of images that is killed, and a machine without PyTorch."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seedstock import catalog
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.watching import watched
from seedstock.nets import torch as door
from seedstock.sources.images import read_images

CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
from seedstock import catalog
from seedstock.core.rng import Rng
from seedstock.core.watching import watched
from seedstock.nets import train
from seedstock.sources.images import read_images

train.SAVE_SECONDS = 0.2
tiny = replace(catalog.load("generators", "image_diffusion").TINY, steps=100_000, patience=100_000, max_minutes=2)
with watched(None, Path(sys.argv[2])):
    tiny.fit(read_images(sys.argv[1]), Rng(0))
"""


def test_a_killed_training_goes_on_where_it_was(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'seedstock[torch]'")
    faces, folder = tmp_path / "images.npz", tmp_path / "checkpoints"
    np.savez(faces, images=np.random.default_rng(0).integers(0, 256, (60, 16, 16), np.uint8))
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(faces), str(folder)])
    try:
        end = time.monotonic() + 60
        while not list(folder.glob("*.npz")) and child.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        child.kill()
        child.wait()
    tiny = replace(catalog.load("generators", "image_diffusion").TINY, steps=100_000, patience=100_000)
    with watched(None, folder):
        model = replace(tiny, max_minutes=1e-6).fit(read_images(faces), Rng(0))
    assert model.facts["steps"] > 0  # no time was left for a step of its own
    assert len(model.sample(2, Rng(0)).table) == 2


def test_without_pytorch_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"seedstock\[torch\]") as error:
        door.need()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["image_flow", "image_diffusion"])
def test_a_budget_that_is_too_small_gives_a_model_and_says_what_was_reached(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'seedstock[torch]'")
    settings = replace(catalog.load("generators", name).TINY, max_minutes=1e-6, steps=1_000_000)
    faces = tmp_path / "images.npz"
    np.savez(faces, images=np.random.default_rng(0).integers(0, 256, (50, 8, 8), np.uint8))
    fitted = settings.fit(read_images(faces), Rng(0))
    assert fitted.facts["ended"] == "time budget"
    assert len(fitted.sample(3, Rng(0)).table) == 3
    assert len(fitted.notes) == 1
    assert "time budget ended the training" in fitted.notes[0]
    assert "--max-minutes" in fitted.notes[0]
