"""How far the line is, and how long its stages take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol


class Progress(Protocol):
    """Hears how far the line is. What it does must not change any result."""

    def stage(self, name: str, detail: str = "") -> None:
        """Hear that a stage begins; the one before it has ended."""

    def share(self, done: float) -> None:
        """Hear which share of the stage is done, 0 to 1."""

    def detail(self, text: str) -> None:
        """Hear how the stage goes."""

    @property
    def wants_estimate(self) -> bool:
        """Whether to spend some seconds on a probe before a long fit."""

    def estimate(self, seconds: float, megabytes: float) -> None:
        """Hear what the fit will take."""

    def kept(self, path: str) -> None:
        """Hear of a file that is finished."""


class Silent:
    """A `Progress` that says nothing."""

    def stage(self, name: str, detail: str = "") -> None:
        """Ignore it."""

    def share(self, done: float) -> None:
        """Ignore it."""

    def detail(self, text: str) -> None:
        """Ignore it."""

    @property
    def wants_estimate(self) -> bool:
        """No."""
        return False

    def estimate(self, seconds: float, megabytes: float) -> None:
        """Ignore it."""

    def kept(self, path: str) -> None:
        """Ignore it."""


@dataclass
class Clock:
    """Tells the stages apart: to the progress, and in seconds."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    training: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[Progress]:
        """Time one stage."""
        self.progress.stage(name, detail)
        start = time.perf_counter()
        try:
            yield self.progress
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
