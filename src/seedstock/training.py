"""How a long training goes: in the terminal, in a preview picture, and in numbers for run.json."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.clock import Progress
from seedstock.core.watching import Moment, checkpoint_folder, watched

PREVIEW = "preview.png"
PREVIEW_SECONDS = 60.0
MAX_LOGGED = 200


class Training:
    """Follows one training.

    Parameters
    ----------
    progress : Progress
        Hears the share that is done, and a line of images per second, losses and where the preview is.
    folder : path or None
        Where a preview grid is put each minute.

    Attributes
    ----------
    log : list of dict
        ``seconds``, ``step``, ``per_second``, ``loss``, ``held`` (None where not measured); at most `MAX_LOGGED`,
        evenly over the training.

    Examples
    --------
    >>> from seedstock.clock import Silent
    >>> training = Training(Silent(), None)
    >>> training(Moment(20, 0.5, 2.0, 64.0, 0.9, float("nan")))
    >>> training.log
    [{'seconds': 2.0, 'step': 20, 'per_second': 64.0, 'loss': 0.9, 'held': None}]
    """

    def __init__(self, progress: Progress, folder: Path | None) -> None:
        self.progress, self.folder = progress, folder
        self.log: list[dict[str, Any]] = []
        self._every, self._heard = 1, 0
        self._drawn = time.monotonic()
        self._preview = ""

    def __call__(self, moment: Moment) -> None:
        self.progress.share(moment.share)
        if self._heard % self._every == 0:
            self.log.append(
                {
                    "seconds": round(moment.seconds, 1),
                    "step": moment.step,
                    "per_second": round(moment.per_second, 1),
                    "loss": _finite(moment.loss),
                    "held": _finite(moment.held),
                }
            )
            if len(self.log) > MAX_LOGGED:
                self.log, self._every = self.log[::2], 2 * self._every
        self._heard += 1
        self._look(moment)
        held = "" if _finite(moment.held) is None else f", held out {moment.held:.4g}"
        loss = "" if _finite(moment.loss) is None else f", loss {moment.loss:.4g}{held}"
        self.progress.detail(f"{moment.per_second:,.0f} images/s{loss}{self._preview}")

    def _look(self, moment: Moment) -> None:
        now = time.monotonic()
        if self.folder is None or moment.preview is None or now - self._drawn < PREVIEW_SECONDS:
            return
        self._drawn = now
        path = self.folder / PREVIEW
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_preview(moment.preview(), path)
            self._preview = f"  {path}"
        except OSError:
            self._preview = ""  # a picture is no reason to end a training


def save_preview(images: NDArray[np.uint8], path: Path) -> None:
    """Write images (n, h, w, c) as one grid, at least 64 pixels each, whole or not at all."""
    from seedstock.sources.pictures import png

    n, h, w, c = images.shape
    times = max(1, math.ceil(64 / max(h, w)))
    across = math.ceil(math.sqrt(n))
    grid = np.zeros((-(-n // across) * h, across * w, c), np.uint8)
    for k, image in enumerate(images):
        y, x = k // across * h, k % across * w
        grid[y : y + h, x : x + w] = image
    new = path.with_name(f".{path.name}.partial")
    new.write_bytes(png(grid.repeat(times, 0).repeat(times, 1)))
    os.replace(new, path)


@contextmanager
def followed(progress: Progress) -> Iterator[list[dict[str, Any]]]:
    """Follow the trainings of this block; give the log, which fills as they go."""
    folder = checkpoint_folder()
    training = Training(progress, None if folder is None else Path(folder))
    log: list[dict[str, Any]] = []
    with watched(training, folder):
        yield log
    log += training.log


def _finite(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
