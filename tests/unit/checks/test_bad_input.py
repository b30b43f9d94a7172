"""What no check may trip over, all checks together; and a check that cannot run says why."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from seedstock import api
from seedstock.checks import _run
from seedstock.checks._run import run_checks
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table


def dataset(cells: dict[str, Column], target: str | None = None, text: tuple[str, ...] = ()) -> Dataset:
    columns = {
        c: ColumnSchema(
            "text" if c in text else "category" if v.is_text else "number", roles=("target",) if c == target else ()
        )
        for c, v in cells.items()
    }
    return Dataset({"t": Table(cells)}, Schema({"t": TableSchema(columns)}))


def checked(data: Dataset) -> list[Finding]:
    found = run_checks(data, Rng(0))
    assert [f.message for f in found if f.details.get("failed")] == []
    return found


def test_a_target_with_one_class_is_said() -> None:
    g = np.random.default_rng(0)
    found = checked(dataset({"x": Column.of(g.normal(size=200)), "y": Column.of_texts(["a"] * 200)}, "y"))
    assert any(f.check == "class_problems" and f.column == "y" for f in found)
    assert "label_errors" not in {f.check for f in found}


def test_rows_that_are_all_one_row() -> None:
    cells = {"x": Column.of(np.full(300, 1.25)), "t": Column.of_texts(["same"] * 300)}
    found = checked(dataset(cells))
    assert {f.column for f in found if f.check == "shortcut_columns"} == {"x", "t"}


def test_each_row_twice() -> None:
    g = np.random.default_rng(1)
    cells = {c: Column.of(np.tile(g.normal(size=150), 2)) for c in "abc"}
    (found,) = [f for f in checked(dataset(cells)) if f.check == "duplicates"]
    assert (found.severity, found.rows) == ("high", tuple(range(150, 300)))


def test_two_thousand_columns() -> None:
    g = np.random.default_rng(2)
    cells = {f"c{k}": Column.of(g.normal(size=80)) for k in range(2_000)}
    cells["y"] = Column.of_texts(np.where(g.random(80) < 0.5, "yes", "no").tolist())
    start = time.perf_counter()
    found = checked(dataset(cells, "y"))
    assert time.perf_counter() - start < 30
    assert sum(f.severity == "high" for f in found) == 0


def test_cells_of_ten_megabytes() -> None:
    long = ["x" * 10_000_000 + str(k) for k in range(4)] + ["wörd " * 2_000_000]
    cells = {"t": Column.of_texts(long * 8), "x": Column.of(np.arange(40.0))}
    start = time.perf_counter()
    found = checked(dataset(cells, text=("t",)))
    assert time.perf_counter() - start < 30
    assert all(len(f.message) < 1_000 for f in found)


@pytest.mark.parametrize("error", [ValueError("no\nsuch   thing"), MemoryError()])
def test_a_check_that_cannot_run_says_why_and_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    class Broken:
        def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
            raise error

    load = _run._load
    monkeypatch.setattr(_run, "_load", lambda name: Broken if name == "outliers" else load(name))
    g = np.random.default_rng(3)
    cells = {c: Column.of(np.tile(g.normal(size=150), 2)) for c in "abc"}
    done = api.profile(dataset(cells), damage_seconds=0)
    why = {f.check: f.message for f in done.findings if f.details.get("failed")}
    assert set(why) == {"outliers"}
    assert ("the memory did not suffice" if isinstance(error, MemoryError) else "ValueError: no such thing") in why[
        "outliers"
    ]
    assert "duplicates" in {f.check for f in done.findings}
    assert why["outliers"].split(": ", 1)[1][:20] in done.report
