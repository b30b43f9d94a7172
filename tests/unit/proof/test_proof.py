"""`prove`: against planted answers, and what it refuses."""

import json

import numpy as np
import pytest

from seedstock.api.proving import prove
from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.proof.arms import load, smote
from seedstock.proof.curve import gap_closed, real_equivalent, sizes_up_to
from seedstock.proof.folds import folds
from seedstock.proof.learners import NAMES, Learner
from seedstock.proof.proof import Plan, measure, nested_order
from seedstock.proof.quick import quick_trial
from seedstock.proof.scores import details, mean_rise, placements, score
from seedstock.proof.task import Design, Target
from seedstock.proof.teacher import Teacher


def planted(n: int, seed: int = 0, noise: bool = False, number: bool = False) -> Dataset:
    g = np.random.default_rng(seed)
    X = g.normal(size=(n, 4))
    kind = np.array(["red", "green", "blue"], object)[g.integers(0, 3, n)]
    signal = g.normal(size=n) if noise else X @ [1.5, -1.0, 0.5, 0.0] + 1.0 * (kind == "red") + 0.7 * g.normal(size=n)
    columns = {f"x{k}": Column.of(np.round(X[:, k], 3)) for k in range(4)} | {"kind": Column.of_texts(kind)}
    schema = {name: ColumnSchema("number", dtype="float64") for name in list(columns)[:4]} | {
        "kind": ColumnSchema("category")
    }
    if number:
        columns["y"], schema["y"] = Column.of(signal), ColumnSchema("number", ("target",), dtype="float64")
    else:
        columns["y"] = Column.of_texts(np.where(signal > 0.3, "yes", "no").tolist())
        schema["y"] = ColumnSchema("category", ("target",))
    return Dataset({"t": Table(columns)}, Schema({"t": TableSchema(schema)}))


def test_the_real_equivalent_reads_the_curve_backwards() -> None:
    curve = {50: np.array([0.5, 0.7]), 200: np.array([0.7, 0.9]), 800: np.array([0.8, 1.0])}
    assert real_equivalent(curve, 50, 0.1) == pytest.approx(100)
    assert real_equivalent(curve, 200, -0.1) == pytest.approx(100)
    assert real_equivalent(curve, 50, -0.4) == 50
    assert real_equivalent(curve, 200, 0.15) == 800


def test_what_gains_nothing_is_worth_its_own_rows_however_uneven_the_curve() -> None:
    uneven = {20: np.array([0.8]), 60: np.array([0.86]), 100: np.array([0.84]), 200: np.array([0.83])}
    assert real_equivalent(uneven, 60, 0.0) == 60
    assert real_equivalent(uneven, 60, 0.02) == 200
    assert real_equivalent(uneven, 60, -0.02) < 60


def test_the_gap_is_a_ratio_of_sums() -> None:
    real, arm, many = np.array([0.5, 0.6]), np.array([0.6, 0.65]), np.array([0.8, 0.61])
    share, (low, high) = gap_closed(real, arm, many, Rng(0))
    assert share == pytest.approx(0.15 / 0.31)
    assert low <= share <= high
    assert np.isnan(gap_closed(many, arm, real, Rng(0))[0])


def test_sizes_end_with_all_rows() -> None:
    assert sizes_up_to(55) == [20, 55]
    assert sizes_up_to(12) == [12]
    assert sizes_up_to(10**6)[-1] == 20_000


def test_beginnings_of_the_order_have_the_shares_of_the_whole() -> None:
    data = planted(400)
    target = Target.of(data)
    Y = target.values(data)
    order = nested_order(data, target, Rng(1))
    assert sorted(order) == list(range(400))
    for n in (20, 50, 100):
        assert np.abs(Y[order[:n]].mean(0) - Y.mean(0)).max() <= 1.5 / n


def test_folds_part_the_rows() -> None:
    data = planted(41, number=True)
    target = Target.of(data)
    tested = np.concatenate([test for _, test in folds(target.values(data), target, 4, Rng(0))])
    assert sorted(tested) == list(range(41))


@pytest.mark.parametrize("number", [False, True], ids=["classes", "number"])
@pytest.mark.parametrize("name", NAMES)
def test_every_learner_learns_and_weights_count(name: str, number: bool) -> None:
    data, new = planted(300, number=number), planted(300, seed=1, number=number)
    target = Target.of(data)
    learner = Learner(name, {"tree": {"max_leaf_nodes": 16}, "linear": {"C": 1.0}, "net": {"alpha": 1.0}}.get(
        name, {"max_iter": 60, "min_samples_leaf": 5}), number)  # fmt: skip
    design = Design.of(data, "y")
    features = design.scaled if learner.scaled else design.ordinal
    Y, truth = target.values(data), target.values(new)
    fitted = learner.fit(features(data), Y, np.ones(300))
    assert score(fitted.predict(features(new)), truth, target) > (0.5 if number else 0.8)
    wrong = np.concatenate([Y, (-Y if number else 1 - Y)])
    weights = np.concatenate([np.ones(300), np.full(300, 1e-6)])
    again = learner.fit(np.concatenate([features(data)] * 2), wrong, weights)
    assert score(again.predict(features(new)), truth, target) > (0.4 if number else 0.75)


@pytest.mark.parametrize("number", [False, True], ids=["classes", "number"])
def test_the_teacher_is_as_good_as_a_good_member(number: bool) -> None:
    data, new = planted(120, number=number), planted(500, seed=1, number=number)
    target = Target.of(data)
    teacher = Teacher.fit(data, target, Rng(0))
    assert sum(teacher.weights.values()) == pytest.approx(1)
    truth = target.values(new)
    design = Design.of(data, "y")
    linear = Learner("linear", {"C": 0.3}, number).fit(design.scaled(data), target.values(data), np.ones(120))
    alone = score(linear.predict(design.scaled(new)), truth, target)
    assert score(teacher.predict(new), truth, target) > alone - 0.03
    # What it says of its own rows comes from members that have not seen them.
    own = score(teacher.own, target.values(data), target)
    assert own < score(teacher.predict(data), target.values(data), target)


def test_smote_stays_between_rows_of_one_class_and_evens_them_out() -> None:
    data = planted(200)
    target = Target.of(data)
    made = smote(data, target, 150, Rng(0))
    Y = target.values(data)
    total = Y.sum(0) + made.labels.sum(0)
    assert abs(total[0] - total[1]) <= 2
    for k in range(2):
        real = data.table["x0"].values[Y[:, k] > 0]
        drawn = made.rows.table["x0"].values[made.labels[:, k] > 0]
        assert real.min() <= drawn.min()
        assert drawn.max() <= real.max()


def test_scores_of_known_predictions() -> None:
    target = Target("y", ("a", "b"))
    Y = np.eye(2)[[0, 0, 1, 1]]
    p = np.array([[0.9, 0.1], [0.4, 0.6], [0.45, 0.55], [0.2, 0.8]])
    assert score(p, Y, target) == pytest.approx(0.75)
    found = details(p, Y, target)
    assert found["accuracy"] == pytest.approx(0.75)
    assert found["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.55, 0.8]).mean())
    assert found["classes"]["b"]["recall"] == 1.0
    number = Target("y", ())
    assert score(np.full((3, 1), 2.0), np.array([[1.0], [2.0], [3.0]]), number) == 0.0


def test_a_proof_of_planted_data_has_the_promised_form() -> None:
    proven = prove(planted(260), learners=("linear", "tree"), few=(30,), seeds=2, drawn=200)
    facts = json.loads(json.dumps(proven.facts, allow_nan=False))
    assert {"arms", "gap_closed", "real_equivalent", "advice", "why"} <= set(facts)
    assert facts["advice"] in ("helps", "neutral", "hurts")
    assert {a["name"] for a in facts["arms"]} == {"real", "duplication", "smote", "copula", "copula, taught", "chosen"}
    assert {"name", "learner", "n_real", "score", "interval"} <= set(facts["arms"][0])
    assert facts["gap_closed"]["tree"] > 0.2, "a tree of 30 rows learns from a smoother teacher"
    assert "30 real rows + synthetic" in facts["sentence"]
    again = prove(planted(260), learners=("linear", "tree"), few=(30,), seeds=2, drawn=200)
    assert {k: v for k, v in again.facts.items() if k != "seconds"} == {
        k: v for k, v in facts.items() if k != "seconds"
    }
    page = proven.report
    assert "<script" not in page
    assert facts["sentence"] in page


def test_nothing_is_claimed_where_there_is_nothing_to_learn() -> None:
    facts = prove(planted(240, noise=True), learners=("linear",), few=(40,), seeds=4, drawn=100).facts
    assert facts["advice"] == "neutral"
    assert abs(np.mean([a["score"] for a in facts["arms"]]) - 0.5) < 0.1


def test_the_page_shows_names_as_text() -> None:
    proven = prove(planted(120), learners=("linear",), few=(30,), seeds=2, drawn=100)
    proven = type(proven)(proven.proof, "<b>x</b>.csv")
    assert "<b>x</b>" not in proven.report


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"target": None}, "--target"),
        ({"rows": 30}, "40 rows"),
        ({"learners": ("forest",)}, "learner"),
        ({"seeds": 1}, "2 or more"),
        ({"few": (3,)}, "10 or more"),
        ({"drawn": 0}, "rows to draw must be 10 or more"),
        ({"constant": True}, "one value only"),
        ({"distinct": True}, "classes"),
    ],
    ids=["target", "rows", "learner", "seeds", "few", "drawn", "constant", "distinct"],
)
def test_what_it_refuses(change: dict, words: str) -> None:
    data = planted(change.pop("rows", 100))
    schema = data.columns
    if "target" in change:
        schema = schema.replace_column("y", roles=())
        change.pop("target")
    table = data.table
    if change.pop("constant", False):
        table = table.assign({"y": Column.of_texts(["a"] * 100)})
    if change.pop("distinct", False):
        table = table.assign({"y": Column.of_texts([f"c{k}" for k in range(100)])})
    with pytest.raises(InputError, match=words):
        prove(Dataset({"t": table}, Schema({"t": schema})), **change)


def test_more_few_rows_than_the_data_have_are_adjusted_and_said() -> None:
    facts = prove(planted(120), learners=("linear",), few=(30, 500), seeds=2, drawn=100).facts
    assert {e["n_real"] for e in facts["real_equivalents"]} == {30}
    assert any("not all of 30, 500" in note for note in facts["notes"])


def test_peers_are_compared_and_never_chosen() -> None:
    class Oracle:
        """Draws rows of the truth: the best there is, and still a peer."""

        def fit(self, data: Dataset, rng: Rng) -> "Oracle":
            return self

        def sample(self, n: int, rng: Rng) -> Dataset:
            return planted(n, seed=rng.integer() % 2**31)

    class Broken(Oracle):
        def fit(self, data: Dataset, rng: Rng) -> "Oracle":
            raise InputError("cannot")

    plan = Plan({"copula": load("copula")}, ("tree",), (40,), 2, 200, peers={"oracle": Oracle(), "broken": Broken()})
    m = measure(planted(400), plan, Rng(0))
    assert m.scores("oracle", "tree", 40).mean() > m.scores("real", "tree", 40).mean()
    assert len(m.scores("broken", "tree", 40)) == 0
    assert set(m.chosen.values()) <= {"real", "copula", "copula, taught"}
    assert m.compared == ("duplication", "smote", "oracle", "broken")


def test_a_quick_trial_tells_help_from_harm() -> None:
    class Wrong:
        """Draws rows whose labels are turned round: the worst there is."""

        def fit(self, data: Dataset, rng: Rng) -> "Wrong":
            return self

        def sample(self, n: int, rng: Rng) -> Dataset:
            made = planted(n, seed=rng.integer() % 2**31)
            turned = np.where(made.table["y"].texts() == "yes", "no", "yes")
            return made.with_table(made.table.assign({"y": Column.of_texts(turned.tolist())}))

    gate = quick_trial(planted(400), Wrong(), "wrong", Rng(0))
    assert gate is not None
    assert gate.gains["linear"]["wrong"][0] < 0
    assert gate.rows == 400
    assert gate.advice != "helps" or "teacher" in gate.sentence
    copula = quick_trial(planted(300), load("copula"), "copula", Rng(0))
    assert copula is not None
    assert copula.advice == "helps"
    few = quick_trial(planted(30), load("copula"), "copula", Rng(0))
    assert few is None


@pytest.mark.parametrize("seed", [0, 1])
def test_a_quick_trial_is_not_taken_in_by_noise(seed: int) -> None:
    gate = quick_trial(planted(120, seed=seed, noise=True), load("copula"), "copula", Rng(seed))
    assert gate is not None
    assert gate.advice != "helps"


def test_rows_that_test_do_not_teach() -> None:
    data = planted(160)
    m = measure(data, Plan({}, ("linear",), (20,), 2), Rng(0), test=data.take(slice(100, 160)))
    assert m.n_pool == 100
    assert any("60 rows that are among the testing ones" in note for note in m.notes)
    with pytest.raises(InputError, match="test on other rows"):
        measure(data, Plan({}, ("linear",), (20,), 2), Rng(0), test=data)


def test_infinities_and_huge_numbers_are_learned_from() -> None:
    data = planted(60)
    x = data.table["x0"].values.copy()
    x[:3] = [np.inf, -np.inf, 1e300]
    data = data.with_table(data.table.assign({"x0": Column.of(x)}))
    design = Design.of(data, "y")
    scaled = design.scaled(data)
    assert np.isfinite(scaled).all()
    assert scaled[3:, 0].std() > 0.5, "the others keep their spread"
    assert np.isfinite(design.ordinal(data).astype(np.float32)).all()


def test_placements_give_the_auc_and_its_standard_error() -> None:
    g = np.random.default_rng(0)
    Y = np.eye(2)[(g.random(200) < 0.3).astype(int)]
    signal = Y[:, 1] + g.normal(size=200)
    better, worse = (np.column_stack([1 - s, s]) for s in (signal, signal + g.normal(size=200)))
    target = Target("y", ("a", "b"))
    d = placements(better, Y) - placements(worse, Y)
    rise, error = mean_rise(d, Y.argmax(1))
    assert rise == pytest.approx(score(better, Y, target) - score(worse, Y, target))
    again = []
    for _ in range(300):
        rows = np.concatenate([g.choice(np.flatnonzero(Y[:, k]), int(Y[:, k].sum())) for k in range(2)])
        again.append(score(better[rows], Y[rows], target) - score(worse[rows], Y[rows], target))
    assert error == pytest.approx(np.std(again), rel=0.15)
    assert mean_rise(d[:1], np.array([0])) == (0.0, float("inf"))
