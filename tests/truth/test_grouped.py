"""Columns that somebody derived, groups of a number or parts of a time: found, kept in every row, asked for."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from tests.truth.test_rules import dataset

from seedstock.core.errors import InputError, SeedstockError
from seedstock.core.given import Allowed, Given
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset, Table
from seedstock.core.zones import in_zone
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.intervals import Intervals
from seedstock.encoding.rules.part import Part
from seedstock.encoding.rules.stored import rules_from_json, rules_to_json
from seedstock.generators._tabular import TabularFitted
from seedstock.generators.copula import Copula
from seedstock.generators.forest import Forest

DAY = np.timedelta64(1, "D").astype("m8[us]")
RELEASE = np.datetime64("2024-02-01T12:00", "us")
GENERATORS = (Copula(max_axes=3, refine_rounds=2), Forest(trees=4, rows_per_tree=2_000))
NAMES = np.array(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])


def derived(n: int = 3_000) -> Dataset:
    g = np.random.default_rng(5)
    seen = np.datetime64("2023-11-01", "us") + np.sort(g.integers(0, 420 * 86_400_000, n)).astype("m8[ms]")
    weekday = (seen.astype("M8[D]").astype(int) + 3) % 7
    took = np.where(g.random(n) < 0.3, 0.0, g.lognormal(0, 2, n)).round(3)
    score = g.normal(50, 20, n)
    return dataset(
        {
            "seen": seen, "hour": seen.astype("M8[h]").astype(int) % 24, "weekday": NAMES[weekday],
            "weekend": np.array(["no", "yes"])[(weekday >= 5).astype(int)],
            "month": seen.astype("M8[M]").astype(str), "release": np.where(seen >= RELEASE, 2, 1),
            "took": took, "long": took > 2.5,
            "size": np.array(["none", "short", "long"])[np.digitize(took, [0.001, 60])],
            "score": score, "odd": np.where(np.abs(score - 50) > 30, "odd", "usual"),
            "rate": np.where(took > 0, 1e3 / np.where(took > 0, took, 1), np.inf),
            "free": g.choice(["a", "b", "c"], n),
        },
        {"took": 3},
    )  # fmt: skip


PARTS = {"hour": "hour", "weekday": "weekday", "weekend": "weekday", "month": "year and month"}
ENDS = {"release": [RELEASE.astype(float)], "long": [2.5], "size": [0.001, 60], "odd": [20, 80]}


@pytest.fixture(scope="module", params=GENERATORS, ids=["copula", "forest"])
def model(request: pytest.FixtureRequest) -> TabularFitted:
    fitted: TabularFitted = request.param.fit(derived(), Rng(1))
    return fitted


def test_each_is_found_and_no_other() -> None:
    data = derived()
    found = [r for r in find_rules(data.table, data.columns) if r.kind in ("part", "intervals")]
    assert {r.columns[-1] for r in found} == {*PARTS, *ENDS}
    assert {r.columns[-1]: r.part for r in found if isinstance(r, Part)} == PARTS
    for rule in found:
        assert rule.violations == 0
        if isinstance(rule, Intervals):
            # Between the last value below and the first one above, any end is right.
            values = np.unique(data.table[rule.parent].values.astype(float))
            between = [
                np.searchsorted(values, [cut, end]) for cut, end in zip(rule.cuts, ENDS[rule.child], strict=True)
            ]
            assert all(abs(a - b) <= 1 for a, b in between)


def test_they_hold_in_drawn_rows(model: TabularFitted) -> None:
    drawn = model.sample(3_000, Rng(2)).table
    assert all(rule.holds(drawn).all() for rule in model.plan.rules)
    seen, took = drawn["seen"].values, drawn["took"].values
    assert (drawn["hour"].values == seen.astype("M8[h]").astype(int) % 24).all()
    assert (drawn["weekday"].texts() == NAMES[(seen.astype("M8[D]").astype(int) + 3) % 7]).all()
    assert (drawn["long"].values == (took > 2.5)).mean() > 0.999  # between the last short and the first long one
    assert (np.isinf(drawn["rate"].values) == (took == 0)).all()
    assert 0.05 < np.isinf(drawn["rate"].values).mean() < 0.6


@pytest.mark.parametrize(
    "case",
    [
        {"hour": Allowed(Column.of(np.array([3])))},
        {"weekday": Allowed(Column.of_texts(["Sun", "Tue"]))},
        {"month": Allowed(Column.of_texts(["2024-02"])), "hour": Allowed(low=22.0)},
        {"long": Allowed(Column.of(np.array([True])))},
        {"odd": Allowed(Column.of_texts(["odd"])), "size": Allowed(Column.of_texts(["long"]))},
        {"seen": Allowed(low=RELEASE), "weekend": Allowed(Column.of_texts(["yes"]))},
        {"rate": Allowed(Column.of(np.array([np.inf])))},
    ],
    ids=lambda case: " and ".join(case),
)
def test_they_hold_under_conditions_on_either_side(model: TabularFitted, case: dict[str, Allowed]) -> None:
    wanted = Given.everywhere({}, case, 300)
    drawn = model.sample(300, Rng(3), given=wanted).table
    assert wanted.holds(drawn).all()
    assert all(rule.holds(drawn).all() for rule in model.plan.rules)


def test_conditions_that_no_row_can_meet_are_refused_with_the_rule(model: TabularFitted) -> None:
    case = {"took": Allowed(high=1.0), "long": Allowed(Column.of(np.array([True])))}
    with pytest.raises(SeedstockError, match=r"took decides long|never seen together"):
        model.sample(3, Rng(3), given=Given.everywhere({}, case, 3))


def test_a_given_value_moves_what_it_comes_from(model: TabularFitted) -> None:
    asked = {"hour": Column.of(np.arange(24)), "weekday": Column.of_texts(NAMES[np.arange(24) % 7].tolist())}
    drawn = model.sample(24, Rng(4), given=Table(asked)).table
    assert (drawn["seen"].values.astype("M8[h]").astype(int) % 24 == np.arange(24)).all()
    assert ((drawn["seen"].values.astype("M8[D]").astype(int) + 3) % 7 == np.arange(24) % 7).all()


def test_the_hour_is_that_of_the_columns_zone() -> None:
    data = derived()
    local = in_zone(data.table["seen"].values, "America/New_York")
    table = data.table.assign({"hour": Column.of(local.astype("M8[h]").astype(int) % 24)})
    columns = data.columns.replace_column("seen", dtype="datetime[us, America/New_York]")
    (rule,) = [r for r in find_rules(table, columns) if r.columns == ("seen", "hour")]
    assert rule.kind == "part"
    assert rule.violations == 0
    new = Column.of(np.array(["2024-07-01T02:00", "2024-01-01T02:00"], "M8[us]"))
    for hours, holds in (([22, 21], True), ([2, 2], False)):
        assert rule.holds(Table({"seen": new, "hour": Column.of(np.array(hours))})).tolist() == [holds] * 2


def test_times_that_are_missing_have_no_hour() -> None:
    data = derived()
    gone = np.random.default_rng(0).random(len(data.table)) < 0.2
    lost = np.where(gone, np.datetime64("NaT"), data.table["seen"].values)
    table = data.table.assign({"seen": Column(lost, gone)})
    for zone, shift in (("UTC", 0), ("+03:00", 3)):
        hours = Column.of((data.table["hour"].values + shift) % 24)
        columns = data.columns.replace_column("seen", dtype=f"datetime[us, {zone}]")
        found = find_rules(table.assign({"hour": hours}), columns)
        (rule,) = [r for r in found if r.columns == ("seen", "hour")]
        assert rule.violations == 0
        assert rule.holds(table.assign({"hour": hours})).all()


def test_they_come_back_from_their_stored_form_and_damage_is_told() -> None:
    data = derived()
    rules = find_rules(data.table, data.columns)
    stored = json.dumps(rules_to_json(rules), allow_nan=False)
    again = rules_from_json(json.loads(stored), data.columns)
    assert [r.text for r in again] == [r.text for r in rules]
    mixed = data.table.take(np.random.default_rng(0).permutation(len(data.table)))
    torn = data.table.assign({name: mixed[name] for name in ("hour", "size", "odd", "release")})
    for one, other in zip(rules, again, strict=True):
        assert (one.holds(torn) == other.holds(torn)).all()
    for entry in json.loads(stored):
        if entry["kind"] in ("part", "intervals"):
            for key, value in _damage(entry):
                with pytest.raises(InputError, match="rule"):
                    rules_from_json([entry | {key: value}], data.columns)


def _damage(entry: dict[str, Any]) -> list[tuple[str, Any]]:
    both = [("images", entry["images"][1:]), ("images", [99] * len(entry["images"])), ("parent", "nowhere")]
    if entry["kind"] == "part":
        return [*both, ("part", "soul"), ("zone", "Nowhere/Land"), ("low", "early")]
    return [*both, ("cuts", [*entry["cuts"][::-1], 0.0]), ("low", float("inf")), ("step", -1)]


@pytest.mark.parametrize("noise", [0.06, 0.3])
def test_what_mostly_follows_is_no_rule(noise: float) -> None:
    g = np.random.default_rng(0)
    data = derived()
    flip = g.random(len(data.table)) < noise
    table = data.table
    for name in ("hour", "weekday", "size", "odd"):
        mixed = table[name].take(g.permutation(len(table)))
        both = Column.concat([table[name], mixed])
        table = table.assign(
            {name: both.take(np.where(flip, len(table) + np.arange(len(table)), np.arange(len(table))))}
        )
    found = {r.columns[-1] for r in find_rules(table, data.columns) if r.kind in ("part", "intervals")}
    assert not found & {"hour", "weekday", "size", "odd"}


def test_they_can_be_declared_and_vetoed() -> None:
    data = derived(40)
    declared = [
        {"kind": "part", "parent": "seen", "part": "hour", "child": "hour"},
        {"kind": "intervals", "parent": "took", "child": "long"},
    ]
    made = find_rules(data.table, data.columns, declared)
    assert [r.kind for r in made if r.declared] == ["part", "intervals"]
    data = derived()
    assert not [
        r for r in find_rules(data.table, data.columns, (), ("part", "intervals")) if r.kind in ("part", "intervals")
    ]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"kind": "part", "parent": "seen", "part": "soul", "child": "hour"}, "must be one of"),
        ({"kind": "part", "parent": "took", "part": "hour", "child": "hour"}, "holds no dates"),
        ({"kind": "part", "parent": "seen", "part": "hour", "child": "free"}, "fails in"),
        ({"kind": "intervals", "parent": "took", "child": "free"}, "no intervals of 'took'"),
        ({"kind": "intervals", "parent": "free", "child": "long"}, "no column of varied numbers"),
        ({"kind": "intervals", "parent": "took"}, "lacks child"),
    ],
)
def test_what_cannot_be_declared_is_said(spec: dict[str, str], said: str) -> None:
    data = derived()
    with pytest.raises(InputError, match=said):
        find_rules(data.table, data.columns, [spec])


def test_numbers_of_hours_that_no_row_has_go_on() -> None:
    data = derived()
    hour = data.table["seen"].values.astype("M8[h]").astype(int) % 24
    some = data.take(np.flatnonzero(~np.isin(hour, [4, 5, 17])))
    (rule,) = [r for r in find_rules(some.table, some.columns) if r.columns == ("seen", "hour")]
    new = {"seen": Column.of(np.array(["2024-01-01T05:30"], "M8[us]")), "hour": Column.of(np.array([9]))}
    assert not rule.holds(Table(new)).any()
    mended = rule.repair(Table(new), {}, np.random.default_rng(0))
    assert mended["hour"].values.tolist() == [5]


def test_exceptions_make_no_intervals_of_their_own() -> None:
    g = np.random.default_rng(1)
    x = g.normal(size=4_000)
    high = x > 1
    wrong = g.choice(4_000, 3, replace=False)
    high[wrong] = ~high[wrong]
    data = dataset({"x": x, "high": np.where(high, "high", "low")})
    (rule,) = find_rules(data.table, data.columns)
    assert len(rule.columns) == 2
    assert rule.violations == 3
    assert rule.text.startswith("x decides high: low, high ")


def test_intervals_of_repeated_values_hold_for_values_that_no_row_has() -> None:
    g = np.random.default_rng(2)
    score = g.permutation(np.repeat(np.setdiff1d(np.arange(100), [51, 52, 80]), 8)) / 10
    kinds = np.array(["low", "medium", "high", "critical"])[np.digitize(score, [4, 7, 9])]
    data = dataset(
        {"score": score, "severity": kinds, "code": g.permutation(16)[g.integers(0, 16, len(score))]}, {"score": 1}
    )
    (rule,) = [r for r in find_rules(data.table, data.columns) if r.columns == ("score", "severity")]
    assert rule.text == "score decides severity: low, medium from 4, high from 7, critical from 9"
    new = {"score": Column.of(np.array([5.1, 8.0, 9.9])), "severity": Column.of_texts(["high", "high", "critical"])}
    assert rule.holds(Table(new)).tolist() == [False, True, True]


def test_one_value_each_is_a_look_up_and_no_interval() -> None:
    g = np.random.default_rng(3)
    grade = g.integers(1, 41, 4_000)
    names = np.array([f"grade {i}" for i in g.permutation(41)])
    data = dataset({"grade": grade, "name": names[grade]})
    assert {r.kind for r in find_rules(data.table, data.columns)} == {"depends"}
