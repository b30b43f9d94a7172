"""Every generator, found through the catalog, against the laws of `seedstock.core.contracts`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from seedstock import catalog, store
from seedstock.core.errors import InputError, SeedstockError
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.table import Column, Dataset, Table

from . import awkward

NAMES = catalog.names("generators", "table")
TINY_ROWS = 300


@cache
def module(name: str) -> ModuleType:
    return catalog.load("generators", name)


@cache
def fitted(name: str, table: str = "mixed") -> Any:
    return module(name).TINY.fit(awkward.TABLES[table](), Rng(11).child("fit"))


def copy_of(data: Dataset) -> Dataset:
    columns = {
        n: Column(c.values.copy(), c.missing.copy(), None if c.levels is None else c.levels.copy())
        for n, c in data.table.columns.items()
    }
    return data.with_table(Table(columns, len(data.table)))


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_has_its_three_constants(name: str) -> None:
    assert isinstance(module(name).TINY, module(name).GENERATOR)
    assert module(name).SOURCE.strip()
    assert module(name).GENERATOR.__doc__


def test_same_seed_same_rows_other_seed_others(name: str) -> None:
    model = fitted(name)
    one, two, other = (model.sample(TINY_ROWS, Rng(s)).table for s in (3, 3, 4))
    assert one.equals(two)
    assert not one.equals(other)


def test_equal_data_settings_and_rng_give_an_equal_model(name: str) -> None:
    again = module(name).TINY.fit(awkward.mixed(), Rng(11).child("fit"))
    assert again.sample(TINY_ROWS, Rng(3)).table.equals(fitted(name).sample(TINY_ROWS, Rng(3)).table)


def test_input_is_not_changed(name: str) -> None:
    data = awkward.mixed()
    before = copy_of(data)
    model = module(name).TINY.fit(data, Rng(1))
    given = data.table.select(["group"]).take(slice(0, 50))
    given_before = copy_of(data).table.select(["group"]).take(slice(0, 50))
    drawn = model.sample(50, Rng(1), given=given)
    for column in drawn.table.columns.values():
        column.values.fill(column.values[0])
    assert data.table.equals(before.table)
    assert given.equals(given_before)
    assert model.sample(5, Rng(1)).table.equals(model.sample(5, Rng(1)).table)


@pytest.mark.parametrize("table", awkward.TABLES)
def test_stands_every_awkward_table(name: str, table: str, tmp_path: Path) -> None:
    data = awkward.TABLES[table]()
    model = fitted(name, table)
    drawn = model.sample(70, Rng(2))
    assert len(drawn.table) == 70
    assert drawn.schema == data.schema == model.schema
    assert drawn.table.names == data.table.names
    for column in data.table:
        real, made = data.table[column], drawn.table[column]
        assert made.values.dtype == real.values.dtype, column
        assert made.is_text == real.is_text, column
        assert real.missing.any() or not made.missing.any(), f"{column} had no gap before"
        assert not real.missing.all() or made.missing.all(), f"{column} had no value before"
    assert len(model.sample(0, Rng(2)).table) == 0
    store.save(model, name, tmp_path / "model", {})
    assert store.load(tmp_path / "model").fitted.sample(70, Rng(2)).table.equals(drawn.table)


def test_gaps_are_kept_in_their_share(name: str) -> None:
    data = awkward.mixed(2_000)
    drawn = module(name).TINY.fit(data, Rng(1)).sample(4_000, Rng(1))
    for column in ("gappy", "group"):
        assert drawn.table[column].missing.mean() == pytest.approx(data.table[column].missing.mean(), abs=0.03)


def test_rows_do_not_depend_on_the_division(name: str) -> None:
    model = fitted(name)
    n = 2 * BLOCK_ROWS + 100
    whole = model.sample(n, Rng(5)).table
    first = model.sample(BLOCK_ROWS, Rng(5)).table
    rest = model.sample(n - BLOCK_ROWS, Rng(5), start=BLOCK_ROWS).table
    assert whole.take(slice(0, BLOCK_ROWS)).equals(first)
    assert whole.take(slice(BLOCK_ROWS, n)).equals(rest)


def test_conditioned_rows_do_not_depend_on_the_division(name: str) -> None:
    model = fitted(name)
    n = BLOCK_ROWS + 50
    given = Table({"group": Column.of_texts(["high", None] * (n // 2))})
    whole = model.sample(n, Rng(5), given=given).table
    rest = model.sample(50, Rng(5), given=given.take(slice(BLOCK_ROWS, n)), start=BLOCK_ROWS).table
    assert whole.take(slice(BLOCK_ROWS, n)).equals(rest)


def test_rows_must_be_a_count(name: str) -> None:
    for rows in (-1, 2.5, True):
        with pytest.raises(InputError):
            fitted(name).sample(rows, Rng(1))


def test_given_cells_are_kept_exactly(name: str) -> None:
    given = Table({
        "group": Column.of_texts(["high", "low", None] * 20),
        "flag": Column.of(np.array([True, False] * 30), np.arange(60) % 5 == 0),
        "x": Column.of(np.where(np.arange(60) % 4 == 0, 0.37, np.nan)),
    })  # fmt: skip
    drawn = fitted(name).sample(60, Rng(1), given=given).table
    for column in given:
        here = ~given[column].missing
        assert drawn[column].take(here).equals(given[column].take(here)), column
    # The missing cells of the conditions are drawn, not left empty.
    assert not drawn["flag"].missing.any()


def test_given_draws_the_other_columns_to_match(name: str) -> None:
    if name == "independent":
        pytest.skip("independent keeps no dependence, by definition")
    model = module(name).TINY.fit(awkward.mixed(2_000), Rng(1))
    high, low = (
        model.sample(800, Rng(1), given=Table({"flag": Column.of(np.full(800, flag))})).table["x"].values.mean()
        for flag in (True, False)
    )
    assert high > low + 0.8  # the truth: 1.0 and -0.4


def test_a_value_never_seen_is_refused(name: str) -> None:
    with pytest.raises(SeedstockError, match="group"):
        fitted(name).sample(5, Rng(1), given=Table({"group": Column.of_texts(["unheard of"] * 5)}))
    with pytest.raises(InputError, match="5"):
        fitted(name).sample(5, Rng(1), given=Table({"group": Column.of_texts(["high"] * 4)}))
    with pytest.raises(InputError, match="nowhere"):
        fitted(name).sample(1, Rng(1), given=Table({"nowhere": Column.of_texts(["high"])}))


def test_identifiers_are_fresh_unique_and_alike(name: str) -> None:
    if hasattr(module(name).GENERATOR, "guarantee"):
        pytest.skip("a private generator reads no pattern off real identifiers")
    data = awkward.mixed()
    drawn = fitted(name).sample(2_000, Rng(1)).table["key"]
    made = drawn.texts().tolist()
    assert len(set(made)) == len(made)
    assert not set(made) & set(data.table["key"].texts().tolist())
    assert all(t.startswith("K-") for t in made)


def test_beats_independent_where_columns_depend(name: str) -> None:
    if name == "independent":
        pytest.skip("independent is the floor")
    g = np.random.default_rng(8)
    n = 3_000
    x = g.normal(size=n)
    data = awkward.dataset({
        "x": ("number", Column.of(x)),
        "y": ("number", Column.of(x + 0.3 * g.normal(size=n))),
        "c": ("category", Column.of_texts(np.where(x > 0, "up", "down").tolist())),
    })  # fmt: skip
    drawn = module(name).TINY.fit(data, Rng(1)).sample(n, Rng(1)).table
    floor = catalog.load("generators", "independent").TINY.fit(data, Rng(1)).sample(n, Rng(1)).table

    def dependence(table: Table) -> tuple[float, float]:
        r = float(np.corrcoef(table["x"].values, table["y"].values)[0, 1])
        agree = float(((table["x"].values > 0) == (table["c"].texts() == "up")).mean())
        return r, agree

    assert abs(dependence(floor)[0]) < 0.1
    r, agree = dependence(drawn)
    assert r > 0.7  # the truth: 0.958
    assert agree > 0.8  # the truth: 1
