"""Columns that somebody computed are found where most cells are missing, each group of columns in rows of its own."""

from __future__ import annotations

import numpy as np
import pytest
from tests.truth.test_rules import dataset

from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.rules.find import find_rules
from seedstock.generators.copula import Copula

TEXTS = {
    "gross = net + tax",
    "fahrenheit = 1.8 * celsius + 32",
    "area = side^2",
    "paid = pieces * price",
    "log_size = log(size)",
}


def gappy(share: float, n: int = 3_000) -> Dataset:
    """Columns whose groups have gaps in rows of their own; `share` of the rows have one."""
    g = np.random.default_rng(7)
    net, tax = g.gamma(2, 50, n).round(2), g.gamma(2, 20, n).round(2)
    celsius, side, size = g.normal(50, 9, n).round(1), g.normal(5, 1, n), g.lognormal(0, 1, n)
    pieces, price = g.integers(1, 20, n).astype(float), g.gamma(3, 3, n).round(2)
    groups = [
        {"net": net, "tax": tax, "gross": (net + tax).round(2)},
        {"celsius": celsius, "fahrenheit": (celsius * 1.8 + 32).round(1)},
        {"side": side, "area": side**2},
        {"pieces": pieces, "price": price, "paid": (pieces * price).round(2)},
        {"size": size, "log_size": np.log(size)},
    ]
    data = dataset(
        {name: x for group in groups for name, x in group.items()},
        {"pieces": 0, "net": 2, "tax": 2, "gross": 2, "celsius": 1, "fahrenheit": 1, "price": 2, "paid": 2},
    )
    columns = dict(data.table.columns)
    for group in groups:
        gone = g.random(n) < share
        # One column of a sum or product is always there: only what is computed from the others has gaps with them.
        for name in [name for name in group if name not in ("net", "price")]:
            columns[name] = Column(columns[name].values, gone)
    return data.with_table(data.table.assign(columns))


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_formulas_of_columns_with_gaps_are_found_and_no_other(share: float) -> None:
    data = gappy(share)
    found = find_rules(data.table, data.columns)
    assert {r.text for r in found if r.computes} == TEXTS
    assert all(r.violations == 0 for r in found)


def test_they_hold_in_drawn_rows() -> None:
    fitted = Copula(max_axes=3, refine_rounds=2).fit(gappy(0.6), Rng(0))
    drawn = fitted.sample(2_000, Rng(1)).table
    computing = [rule for rule in fitted.plan.rules if rule.computes]
    assert len(computing) == len(TEXTS)
    assert all(rule.holds(drawn).all() for rule in fitted.plan.rules)
    assert all((~drawn[rule.columns[-1]].missing).mean() > 0.3 for rule in computing)


@pytest.mark.parametrize("names", [("fine", "whole", "sum"), ("sum", "fine", "whole"), ("fine", "sum", "whole")])
def test_a_sum_off_any_grid_is_not_computed_the_other_way_round(names: tuple[str, ...]) -> None:
    g = np.random.default_rng(1)
    whole, fine = g.integers(0, 10**9, 600), g.lognormal(0, 3, 600)
    cells = {"whole": whole, "fine": fine, "sum": whole + fine}
    data = dataset({name: cells[name] for name in names}, {"sum": 10})
    fitted = Copula(max_axes=3, refine_rounds=2).fit(data, Rng(0))
    (rule,) = [r for r in fitted.plan.rules if r.computes]
    assert rule.columns[-1] != "whole"
    for name in ("whole", "fine", "sum"):
        given = Table({name: Column.of(np.full(5, cells[name][17]))})
        drawn = fitted.sample(5, Rng(1), given=given).table
        assert rule.holds(drawn).all()
        assert (drawn[name].values == cells[name][17]).all()
