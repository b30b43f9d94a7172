"""Identifiers against arithmetic: a permutation is one-to-one, and ids never meet each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.table import Column
from seedstock.encoding.ids import IdMaker, permute


@settings(max_examples=60, deadline=None)
@given(size=st.integers(1, 3_000), seed=st.integers(0, 2**31))
def test_permutation_is_one_to_one(size: int, seed: int) -> None:
    out = permute(np.arange(size), size, Rng(seed))
    assert np.array_equal(np.sort(out), np.arange(size))


@settings(max_examples=25, deadline=None)
@given(size=st.integers(2**20, 2**62), start=st.integers(0, 2**19))
def test_parts_of_a_huge_permutation_stay_apart_and_inside(size: int, start: int) -> None:
    out = permute(np.arange(start, start + 2_000), size, Rng(1))
    assert len(np.unique(out)) == 2_000
    assert out.min() >= 0
    assert out.max() < size
    assert np.array_equal(out[500:700], permute(np.arange(start + 500, start + 700), size, Rng(1)))


def test_permutation_depends_on_the_key_and_looks_random() -> None:
    a, b = (permute(np.arange(5_000), 5_000, Rng(s)) for s in (1, 2))
    assert (a == b).mean() < 0.01
    assert abs(np.corrcoef(a, np.arange(5_000))[0, 1]) < 0.06


REAL = {
    "dense": Column.of(np.arange(1_000, 1_500)),
    "sparse": Column.of(np.random.default_rng(0).choice(9_000_000, 500, replace=False) + 1_000_000),
    "texts": Column.of_texts([f"K-{i:05d}" for i in range(500)]),
    "hex": Column.of_texts([f"{i * 2654435761 % 2**32:08x}" for i in range(500)]),
    "tight": Column.of_texts([f"A{i}" for i in range(10)]),
}


@pytest.mark.parametrize("kind", REAL)
def test_ids_of_different_blocks_never_meet(kind: str) -> None:
    maker = IdMaker.fit(REAL[kind])
    whole = maker.make(2 * BLOCK_ROWS + 10, Rng(3), 0)
    cells = whole.texts() if whole.is_text else whole.values
    assert len(set(cells.tolist())) == len(whole)
    rest = maker.make(10, Rng(3), 2 * BLOCK_ROWS)
    assert (rest.texts() if rest.is_text else rest.values).tolist() == cells[-10:].tolist()


def test_dense_numbers_go_on_above_the_real_ones() -> None:
    made = IdMaker.fit(REAL["dense"]).make(5_000, Rng(3), 0).values
    assert made.min() == 1_500
    assert (np.diff(made) == 1).all()


@pytest.mark.parametrize("kind", ["dense", "crowded", "texts", "tight"])
def test_made_ids_are_no_real_ones_where_those_are_many(kind: str) -> None:
    crowded = Column.of(np.random.default_rng(1).choice(5_000, 1_200, replace=False) + 5_000)
    column = {**REAL, "crowded": crowded}[kind]
    made = IdMaker.fit(column).make(900, Rng(4), 0)
    real, new = (set((c.texts() if c.is_text else c.values).tolist()) for c in (column, made))
    assert not real & new
    assert len(new) == 900


def test_patterns_of_texts_are_kept() -> None:
    made = IdMaker.fit(REAL["texts"]).make(3_000, Rng(3), 0).texts()
    assert all(t.startswith("K-") and len(t) >= 7 and t[2:].isdigit() for t in made)
    assert all(int(t, 16) >= 0 and len(t) == 8 for t in IdMaker.fit(REAL["hex"]).make(500, Rng(3), 0).texts())


@pytest.mark.parametrize("kind", REAL)
def test_makers_come_back_from_json(kind: str) -> None:
    maker = IdMaker.fit(REAL[kind])
    assert IdMaker.from_json(maker.to_json()) == maker
