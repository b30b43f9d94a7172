"""Durations of seconds on top of seconds since 1970: small amounts beside large ones are told, and kept exactly."""

from __future__ import annotations

import numpy as np
import pytest
from tests.truth.test_rules import dataset

from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset
from seedstock.encoding.rules.find import find_rules
from seedstock.generators.copula import Copula
from seedstock.generators.forest import Forest

HOUR, YEAR = 3_600.0, 3e7


def flows(span: float, names: tuple[str, ...], n: int = 2_000) -> Dataset:
    """Flows of a capture: when they began and ended, in seconds with six decimals, and how long they took."""
    g = np.random.default_rng(3)
    first = (1.6e9 + np.sort(g.random(n)) * span).round(6)
    took = g.lognormal(-2, 2, n).round(6)
    cells = {"first": first, "took": took, "last": (first + took).round(6), "bytes": g.integers(40, 1500, n)}
    return dataset({name: cells[name] for name in names}, {"first": 6, "took": 6, "last": 6})


@pytest.mark.parametrize("span", [HOUR, 24 * HOUR, YEAR])
@pytest.mark.parametrize("names", [("first", "took", "last", "bytes"), ("bytes", "first", "last", "took")])
def test_a_duration_is_told_from_its_ends(span: float, names: tuple[str, ...]) -> None:
    data = flows(span, names)
    (rule,) = [r for r in find_rules(data.table, data.columns) if r.computes]
    assert set(rule.columns) == {"first", "took", "last"}
    assert rule.violations == 0
    off = {"last": data.table["last"].values + 2e-6, "took": data.table["took"].values + 2e-6}
    for name, values in off.items():
        moved = data.table.assign({name: Column.of(values)})
        assert not rule.holds(moved).any()


@pytest.mark.parametrize("generator", [Copula(max_axes=3, refine_rounds=2), Forest(trees=4, rows_per_tree=2_000)])
@pytest.mark.parametrize("span", [24 * HOUR, YEAR])
def test_drawn_flows_end_when_they_have_taken_their_time(generator: Copula | Forest, span: float) -> None:
    data = flows(span, ("first", "took", "last", "bytes"))
    drawn = generator.fit(data, Rng(1)).sample(1_000, Rng(2)).table
    error = drawn["last"].values - drawn["first"].values - drawn["took"].values
    assert np.abs(error).max() < 1e-6
    assert np.median(drawn["took"].values) == pytest.approx(np.median(data.table["took"].values), rel=0.2)


def test_a_constant_on_top_of_seconds_is_kept() -> None:
    g = np.random.default_rng(0)
    first = (1.6e9 + g.random(500) * YEAR).round(6)
    data = dataset({"first": first, "last": (first + 0.25).round(6)}, {"first": 6, "last": 6})
    (rule,) = [r for r in find_rules(data.table, data.columns) if r.computes]
    drawn = Copula(max_axes=2).fit(data, Rng(1)).sample(200, Rng(2)).table
    assert rule.violations == 0
    assert np.abs(drawn["last"].values - drawn["first"].values - 0.25).max() < 1e-6
