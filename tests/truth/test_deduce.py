"""Lost cells that rules leave one value are that value; where rounding leaves several, they are not guessed."""

from __future__ import annotations

import numpy as np
from tests.truth.test_grouped import derived
from tests.truth.test_rules import dataset

from seedstock.clock import Clock, Silent
from seedstock.core.table import Column, Dataset
from seedstock.encoding.rules.deduce import deduced
from seedstock.encoding.rules.find import find_rules
from seedstock.generators.copula import Copula
from seedstock.imputation import impute


def sales(n: int = 2_000) -> Dataset:
    g = np.random.default_rng(8)
    pieces, price, ship = g.integers(1, 12, n), g.gamma(3, 900, n).round(2), g.gamma(2, 40, n).round(2)
    amount = (pieces * price).round(2)
    sent, got = g.integers(1, 90, n), g.integers(0, 90, n)
    return dataset(
        {
            "pieces": pieces, "price": price, "amount": amount, "ship": ship, "total": (amount + ship).round(2),
            "sent": sent, "got": got, "ratio": (got / sent).round(1),
        },
        {"price": 2, "amount": 2, "ship": 2, "total": 2, "ratio": 1},
    )  # fmt: skip


def torn(data: Dataset, share: float, seed: int = 0) -> Dataset:
    """Lose some cells of all columns but the first."""
    g = np.random.default_rng(seed)
    columns = {
        name: Column(c.values, g.random(len(c)) < share, c.levels) for name, c in list(data.table.columns.items())[1:]
    }
    return data.with_table(data.table.assign(columns))


def test_what_follows_is_what_was_lost() -> None:
    for data in (sales(), derived()):
        lost = torn(data, 0.1)
        rules = find_rules(data.table, data.columns)
        gaps = {name: c.missing for name, c in lost.table.columns.items()}
        filled, told = deduced(lost.table, rules, gaps)
        assert sum(map(len, told.values())) > 300
        for name, rows in told.items():
            at = np.array(list(rows))
            assert lost.table[name].missing[at].all()
            if filled[name].is_text:
                assert (filled[name].take(at).texts() == data.table[name].take(at).texts()).all()
            else:
                a, b = (x[name].values[at].astype(float) for x in (filled, data.table))
                np.testing.assert_allclose(a, b, rtol=1e-9)
        for name, c in lost.table.columns.items():
            assert filled[name].take(~c.missing).equals(c.take(~c.missing)) or filled[name].is_text


def test_what_rounding_leaves_open_is_not_told() -> None:
    data = sales()
    rules = find_rules(data.table, data.columns)
    gone = np.random.default_rng(1).random(len(data.table)) < 0.5
    table = data.table.assign({"got": Column(data.table["got"].values, gone)})
    _, told = deduced(table, rules, {"got": gone})
    known = np.array(list(told["got"]))
    open_ = np.setdiff1d(np.flatnonzero(gone), known)
    # A ratio with one decimal tells how many were got only where few were sent.
    assert data.table["sent"].values[known].max() < 20
    assert data.table["sent"].values[open_].min() >= 10
    assert len(known) > 50


def test_cells_that_may_not_be_filled_stay() -> None:
    data = torn(sales(), 0.2)
    rules = find_rules(data.table, data.columns)
    filled, told = deduced(data.table, rules, {"total": data.table["total"].missing})
    assert set(told) <= {"total"}
    assert filled["amount"].equals(data.table["amount"])


def test_imputation_says_what_followed_and_keeps_the_rules() -> None:
    data = torn(sales(), 0.05)
    done = impute(data, Copula(max_axes=3, refine_rounds=2), 1, 0, Clock(Silent()))
    whole = done.draws[0].table
    assert not any(c.missing.any() for c in whole.columns.values())
    x = {name: whole[name].values for name in whole}
    assert np.abs(x["total"] - x["amount"] - x["ship"]).max() < 1e-6
    assert np.abs(x["amount"] - x["pieces"] * x["price"]).max() < 0.0051
    whys = {e.why for e in done.edits[0]}
    assert "follows from total = amount + ship" in whys
    assert "drawn given the row's present cells" in whys
