"""Rules against planted truth: all are found and kept, chance makes none, and what is given stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from seedstock.core.errors import InputError, SeedstockError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.keep import mend
from seedstock.generators._forest_fitted import ForestFitted
from seedstock.generators.forest import Forest
from seedstock.generators.independent import Independent

SMALL = Forest(trees=4, rows_per_tree=2_000, threads=1)


def dataset(columns: dict[str, np.ndarray], decimals: dict[str, int] | None = None, **rules: object) -> Dataset:
    cells, kinds = {}, {}
    for name, values in columns.items():
        values = np.asarray(values)
        if values.dtype.kind in "UO":
            cells[name], kinds[name] = Column.of_texts(list(values)), ColumnSchema("category")
        elif values.dtype.kind == "M":
            cells[name] = Column.of(values.astype("M8[us]"))
            kinds[name] = ColumnSchema("datetime", dtype="datetime[us]")
        else:
            cells[name] = Column.of(values)
            places = 0 if values.dtype.kind in "ib" else (decimals or {}).get(name)
            kinds[name] = ColumnSchema("number", dtype=str(values.dtype), decimals=places)
    return Dataset({"data": Table(cells)}, Schema({"data": TableSchema(kinds, **rules)}))  # type: ignore[arg-type]


def found(data: Dataset) -> list[str]:
    return [rule.text for rule in find_rules(data.table, data.columns)]


def planted(n: int = 3_000, seed: int = 0) -> Dataset:
    """One rule of every kind, among noise."""
    g = np.random.default_rng(seed)
    city = g.integers(40, size=n)
    region = (city * 7) % 6
    net = np.round(g.gamma(2.0, 50.0, n), 2)
    tax = np.round(net * g.uniform(0.05, 0.2, n), 2)
    price, count = g.integers(1, 80, size=n), g.integers(1, 30, size=n)
    celsius = g.integers(-20, 40, size=n)
    start = np.datetime64("2024-01-01", "us") + g.integers(0, 300, size=n) * np.timedelta64(1, "D")
    days = g.geometric(0.02, size=n)
    hot = g.integers(4, size=n)
    smoker = g.random(n) < 0.4
    low, mean = g.normal(50, 15, n).round(1), g.exponential(8, n).round(1)
    gone = g.random(n) < 0.2
    x, y = np.where(gone, np.nan, g.normal(size=n).round(3)), np.where(gone, np.nan, g.normal(size=n).round(3))
    shape = g.integers(5, size=n)
    return dataset(
        {
            "city": np.array([f"c{k}" for k in city]),
            "region": np.array([f"r{k}" for k in region]),
            "net": net,
            "tax": tax,
            "gross": np.round(net + tax, 2),
            "price": price,
            "count": count,
            "amount": price * count,
            "celsius": celsius,
            "fahrenheit": celsius * 1.8 + 32,
            "start": start,
            "end": start + days * np.timedelta64(1, "D"),
            "days": days,
            "is_a": (hot == 0).astype(int),
            "is_b": (hot == 1).astype(int),
            "is_c": (hot > 1).astype(int),
            "smoker": np.where(smoker, "yes", "no"),
            "packs": np.where(smoker, g.poisson(3, n), 0),
            "low": low,
            "mid": (low + mean).round(1),
            "high": (low + mean + g.exponential(9, n)).round(1),
            "x": x,
            "y": y,
            "shape": np.array([f"s{k}" for k in shape]),
            "colour": np.array([f"d{k}" for k in (shape + g.integers(3, size=n)) % 5]),
        },
        {"net": 2, "tax": 2, "gross": 2, "fahrenheit": 1, "low": 1, "mid": 1, "high": 1, "x": 3, "y": 3},
    )


PLANTED = {
    "city decides region",
    "gross = net + tax",
    "amount = price * count",
    "fahrenheit = 1.8 * celsius + 32",
    "end = start + 1 day * days",
    "exactly one of is_a, is_b and is_c is 1",
    "if smoker is no then packs is 0",
    "low <= mid <= high",
    "x and y are missing together",
    "10 pairs of shape and colour never occur",
}


@pytest.fixture(scope="module")
def model() -> ForestFitted:
    return SMALL.fit(planted(), Rng(0))


def values(table: Table, name: str) -> np.ndarray:
    return np.asarray(table[name].texts() if table[name].is_text else table[name].values)


def check_all(t: Table) -> None:
    """The planted rules, written down anew."""
    region = {f"c{k}": f"r{(k * 7) % 6}" for k in range(40)}
    assert [region[c] for c in values(t, "city")] == list(values(t, "region"))
    np.testing.assert_array_equal(np.round(values(t, "net") + values(t, "tax"), 2), values(t, "gross"))
    np.testing.assert_array_equal(values(t, "price") * values(t, "count"), values(t, "amount"))
    np.testing.assert_allclose(values(t, "celsius") * 1.8 + 32, values(t, "fahrenheit"), rtol=0, atol=1e-9)
    gap = values(t, "end") - values(t, "start")
    np.testing.assert_array_equal(gap, values(t, "days") * np.timedelta64(86_400_000_000, "us"))
    np.testing.assert_array_equal(sum(values(t, f"is_{k}") for k in "abc"), 1)
    assert (values(t, "packs")[values(t, "smoker") == "no"] == 0).all()
    assert (values(t, "low") <= values(t, "mid")).all()
    assert (values(t, "mid") <= values(t, "high")).all()
    np.testing.assert_array_equal(t["x"].missing, t["y"].missing)
    step = [(int(d[1]) - int(s[1])) % 5 for s, d in zip(values(t, "shape"), values(t, "colour"), strict=True)]
    assert set(step) == {0, 1, 2}


def test_every_planted_rule_is_found_and_no_other(model: ForestFitted) -> None:
    assert {fact["text"].split(", such as")[0] for fact in model.rules_json()} == PLANTED


def test_planted_rules_hold_in_every_row(model: ForestFitted) -> None:
    check_all(model.sample(20_000, Rng(1)).table)


def test_they_hold_after_a_round_trip_and_the_bytes_are_the_same(model: ForestFitted) -> None:
    again = ForestFitted.from_state(model.state())
    a, b = model.sample(500, Rng(2)).table, again.sample(500, Rng(2)).table
    assert a.equals(b)


def test_given_cells_are_never_changed_and_rules_hold_around_them(model: ForestFitted) -> None:
    n = 300
    for name, cell in {
        "region": Column.of_texts(["r3"] * n),
        "packs": Column.of(np.full(n, 4)),
        "is_b": Column.of(np.ones(n, np.int64)),
        "gross": Column.of(np.full(n, 120.5)),
        "fahrenheit": Column.of(np.full(n, 68.0)),
        "high": Column.of(np.full(n, 60.0)),
        "days": Column.of(np.full(n, 31)),
    }.items():
        table = model.sample(n, Rng(3), given=Table({name: cell})).table
        assert table[name].equals(cell), name
        check_all(table)


def test_conditions_that_break_a_rule_are_refused_by_name(model: ForestFitted) -> None:
    given = Table({"city": Column.of_texts(["c1"]), "region": Column.of_texts(["r0"])})
    with pytest.raises(SeedstockError, match="city decides region"):
        model.sample(1, Rng(0), given=given)
    given = Table({"low": Column.of(np.array([80.0])), "high": Column.of(np.array([20.0]))})
    with pytest.raises(SeedstockError, match="low <= mid <= high"):
        model.sample(1, Rng(0), given=given)


def entangled(n: int = 4_000) -> Dataset:
    """Hierarchies, totals of totals, ratios of differences, copies: many rules share columns here."""
    g = np.random.default_rng(0)
    place = g.integers(300, size=n)
    a, b, c, d = (g.poisson(20, n) for _ in range(4))
    revenue, rate = np.round(g.gamma(2, 100, n), 2), np.round(g.random(n), 2)
    cost = np.round(revenue * g.random(n), 2)
    part, whole, kg = g.integers(0, 50, n), g.integers(1, 50, n), np.round(g.normal(70, 12, n), 1)
    return dataset(
        {
            "state": np.array([f"s{v // 60}" for v in place]),
            "zip": np.array([f"z{v}" for v in place]),
            "city": np.array([f"c{v // 6}" for v in place]),
            "grand": a + b + c + d,
            "total": a + b,
            "a": a,
            "b": b,
            "c": c,
            "d": d,
            "mean": (a + b) / 2,
            "copy": a,
            "revenue": revenue,
            "rate": rate,
            "cost": cost,
            "profit": np.round(revenue - cost, 2),
            "margin": np.round(np.round(revenue - cost, 2) / revenue, 4),
            "tax": np.round(revenue * rate, 2),
            "part": part,
            "whole": part + whole,
            "percent": np.round(100 * part / (part + whole), 1),
            "kg": kg,
            "lb": np.round(kg * 2.20462, 1),
        },
        {"revenue": 2, "rate": 2, "cost": 2, "profit": 2, "margin": 4, "tax": 2}
        | dict.fromkeys(["mean", "percent", "kg", "lb"], 1),
    )


def test_rules_that_share_columns_are_told_apart_and_all_hold() -> None:
    data = entangled()
    assert set(found(data)) == {
        "part <= whole",
        "copy = a",
        "zip decides city",
        "city decides state",
        "total = a + b",
        "grand = total + c + d",
        "mean = 0.5 * total",
        "revenue = cost + profit",
        "margin = profit / revenue",
        "tax = revenue * rate",
        "percent = 100 * part / whole",
        "lb = 2.20462 * kg",
    }
    # A model that keeps no dependence leaves all the work to the repairs.
    model = Independent().fit(data, Rng(0))
    torn = replace(model, plan=replace(model.plan, rules=find_rules(data.table, data.columns)))
    table = torn.sample(20_000, Rng(1)).table
    for rule in torn.plan.rules:
        assert rule.holds(table).all(), rule.text
    np.testing.assert_array_equal(values(table, "grand"), sum(values(table, k) for k in "abcd"))
    off = values(table, "percent") - 100 * values(table, "part") / values(table, "whole")
    assert np.abs(off).max() <= 0.05 + 1e-9
    for name, cell in {"grand": 90, "margin": 0.5, "tax": 50.0, "mean": 20.5}.items():
        given = Table({name: Column.of(np.full(50, cell))})
        table = torn.sample(50, Rng(2), given=given).table
        assert table[name].equals(given[name])
        assert all(rule.holds(table).all() for rule in torn.plan.rules), name


@pytest.mark.parametrize("seed", range(25))
def test_chance_makes_no_rules(seed: int) -> None:
    """Independent columns of every shape: no rule at all may be found."""
    g = np.random.default_rng(seed)
    n = int(g.choice([30, 60, 200, 1_000, 5_000]))
    columns: dict[str, np.ndarray] = {}
    for i in range(10):
        k = int(g.choice([2, 3, 5, 20, 200]))
        p = g.dirichlet(np.full(k, 0.5))
        columns[f"t{i}"] = np.array([f"v{j}" for j in g.choice(k, n, p=p)])
        columns[f"i{i}"] = g.choice(k, n, p=p)
        columns[f"z{i}"] = np.where(g.random(n) < g.random(), 0, g.poisson(5, n))
        columns[f"f{i}"] = g.normal(g.normal(), 1, n).round(int(g.integers(4)))
        columns[f"b{i}"] = (g.random(n) < g.beta(0.5, 2)).astype(int)
        columns[f"m{i}"] = np.where(g.random(n) < g.beta(0.5, 2), np.nan, g.normal(size=n))
    assert found(dataset(columns, {f"f{i}": 3 for i in range(10)})) == []


def test_strong_dependence_is_no_rule() -> None:
    g = np.random.default_rng(0)
    n = 4_000
    z = g.normal(size=n)
    data = dataset(
        {
            "a": z.round(2),
            "b": (z + 0.05 * g.normal(size=n)).round(2),
            "c": np.array([f"k{int(v)}" for v in np.clip(z * 2 + g.normal(size=n) * 0.5 + 5, 0, 9)]),
            "d": np.where(g.random(n) < 0.97, (z > 0).astype(int), g.integers(2, size=n)),
        },
        {"a": 2, "b": 2},
    )
    assert found(data) == []


def test_a_rule_with_exceptions_is_kept_at_least_as_often() -> None:
    g = np.random.default_rng(0)
    n = 10_000
    start = g.integers(0, 100, size=n)
    end = start + g.integers(0, 60, size=n)
    wrong = g.permutation(n)[:20]
    end[wrong] = np.maximum(start[wrong] - g.integers(1, 30, size=20), 0)
    real = float((end < start).mean())
    assert real > 0
    model = SMALL.fit(dataset({"start": start, "end": end, "other": g.normal(size=n)}), Rng(0))
    assert [rule["text"] for rule in model.rules_json()] == ["start <= end"]
    assert model.rules_json()[0]["violations"] == int((end < start).sum())
    table = model.sample(50_000, Rng(1)).table
    assert (values(table, "end") < values(table, "start")).mean() <= real


def test_an_order_keeps_the_columns_own_distributions() -> None:
    """Sorting the cells of wrong rows changes the marginals of `independent` least where few rows are wrong."""
    g = np.random.default_rng(1)
    start = g.normal(0, 1, 5_000).round(2)
    data = dataset({"start": start, "end": (start + g.exponential(1, 5_000)).round(2)}, {"start": 2, "end": 2})
    table = SMALL.fit(data, Rng(0)).sample(20_000, Rng(1)).table
    for name in ("start", "end"):
        assert abs(values(table, name).mean() - values(data.table, name).mean()) < 0.06


def test_declared_rules_are_kept_and_vetoed_ones_are_not() -> None:
    g = np.random.default_rng(0)
    a = g.integers(1, 5, size=400)
    b = a + g.integers(0, 3, size=400)
    data = dataset({"a": a, "b": b, "c": a * 2}, rules=({"kind": "order", "columns": ["a", "b"]},), veto=("linear",))
    model = Independent().fit(data, Rng(0))
    (rule,) = model.rules_json()
    assert (rule["text"], rule["declared"]) == ("a <= b", True)
    t = model.sample(2_000, Rng(0)).table
    assert (values(t, "a") <= values(t, "b")).all()
    assert "linear" not in {r["kind"] for r in SMALL.fit(data, Rng(0)).rules_json()}


def test_declared_rules_that_fail_or_contradict_are_refused() -> None:
    g = np.random.default_rng(0)
    a = g.integers(0, 50, size=400)
    columns = {"a": a, "b": a * 2, "c": g.integers(0, 50, size=400)}

    def declare(*rules: dict[str, object]) -> None:
        data = dataset(columns, rules=rules)
        find_rules(data.table, data.columns, data.columns.rules)

    with pytest.raises(InputError, match="fails in"):
        declare({"kind": "linear", "parents": ["a"], "child": "c"})
    with pytest.raises(InputError, match="circle"):
        declare(
            {"kind": "linear", "parents": ["a"], "child": "b", "weights": [2.0]},
            {"kind": "linear", "parents": ["b"], "child": "a", "weights": [0.5]},
        )
    with pytest.raises(InputError, match="no column 'q'"):
        declare({"kind": "order", "columns": ["a", "q"]})


def test_times_of_day_written_as_numbers_are_added_on_the_clock() -> None:
    """Delays over midnight and over the hour; midnight is 2400; some flights never left."""
    g, n = np.random.default_rng(3), 3_000
    planned = 100 * g.integers(5, 24, n) + 5 * g.integers(12, size=n)
    late = np.round(g.exponential(25, n) - 8).astype(int)
    late[::50] = (1440 - planned[::50] // 100 * 60 - planned[::50] % 100) % 1440  # until midnight
    end = (planned // 100 * 60 + planned % 100 + late) % 1440
    gone = g.random(n) < 0.05
    table = Table({
        "planned": Column.of(planned), "late": Column(late, gone),
        "left": Column(np.where(end, end // 60 * 100 + end % 60, 2400), gone),
        "seats": Column.of(g.integers(20, 300, n)),
    })  # fmt: skip
    schema = TableSchema({c: ColumnSchema("number", dtype="int64", decimals=0) for c in table})
    rules = find_rules(table, schema)
    assert "left = planned + late minutes, as times of day" in {r.text for r in rules}
    torn = table.assign({"late": table["late"].take(g.permutation(n))})
    done = mend(torn, rules, {}, np.random.default_rng(0)).table
    here = ~done["late"].missing & ~done["left"].missing
    planned, late, left = (done[c].values[here].astype(int) for c in ("planned", "late", "left"))
    assert (left % 100 < 60).all()
    assert left.min() > 0
    assert ((left // 100 * 60 + left % 100 - planned // 100 * 60 - planned % 100 - late) % 1440 == 0).all()


def test_a_rule_that_empties_cells_says_which() -> None:
    g = np.random.default_rng(9)
    storm = g.random(1_000) < 0.5
    eye, category = np.where(storm, 0.0, g.integers(1, 9, 1_000)), g.integers(1, 6, 1_000).astype(float)
    table = Table({"eye": Column.of(eye), "category": Column.of(category, storm)})
    number = ColumnSchema("number", dtype="float64", decimals=0)
    said = {rule.text: rule.empties(table) for rule in find_rules(table, TableSchema(dict.fromkeys(table, number)))}
    assert set(said) == {"if eye is 0 then category is missing", "if category is missing then eye is 0"}
    assert said["if category is missing then eye is 0"] == {}
    np.testing.assert_array_equal(said["if eye is 0 then category is missing"]["category"], storm)
