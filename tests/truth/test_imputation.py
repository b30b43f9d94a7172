"""Filled cells against truth: planted dependence, and the coverage of multiple imputation on a Gaussian table."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from seedstock.clock import Clock, Silent
from seedstock.core.errors import InputError, ShortfallError
from seedstock.core.given import Given
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.copula import Copula
from seedstock.generators.forest import Forest
from seedstock.imputation import Completed, _draw, impute, pool

GENERATORS = {"forest": Forest(trees=12), "copula": Copula()}
NEAR = {
    "forest": {"slope": 0.12, "spread": 0.15, "agree": 0.06},
    "copula": {"slope": 0.05, "spread": 0.04, "agree": 0.12},
}
"""How near each comes: leaves blur a line, and latent normals blur a category that may be missing."""


def planted(n: int = 3_000, seed: int = 0) -> tuple[Dataset, Dataset]:
    """Return a table with gaps, and the same one before the gaps were made (more often where x is high)."""
    g = np.random.default_rng(seed)
    x = g.normal(size=n)
    y = 0.8 * x + 0.6 * g.normal(size=n)
    c = np.where(x + 0.3 * g.normal(size=n) > 0, "up", "down")
    columns = {"x": Column.of(x), "y": Column.of(y), "c": Column.of_texts(c.tolist()),
               "id": Column.of_texts([f"k{i}" for i in range(n)])}  # fmt: skip
    kinds = {"x": ColumnSchema("number", dtype="float64"), "y": ColumnSchema("number", dtype="float64"),
             "c": ColumnSchema("category"), "id": ColumnSchema("id")}  # fmt: skip
    schema = Schema({"data": TableSchema(kinds)})
    whole = Dataset({"data": Table(columns)}, schema)
    gone = {"y": g.random(n) < np.where(x > 0, 0.4, 0.1), "c": g.random(n) < 0.2, "id": g.random(n) < 0.1}
    holed = {k: Column(v.values, gone.get(k, np.zeros(n, bool)), v.levels) for k, v in columns.items()}
    return Dataset({"data": Table(holed)}, schema), whole


@cache
def filled(name: str, draws: int = 1) -> Completed:
    return impute(planted()[0], GENERATORS[name], draws, 1, Clock(Silent()))


@pytest.mark.parametrize("name", GENERATORS)
def test_only_missing_cells_change_and_all_of_them_are_filled(name: str) -> None:
    before, done = planted()[0].table, filled(name)
    after = done.draws[0].table
    for column in before:
        here = ~before[column].missing
        assert after[column].take(here).equals(before[column].take(here)), column
    assert not after["y"].missing.any()
    assert not after["c"].missing.any()
    assert (after["id"].missing == before["id"].missing).all()
    assert any("'id'" in note for note in done.notes)
    holes = {(c, int(r)) for c in ("y", "c") for r in np.flatnonzero(before[c].missing)}
    assert {(e.column, e.row) for e in done.edits[0]} == holes
    assert all(e.before is None and e.after is not None for e in done.edits[0])


def storms(also: float) -> Dataset:
    """A category that only hurricanes have; a share of those cells is lost, and so are some winds."""
    g = np.random.default_rng(4)
    n = 1_500
    wind = g.uniform(20, 140, n).round()
    status = np.where(wind >= 64, "hurricane", np.where(wind >= 34, "storm", "depression"))
    category = np.where(wind >= 100, "major", "minor")
    lost = g.random(n) < also
    columns = {
        "status": Column.of_texts(status.tolist()),
        "wind": Column.of(wind, g.random(n) < also),
        "category": Column.of_texts(np.where((wind < 64) | lost, None, category)),
    }
    kinds = {"status": ColumnSchema("category"), "wind": ColumnSchema("number", dtype="float64", decimals=0),
             "category": ColumnSchema("category")}  # fmt: skip
    return Dataset({"data": Table(columns)}, Schema({"data": TableSchema(kinds)}))


@pytest.mark.parametrize("draws", [1, 2])
@pytest.mark.parametrize("name", GENERATORS)
def test_cells_that_a_rule_says_are_missing_stay_so(name: str, draws: int) -> None:
    source = storms(0.2)
    done = impute(source, GENERATORS[name], draws, 1, Clock(Silent()))
    hurricane = source.table["status"].texts() == "hurricane"
    for draw in done.draws:
        assert (draw.table["category"].missing == ~hurricane).all()
        assert not draw.table["wind"].missing.any()
    assert sum("then category is missing" in note for note in done.notes) == 1
    assert not any("unlike all others" in note for note in done.notes)


def test_cells_that_a_rule_says_are_zero_are_filled_with_it() -> None:
    g = np.random.default_rng(7)
    smokes = g.random(1_500) < 0.4
    packs = np.where(smokes, g.integers(1, 40, 1_500), 0).astype(float)
    columns = {
        "smokes": Column.of_texts(np.where(smokes, "yes", "no").astype(object)),
        "packs": Column.of(packs, g.random(1_500) < 0.2),
    }
    kinds = {"smokes": ColumnSchema("category"), "packs": ColumnSchema("number", dtype="float64", decimals=0)}
    source = Dataset({"data": Table(columns)}, Schema({"data": TableSchema(kinds)}))
    done = impute(source, GENERATORS["forest"], 1, 1, Clock(Silent())).draws[0].table
    assert not done["packs"].missing.any()
    assert (done["packs"].values[~smokes] == 0).all()


def test_where_rules_explain_all_that_is_missing_nothing_is_drawn() -> None:
    source = storms(0.0)
    done = impute(source, GENERATORS["forest"], 2, 1, Clock(Silent()))
    assert all(draw.table["category"].equals(source.table["category"]) for draw in done.draws)
    assert done.edits == ((), ())


@pytest.mark.parametrize("name", GENERATORS)
def test_a_cell_that_a_rule_computes_from_present_ones_is_computed(name: str) -> None:
    g = np.random.default_rng(6)
    casual, registered = g.integers(0, 500, 1_500), g.integers(0, 5_000, 1_500)
    truth = {"casual": casual, "registered": registered, "riders": casual + registered}
    lost = {"casual": np.arange(1_500) % 3 == 0, "registered": np.arange(1_500) % 3 == 1}
    columns = {k: Column.of(v.astype(float), lost.get(k)) for k, v in truth.items()}
    kinds = dict.fromkeys(truth, ColumnSchema("number", dtype="float64", decimals=0))
    source = Dataset({"data": Table(columns)}, Schema({"data": TableSchema(kinds)}))
    done = impute(source, GENERATORS[name], 1, 1, Clock(Silent())).draws[0].table
    for column in truth:
        np.testing.assert_array_equal(done[column].values, truth[column])
        assert not done[column].missing.any()


@pytest.mark.parametrize("told", [True, False])
def test_rows_that_cannot_be_drawn_given_all_that_is_present_are_drawn_given_less(told: bool) -> None:
    """A model that cannot draw rows 3 and 70 of 100, and tells which they are or does not."""
    bad, calls = [3, 70], []

    class Model:
        def sample(self, n: int, rng: Rng, given: Given) -> Dataset:
            calls.append(n)
            x = np.where(given.values["x"].missing, -1, given.values["x"].values)
            if np.isin(x, bad).any():
                raise ShortfallError("no", 0.0, np.flatnonzero(np.isin(x, bad)) if told else ())
            return Dataset(
                {"data": Table({"x": Column.of(x)})}, Schema({"data": TableSchema({"x": ColumnSchema("id")})})
            )

    shares: list[float] = []
    given = Given(Table({"x": Column.of(np.arange(100))}))
    table, alone = _draw(Model(), given, Rng(0), shares.append)  # type: ignore[arg-type]
    np.testing.assert_array_equal(table["x"].values, np.where(np.isin(np.arange(100), bad), -1, np.arange(100)))
    assert alone == 2
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(calls) == 4 if told else len(calls) > 10


@pytest.mark.parametrize("name", GENERATORS)
def test_planted_dependence_is_kept_in_the_filled_cells(name: str) -> None:
    before, done, truth = planted()[0].table, filled(name, 4), planted()[1].table
    after = Table.concat([d.table for d in done.draws])
    gone = np.tile(before["y"].missing, 4)
    x, y = after["x"].values[gone], after["y"].values[gone]
    slope = np.cov(x, y)[0, 1] / x.var(ddof=1)
    assert slope == pytest.approx(0.8, abs=NEAR[name]["slope"])
    assert (y - 0.8 * x).std() == pytest.approx(0.6, abs=NEAR[name]["spread"])
    # Gaps are more frequent where x is high: the mean of the present cells is wrong, that of the filled table is not.
    assert y.mean() == pytest.approx(truth["y"].values[before["y"].missing].mean(), abs=0.08)
    gone = np.tile(before["c"].missing, 4)
    agree = (after["c"].texts()[gone] == np.where(after["x"].values[gone] > 0, "up", "down")).mean()
    real = (truth["c"].texts() == np.where(truth["x"].values > 0, "up", "down")).mean()
    assert agree == pytest.approx(real, abs=NEAR[name]["agree"])


def test_pooling_by_rubins_rules() -> None:
    # By hand: W = 2, B = 4, T = 2 + 4 * (1 + 1/3) = 22/3, freedom = 2 (1 + 2 / (16/3))^2.
    pooled = pool([1.0, 3.0, 5.0], [1.0, 2.0, 3.0])
    assert pooled.estimate == 3
    assert pooled.error == pytest.approx((22 / 3) ** 0.5)
    assert pooled.freedom == pytest.approx(2 * (1 + 2 / (16 / 3)) ** 2)
    assert pooled.missing_share == pytest.approx((16 / 3) / (22 / 3))
    with pytest.raises(InputError, match="two draws"):
        pool([1.0], [1.0])


def test_intervals_of_multiple_imputation_cover_the_truth() -> None:
    covered = {"mean": 0, "slope": 0}
    complete = 0
    repeats = 24
    for seed in range(repeats):
        g = np.random.default_rng(seed)
        n = 200
        x = g.normal(size=n)
        y = 1 + 0.7 * x + 0.714 * g.normal(size=n)
        gone = g.random(n) < 1 / (1 + np.exp(-1.5 * x))  # half of them, the high ones
        number = ColumnSchema("number", dtype="float64")
        data = Dataset(
            {"data": Table({"x": Column.of(x), "y": Column(y, gone)})},
            Schema({"data": TableSchema({"x": number, "y": number})}),
        )
        done = impute(data, Copula(), 6, seed, Clock(Silent()))
        estimates = {"mean": [], "slope": []}
        for draw in done.draws:
            v = draw.table["y"].values
            estimates["mean"].append((v.mean(), v.var(ddof=1) / n))
            slope = np.cov(x, v)[0, 1] / x.var(ddof=1)
            rest = v - v.mean() - slope * (x - x.mean())
            estimates["slope"].append((slope, rest.var(ddof=2) / (n * x.var())))
        for what, truth in (("mean", 1.0), ("slope", 0.7)):
            low, high = pool(*map(list, zip(*estimates[what], strict=True))).interval
            covered[what] += low <= truth <= high
        present = y[~gone]
        complete += abs(present.mean() - 1) <= 1.96 * present.std() / len(present) ** 0.5
    # Nominal 95 %; 24 repeats give a standard error of 4.4 %.
    assert covered["mean"] >= 0.79 * repeats
    assert covered["slope"] >= 0.79 * repeats
    assert complete <= 0.2 * repeats  # the present cells alone are wrong: the test can fail


def test_nothing_missing_and_wrong_numbers_of_draws() -> None:
    whole = planted()[1]
    done = impute(whole, GENERATORS["copula"], 2, 0, Clock(Silent()))
    assert all(d.table.equals(whole.table) for d in done.draws)
    assert done.edits == ((), ())
    for draws in (0, -1, True, 1.5):
        with pytest.raises(InputError, match="draws"):
            impute(whole, GENERATORS["copula"], draws, 0, Clock(Silent()))  # type: ignore[arg-type]


def test_several_draws_differ_and_repeat_by_seed() -> None:
    one = filled("copula", 3)
    y = [d.table["y"].values[planted()[0].table["y"].missing] for d in one.draws]
    assert not np.array_equal(y[0], y[1])
    again = impute(planted()[0], GENERATORS["copula"], 3, 1, Clock(Silent()))
    assert all(a.table.equals(b.table) for a, b in zip(one.draws, again.draws, strict=True))
