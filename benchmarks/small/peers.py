"""Peers as generators: each in its own environment, behind a process that stays."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import seedstock
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset

sys.path.append(str(Path(__file__).resolve().parents[1] / "peers"))
NAMES = ("sdv-gaussiancopula", "sdv-ctgan", "tabularargn")


@dataclass(eq=False)
class Peer:
    """A peer with its default settings; `fit` and `sample` as our own generators have them."""

    name: str
    cache: Path
    process: Any = None
    failures: int = 0

    def fit(self, data: Dataset, rng: Rng) -> Any:
        return Learned(self, data)

    def ask(self, request: dict[str, Any]) -> None:
        """Have one request done; an `InputError` says what failed."""
        from environments import python_of
        from roster import ENVIRONMENTS, PEERS

        peer = PEERS[self.name]
        if self.process is None or self.process.poll() is not None:
            python = python_of(ENVIRONMENTS[peer.environment], self.cache, [])
            with (self.cache / f"served-{self.name}.log").open("w") as log:
                self.process = subprocess.Popen(
                    [str(python), str(Path(__file__).with_name("served.py")), peer.adapter],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
                )  # fmt: skip
        self.process.stdin.write(json.dumps(request | {"model": peer.model}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the process ended"}')
        if "error" in answer:
            self.failures += 1
            raise InputError(f"{self.name}: {answer['error']}")


@dataclass(frozen=True, eq=False)
class Learned:
    """Training rows, kept until it is known how many rows to draw."""

    peer: Peer
    data: Dataset

    def sample(self, n: int, rng: Rng) -> Dataset:
        import pandas as pd

        frame = frame_of(self.data)
        kinds = {c: s.kind for c, s in self.data.columns.columns.items()}
        with tempfile.TemporaryDirectory() as folder:
            train, out = Path(folder, "train.parquet"), Path(folder, "out.parquet")
            frame.to_parquet(train)
            categories = [c for c in frame if kinds[c] != "number"]
            self.peer.ask(
                {"train": str(train), "out": str(out), "rows": n, "seed": rng.integer() % 2**31,
                 "categories": categories}
            )  # fmt: skip
            drawn = pd.read_parquet(out)
        return seedstock.api.reading.read_like(drawn, self.data)


def frame_of(data: Dataset) -> Any:
    """Return a table as a frame, categories as texts."""
    import pandas as pd

    columns = {}
    for name, column in data.table.columns.items():
        number = data.columns[name].kind == "number" and not column.is_text
        values = column.values.astype(float) if number else column.texts() if column.is_text else column.values
        cells = pd.Series(values).mask(pd.Series(column.missing))
        columns[name] = cells if number else cells.map(lambda v: None if v is None or v != v else str(v))
    return pd.DataFrame(columns)
