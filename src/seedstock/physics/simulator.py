"""`Simulator`: a user's own simulator, a Python callable or an external program, run safely many times."""

from __future__ import annotations

import csv
import io
import math
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.errors import InputError
from seedstock.physics.pool import Outcome, run_each

Floats = NDArray[np.float64]
One = Callable[..., Mapping[str, Any]]
_MOST_BYTES = 64 * 2**20
CAUSES = ("crashed", "timed_out", "wrong_shape", "not_finite")


@dataclass(eq=False)
class Simulator:
    """Makes a `simulate` for `PhysicalModel` of something that takes one parameter set at a time.

    A run that crashes, takes too long, or gives values of the wrong shape or not finite is a rejected draw: its states
    are NaN, and it is counted in `rejected`.

    Make one with `of_function` or `of_program`.

    Attributes
    ----------
    columns : tuple of str
    timeout_seconds : float
        For one run.
    workers : int
        Runs at once.

    Examples
    --------
    >>> def simulate(theta, t, rng, controls):
    ...     return {"y": theta["a"] * t}
    >>> line = Simulator.of_function(simulate, ("y",), timeout_seconds=None)
    >>> line({"a": np.array([1.0, 2.0])}, np.arange(3.0), np.random.default_rng(0), {})["y"]
    array([[0., 1., 2.],
           [0., 2., 4.]])
    """

    columns: tuple[str, ...]
    timeout_seconds: float | None
    workers: int
    function: One | None = None
    command: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CAUSES, 0))

    @classmethod
    def of_function(
        cls, function: One, columns: Sequence[str], timeout_seconds: float | None = 10.0, workers: int | None = None
    ) -> Simulator:
        """Wrap ``function(theta, t, rng, controls) -> {column: values of shape (T,)}``; theta maps names to floats.

        Without a time limit it runs in this process; with one, in worker processes that are stopped when it is over.
        """
        if timeout_seconds is not None and not timeout_seconds > 0:
            raise InputError(f"the time limit must be above 0 seconds, not {timeout_seconds}")
        return cls(tuple(columns), timeout_seconds, workers or _processors(), function)

    @classmethod
    def of_program(
        cls, command: Sequence[str], columns: Sequence[str], timeout_seconds: float = 30.0, workers: int | None = None
    ) -> Simulator:
        """Wrap an external program.

        Parameters
        ----------
        command : list of str
            The program and its arguments; ``{name}`` stands for a parameter's or control's value, ``{seed}`` for an
            integer, ``{times}`` for the path of a CSV file with one column ``t``. No shell is involved.
        columns : list of str
            Columns that it must write to its standard output: CSV, one header line, one row for each time.
        timeout_seconds : float
            After which the program and its children are stopped.
        """
        if not command or not all(isinstance(part, str) for part in command):
            raise InputError("a program's command must be a list of texts: the program, then its arguments")
        if not timeout_seconds > 0:
            raise InputError(f"the time limit must be above 0 seconds, not {timeout_seconds}")
        return cls(tuple(columns), timeout_seconds, workers or _processors(), None, tuple(command))

    def rejected(self) -> dict[str, int]:
        """Return how many runs were rejected so far, by cause."""
        return dict(self.counts)

    def __call__(
        self, theta: Mapping[str, Floats], t: Floats, rng: np.random.Generator, controls: Mapping[str, Any]
    ) -> dict[str, Floats]:
        """Run once for each parameter set; see `PhysicalModel.simulate`."""
        m = len(next(iter(theta.values())))
        sets = [{name: float(v[k]) for name, v in theta.items()} for k in range(m)]
        seeds = [int(s) for s in rng.integers(2**31 - 1, size=m)]
        if self.function is not None:
            outcomes = run_each(self._function_job(sets, seeds, t, controls), m, self.timeout_seconds, self.workers)
        else:
            outcomes = self._programs(sets, seeds, t, controls)
        out = {name: np.full((m, len(t)), np.nan) for name in self.columns}
        for k, outcome in enumerate(outcomes):
            cause = outcome.cause or self._fault(outcome.values, len(t))
            if cause:
                self.counts[cause] += 1
                continue
            for name in self.columns:
                out[name][k] = outcome.values[name]
        return out

    def _fault(self, values: Mapping[str, Floats], steps: int) -> str:
        if any(name not in values or values[name].shape != (steps,) for name in self.columns):
            return "wrong_shape"
        return "" if all(np.isfinite(values[name]).all() for name in self.columns) else "not_finite"

    def _function_job(
        self, sets: list[dict[str, float]], seeds: list[int], t: Floats, controls: Mapping[str, Any]
    ) -> Callable[[int], dict[str, Floats]]:
        function = self.function
        assert function is not None

        def job(k: int) -> dict[str, Floats]:
            found = function(sets[k], t, np.random.default_rng(seeds[k]), controls)
            return {name: np.asarray(found[name], float) for name in self.columns if name in found}

        return job

    def _programs(
        self, sets: list[dict[str, float]], seeds: list[int], t: Floats, controls: Mapping[str, Any]
    ) -> list[Outcome]:
        with tempfile.TemporaryDirectory() as folder:
            times = Path(folder) / "times.csv"
            times.write_text("t\n" + "".join(f"{x!r}\n" for x in t.tolist()), "utf-8")

            def one(k: int) -> Outcome:
                words = {name: str(v) for name, v in (*controls.items(), *sets[k].items())}
                words |= {"seed": str(seeds[k]), "times": str(times)}
                command = []
                for part in self.command:
                    for name, value in words.items():
                        part = part.replace("{" + name + "}", value)
                    command.append(part)
                return _run(command, self.timeout_seconds or math.inf)

            with ThreadPoolExecutor(self.workers) as pool:
                return list(pool.map(one, range(len(sets))))


def _run(command: list[str], limit: float) -> Outcome:
    """Run a program once, in its own group of processes, and read its CSV."""
    with tempfile.TemporaryFile() as output:
        try:
            # A session of its own lets all its children be stopped with it.
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise InputError(f"the simulator {command[0]!r} cannot be started: {error.strerror}") from None
        try:
            code = child.wait(None if math.isinf(limit) else limit)
        except subprocess.TimeoutExpired:
            _stop(child)
            return Outcome({}, "timed_out")
        if code != 0:
            return Outcome({}, "crashed")
        if output.seek(0, os.SEEK_END) > _MOST_BYTES:
            return Outcome({}, "wrong_shape")
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    rows = list(csv.reader(io.StringIO(text)))
    try:
        cells = np.array([[float(cell) for cell in row] for row in rows[1:] if row], float)
        return Outcome({name.strip(): cells[:, k] for k, name in enumerate(rows[0])}, "")
    except (ValueError, IndexError):
        return Outcome({}, "wrong_shape")


def _stop(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError, AttributeError):
        child.kill()
    child.wait()


def _processors() -> int:
    return max(1, min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1))
