"""Log probabilities of rows against those of the distribution that they were drawn from."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedstock
from seedstock import cli


def frame(n: int, seed: int) -> pd.DataFrame:
    g = np.random.default_rng(seed)
    a = g.choice(["x", "y", "z"], n, p=[0.5, 0.3, 0.2])
    b = np.where(g.random(n) < np.select([a == "x", a == "y"], [0.9, 0.5], 0.1), "on", "off")
    z = np.select([a == "x", a == "y"], [0.0, 2.0], 4.0) + g.standard_normal(n)
    return pd.DataFrame({"a": a, "b": b, "z": z})


def entropy(*p: float) -> float:
    return -sum(x * np.log(x) for x in p)


H_A = entropy(0.5, 0.3, 0.2)
H_B_GIVEN_A = 0.5 * entropy(0.9, 0.1) + 0.3 * entropy(0.5, 0.5) + 0.2 * entropy(0.1, 0.9)
P_ON = 0.5 * 0.9 + 0.3 * 0.5 + 0.2 * 0.1


def test_categories_reach_the_negative_entropy() -> None:
    rows, new = frame(20_000, 0)[["a", "b"]], frame(20_000, 1)[["a", "b"]]
    joint = seedstock.score(seedstock.fit(rows), new)
    assert joint["log_likelihood"] == pytest.approx(-(H_A + H_B_GIVEN_A), abs=4 * joint["standard_error"] + 0.01)
    alone = seedstock.score(seedstock.fit(rows, generator="independent"), new)
    assert alone["log_likelihood"] == pytest.approx(-(H_A + entropy(P_ON, 1 - P_ON)), abs=0.02)
    assert sum(joint["columns"].values()) == pytest.approx(joint["log_likelihood"])


def test_numbers_are_as_probable_as_their_information_says() -> None:
    rows, new = frame(20_000, 0), frame(20_000, 1)
    both = [seedstock.score(seedstock.fit(rows, generator=g), new)["columns"]["z"] for g in ("forest", "independent")]
    # The gain is the mutual information of z with a (and b adds nothing): h(z) - h(z | a), by quadrature.
    x = np.linspace(-8, 12, 40_001)
    normal = lambda m: np.exp(-((x - m) ** 2) / 2) / np.sqrt(2 * np.pi)  # noqa: E731
    density = 0.5 * normal(0) + 0.3 * normal(2) + 0.2 * normal(4)
    h = -np.trapezoid(density * np.log(density), x)
    gain = h - 0.5 * np.log(2 * np.pi * np.e)
    # Which column comes first is the forest's choice: z may be drawn after both, and is.
    assert both[0] - both[1] == pytest.approx(gain, abs=0.06)
    assert both[0] - both[1] <= gain + 0.02


def test_unseen_values_cost_but_are_no_infinity(tmp_path: Path) -> None:
    rows, new = frame(500, 0), frame(50, 1)
    new.loc[0, "a"] = "never seen"
    model = seedstock.fit(rows)
    found = seedstock.score(model, new)
    assert np.isfinite(found["log_likelihood"])
    assert found["columns"]["a"] < seedstock.score(model, new.iloc[1:])["columns"]["a"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame(300, 0).to_csv(tmp_path / "a.csv", index=False)
    model = seedstock.fit(tmp_path / "a.csv")
    model.save(tmp_path / "m")
    assert cli.run(["score", str(tmp_path / "m"), str(tmp_path / "a.csv"), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["columns"]) == {"a", "b", "z"}
    assert cli.run(["score", str(tmp_path / "m"), str(tmp_path / "a.csv")]) == 0
    assert "nats a row" in capsys.readouterr().out
    seedstock.fit(tmp_path / "a.csv", generator="copula").save(tmp_path / "c")
    assert cli.run(["score", str(tmp_path / "c"), str(tmp_path / "a.csv")]) == 2
