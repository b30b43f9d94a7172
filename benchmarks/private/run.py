"""Differential privacy on the census table: what a budget costs in usefulness and in pairs of columns.

    python benchmarks/private/run.py [--epsilon 0.5 1 3 10] [--seeds 3]

Trains gradient boosting on drawn rows and tests it on the official test rows (AUC); the error of a pair of columns is
the total variation of its joint shares, numbers in ten bins of the real rows' deciles, a mean over all pairs. Writes
``results/DATE.json``.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import seedstock
from seedstock import catalog
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.proof.learners import Learner
from seedstock.proof.scores import score
from seedstock.proof.task import Design, Target, as_numbers, as_texts

DATA = Path(os.environ.get("SEEDSTOCK_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
BAR = 0.87


def binned(real: Dataset, other: Dataset) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return codes of each column of both tables: deciles of the real numbers, or the texts' own."""
    out = {}
    for name, schema in real.columns.columns.items():
        sides = real.table[name], other.table[name]
        if schema.kind == "number" and not sides[0].is_text:
            x, y = (as_numbers(c) for c in sides)
            edges = np.unique(np.nanquantile(x, np.linspace(0, 1, 11)[1:-1]))
            codes = [np.where(np.isnan(v), len(edges) + 1, np.searchsorted(edges, v, side="right")) for v in (x, y)]
        else:
            texts = [as_texts(c).astype(str) for c in sides]
            levels = {t: k for k, t in enumerate(np.unique(np.concatenate(texts)))}
            codes = [np.array([levels[t] for t in side]) for side in texts]
        out[name] = (codes[0], codes[1])
    return out


def pair_error(real: Dataset, drawn: Dataset) -> float:
    """Return the mean total variation over all pairs of columns."""
    codes = binned(real, drawn)
    errors = []
    for a, b in combinations(codes, 2):
        k = max(codes[b][0].max(), codes[b][1].max()) + 1
        n = (max(codes[a][0].max(), codes[a][1].max()) + 1) * k
        shares = [np.bincount(codes[a][i] * k + codes[b][i], minlength=n) / len(codes[a][i]) for i in (0, 1)]
        errors.append(0.5 * float(np.abs(shares[0] - shares[1]).sum()))
    return float(np.mean(errors))


def auc(train: Dataset, test: Dataset, target: Target) -> float:
    """Return the AUC on real test rows of gradient boosting trained on some rows."""
    design = Design.of(train, target.name)
    learner = Learner("boosting", {"max_iter": 150, "min_samples_leaf": 20}, False, 0)
    Y = target.values(train)
    fitted = learner.fit(design.ordinal(train), Y, np.ones(len(Y)))
    return score(fitted.predict(design.ordinal(test)), target.values(test), target)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epsilon", nargs="*", type=float, default=[0.5, 1.0, 3.0, 10.0])
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    train = seedstock.read(DATA / "adult_train.csv", target="income")
    test = seedstock.api.reading.read_like(DATA / "adult_test.csv", train)
    target = Target.of(train)
    g = np.random.default_rng(0)
    half = g.permutation(len(train.table))
    floor = pair_error(train.take(half[: len(half) // 2]), train.take(half[len(half) // 2 :]))
    out: dict[str, Any] = {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "real": {"auc": auc(train, test, target), "pair_error_of_halves": floor}, "runs": [],
    }  # fmt: skip
    for epsilon in asked.epsilon:
        for seed in range(asked.seeds):
            start = time.process_time()
            made = catalog.load("generators", "private").GENERATOR(epsilon=epsilon)
            fitted = made.fit(train, Rng(seed))
            drawn = fitted.sample(len(train.table), Rng(seed).child("draw"))
            run = {
                "epsilon": epsilon, "delta": made.delta, "seed": seed, "cpu_seconds": time.process_time() - start,
                "auc": auc(drawn, test, target), "pair_error": pair_error(train, drawn),
            }  # fmt: skip
            out["runs"].append(run)
            print({k: round(v, 4) for k, v in run.items()}, flush=True)
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"{datetime.date.today().isoformat()}.json").write_text(json.dumps(out, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
