"""Sibling times: gaps far finer than what lies between real moments come out as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import seedstock


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    g = np.random.default_rng(0)
    n = 1_500
    express = g.random(n) < 0.3
    day = np.datetime64("2022-01-01", "us") + (g.integers(0, 900, n) * 86_400 + g.integers(0, 86_400, n)).astype(
        "m8[s]"
    )
    gap = np.exp(g.normal(np.where(express, 8, 11), 0.5)).astype(int)
    return pd.DataFrame(
        {"shipped": day + gap.astype("m8[s]"), "express": np.where(express, "yes", "no"), "created": day}
    )


@pytest.mark.parametrize("generator", ["forest", "copula"])
def test_gaps_come_out_as_they_are(orders: pd.DataFrame, generator: str) -> None:
    model = seedstock.fit(orders, generator=generator, seed=1)
    drawn = seedstock.sample(model, 1_500, seed=2)
    real, new = ((d["shipped"] - d["created"]).dt.total_seconds() for d in (orders, drawn))
    assert (new >= 0).all()
    for share in (0.1, 0.5, 0.9):
        assert np.log(new.quantile(share)) == pytest.approx(np.log(real.quantile(share)), abs=0.2)


def test_a_given_time_is_left_as_it_is(orders: pd.DataFrame) -> None:
    model = seedstock.fit(orders, generator="forest", seed=1)
    asked = pd.DataFrame({"shipped": orders["shipped"].head(20)})
    drawn = model.sample(given=asked, seed=3)
    assert (drawn["shipped"].to_numpy() == asked["shipped"].to_numpy()).all()
    assert (drawn["created"] <= drawn["shipped"]).all()
