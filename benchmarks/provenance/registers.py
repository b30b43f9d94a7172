"""The register: ten million rows against its bars, and a hundred million in bounded memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.register import Register
from seedstock.provenance.trace import trace

PIECE = 500_000


def chunk(n: int, seed: int) -> Dataset:
    """Rows of ten numbers and five categories."""
    g = np.random.default_rng(seed)
    levels = np.array([f"level {k}" for k in range(40)], object)
    none = np.zeros(n, bool)
    columns = {f"x{k}": Column(g.normal(size=n), none) for k in range(6)}
    columns |= {f"n{k}": Column(g.integers(0, 10_000, n), none) for k in range(4)}
    columns |= {f"c{k}": Column(g.integers(0, 40, n).astype(np.int32), none, levels) for k in range(5)}
    kinds = {c: ColumnSchema("category" if c[0] == "c" else "number", dtype="float64") for c in columns}
    return Dataset({"data": Table(columns)}, Schema({"data": TableSchema(kinds)}), {"declared": "real"})


class Chunks:
    """Pieces of a long table, and the seconds that making them took."""

    def __init__(self, rows: int) -> None:
        self.rows, self.seconds = rows, 0.0

    def __iter__(self) -> Iterator[Dataset]:
        for k in range(self.rows // PIECE):
            start = time.perf_counter()
            made = chunk(PIECE, k)
            self.seconds += time.perf_counter() - start
            yield made


def measured(rows: int) -> dict[str, Any]:
    """Register so many rows, then trace files against them."""
    with tempfile.TemporaryDirectory() as folder:
        book = Register(Path(folder) / "register.sqlite")
        chunks = Chunks(rows)
        start = time.perf_counter()
        entry = book.add(chunks, f"{rows:,} rows")
        adding = time.perf_counter() - start - chunks.seconds
        peak_adding = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        left = [f.name for f in book.folder.iterdir() if not f.name.endswith(".sketch")]
        size = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file())
        planted = chunk(PIECE, 3).table.take(np.arange(10) * 999)
        file = chunk(99_990, 10**6)
        file = file.with_table(Table.concat([file.table, planted]))
        start = time.perf_counter()
        found = trace(file, register=book)["overlaps"]
        tracing = time.perf_counter() - start
        start = time.perf_counter()
        own = trace(chunk(PIECE, 7).take(slice(0, 100_000)), register=book)["overlaps"][0]
        tracing_own = time.perf_counter() - start
        million = chunk(999_990, 10**6 + 1)
        million = million.with_table(Table.concat([million.table, planted]))
        start = time.perf_counter()
        of_million = trace(million, register=book)["overlaps"]
        tracing_million = time.perf_counter() - start
        unrelated = trace(chunk(1_000_000, 1_234_567), register=book)["overlaps"]
    return {
        "rows": entry.rows,
        "add_seconds": adding,
        "bytes_a_row": size / rows,
        "trace_100000_rows_seconds": tracing,
        "trace_100000_registered_rows_seconds": tracing_own,
        "trace_1000000_rows_seconds": tracing_million,
        "registered_rows_found": own["exact_rows"],
        "planted_10_of_100000_found": found[0]["exact_rows"] if found else 0,
        "planted_10_of_1000000_found": of_million[0]["exact_rows"] if of_million else 0,
        "rows_reported_of_an_unrelated_million": sum(o["exact_rows"] + o["near_rows"] for o in unrelated),
        "peak_memory_adding_mb": round(peak_adding),
        "files_left_over": left,
    }


def alone(rows: int) -> dict[str, Any]:
    """Measure in a process of its own, whose peak of memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, str(rows)], stdout=subprocess.PIPE, check=True, text=True, env=dict(os.environ)
    )
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def part_register() -> dict[str, Any]:
    """Ten million rows in; a file of 100,000 rows against them; planted rows; unrelated tables."""
    return {**alone(10_000_000), "bars": {"add_seconds": 60, "bytes_a_row": 16, "trace_seconds": 5}}


def part_hundred() -> dict[str, Any]:
    """A hundred million rows by one `Register.add`."""
    return alone(100_000_000)


if __name__ == "__main__":
    print(json.dumps(measured(int(sys.argv[1]))))
