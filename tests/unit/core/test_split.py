"""Train and holdout: whole units, fair sizes, no leak."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Role, Schema, TableSchema
from seedstock.core.split import row_codes, split
from seedstock.core.table import Column, Dataset, Table


def numbers(roles: dict[str, tuple[Role, ...]] | None = None, **columns: object) -> Dataset:
    made = {name: Column.of(np.asarray(values)) for name, values in columns.items()}
    schema = {name: ColumnSchema("number", (roles or {}).get(name, ()), "int64") for name in made}
    return Dataset({"data": Table(made)}, Schema({"data": TableSchema(schema)}))


def test_equal_rows_do_not_cross() -> None:
    x = np.r_[np.arange(1000), np.arange(20)]
    train, held = split(numbers(x=x), 0.3, Rng(1))
    assert not set(train.table["x"].values.tolist()) & set(held.table["x"].values.tolist())


def test_coarse_tables_are_split_by_row() -> None:
    x = np.arange(1000) % 4
    train, held = split(numbers(x=x), 0.25, Rng(1))
    assert set(train.table["x"].values.tolist()) == set(held.table["x"].values.tolist()) == {0, 1, 2, 3}


@given(st.lists(st.integers(0, 30), min_size=2, max_size=200).filter(lambda v: len(set(v)) > 1), st.integers(0, 9))
def test_entities_stay_on_one_side(entities: list[int], seed: int) -> None:
    data = numbers({"who": ("entity",)}, who=entities, x=np.arange(len(entities)))
    train, held = split(data, 0.3, Rng(seed))
    assert len(train.table) + len(held.table) == len(entities)
    assert len(train.table)
    assert len(held.table)
    assert not set(train.table["who"].values.tolist()) & set(held.table["who"].values.tolist())


def test_share_is_met() -> None:
    train, held = split(numbers(x=np.arange(10_000)), 0.2, Rng(3))
    assert (len(train.table), len(held.table)) == (8_000, 2_000)


@pytest.mark.parametrize("share", [0, -1, 0.6, float("nan")])
def test_share_must_make_sense(share: float) -> None:
    with pytest.raises(InputError, match="share must be above 0"):
        split(numbers(x=[1, 2]), share, Rng(1))


def test_one_row_cannot_be_split() -> None:
    with pytest.raises(InputError, match="at least 2 rows"):
        split(numbers(x=[1]), 0.2, Rng(1))


def test_row_codes_tell_equal_rows() -> None:
    codes = row_codes(numbers(x=[1, 2, 1, 1], y=[5, 5, 5, 6]).table)
    assert (codes[:, None] == codes).tolist() == [
        [True, False, True, False],
        [False, True, False, False],
        [True, False, True, False],
        [False, False, False, True],
    ]
