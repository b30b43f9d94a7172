"""The course of regular readings in the report: means that agree, gaps left open, no single reading shown."""

from __future__ import annotations

from typing import Any

import numpy as np

from seedstock.api.growing import grow
from seedstock.report.build import page
from seedstock.report.course import courses


def frame(n: int) -> dict[str, Any]:
    g = np.random.default_rng(0)
    t = np.arange(n)
    x = 10 + 0.01 * t + 3 * np.sin(2 * np.pi * t / 24) + g.standard_normal(n)
    return {"time": np.datetime64("2024-01-01", "us") + t * np.timedelta64(1, "h"), "x": x.round(2), "y": g.random(n)}


def test_the_page_shows_course_and_memory() -> None:
    run = grow(frame(1_200), seed=1, settings={"trees": 4}).run
    shown = courses(run)
    assert [c["name"] for c in shown] == ["x", "y"]
    real, drawn = (np.array(s["data"], float) for s in shown[0]["course"]["option"]["series"])
    assert len(real) == len(drawn) == 50  # whole days, so that the time of day does not show
    assert np.abs(real[:, 1] - 10 - 0.01 * 24 * (np.arange(50) + 0.5)).max() < 1
    assert np.nanmean(np.abs(real[:, 1] - drawn[:, 1])) < 1
    memory = [dict(s["data"]) for s in shown[0]["memory"]["option"]["series"]]
    assert abs(memory[0][1] - memory[1][1]) < 0.1
    assert 'id="course"' in page(run)


def test_other_tables_have_none() -> None:
    g = np.random.default_rng(0)
    run = grow({"x": g.random(200), "y": g.random(200)}, seed=1, settings={"trees": 2}).run
    assert courses(run) == []
    assert 'id="course"' not in page(run)
