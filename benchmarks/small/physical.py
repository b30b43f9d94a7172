"""Few rows and a mechanism: an epidemic in time, and waiting over the load of a queue, to ten times as many real rows.

    python benchmarks/small/physical.py [--worlds 5] [--kinds epidemic queue]

Each world has parameters of its own. A learner predicts the number of infected from the day, or the logarithm of the
mean wait from the arrival rate, from 20 rows; the mechanism is calibrated on these rows alone, and draws rows in
between. Waits come from simulated customers, not from the formula that explains them.
"""

from __future__ import annotations

import argparse
import datetime
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import summary

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.physics import Series, calibrate, generate, load_model
from seedstock.physics.model import PhysicalModel
from seedstock.physics.models.queue_mmc import erlang_c
from seedstock.physics.noise import Noise
from seedstock.physics.prior import Prior
from seedstock.proof.arms import load
from seedstock.proof.proof import Plan, measure

FEW, ROWS, POINTS = 20, 450, 100
EFFECTIVE = 500
"""Independent parameter sets of a posterior: a thousand rows need no more."""
SERVERS = 2


@dataclass(frozen=True, eq=False)
class Mechanism:
    """A physical model as a generator: calibrated on few rows, drawn at even places between their ends.

    `begins` is where the mechanism is known to begin, though no row may have been seen there.
    """

    model: PhysicalModel
    at: str
    controls: dict[str, float]
    begins: float = np.inf
    mechanism: ClassVar[bool] = True

    def fit(self, data: Dataset, rng: Rng) -> Any:
        table = data.table
        (value,) = (c for c in table if c != self.at)
        order = np.argsort(table[self.at].values, kind="stable")
        t, y = (np.asarray(table[c].values, float)[order] for c in (self.at, value))
        series = Series(t, {self.model.columns[0]: y}, self.at)
        posterior = calibrate(self.model, series, rng, controls=self.controls, effective=EFFECTIVE)
        return Calibrated(posterior, data, self.at, value, min(float(t[0]), self.begins), float(t[-1]))


@dataclass(frozen=True, eq=False)
class Calibrated:
    posterior: Any
    data: Dataset
    at: str
    value: str
    low: float
    high: float

    def sample(self, n: int, rng: Rng) -> Dataset:
        t = np.linspace(self.low, self.high, POINTS)
        drawn = generate(self.posterior, n, rng, t=t, labels=False).table
        own = self.posterior.problem.model.columns[0]
        cells = {self.at: drawn[self.at].values, self.value: drawn[own].values}
        return self.data.with_table(Table({c: Column.of(np.asarray(cells[c], float)) for c in self.data.table}))


def _mean_wait(theta: Any, t: np.ndarray, rng: Any, controls: Any) -> dict[str, np.ndarray]:
    rate, mu = t[None, :], theta["service_rate"][:, None]
    spare = SERVERS * mu - rate
    with np.errstate(divide="ignore"):
        wait = np.where(spare > 0, erlang_c(rate / mu, np.full_like(rate / mu, SERVERS)) / spare, np.inf)
    return {"log_wait": np.log10(np.minimum(wait, 1e6))}


QUEUE = PhysicalModel(
    name="mean_wait",
    simulate=_mean_wait,
    priors=lambda series, controls: {
        "service_rate": Prior.lognormal(float(series.t.max()) / SERVERS * 1.2, 0.5),
        "sigma": Prior.lognormal(0.15, 1.0),
    },
    observe=Noise("normal", {"log_wait": "sigma"}),
    columns=("log_wait",),
    kind="curve",
)


EPIDEMIC = replace(
    load_model("sir"),
    origin="zero",  # the day is counted from the outbreak
    priors=lambda series, controls: {
        "beta": Prior.lognormal(1.0, 1.0),
        "gamma": Prior.lognormal(0.4, 1.0),
        "infected0": Prior.lognormal(10.0, 1.0),
        "overdispersion": Prior.exponential(0.2),
        "population": float(controls["population"]),
    },
)


def dataset(columns: dict[str, np.ndarray], target: str) -> Dataset:
    schema = {c: ColumnSchema("number", ("target",) if c == target else (), dtype="float64") for c in columns}
    return Dataset({"t": Table({c: Column.of(v) for c, v in columns.items()})}, Schema({"t": TableSchema(schema)}))


def epidemic(g: np.random.Generator) -> tuple[Dataset, Mechanism]:
    model, t = EPIDEMIC, np.sort(g.uniform(0, 45, ROWS))
    theta = {"beta": g.uniform(0.7, 1.2), "gamma": g.uniform(0.25, 0.4), "infected0": 4.0, "population": 2_000.0}
    arrays = {k: np.array([v]) for k, v in theta.items()}
    state = np.maximum(model.simulate(arrays, np.r_[0.0, t], g, model.controls)["infected"][0, 1:], 1e-9)
    y = g.negative_binomial(30, 30 / (30 + state)).astype(float)
    return dataset({"day": t, "infected": y}, "infected"), Mechanism(model, "day", {"population": 2_000}, begins=0.0)


def queue(g: np.random.Generator) -> tuple[Dataset, Mechanism]:
    mu = g.uniform(0.5, 2.0)
    model = load_model("queue_mmc")
    rates, waits = [], []
    while len(rates) < ROWS:
        rate = g.uniform(0.3, 0.95) * SERVERS * mu
        theta = {"arrival_rate": np.array([rate]), "service_rate": np.array([mu])}
        seen = model.simulate(theta, np.arange(1_000.0), g, {"servers": SERVERS})
        mean = float(seen["wait"][0].mean())
        if mean > 0:
            rates.append(999 / float(seen["time"][0, -1]))
            waits.append(mean)
    columns = {"rate": np.array(rates), "log_wait": np.log10(waits)}
    return dataset(columns, "log_wait"), Mechanism(QUEUE, "rate", {})


KINDS = {"epidemic": epidemic, "queue": queue}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--worlds", type=int, default=5)
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS))
    asked = parser.parse_args()
    worlds = asked.worlds
    file = Path(__file__).parent / "results" / f"{datetime.date.today().isoformat()}-physical.json"
    whole: dict[str, Any] = {"few": FEW, "worlds": worlds, "tables": {}}
    done = json.loads(file.read_text("utf-8")) if file.exists() else {}
    if all(done.get(k) == whole[k] for k in ("few", "worlds")):
        whole["tables"] = done["tables"]  # kinds that are not asked for stay as they are
    for name, make in ((k, KINDS[k]) for k in asked.kinds):
        for world in range(worlds):
            data, mechanism = make(np.random.default_rng(100 + world))
            plan = Plan({"mechanism": mechanism, "copula": load("copula")}, few=(FEW,), seeds=2, minutes=1e9)
            m = measure(data, plan, Rng(world).child(name))
            whole["tables"][f"{name} {world}"] = {
                "few": m.few, "pool": m.n_pool, "chosen": [[*k, a] for k, a in m.chosen.items()],
                "scores": [[r.arm, r.learner, r.n, r.seed, round(r.score, 5)] for r in m.results],
            }  # fmt: skip
            print(name, world, f"{m.seconds:.0f} s", flush=True)
    tables = whole["tables"]
    for name in dict.fromkeys(k.split()[0] for k in tables):
        part = {"tables": {k: v for k, v in tables.items() if k.startswith(name)}}
        whole[name] = {
            k: {a: [v["gap_closed"], v["interval"]] for a, v in arms.items()}
            for k, arms in summary.summary(part).items()
        }
        for learner, arms in whole[name].items():
            print(name, learner, {a: v[0] for a, v in arms.items()})
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
