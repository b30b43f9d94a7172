"""The judge of the comparisons, against planted answers and SDMetrics.

XGBoost and LightGBM are no dependencies; where they are absent the tests that need them are skipped, and the
comparison runs this file in the judge's own environment when it has built that one.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "judge.py"
SPEC = importlib.util.spec_from_file_location("seedstock_benchmark_judge", FILE)
judge = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = judge
SPEC.loader.exec_module(judge)


def table(n: int, seed: int) -> pd.DataFrame:
    """Two numbers that move together, a category that follows them, and a target."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = 0.9 * x + 0.3 * rng.normal(size=n)
    group = np.where(x > 0.5, "high", np.where(x < -0.5, "low", "mid"))
    target = np.where(x + 0.2 * rng.normal(size=n) > 0, "yes", "no")
    return pd.DataFrame({"x": x, "y": y, "group": group, "target": target})


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({n: rng.permutation(frame[n].to_numpy()) for n in frame})


def trio(synthetic: pd.DataFrame, n: int = 1500) -> "judge.Trio":
    return judge.Trio.of(table(n, 0), table(n, 1), synthetic, ["group", "target"], "target")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_same_rows_have_no_error():
    three = trio(table(1500, 0))
    assert judge.shape_error(three) == 0
    assert judge.trend_error(three) == 0
    assert judge.copies(three) == {"copies": 100.0, "copies_holdout": 0.0}


def test_shuffled_columns_keep_shapes_and_lose_trends():
    three = trio(shuffled(table(1500, 0), 5))
    assert judge.shape_error(three) == 0
    assert judge.trend_error(three) > 15


def test_errors_are_those_of_sdmetrics():
    multi = pytest.importorskip("sdmetrics.column_pairs")
    single = pytest.importorskip("sdmetrics.single_column")
    drawn = shuffled(table(1200, 7), 8)
    three = trio(drawn)
    real = three.train
    shapes = [single.KSComplement.compute(real[n], drawn[n]) for n in ("x", "y")]
    shapes += [single.TVComplement.compute(real[n], drawn[n]) for n in ("group", "target")]
    assert judge.shape_error(three) == pytest.approx(100 * (1 - np.mean(shapes)))
    two = multi.CorrelationSimilarity.compute(real[["x", "y"]], drawn[["x", "y"]])
    both = multi.ContingencySimilarity.compute(real[["group", "target"]], drawn[["group", "target"]])
    only = judge.Trio.of(real[["x", "y"]], real[["x", "y"]], drawn[["x", "y"]], [], "y")
    assert judge.trend_error(only) == pytest.approx(100 * (1 - two))
    names = ["group", "target"]
    only = judge.Trio.of(real[names], real[names], drawn[names], names, "target")
    assert judge.trend_error(only) == pytest.approx(100 * (1 - both))


def test_a_copier_is_near_and_gives_its_members_away():
    copied = judge.nearness(trio(table(1500, 0)), rng())
    assert copied["nearest_share"] > 0.99
    assert copied["membership_auc"] > 0.99
    fresh = judge.nearness(trio(table(1500, 3)), rng())
    assert abs(fresh["nearest_share"] - 0.5) < 0.04
    assert fresh["membership_low"] < 0.5 < fresh["membership_high"]


def test_a_constant_column_has_lost_its_trend():
    drawn = table(1500, 0).assign(y=0.0)
    only = judge.Trio.of(table(1500, 0)[["x", "y"]], table(1500, 1)[["x", "y"]], drawn[["x", "y"]], [], "y")
    assert judge.trend_error(only) > 40


def test_missing_categories_are_one_category():
    drawn = table(1500, 0)
    drawn.loc[:99, "group"] = None
    marked = drawn.assign(group=drawn["group"].fillna("?"))
    assert judge.shape_error(trio(drawn)) == judge.shape_error(trio(marked)) > 0


def test_an_absent_column_is_refused():
    with pytest.raises(ValueError, match=r"however these are not: \['y'\]"):
        trio(table(10, 0).drop(columns="y"))


def test_detection_tells_shuffled_columns_and_not_fresh_rows():
    pytest.importorskip("xgboost", reason="needs xgboost-cpu")
    pytest.importorskip("lightgbm", reason="needs lightgbm")
    fresh = judge.detection(trio(table(1500, 3)), rng())
    assert fresh["c2st"] > 0.93
    assert abs(fresh["holdout_auc"] - 0.5) < 0.04
    apart = judge.detection(trio(shuffled(table(1500, 3), 9)), rng())
    assert apart["c2st"] < 0.2
    assert apart["holdout_auc"] > 0.9


def test_a_copier_does_not_pass_the_holdout():
    pytest.importorskip("xgboost", reason="needs xgboost-cpu")
    pytest.importorskip("lightgbm", reason="needs lightgbm")
    copied = judge.detection(trio(table(1500, 0)), rng())
    assert copied["c2st"] == 1
    assert copied["c2st_auc"] < 0.5


def test_usefulness_falls_with_the_trend():
    pytest.importorskip("lightgbm", reason="needs lightgbm")
    fresh, apart = (judge.usefulness(trio(f)) for f in (table(1500, 3), shuffled(table(1500, 3), 9)))
    assert fresh["trtr_auc"] == apart["trtr_auc"]
    assert abs(fresh["tstr_auc"] - fresh["trtr_auc"]) < 0.02
    assert apart["tstr_auc"] < 0.7


def test_a_class_that_is_never_drawn_counts_as_half():
    pytest.importorskip("lightgbm", reason="needs lightgbm")
    drawn = table(1500, 3).assign(target="yes")
    assert judge.usefulness(trio(drawn))["tstr_auc"] == 0.5


def test_a_tiny_class_neither_diverges_nor_counts():
    pytest.importorskip("lightgbm", reason="needs lightgbm")

    def three_classes(n: int, seed: int) -> pd.DataFrame:
        frame = table(n, seed)
        frame["target"] = frame["group"]
        frame.loc[:7, "target"] = "tiny"
        return frame.drop(columns="group")

    frames = [three_classes(3000, seed) for seed in (0, 1, 3)]
    scores = judge.usefulness(judge.Trio.of(*frames, ["target"], "target"))
    assert scores["trtr_auc"] > 0.99
    assert scores["tstr_auc"] > 0.99
