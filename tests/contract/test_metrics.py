"""Every metric there is, found by listing, held to the contract: ladders, privacy, purity, awkward tables."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from seedstock import catalog
from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Kind, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.metrics._verdict import verdict
from seedstock.metrics._words import explain, in_words

NAMES = catalog.names("metrics", "table")
GROUPS = ("fidelity", "utility", "coverage", "privacy")
# Noise makes the synthetic rows' neighbourhoods wide, and wide ones recall all: see test_recall_sees_what_is_left_out.
PRDC = ["precision", "recall", "density", "coverage"]
NOT_ON_THE_LADDER = {"recall"}
FIDELITY = ["shape_error", "trend_error", "c2st", "detection_auc", "logistic_auc", *PRDC]
COVERAGE = ["rare_categories_kept", "rare_pairs_kept", "range_used", "invented", "missing_error", "within_support"]
COVERAGE += ["tails_kept"]
PRIVACY = ["copy_rate", "nearest_share", "membership_auc", "membership_tpr"]
PERCENT = {"shape_error", "trend_error", "copy_rate", *COVERAGE}


def data(columns: dict[str, tuple[Kind, Column]], target: str | None = None) -> Dataset:
    schema = {c: ColumnSchema(kind, ("target",) if c == target else ()) for c, (kind, _) in columns.items()}
    return Dataset({"t": Table({c: cells for c, (_, cells) in columns.items()})}, Schema({"t": TableSchema(schema)}))


def texts(values) -> Column:
    return Column.of_texts([None if v is None else str(v) for v in values])


def population(n: int, seed: int, target: str = "class", noise: float = 0.0) -> Dataset:
    """Seven dependent columns and, in a share of the rows, uniform noise in the place of all of them."""
    g = np.random.default_rng(seed)
    z = g.standard_normal((n, 3))
    a, b = z[:, 0], 0.8 * z[:, 0] + 0.6 * z[:, 1]
    c = np.digitize(z[:, 2] + z[:, 0], [-1.5, -0.5, 0.5, 1.5, 3.2])
    d = np.minimum(g.geometric(0.45, n), 9)
    income = np.exp(0.5 * a + 0.3 * c + 0.3 * g.standard_normal(n)).round(2)
    label = (1.5 * a - 1.5 * b + 0.8 * (c - 2.5) + 0.5 * g.standard_normal(n)) > 0.5
    bad = g.random(n) < noise
    k = int(bad.sum())
    a[bad], b[bad] = g.uniform(-4, 4, (2, k))
    c[bad], d[bad] = g.integers(0, 6, k), g.integers(1, 10, k)
    income[bad], label[bad] = g.uniform(0, 20, k), g.random(k) < 0.5
    start = np.datetime64("2021-03-01", "us") + (b * 1e11).astype(np.int64).astype("timedelta64[us]")
    missing = (g.random(n) < 0.1) & ~bad
    return data(
        {
            "a": ("number", Column.of(a)),
            "b": ("number", Column.of(b, missing)),
            "c": ("category", texts(f"c{v}" for v in c)),
            "d": ("category", texts(f"d{v}" for v in d)),
            "start": ("datetime", Column.of(start)),
            "income": ("number", Column.of(income)),
            "class": ("boolean", Column.of(label)),
        },
        target,
    )


def measure(name: str, evidence: Evidence, seed: int = 0) -> list[Score]:
    return catalog.load("metrics", name).TINY(evidence, Rng(seed).child(name))


def badness(score: Score) -> float:
    if score.better == "half":
        return abs(score.value - 0.5)
    return score.value if score.better == "low" else -score.value


@pytest.fixture(scope="module")
def real() -> tuple[Dataset, Dataset]:
    return population(1500, 1), population(700, 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_module_has_its_three_constants(name):
    module = catalog.load("metrics", name)
    assert module.METRIC.group in GROUPS
    assert isinstance(module.TINY, module.METRIC)
    assert module.TINY.__dataclass_params__.frozen
    assert len(module.SOURCE) > 20


def test_the_promised_scores_exist_once(real):
    names = [s.name for name in NAMES for s in measure(name, Evidence(*real, population(800, 3)))]
    assert len(names) == len(set(names))
    utility = [f"utility_{learner}_{m}" for learner in ("boosting", "linear") for m in ("auc", "macro_f1")]
    assert {*utility, *FIDELITY, *COVERAGE, *PRIVACY} <= set(names)
    numbers = measure("utility", Evidence(*(population(300, k, "income") for k in (1, 2, 3))))
    assert [s.name for s in numbers] == ["utility_boosting_rmse", "utility_linear_rmse"]
    assert all(s.details["r2"] > 0.2 for s in numbers)


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_sample_is_good_and_about_as_good_as_the_floor(name, real):
    for score in measure(name, Evidence(*real, population(1500, 4))):
        assert score.ok, score
        assert abs(score.value - score.floor) <= (4.5 if score.name in PERCENT else 0.08), score
        if score.interval is not None:
            assert score.interval[0] <= score.value <= score.interval[1]


def ladder() -> list[tuple[str, str]]:
    groups = {name: catalog.load("metrics", name).METRIC.group for name in NAMES}
    fidelity = [(name, "class") for name, group in groups.items() if group == "fidelity"]
    return fidelity + [(name, t) for name, group in groups.items() if group == "utility" for t in ("class", "income")]


@pytest.mark.parametrize(("name", "target"), ladder())
def test_noise_makes_it_worse_step_by_step(name, target):
    real = population(1500, 1, target), population(1000, 2, target)
    rungs = [measure(name, Evidence(*real, population(3000, 4, target, noise))) for noise in (0.0, 0.25, 0.5, 1.0)]
    for scores in zip(*rungs, strict=True):
        if scores[0].name not in NOT_ON_THE_LADDER:
            bad = [badness(s) for s in scores]
            assert bad == sorted(set(bad)), (scores[0].name, [s.value for s in scores])
            assert scores[-1].ok is False


def test_recall_sees_what_is_left_out(real):
    def recall(synthetic: Dataset) -> float:
        return next(s.value for s in measure("prdc", Evidence(*real, synthetic)) if s.name == "recall")

    a = population(3000, 5)
    half = a.take(a.table["a"].values < 0)
    quarter = a.take(a.table["a"].values < -0.7)
    assert recall(a) > recall(half) + 0.1 > recall(quarter) + 0.2


def test_coverage_sees_what_is_left_out_and_what_is_made_up(real):
    def scores(synthetic: Dataset) -> dict[str, Score]:
        found = (measure(n, Evidence(*real, synthetic)) for n in NAMES)
        return {s.name: s for some in found for s in some}

    t = population(1500, 4)
    common = np.isin(t.table["d"].texts(), ["d1", "d2", "d3", "d4"]) & (t.table["c"].texts() != "c5")
    narrow = scores(t.take(common & (np.abs(t.table["a"].values) < 1)))
    for name in ("rare_categories_kept", "rare_pairs_kept", "range_used"):
        assert narrow[name].ok is False, narrow[name]
    assert {x["column"] for x in narrow["rare_categories_kept"].details["lost"]} <= {"c", "d"}
    made_up = t.with_table(t.table.assign({"c": texts(f"new{k % 3}" for k in range(1500))}))
    invented = scores(made_up)["invented"]
    assert invented.value == 100.0
    assert invented.details["new_values"] == 3
    whole = t.with_table(t.table.assign({"b": Column(t.table["b"].values, np.zeros(1500, bool))}))
    assert scores(whole)["missing_error"].ok is False


@pytest.mark.parametrize("name", [n for n in NAMES if catalog.load("metrics", n).METRIC.group == "privacy"])
def test_privacy_condemns_a_copier_and_acquits_an_independent_sample(name, real):
    train = real[0]
    rows = np.random.default_rng(0).integers(0, len(train.table), 1500)
    copied = measure(name, Evidence(*real, train.take(rows)))
    independent = measure(name, Evidence(*real, population(1500, 9)))
    assert copied
    for bad, good in zip(copied, independent, strict=True):
        assert bad.ok is False
        assert good.ok is True


def test_privacy_is_seldom_alarmed_by_independent_samples():
    alarms = 0
    for k in range(12):
        e = Evidence(population(500, 3 * k), population(250, 3 * k + 1), population(500, 3 * k + 2))
        alarms += sum(s.ok is False for n in ("copies", "membership", "nearest_share") for s in measure(n, e, k))
    assert alarms <= 6  # of 48, each with a 5 % bound


def test_the_verdict_follows_the_evidence(real):
    def judged(synthetic: Dataset):
        return verdict([s for n in NAMES for s in measure(n, Evidence(*real, synthetic))])

    fresh = judged(population(1500, 4))
    assert (fresh.train_on, fresh.share) == ("yes", "yes")
    copied = judged(real[0].take(np.arange(1500)))
    assert (copied.train_on, copied.share) == ("yes", "no")
    assert "remembered" in copied.sentence
    assert any("Exact copies" in w for w in copied.watch[:4])
    noise = judged(population(1500, 4, noise=1.0))
    assert (noise.train_on, noise.share) == ("no", "yes")
    tiny = verdict([s for n in NAMES for s in measure(n, Evidence(*(population(30, k) for k in range(3))))])
    assert tiny.share != "yes"
    assert "too few rows to tell" in tiny.sentence
    assert json.dumps(fresh.to_json())


@pytest.mark.parametrize("name", NAMES)
def test_it_is_pure_and_repeats_itself(name, real):
    evidence = Evidence(*real, population(600, 4))
    before = [Table({c: Column(x.values.copy(), x.missing.copy(), x.levels) for c, x in d.table.columns.items()})
              for d in (*real, evidence.synthetic)]  # fmt: skip
    first, second = measure(name, evidence), measure(name, evidence)
    assert json.dumps([s.to_json() for s in first]) == json.dumps([s.to_json() for s in second])
    for d, table in zip((*real, evidence.synthetic), before, strict=True):
        assert d.table.equals(table)


N = 60
AWKWARD: dict[str, Callable[[np.random.Generator], Dataset]] = {
    "one row": lambda g: data({"x": ("number", Column.of(g.random(1))), "c": ("category", texts("a"))}, "c"),
    "one column": lambda g: data({"x": ("number", Column.of(g.random(N)))}),
    "one category column": lambda g: data({"c": ("category", texts(g.integers(0, 3, N)))}, "c"),
    "constant": lambda g: data(
        {
            "x": ("number", Column.of(np.full(N, 3.0))),
            "c": ("category", texts("a" * N)),
            "b": ("boolean", Column.of(np.ones(N, bool))),
        },
        "b",
    ),
    "all missing": lambda g: data(
        {
            "x": ("number", Column.of(np.full(N, np.nan))),
            "c": ("category", texts([None] * N)),
            "t": ("datetime", Column.of(np.full(N, "NaT", "datetime64[us]"))),
        },
        "c",
    ),
    "all distinct": lambda g: data(
        {
            "x": ("number", Column.of(g.permutation(N) + N * g.integers(1, 9))),
            "c": ("category", texts(g.permutation(N) + N * g.integers(1, 9))),
            "i": ("id", texts(g.permutation(N))),
        },
        "x",
    ),
    "2,000 categories": lambda g: data(
        {k: ("category", texts(g.integers(0, 2_000, 3_000))) for k in "abc"}
        | {"y": ("boolean", Column.of(g.random(3_000) < 0.5))},
        "a",
    ),
    "only text": lambda g: data({"s": ("text", texts(f"free text {k}" for k in g.integers(0, 99, N)))}, "s"),
    "only ids": lambda g: data({"i": ("id", texts(g.permutation(N)))}),
    "only dates": lambda g: data(
        {k: ("datetime", Column.of((g.random(N) * 2e16 - 1e16).astype("datetime64[us]"))) for k in "ab"}
        | {"d": ("duration", Column.of((g.random(N) * 1e9).astype("timedelta64[us]")))},
        "a",
    ),
    "unicode names": lambda g: data(
        {
            "<script>": ("number", Column.of(g.random(N))),
            "größe & 名\u202e": ("category", texts(g.choice(["é", "\x1b[31m", ""], N))),
        },
        "größe & 名\u202e",
    ),
    "duplicate rows": lambda g: data(
        {"x": ("number", Column.of(np.repeat([1.0, 2.0], N // 2))), "c": ("category", texts("ab" * (N // 2)))}, "c"
    ),
    "infinities": lambda g: data(
        {
            "x": ("number", Column.of(np.r_[np.inf, -np.inf, g.random(N - 2)])),
            "y": ("number", Column.of(np.full(N, np.inf))),
        },
        "x",
    ),
    "huge numbers": lambda g: data(
        {
            "x": ("number", Column.of(g.choice([1e308, -1e308, 0.0, 5e-324], N))),
            "y": ("number", Column.of(g.integers(-(2**63), 2**63 - 1, N))),
            "z": ("number", Column.of(g.choice([1e308, 1.1e308], N))),
        },
        "x",
    ),
    "huge target": lambda g: data(
        {"x": ("number", Column.of(g.random(N))), "y": ("number", Column.of(g.integers(-(2**63), 2**63 - 1, N)))}, "y"
    ),
    "target with one class": lambda g: data(
        {"x": ("number", Column.of(g.random(N))), "c": ("category", texts("a" * N))}, "c"
    ),
    "target missing almost everywhere": lambda g: data(
        {"x": ("number", Column.of(g.random(N))), "c": ("category", texts(["a", "b"] + [None] * (N - 2)))}, "c"
    ),
    "30 classes": lambda g: data(
        {"x": ("number", Column.of(g.random(300))), "c": ("category", texts(g.integers(0, 30, 300)))}, "c"
    ),
    "categories of numbers": lambda g: data(
        {"k": ("category", Column.of(g.integers(0, 4, N))), "x": ("number", Column.of(g.random(N)))}, "k"
    ),
    "no rows": lambda g: data({"x": ("number", Column.of(np.zeros(0))), "c": ("category", texts([]))}, "c"),
    "ordinary": lambda g: data(
        {"x": ("number", Column.of(g.random(N))), "c": ("category", texts(g.integers(0, 3, N)))}, "c"
    ),
}  # fmt: skip


def check(name: str, evidence: Evidence) -> None:
    scores = measure(name, evidence)
    assert isinstance(scores, list)
    for score in scores:
        json.dumps(score.to_json(), allow_nan=False)
        assert np.isfinite(score.value) or score.details["why"]
        title, meaning, advice = explain(score)
        assert title
        assert meaning
        assert advice
        assert in_words(score)
    answer = verdict(scores)
    assert answer.sentence
    json.dumps(answer.to_json(), allow_nan=False)


@pytest.mark.parametrize("table", AWKWARD)
@pytest.mark.parametrize("name", NAMES)
def test_awkward_tables_give_scores_or_a_reason(name, table):
    check(name, Evidence(*(AWKWARD[table](np.random.default_rng(k)) for k in range(3))))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_synthetic_rows_or_few_held_out_give_scores_or_a_reason(name, rows):
    a, b, c = (population(120, k) for k in range(3))
    check(name, Evidence(a, b, c.take(np.arange(rows))))
    check(name, Evidence(a, b.take(np.arange(rows)), c))


@pytest.mark.parametrize("name", NAMES)
def test_a_degenerate_synthesis_gives_scores_or_a_reason(name):
    a, b, c = (population(120, k) for k in range(3))
    check(name, Evidence(a, b, c.take(np.zeros(120, np.int64))))
    gone = {k: Column(x.values, np.ones(120, bool), x.levels) for k, x in c.table.columns.items()}
    check(name, Evidence(a, b, c.with_table(Table(gone))))
    one_class = c.table.assign({"class": Column.of(np.zeros(120, bool))})
    check(name, Evidence(a, b, c.with_table(one_class)))
