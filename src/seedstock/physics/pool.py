"""A pool of worker processes with a time limit for each piece of work."""

from __future__ import annotations

import json
import multiprocessing
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Job = Callable[[int], dict[str, Floats]]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one run gave, or why it gave nothing (``crashed``, ``timed_out``, ``wrong_shape``)."""

    values: dict[str, Floats]
    cause: str


@dataclass(eq=False)
class _Worker:
    process: Any
    pipe: Connection
    task: int | None = None
    deadline: float = 0.0


def run_each(job: Job, n: int, timeout_seconds: float | None, workers: int) -> list[Outcome]:
    """Run ``job(0)`` to ``job(n - 1)``, each within a time limit; none can hang or crash the caller.

    Without a limit they run here, one after the other, and an exception is a crash. With one they run in processes
    that are forked from this one, and that are replaced when a job dies or takes too long.
    """
    if timeout_seconds is None or "fork" not in multiprocessing.get_all_start_methods():
        return [_here(job, k) for k in range(n)]
    out: list[Outcome] = [Outcome({}, "crashed")] * n
    todo = list(range(n))[::-1]
    pool = [_start(job) for _ in range(max(1, min(workers, n)))]
    try:
        busy = 0
        while todo or busy:
            for worker in pool:
                if worker.task is None and todo:
                    worker.task, worker.deadline = todo.pop(), time.monotonic() + timeout_seconds
                    worker.pipe.send_bytes(str(worker.task).encode())
                    busy += 1
            at_work = [w for w in pool if w.task is not None]
            nearest = min(w.deadline for w in at_work) - time.monotonic()
            ready = wait([w.pipe for w in at_work], max(0.0, nearest))
            now = time.monotonic()
            for i, worker in enumerate(pool):
                if worker.task is None:
                    continue
                late = now >= worker.deadline
                if worker.pipe not in ready and not late:
                    continue
                outcome = _receive(worker) if worker.pipe in ready else Outcome({}, "timed_out")
                out[worker.task] = outcome or Outcome({}, "crashed")
                if outcome is None or worker.pipe not in ready:
                    _end(worker)
                    pool[i] = _start(job)
                worker.task = None
                busy -= 1
    finally:
        for worker in pool:
            _end(worker)
    return out


def _here(job: Job, k: int) -> Outcome:
    try:
        return Outcome(job(k), "")
    except Exception:  # whatever a user's simulator raises is a rejected draw
        return Outcome({}, "crashed")


def _start(job: Job) -> _Worker:
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(job, theirs), daemon=True)
    with warnings.catch_warnings():
        # Newer Pythons warn of threads at a fork; the child only runs the simulator and leaves without cleaning up.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    theirs.close()
    return _Worker(process, mine)


def _serve(job: Job, pipe: Connection) -> None:
    while True:
        try:
            k = int(pipe.recv_bytes())
        except (EOFError, OSError):
            return
        found = _here(job, k)
        if found.cause:
            pipe.send_bytes(json.dumps({"cause": found.cause}).encode())
            continue
        pipe.send_bytes(json.dumps({"shapes": {name: v.shape for name, v in found.values.items()}}).encode())
        for v in found.values.values():
            pipe.send_bytes(np.ascontiguousarray(v, np.float64).tobytes())


def _receive(worker: _Worker) -> Outcome | None:
    """Return what a worker sent; None where it died."""
    try:
        head = json.loads(worker.pipe.recv_bytes())
        if "cause" in head:
            return Outcome({}, head["cause"])
        values = {
            name: np.frombuffer(worker.pipe.recv_bytes(), np.float64).reshape(shape)
            for name, shape in head["shapes"].items()
        }
        return Outcome(values, "")
    except (EOFError, OSError, ValueError):
        return None


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join()
