"""Who wants to hear how a long training goes. What is heard never changes a result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moment:
    """Where a training stands.

    Attributes
    ----------
    step, share : int, float
        Steps done, and the share of the training that is done, 0 to 1.
    seconds, per_second : float
        Seconds so far, and training rows in a second.
    loss, held : float
        Latest loss in training, and on held-out rows; NaN where not measured yet.
    preview : callable or None
        Draws some pictures, uint8 (n, h, w, c).
    """

    step: int
    share: float
    seconds: float
    per_second: float
    loss: float
    held: float
    preview: Callable[[], NDArray[np.uint8]] | None = None


Watcher = Callable[[Moment], None]
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)
_folder: ContextVar[Any] = ContextVar("checkpoint", default=None)


@contextmanager
def watched(watcher: Watcher | None, checkpoint: Any = None) -> Iterator[None]:
    """Let `watcher` hear of trainings in this block, and keep their checkpoints in the folder `checkpoint`.

    The folder is made when there is something to keep.
    """
    tokens = _watcher.set(watcher), _folder.set(checkpoint)
    try:
        yield
    finally:
        _watcher.reset(tokens[0])
        _folder.reset(tokens[1])


def tell(moment: Moment) -> None:
    """Tell whoever watches.

    >>> heard = []
    >>> with watched(heard.append):
    ...     tell(Moment(1, 0.5, 1.0, 64.0, 0.9, 0.9))
    >>> heard[0].step
    1
    """
    watcher = _watcher.get()
    if watcher is not None:
        watcher(moment)


def checkpoint_folder() -> Any:
    """Return the folder in which trainings keep their checkpoints, or None."""
    return _folder.get()
