"""A column of 100,000 categories: 200,000 rows, Zipf, with three columns that depend on it or do not.

    python benchmarks/categories/run.py

Every category stands in at least one row. Measured: seconds and memory, whether rare categories keep their share of
the rows, whether names are made up, and how often a column that the category decides still follows it.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import seedstock

ROWS, CATEGORIES, KINDS = 200_000, 100_000, 7
BANDS = {"1 row": (1, 1), "2 rows": (2, 2), "3-9": (3, 9), "10-99": (10, 99), "100 and more": (100, ROWS)}


def main() -> None:
    g = np.random.default_rng(0)
    share = 1 / np.arange(1, CATEGORIES + 1)
    user = np.r_[np.arange(CATEGORIES), g.choice(CATEGORIES, ROWS - CATEGORIES, p=share / share.sum())]
    g.shuffle(user)
    real = pd.DataFrame(
        {
            "user": [f"u{v:06d}" for v in user],
            "amount": np.round(np.exp(g.normal(size=ROWS) + user % KINDS / 3), 2),
            "kind": np.array(list("abcdefg"))[user % KINDS],
            "hour": g.integers(0, 24, ROWS),
        }
    )
    start = time.perf_counter()
    model = seedstock.fit(real, seed=1)
    fitted = time.perf_counter()
    drawn = seedstock.sample(model, ROWS, seed=2)
    done = time.perf_counter()
    out: dict[str, Any] = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "seeds": [0, 1, 2]},
        "rows": ROWS,
        "categories": int(real.user.nunique()),
        "fit_seconds": round(fitted - start, 1),
        "sample_seconds": round(done - fitted, 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        **compared(real, drawn),
    }
    file = Path(__file__).parent / "results" / f"{datetime.date.today().isoformat()}.json"
    file.write_text(json.dumps(out, indent=1) + "\n")
    print(json.dumps(out, indent=1))


def compared(real: pd.DataFrame, drawn: pd.DataFrame) -> dict[str, Any]:
    """Return what became of the categories."""
    counts, after = real.user.value_counts(), drawn.user.value_counts()
    bands = {}
    for name, (low, high) in BANDS.items():
        here = counts.index[(counts >= low) & (counts <= high)]
        shares = [float(c.reindex(here).fillna(0).sum() / ROWS) for c in (counts, after)]
        bands[name] = {"categories": len(here), "share_of_rows": shares[0], "share_of_drawn_rows": shares[1]}
    kind_of = real.drop_duplicates("user").set_index("user").kind
    follows = drawn.kind.to_numpy() == kind_of.reindex(drawn.user).to_numpy()
    return {
        "categories_drawn": int(drawn.user.nunique()),
        "made_up": int((~drawn.user.isin(counts.index)).sum()),
        "kind_follows_user": float(follows.mean()),
        "bands": bands,
    }


if __name__ == "__main__":
    main()
