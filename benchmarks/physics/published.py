"""Lynx and hare against posteriordb's reference posterior; the influenza of a boarding school against its R0."""

from __future__ import annotations

import time
from typing import Any

from run import bar

from seedstock.core.rng import Rng
from seedstock.physics import calibrate, load_model
from seedstock.physics.examples import example

REFERENCE = {"alpha": (0.547, 0.063), "beta": (0.0277, 0.0042), "gamma": (0.800, 0.089), "delta": (0.0241, 0.0035)}
"""posteriordb, hudson_lynx_hare-lotka_volterra: means and standard deviations."""
SEEDS = (1, 2, 3)
SCHOOL = {"population": 763, "lead": 1, "infected0": 1}
"""As Grinsztajn et al. (2021) set it up: one boy is infected the day before the first count."""


def run() -> dict[str, Any]:
    far, wide, seconds, fits = 0.0, 0.0, 0.0, []
    for seed in SEEDS:
        start = time.perf_counter()
        fit = calibrate(load_model("lotka_volterra"), example("lynx_hare"), Rng(seed))
        seconds = max(seconds, time.perf_counter() - start)
        found = fit.summary()
        fits.append({k: [found[k]["mean"], found[k]["sd"]] for k in REFERENCE})
        far = max([far, *(abs(found[k]["mean"] - m) / sd for k, (m, sd) in REFERENCE.items())])
        wide = max([wide, *(abs(found[k]["sd"] / sd - 1) for k, (_, sd) in REFERENCE.items())])
    bars = [
        bar("lynx and hare: farthest mean, in sd", far, "<=", 0.1),
        bar("lynx and hare: farthest sd, share", wide, "<=", 0.1),
        bar("lynx and hare: seconds", seconds, "<=", 30),
    ]
    schools: dict[str, Any] = {}
    for name, controls in (("published", SCHOOL), ("population alone known", {"population": 763})):
        start = time.perf_counter()
        fit = calibrate(load_model("sir"), example("influenza"), Rng(1), controls=controls)
        took = time.perf_counter() - start
        r0 = fit.summary()["R0"]
        schools[name] = {"R0": r0, "seconds": took}
        if name == "published":
            bars += [
                bar("influenza: R0 from 3.2", abs(r0["mean"] - 3.2), "<=", 0.3),
                bar("influenza: seconds", took, "<=", 20),
            ]
    return {"bars": bars, "lynx_hare": fits, "reference": REFERENCE, "influenza": schools}
