"""The small-data suite: few real rows alone, with synthetic rows, and ten times as many real rows.

    python benchmarks/small/run.py [--tables NAME ...] [--seeds 5] [--few 50 200] [--seed 0] [--peers CACHE] [--jobs 2]

Writes ``results/DATE.json`` (all scores), ``results/DATE.md`` (the table) and ``results/DATE.svg`` (the picture).
With ``--peers``, a folder for their environments, SDV's CTGAN and GaussianCopula and TabularARGN are in the same run.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import picture
import summary

import peers
import tables
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.proof.arms import load
from seedstock.proof.proof import Plan, measure

MOST = 10_000
"""Rows of a table that take part: up to 5,000 of them test, the others teach."""


def rows_of(name: str) -> Dataset:
    """Return the rows of a table that take part."""
    data = tables.table(name)
    n = len(data.table)
    return data if n <= MOST else data.take(np.sort(Rng(0).child("rows", name).generator().permutation(n)[:MOST]))


def one(
    name: str, few: tuple[int, ...], seeds: int, seed: int, cache: str | None, generators: tuple[str, ...]
) -> dict[str, Any]:
    """Measure one table; return its scores as JSON values."""
    data = rows_of(name)
    others = {} if cache is None else {p: peers.Peer(p, Path(cache)) for p in peers.NAMES}
    plan = Plan({g: load(g) for g in generators}, few=few, seeds=seeds, minutes=1e9, peers=others)
    start, cpu = time.perf_counter(), time.process_time()
    m = measure(data, plan, Rng(seed).child(name))
    return {
        "measure": m.measure, "rows": len(data.table), "pool": m.n_pool, "test": m.n_test,
        "few": m.few, "sizes": m.sizes, "classes": len(m.target.classes), "notes": m.notes,
        "seconds": round(time.perf_counter() - start, 1), "cpu_seconds": round(time.process_time() - cpu, 1),
        "failures": {p: peer.failures for p, peer in others.items()},
        "scores": [[r.arm, r.learner, r.n, r.seed, round(r.score, 5)] for r in m.results],
        "chosen": [[*key, arm] for key, arm in m.chosen.items()],
        "expected": [[*key, {a: [round(x, 5) for x in e] for a, e in g.items()}] for key, g in m.expected.items()],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", nargs="*", choices=list(tables.TABLES), default=tables.names())
    parser.add_argument("--few", nargs="*", type=int, default=[50, 200])
    parser.add_argument("--generators", nargs="*", default=["copula"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0, help="other seeds split the rows otherwise")
    parser.add_argument("--peers")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    base = folder / datetime.date.today().isoformat()
    whole: dict[str, Any] = {
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version(), "processor": platform.machine()},
        "versions": {p: version(p) for p in ("seedstock", "numpy", "scikit-learn")},
        "settings": {"few": asked.few, "seeds": asked.seeds, "generators": asked.generators, "seed": asked.seed},
        "tables": {},
    }
    done = json.loads(base.with_suffix(".json").read_text("utf-8")) if base.with_suffix(".json").exists() else {}
    if done.get("settings") == whole["settings"]:
        whole["tables"] = done["tables"]  # an interrupted run goes on
    with ProcessPoolExecutor(asked.jobs) as pool:
        jobs = {
            pool.submit(one, t, tuple(asked.few), asked.seeds, asked.seed, asked.peers, tuple(asked.generators)): t
            for t in asked.tables
            if t not in whole["tables"]
        }
        for job in as_completed(jobs):
            whole["tables"][jobs[job]] = job.result()
            print(f"{jobs[job]}: {job.result()['seconds']:.0f} s", file=sys.stderr, flush=True)
            base.with_suffix(".json").write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    whole["tables"] = {t: whole["tables"][t] for t in asked.tables}
    whole["summary"] = summary.summary(whole)
    base.with_suffix(".json").write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    base.with_suffix(".md").write_text(summary.markdown(whole), "utf-8")
    base.with_suffix(".svg").write_text(picture.curves(whole), "utf-8")
    print(base.with_suffix(".md").read_text("utf-8"))


if __name__ == "__main__":
    main()
