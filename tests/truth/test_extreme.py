"""The largest, the smallest, the distance and the size of numbers: found, kept, and solved for what may give way."""

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
    "peak = the largest of up and down", "floor = the smallest of first and second", "gap = |left - right|",
    "size = |error|",
}  # fmt: skip


def extremes(n: int = 3_000) -> Dataset:
    g = np.random.default_rng(6)
    up, down = g.integers(40, 1500, n), g.integers(40, 1500, n)
    first, second, left, right, error = (g.normal(size=n).round(3) for _ in range(5))
    return dataset(
        {
            "up": up, "down": down, "peak": np.maximum(up, down), "first": first, "second": second,
            "floor": np.minimum(first, second), "left": left, "right": right, "gap": np.abs(left - right).round(3),
            "error": error, "size": np.abs(error), "free": g.normal(size=n),
        },
        dict.fromkeys(("first", "second", "floor", "left", "right", "gap", "error", "size"), 3),
    )  # fmt: skip


def test_each_is_found_and_nothing_else() -> None:
    data = extremes()
    found = find_rules(data.table, data.columns)
    assert {r.text for r in found if r.computes} == TEXTS
    assert all(r.violations == 0 for r in found)
    assert not [r for r in found if r.kind == "order"]  # they follow


@pytest.mark.parametrize("generator", [Copula(max_axes=3, refine_rounds=2), Forest(trees=4, rows_per_tree=2_000)])
def test_they_hold_in_drawn_rows_and_under_conditions(generator: Copula | Forest) -> None:
    fitted = generator.fit(extremes(), Rng(1))
    cases: list[dict[str, Allowed]] = [
        {}, {"peak": Allowed(low=700.0, high=900.0)}, {"floor": Allowed(low=0.0)}, {"gap": Allowed(low=2.0)},
        {"size": Allowed(low=1.0, high=1.5), "up": Allowed(high=100.0)},
    ]  # fmt: skip
    for case in cases:
        given = Given.everywhere({}, case, 300)
        drawn = fitted.sample(300, Rng(2), given=given).table
        assert given.holds(drawn).all()
        x = {name: drawn[name].values for name in drawn}
        assert (x["peak"] == np.maximum(x["up"], x["down"])).all()
        assert (x["floor"] == np.minimum(x["first"], x["second"])).all()
        assert np.abs(x["gap"] - np.abs(x["left"] - x["right"])).max() < 1e-9
        assert (x["size"] == np.abs(x["error"])).all()


def test_what_is_fixed_moves_what_is_free() -> None:
    data = extremes()
    ones = np.ones(100, bool)
    for rule in find_rules(data.table, data.columns):
        table = data.table.select(rule.columns).take(slice(0, 100))
        child = rule.columns[-1]
        asked = table.assign({child: table[child].take(np.random.default_rng(0).permutation(100))})
        new = asked.assign(rule.repair(asked, {child: ones}, np.random.default_rng(0)))
        assert rule.holds(new).all()
        assert new[child].equals(asked[child])
        one_free = {child: ones, rule.columns[0]: ones}
        kept = asked.assign(rule.repair(asked, one_free, np.random.default_rng(0)))
        assert kept[rule.columns[0]].equals(asked[rule.columns[0]])


@pytest.mark.parametrize("seed", range(5))
def test_chance_and_plain_copies_make_none(seed: int) -> None:
    g = np.random.default_rng(seed)
    a, b = g.integers(0, 9, 2_000), g.integers(0, 9, 2_000)
    noisy = np.maximum(a, b) + (g.random(2_000) < 0.1)
    data = dataset({"a": a, "b": b, "noisy": noisy, "copy": a, "low": np.minimum(a, 8 + b)})
    assert not [r for r in find_rules(data.table, data.columns) if r.kind == "extreme"]


def test_they_come_back_from_their_stored_form_and_damage_is_told() -> None:
    data = extremes()
    rules = find_rules(data.table, data.columns)
    again = rules_from_json(json.loads(json.dumps(rules_to_json(rules))), data.columns)
    assert [r.text for r in again] == [r.text for r in rules]
    entry = next(e for e in rules_to_json(rules) if e["kind"] == "extreme")
    for key, value in (("how", "best"), ("parents", []), ("steps", [1.0]), ("steps", [1.0, -1.0, 1.0])):
        with pytest.raises(InputError, match="rule"):
            rules_from_json([entry | {key: value}], data.columns)
    assert isinstance(data.table["up"], Column)


def test_they_can_be_declared() -> None:
    data = extremes(25)
    spec = {"kind": "extreme", "parents": ["up", "down"], "how": "largest", "child": "peak"}
    (rule,) = find_rules(data.table, data.columns, [spec])
    assert rule.declared
    assert rule.text == "peak = the largest of up and down"
    for change, said in (
        ({"how": "best"}, "must be one of"), ({"how": "size"}, "of one column, not 2"), ({"child": "x"}, "x"),
        ({"parents": ["up"]}, "of two columns, not 1"), ({"how": "smallest"}, "fails in"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            find_rules(data.table, data.columns, [spec | change])
