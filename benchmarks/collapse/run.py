"""Ten generations of a generator: fed its own output, or that output beside the real rows.

Three ways from one generation to the next: `replaced` fits to the last generation's rows alone (what the guard
refuses), `accumulated` to the real rows and all generations so far, `guarded` to the real rows and as many synthetic
ones as the guard lets in (40 %). All are measured against rows that no generation has seen.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset, Table
from seedstock.generators.forest import Forest
from seedstock.metrics.shapes import Shapes
from seedstock.metrics.trends import Trends
from seedstock.metrics.utility import Utility
from seedstock.provenance.guard import guard
from seedstock.provenance.tails import tail_gate
from seedstock.sources.read import read

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
GENERATIONS = 10
ROWS = 2_000
ARMS = ("replaced", "accumulated", "guarded")
COLOURS = {"replaced": "#c0392b", "accumulated": "#2471a3", "guarded": "#1e8449"}
PANELS = {
    "values_kept": "values of the real rows that are left, %",
    "rare_kept": "rare values that are left, %",
    "shape_error": "shape error, %",
    "trend_error": "trend error, %",
    "utility_boosting_auc": "AUC on real rows, boosting",
    "tail_mass": "mean weight of the outer 1 % tails",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=ROWS)
    asked = parser.parse_args()
    start = time.perf_counter()
    rng = Rng(asked.seed)
    whole, test = (read(DATA / f"adult_{part}.csv", target="income") for part in ("train", "test"))
    real = whole.take(np.sort(rng.child("rows").generator().permutation(len(whole.table))[: asked.rows]))
    test = test.take(slice(0, 6_000))
    curves = {arm: run(arm, real, test, rng.child(arm)) for arm in ARMS}
    value = {
        "rows": asked.rows,
        "seed": asked.seed,
        "seconds": round(time.perf_counter() - start, 1),
        "guard": {arm: verdict(arm, asked.rows) for arm in ARMS},
        "curves": curves,
    }
    name = datetime.date.today().isoformat()
    (HERE / "results" / f"{name}.json").write_text(json.dumps(value, indent=1) + "\n")
    (HERE / "results" / f"{name}.svg").write_text(drawing(curves))
    print(json.dumps({arm: {k: [c[0].get(k), c[-1].get(k)] for k in PANELS} for arm, c in curves.items()}, indent=1))


def run(arm: str, real: Dataset, test: Dataset, rng: Rng) -> list[dict[str, Any]]:
    n = len(real.table)
    out = [measured(real, real, test, rng.child("measure", 0))]
    source = real
    past: list[Table] = []
    for k in range(1, GENERATIONS + 1):
        model = Forest(trees=8).fit(source, rng.child("fit", k))
        drawn = model.sample(n, rng.child("sample", k))
        past.append(drawn.table)
        if arm == "replaced":
            source = drawn
        elif arm == "accumulated":
            source = real.with_table(Table.concat([real.table, *past]))
        else:
            few = drawn.table.take(slice(0, n * 2 // 3))
            source = real.with_table(Table.concat([real.table, few]))
        out.append(measured(drawn, real, test, rng.child("measure", k), with_utility=k % 5 == 0))
    return out


def measured(rows: Dataset, real: Dataset, test: Dataset, rng: Rng, with_utility: bool = True) -> dict[str, Any]:
    evidence = Evidence(real, test, rows)
    utility = (Utility(),) if with_utility else ()
    scores = {s.name: s.value for m in (Shapes(), Trends(), *utility) for s in m(evidence, rng)}
    gate = tail_gate(real, rows)
    tails = [min(c[t], 2.0) for c in gate.columns.values() for t in ("low_tail", "high_tail") if t in c]
    values = rare = values_kept = rare_kept = 0
    for name in real.table:
        if not real.table[name].is_text:
            continue
        texts, counts = np.unique([t for t in real.table[name].texts() if t is not None], return_counts=True)
        left = set(rows.table[name].texts())
        seldom = counts <= 0.002 * len(real.table)
        values += len(texts)
        values_kept += sum(t in left for t in texts)
        rare += int(seldom.sum())
        rare_kept += sum(t in left for t in texts[seldom])
    return {
        "values_kept": 100 * values_kept / values,
        "rare_kept": 100 * rare_kept / max(rare, 1),
        "tail_mass": float(np.mean(tails)),
        "gate": gate.to_json()["lost"],
        **{k: scores[k] for k in PANELS if k in scores},
    }


def verdict(arm: str, n: int) -> dict[str, Any]:
    """Say what the guard says about the second generation."""
    made = {"path": "generation 1", "rows": n, "record": record()}
    real = {"path": "real", "rows": n, "declared": "real"}
    origins = {"replaced": [made], "accumulated": [real, made], "guarded": [real, {**made, "rows": n * 2 // 3}]}
    found = guard(origins[arm])
    return {"allowed": found.allowed, "generation": found.generation, "broken": list(found.broken)}


def record() -> dict[str, Any]:
    from seedstock.provenance.record import record as make

    return make([{"name": "real", "declared": "real"}], {}, "forest", {}, 0)


def drawing(curves: dict[str, list[dict[str, Any]]]) -> str:
    """Return the curves as one SVG, six panels."""
    w, h, gap = 330, 200, 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * (w + gap) + 30}" height="{2 * (h + gap) + 70}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
    ]
    for i, arm in enumerate(ARMS):
        parts.append(f'<rect x="{50 + 130 * i}" y="14" width="18" height="4" fill="{COLOURS[arm]}"/>')
        parts.append(f'<text x="{74 + 130 * i}" y="20">{arm}</text>')
    parts.append('<text x="450" y="20">by generation; 0 is the real rows</text>')
    for i, (name, title) in enumerate(PANELS.items()):
        x0, y0 = 50 + (i % 3) * (w + gap), 60 + (i // 3) * (h + gap)
        values = [v for c in curves.values() for v in (g.get(name) for g in c) if v is not None]
        low, high = min(values), max(values)
        pad = 0.08 * (high - low or 1)
        low, high = low - pad, high + pad
        parts.append(f'<text x="{x0}" y="{y0 - 8}" font-weight="bold">{title}</text>')
        parts.append(f'<rect x="{x0}" y="{y0}" width="{w}" height="{h}" fill="none" stroke="#999"/>')
        for share in (0.0, 0.5, 1.0):
            y = y0 + h - share * h
            parts.append(f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{low + share * (high - low):.3g}</text>')
        for k in range(0, GENERATIONS + 1, 2):
            x = x0 + k / GENERATIONS * w
            parts.append(f'<text x="{x}" y="{y0 + h + 16}" text-anchor="middle">{k}</text>')
        for arm, c in curves.items():
            points = " ".join(
                f"{x0 + k / GENERATIONS * w:.1f},{y0 + h - (g[name] - low) / (high - low) * h:.1f}"
                for k, g in enumerate(c)
                if g.get(name) is not None
            )
            parts.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[arm]}" stroke-width="2"/>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
