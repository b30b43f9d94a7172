"""The census table (UCI Adult, official split) against the bars: time, memory, fidelity, usefulness, privacy.

The generator is fitted to all 32,561 training rows; the 16,281 test rows are the holdout. XGBoost judges the rows
from outside: C2ST by default XGBClassifiers on one-hot categories, 3 folds, train against synthetic.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
BARS: dict[str, tuple[str, float]] = {
    "fit_and_sample_seconds": ("<=", 60),
    "grow_seconds": ("<=", 150),
    "grow_peak_gib": ("<=", 2),
    "shape_error": ("<=", 0.6),
    "trend_error": ("<=", 1.5),
    "xgboost_c2st": (">=", 0.90),
    "xgboost_tstr_auc": (">=", 0.920),
    "nearest_share": ("<=", 0.53),
    "membership_auc": ("<=", 0.52),
    "copies_over_holdout": ("<=", 2),
    "rows_per_second": (">=", 100_000),
    "import_seconds": ("<=", 0.3),
    "help_seconds": ("<=", 0.5),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generator", default="forest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=["model"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part == "model":
        print(json.dumps(measure_model(asked.generator, asked.seed)))
        return
    found = commands(asked.generator, asked.seed)
    found |= json.loads(part("model", asked.generator, asked.seed))
    report(found, asked.generator, asked.seed)


def part(name: str, generator: str, seed: int) -> str:
    """Run one part in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--part", name, "--generator", generator, "--seed", str(seed)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def commands(generator: str, seed: int) -> dict[str, Any]:
    """Time the commands as a user runs them."""
    seedstock = Path(sys.executable).with_name("seedstock")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        grow = [seedstock, "grow", DATA / "adult_train.csv", "--target", "income", "--generator", generator]
        done = subprocess.run(
            [*grow, "--seed", str(seed), "--output", folder + "/out", "--json"], stdout=subprocess.PIPE
        )
        seconds = time.perf_counter() - start
        if done.returncode > 1:
            sys.exit("grow failed")
    # Kilobytes on Linux; of the largest child, and grow is the only one so far.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    stages = json.loads(done.stdout)["seconds"]
    return {
        "grow_seconds": seconds,
        "grow_peak_gib": peak,
        "grow_stages": stages,
        "import_seconds": best([sys.executable, "-c", "import seedstock"]),
        "help_seconds": best([seedstock, "--help"]),
    }


def best(command: list[Any]) -> float:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


def measure_model(generator: str, seed: int) -> dict[str, Any]:
    """Fit to all training rows, draw as many, and judge with the official test rows as holdout."""
    from seedstock import api
    from seedstock.core.rng import Rng
    from seedstock.drawing import draw

    train = api.read(DATA / "adult_train.csv", target="income")
    holdout = api.read(DATA / "adult_test.csv", schema=train.schema)
    start = time.perf_counter()
    model = api.fit(train, generator=generator, seed=seed)
    fitted = time.perf_counter()
    drawer, _ = model.marking().of(model.fitted, len(train.table))
    synthetic = draw(drawer, len(train.table), Rng(seed).child("sample"))
    drawn = time.perf_counter()
    n_many = 200_000
    draw(model.fitted, n_many, Rng(1), keep=0)
    many = time.perf_counter()
    scores = api.judge(train, holdout, synthetic, seed=seed).scores
    copies = scores["copy_rate"]
    out = {
        "fit_seconds": fitted - start,
        "fit_and_sample_seconds": drawn - start,
        "rows_per_second": n_many / (many - drawn),
        "copies_over_holdout": copies.value / copies.floor if copies.floor else float(copies.value > 0),
        **{name: s.value for name, s in scores.items()},
        "floors": {name: s.floor for name, s in scores.items()},
    }
    return out | xgboost(train, holdout, synthetic)


def xgboost(train: Any, holdout: Any, synthetic: Any) -> dict[str, Any]:
    """Judge from outside; left out where XGBoost is not installed."""
    try:
        from xgboost import XGBClassifier
    except ImportError:
        return {}
    import numpy as np
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    (x, y), (hx, hy), (sx, sy) = (matrix(d, train) for d in (train, holdout, synthetic))
    one, other = np.column_stack([x, y]), np.column_stack([sx, sy])
    label = np.repeat([0, 1], [len(one), len(other)])
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    guess = cross_val_predict(XGBClassifier(), np.vstack([one, other]), label, cv=folds, method="predict_proba")[:, 1]
    auc = roc_auc_score(label, guess)

    def trained(features: Any, target: Any) -> float:
        return float(roc_auc_score(hy, XGBClassifier().fit(features, target).predict_proba(hx)[:, 1]))

    return {
        "xgboost_detection_auc": float(auc),
        "xgboost_c2st": float(1 - (2 * max(0.5, auc) - 1)),
        "xgboost_tstr_auc": trained(sx, sy),
        "xgboost_trtr_auc": trained(x, y),
    }


def matrix(data: Any, train: Any) -> tuple[Any, Any]:
    """Return numbers and one-hot categories, and the target as 0 or 1."""
    import numpy as np

    blocks = []
    for name in train.table:
        column = data.table[name]
        if name == "income":
            continue
        if not column.is_text:
            blocks.append(np.where(column.missing, np.nan, column.values.astype(float))[:, None])
            continue
        levels = [*sorted(set(train.table[name].levels)), None]
        texts = column.texts()
        blocks.append(np.column_stack([texts == v for v in levels]).astype(float))
    return np.column_stack(blocks), np.array([str(t).startswith(">50K") for t in data.table["income"].texts()], int)


def report(found: dict[str, Any], generator: str, seed: int) -> None:
    lines, missed = [], []
    for name, (sign, bar) in BARS.items():
        value = found.get(name)
        if value is None:
            lines.append(f"{name:<24} not measured")
            continue
        met = value <= bar if sign == "<=" else value >= bar
        missed += [] if met else [name]
        lines.append(f"{name:<24} {value:>12.4g}   {sign} {bar:<8g} {'met' if met else 'MISSED'}")
    print("\n".join(lines))
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    machine = {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
    result = {"date": today, "generator": generator, "seed": seed, "machine": machine, "missed": missed, **found}
    file = HERE / "results" / f"{today}-{generator}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
    print(f"\n{file}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
