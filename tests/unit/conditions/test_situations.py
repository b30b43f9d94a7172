"""What stands behind rare situations, against planted copies, planted novelty and planted nonsense."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.conditions.situations import situation
from seedstock.core.given import Allowed
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

CASE = {"kind": Allowed(Column.of_texts(["rare"]), text="rare")}


def made(n_common: int, n_rare: int, seed: int, centre: float = 4.0, spread: float = 1.0) -> Dataset:
    g = np.random.default_rng(seed)
    X = np.concatenate([g.normal(size=(n_common, 2)), centre + spread * g.normal(size=(n_rare, 2))])
    kind = ["common"] * n_common + ["rare"] * n_rare
    table = Table({"a": Column.of(X[:, 0]), "b": Column.of(X[:, 1]), "kind": Column.of_texts(kind)})
    number = ColumnSchema("number", dtype="float64")
    return Dataset(
        {"t": table}, Schema({"t": TableSchema({"a": number, "b": number, "kind": ColumnSchema("category")})})
    )


def test_rows_of_the_same_kind_are_as_new_and_as_plausible_as_real_ones() -> None:
    out = situation("kind=rare", CASE, made(600, 80, 0), made(600, 300, 1), Rng(0))
    assert (out["real_rows"], out["drawn_rows"]) == (80, 300)
    assert out["novelty"] == pytest.approx(1, abs=0.3)
    assert out["copies"] == 0
    assert out["plausibility"] == pytest.approx(out["plausibility_real"], abs=0.1)
    assert out["plausibility"] > 0.95


def test_copies_are_counted() -> None:
    train = made(600, 80, 0)
    again = train.take(np.flatnonzero(train.table["kind"].texts() == "rare").repeat(3))
    out = situation("kind=rare", CASE, train, again, Rng(0))
    assert out["copies"] == 1
    assert out["novelty"] == 0


def test_rows_like_everybody_else_are_implausible_and_far() -> None:
    out = situation("kind=rare", CASE, made(600, 80, 0), made(600, 300, 1, centre=0.0), Rng(0))
    assert out["plausibility"] < 0.8 < out["plausibility_real"]
    assert out["novelty"] > 2


@pytest.mark.parametrize("real", [0, 1, 2], ids=["none", "one", "two"])
def test_few_examples_say_what_they_can(real: int) -> None:
    out = situation("kind=rare", CASE, made(50, real, 0), made(50, 20, 1), Rng(0))
    assert out["real_rows"] == real
    assert out["plausibility"] is None
    assert (out["novelty"] is None) == (real < 2)
