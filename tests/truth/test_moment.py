"""Dates, times of day and full hours beside the time stamp that they are read off."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.truth.test_rules import dataset

from seedstock.core.errors import InputError
from seedstock.core.given import Allowed, Given
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.core.zones import in_utc, in_zone
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.stored import rules_from_json, rules_to_json
from seedstock.generators.copula import Copula
from seedstock.generators.forest import Forest

TEXTS = {
    "date = the date of seen",
    "clock = the time of day of seen",
    "hour = when the hour of seen began",
    "month = when the month of seen began",
}


def stamps(zone: str = "", n: int = 2_000) -> Dataset:
    g = np.random.default_rng(2)
    local = np.datetime64("2024-01-05", "us") + np.sort(g.integers(0, 500 * 86_400, n)).astype("m8[s]")
    utc = in_utc(local, zone) if zone else local
    local = in_zone(utc, zone) if zone else utc
    hour = local.astype("M8[h]").astype("M8[us]")
    cells = {
        "seen": utc, "date": local.astype("M8[D]").astype("M8[us]"), "clock": (local - local.astype("M8[D]")),
        "hour": in_utc(hour, zone) if zone else hour, "month": local.astype("M8[M]").astype("M8[us]"),
    }  # fmt: skip
    dtype = f"datetime[us, {zone}]" if zone else "datetime[us]"
    kinds = {
        "seen": ColumnSchema("datetime", dtype=dtype), "date": ColumnSchema("datetime", dtype="date"),
        "clock": ColumnSchema("duration", dtype="time"), "hour": ColumnSchema("datetime", dtype=dtype),
        "month": ColumnSchema("datetime", dtype="date"), "size": ColumnSchema("number", dtype="float64"),
    }  # fmt: skip
    table = Table({name: Column.of(x) for name, x in cells.items()} | {"size": Column.of(g.normal(size=n))})
    return Dataset({"data": table}, Schema({"data": TableSchema(kinds)}))


@pytest.mark.parametrize("zone", ["", "+05:30", "Europe/Berlin"])
def test_what_is_read_off_a_time_stamp_is_found_and_no_circle(zone: str) -> None:
    data = stamps(zone)
    found = [r for r in find_rules(data.table, data.columns) if r.computes]
    assert {r.text for r in found if r.kind == "moment"} == TEXTS
    assert not [r for r in found if r.columns[-1] == "seen"]
    assert all(r.violations == 0 for r in found)


@pytest.mark.parametrize("zone", ["", "Europe/Berlin"])
@pytest.mark.parametrize("generator", [Copula(max_axes=3, refine_rounds=2), Forest(trees=4, rows_per_tree=2_000)])
def test_it_is_so_in_drawn_rows_and_under_conditions(generator: Copula | Forest, zone: str) -> None:
    fitted = generator.fit(stamps(zone), Rng(1))
    day = np.datetime64("2024-03-31", "us")
    cases: list[dict[str, Allowed]] = [
        {}, {"date": Allowed(low=day, high=day)},
        {"clock": Allowed(low=np.timedelta64(22, "h").astype("m8[us]"))},
        {"month": Allowed(Column.of(np.array(["2024-02-01"], "M8[us]")))},
    ]  # fmt: skip
    for case in cases:
        given = Given.everywhere({}, case, 200)
        drawn = fitted.sample(200, Rng(2), given=given).table
        assert given.holds(drawn).all()
        assert all(rule.holds(drawn).all() for rule in fitted.plan.rules)
        local = in_zone(drawn["seen"].values, zone) if zone else drawn["seen"].values
        assert (drawn["date"].values == local.astype("M8[D]")).all()
        assert (drawn["clock"].values == local - local.astype("M8[D]")).all()


def test_a_given_date_moves_the_time_stamp_and_leaves_its_clock() -> None:
    data = stamps("Europe/Berlin")
    (rule,) = [r for r in find_rules(data.table, data.columns) if r.columns == ("seen", "date")]
    table = data.table.select(["seen", "date"]).take(slice(0, 50))
    wanted = Column.of(np.full(50, np.datetime64("2024-07-04", "us")))
    new = rule.repair(table.assign({"date": wanted}), {"date": np.ones(50, bool)}, np.random.default_rng(0))
    before, after = (in_zone(c.values, "Europe/Berlin") for c in (table["seen"], new["seen"]))
    assert (after.astype("M8[D]") == np.datetime64("2024-07-04")).all()
    assert (after - after.astype("M8[D]") == before - before.astype("M8[D]")).all()


def test_a_column_of_dates_is_no_part_of_itself() -> None:
    g = np.random.default_rng(0)
    day = np.datetime64("2024-01-01", "us") + g.integers(0, 300, 500).astype("m8[D]").astype("m8[us]")
    found = find_rules(*_two(day, day))
    assert [r.kind for r in found if r.computes] == ["linear"]
    assert not [r for r in find_rules(*_two(day, g.permutation(day))) if r.computes]


def _two(first: Any, second: Any) -> tuple[Table, TableSchema]:
    data = dataset({"first": first, "second": second})
    return data.table, data.columns


def test_it_comes_back_from_its_stored_form_and_can_be_declared() -> None:
    data = stamps("Europe/Berlin")
    rules = find_rules(data.table, data.columns)
    again = rules_from_json(json.loads(json.dumps(rules_to_json(rules))), data.columns)
    assert [r.text for r in again] == [r.text for r in rules]
    entry = next(e for e in rules_to_json(rules) if e["kind"] == "moment")
    for key, value in (("part", "soul"), ("zones", ["Nowhere/Land", ""]), ("zones", [""]), ("child", "nowhere")):
        with pytest.raises(InputError, match="rule"):
            rules_from_json([entry | {key: value}], data.columns)
    few = data.take(slice(0, 20))
    (made,) = find_rules(
        few.table, few.columns, [{"kind": "moment", "parent": "seen", "part": "date", "child": "date"}]
    )
    assert made.text == "date = the date of seen"
    for spec, said in (
        ({"parent": "seen", "part": "soul", "child": "date"}, "must be one of"),
        ({"parent": "size", "part": "date", "child": "date"}, "holds no times"),
        ({"parent": "seen", "part": "month", "child": "date"}, "fails in"),
    ):
        with pytest.raises(InputError, match=said):
            find_rules(data.table, data.columns, [{"kind": "moment", **spec}])


def test_of_a_zone_that_nobody_knows_nothing_is_read_off() -> None:
    data = stamps("+02:00")
    columns = data.columns.replace_column("seen", dtype="datetime[us, tzlocal()]")
    found = find_rules(data.table, columns)
    assert not [r for r in found if r.kind in ("moment", "part") and "seen" in r.columns]
    with pytest.raises(InputError, match="its zone"):
        find_rules(data.table, columns, [{"kind": "moment", "parent": "seen", "part": "date", "child": "date"}])
