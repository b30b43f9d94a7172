"""NSL-KDD: 125,973 connections learned and drawn, and what classifiers learn from them, tested on KDDTest+.

    python benchmarks/security/nslkdd.py [--generator forest] [--seed 0] [--threads 2]

The generator sees KDDTrain+ (41 features and the five families). Drawn rows, as many as real ones, train two
classifiers; so do the real rows; both are tested on KDDTest+, of whose attack rows three in ten are of types that
training never had. The generator does not see KDDTest+, and no setting is chosen by it.

Beside it: a classifier that tells drawn from real rows (AUC out of three folds; its floor between two halves of the
real rows), and the share of rows that keep each rule: real, drawn, and drawn without enforcement.

Source: Tavallaee et al. (2009), A detailed analysis of the KDD CUP 99 data set.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
TARGET, LEFT_OUT = "attack_class", ("label", "difficulty")
REPEATS = 3
SHARES = ("real", "synthetic", "unenforced")
BARS = {"seconds": 240.0, "tstr_share": 0.95, "rules": "drawn rows keep every rule at least as often as real ones"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="forest")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", help="write the drawn rows to this Parquet file")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(asked.threads)
    import seedstock
    from seedstock.api.reading import read_like
    from seedstock.core.rng import Rng
    from seedstock.passing import pass_rates

    train = pd.read_parquet(DATA / "nslkdd_train.parquet").drop(columns=list(LEFT_OUT))
    test = pd.read_parquet(DATA / "nslkdd_test.parquet").drop(columns=list(LEFT_OUT))
    real = seedstock.read(train, target=TARGET)
    start = time.perf_counter()
    model = seedstock.fit(real, generator=asked.generator, seed=asked.seed)
    fitted = time.perf_counter()
    drawn = model.sample(len(train), seed=asked.seed + 1)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"fit {fitted - start:.0f} s, sample {done - fitted:.0f} s, {peak:.1f} GiB", flush=True)
    drawn = drawn[list(train.columns)]
    if asked.save:
        drawn.to_parquet(asked.save)
    rates = pass_rates(model.fitted, (real,), read_like(drawn, real), Rng(asked.seed))
    worse = [r["text"] for r in rates if r["enforced"] and r["passes"]["synthetic"] < r["passes"]["real"]]
    useful = usefulness(train, drawn, test, asked.seed)
    detected = detection(train, drawn, asked.seed)
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "generator": asked.generator,
        "settings": dict(model.about["settings"]),
        "seed": asked.seed,
        "threads": asked.threads,
        "machine": {
            "python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count(),
            "load": [round(x, 2) for x in os.getloadavg()],
        },
        "versions": {name: version(name) for name in ("seedstock", "numpy", "scikit-learn")},
        "rows": len(drawn),
        "bars": BARS,
        "seconds": {"fit": fitted - start, "sample": done - fitted, "both": done - start},
        "peak_gib": peak,
        "tstr": useful,
        "c2st_auc": detected,
        "families": {"real": shares(train), "drawn": shares(drawn)},
        "rules": {
            "number": len(rates),
            "passed_less_often_than_real": worse,
            "mean_pass": {k: float(np.mean([r["passes"][k] for r in rates])) for k in SHARES},
            "each": [{k: r[k] for k in ("text", "kind", "enforced", "passes")} for r in rates],
        },
    }  # fmt: skip
    file = HERE / "results" / f"{result['date']}-nslkdd-{asked.generator}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")
    shown = {k: v for k, v in result.items() if k not in ("rules", "families")}
    print(json.dumps({**shown, "rules": {k: v for k, v in result["rules"].items() if k != "each"}}, indent=1))


def learners(seed: int) -> dict[str, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    return {
        "forest": RandomForestClassifier(200, n_jobs=2, random_state=seed),
        "boosting": HistGradientBoostingClassifier(random_state=seed, learning_rate=0.05, max_iter=150),
    }


def coded(*frames: pd.DataFrame) -> list[np.ndarray]:
    """Return the features as numbers: texts by the first frame's order of values, unknown ones as -1."""
    out: list[list[np.ndarray]] = [[] for _ in frames]
    for name in frames[0].columns.drop(TARGET):
        if pd.api.types.is_numeric_dtype(frames[0][name]):
            columns = [f[name].to_numpy(float) for f in frames]
        else:
            order = {v: i for i, v in enumerate(sorted(frames[0][name].astype(str).unique()))}
            columns = [f[name].astype(str).map(order).fillna(-1).to_numpy(float) for f in frames]
        for part, column in zip(out, columns, strict=True):
            part.append(column)
    return [np.stack(part, axis=1) for part in out]


def usefulness(train: pd.DataFrame, drawn: pd.DataFrame, test: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Return macro-F1 over the families on the test rows, after training on real and on drawn rows."""
    from sklearn.metrics import f1_score

    X, S, T = coded(train, drawn, test)
    families = sorted(train[TARGET].unique())
    out: dict[str, Any] = {}
    for name in learners(seed):
        scores: dict[str, Any] = {}
        for what, rows, frame in (("real", X, train), ("drawn", S, drawn)):
            # A few rows of the smallest families decide about much: several runs of each learner.
            truth, each = test[TARGET].astype(str), []
            for k in range(REPEATS):
                guess = learners(seed + k)[name].fit(rows, frame[TARGET].astype(str)).predict(T)
                each.append(f1_score(truth, guess, labels=families, average=None, zero_division=0))
            scores[what] = float(np.mean(each))
            scores[f"{what}_runs"] = [float(np.mean(e)) for e in each]
            scores[f"{what}_each"] = dict(zip(families, map(float, np.mean(each, axis=0)), strict=True))
        out[name] = {**scores, "share": scores["drawn"] / scores["real"]}
        print(name, {k: round(v, 4) for k, v in out[name].items() if isinstance(v, float)}, flush=True)
    out["mean_share"] = float(np.mean([out[name]["share"] for name in learners(seed)]))
    return out


def detection(train: pd.DataFrame, drawn: pd.DataFrame, seed: int) -> dict[str, float]:
    """Return the AUC of telling drawn from real rows, and that of telling two halves of the real ones apart."""
    X, S = coded(train, drawn)
    X, S = (np.column_stack([m, f[TARGET].astype(str).map(_order(train))]) for m, f in ((X, train), (S, drawn)))
    g = np.random.default_rng(seed)
    order = g.permutation(len(X))
    halves = X[order[: len(X) // 2]], X[order[len(X) // 2 :]]
    return {"value": _auc(X, S, seed), "floor": _auc(*halves, seed)}


def _order(train: pd.DataFrame) -> dict[str, int]:
    return {v: i for i, v in enumerate(sorted(train[TARGET].astype(str).unique()))}


def _auc(a: np.ndarray, b: np.ndarray, seed: int) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rows, sides = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    folds = StratifiedKFold(3, shuffle=True, random_state=seed)
    model = HistGradientBoostingClassifier(random_state=seed, max_iter=200)
    guess = cross_val_predict(model, rows, sides, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(sides, guess))


def shares(frame: pd.DataFrame) -> dict[str, float]:
    return {str(k): float(v) for k, v in frame[TARGET].value_counts(normalize=True).sort_index().items()}


if __name__ == "__main__":
    main()
