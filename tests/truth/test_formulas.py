"""Columns that somebody computed: powers, rates, logarithms, and sums in single precision are found and kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from tests.truth.test_rules import dataset, values

from seedstock.core.given import Allowed, Given
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.keep import mend
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.stored import rules_from_json, rules_to_json
from seedstock.generators.forest import Forest
from seedstock.generators.independent import Independent


def single(x: np.ndarray) -> np.ndarray:
    """Keep numbers in single precision, as a program that writes all their digits does."""
    return np.asarray(x, np.float32).astype(float)


def seven(x: np.ndarray) -> np.ndarray:
    """Write numbers with seven significant digits."""
    return np.array([float(f"{v:.6e}") for v in x])


def computed(n: int = 4_000) -> Dataset:
    g = np.random.default_rng(0)
    income, people = single(g.gamma(2, 20, n)), g.integers(800, 300_000, n)
    weight, height = g.normal(75, 14, n).round(1), g.normal(171, 10, n).round()
    crimes, side = g.poisson(people / 4_000), g.uniform(1, 9, n).round(2)
    wage, rest = single(g.gamma(2, 10, n)), single(g.gamma(2, 9, n))
    power, acid = g.lognormal(0, 2, n), g.lognormal(-16, 2, n)
    total = single(wage + rest)
    total[::100] = single(np.full(n, 55.0))[::100]
    bmi = (1e4 * weight / height**2).round(1)
    bmi[5::100] += 9
    return dataset(
        {
            "income": income, "income_2": single(income**2), "people": people, "log_people": seven(np.log(people)),
            "weight": weight, "height": height, "bmi": bmi, "crimes": crimes,
            "rate": seven(1e5 * crimes / people), "side": side, "volume": (side**3).round(3), "visits": crimes * 3 + 7,
            "log_visits": np.log1p(crimes * 3 + 7), "wage": wage, "rest": rest, "total": total,
            "power": power, "decibel": (10 * np.log10(power)).round(2), "acid": acid, "ph": (-np.log10(acid)).round(3),
        },
        {"weight": 1, "height": 0, "bmi": 1, "side": 2, "volume": 3, "decibel": 2, "ph": 3},
    )  # fmt: skip


FORMULAS = {
    "income_2 = income^2",
    "log_people = log(people)",
    "bmi = 10000 * weight / height^2",
    "rate = 100000 * crimes / people",
    "volume = side^3",
    "visits = 3 * crimes + 7",
    "log_visits = log(1 + visits)",
    "total = wage + rest",
    "decibel = 10 * log10(power)",
    "ph = -log10(acid)",
}


@pytest.fixture(scope="module")
def rules() -> tuple[Rule, ...]:
    data = computed()
    return find_rules(data.table, data.columns)


def test_every_formula_is_found_and_no_other(rules: tuple[Rule, ...]) -> None:
    assert {rule.text for rule in rules} == FORMULAS


def test_of_unrelated_columns_the_formulas_hold_once_mended_and_with_cells_fixed(rules: tuple[Rule, ...]) -> None:
    data = computed()
    model = Independent().fit(data, Rng(0))
    torn = replace(model, plan=replace(model.plan, rules=rules))
    t = torn.sample(5_000, Rng(1)).table
    v = {name: values(t, name) for name in t}
    np.testing.assert_allclose(v["income_2"], v["income"] ** 2, rtol=3e-6)
    np.testing.assert_allclose(v["log_people"], np.log(v["people"]), rtol=2e-6)
    assert np.mean(np.abs(v["bmi"] - 1e4 * v["weight"] / v["height"] ** 2) > 0.0501) <= 0.01
    np.testing.assert_allclose(v["rate"], 1e5 * v["crimes"] / v["people"], rtol=3e-6)
    assert (v["rate"] == seven(v["rate"])).all()
    np.testing.assert_allclose(v["log_visits"], np.log(3 * v["crimes"] + 8), rtol=1e-9)
    np.testing.assert_allclose(v["ph"], -np.log10(v["acid"]), rtol=0, atol=0.000501)
    off = np.abs(v["wage"] + v["rest"] - v["total"]) > 1e-4
    assert 0 < off.mean() <= (np.abs(values(data.table, "total") - 55) < 1e-4).mean()
    for name, cell in {
        "income_2": 400.0,
        "log_people": float(seven(np.log([8_103]))[0]),
        "bmi": 24.2,
        "decibel": 3.01,
        "ph": 7.25,
    }.items():
        asked = Table({name: Column.of(np.full(40, cell))})
        t = torn.sample(40, Rng(2), given=asked).table
        assert t[name].equals(asked[name])
        assert all(rule.holds(t).all() for rule in rules if not rule.violations), name


def test_they_come_back_from_their_stored_form(rules: tuple[Rule, ...]) -> None:
    data = computed()
    again = rules_from_json(rules_to_json(rules), data.columns)
    g = np.random.default_rng(0)
    torn = Table({name: data.table[name].take(g.permutation(len(data.table))) for name in data.table})
    for old, new in zip(rules, again, strict=True):
        assert new.to_json() == old.to_json()
        np.testing.assert_array_equal(new.holds(torn), old.holds(torn))
        assert not new.holds(torn).all()


@pytest.mark.parametrize("seed", range(10))
def test_smooth_or_noisy_relations_are_no_formulas(seed: int) -> None:
    """Powers and logarithms with a thousandth of noise, unrelated amounts on coarse and on fine grids, years."""
    g, n = np.random.default_rng(seed), 2_000
    a, b = g.lognormal(3, 1, n), g.gamma(2, 5, n)
    noise = 1 + 0.001 * g.normal(size=n)
    columns = {
        "a": a, "b": single(b), "square": a**2 * noise, "log": np.log(a) + 0.001 * g.normal(size=n),
        "rate": seven(a / b * (1 + 0.001 * g.normal(size=n))), "coarse": (a / b).round() + g.integers(2, size=n),
        "year": g.integers(1990, 2024, n), "built": g.integers(1950, 1990, n),
        "model": g.integers(1, 6, n), "share": g.random(n).round(2),
        "score": g.integers(1, 6, n), "sum": single(a + b) * noise,
    }  # fmt: skip
    data = dataset(columns, {"coarse": 0, "share": 2})
    assert [rule.text for rule in find_rules(data.table, data.columns) if rule.computes] == []


def test_a_factor_that_rounding_hides_is_none() -> None:
    """A coarse number is a multiple of another but for 1 % of the rows; a third, nearly 1, adds nothing to it."""
    g, n = np.random.default_rng(0), 4_000
    a, near = g.integers(20, 90, n), g.uniform(0.9999, 1.0001, n).round(6)
    child = np.where(g.random(n) < 0.01, a + 7, (1.2 * a).round()).astype(int)
    data = dataset({"a": a, "near": near, "child": child}, {"near": 6})
    assert [rule.text for rule in find_rules(data.table, data.columns) if rule.kind == "product"] == []


def test_a_formula_says_nothing_where_it_has_no_value() -> None:
    """The logarithm of nothing is missing, a rate of nobody too; so they stay."""
    g, n = np.random.default_rng(0), 3_000
    counts, people = g.poisson(9, n), g.integers(0, 40, n) * 25
    with np.errstate(divide="ignore", invalid="ignore"):
        log, rate = np.log(counts.astype(float)), (100 * counts / people).round(2)
    bad = [~np.isfinite(x) for x in (log, rate)]
    table = Table({
        "counts": Column.of(counts), "people": Column.of(people),
        "log": Column(np.where(bad[0], 0, log), bad[0]), "rate": Column(np.where(bad[1], 0, rate), bad[1]),
    })  # fmt: skip
    number = {"counts": 0, "people": 0, "log": None, "rate": 2}
    schema = TableSchema(
        {k: ColumnSchema("number", dtype=str(table[k].values.dtype), decimals=d) for k, d in number.items()}
    )
    rules = find_rules(table, schema)
    assert {"log = log(counts)", "rate = 100 * counts / people"} <= {rule.text for rule in rules}
    assert all(rule.holds(table).all() for rule in rules)


def test_columns_after_a_calculated_one_depend_on_what_is_handed_out() -> None:
    """A fee hangs on the amount, which is price times count; the decade of a year comes first, for it is coarse."""
    g, n = np.random.default_rng(0), 4_000
    price, count = g.gamma(3, 20, n).round(2), g.integers(1, 200, n)
    amount, year = (price * count).round(2), g.integers(1500, 2000, n)
    fee = (0.02 * amount + g.normal(0, 5, n)).round(4)
    data = dataset(
        {"count": count, "amount": amount, "price": price, "fee": fee, "year": year, "decade": (year / 10).round()},
        {"price": 2, "amount": 2, "fee": 4, "decade": 0},
    )
    model = Forest(trees=6, threads=1).fit(data, Rng(0))
    rules = {rule["text"] for rule in model.rules_json()}
    assert {"amount = count * price", "decade = 0.1 * year"} <= rules
    order = list(model.order)
    assert max(order.index("price"), order.index("count")) < order.index("amount") < order.index("fee")
    assert order.index("decade") < order.index("year")
    t = model.sample(6_000, Rng(1)).table
    v = {name: values(t, name) for name in t}
    np.testing.assert_array_equal(v["amount"], (v["price"] * v["count"]).round(2))
    assert np.abs(v["decade"] - v["year"] / 10).max() <= 0.5 + 1e-9
    assert np.std(v["fee"] - 0.02 * v["amount"]) < 2 * np.std(fee - 0.02 * amount)
    part = model.sample(300, Rng(2), given=Table({"amount": Column.of(np.full(300, 1200.0))})).table
    assert (values(part, "amount") == 1200).all()
    np.testing.assert_allclose(values(part, "price") * values(part, "count"), 1200, rtol=0, atol=0.0051)


_WAYS = st.sampled_from(["square", "ratio", "log", "single", "none"])
_SIZES = st.sampled_from([1e-310, 1e-12, 1.0, 1e9, 1e150, 1e300])


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000), a=_SIZES, b=_SIZES, how=st.sampled_from(["square", "ratio", "log", "single", "none"])
)
def test_numbers_of_any_size_are_looked_at(seed: int, a: float, b: float, how: str) -> None:
    """Nothing overflows aloud, and what is found holds once rows are mended."""
    g = np.random.default_rng(seed)
    x, y = a * g.lognormal(0, 1, 120), b * g.normal(size=120).round(3)
    with np.errstate(all="ignore"):
        z = {"square": x * x, "ratio": y / x, "log": np.log(x), "single": single(x), "none": g.random(120)}[how]
    z = np.where(np.isfinite(z), z, 0.0)
    data = dataset({"x": x, "y": y, "z": z, "n": g.integers(5, size=120)})
    rules = find_rules(data.table, data.columns)
    torn = Table({name: data.table[name].take(g.permutation(120)) for name in data.table})
    done = mend(torn, rules, {}, g)
    assert all((rule.holds(done.table) | done.broken).all() for rule in rules if not rule.violations)
    again = rules_from_json(rules_to_json(rules), data.columns)
    assert [rule.text for rule in again] == [rule.text for rule in rules]


def test_ranges_of_a_calculated_column_are_met_by_what_it_comes_from() -> None:
    """Amounts between 1000 and 1500: prices and counts as in a hundred times as many rows, and none is bent to fit."""

    def shop(n: int, seed: int) -> dict[str, np.ndarray]:
        g = np.random.default_rng(seed)
        price, count = g.gamma(3, 20, n).round(2), g.integers(1, 200, n)
        amount = (price * count).round(2)
        return {"price": price, "count": count, "amount": amount, "log": np.log(amount).round(6)}

    data, big = dataset(shop(5_000, 0), {"price": 2, "amount": 2, "log": 6}), shop(500_000, 1)
    model = Forest(trees=8, threads=1, filter_rounds=0).fit(data, Rng(0))
    assert {"amount = price * count", "log = log(amount)"} <= {rule["text"] for rule in model.rules_json()}
    inside = (big["amount"] >= 1_000) & (big["amount"] <= 1_500)
    for name, low, high in (("amount", 1_000.0, 1_500.0), ("log", np.log(1_000), np.log(1_500))):
        asked = Given.everywhere({}, {name: Allowed(low=low, high=high)}, 800)
        t = model.sample(800, Rng(2), given=asked).table
        v = {column: values(t, column) for column in t}
        assert v[name].min() >= low
        assert v[name].max() <= high
        np.testing.assert_array_equal(v["amount"], (v["price"] * v["count"]).round(2))
        np.testing.assert_allclose(v["log"], np.log(v["amount"]), rtol=0, atol=6e-7)
        for column in ("price", "count"):
            assert ks_2samp(v[column], big[column][inside]).statistic < 0.09, column
        assert abs(model.plausibility(asked.take(slice(0, 1)), Rng(3))[0] / inside.mean() - 1) < 0.2


@pytest.mark.parametrize(("divisor", "text"), [(365.25, "part / 365.2"), (7, "part / 7 "), (0.25, "4 * part")])
def test_what_is_divided_by_is_told(divisor: float, text: str) -> None:
    g = np.random.default_rng(0)
    part = g.integers(5_000, 30_000, 4_000)
    data = dataset({"part": part, "whole": np.floor(part / divisor).astype(int)})
    (rule,) = [r for r in find_rules(data.table, data.columns) if r.computes]
    assert text in rule.text
    new = np.arange(5_001, 29_999, 3)
    made = Table({"part": Column.of(new), "whole": Column.of(np.floor(new / divisor).astype(int))})
    assert rule.holds(made).mean() > 0.999
