"""Real rows without a target take part in a proof, and nothing of the rows that test gets into them."""

from __future__ import annotations

import numpy as np

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.proof.arms import extras, load
from seedstock.proof.proof import Plan, measure
from seedstock.proof.quick import quick_trial
from seedstock.proof.scores import score
from seedstock.proof.task import Target
from seedstock.proof.trial import REAL
from seedstock.proof.unlabelled import apart, blank, filled

ARM = "unlabelled, taught"


def planted(n: int, seed: int = 0, missing: int = 0, number: bool = False) -> Dataset:
    """Rows of two groups of features with classes of their own; the last ones have no class."""
    g = np.random.default_rng(seed)
    X = g.normal(size=(n, 3))
    signal = X @ [1.5, -1.5, 0.8] + 0.5 * g.normal(size=n)
    gone = np.arange(n) >= n - missing
    columns = {f"x{k}": Column.of(X[:, k]) for k in range(3)}
    schema = {name: ColumnSchema("number", dtype="float64") for name in columns}
    if number:
        y, kind = Column.of(np.where(gone, np.nan, signal)), ColumnSchema("number", ("target",), dtype="float64")
    else:
        labels = np.where(gone, None, np.where(signal > 0, "yes", "no"))
        y, kind = Column.of_texts(labels.tolist()), ColumnSchema("category", ("target",))
    return Dataset({"t": Table({**columns, "y": y})}, Schema({"t": TableSchema({**schema, "y": kind})}))


def test_rows_that_equal_a_testing_one_are_left_out() -> None:
    data = planted(60)
    target = Target.of(data)
    rows, test = blank(data.take(slice(0, 40)), target), data.take(slice(30, 60))
    left = apart(rows, test, target)
    assert left.table.equals(rows.table.take(slice(0, 30))), "the last ten stand among those that test"


def test_rows_of_a_testing_entity_are_left_out() -> None:
    data = planted(60)
    who = Column.of_texts([f"p{k % 6}" for k in range(60)])
    schema = TableSchema({**data.columns.columns, "who": ColumnSchema("category", ("entity",))})
    data = Dataset({"t": data.table.assign({"who": who})}, Schema({"t": schema}))
    test = data.take(np.arange(60) % 6 >= 4)
    left = apart(data.take(slice(0, 30)), test, Target.of(data))
    assert set(left.table["who"].texts()) == {"p0", "p1", "p2", "p3"}


def test_generated_rows_fill_what_lacks_and_know_all_features() -> None:
    data = planted(120)
    target = Target.of(data)
    train, others = data.take(slice(0, 20)), blank(data.take(slice(20, 120)), target)
    far = Column.of(others.table["x0"].values + 50)
    others = others.with_table(others.table.assign({"x0": far}))
    rows = filled(train, others, {"copula": load("copula")}, 300, Rng(0))
    assert len(rows.table) == 300
    assert rows.table.take(slice(0, 100)).equals(others.table)
    drawn = rows.table["x0"].values[100:]
    assert 0.7 < (drawn > 25).mean() < 0.95, "of all real rows, five of six lie there"
    assert len(filled(train, others, {}, 300, Rng(0)).table) == 100
    assert len(filled(train, others, {}, 30, Rng(0)).table) == 30


def test_labels_of_unlabelled_rows_come_from_the_teacher_alone() -> None:
    data, new = planted(340), planted(400, seed=1)
    target = Target.of(data)
    train, others = data.take(slice(0, 40)), data.take(slice(40, 340))
    seen = extras(train, target, {}, 300, Rng(0), blank(others, target))[ARM]
    turned = np.where(others.table["y"].texts() == "yes", "no", "yes").tolist()
    other = others.with_table(others.table.assign({"y": Column.of_texts(turned)}))
    again = extras(train, target, {}, 300, Rng(0), blank(other, target))[ARM]
    assert (seen.labels == again.labels).all()
    assert score(seen.labels, target.values(others), target) > 0.9
    assert new.table.names == seen.rows.table.names


def test_a_proof_uses_rows_without_a_target() -> None:
    plan = Plan({"copula": load("copula")}, ("tree",), (30,), 3, 300)
    m = measure(planted(700, missing=300), plan, Rng(0))
    assert m.n_pool + m.n_test == 400
    assert any("300 real rows without a known target" in note for note in m.notes)
    real, arm = m.scores(REAL, "tree", 30), m.scores(ARM, "tree", 30)
    assert arm.mean() > real.mean() + 0.03, "a teacher of 30 rows labels 300 real ones: a tree learns from them"
    assert ARM not in {r.arm for r in measure(planted(200), plan, Rng(0)).results}


def test_a_proof_of_numbers_uses_them_too() -> None:
    m = measure(planted(400, missing=200, number=True), Plan({}, ("tree",), (30,), 2, 200), Rng(0))
    assert m.scores(ARM, "tree", 30).mean() > m.scores(REAL, "tree", 30).mean()


def test_labels_can_be_hidden_to_see_what_features_are_worth() -> None:
    m = measure(planted(400), Plan({}, ("tree",), (30,), 2, 200, hide=True), Rng(0))
    assert m.scores(ARM, "tree", 30).mean() > m.scores(REAL, "tree", 30).mean()
    assert any("hidden" in note for note in m.notes)


def test_a_quick_trial_takes_them_in() -> None:
    gate = quick_trial(planted(500, missing=400), load("copula"), "copula", Rng(0))
    assert gate is not None
    assert gate.rows == 100
    assert ARM in gate.gains["linear"]
