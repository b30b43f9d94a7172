"""Rules while rows are drawn: what planted orders, sums and exceptions make of the drawn codes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from seedstock.core.errors import ShortfallError
from seedstock.core.given import Allowed, Given
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.plan import Plan
from seedstock.encoding.rules.keep import Mended
from seedstock.generators import _forest_fitted, _tabular
from seedstock.generators._forest_fitted import ForestFitted
from seedstock.generators._ruled import Ruled
from seedstock.generators._wanted import Wanted
from seedstock.generators.forest import Forest

ROWS = 6_000


@cache
def model() -> ForestFitted:
    """`part` lies evenly between 0 and `whole`; `sum` is `whole` and `more`."""
    g = np.random.default_rng(0)
    whole, more = g.integers(1, 60, ROWS), g.integers(200, 400, ROWS)
    made = {"whole": whole, "part": g.integers(0, whole + 1), "more": more, "sum": whole + more}
    kind = ColumnSchema("number", dtype="int64", decimals=0)
    table = Table({name: Column.of(values) for name, values in made.items()})
    data = Dataset({"data": table}, Schema({"data": TableSchema(dict.fromkeys(made, kind))}))
    return Forest(trees=6, filter_rounds=0).fit(data, Rng(0))


def cells(codes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    atoms = model().plan.atoms
    return {name: atoms[name].column(own, np.random.default_rng(0)).values for name, own in codes.items()}


def test_the_planted_rules_were_found() -> None:
    assert sorted(r.kind for r in model().plan.rules if set(r.columns) & {"part", "sum"}) == ["linear", "order"]


def test_a_column_that_breaks_an_order_is_drawn_anew_until_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ruled, "mended", lambda self, codes: codes)

    def broken(tries: int) -> float:
        monkeypatch.setattr(_forest_fitted, "_TRIES", tries)
        drawn = cells(model().draw_free(40_000, Rng(1)))
        return float((drawn["part"] > drawn["whole"]).mean())

    never, once, often = (broken(k) for k in (0, 1, 8))
    assert never > 0.01
    assert often < once / 2 < never / 4


def test_sums_are_computed_before_a_filter_weighs_the_rows() -> None:
    drawn = cells(model().draw_free(5_000, Rng(2)))
    # A sum that no real row has is taken for the nearest one that some have.
    assert (drawn["sum"] == drawn["whole"] + drawn["more"]).mean() > 0.99


def test_cells_that_were_asked_for_stay() -> None:
    g, atoms = np.random.default_rng(3), model().plan.atoms
    codes = {name: g.integers(atoms[name].k, size=500) for name in atoms}
    asked = {"sum": np.arange(500) < 250}
    mended = Ruled(model().plan, Rng(0)).mended(codes, asked)
    np.testing.assert_array_equal(mended["sum"][:250], codes["sum"][:250])
    assert (mended["sum"][250:] != codes["sum"][250:]).mean() > 0.9
    given = cells(mended)
    assert (given["part"] <= given["whole"]).all()


def test_rows_are_told_that_break_a_rule_with_columns_drawn_before() -> None:
    atoms = model().plan.atoms
    whole = atoms["whole"].encode(Column.of(np.array([5, 5, 9])))
    part = atoms["part"].encode(Column.of(np.array([4, 6, 9])))
    ruled = Ruled(model().plan, Rng(0))
    assert ruled.broken("part", {"whole": whole, "part": part}).tolist() == [1]
    assert not len(ruled.broken("part", {"part": part}))


def test_conditions_are_met_and_the_rest_is_computed_around_them() -> None:
    asked = Table({"sum": Column.of(np.full(300, 300))})
    drawn = model().sample(300, Rng(4), given=asked).table
    assert (drawn["sum"].values == 300).all()
    assert (drawn["whole"].values + drawn["more"].values == 300).all()


def test_conditioned_rows_are_computed_before_they_are_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    g, atoms = np.random.default_rng(5), model().plan.atoms
    wanted = model()._wanted(500, Given.of(Table({"whole": Column.of(np.full(500, 30))})))
    guess = {name: wanted[name] if name in wanted else g.integers(atoms[name].k, size=500) for name in model().order}
    monkeypatch.setattr(_forest_fitted, "draw_given", lambda *_: guess)
    drawn = cells(model().draw_met(500, Rng(5), wanted))
    assert (drawn["whole"] == 30).all()
    assert (drawn["part"] <= 30).all()
    assert (drawn["sum"] == drawn["whole"] + drawn["more"]).mean() > 0.99


def test_rows_that_break_nothing_keep_their_codes() -> None:
    """Between the atoms of a smooth column cells are random: what is read back from them may be another code."""
    g = np.random.default_rng(6)
    low = np.round(g.exponential(20_000, 2_000)).astype(np.int64)
    made = {"low": Column.of(low), "high": Column.of(low + np.round(g.exponential(20_000, 2_000)).astype(np.int64))}
    kinds = TableSchema(dict.fromkeys(made, ColumnSchema("number", dtype="int64", decimals=0)))
    plan, codes = Plan.fit(Dataset({"data": Table(made)}, Schema({"data": kinds})))
    assert [rule.kind for rule in plan.rules] == ["order"]
    assert plan.atoms["high"].smooth
    turned = {"low": codes["low"], "high": codes["high"].copy()}
    turned["high"][:200] = 0
    mended = Ruled(plan, Rng(0)).mended(turned)
    changed = np.flatnonzero((mended["low"] != turned["low"]) | (mended["high"] != turned["high"]))
    assert (changed < 200).sum() > 150
    assert (changed >= 200).sum() < 10  # whose cells between atoms break the order


def test_conditions_that_no_row_can_meet_are_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """More candidates are tried round after round, but not without end."""
    asked: list[int] = []
    draw = type(model()).draw

    def counted(self: Any, n: int, rng: Rng, given: Wanted) -> dict[str, np.ndarray]:
        asked.append(n)
        return draw(self, n, rng, given)

    monkeypatch.setattr(type(model()), "draw", counted)

    def hopeless(table: Table, rules: Any, fixed: Any, g: np.random.Generator) -> Mended:
        return Mended(table, np.ones(len(table), bool), rules[0])

    monkeypatch.setattr(_tabular, "mend", hopeless)
    given = Given.everywhere({}, {"whole": Allowed(low=10)}, 2)
    with pytest.raises(ShortfallError, match="cannot keep the rule"):
        model().sample(2, Rng(0), given)
    assert asked[:3] == [2, 16, 32]
    assert max(asked) == 512
    assert 4_000 < sum(asked) < 6_000


def test_an_error_tells_which_rows_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the second block fail, two beyond the first."""

    def mended(table: Table, rules: Any, fixed: Any, g: np.random.Generator) -> Mended:
        return Mended(table, np.full(len(table), len(table) < BLOCK_ROWS), rules[0])

    monkeypatch.setattr(_tabular, "mend", mended)
    given = Given.everywhere({}, {"whole": Allowed(low=10)}, BLOCK_ROWS + 2)
    with pytest.raises(ShortfallError) as failed:
        model().sample(BLOCK_ROWS + 2, Rng(0), given)
    assert failed.value.rows == (BLOCK_ROWS, BLOCK_ROWS + 1)


def test_a_row_that_loses_a_cell_in_mending_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    def emptying(table: Table, rules: Any, fixed: Any, g: np.random.Generator) -> Mended:
        part = Column(table["part"].values, np.arange(len(table)) == 1)
        return Mended(table.assign({"part": part}), np.zeros(len(table), bool), None)

    monkeypatch.setattr(_tabular, "mend", emptying)
    table = Table({name: Column.of(np.array([1, 2, 3])) for name in ("whole", "part", "more", "sum")})
    given = Given.everywhere({}, {"part": Allowed()}, 3)
    done = model()._mended(table, {}, given, Rng(0))
    assert done.broken.tolist() == [False, True, False]
    assert done.by is not None
    assert "part" in done.by.columns
