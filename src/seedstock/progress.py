"""How far a run is: on stderr for whoever watches, with what remains to wait."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self, TextIO

_watched: ContextVar[Shown | None] = ContextVar("watched", default=None)


class Shown:
    """What a command has shown and finished so far: for the last line of one that is interrupted."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.stage = ""
        self._live: Any = None

    def __enter__(self) -> Self:
        self._token = _watched.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _watched.reset(self._token)
        if self._live is not None:
            self._live.stop()

    def stage_now(self) -> str:
        """Return " at the stage ...", or nothing before the first one."""
        return f" at the stage {self.stage!r}" if self.stage else ""

    def what_is_kept(self) -> str:
        """Say which files were finished."""
        return f"kept: {', '.join(self.kept)}" if self.kept else "nothing was written"


class RichProgress:
    """A `seedstock.clock.Progress`: one line a stage, with a bar and the time that remains.

    Parameters
    ----------
    visible : bool
        Whether to draw anything; the stages and files are remembered either way.
    file : TextIO or None
        Where to draw; stderr by default.
    """

    def __init__(self, visible: bool, file: TextIO | None = None) -> None:
        self._shown = _watched.get() or Shown()
        self._bars: Any = None
        self._task: Any = None
        self._expected: float | None = None
        if visible:
            self._bars = _bars(file or sys.stderr)
            self._shown._live = self._bars

    @property
    def wants_estimate(self) -> bool:
        """Whether it is worth the time of a probe to know how long fitting takes."""
        return self._bars is not None

    def stage(self, name: str, detail: str = "") -> None:
        """Show that a stage begins."""
        if self._bars is not None:
            if self._task is None:
                self._bars.start()
            if name != self._shown.stage:
                self._end()
                expected = self._expected if name == "fit" else None
                self._task = self._bars.add_task("", total=None, stage=name, detail=detail, expected=expected)
            else:
                self._bars.update(self._task, detail=detail)
        self._shown.stage = name

    def share(self, done: float) -> None:
        """Show which share of the stage is done."""
        if self._task is not None:
            self._bars.update(self._task, total=1.0, completed=done)

    def detail(self, text: str) -> None:
        """Show how the stage goes."""
        if self._task is not None:
            self._bars.update(self._task, detail=text)

    def estimate(self, seconds: float, megabytes: float) -> None:
        """Say what a long fit will take."""
        self._expected = seconds
        if self._bars is not None and seconds > 10:
            length = f"{seconds / 60:.1f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
            self._bars.console.print(
                f"Fitting will take about {length} and {megabytes / 1024:.1f} GiB of memory.",
                markup=False,
                highlight=False,
            )

    def kept(self, path: str) -> None:
        """Remember a file that is finished."""
        self._shown.kept.append(path)

    def close(self) -> None:
        """End the last stage and clear the line."""
        if self._bars is not None:
            self._end()
            self._bars.stop()

    def _end(self) -> None:
        if self._task is not None:
            took = self._bars.tasks[self._bars.task_ids.index(self._task)].elapsed or 0.0
            self._bars.console.print(f"  {self._shown.stage:<7} {took:6.1f} s", markup=False, highlight=False)
            self._bars.remove_task(self._task)


def _bars(file: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Left(ProgressColumn):
        """What remains to wait, where it is known: from the share that is done, or from a probe."""

        def render(self, task: Task) -> Text:
            left = task.time_remaining
            expected = task.fields["expected"]
            if left is None and expected is not None:
                left = max(expected - (task.elapsed or 0.0), 1.0)
            return Text("" if left is None else f"{int(left // 60)}:{int(left % 60):02d} left")

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[stage]:<7}", markup=False),
        BarColumn(24),
        TimeElapsedColumn(),
        Left(),
        TextColumn("{task.fields[detail]}", markup=False),
        console=Console(file=file),
        transient=True,
    )
