"""Atoms: codes and cells go back and forth, smoothing stays on the grid and between the neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.atoms import FEW, Atoms, nearest

NUMBER = ColumnSchema("number", dtype="float64")
g0 = np.random.default_rng(0)
COLUMNS = {
    "texts": (Column.of_texts([None, "b", "a", "b", "ü"]), ColumnSchema("category")),
    "floats": (Column.of(np.array([2.5, np.nan, -1.0, 2.5, np.inf])), NUMBER),
    "whole": (Column.of(np.array([2**62, -5, 7, 7])), ColumnSchema("number", dtype="int64")),
    "flags": (Column.of(np.array([True, False, True]), np.array([False, True, False])), ColumnSchema("boolean")),
    "times": (Column.of(np.array(["2024-01-01", "NaT", "1999-12-31"], "M8[us]")), ColumnSchema("datetime")),
    "spans": (Column.of(np.array([5, 3, 3], "m8[us]")), ColumnSchema("duration")),
    "nothing": (Column.of(np.full(4, np.nan)), NUMBER),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_codes_and_cells_go_back_and_forth(kind: str) -> None:
    column, schema = COLUMNS[kind]
    atoms, codes = Atoms.fit(column, schema)
    assert atoms.column(codes, np.random.default_rng(1)).equals(column)
    assert np.array_equal(atoms.encode(column), codes)
    assert np.array_equal(np.bincount(codes, minlength=atoms.k), atoms.counts)
    assert atoms.counts.sum() == len(column)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1, max_size=80))
def test_any_floats_go_back_and_forth(cells: list[float | None]) -> None:
    column = Column.of(np.array([np.nan if c is None else c for c in cells]))
    atoms, codes = Atoms.fit(column, NUMBER)
    assert atoms.column(codes, np.random.default_rng(1)).equals(column)
    assert (np.diff(atoms.values) > 0).all()


@settings(max_examples=40, deadline=None)
@given(decimals=st.integers(0, 4), scale=st.sampled_from([1.0, 50.0, 3_000.0]), seed=st.integers(0, 99))
def test_smoothing_stays_on_the_grid_and_between_the_neighbours(decimals: int, scale: float, seed: int) -> None:
    g = np.random.default_rng(seed)
    x = np.round(g.normal(size=1_000) * scale, decimals)
    atoms, codes = Atoms.fit(Column.of(x), ColumnSchema("number", dtype="float64", decimals=decimals))
    drawn = atoms.column(codes, g).values
    assert np.array_equal(np.round(drawn, decimals), drawn)
    left, right = (atoms.values[np.clip(codes + k, 0, len(atoms.values) - 1)] for k in (-1, 1))
    assert (drawn >= left).all()
    assert (drawn <= right).all()
    often = atoms.counts[codes] > FEW
    assert np.array_equal(drawn[often], x[often])


def test_times_and_whole_numbers_are_smoothed_on_their_grid() -> None:
    g = np.random.default_rng(2)
    days = np.datetime64("2020-01-01", "us") + (g.choice(3_000, 900, replace=False) * 86_400_000_000).astype("m8[us]")
    whole = g.choice(10_000, 900, replace=False) * 5
    for values, step in ((days, 86_400_000_000), (whole, 5)):
        atoms, codes = Atoms.fit(Column.of(values), ColumnSchema("number", dtype="int64"))
        drawn = atoms.column(codes, g).values
        assert atoms.smooth
        assert drawn.dtype == values.dtype
        assert ((drawn.astype("i8") - values.astype("i8")[0]) % step == 0).all()
        assert (drawn != values).mean() > 0.2
        assert drawn.min() >= values.min()
        assert drawn.max() <= values.max()


def test_a_grid_that_does_not_pass_through_zero_is_kept() -> None:
    g = np.random.default_rng(3)
    x = g.choice(5_000, 900, replace=False) * 10 + 3
    atoms, codes = Atoms.fit(Column.of(x), ColumnSchema("number", dtype="int64"))
    assert (atoms.column(codes, g).values % 10 == 3).all()


def test_unknown_texts_and_gaps_have_no_code() -> None:
    atoms, _ = Atoms.fit(Column.of_texts(["a", "b"]), ColumnSchema("category"))
    assert atoms.encode(Column.of_texts(["b", "new", None])).tolist()[1:] == [-1, -1]
    with pytest.raises(InputError):
        atoms.encode(Column.of(np.array([1.0])))


def test_nearest_picks_the_nearest() -> None:
    values = np.sort(g0.normal(size=50))
    wanted = g0.normal(size=200) * 2
    expected = np.abs(wanted[:, None] - values).argmin(axis=1)
    assert np.array_equal(nearest(values, wanted), expected)


@pytest.mark.parametrize(("step", "decimals"), [(1.0, 1), (0.05, 2), (10.0, 0), (0.01, 2)])
def test_new_numbers_lie_on_the_grid_of_the_real_ones_however_they_are_written(step: float, decimals: int) -> None:
    g = np.random.default_rng(0)
    column = Column.of((g.gamma(2, 5_000, 3_000).round() * step).round(decimals), g.random(3_000) < 0.1)
    atoms, codes = Atoms.fit(column, ColumnSchema("number", dtype="float64", decimals=decimals))
    assert atoms.smooth
    new = atoms.column(codes, g)
    x = new.values[~new.missing]
    np.testing.assert_allclose(x / step, np.round(x / step), rtol=0, atol=1e-6)
    assert (x == np.round(x, decimals)).all()
    assert len(np.setdiff1d(x, column.values)) > 100
