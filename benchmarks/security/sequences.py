"""Events of hosts and sessions: gaps, transitions and other measures of sequences beside the real-against-real floor.

    python benchmarks/security/sequences.py [cidds] [openssh] [--generator sequence] [--seeds 2]

cidds
    10,000 flows of CIDDS-001, of which the sequences are the source addresses (`Src IP Addr`), in order of
    `Date first seen`.
openssh
    2,000 lines of an OpenSSH server's log, of which the sequences are the processes (`pid`): sessions of one to some
    dozen lines.

Addresses and names are masked as the product masks them. A fifth of the sequences, whole, is held out; as many rows are
drawn as were learned from. Every distance is measured from the training rows: to the drawn rows, and to the held-out
ones, which is the floor. The bar is 1.5 floors for gaps and transitions.

Sources: Ring et al. (2017), CIDDS-001; Zhu et al. (2023), Loghub.
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
from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.network.mask import mask
from seedstock.settings import make_generator

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
PARTS: Mapping[str, tuple[str, str, str]] = {
    "cidds": ("cidds_flows_10k.csv", "Src IP Addr", "Date first seen"),
    "openssh": ("logs/OpenSSH_2k.log", "pid", "time"),
}
MEASURES = ("sequences", "sequence_detection", "shapes", "trends", "copies", "nearest_share", "membership")
BARS = {"gap_error": 1.5, "transition_error": 1.5}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--generator", default="sequence")
    parser.add_argument("--seeds", type=int, default=2)
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
        "bars": {f"{name}, in floors": bar for name, bar in BARS.items()},
        "parts": parts,
    }
    file = HERE / "results" / f"{result['date']}-sequences.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def measured(part: str, name: str, seed: int) -> dict[str, Any]:
    """Return the scores of rows drawn after a split of a seed's own, and the CPU seconds of learning and drawing."""
    file, entity, order = PARTS[part]
    data = mask(read(DATA / file, roles={entity: ["entity"], order: ["order"]}), bytes(range(32))).data
    generator = make_generator(name, None)
    train, held = generator.part(data, 0.2, Rng(seed))
    before = _cpu()
    fitted = generator.fit(train, Rng(seed).child("fit"))
    learned = _cpu()
    drawn = fitted.sample(len(train.table), Rng(seed).child("sample"))
    spent = {"fit": learned - before, "sample": _cpu() - learned}
    judged = stages.judge(Evidence(train, held, drawn), seed, Clock(Silent()), MEASURES)
    scores = {
        s.name: {"value": _json(s.value), "floor": _json(s.floor), "ok": s.ok, **_details(s.details)}
        for s in judged.scores
    }
    return {"seed": seed, "rows": [len(d.table) for d in (train, held, drawn)], "cpu_seconds": spent, "scores": scores}


def summary(runs: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each score's mean, its floor's mean, and how many floors it is."""
    out: dict[str, dict[str, Any]] = {}
    for name in runs[0]["scores"]:
        value, floor = (_mean(runs, name, side) for side in ("value", "floor"))
        out[name] = {"value": value, "floor": floor}
        if name in BARS and value is not None and floor:
            out[name] |= {"floors": value / floor, "bar": BARS[name]}
    return out


def _mean(runs: list[dict[str, Any]], name: str, side: str) -> float | None:
    values = [r["scores"][name][side] for r in runs if r["scores"].get(name, {}).get(side) is not None]
    return float(np.mean(values)) if values else None


def _details(details: Mapping[str, Any]) -> dict[str, Any]:
    return {"columns": details["columns"]} if isinstance(details.get("columns"), dict) else {}


def _json(x: float) -> float | None:
    return None if x != x else x


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
