"""A million rows to learn from, ten million to draw: seconds and memory, in processes of their own.

The rows are the census table's, drawn again and again; its weights are blurred, so that rows are no copies.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
LEARNED, DRAWN = 1_000_000, 10_000_000
BARS = {"fit_seconds": 300, "fit_gib": 8}


def make(path: str) -> None:
    import numpy as np
    import pandas as pd

    g, census = np.random.default_rng(0), pd.read_csv(DATA / "adult_train.csv")
    rows = census.iloc[g.integers(len(census), size=LEARNED)].reset_index(drop=True)
    rows["fnlwgt"] = (rows["fnlwgt"] * np.exp(g.normal(0, 0.05, LEARNED))).astype(int)
    rows.to_parquet(path)


def fit(folder: str) -> None:
    import seedstock

    seedstock.fit(folder + "/rows.parquet", target="income", generator="forest", seed=0).save(folder + "/model")


def sample(folder: str) -> None:
    import seedstock

    seedstock.sample(folder + "/model", DRAWN, seed=0, output=folder + "/drawn.parquet")


def timed(part: str, folder: str) -> dict[str, float]:
    """Run a part in a process of its own; return its seconds and its largest resident set."""
    start = time.perf_counter()
    command = [sys.executable, __file__, part, folder]
    peak = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {f"{part}_seconds": time.perf_counter() - start, f"{part}_gib": peak}


def main() -> None:
    if len(sys.argv) == 3:
        {"fit": fit, "sample": sample}[sys.argv[1]](sys.argv[2])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    with tempfile.TemporaryDirectory() as folder:
        make(folder + "/rows.parquet")
        found: dict[str, object] = dict(timed("fit", folder) | timed("sample", folder))
    found["rows_per_second"] = DRAWN / float(found["sample_seconds"])  # type: ignore[arg-type]
    found["missed"] = [name for name, bar in BARS.items() if float(found[name]) > bar]  # type: ignore[arg-type]
    found["machine"] = {
        "cores": os.cpu_count(), "load_after": os.getloadavg()[0], "python": platform.python_version(),
        "numpy": version("numpy"), "scikit-learn": version("scikit-learn"), "seed": 0,
    }  # fmt: skip
    path = HERE / "results" / f"{datetime.date.today()}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
