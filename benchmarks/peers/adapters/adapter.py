"""What the adapters share: the command line, the clock and the memory.

    python adapters/PEER.py --model NAME --train T.parquet --about ABOUT.json --rows N --seed S --out SYNTHETIC.parquet

An adapter hands `run` its steps. Only `fit` and `draw` are timed; reading and writing files are not. The last line
that it prints is one JSON object: fit_seconds and sample_seconds by the wall clock, fit_cpu_seconds and
sample_cpu_seconds of the processor (which other work on the machine stretches less), peak_mib.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Task:
    """What a peer is asked for; `categories` and `target` are column names."""

    model: str
    train: Path
    rows: int
    seed: int
    out: Path
    categories: tuple[str, ...]
    target: str


def run(fit: Callable[..., Any], draw: Callable[..., Any], load: Any = None, save: Any = None) -> None:
    """Time ``model = fit(data, task)`` and ``rows = draw(model, task)``."""
    task = parse()
    data = (load or load_frame)(task)
    clocks = [_now()]
    model = fit(data, task)
    clocks.append(_now())
    drawn = draw(model, task)
    clocks.append(_now())
    (save or save_frame)(drawn, task)
    sys.stdout.flush()
    print()
    out = {"peak_mib": peak()}
    for name, before, after in (("fit", *clocks[:2]), ("sample", *clocks[1:])):
        out |= {f"{name}_seconds": after[0] - before[0], f"{name}_cpu_seconds": after[1] - before[1]}
    print(json.dumps(out))


def _now() -> tuple[float, float]:
    return time.perf_counter(), sum(os.times()[:4])


def parse() -> Task:
    parser = argparse.ArgumentParser()
    for name in ("model", "train", "about", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    asked = parser.parse_args()
    about = json.loads(Path(asked.about).read_text())
    paths = Path(asked.train), Path(asked.out)
    return Task(asked.model, paths[0], asked.rows, asked.seed, paths[1], tuple(about["categories"]), about["target"])


def load_frame(task: Task) -> Any:
    import pandas as pd

    frame = pd.read_parquet(task.train)
    # pandas 3 reads texts as its own string type, which not every peer knows.
    return frame.astype(dict.fromkeys(task.categories, object))


def save_frame(frame: Any, task: Task) -> None:
    frame.to_parquet(task.out)


def peak() -> float:
    """Return the largest resident memory of this process or one of its children, in MiB (Linux counts in KiB)."""
    who = resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN
    return max(resource.getrusage(w).ru_maxrss for w in who) / (1 if sys.platform == "linux" else 1024) / 1024
