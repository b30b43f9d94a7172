"""Runs to report on, made of nothing but the contracts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seedstock.core.results import Edit, Finding, Score
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.metrics._verdict import Verdict
from seedstock.pipeline import Run

SECRET = "the patient of 12 Elm Road, born 3 May"


def dataset(columns: dict[str, Column], schema: dict[str, ColumnSchema]) -> Dataset:
    return Dataset(
        {"people": Table(columns)}, Schema({"people": TableSchema(schema)}), {"path": "data/people.csv", "bytes": 12}
    )


def people(n: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    city = np.array(["Bern", "Zug", "Chur"], object)[rng.integers(0, 3, n)]
    start = np.datetime64("2020-01-01", "us") + rng.integers(0, 900, n) * np.timedelta64(86_400_000_000, "us")
    columns = {
        "age": Column.of(rng.normal(40, 12, n).round(), rng.random(n) < 0.1),
        "city": Column.of_texts(list(city)),
        "member": Column.of(rng.random(n) < 0.3),
        "since": Column.of(start),
        "wait": Column.of(rng.integers(1, 90, n) * np.timedelta64(1_000_000, "us")),
        "number": Column.of_texts([f"ID-{seed}-{k:05d}" for k in range(n)]),
        "remark": Column.of_texts([f"{SECRET} {seed} {k}" for k in range(n)]),
    }
    schema = {
        "age": ColumnSchema("number", dtype="float64", decimals=0),
        "city": ColumnSchema("category"),
        "member": ColumnSchema("boolean", ("target",), dtype="bool", format="no/yes"),
        "since": ColumnSchema("datetime", dtype="date"),
        "wait": ColumnSchema("duration", dtype="duration[us]"),
        "number": ColumnSchema("id", ("key",)),
        "remark": ColumnSchema("text"),
    }
    return dataset(columns, schema)


def a_run(train: Dataset, holdout: Dataset, synthetic: Dataset, **changes: Any) -> Run:
    scores = (
        Score("shape_error", 1.25, 0.5, "low", 2.0, n=100, details={"columns": {"age": {"error": 3.5}}}),
        Score(
            "trend_error",
            2.5,
            1.0,
            "low",
            3.0,
            details={
                "matrices": {
                    "columns": ["age", "member"],
                    "real": [[1, 0.5], [0.5, 1]],
                    "synthetic": [[1, 0.25], [0.25, 1]],
                    "difference": [[0, -0.25], [-0.25, 0]],
                }
            },
        ),
        Score("utility_boosting_auc", 0.875, 0.9375, "high", 0.92, (0.85, 0.9), 100),
        Score("nearest_share", 0.53125, 0.5, "half", 0.55),
        Score("membership_auc", float("nan"), float("nan"), "low", 0.55, details={"why": "too few rows to attack"}),
    )
    groups = ("fidelity", "fidelity", "utility", "privacy", "privacy")
    values: dict[str, Any] = {
        "source": train,
        "findings": (Finding("exact_duplicates", "people", None, (3, 9), "low", 0.9, "2 copies", "remove them"),),
        "edits": (Edit("people", 9, None, None, None, "exact_duplicates", 0.9, False, "equal to an earlier row"),),
        "train": train,
        "holdout": holdout,
        "synthetic": synthetic,
        "generator": "forest",
        "settings": {"trees": 10},
        "model": {"leaves": 12},
        "scores": scores,
        "groups": {s.name: g for s, g in zip(scores, groups, strict=True)},
        "verdict": Verdict("yes", "with care", "Good enough to train on.", ("a column falls short",)),
        "seed": 7,
        "seconds": {"fit": 1.5},
        "notes": ("equal rows were kept on one side",),
        "record": {"created": "2026-01-02"},
    }
    return Run(**{**values, **changes})


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    def make(
        train: Dataset | None = None, holdout: Dataset | None = None, synthetic: Dataset | None = None, **changes: Any
    ) -> Run:
        return a_run(train or people(400, 1), holdout or people(100, 2), synthetic or people(300, 3), **changes)

    return make


@pytest.fixture(scope="session")
def make_data() -> Callable[..., Dataset]:
    return dataset


@pytest.fixture(scope="session")
def secret() -> str:
    return SECRET
