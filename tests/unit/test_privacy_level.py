"""`--privacy` chooses a point between likeness and memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedstock
from seedstock import cli
from seedstock.core.errors import InputError


@pytest.fixture
def rows() -> pd.DataFrame:
    g = np.random.default_rng(0)
    return pd.DataFrame({"a": g.integers(0, 300, 600), "b": g.integers(0, 300, 600), "c": g.choice(list("xyz"), 600)})


def test_more_privacy_remembers_less(rows: pd.DataFrame) -> None:
    """Rows of noise: what a model says of its own rows beyond what it says of new ones is memory."""
    g = np.random.default_rng(1)
    new = pd.DataFrame({"a": g.integers(0, 300, 600), "b": g.integers(0, 300, 600), "c": g.choice(list("xyz"), 600)})
    memory = []
    for level in ("low", "standard", "high"):
        model = seedstock.fit(rows, privacy=level)
        memory.append(seedstock.score(model, rows)["log_likelihood"] - seedstock.score(model, new)["log_likelihood"])
    assert memory[0] > memory[1] >= memory[2] - 0.05


def test_high_remembers_less_where_boosted_halves_tell_more_than_leaves() -> None:
    """Columns that hang smoothly on those before them: halves win, and shrinkage alone would change nothing."""

    def smooth(seed: int, n: int = 2_500) -> pd.DataFrame:
        g = np.random.default_rng(seed)
        x = g.normal(size=(n, 4))
        x[:, 2] = np.sin(2 * x[:, 0]) + x[:, 1] + 0.3 * x[:, 2]
        x[:, 3] = x[:, 2] * x[:, 0] - x[:, 1] + 0.3 * x[:, 3]
        return pd.DataFrame(x.round(3), columns=list("abcd"))

    rows, new, memory = smooth(0), smooth(1), []
    for level in ("standard", "high"):
        model = seedstock.fit(rows, privacy=level)
        memory.append(seedstock.score(model, rows)["log_likelihood"] - seedstock.score(model, new)["log_likelihood"])
    assert memory[1] < 0.6 * memory[0]


def test_the_level_is_in_the_settings(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.to_csv(tmp_path / "a.csv", index=False)
    assert cli.run(["fit", str(tmp_path / "a.csv"), "-o", str(tmp_path / "m"), "--privacy", "high", "-q"]) == 0
    assert seedstock.Model.load(tmp_path / "m").about["settings"]["shrinkage_share"] == 10.0


@pytest.mark.parametrize(
    "asked",
    [
        {"privacy": "extreme"},
        {"privacy": "high", "generator": "copula"},
        {"privacy": "high", "settings": {"shrinkage_share": 2.0}},
        {"privacy": "standard", "settings": {"boost_rows": 0}},
        {"privacy": "low", "settings": {"guard_share": 0.1}},
        {"settings": {"guard_share": 1.0}},
        {"settings": {"guard_share": -0.1}},
        {"settings": {"guard_share": float("nan")}},
        {"privacy": "high", "epsilon": 1.0},
    ],
    ids=["unknown", "other", "twice", "leaves", "guard", "all", "less than none", "nan", "proof"],
)
def test_what_cannot_be_is_refused(rows: pd.DataFrame, asked: dict[str, object]) -> None:
    with pytest.raises(InputError):
        seedstock.fit(rows, **asked)  # type: ignore[arg-type]
