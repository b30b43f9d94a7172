"""Answers known exactly: gamma posteriors of a queue, Erlang C, decay, an oscillator, a Gaussian line."""

from __future__ import annotations

from typing import Any

import numpy as np
from run import bar
from scipy import stats
from verdicts import queue

from seedstock.core.rng import Rng
from seedstock.physics import Noise, PhysicalModel, Prior, Series, calibrate, load_model

SEEDS = range(5)


def line(seed: int) -> float:
    """Return how far means of a Gaussian linear posterior are from the exact ones, in sd."""
    t = np.linspace(0, 1, 15)
    y = 1 + 2 * t + 0.5 * np.random.default_rng(seed).standard_normal(15)
    model = PhysicalModel(
        "line", lambda theta, t, rng, controls: {"y": theta["a"][:, None] + theta["b"][:, None] * t},
        {"a": Prior.normal(0, 10), "b": Prior.normal(0, 10), "s": 0.5}, Noise("normal", {"y": "s"}), ("y",),
    )  # fmt: skip
    fit = calibrate(model, Series(t, {"y": y}), Rng(seed))
    x = np.stack([np.ones(15), t], axis=1)
    covariance = np.linalg.inv(x.T @ x / 0.25 + np.eye(2) / 100)
    return float(np.abs((fit.draws.mean(axis=0) - covariance @ x.T @ y / 0.25) / np.sqrt(np.diag(covariance))).max())


def queues(seed: int) -> tuple[float, float]:
    """Return how far a queue's service rate is from its gamma posterior, and the waiting probability from the truth."""
    data = queue(np.random.default_rng(seed), 1.0)
    fit = calibrate(load_model("queue_mmc"), data, Rng(seed)).summary()
    arrival, leave = data.t, data.t + data.values["stay"]
    service = leave - np.maximum(arrival, np.r_[-np.inf, leave[:-1]])
    law = stats.gamma(len(service), scale=1 / service.sum())
    wait = fit["wait_probability"]
    return abs(fit["service_rate"]["mean"] - law.mean()) / law.std(), abs(wait["mean"] - 0.7) / wait["sd"]


def recovered(name: str, truth: dict[str, float], t: np.ndarray, column: str, noise: float, seed: int) -> float:
    """Return how far recovered parameters are from the truth, in posterior sd."""
    model = load_model(name)
    g = np.random.default_rng(seed)
    state = model.simulate({k: np.array([v]) for k, v in truth.items()}, t, g, model.controls)[column][0]
    fit = calibrate(model, Series(t, {column: state + noise * g.standard_normal(len(t))}), Rng(seed)).summary()
    return max(abs(fit[k]["mean"] - v) / fit[k]["sd"] for k, v in truth.items())


def run() -> dict[str, Any]:
    far, waits = zip(*map(queues, SEEDS), strict=True)
    decays = [recovered("decay", {"amount0": 80, "rate": 0.3}, np.arange(20.0), "amount", 1.0, s) for s in SEEDS]
    swing = {"omega": 1.7, "zeta": 0.05, "x0": 1.0, "v0": 0.3}
    swings = [recovered("damped_oscillator", swing, np.linspace(0, 25, 90), "position", 0.05, s) for s in SEEDS]
    # The greatest of a few parameters of five runs: beyond 3.5 sd once in 100 such batches.
    bars = [
        bar("Gaussian line: farthest mean from the exact one, in sd", max(map(line, SEEDS)), "<=", 0.1),
        bar("queue: farthest service rate from its gamma posterior, in sd", max(far), "<=", 0.1),
        bar("queue: farthest waiting probability (Erlang C) from the truth, in sd", max(waits), "<=", 3.5),
        bar("decay: farthest parameter from the truth, in sd", max(decays), "<=", 3.5),
        bar("oscillator: farthest parameter from the truth, in sd", max(swings), "<=", 3.5),
    ]
    return {"bars": bars}
