"""The frontier between likeness and memory: one generator, from boosted halves to large leaves, on two tables.

    python benchmarks/frontier/run.py [--draw]

Each point is fitted to training rows and judged by the product's own measures with held-out rows: AUC of a boosted
detector against holdout rows (0.5: cannot be told), membership attack and nearest-neighbour share (0.5: nothing
remembered), copies over the holdout's rate, and the log probability of held-out rows. ``--draw`` makes the picture from
the newest result.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from seedstock import api
from seedstock.api.privacy import LEVELS
from seedstock.core.rng import Rng
from seedstock.core.split import split
from seedstock.core.table import Dataset

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
HIGH = LEVELS["high"]
POINTS = {
    "low": {**LEVELS["low"]},
    "standard": {**LEVELS["standard"]},
    "leaves of 30": {**HIGH, "min_leaf_rows": 30},
    "high": {**HIGH},
    "leaves of 300": {**HIGH, "min_leaf_rows": 300},
    "leaves of 1000": {**HIGH, "min_leaf_rows": 1_000},
}
"""The levels of `--privacy`, and leaves of other sizes between and beyond them."""
MEASURES = ("detection_auc", "c2st", "membership_auc", "nearest_share", "copy_rate", "shape_error", "trend_error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    file = HERE / "results" / f"{datetime.date.today().isoformat()}.json"
    if not asked.draw:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "seed": asked.seed}
        out: dict[str, Any] = {"machine": machine}
        for name, (train, holdout) in tables().items():
            out[name] = {p: point(train, holdout, s, asked.seed) for p, s in POINTS.items()}
            file.write_text(json.dumps(out, indent=1) + "\n")
    newest = max((HERE / "results").glob("*.json"))
    (HERE / "frontier.svg").write_text(picture(json.loads(newest.read_text())))


def tables() -> dict[str, tuple[Dataset, Dataset]]:
    """Return training and holdout rows; of the small table, halves of the shoppers' rows."""
    census = api.read(DATA / "adult_train.csv", target="income")
    shoppers = api.read(DATA / "shoppers_train.parquet", target="Revenue")
    return {
        "census": (census, api.read(DATA / "adult_test.csv", schema=census.schema)),
        "shoppers": split(shoppers, 0.4, Rng(0)),
    }


def point(train: Dataset, holdout: Dataset, settings: dict[str, Any], seed: int) -> dict[str, float]:
    start = time.perf_counter()
    model = api.fit(train, settings=settings, seed=seed)
    fitted = time.perf_counter() - start
    synthetic = model.fitted.sample(len(train.table), Rng(seed).child("sample"))
    scores = api.judge(train, holdout, synthetic, seed=seed).scores
    found = {m: scores[m].value for m in MEASURES if m in scores}
    if scores["copy_rate"].floor:
        found["copies_over_holdout"] = scores["copy_rate"].value / scores["copy_rate"].floor
    found["holdout_log_likelihood"] = api.score(model, holdout)["log_likelihood"]
    found["fit_seconds"] = round(fitted, 1)
    print(settings, {k: round(v, 4) for k, v in found.items()}, flush=True)
    return found


def picture(result: dict[str, Any]) -> str:
    """Draw likeness against memory; the best corner is at the lower left."""
    size, pad = 360, 60
    parts = []
    names = [n for n in result if n != "machine"]
    for k, name in enumerate(names):
        points = result[name]
        x = [p["membership_auc"] for p in points.values()]
        y = [p["detection_auc"] for p in points.values()]
        low_x, high_x, low_y, high_y = min(0.5, *x), max(0.55, *x), min(0.5, *y), max(0.6, *y)
        left = k * (size + 2 * pad) + pad

        def at(a: float, b: float, left: int = left, box: tuple[float, ...] = (low_x, high_x, low_y, high_y)) -> str:
            u = left + (a - box[0]) / (box[1] - box[0]) * size
            v = pad + size - (b - box[2]) / (box[3] - box[2]) * size
            return f"{u:.1f},{v:.1f}"

        line = " ".join(at(a, b) for a, b in zip(x, y, strict=True))
        parts.append(f'<rect x="{left}" y="{pad}" width="{size}" height="{size}" fill="none" stroke="#999"/>')
        parts.append(f'<polyline points="{line}" fill="none" stroke="#2a6f97" stroke-width="2"/>')
        for label, a, b in zip(points, x, y, strict=True):
            u, v = at(a, b).split(",")
            own = "#c1121f" if label in LEVELS else "#2a6f97"
            parts.append(f'<circle cx="{u}" cy="{v}" r="4" fill="{own}"/>')
            parts.append(f'<text x="{float(u) + 6:.1f}" y="{float(v) - 6:.1f}" font-size="11">{label}</text>')
        parts.append(f'<text x="{left}" y="{pad - 12}" font-size="14">{name}</text>')
        parts.append(f'<text x="{left}" y="{pad + size + 34}" font-size="12">membership attack, AUC</text>')
        for value, place in ((low_x, left), (high_x, left + size - 24)):
            parts.append(f'<text x="{place}" y="{pad + size + 16}" font-size="11">{value:.3f}</text>')
        for value, down in ((low_y, size), (high_y, 10)):
            parts.append(f'<text x="{left - 38}" y="{pad + down}" font-size="11">{value:.3f}</text>')
        parts.append(
            f'<text transform="translate({left - 44},{pad + size // 2 + 70}) rotate(-90)" font-size="12">'
            f"told from holdout rows, AUC</text>"
        )
    width, height = len(names) * (size + 2 * pad), size + 2 * pad
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">'
        f'<rect width="{width}" height="{height}" fill="white"/>{"".join(parts)}</svg>\n'
    )


if __name__ == "__main__":
    main()
