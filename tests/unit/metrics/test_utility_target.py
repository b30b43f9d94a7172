"""What kind of target usefulness is measured for."""

from __future__ import annotations

import numpy as np
import pandas as pd

import seedstock


def test_a_number_with_two_values_is_a_class() -> None:
    g = np.random.default_rng(0)
    x = g.standard_normal(600)
    rows = pd.DataFrame({"x": x, "y": (x + g.standard_normal(600) > 0).astype(int)})
    scores = seedstock.judge(rows[:300], rows[300:], rows[:300].sample(frac=1, random_state=1), target="y").scores
    assert scores["utility_boosting_auc"].value > 0.7
    assert not any(name.endswith("rmse") for name in scores)


def test_a_number_with_three_is_not() -> None:
    g = np.random.default_rng(0)
    rows = pd.DataFrame({"x": g.standard_normal(300), "y": g.integers(0, 3, 300) * 1.5})
    scores = seedstock.judge(rows[:150], rows[150:], rows[:150], target="y").scores
    assert any(name.endswith("rmse") for name in scores)
