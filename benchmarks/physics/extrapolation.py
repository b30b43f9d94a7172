"""What the data have not shown yet: an epidemic's peak, a queue near saturation, a rare regime for a detector.

Each mechanism is calibrated on the tame part and asked for the wild one; forest, copula and bootstrap learn from the
same rows and stand beside it. They draw rows like those that they have seen, and are taken at their best: of what they
draw, the rows of the latest days count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from run import bar
from scipy import stats
from verdicts import queue

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.copula import Copula
from seedstock.generators.forest import Forest
from seedstock.physics import Series, calibrate, generate, load_model
from seedstock.physics.ppc import event_statistics
from seedstock.physics.scoring import crps, forecast

Floats = NDArray[np.float64]
EPIDEMICS, QUEUES, DETECTORS = 20, 10, 10
DRAWS = 400


def rows_of(columns: dict[str, Floats], n: int, seed: int) -> dict[str, dict[str, Floats]]:
    """Draw n rows by each statistical generator."""
    schema = {c: ColumnSchema("number", dtype="float64") for c in columns}
    data = Dataset({"t": Table({c: Column.of(v) for c, v in columns.items()})}, Schema({"t": TableSchema(schema)}))
    out = {}
    for name, generator in (("forest", Forest()), ("copula", Copula())):
        drawn = generator.fit(data, Rng(seed)).sample(n, Rng(seed).child("draw")).table
        out[name] = {c: drawn[c].values for c in columns}
    pick = np.random.default_rng(seed).integers(len(next(iter(columns.values()))), size=n)
    return {**out, "bootstrap": {c: v[pick] for c, v in columns.items()}}


def epidemic(seed: int, share: float = 0.9) -> dict[str, Any] | None:
    g = np.random.default_rng(seed)
    model, t = load_model("sir"), np.arange(45.0)
    theta = {"beta": g.uniform(0.7, 1.2), "gamma": g.uniform(0.25, 0.4), "infected0": 4.0, "population": 2_000.0}
    state = model.simulate({k: np.array([v]) for k, v in theta.items()}, t, g, model.controls)["infected"][0]
    y = g.negative_binomial(30, 30 / (30 + np.maximum(state, 1e-9))).astype(float)
    # Known are the days before this share of the peak is reached: growth alone.
    known = int(np.argmax(state > share * state.max()))
    if known < 6:
        return None
    fit = calibrate(model, Series(t[:known], {"infected": y[:known]}, "day"), Rng(seed), controls={"population": 2_000})
    theta_draws = fit.thin(DRAWS, g)
    drawn = fit.problem.replicate(theta_draws, g, t)["infected"]
    later = slice(known, len(t))
    scores = {"sir": float(crps(drawn[:, later], y[later]).mean())}
    scores["autoregression"] = float(crps(forecast(y[:known], len(t) - known, DRAWS, g), y[later]).mean())
    for name, rows in rows_of({"day": t[:known], "infected": y[:known]}, 2_000, seed).items():
        latest = rows["infected"][np.argsort(-rows["day"], kind="stable")[:DRAWS]]
        scores[name] = float(crps(np.repeat(latest[:, None], len(t) - known, axis=1), y[later]).mean())
    peaks = fit.problem.simulate(theta_draws, g, t)["infected"].max(axis=1)
    low, high = np.quantile(peaks, [0.05, 0.95])
    return {"crps": scores, "peak": float(state.max()), "peak_interval": [float(low), float(high)], "known_days": known}


def saturation(seed: int) -> dict[str, Any]:
    g = np.random.default_rng(500 + seed)
    low = queue(g, 1.0)
    # The customers come at rate 1 and are served at rate 1/0.7; of the fast one at 0.95 of the capacity.
    fit = calibrate(load_model("queue_mmc"), low, Rng(seed))
    n = 40 * 400
    new = generate(fit, n, Rng(seed).child("busy"), do={"arrival_rate": lambda rate: rate * 0.9 / 0.7}).table
    truth = np.concatenate([busy(g) for _ in range(40)])
    stays = {"queue": new["stay"].values}
    gap = np.diff(low.t, prepend=low.t[0])
    for name, rows in rows_of({"gap": gap, "stay": low.values["stay"]}, n, seed).items():
        # The rows of the shortest gaps stand for a busier time: those whose mean gap is that of the new load.
        order = np.argsort(rows["gap"], kind="stable")
        mean = np.cumsum(rows["gap"][order]) / np.arange(1, n + 1)
        some = order[: max(50, int(np.searchsorted(mean, 0.7 / 0.9)))]
        stays[name] = rows["stay"][some]
    return {
        "ks": {name: float(stats.ks_2samp(v, truth).statistic) for name, v in stays.items()},
        "late": {name: float((v > np.quantile(truth, 0.95)).mean()) for name, v in stays.items()},
    }


def busy(g: np.random.Generator) -> Floats:
    """Draw the stays of 400 customers at nine tenths of the capacity."""
    arrival, service = np.cumsum(g.exponential(0.7 / 0.9, 400)), g.exponential(0.7, 400)
    out, free = np.empty(400), 0.0
    for k in range(400):
        free = max(free, arrival[k]) + service[k]
        out[k] = free - arrival[k]
    return out


WINDOW = np.array([0.0, 60.0])


def benign(g: np.random.Generator) -> Floats:
    return np.sort(g.uniform(0, 60, g.poisson(g.gamma(20, 60 / 20))))


def attack(g: np.random.Generator) -> Floats:
    theta = {"background": g.uniform(0.4, 0.9), "branching": g.uniform(0.25, 0.7), "decay": g.uniform(1, 6)}
    arrays = {k: np.array([v]) for k, v in theta.items()}
    times = load_model("arrivals_hawkes").simulate(arrays, WINDOW, g, {})["time"][0]
    return times[np.isfinite(times)]


def features(windows: list[Floats]) -> Floats:
    most = max(len(w) for w in windows) + 1
    times = np.full((len(windows), most), np.nan)
    for k, w in enumerate(windows):
        times[k, 1 : len(w) + 1] = w
    times[:, 0] = 0.0
    return np.stack(list(event_statistics(times, 60.0).values()), axis=1)


def detector(seed: int) -> dict[str, float]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import average_precision_score, roc_auc_score

    g = np.random.default_rng(900 + seed)
    quiet, few = [benign(g) for _ in range(300)], [attack(g) for _ in range(4)]
    test = features([benign(g) for _ in range(400)] + [attack(g) for _ in range(400)])
    truth = np.repeat([0, 1], 400)
    made: list[Floats] = []
    for k, w in enumerate(few):
        fit = calibrate(load_model("arrivals_hawkes"), Series(np.r_[0.0, w], {}), Rng(seed).child(k), effective=500)
        times = fit.problem.model.simulate(fit.thin(75, g), WINDOW, g, {})["time"]
        made += [row[np.isfinite(row)] for row in times]
    out = {}
    for name, positive in (("few", few), ("few and generated", few + made), ("few, repeated", few * 76)):
        x, y = features(quiet + positive), np.repeat([0, 1], [300, len(positive)])
        forest = RandomForestClassifier(300, class_weight="balanced", random_state=seed, min_samples_leaf=2).fit(x, y)
        p = forest.predict_proba(test)[:, 1]
        out[name] = float(roc_auc_score(truth, p))
        out[f"{name}: precision"] = float(average_precision_score(truth, p))
    return out


def run() -> dict[str, Any]:
    epidemics, early = ([e for k in range(EPIDEMICS) if (e := epidemic(k, share)) is not None] for share in (0.9, 0.5))
    ratio, soon = (
        [e["crps"]["sir"] / min(v for k, v in e["crps"].items() if k != "sir") for e in runs]
        for runs in (epidemics, early)
    )
    inside = [e["peak_interval"][0] <= e["peak"] <= e["peak_interval"][1] for e in epidemics]
    queues = [saturation(k) for k in range(QUEUES)]
    detectors = [detector(k) for k in range(DETECTORS)]
    gain = [d["few and generated"] - d["few"] for d in detectors]
    best = [min(q["ks"][k] for k in ("forest", "copula", "bootstrap")) for q in queues]
    bars = [
        bar("epidemic: CRPS after the known days, median share of the best other", float(np.median(ratio)), "<=", 0.5),
        bar("epidemic: share of runs that beat all others", float(np.mean(np.array(ratio) < 1)), ">=", 0.9),
        bar(
            "epidemic, half-way to the peak: share of runs that beat all others",
            float(np.mean(np.array(soon) < 1)),
            ">=",
            0.9,
        ),
        bar("epidemic: share of peaks inside the 90 % interval", float(np.mean(inside)), ">=", 0.8),
        bar("queue at 90 % load: KS distance of stays", float(np.mean([q["ks"]["queue"] for q in queues])), "<=", 0.15),
        bar("queue at 90 % load: best other's KS distance", float(np.mean(best)), ">=", 0.3),
        bar("detector: mean gain in AUC by generated regimes", float(np.mean(gain)), ">=", 0.01),
        bar("detector: share of runs with a gain", float(np.mean(np.array(gain) > 0)), ">=", 0.8),
    ]
    return {"bars": bars, "epidemics": epidemics, "early": early, "queues": queues, "detectors": detectors}
