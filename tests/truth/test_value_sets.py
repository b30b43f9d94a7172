"""Values that come in sets of another column's own: found beyond chance, kept in drawn rows, and drawn as they are."""

from __future__ import annotations

import numpy as np
import pytest
from tests.truth.test_rules import dataset, values

from seedstock.core.rng import Rng
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.pairs import Pairs
from seedstock.generators.forest import Forest


def incomes(n: int = 6_000, seed: int = 0) -> dict[str, np.ndarray]:
    """Twelve brackets of income in the money of each of twenty years: a value tells the year, but for a few."""
    g = np.random.default_rng(seed)
    year, school = g.integers(1980, 2000, n), g.integers(6, 18, n)
    bracket = np.clip(np.round(school / 2 - 2 + g.normal(0, 2, n)), 0, 11).astype(int)
    deflator = 1 + 0.0371 * (year - 1980)
    income = np.where(bracket == 0, 500, np.round(4_000 * (bracket + 1) / deflator))
    return {"year": year, "school": school, "income": income.astype(int), "kids": g.poisson(1.5, n)}


def test_incomes_of_their_year_are_found_and_drawn() -> None:
    real = incomes()
    data = dataset(real)
    rules = [rule for rule in find_rules(data.table, data.columns) if isinstance(rule, Pairs)]
    assert [rule.columns for rule in rules] == [("year", "income")]
    seen = set(zip(real["year"].tolist(), real["income"].tolist(), strict=True))
    assert int(rules[0].allowed.sum()) == len(seen)
    t = Forest(trees=8, threads=1).fit(data, Rng(0)).sample(6_000, Rng(1)).table
    v = {name: values(t, name) for name in t}
    assert set(zip(v["year"].tolist(), v["income"].tolist(), strict=True)) <= seen
    # Which bracket a row is in still hangs on the years at school.
    told = [np.corrcoef(x["income"] * (1 + 0.0371 * (x["year"] - 1980)), x["school"])[0, 1] for x in (real, v)]
    assert told[0] > 0.6
    assert abs(told[1] - told[0]) < 0.03


@pytest.mark.parametrize("seed", range(8))
def test_columns_that_only_hang_on_each_other_have_no_sets(seed: int) -> None:
    """Ages and years of birth, a sum of dice, shops of a town, and counts that are independent."""
    g, n = np.random.default_rng(seed), 6_000
    age, year = g.integers(20, 70, n), g.integers(2010, 2016, n)
    town = g.integers(25, size=n)
    data = dataset({
        "age": age, "year": year, "born": year - age - g.integers(2, size=n),
        "work": np.maximum(age - 20 - g.poisson(6, n), 0),
        "town": np.array([f"t{v}" for v in town]), "shop": (town * 3 + g.integers(9, size=n)) % 75,
        "count": g.poisson(30, n), "other": g.poisson(30, n),
    })  # fmt: skip
    assert [rule.text for rule in find_rules(data.table, data.columns) if isinstance(rule, Pairs)] == []


def test_what_a_look_up_tells_is_not_told_again() -> None:
    """Two places decide a distance: that distances come in sets of a place's own follows."""
    g, n = np.random.default_rng(0), 8_000
    start, end = g.integers(12, size=n), g.integers(30, size=n)
    distance = g.permutation(2_000)[: 12 * 30].reshape(12, 30)[start, end]
    places = {"start": np.array([f"s{v}" for v in start]), "end": np.array([f"e{v}" for v in end])}
    data = dataset({**places, "distance": distance, "load": g.poisson(9, n)})
    rules = find_rules(data.table, data.columns)
    assert {rule.text for rule in rules if rule.computes} >= {"distance decides start", "distance decides end"}
    assert not [rule.text for rule in rules if isinstance(rule, Pairs)]
    # Some distances are shared by several pairs of places: then only both places decide them.
    shared = (distance // 4 * 4).astype(int)
    data = dataset({**places, "distance": shared, "load": g.poisson(9, n)})
    rules = find_rules(data.table, data.columns)
    assert "start and end decide distance" in {rule.text for rule in rules}
    assert not [rule.text for rule in rules if isinstance(rule, Pairs)]
