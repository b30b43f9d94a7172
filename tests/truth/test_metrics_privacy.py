"""Privacy and coverage measures against planted answers that follow from counting."""

import numpy as np
import pytest

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.metrics.copies import METRIC as COPIES
from seedstock.metrics.invented import METRIC as INVENTED
from seedstock.metrics.membership import METRIC as MEMBERSHIP
from seedstock.metrics.missing import METRIC as MISSING
from seedstock.metrics.nearest_share import METRIC as NEAREST
from seedstock.metrics.nearest_share import nearest_share
from seedstock.metrics.ranges import METRIC as RANGES
from seedstock.metrics.rare import METRIC as RARE


def table(**columns) -> Dataset:
    cells, kinds = {}, {}
    for name, values in columns.items():
        text = isinstance(values[0], str | None.__class__)
        cells[name] = Column.of_texts(values) if text else Column.of(np.asarray(values))
        kinds[name] = ColumnSchema("id" if name == "id" else "category" if text else "number")
    return Dataset({"t": Table(cells)}, Schema({"t": TableSchema(kinds)}))


def normal(n: int, seed: int) -> Dataset:
    z = np.random.default_rng(seed).standard_normal((n, 3))
    return table(a=z[:, 0], b=z[:, 1], c=[f"v{k}" for k in np.digitize(z[:, 2], [-1, 0, 1])])


def stacked(first: Dataset, second: Dataset) -> Dataset:
    return first.with_table(Table.concat([first.table, second.table]))


def named(scores: list[Score]) -> dict[str, Score]:
    return {s.name: s for s in scores}


@pytest.mark.parametrize("copied", [0.0, 0.2, 0.6, 1.0])
def test_nearest_share_of_planted_copies(copied):
    # Train and holdout of one size: a copy is nearest to train for sure, any other row with probability 1/2.
    train, holdout, n = normal(1500, 1), normal(1500, 2), 3000
    k = int(copied * n)
    rows = np.random.default_rng(3).integers(0, 1500, k)
    (score,) = NEAREST()(
        Evidence(train, holdout, stacked(train.take(rows), normal(n, 4).take(np.arange(n - k)))), Rng(0)
    )
    assert score.value == pytest.approx(copied + (1 - copied) / 2, abs=0.03)
    assert score.floor == pytest.approx(0.5, abs=0.05)


def test_nearest_share_counts_ties_half_and_its_interval_covers():
    x = np.array([[0.0], [1.0], [2.0]])
    assert nearest_share(x, x, x)[0] == 0.5
    g = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        share, half = nearest_share(*(g.standard_normal((n, 2)) for n in (300, 80, 80)))
        hits += abs(share - 0.5) <= half
    assert 0.90 <= hits / 200 <= 0.99


def test_a_train_that_is_not_like_the_holdout_shows_in_the_floor():
    train = normal(800, 1)
    shifted = normal(800, 2)
    shifted = shifted.with_table(shifted.table.assign({"a": Column.of(shifted.table["a"].values + 2)}))
    (score,) = NEAREST()(Evidence(train, shifted, normal(800, 3)), Rng(0))
    assert score.details["floor_interval"][1] < 0.5


@pytest.mark.parametrize("copied", [0.0, 0.5, 1.0])
def test_membership_of_planted_copies(copied):
    # A share q of the members lies at distance 0 and outranks all others: AUC = q + (1 - q) / 2, TPR at least q.
    train, holdout = normal(1000, 1), normal(1000, 2)
    k = int(copied * 1000)
    synthetic = stacked(train.take(np.arange(k)), normal(2000, 3))
    # All holdout rows but the reference, and as many members, enter: half of the members are drawn.
    scores = named(MEMBERSHIP(resamples=100)(Evidence(train, holdout, synthetic), Rng(0)))
    value, tpr = scores["membership_auc"], scores["membership_tpr"]
    assert value.details["attacks"]["nearest"] == pytest.approx(copied + (1 - copied) / 2, abs=0.05)
    assert value.value == max(value.details["attacks"].values())
    assert tpr.value == pytest.approx(max(copied, 0.01), abs=0.06)
    assert value.interval[0] <= value.value <= value.interval[1]
    assert value.ok is (copied == 0)
    assert 0.5 < value.floor < 0.55  # the greatest of several blind attacks is above a half


def test_an_attack_sees_rows_that_were_only_slightly_moved():
    train, holdout = normal(1000, 1), normal(1000, 2)
    g = np.random.default_rng(5)
    moved = {c: Column.of(train.table[c].values + g.normal(0, 0.01, 1000)) for c in "ab"}
    synthetic = train.with_table(train.table.assign(moved))
    scores = named(MEMBERSHIP(resamples=100)(Evidence(train, holdout, synthetic), Rng(0)))
    assert scores["membership_auc"].value > 0.8
    assert named(COPIES()(Evidence(train, holdout, synthetic), Rng(0)))["copy_rate"].value == 0.0
    assert named(NEAREST()(Evidence(train, holdout, synthetic), Rng(0)))["nearest_share"].value > 0.8


def test_copy_rate_is_a_count_that_identifiers_cannot_hide():
    train = table(id=["1", "2", "3", "4"], x=[1.0, 2.0, 3.0, np.nan], c=["a", None, "b", "b"])
    holdout = table(id=["5", "6"], x=[1.0, 9.0], c=["a", "a"])
    made = table(id=["7", "8", "9", "10", "11"], x=[2.0, 2.0, np.nan, 3.0, 1.0], c=[None, "a", "b", "b", "b"])
    (score,) = COPIES()(Evidence(train, holdout, made), Rng(0))
    assert score.value == pytest.approx(60.0)  # rows 0, 2 and 3
    assert score.floor == pytest.approx(50.0)
    assert score.details["copies"] == score.details["copies_of_unique_train_rows"] == 3


def test_coarse_tables_repeat_themselves_and_are_not_condemned_for_it():
    def coarse(n, seed):
        g = np.random.default_rng(seed)
        return table(a=[f"a{k}" for k in g.integers(0, 3, n)], b=[f"b{k}" for k in g.integers(0, 4, n)])

    (score,) = COPIES()(Evidence(coarse(500, 1), coarse(200, 2), coarse(500, 3)), Rng(0))
    assert score.value == score.floor == 100.0
    assert score.ok


def test_rare_categories_are_counted_against_their_expectation():
    common = ["x"] * 9_900
    train = table(c=common + [f"r{k}" for k in range(10) for _ in range(10)])
    made = table(c=["x"] * 995 + [f"r{k}" for k in range(5)])
    scores = named(RARE()(Evidence(train, train, made), Rng(0)))
    expected = 10 * (1 - (1 - 10 / 10_000) ** 1_000)
    assert scores["rare_categories_kept"].value == pytest.approx(100 * 5 / expected)
    assert [x["train_rows"] for x in scores["rare_categories_kept"].details["lost"]] == [10] * 5


def test_range_invented_and_missing_are_counts():
    n = 2001
    u = np.linspace(0, 1, n)
    (score,) = RANGES()(Evidence(table(x=u), table(x=u), table(x=0.25 + u / 2)), Rng(0))
    assert score.value == pytest.approx(50.0, abs=0.2)
    assert (
        RANGES()(Evidence(table(x=u), table(x=u), table(x=u * 3)), Rng(0))[0].details["columns"]["x"]["beyond"] > 1300
    )
    train = table(a=["p", "q"], b=["s", "t"])
    made = table(a=["p", "p", "z", "q"], b=["s", "t", "s", "t"])
    (score,) = INVENTED()(Evidence(train, train, made), Rng(0))
    assert score.value == 50.0  # (p, t) is a new pair, z a new value
    assert (score.details["new_values"], score.details["new_pairs"]) == (1, 2)
    (score,) = MISSING()(
        Evidence(table(x=[1.0, np.nan], y=[1.0, 1.0]), table(x=[1.0], y=[1.0]), table(x=[np.nan], y=[2.0])), Rng(0)
    )
    assert (score.value, score.floor) == (50.0, 50.0)
