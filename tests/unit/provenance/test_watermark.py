from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.contracts import Fitted
from seedstock.core.errors import InputError
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.table import Column, Table
from seedstock.generators.independent import Independent
from seedstock.provenance.record import key_id
from seedstock.provenance.watermark import mark, off, select

KEY = b"k" * 32


def test_meets_the_contract(people_model):
    w = mark(people_model, KEY)
    assert isinstance(w, Fitted)
    assert w.schema == people_model.schema
    assert w.sample(300, Rng(3)).table.equals(w.sample(300, Rng(3)).table)
    assert not w.sample(300, Rng(3)).table.equals(w.sample(300, Rng(4)).table)
    for n in (0, 1, 7):
        assert len(w.sample(n, Rng(1)).table) == n
    assert w.state() == people_model.state()
    with pytest.raises(InputError, match="no key"):
        type(w).from_state(w.state())


@pytest.mark.parametrize("candidates", [2, 4])
def test_rows_do_not_depend_on_the_division(people_model, candidates):
    w = mark(people_model, KEY, candidates=candidates)
    n = BLOCK_ROWS + 100
    whole = w.sample(n, Rng(5)).table
    assert whole.take(slice(0, BLOCK_ROWS)).equals(w.sample(BLOCK_ROWS, Rng(5)).table)
    assert whole.take(slice(BLOCK_ROWS, n)).equals(w.sample(100, Rng(5), start=BLOCK_ROWS).table)


def test_every_row_is_a_row_of_the_generator(people_model):
    n = 500
    marked = mark(people_model, KEY).sample(n, Rng(2)).table
    draws = [people_model.sample(n, Rng(2)).table]
    draws += [people_model.sample(n, Rng(2).child("candidate", k)).table for k in (1, 2, 3)]
    names = [c for c in marked if c != "key"]
    hits = np.stack(
        [
            np.all([[a == b for a, b in zip(_cells(marked[c]), _cells(d[c]), strict=True)] for c in names], axis=0)
            for d in draws
        ]
    )
    assert (hits.sum(axis=0) == 1).all()
    # Each of the four is kept about as often.
    assert np.abs(hits.mean(axis=1) - 0.25).max() < 0.1


def _cells(column: Column) -> list[object]:
    if column.is_text:
        return column.texts().tolist()
    return [None if m else v for v, m in zip(column.values.tolist(), column.missing, strict=True)]


def test_identifiers_stay_fresh_and_in_order(people_model):
    marked = mark(people_model, KEY).sample(1_000, Rng(2)).table
    assert marked["key"].values.tolist() == list(range(1_000))


def test_other_key_or_generation_keeps_other_rows(people_model):
    a = mark(people_model, KEY).sample(200, Rng(1)).table
    assert not a.equals(mark(people_model, b"x" * 32).sample(200, Rng(1)).table)
    assert not a.equals(mark(people_model, KEY, generation=2).sample(200, Rng(1)).table)


def test_conditions_are_kept(draw_people):
    model = Independent().fit(draw_people(400), Rng(1))
    given = Table({"class": Column.of_texts(["high", None] * 50)})
    drawn = mark(model, KEY).sample(100, Rng(1), given=given).table["class"].texts()
    assert (drawn[::2] == "high").all()
    assert set(drawn[1::2]) == {"high", "low"}


def test_the_record_names_the_key_and_does_not_hold_it(people_model):
    facts = mark(people_model, KEY, generation=2).facts()
    assert facts["key"] == key_id(KEY)
    assert facts["generation"] == 2
    assert KEY.hex() not in repr(facts)
    assert off("asked for") == {"on": False, "why": "asked for"}


@pytest.mark.parametrize("bad", [{"candidates": 3}, {"candidates": 1}, {"generation": 0}, {"generation": True}])
def test_bad_settings_are_refused(people_model, bad):
    with pytest.raises(InputError):
        mark(people_model, KEY, **bad)


def test_tables_without_capacity_are_drawn_all_the_same(draw_people):
    one = draw_people(50)
    constant = one.take(np.zeros(50, int))
    winners = select([constant.table] * 4, one.columns, KEY, Rng(1).generator())
    assert winners.shape == (50,)
    assert set(winners) == {0, 1, 2, 3}  # only ties: a fair choice
