"""Two hundred simulate-and-refit runs of two models: ranks uniform, 90 % intervals cover nine in ten."""

from __future__ import annotations

from typing import Any

import numpy as np
from run import bar

from seedstock.core.rng import Rng
from seedstock.physics import Prior, Series, load_model
from seedstock.physics.problem import Problem
from seedstock.physics.sbc import calibration_ranks

RUNS = 200


def problems() -> dict[str, Problem]:
    """Return a decay and an epidemic: normal and negative binomial noise, a closed form and an integrator."""
    t = np.arange(20.0)
    decay = load_model("decay").with_priors(
        amount0=Prior.lognormal(100, 0.5), rate=Prior.lognormal(0.2, 0.5), sigma=Prior.lognormal(3, 0.5)
    )
    sir = load_model("sir").with_priors(
        beta=Prior.lognormal(1.2, 0.3), gamma=Prior.lognormal(0.4, 0.3), infected0=Prior.lognormal(4, 0.5),
        overdispersion=Prior.exponential(0.1),
    )  # fmt: skip
    return {
        "decay": Problem.of(decay, Series(t, {"amount": 100 * np.exp(-0.2 * t)})),
        "sir": Problem.of(sir, Series(t, {"infected": np.ones(20)}), {"population": 1_000}),
    }


def run() -> dict[str, Any]:
    bars, out = [], {}
    for name, problem in problems().items():
        ranks = calibration_ranks(problem, Rng(7).child(name), RUNS)
        p, covered = ranks.p_values(), ranks.coverage()
        bars += [
            bar(f"{name}: least KS p of ranks", min(p.values()), ">=", 0.01),
            bar(f"{name}: least coverage of 90 % intervals", min(covered.values()), ">=", 0.85),
            bar(f"{name}: greatest coverage of 90 % intervals", max(covered.values()), "<=", 0.95),
            bar(f"{name}: failed runs", ranks.failed, "<=", 0),
        ]
        out[name] = ranks.to_json()
        print(name, p, covered, flush=True)
    return {"bars": bars, "models": out, "runs": RUNS}
