"""Linked tables against planted answers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedstock.core.links import NULL, ORPHAN, family, parent_rows
from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.core.table import Dataset
from seedstock.generators._linked_slots import grown, matched, spread_of
from seedstock.generators._linked_view import levels
from seedstock.generators.linked import Linked
from seedstock.metrics.linked_keys import LinkedKeys
from seedstock.metrics.linked_tables import LinkedTables
from seedstock.sources.linked import read_linked

from ..contract.shops import shop


@cache
def _drawn() -> tuple[Dataset, Dataset]:
    data = shop(600)
    return data, Linked(trees=8).fit(data, Rng(1)).sample(600, Rng(2))


def _counts(data: Dataset, child: str, column: str) -> np.ndarray:
    link = next(x for x in data.schema.links if (x.child, x.column) == (child, column))
    rows = parent_rows(data, link)
    return np.bincount(rows[rows >= 0], minlength=len(data.tables[link.parent]))


def test_numbers_of_children_follow_the_parents() -> None:
    _, drawn = _drawn()
    south = drawn.tables["customers"]["region"].texts() == "south"
    counts = _counts(drawn, "orders", "customer_id")
    assert (counts[south] <= 1).mean() > 0.95
    assert abs((counts[south] == 0).mean() - 0.5) < 0.15
    assert (counts[~south] >= 1).mean() > 0.97
    assert counts.max() == 5
    assert abs(counts[~south].mean() - 3.0) < 0.2


def test_children_follow_their_parents() -> None:
    _, drawn = _drawn()
    link = drawn.schema.links[0]
    rows = parent_rows(drawn, link)
    south = (drawn.tables["customers"]["region"].texts() == "south")[rows]
    amount = drawn.tables["orders"]["amount"].values
    assert (amount[south] < 20).mean() > 0.9
    assert (amount[~south] > 90).mean() > 0.97
    gap = drawn.tables["orders"]["placed"].values - drawn.tables["customers"]["joined"].values[rows]
    assert (gap >= np.timedelta64(0)).all()


def test_items_repeat_their_products_price() -> None:
    _, drawn = _drawn()
    rows = parent_rows(drawn, drawn.schema.links[2])
    assert (drawn.tables["items"]["price"].values == drawn.tables["products"]["price"].values[rows]).all()


def test_products_hang_as_deep_as_real_ones() -> None:
    data, drawn = _drawn()
    for d in (data, drawn):
        depth = levels(parent_rows(d, d.schema.links[3]))
        assert depth is not None
        assert depth.max() == 1
    assert abs((parent_rows(drawn, drawn.schema.links[3]) == NULL).sum() - 5) <= 6


def test_children_follow_their_parents_to_one_side() -> None:
    data = shop(200)
    train, held = split(data, 0.2, Rng(3))
    assert {family(data).lead} == {"customers"}
    for side in (train, held):
        for link in data.schema.links:
            assert not (parent_rows(side, link) == ORPHAN).any()
    ids = [set(s.tables["customers"]["id"].values.tolist()) for s in (train, held)]
    assert not ids[0] & ids[1]
    assert len(ids[0] | ids[1]) == 200
    assert abs(len(ids[1]) - 40) <= 1
    assert len(train.tables["orders"]) + len(held.tables["orders"]) == len(data.tables["orders"])


def test_measures_know_good_from_bad() -> None:
    data, drawn = _drawn()
    train, held = split(data, 0.4, Rng(1))
    good = {s.name: s for m in (LinkedKeys(), LinkedTables()) for s in m(Evidence(train, held, data), Rng(1))}
    made = {s.name: s for m in (LinkedKeys(), LinkedTables()) for s in m(Evidence(train, held, drawn), Rng(1))}
    assert made["referential_integrity"].value == 1.0
    assert made["children_per_parent"].value > 0.93
    assert made["parent_child_trend_error"].value < good["parent_child_trend_error"].value + 3
    # Children dealt to parents at random: keys hold, and all else is lost.
    g = np.random.default_rng(1)
    orders = data.tables["orders"]
    shuffled = orders.assign({"customer_id": orders["customer_id"].take(g.permutation(len(orders)))})
    moved = Dataset({**data.tables, "orders": shuffled}, data.schema)
    lost = {s.name: s for m in (LinkedKeys(), LinkedTables()) for s in m(Evidence(train, held, moved), Rng(1))}
    assert lost["referential_integrity"].value == 1.0
    assert lost["parent_child_trend_error"].value > good["parent_child_trend_error"].value + 5
    broken = Dataset({**data.tables, "customers": data.tables["customers"].take(slice(0, 300))}, data.schema)
    found = {s.name: s for s in LinkedKeys()(Evidence(train, held, broken), Rng(1))}
    assert found["referential_integrity"].value < 0.95
    assert found["referential_integrity"].ok is False


def test_the_urn_has_the_moments_of_a_negative_binomial() -> None:
    g = np.random.default_rng(0)
    counts = g.negative_binomial(0.7, 0.1, 20_000)
    assert abs(spread_of(counts) - 0.7) < 0.05
    thinned = g.binomial(counts, 0.8)
    back = grown(thinned, int(counts.sum()), spread_of(thinned), g)
    assert back.sum() == counts.sum()
    assert abs((back == 0).mean() - (counts == 0).mean()) < 0.01
    assert abs(back.var() / counts.var() - 1) < 0.1


def test_every_parent_is_matched_as_often_as_asked() -> None:
    g = np.random.default_rng(0)
    counts = g.integers(0, 5, 50)
    wanted = g.integers(0, 4, counts.sum())
    kinds = g.integers(0, 4, 50)
    rows = matched(wanted, counts, kinds, g)
    assert (np.bincount(rows, minlength=50) == counts).all()
    assert (kinds[rows] == wanted).mean() > 0.7


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.data())
def test_integrity_on_random_schemas(data: st.DataObject) -> None:
    k = data.draw(st.integers(2, 4))
    g = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    sizes = [data.draw(st.integers(1, 60)) for _ in range(k)]
    tables: dict[str, dict[str, np.ndarray]] = {}
    links = []
    for i, n in enumerate(sizes):
        columns: dict[str, np.ndarray] = {"id": g.permutation(n) + 1, "x": g.normal(size=n).round(2)}
        for j in range(i + 1):
            if data.draw(st.booleans()) or (i == 1 and j == 0):
                pointer = g.integers(1, sizes[j] + 1, n).astype(float)
                if i == j or data.draw(st.booleans()):
                    pointer[g.random(n) < 0.3] = np.nan
                if np.isnan(pointer).all():
                    continue
                columns[f"t{j}_id"] = pointer
                links.append({"child": f"t{i}", "column": f"t{j}_id", "parent": f"t{j}", "key": "id"})
        tables[f"t{i}"] = columns
    if not links:
        return
    real = read_linked(tables, {"links": links})
    fitted = Linked(trees=2).fit(real, Rng(1))
    drawn = fitted.sample(30, Rng(2))
    assert len(drawn.tables[fitted.lead]) == 30
    for link in real.schema.links:
        rows = parent_rows(drawn, link)
        assert not (rows == ORPHAN).any()
        if not (parent_rows(real, link) == NULL).any() and len(drawn.tables[link.parent]):
            assert not (rows == NULL).any()


def test_no_pair_twice() -> None:
    g = np.random.default_rng(0)
    pairs = np.unique(g.integers(0, 40, (400, 2)), axis=0)
    real = read_linked(
        {"a": {"id": np.arange(40), "x": g.integers(0, 3, 40)}, "b": {"id": np.arange(40), "y": g.integers(0, 3, 40)},
         "both": {"a_id": pairs[:, 0], "b_id": pairs[:, 1]}}
    )  # fmt: skip
    drawn = Linked(trees=2, max_code_rows=0).fit(real, Rng(1)).sample(40, Rng(2)).tables["both"]
    codes = drawn["a_id"].values * 10**6 + drawn["b_id"].values
    assert len(np.unique(codes)) == len(codes)
    assert abs(len(codes) - len(pairs)) < 80


@pytest.mark.shared
def test_chinook() -> None:
    file = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "chinook.sqlite"
    if not file.exists():
        pytest.skip("the database is not beside the repository (../shared/data/chinook.sqlite)")
    data = read_linked(file)
    drawn = Linked(trees=4).fit(data, Rng(1)).sample(59, Rng(2))
    assert all(not (parent_rows(drawn, link) == ORPHAN).any() for link in data.schema.links)
    assert 0.8 < len(drawn.tables["Track"]) / 3503 < 1.2
