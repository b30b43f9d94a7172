"""Each kind of rule by itself: what it says, how it mends rows, and that what it stores is checked."""

from __future__ import annotations

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Table
from seedstock.encoding.rules.declared import declared_rules, rules_of
from seedstock.encoding.rules.find import find_rules
from seedstock.encoding.rules.keep import mend
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.stored import rules_from_json, rules_to_json
from seedstock.encoding.rules.view import View

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
NUMBER = ColumnSchema("number", dtype="int64", decimals=0)


def real(n: int = 200) -> tuple[Table, TableSchema]:
    """A table in which a rule of every kind holds."""
    g = np.random.default_rng(0)
    a, b = g.integers(0, 12, n), g.integers(1, 9, n)
    f = g.integers(3, size=n)
    gone = g.random(n) < 0.2
    clock, late = 100 * g.integers(24, size=n) + g.integers(60, size=n), np.round(g.gamma(2, 20, n) - 15).astype(int)
    end = (clock // 100 * 60 + clock % 100 + late) % 1440
    cells = {
        "a": Column.of(a),
        "b": Column.of(b),
        "sum": Column.of(a + b),
        "product": Column.of(a * b),
        "volume": Column.of((b / 2.0) ** 3),
        "log_b": Column.of(np.round(np.log10(1.0 + b), 3)),
        "of_a": Column.of_texts([f"k{v % 4}" for v in a]),
        "is_0": Column.of((f == 0).astype(int)),
        "is_1": Column.of((f == 1).astype(int)),
        "is_2": Column.of((f == 2).astype(int)),
        "if_b": Column.of(np.where(b < 3, 0, g.integers(0, 5, n))),
        "first": Column.of_texts([f"p{v}" for v in f]),
        "second": Column.of_texts([f"q{(v + w) % 3}" for v, w in zip(f, g.integers(2, size=n), strict=True)]),
        "planned": Column.of(clock),
        "late": Column.of(late),
        "left": Column.of(end // 60 * 100 + end % 60),
        "u": Column(g.integers(9, size=n), gone),
        "v": Column(g.integers(9, size=n), gone),
    }
    kinds = {k: ColumnSchema("category") if c.is_text else NUMBER for k, c in cells.items()}
    kinds["volume"] = kinds["log_b"] = ColumnSchema("number", dtype="float64", decimals=3)
    return Table(cells), TableSchema(kinds)


SPECS: list[dict[str, Any]] = [
    {"kind": "linear", "parents": ["a", "b"], "child": "sum"},
    {"kind": "product", "parents": ["a", "b"], "child": "product"},
    {"kind": "power", "parents": ["b"], "powers": [3], "child": "volume", "factor": 0.125},
    {"kind": "logarithm", "parent": "b", "child": "log_b", "base": "log10", "shift": 1},
    {"kind": "depends", "parents": ["a"], "child": "of_a"},
    {"kind": "depends", "parents": ["a", "b"], "child": "sum"},
    {"kind": "order", "columns": ["a", "sum"]},
    {"kind": "one_hot", "columns": ["is_0", "is_1", "is_2"]},
    {"kind": "implies", "cause": "b", "when": [1, 2], "effect": "if_b", "then": 0},
    {"kind": "pairs", "columns": ["first", "second"]},
    {"kind": "missing_together", "columns": ["u", "v"]},
    {"kind": "clock", "start": "planned", "minutes": "late", "end": "left"},
]


def one(spec: dict[str, Any]) -> Rule:
    table, schema = real()
    (rule,) = declared_rules(View(table, schema), [spec])
    return rule


def shuffled(seed: int, n: int = 60) -> Table:
    """Rows whose columns were torn apart: rules fail in many of them."""
    table, _ = real()
    g = np.random.default_rng(seed)
    return Table({name: table[name].take(g.integers(0, len(table), n)) for name in table})


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s["kind"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_repair_mends_all_rows_and_then_changes_nothing(spec: dict[str, Any], seed: int) -> None:
    rule, table = one(spec), shuffled(seed)
    once = mend(table, [rule], {}, np.random.default_rng(seed))
    assert not once.broken.any()
    assert rule.holds(once.table).all()
    twice = mend(once.table, [rule], {}, np.random.default_rng(seed + 1))
    assert twice.table.equals(once.table)
    fine = rule.holds(table)
    assert once.table.take(fine).equals(table.take(fine))
    others = [name for name in table if name not in rule.columns]
    assert once.table.select(others).equals(table.select(others))


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s["kind"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), which=st.integers(0, 9))
def test_fixed_cells_stay_and_rows_are_mended_or_named(spec: dict[str, Any], seed: int, which: int) -> None:
    rule, table = one(spec), shuffled(seed)
    name = rule.columns[which % len(rule.columns)]
    mask = np.random.default_rng(seed).random(len(table)) < 0.7
    done = mend(table, [rule], {name: mask}, np.random.default_rng(seed))
    assert done.table[name].take(mask).equals(table[name].take(mask))
    assert (rule.holds(done.table) | done.broken).all()
    assert (done.by is None) == (not done.broken.any())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_all_rules_at_once_hold_in_every_row_that_is_not_named(seed: int) -> None:
    table, schema = real()
    rules = find_rules(table, schema, [s for s in SPECS if (s["kind"], s.get("child")) != ("depends", "sum")])
    done = mend(shuffled(seed), rules, {}, np.random.default_rng(seed))
    for rule in rules:
        assert (rule.holds(done.table) | done.broken).all(), rule.text
    assert done.broken.mean() < 0.1


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s["kind"])
def test_stored_rules_come_back_and_damage_is_refused(spec: dict[str, Any]) -> None:
    schema = real()[1]
    (stored,) = rules_to_json([one(spec)])
    (again,) = rules_from_json([stored], schema)
    assert again.to_json() == stored
    assert (again.holds(shuffled(1)) == one(spec).holds(shuffled(1))).all()
    for key in stored:
        for bad in (None, "x", [], [1e999], {"type": "text", "values": [1]}, -5):
            damaged = copy.deepcopy(stored)
            damaged[key] = bad
            # Some changes make another rule; nothing but a refusal in one line may come of the others.
            with suppress(InputError):
                assert rules_from_json([damaged], schema)[0].columns
        lacking = {k: v for k, v in stored.items() if k != key}
        with pytest.raises(InputError, match="fit it again"):
            rules_from_json([lacking], schema)
    with pytest.raises(InputError, match="none of its columns"):
        rules_from_json([stored], TableSchema({"z": NUMBER}))


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({"rules": [{"kind": "magic"}]}, "must be one of"),
        ({"rules": "order"}, "list of tables"),
        ({"rules": [{"kind": "order"}]}, "lacks columns"),
        ({"rules": [{"kind": "order", "columns": ["a", "b"], "child": "c"}]}, "not 'child'"),
        ({"rules": [{"kind": "linear", "parents": ["a"], "child": "b", "weights": "2"}]}, "list of numbers"),
        ({"rules": [{"kind": "ratio", "parents": ["a", "b"], "child": "c", "factor": "x"}]}, "must be a number"),
        ({"rules": [{"kind": "power", "parents": ["a"], "powers": ["x"], "child": "c"}]}, "powers must be a list"),
        ({"rules": [{"kind": "logarithm", "parent": "a", "child": "c", "shift": "1"}]}, "shift must be a number"),
        ({"rules": [{"kind": "implies", "cause": "a", "when": [[]], "effect": "b", "then": 0}]}, "values must be"),
        ({"veto": 5}, "list of names"),
    ],
)
def test_a_schema_file_that_says_rules_wrongly_is_refused(value: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        rules_of(value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ({"kind": "order", "columns": ["a", "first"]}, "can be compared"),
        ({"kind": "order", "columns": ["a", "a"]}, "different names"),
        ({"kind": "one_hot", "columns": ["a", "b"]}, "columns of 0 and 1"),
        ({"kind": "linear", "parents": ["first"], "child": "a"}, "computes with 'first'"),
        ({"kind": "linear", "parents": ["a"], "child": "b", "weights": [0]}, "one weight"),
        ({"kind": "product", "parents": ["a"], "child": "b"}, "2 or more"),
        ({"kind": "power", "parents": ["a", "b"], "powers": [2], "child": "sum"}, "a power other than 0 for each"),
        ({"kind": "logarithm", "parent": "a", "child": "b", "base": "log7"}, "a base among"),
        ({"kind": "logarithm", "parent": "first", "child": "b"}, "no column of varied finite numbers"),
        ({"kind": "implies", "cause": "a", "when": 99, "effect": "b", "then": 0}, "no row has that value"),
        ({"kind": "depends", "parents": ["a"], "child": "a"}, "twice"),
    ],
)
def test_declared_rules_that_do_not_fit_the_table_are_refused(spec: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        one(spec)


def test_vetoes_by_kind_name_and_all() -> None:
    table, schema = real()
    names = {rule.name for rule in find_rules(table, schema)}
    assert "linear: a, b -> sum" in names
    assert "linear: a, b -> sum" not in {r.name for r in find_rules(table, schema, vetoed=["linear: a,b->sum"])}
    assert "linear" not in {r.kind for r in find_rules(table, schema, vetoed=["linear"])}
    assert find_rules(table, schema, vetoed=["*"]) == ()


def test_a_schema_with_rules_round_trips() -> None:
    schema = Schema({"t": TableSchema({"a": NUMBER}, ({"kind": "order", "columns": ["a", "b"]},), ("pairs",))})
    assert Schema.from_json(schema.to_json()) == schema
    assert schema.tables["t"].replace_column("a", decimals=2).veto == ("pairs",)


@pytest.mark.shared
def test_the_census_has_its_known_rule() -> None:
    from seedstock.api import read

    if not (DATA / "adult_train.csv").exists():
        pytest.skip("the census table is not beside the repository")
    data = read(DATA / "adult_train.csv")
    rules = {rule.text: rule for rule in find_rules(data.table, data.columns)}
    assert rules["education decides education_num"].violations == 0
    assert len(rules) < 10


def test_where_all_but_the_start_are_fixed_the_clock_starts_elsewhere() -> None:
    rule, table = one(SPECS[-1]), shuffled(1)
    fixed = {name: np.ones(len(table), bool) for name in ("late", "left")}
    done = mend(table, [rule], fixed, np.random.default_rng(0))
    assert not rule.holds(table).all()
    assert rule.holds(done.table).all()
    assert not done.broken.any()
    assert done.table.select(["late", "left"]).equals(table.select(["late", "left"]))
