"""Numbers that are now and then exactly another column's, against shares that were planted."""

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators._forest_fitted import ForestFitted
from seedstock.generators._pull import Pull
from seedstock.generators._ruled import Ruled
from seedstock.generators.forest import Forest

N = 6_000


def bills(seed: int = 0) -> Dataset:
    """Seven of ten good customers pay the whole bill, one of ten bad ones; others a tenth of it at most."""
    g = np.random.default_rng(seed)
    good, bill = g.random(N) < 0.4, g.integers(1_000, 10**6, N)
    full = g.random(N) < np.where(good, 0.7, 0.1)
    paid = np.where(full, bill, (bill * g.random(N) / 10).astype(np.int64))
    kinds = {"good": ColumnSchema("category"), "bill": ColumnSchema("number", dtype="int64", decimals=0)}
    kinds["paid"] = kinds["bill"]
    columns = {
        "good": Column.of_texts(np.where(good, "yes", "no").tolist()),
        "bill": Column.of(bill), "paid": Column.of(paid, g.random(N) < 0.05),
    }  # fmt: skip
    return Dataset({"data": Table(columns)}, Schema({"data": TableSchema(kinds)}))


@pytest.fixture(scope="module")
def fitted() -> ForestFitted:
    out = Forest(trees=8, filter_rounds=2).fit(bills(), Rng(0))
    assert isinstance(out, ForestFitted)
    return out


def whole(table: Table, good: str) -> float:
    """Return the share of a kind of customers' known payments that are the bill."""
    assert table["good"].levels is not None
    here = (table["good"].levels[table["good"].values] == good) & ~table["paid"].missing
    return float((table["paid"].values == table["bill"].values)[here].mean())


def test_drawn_rows_are_tied_as_often_as_planted_for_each_kind(fitted: ForestFitted) -> None:
    drawn = fitted.sample(N, Rng(1)).table
    assert whole(drawn, "yes") == pytest.approx(0.7, abs=0.04)
    assert whole(drawn, "no") == pytest.approx(0.1, abs=0.03)
    real = bills().table
    new = ~np.isin(drawn["bill"].values, real["bill"].values) & (drawn["paid"].values == drawn["bill"].values)
    assert new.sum() > 500
    assert drawn.names == ["good", "bill", "paid"]
    assert fitted.notes == ("'bill' is exactly 'paid' in 32.2% of the rows; draws keep to that.",)


def test_rules_hold_in_tied_rows_too(fitted: ForestFitted) -> None:
    assert [rule.text for rule in fitted.plan.rules] == ["paid <= bill"]
    drawn = fitted.sample(N, Rng(2)).table
    here = ~drawn["paid"].missing
    assert (drawn["paid"].values <= drawn["bill"].values)[here].all()


def test_rules_see_copies_while_rows_are_drawn(fitted: ForestFitted) -> None:
    codes = fitted.draw_free(2_000, Rng(3))
    broken = Ruled(fitted.plan, Rng(0)).broken("bill", codes)
    assert not (codes["tie of bill"][broken] == 1).any()


def test_what_is_no_copy_does_not_look_like_one() -> None:
    g = np.random.default_rng(3)
    x = g.integers(300, size=N)
    y = np.where(g.random(N) < 0.3, x, x + g.choice([-3, -2, -1, 1, 2, 3], N))
    kind = ColumnSchema("number", dtype="int64", decimals=0)
    table = Table({"x": Column.of(x), "y": Column.of(y)})
    data = Dataset({"data": table}, Schema({"data": TableSchema({"x": kind, "y": kind})}))
    # The columns' models alone: without a filter nothing mends what the guard takes away.
    drawn = Forest(trees=4, filter_rounds=0, guard_share=0).fit(data, Rng(0)).sample(20_000, Rng(1)).table
    assert np.mean(drawn["x"].values == drawn["y"].values) == pytest.approx(np.mean(x == y), abs=0.01)


def test_a_number_that_was_only_ever_a_copy_can_be_given_beside_another() -> None:
    g = np.random.default_rng(4)
    x = g.integers(300, size=N)
    own = x + g.choice([-3, -2, -1, 1, 2, 3], N)
    y = np.where(g.random(N) < 0.3, x, np.where(own == 150, 151, own))
    kind = ColumnSchema("number", dtype="int64", decimals=0)
    table = Table({"x": Column.of(x), "y": Column.of(y)})
    data = Dataset({"data": table}, Schema({"data": TableSchema({"x": kind, "y": kind})}))
    fitted = Forest(trees=4, filter_rounds=0, guard_share=0).fit(data, Rng(0))
    assert fitted.plan.ties
    given = {"x": Column.of(np.array([152, 148])), "y": Column.of(np.array([150, 150]))}
    drawn = fitted.sample(2, Rng(1), Table(given)).table
    assert (drawn["x"].values - drawn["y"].values).tolist() == [2, -2]


def test_a_given_bill_is_paid_in_full_as_often_and_a_given_payment_stays(fitted: ForestFitted) -> None:
    good = Column.of_texts(["yes"] * N)
    bill = Column.of(np.random.default_rng(5).integers(2_000, 990_000, N))
    drawn = fitted.sample(N, Rng(3), Table({"good": good, "bill": bill})).table
    assert (drawn["bill"].values == bill.values).all()
    assert whole(drawn, "yes") == pytest.approx(0.7, abs=0.06)
    paid = Column.of(np.full(2_000, 500_001))
    drawn = fitted.sample(2_000, Rng(4), Table({"paid": paid})).table
    assert (drawn["paid"].values == 500_001).all()
    # Parts of a bill end at 100,000: whoever pays more has paid a whole bill of about that.
    assert np.mean(np.abs(drawn["bill"].values - 500_001) < 20_000) > 0.95


def test_where_no_candidate_that_was_pulled_fits_all_are_drawn_without(
    fitted: ForestFitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pull, "weigh", lambda self, _: np.zeros(len(self.weight)))
    bill = Column.of(np.full(300, 500_001))
    drawn = fitted.sample(300, Rng(8), Table({"bill": bill})).table
    assert (drawn["bill"].values == 500_001).all()
    # Candidates that do not fit would have any payment.
    paid = drawn["paid"].values[~drawn["paid"].missing]
    assert np.mean((paid > 110_000) & (np.abs(paid - 500_001) > 20_000)) < 0.05


def test_a_given_bill_is_as_plausible_as_its_half_percent_of_the_values(fitted: ForestFitted) -> None:
    bill = Column.of(np.linspace(200_000, 900_000, 20).astype(np.int64))
    found = fitted.plausibility(Given.of(Table({"bill": bill})), Rng(6))
    assert np.mean(found) == pytest.approx(1 / 200, rel=0.15)


def test_scores_know_copies(fitted: ForestFitted) -> None:
    data = bills(9)
    scores = fitted.score(data.table, Rng(0))
    assert set(scores) == {"good", "bill", "paid"}
    tied = (data.table["paid"].values == data.table["bill"].values) & ~data.table["paid"].missing
    # Nobody pays more than a tenth of the largest bill unless he pays a whole one: then the bill is all but known.
    surely = tied & (data.table["paid"].values > 150_000)
    assert np.median(scores["bill"][surely]) > np.log(0.9)
    assert np.median(scores["bill"][~tied]) < np.log(0.1)
    # Few small payments are whole bills, so that a copy among them is a surprise.
    assert np.median(scores["bill"][tied & (data.table["paid"].values < 50_000)]) < -1


def test_the_state_comes_back_and_damage_is_refused(fitted: ForestFitted) -> None:
    state = fitted.state()
    again = ForestFitted.from_state(state)
    one, two = (m.sample(300, Rng(7)).table for m in (fitted, again))
    assert all((one[name].values == two[name].values).all() for name in one)
    (key,) = [k for k in state.arrays if k.endswith(".seen")]
    for bad in (state.arrays[key][::-1], state.arrays[key] + 10**6, state.arrays[key][:-1], state.arrays[key][:0]):
        with pytest.raises(InputError, match="damaged"):
            ForestFitted.from_state(State({**state.arrays, key: bad}, state.meta))
