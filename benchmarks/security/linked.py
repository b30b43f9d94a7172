"""Linked tables: keys, children per parent, pairs of parent and child, and parents with their children told from real.

    python benchmarks/security/linked.py [chinook] [zeek] [--generator linked] [--seeds 1]

chinook
    A music store's eleven tables, with declared foreign keys, a reference of employees to employees, and a table of
    pairs (tracks in playlists).
zeek
    A folder of Zeek's logs of one capture, in which rows belong to connections.

Addresses, names and other personal data are masked as the product masks them. A fifth of the families, whole, is held
out where the tables part; as many rows of the lead table are drawn as the real data have.

Sources: the Chinook database; Stratosphere IPS, CTU (CC BY 4.0).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import resource
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from seedstock import stages
from seedstock.api.reading import read
from seedstock.clock import Clock, Silent
from seedstock.core.links import family
from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.network.mask import mask
from seedstock.settings import make_generator

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
PARTS: Mapping[str, str] = {"chinook": "chinook.sqlite", "zeek": "zeek/mixed"}
MEASURES = ("linked_keys", "linked_tables")
BARS = {"referential_integrity": 1.0, "children_per_parent": 0.95}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--generator", default="linked")
    parser.add_argument("--seeds", type=int, default=1)
    asked = parser.parse_args()
    parts = {}
    for part in asked.parts or PARTS:
        runs = [measured(part, asked.generator, seed) for seed in range(asked.seeds)]
        parts[part] = {"mean": summary(runs), "runs": runs}
        for name, score in parts[part]["mean"].items():
            print(part, name, *(f"{k} {v:.3f}" for k, v in score.items() if v is not None), flush=True)
    result = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "generator": asked.generator,
        "seeds": asked.seeds,
        "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
        "versions": {name: version(name) for name in ("seedstock", "numpy", "scikit-learn")},
        "bars": BARS,
        "parts": parts,
    }
    file = HERE / "results" / f"{result['date']}-linked.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def measured(part: str, name: str, seed: int) -> dict[str, Any]:
    """Return the scores of one draw after a split of a seed's own, and the CPU seconds of learning and drawing."""
    data = mask(read(DATA / PARTS[part]), bytes(range(32))).data
    train, held = split(data, 0.2, Rng(seed))
    before = _cpu()
    fitted = make_generator(name, None).fit(train, Rng(seed).child("fit"))
    learned = _cpu()
    drawn = fitted.sample(len(data.tables[family(data).lead]), Rng(seed).child("sample"))
    spent = {"fit": learned - before, "sample": _cpu() - learned}
    judged = stages.judge(Evidence(train, held, drawn), seed, Clock(Silent()), MEASURES)
    return {
        "seed": seed,
        "rows": {t: [len(d.tables[t]) for d in (train, held, drawn)] for t in data.tables},
        "cpu_seconds": spent,
        "scores": {
            s.name: {"value": _json(s.value), "floor": _json(s.floor), "ok": s.ok, "details": dict(s.details)}
            for s in judged.scores
        },
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each score's mean, its floor's mean, and its bar."""
    out: dict[str, dict[str, Any]] = {}
    for name in runs[0]["scores"]:
        out[name] = {side: _mean(runs, name, side) for side in ("value", "floor")}
        if name in BARS:
            out[name]["bar"] = BARS[name]
    return out


def _mean(runs: list[dict[str, Any]], name: str, side: str) -> float | None:
    values = [r["scores"][name][side] for r in runs if r["scores"].get(name, {}).get(side) is not None]
    return float(np.mean(values)) if values else None


def _json(x: float) -> float | None:
    return None if x != x else x


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
