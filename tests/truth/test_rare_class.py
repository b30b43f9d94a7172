"""Rows drawn from a class of 8 to 25 examples, against the class as it was planted."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from seedstock.conditions import Conditions, Rare
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.rules.declared import known_rule
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.view import View
from seedstock.generators._rare_class import RareClass
from seedstock.generators.forest import Forest

POPULATION = 4_000
DRAWN = 1_500


def cells(n: int, rare: bool, g: np.random.Generator) -> dict[str, Column]:
    """Eight columns, of which the class shows in `a` (much higher) and `kind` (mostly one value)."""
    b = g.normal(size=n)
    return {
        "a": Column.of(np.round(g.normal(3.0 if rare else 0.0, 0.7 if rare else 1.0, n), 3)),
        "b": Column.of(np.round(b, 3)),
        "c": Column.of(np.round(0.8 * b + 0.6 * g.normal(size=n), 3)),
        "size": Column.of(np.round(np.exp(g.normal(4, 1, n)))),
        "kind": Column.of_texts(
            g.choice(list("uvwx"), n, p=[0.05, 0.05, 0.1, 0.8] if rare else [0.5, 0.3, 0.15, 0.05])
        ),
        "place": Column.of_texts(g.choice(list("klmno"), n, p=[0.3, 0.25, 0.2, 0.15, 0.1])),
        "flag": Column.of(g.random(n) < 0.4),
        "hours": Column.of(g.poisson(8, n)),
        "label": Column.of_texts(["rare" if rare else "usual"] * n),
    }


KINDS = {"kind": "category", "place": "category", "flag": "boolean", "label": "category"}
DTYPES = {"number": "float64", "category": "string", "boolean": "bool"}


def dataset(parts: list[dict[str, Column]]) -> Dataset:
    table = Table({name: Column.concat([p[name] for p in parts]) for name in parts[0]})
    kinds = {name: ColumnSchema(KINDS.get(name, "number"), dtype=DTYPES[KINDS.get(name, "number")]) for name in table}
    return Dataset({"data": Table(table.columns)}, Schema({"data": TableSchema(kinds)}))


@cache
def world(examples: int, seed: int) -> tuple[Dataset, Table, Any]:
    g = np.random.default_rng(seed)
    data = dataset([cells(POPULATION, False, g), cells(examples, True, g)])
    truth = dataset([cells(20_000, True, g)]).table
    return data, truth, Forest(trees=6, filter_rounds=0).fit(data, Rng(seed).child("fit"))


def distance(drawn: Table, truth: Table) -> float:
    """Return the mean over the columns of the largest difference of distribution functions, or half that of shares."""
    out = []
    for name in truth:
        if name == "label":
            continue
        one, other = truth[name], drawn[name]
        if one.is_text or one.values.dtype == bool:
            both, k = Column.concat([one, other]).codes()
            shares = [np.bincount(c, minlength=k) / len(c) for c in (both[: len(one)], both[len(one) :])]
            out.append(0.5 * np.abs(shares[0] - shares[1]).sum())
        else:
            grid = np.sort(one.values)
            cdf = [np.searchsorted(np.sort(c.values), grid, side="right") / len(c) for c in (one, other)]
            out.append(np.abs(cdf[0] - cdf[1]).max())
    return float(np.mean(out))


def draw(examples: int, seed: int) -> tuple[Table, Conditions]:
    data, _, model = world(examples, seed)
    made = Conditions.make(data, None, [Rare("label=rare", 1.0)], Rng(seed))
    assert made is not None
    return model.sample(DRAWN, Rng(seed), given=made(DRAWN, 0)).table, made


@pytest.mark.parametrize("examples", [8, 15, 25])
def test_nearer_to_the_truth_than_copies_and_than_the_plain_forest(examples: int) -> None:
    own, copies, plain = [], [], []
    for seed in (1, 2, 3):
        data, truth, model = world(examples, seed)
        drawn, _ = draw(examples, seed)
        assert set(drawn["label"].texts()) == {"rare"}
        known = data.table.take(data.table["label"].texts() == "rare")
        own.append(distance(drawn, truth))
        copies.append(distance(known.take(np.random.default_rng(seed).integers(examples, size=DRAWN)), truth))
        given = Table({"label": Column.of_texts(["rare"] * DRAWN)})
        plain.append(distance(model.sample(DRAWN, Rng(seed), given=given).table, truth))
    assert np.mean(own) < 0.65 * np.mean(copies)
    assert np.mean(own) < 0.65 * np.mean(plain)


def test_separating_columns_are_told_from_the_others() -> None:
    right = wrong = 0
    for seed in range(8):
        g = np.random.default_rng(100 + seed)
        data = dataset([cells(POPULATION, False, g), cells(12, True, g)])
        member = data.table["label"].texts() == "rare"
        found = RareClass.fit(data.table, data.columns, member, ["label"])
        right += sum(name in found.columns for name in ("a", "kind"))
        wrong += sum(name not in ("a", "kind") for name in found.columns)
    assert right >= 15
    assert wrong <= 3  # of 48


def test_a_few_from_everybody_show_no_separating_column() -> None:
    n_wrong = 0
    for seed in range(20):
        g = np.random.default_rng(200 + seed)
        data = dataset([cells(2_000, False, g)])
        member = np.zeros(2_000, bool)
        member[g.choice(2_000, 10, replace=False)] = True
        n_wrong += len(RareClass.fit(data.table, data.columns, member, ["label"]).columns)
    assert n_wrong <= 8  # of 160 tests


def test_rows_are_new_and_do_not_depend_on_the_division() -> None:
    drawn, made = draw(8, 1)
    data = world(8, 1)[0].table
    known = set(data["a"].values[data["label"].texts() == "rare"].tolist())
    assert np.mean([v in known for v in drawn["a"].values.tolist()]) < 0.05
    whole, part = made(16_384 + 300, 0), made(300, 16_384)
    tail = (whole if isinstance(whole, Table) else whole.values).take(slice(16_384, None))
    assert tail.equals(part if isinstance(part, Table) else part.values)


def test_cells_that_never_stand_together_are_not_put_together() -> None:
    """Two columns that are known or missing together, one the other's text, and one half of another number."""
    n, g = 3_000, np.random.default_rng(0)
    member = np.arange(n) < 12
    kind = np.where(member, g.choice(["v", "w"], n), g.choice(list("vwxyz"), n, p=[0.02, 0.02, 0.4, 0.36, 0.2]))
    bytes_ = np.where(member, g.choice([7.0, 8.0, 9.0], n), g.integers(20, 60, n).astype(float))
    gone = np.isin(kind, ["z", "w"])
    table = Table({
        "kind": Column.of_texts(kind.tolist()),
        "name": Column.of_texts([None if z else 2 * k for k, z in zip(kind, gone, strict=True)]),
        "size": Column(np.where(gone, 0.0, bytes_), gone),
        "half": Column.of(np.where(gone, 0.0, bytes_) / 2),
    })  # fmt: skip
    kinds = {"kind": "category", "name": "category"}
    schema = TableSchema({c: ColumnSchema(kinds.get(c, "number"), dtype=DTYPES[kinds.get(c, "number")]) for c in table})
    rule = known_rule(View(table, schema), {"kind": "linear", "child": "half", "parents": ["size"], "weights": [0.5]})
    found = RareClass.fit(table, schema, member, [], [rule] if rule else [])
    assert {"kind", "name", "size"} <= set(found.columns)
    drawn = found.draw(2_000, np.random.default_rng(1))
    assert {(k, m) for k, m in zip(drawn["kind"].texts(), drawn["name"].texts(), strict=True)} <= {
        (k, m) for k, m in zip(table["kind"].texts(), table["name"].texts(), strict=True)
    }
    assert (drawn["size"].missing == drawn["name"].missing).all()
    if "half" in found.columns:
        known = ~drawn["size"].missing
        assert (drawn["half"].values[known] * 2 == drawn["size"].values[known]).all()


def test_a_smoothed_row_keeps_the_rules_or_its_examples_cells() -> None:
    """A beginning and an end, far from everybody's and near each other: smoothed apart they would change places."""
    n, g = 3_000, np.random.default_rng(2)
    member = np.arange(n) < 12
    low = np.where(member, g.normal(500, 40, n), g.normal(0, 100, n)).round(1)
    table = Table({"low": Column.of(low), "high": Column.of((low + g.exponential(3, n)).round(1))})
    schema = TableSchema(dict.fromkeys(table, ColumnSchema("number", dtype="float64", decimals=1)))
    rule = known_rule(View(table, schema), {"kind": "order", "columns": ["low", "high"]})
    assert rule is not None

    def broken(rules: list[Rule]) -> float:
        found = RareClass.fit(table, schema, member, [], rules)
        assert set(found.columns) == {"low", "high"}
        return float((~rule.holds(found.draw(1_000, np.random.default_rng(3)))).mean())

    assert broken([]) > 0.2
    assert broken([rule]) == 0
