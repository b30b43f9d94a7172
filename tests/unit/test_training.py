"""Whoever waits for a training hears and sees how it goes, and a killed one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import seedstock
from seedstock import training
from seedstock.clock import Silent
from seedstock.core.watching import Moment
from seedstock.sources.images import read_images
from seedstock.training import MAX_LOGGED, Training, save_preview

TORCH = pytest.mark.skipif(
    not __import__("importlib").util.find_spec("torch"),
    reason="PyTorch is not installed: pip install 'seedstock[torch]'",
)


CHILD = """
import sys
from seedstock import cli
from seedstock.nets import train

train.SAVE_SECONDS = 0.2
cli.main(sys.argv[1:])
"""


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def detail(self, text: str) -> None:
        self.lines.append(text)


def moment(step: int, preview: bool = False) -> Moment:
    draw = (lambda: np.full((5, 8, 8, 1), 200, np.uint8)) if preview else None
    return Moment(step, step / 1000, step / 10, 320.0, 0.5, float("nan"), draw)


def test_the_log_is_bounded_and_spans_the_training() -> None:
    follower = Training(Silent(), None)
    for k in range(5_000):
        follower(moment(k))
    assert len(follower.log) <= MAX_LOGGED
    assert follower.log[0]["step"] == 0
    assert follower.log[-1]["step"] > 4_900


def test_a_preview_is_drawn_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("PIL")
    from PIL import Image

    monkeypatch.setattr(training, "PREVIEW_SECONDS", 0.0)
    heard = Heard()
    Training(heard, tmp_path / "new")(moment(1, preview=True))
    with Image.open(tmp_path / "new" / "preview.png") as image:
        assert image.size == (3 * 64, 2 * 64)
    assert "320 images/s, loss 0.5" in heard.lines[0]
    assert heard.lines[0].endswith("preview.png")


def test_colour_previews(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    save_preview(np.zeros((1, 100, 30, 3), np.uint8), tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 50
    assert not list(tmp_path.glob(".*"))


def faces(folder: Path) -> Path:
    file = folder / "images.npz"
    np.savez(file, images=np.random.default_rng(0).integers(0, 256, (120, 16, 16), np.uint8))
    return file


def tiny(source: Path, output: Path, *more: str) -> list[str]:
    settings = [f"--set={s}" for s in ("max_components=6", "width=16", "depth=1", "batch=16", "solver_steps=3")]
    return ["grow", str(source), "-o", str(output), "-g", "image_flow", *settings, *more]


@TORCH
def test_a_run_tells_of_its_training_and_leaves_no_checkpoint(tmp_path: Path) -> None:
    grown = seedstock.grow(
        faces(tmp_path), generator="image_flow", output=tmp_path / "out",
        settings={"max_components": 6, "width": 16, "depth": 1, "steps": 200, "batch": 16, "solver_steps": 3},
    )  # fmt: skip
    log = json.loads((tmp_path / "out" / "run.json").read_text())["model"]["training"]
    assert log[0]["per_second"] > 0
    assert log[-1]["step"] > log[0]["step"]
    assert not (tmp_path / "out" / "training").exists()
    assert grown.model.fitted.facts["resumed_at"] == 0


@TORCH
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "stop"])
def test_a_run_that_is_ended_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    source, output = faces(tmp_path), tmp_path / "out"
    args = tiny(source, output, "--set=steps=100000", "--max-minutes=1", "-q")
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, *args], env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL
    )
    kept = output / "training"
    try:
        end = time.monotonic() + 60
        while not list(kept.glob("*.npz")) and child.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        child.send_signal(how)
        child.wait(30)
    finally:
        child.kill()
        child.wait()
    assert list(kept.glob("*.npz"))
    settings = {"max_components": 6, "width": 16, "depth": 1, "batch": 16, "solver_steps": 3, "steps": 100_000}
    grown = seedstock.grow(source, generator="image_flow", output=output, settings=settings, max_minutes=1e-6)
    assert grown.model.fitted.facts["resumed_at"] > 0
    assert grown.model.fitted.facts["ended"] == "time budget"
    assert not kept.exists()
    assert len(read_images(output / "synthetic").table) == 120
