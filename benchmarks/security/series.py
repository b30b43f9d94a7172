"""Regular readings: what was planted, in drawn series, beside block bootstrap, rows on their own, and events in order.

    python benchmarks/security/series.py [--seeds 3]

6,000 hourly rows of a load and a temperature: trend, cycles of a day and a week, AR(1) deviations of 0.8 and 0.6 whose
innovations correlate by 0.7, and surges of about 40 hours in 4 % of the time. A fifth is held out in whole stretches.
Each generator draws 6,000 rows; the block bootstrap lays random whole weeks of the training rows on the calendar. Of
each: least squares on the planted form, the measures of series beside their floor, seconds, and the share of days (24
readings on end) that stand in the training rows cell by cell.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from seedstock import stages
from seedstock.api.reading import read
from seedstock.clock import Clock, Silent
from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.split import split_stretches
from seedstock.core.table import Column, Dataset
from seedstock.settings import make_generator

HERE = Path(__file__).parent
N, WEEK = 6_000, 168
TRUTH = {
    "AR(1) of load": 0.8, "AR(1) of temp": 0.6, "day of load": 5.0, "day of temp": 4.0, "week of load": 3.0,
    "slope of load": 0.002, "slope of temp": -0.001, "surge of load": 15.0,
    "correlation": 0.7 * float(np.sqrt((1 - 0.64) * (1 - 0.36))) / (1 - 0.48), "surges": 0.04, "surge's length": 40.0,
}  # fmt: skip
MEASURES = ("windows", "sequence_detection", "sequences", "shapes", "copies")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = parser.parse_args().seeds
    arms: dict[str, list[dict[str, Any]]] = {}
    for seed in range(seeds):
        data = read(planted(seed))
        train, held = split_stretches(data, 0.2, Rng(seed))
        arms.setdefault("real rows", []).append({"planted": found(data)})
        for name, draw in DRAWS.items():
            start = time.perf_counter()
            drawn = draw(train, data, seed)
            seconds = time.perf_counter() - start
            judged = stages.judge(Evidence(train, held, drawn), seed, Clock(Silent()), MEASURES)
            scores = {s.name: {"value": s.value, "floor": s.floor, "ok": s.ok} for s in judged.scores}
            own = {"planted": found(drawn), "scores": scores, "seconds": seconds, "copied_days": copied(train, drawn)}
            arms.setdefault(name, []).append(own)
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seeds": seeds,
        "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in ("seedstock", "numpy", "scikit-learn")},
        "truth": TRUTH,
        "arms": {name: summary(runs) for name, runs in arms.items()},
    }
    file = HERE / "results" / f"{result['date']}-series.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def planted(seed: int) -> dict[str, Any]:
    """Return the planted series as columns."""
    g = np.random.default_rng(seed)
    t = np.arange(N)
    w = g.standard_normal((N, 2))
    w[:, 1] = 0.7 * w[:, 0] + np.sqrt(1 - 0.49) * w[:, 1]
    r = np.zeros((N, 2))
    for i in range(1, N):
        r[i] = np.array([0.8, 0.6]) * r[i - 1] + w[i]
    surge = np.zeros(N, bool)
    start = int(g.integers(100, 500))
    while start < N:
        surge[start : start + int(g.integers(30, 51))] = True
        start += int(g.integers(650, 1_350))
    day, week = 2 * np.pi * t / 24, 2 * np.pi * t / WEEK
    load = 50 + 0.002 * t + 5 * np.sin(day) + 3 * np.cos(week) + r[:, 0] + 15 * surge
    temp = 20 - 0.001 * t + 4 * np.sin(day + 1) + r[:, 1]
    times = np.datetime64("2024-01-01", "us") + t * np.timedelta64(1, "h")
    return {"time": times, "load": load.round(3), "temp": temp.round(3), "state": np.where(surge, "surge", "normal")}


def found(data: Dataset) -> dict[str, float]:
    """Return what least squares on the planted form say of a series, in order of time."""
    table = data.table.take(np.argsort(data.table["time"].values, kind="stable"))
    t = (table["time"].values - np.datetime64("2024-01-01", "us")) / np.timedelta64(1, "h")
    surge = table["state"].texts() == "surge"
    day, week = 2 * np.pi * t / 24, 2 * np.pi * t / WEEK
    B = np.stack([np.ones(len(t)), t, np.cos(day), np.sin(day), np.cos(week), np.sin(week), surge], axis=1).astype(
        float
    )
    out: dict[str, float] = {}
    rest = {}
    for c in ("load", "temp"):
        coef = np.linalg.lstsq(B, table[c].values, rcond=None)[0]
        r = rest[c] = table[c].values - B @ coef
        out |= {f"slope of {c}": coef[1], f"day of {c}": float(np.hypot(*coef[2:4]))}
        out |= {f"week of {c}": float(np.hypot(*coef[4:6])), f"surge of {c}": coef[6]}
        out[f"AR(1) of {c}"] = float(np.corrcoef(r[1:], r[:-1])[0, 1])
    out["correlation"] = float(np.corrcoef(rest["load"], rest["temp"])[0, 1])
    change = np.diff(np.r_[0, surge.astype(int), 0])
    runs = np.flatnonzero(change < 0) - np.flatnonzero(change > 0)
    regular = float((np.diff(t) == 1).mean())
    length = float(runs.mean()) if len(runs) else 0.0
    return {k: float(v) for k, v in out.items()} | {
        "surges": float(surge.mean()),
        "surge's length": length,
        "regular": regular,
    }


def learned(name: str) -> Callable[[Dataset, Dataset, int], Dataset]:
    """Return a draw of as many rows as the data have by a generator of the catalog."""

    def draw(train: Dataset, data: Dataset, seed: int) -> Dataset:
        fitted = make_generator(name, None).fit(train, Rng(seed).child("fit"))
        return fitted.sample(len(data.table), Rng(seed).child("sample"))  # type: ignore[no-any-return]

    return draw


def bootstrap(train: Dataset, data: Dataset, seed: int) -> Dataset:
    """Lay random whole weeks of the training rows on the calendar, each on its own weekday and hour."""
    times = train.table["time"].values
    hours = ((times - np.datetime64("2024-01-01", "us")) // np.timedelta64(1, "h")).astype(int)
    begins = np.flatnonzero(hours % WEEK == 0)
    last = np.minimum(begins + WEEK - 1, len(hours) - 1)
    starts = begins[hours[last] - hours[begins] == WEEK - 1]
    g = np.random.default_rng(seed)
    rows = np.concatenate([s + np.arange(WEEK) for s in g.choice(starts, -(-len(data.table) // WEEK))])
    table = train.table.take(rows[: len(data.table)])
    return data.with_table(table.assign({"time": Column.of(np.sort(data.table["time"].values))}))


DRAWS = {
    "time_series": learned("time_series"), "block bootstrap": bootstrap, "sequence": learned("sequence"),
    "forest": learned("forest"), "independent": learned("independent"),
}  # fmt: skip


def copied(train: Dataset, drawn: Dataset) -> float:
    """Return the share of drawn days whose 24 loads stand in the training rows, one after the other."""
    own = np.lib.stride_tricks.sliding_window_view(train.table["load"].values, 24)
    made = drawn.table["load"].values[: len(drawn.table) // 24 * 24].reshape(-1, 24)
    seen = {tuple(w) for w in own.tolist()}
    return float(np.mean([tuple(w) in seen for w in made.tolist()]))


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over seeds; how many runs were in the good range."""
    out: dict[str, Any] = {
        "planted": {k: float(np.mean([r["planted"][k] for r in runs])) for k in runs[0]["planted"]},
    }
    if "scores" not in runs[0]:
        return out
    names = [n for n in runs[0]["scores"] if all(n in r["scores"] for r in runs)]
    out["scores"] = {
        n: {
            "value": float(np.mean([r["scores"][n]["value"] for r in runs])),
            "floor": float(np.mean([r["scores"][n]["floor"] for r in runs])),
            "good": f"{sum(r['scores'][n]['ok'] is True for r in runs)} of {len(runs)}",
        }
        for n in names
    }
    out["seconds"] = float(np.mean([r["seconds"] for r in runs]))
    out["copied_days"] = float(np.mean([r["copied_days"] for r in runs]))
    return out


if __name__ == "__main__":
    main()
