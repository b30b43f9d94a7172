"""Amounts that are products of several others, some of them sums: found, kept, and solved for what may give way."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.truth.test_rules import dataset

from seedstock.core.errors import InputError
from seedstock.core.given import Allowed, Given
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.stored import rules_from_json, rules_to_json
from seedstock.generators.copula import Copula
from seedstock.generators.forest import Forest

TEXTS = {
    "paid = pieces * price * (1 - discount)",
    "length = load / (sent + got)",
    "interest = 0.01 * principal * rate * years",
    "gross = net * (1 + 0.01 * tax)",
}


def amounts(n: int = 4_000) -> Dataset:
    g = np.random.default_rng(4)
    pieces, price, discount = g.integers(1, 12, n), g.gamma(3, 9, n).round(2), g.choice([0, 0.05, 0.1, 0.25], n)
    sent, got, load = g.integers(1, 60, n), g.integers(0, 60, n), g.integers(100, 90_000, n)
    principal, rate, years = g.gamma(2, 9_000, n).round(2), g.uniform(1, 9, n).round(2), g.integers(1, 11, n)
    net, tax = g.gamma(2, 400, n).round(2), g.choice([7.0, 19.0, 21.0], n)
    return dataset(
        {
            "pieces": pieces, "price": price, "discount": discount, "paid": (pieces * price * (1 - discount)).round(2),
            "sent": sent, "got": got, "load": load, "length": (load / (sent + got)).round(3),
            "principal": principal, "rate": rate, "years": years,
            "interest": (principal * rate * years / 100).round(2), "net": net, "tax": tax,
            "gross": (net * (1 + tax / 100)).round(2),
        },
        dict.fromkeys(("price", "discount", "paid", "principal", "rate", "interest", "net", "gross"), 2)
        | {"length": 3, "tax": 0},
    )  # fmt: skip


def test_each_is_found_and_nothing_else() -> None:
    data = amounts()
    found = [r for r in find_rules(data.table, data.columns) if r.computes]
    assert {r.text for r in found} == TEXTS
    assert all(r.violations == 0 for r in found)


@pytest.mark.parametrize("seed", range(6))
def test_unrelated_and_nearly_related_amounts_make_none(seed: int) -> None:
    g = np.random.default_rng(seed)
    data = amounts(1_500)
    n = len(data.table)
    noisy = {name: Column.of(data.table[name].values * g.normal(1, 0.02, n)) for name in ("paid", "length", "gross")}
    mixed = {"interest": data.table["interest"].take(g.permutation(n))}
    table = data.table.assign({k: Column.of(c.values.round(2)) for k, c in noisy.items()} | mixed)
    assert not [r for r in find_rules(table, data.columns) if r.computes]


@pytest.mark.parametrize("generator", [Copula(max_axes=3, refine_rounds=2), Forest(trees=4, rows_per_tree=2_000)])
def test_they_hold_in_drawn_rows_and_under_conditions(generator: Copula | Forest) -> None:
    fitted = generator.fit(amounts(), Rng(1))
    cases: list[dict[str, Allowed]] = [
        {}, {"paid": Allowed(low=100.0, high=120.0)}, {"discount": Allowed(Column.of(np.array([0.25])))},
        {"length": Allowed(high=50.0), "gross": Allowed(low=500.0)},
    ]  # fmt: skip
    for case in cases:
        given = Given.everywhere({}, case, 300)
        drawn = fitted.sample(300, Rng(2), given=given).table
        assert given.holds(drawn).all()
        x = {name: drawn[name].values for name in drawn}
        assert np.abs(x["paid"] - x["pieces"] * x["price"] * (1 - x["discount"])).max() < 0.00501
        assert np.abs(x["length"] - x["load"] / (x["sent"] + x["got"])).max() < 0.000501
        assert np.abs(x["gross"] - x["net"] * (1 + x["tax"] / 100)).max() < 0.00501
        assert np.abs(x["interest"] - x["principal"] * x["rate"] * x["years"] / 100).max() < 0.00501


def test_a_fixed_amount_is_solved_for_one_that_may_move() -> None:
    data = amounts()
    (rule,) = [r for r in find_rules(data.table, data.columns) if r.columns[-1] == "paid"]
    table = data.table.select(rule.columns).take(slice(0, 200))
    asked = table.assign({"paid": Column.of(np.full(200, 64.4))})
    new = rule.repair(asked, {"paid": np.ones(200, bool)}, np.random.default_rng(0))
    mended = asked.assign(new)
    assert rule.holds(mended).mean() > 0.3  # not each can be reached in whole cents
    assert (mended["paid"].values == 64.4).all()
    kept = rule.repair(asked, {name: np.ones(200, bool) for name in rule.columns}, np.random.default_rng(0))
    assert all(kept[name].equals(asked[name]) for name in kept)


def test_they_come_back_from_their_stored_form_and_damage_is_told() -> None:
    data = amounts()
    rules = find_rules(data.table, data.columns)
    again = rules_from_json(json.loads(json.dumps(rules_to_json(rules))), data.columns)
    assert [r.text for r in again] == [r.text for r in rules]
    entry = next(e for e in rules_to_json(rules) if e["kind"] == "compound")
    factors = entry["factors"]
    for key, value in (
        ("factors", []), ("factors", [*factors, factors[0]]), ("factors", [[["price"], [0.0], 0.0, 1]]),
        ("factors", [[["price"], [1.0], 0.0, 2], *factors[1:]]), ("scale", 0), ("scale", float("nan")), ("steps", [1]),
    ):  # fmt: skip
        with pytest.raises(InputError, match="rule"):
            rules_from_json([entry | {key: value}], data.columns)


def test_they_can_be_declared() -> None:
    data = amounts(25)
    share = {"columns": ["discount"], "weights": [-1], "constant": 1}
    spec = {"kind": "compound", "child": "paid", "factors": [{"columns": ["pieces"]}, {"columns": ["price"]}, share]}
    (rule,) = find_rules(data.table, data.columns, [spec])
    assert rule.declared
    assert rule.text == "paid = pieces * price * (1 - discount)"
    for factors, said in (
        ("price", "list of tables"), ([{"weights": [1]}], "list of tables"), ([{**share, "rate": 2}], "not 'rate'"),
        ([{**share, "power": 2}], "power of 1 or -1"), ([{**share, "weights": [1, 2]}], "weight other than 0"),
        ([{**share, "constant": "one"}], "must be numbers"), ([{"columns": ["nowhere"]}], "nowhere"),
        ([{"columns": ["pieces"]}], "fails in"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            find_rules(data.table, data.columns, [{**spec, "factors": factors}])


def test_a_fixed_rate_is_solved_for_what_it_is_divided_by() -> None:
    data = amounts()
    (rule,) = [r for r in find_rules(data.table, data.columns) if r.columns[-1] == "length"]
    table = data.table.select(rule.columns).take(slice(0, 200))
    asked = table.assign({"sent": Column.of(table["sent"].values + 7)})
    fixed = {name: np.ones(200, bool) for name in ("load", "got", "length")}
    mended = asked.assign(rule.repair(asked, fixed, np.random.default_rng(0)))
    assert (mended["sent"].values == table["sent"].values).mean() > 0.9
