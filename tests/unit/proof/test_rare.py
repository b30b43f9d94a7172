"""The protocol for rare situations, against planted answers."""

import json

import numpy as np
import pytest

from seedstock.api.proving import prove_rare
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.copula import Copula
from seedstock.generators.forest import Forest
from seedstock.proof.rare import rare_rows
from seedstock.proof.task import Target


def attacks(n: int = 900, rare: int = 60, seed: int = 0) -> Dataset:
    """Normal rows around 0; kind a lies apart in x, kind b in y; both are the rare class."""
    g = np.random.default_rng(seed)
    x, y, z = g.normal(size=(3, n + rare))
    kind = np.array(["none"] * n + ["a", "b"] * (rare // 2), object)
    x[kind == "a"] += 5
    y[kind == "b"] += 5
    label = np.where(kind == "none", "normal", "attack")
    columns = {c: Column.of(np.round(v, 3)) for c, v in (("x", x), ("y", y), ("z", z))}
    columns |= {"kind": Column.of_texts(kind), "label": Column.of_texts(label.tolist())}
    number, text = ColumnSchema("number", dtype="float64"), ColumnSchema("category")
    schema = {"x": number, "y": number, "z": number, "kind": text, "label": ColumnSchema("category", ("target",))}
    return Dataset({"t": Table(columns)}, Schema({"t": TableSchema(schema)}))


def test_it_says_what_was_measured() -> None:
    facts = json.loads(json.dumps(prove_rare(attacks(), None, "attack", None, "kind", examples=(4, 10), seeds=2)))
    assert {a["name"] for a in facts["arms"]} == {"nothing", "class weights", "duplication", "smote", "copula"}
    assert {a["n_rare"] for a in facts["arms"]} == {4, 10}
    assert all(0 <= a["average_precision"] <= 1 for a in facts["arms"])
    assert {b["verdict"] for b in facts["beats"]} <= {"wins", "draw", "loses"}
    assert facts["kinds"] == {"train": ["a", "b"], "test only": []}
    best = max(a["average_precision"] for a in facts["arms"] if a["n_rare"] == 10)
    assert best > 0.5, "five standard deviations are easily seen"


def test_equal_rows_never_stand_on_both_sides() -> None:
    data = attacks()
    twice = data.with_table(Table.concat([data.table, data.table]))
    facts = prove_rare(twice, None, "attack", examples=(4,), seeds=2)
    assert facts["rows"]["equal_rows_removed"] == len(data.table)
    with pytest.raises(InputError, match="distinct rows"):
        prove_rare(data, None, "attack", data, examples=(4,), seeds=2)


def test_kinds_that_were_never_shown_are_scored_apart() -> None:
    data, new = attacks(seed=1), attacks(seed=2)
    only_a = data.take(data.table["kind"].texts() != "b")
    facts = prove_rare(only_a, None, "attack", new, "kind", examples=(10,), seeds=2)
    assert facts["kinds"] == {"train": ["a"], "test only": ["b"]}
    boosted = [a for a in facts["arms"] if a["learner"] == "linear"]
    assert all(a["seen"] > a["unseen"] + 0.2 for a in boosted), "no arm knows a kind without an example"


def test_few_examples_are_kept_to_where_they_differ_and_left_where_they_do_not() -> None:
    data = attacks(n=2_000, rare=20, seed=3)
    only_a = data.take(data.table["kind"].texts() != "b")
    rare = only_a.table["label"].texts() == "attack"
    drawn = rare_rows(Forest(trees=5), only_a, rare, Target("label", ("normal", "attack")), 300, Rng(4)).table
    assert drawn["x"].values.mean() > 4, "ten examples lie five standard deviations away"
    assert abs(drawn["z"].values.std() - 1) < 0.25, "what they do not differ in is everybody's"


def test_the_copula_shrinks_few_examples_itself() -> None:
    data = attacks(n=2_000, rare=10, seed=3)
    rare = data.table["label"].texts() == "attack"
    drawn = rare_rows(Copula(), data, rare, Target("label", ("normal", "attack")), 500, Rng(4)).table
    plain = Copula().fit(data, Rng(4).child("fit"))
    value = Column.of_texts(["attack"] * 500)
    assert drawn.equals(plain.sample(500, Rng(4).child("sample"), Table({"label": value})).table)


@pytest.mark.parametrize(
    ("value", "change", "words"),
    [
        ("worm", {}, "no row has"),
        ("attack", {"examples": (500,)}, "distinct rows"),
        ("attack", {"seeds": 1}, "2 seeds"),
    ],
    ids=["unknown", "too many", "one seed"],
)
def test_what_it_refuses(value: str, change: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        prove_rare(attacks(), None, value, **change)
