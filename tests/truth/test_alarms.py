"""What looks odd and is not: values at the end of a scale, dear goods; beside them what is odd indeed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from seedstock import api
from seedstock.checks._run import run_checks
from seedstock.core.results import Finding
from seedstock.core.rng import Rng

N = 1_500
PRICES = {"drill": 89.5, "saw": 45.0, "hammer": 19.9, "sander": 65.0, "lathe": 899.0, "router": 120.0, "vise": 39.9}


def shop(seed: int = 0) -> pd.DataFrame:
    g = np.random.default_rng(seed)
    x = g.normal(size=N)
    product = g.choice(list(PRICES), N, p=[0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1])
    return pd.DataFrame({
        "product": product,
        "price": np.round(np.array([PRICES[p] for p in product]) * np.exp(0.05 * g.normal(size=N)), 2),
        "weight": np.round(np.exp(0.3 * g.normal(size=N) + 0.6), 2),
        "rating": np.round((3.5 + 1.2 * x).clip(1, 5), 1),
        "returned": np.where(g.random(N) < 1 / (1 + np.exp(-6 * x)), "no", "yes"),
    })  # fmt: skip


def found(frame: pd.DataFrame, *checks: str) -> list[Finding]:
    findings = run_checks(api.read(frame, "returned"), Rng(0), checks)
    return [f for f in findings if f.severity != "low"]


def test_a_scale_that_ends_is_no_trigger() -> None:
    for seed in range(3):
        assert found(shop(seed), "poison") == []


def test_a_number_that_decides_a_label_by_itself_is_one() -> None:
    frame = shop()
    rows = np.arange(7, N, 50)
    frame.loc[rows, "weight"] = 9.99
    frame.loc[rows, "returned"] = "yes"
    (finding,) = found(frame, "poison")
    assert finding.rows == tuple(rows.tolist())


def test_what_one_kind_of_goods_costs_is_no_outlier() -> None:
    for seed in range(3):
        assert found(shop(seed), "outliers") == []


def test_a_price_beyond_those_of_all_goods_is_one() -> None:
    frame = shop()
    rows = np.arange(3, N, 100)
    frame.loc[rows, "price"] = np.random.default_rng(1).uniform(20_000, 30_000, len(rows)).round(2)
    (finding,) = found(frame, "outliers")
    assert set(rows.tolist()) <= set(finding.rows)


def test_few_kinds_that_decide_a_code() -> None:
    frame = shop()
    frame["country"] = np.random.default_rng(2).choice(["Austria", "Belgium", "Cyprus"], N)
    frame["code"] = frame["country"].map({"Austria": "A1", "Belgium": "B7", "Cyprus": "C3"})
    rows = np.arange(11, N, 60)
    frame.loc[rows, "code"] = frame.loc[rows, "code"].map({"A1": "B7", "B7": "C3", "C3": "A1"})
    assert {r for f in found(frame, "rule_violations") for r in f.rows} == set(rows.tolist())


def test_a_slip_that_is_repeated_in_a_list_of_few_words() -> None:
    frame = shop()
    frame["region"] = np.random.default_rng(3).choice(["North", "South", "West"], N)
    rows = np.flatnonzero(frame["region"] == "North")[:8]
    frame.loc[rows, "region"] = "Norht"
    (finding,) = found(frame, "inconsistent_categories")
    assert finding.rows == tuple(rows.tolist())
    assert {e.after for e in finding.edits} == {"North"}


def test_a_product_that_is_rounded_to_nothing_is_no_rule() -> None:
    g = np.random.default_rng(4)
    frame = shop()
    frame["a"], frame["b"] = g.uniform(0, 0.2, N).round(3), g.uniform(0, 0.2, N).round(3)
    frame["c"] = np.where(g.random(N) < 0.1, g.choice([0.2, 0.4, 0.6], N), 0.0)
    assert found(frame, "rule_violations") == []


def weather(seed: int) -> pd.DataFrame:
    g = np.random.default_rng(seed)
    warm = g.choice([13, 19, 10, 21, 11], N) + 7 * g.normal(size=N)
    damp = (60 - 1.2 * (warm - 15) + 10 * g.normal(size=N)).clip(5, 100)
    rain = np.where(g.random(N) < 1 / (1 + np.exp(6 - 0.1 * damp)), "yes", "no")
    return pd.DataFrame({"temperature": warm.round(1), "humidity": damp.round(1), "returned": rain})


def test_hot_and_dry_is_not_swapped() -> None:
    for seed in range(5):
        assert found(weather(seed), "shifted_columns") == []


def test_swapped_is_swapped() -> None:
    frame = weather(0)
    rows = np.arange(9, N, 50)
    frame.loc[rows, ["temperature", "humidity"]] = frame.loc[rows, ["humidity", "temperature"]].to_numpy()
    (finding,) = found(frame, "shifted_columns")
    assert set(finding.rows) <= set(rows.tolist())
    assert len(finding.rows) >= 0.75 * len(rows)
