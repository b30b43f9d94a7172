"""Contamination: is it found, are clean tables left alone, are repairs right, and is it fast?

Parts: inject (each kind planted at 0.5, 2 and 10 %), dirty (published dirty and clean versions, cell for cell), labels
(digits and census with wrong labels, beside cleanlab where CLEANLAB_PYTHON names a Python that has it), ranking (the
public function on another model's probabilities and mistakes like people's), people (the same on made mixtures that
no choice was made on), recover
(accuracy that comes back), speed. Results go to results/DATE.json.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from people import people
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from wrong_labels import labels, noisy, ranking, sources

from seedstock import api, catalog
from seedstock.checks._clean import clean
from seedstock.checks._damage import damage
from seedstock.checks._frame import frame
from seedstock.checks._run import run_checks
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

HERE = Path(__file__).parent
DATA = Path(os.environ.get("SEEDSTOCK_DATA", HERE.parents[1] / ".." / "shared" / "data"))
SHARES = (0.005, 0.02, 0.1)
TABLES = {
    "census": ("adult_train.csv", "income", 4_000),
    "shoppers": ("shoppers_train.parquet", "Revenue", 4_000),
    "german": ("small/german_credit.csv", "20", None),
    "made": (None, "class", None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    asked = parser.parse_args()
    path = HERE / "results" / f"{datetime.date.today()}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    found["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    for part in asked.parts:
        start = time.perf_counter()
        found[part] = PARTS[part]()
        print(part, json.dumps(found[part], indent=1), f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")


def table_of(name: str, seed: int = 0) -> Dataset:
    file, target, rows = TABLES[name]
    if file is None:
        return made(3_000, seed)
    data = api.read(str(DATA / file), target)
    if rows is None:
        return data
    order = Rng(seed).child("bench", name).generator().permutation(len(data.table))[:rows]
    return data.take(np.sort(order))


def made(n: int, seed: int = 0) -> Dataset:
    """A table of everything, clean by construction, with a class that its columns decide."""
    g = np.random.default_rng(seed)
    x = g.normal(size=n)
    region = g.integers(0, 4, n)
    names = np.array(["North Hill", "South Bay", "East Park", "West End"], object)
    streets = np.array([f"{w} {k}" for w in ("Mill Lane", "High Street", "Station Road") for k in range(30)], object)
    towns = np.array(
        [f"{a}{b}" for a in ("Ash", "Oak", "Elm", "Birch", "Maple") for b in ("ford", "ton", "ham")], object
    )
    town = g.integers(0, len(towns), n)
    county = np.array(["Kestrel", "Merlin", "Osprey"], object)[town % 3]
    words = np.array(["seed", "stock", "leaf", "root", "soil", "rain", "field", "crop"], object)
    score = x + 0.5 * (region == 0) + 0.25 * g.normal(size=n)
    cells = {
        "income": ("number", Column.of(np.round(np.exp(10 + 0.5 * x + 0.2 * g.normal(size=n)), 2))),
        "height": ("number", Column.of(np.round(170 + 6 * x + 5 * g.normal(size=n), 1))),
        "visits": ("number", Column.of(g.poisson(np.exp(1 + 0.3 * x)).astype(np.int64))),
        "tail": ("number", Column.of(g.standard_t(4, n))),
        "region": ("category", Column.of_texts(names[region])),
        "street": ("category", Column.of_texts(streets[g.integers(0, len(streets), n)])),
        "town": ("category", Column.of_texts(towns[town])),
        "county": ("category", Column.of_texts(county)),
        "note": ("text", Column.of_texts([" ".join(w) for w in words[g.integers(0, len(words), (n, 6))]])),
        "class": ("category", Column.of_texts(np.where(score > 0, "yes", "no"))),
    }  # fmt: skip
    columns = {c: ColumnSchema(k, roles=("target",) if c == "class" else ()) for c, (k, _) in cells.items()}
    return Dataset({"made": Table({c: v for c, (_, v) in cells.items()})}, Schema({"made": TableSchema(columns)}))


def inject() -> dict[str, Any]:
    """Recall of each kind at three shares, and what is reported on the tables as they are."""
    clean_tables = {name: table_of(name) for name in TABLES}
    found: dict[str, Any] = {"false_alarms": {}, "recall": {}}
    known: dict[tuple[str, str], set[tuple[str | None, str]]] = {}
    for name, data in clean_tables.items():
        findings = run_checks(data, Rng(0).child("check"))
        by = {s: sum(f.severity == s for f in findings) for s in ("high", "medium", "low")}
        grave = [f"{f.check} {f.column}: {f.message}" for f in findings if f.severity == "high"]
        found["false_alarms"][name] = {**by, "grave": grave}
        for f in findings:
            known.setdefault((name, f.check), set()).add((f.column, f.message))
    for check in catalog.names("checks", "table"):
        module = catalog.load("checks", check)
        for share in SHARES:
            recalls: dict[str, float] = {}
            for name, data in clean_tables.items():
                after, rows = module.plant(data, share, Rng(1).child(check, name))
                if rows is None:
                    continue
                got = module.CHECK()(after, Rng(0).child("check", check))
                fresh = [f for f in got if (f.column, f.message) not in known.get((name, check), set())]
                if not len(rows):
                    recalls[name] = float(any(f.severity != "low" for f in fresh))
                else:
                    seen = {r for f in fresh for r in f.rows}
                    recalls[name] = len(seen & set(rows.tolist())) / len(rows)
            kind = "exact" if module.CHECK.exact else "statistical"
            entry = found["recall"].setdefault(check, {"kind": kind})
            mean = round(float(np.mean(list(recalls.values()))), 3) if recalls else None
            entry[f"{share:.1%}"] = {"mean": mean, **{k: round(v, 3) for k, v in recalls.items()}}
    return found


def dirty() -> dict[str, Any]:
    """Cells that are flagged and cells that are changed, against the published clean versions."""
    out: dict[str, Any] = {}
    for name in ("hospital", "beers"):
        head, *rows = cells_of(DATA / "dirty" / f"{name}_dirty.csv")
        _, *truth = cells_of(DATA / "dirty" / f"{name}_clean.csv")
        data = texts(head, rows)
        wrong = {(i, c) for i in range(len(rows)) for j, c in enumerate(head) if rows[i][j] != truth[i][j]}
        start = time.perf_counter()
        findings = run_checks(data, Rng(0).child("check"))
        seconds = time.perf_counter() - start
        flagged = {(r, f.column) for f in findings if f.severity != "low" and f.column for r in f.rows}
        hit = len(flagged & wrong)
        precision, recall = hit / max(len(flagged), 1), hit / len(wrong)
        entry: dict[str, Any] = {
            "wrong_cells": len(wrong),
            "flagged": len(flagged),
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
            "seconds": round(seconds, 2),
        }
        for policy in ("safe", "thorough"):
            _, edits = clean(data, findings, policy)
            cells = [e for e in edits if e.column is not None]
            right = sum((e.after or "") == truth[e.row][head.index(e.column or "")] for e in cells)
            entry[policy] = {
                "cells": len(cells),
                "right": right,
                "precision": round(right / max(len(cells), 1), 4),
                "rows_removed": sum(e.column is None for e in edits),
            }
        out[name] = entry
    return out


def cells_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def texts(head: list[str], rows: list[list[str]]) -> Dataset:
    """All cells as texts, as they are published; empty ones missing."""
    cells, columns = {}, {}
    for j, c in enumerate(head):
        values = [r[j] or None for r in rows]
        distinct = len(set(values))
        kind = "id" if distinct == len(values) else "text" if distinct > 0.5 * len(values) else "category"
        cells[c], columns[c] = Column.of_texts(values), ColumnSchema(kind)  # type: ignore[arg-type]
    return Dataset({"data": Table(cells)}, Schema({"data": TableSchema(columns)}))


def recover() -> dict[str, Any]:
    """Accuracy on clean held-out rows: learned from clean labels, from 10 % wrong ones, and after cleaning.

    Robust learners lose little and have little to get back, so the share is of what all four lose together.
    """
    out: dict[str, Any] = {}
    for name, data in sources().items():
        rounds: list[dict[str, dict[str, float]]] = []
        for seed in range(3):
            g = Rng(seed).child("recover", name).generator()
            test = g.random(len(data.table)) < 0.3
            train, held = data.take(~test), data.take(np.flatnonzero(test)[:4_000])
            contaminated, _ = noisy(train, 0.1, "symmetric", seed)
            findings = run_checks(contaminated, Rng(seed).child("check"), ["label_errors"])
            cleaned, _ = clean(contaminated, findings, "thorough")
            states = {"clean": train, "noisy": contaminated, "cleaned": cleaned}
            rounds.append({k: accuracies(d, held) for k, d in states.items()})
            if seed == 0:
                worth = damage(contaminated, findings, Rng(seed)).get("label_errors")
        learners = list(rounds[0]["clean"])
        mean = {k: {m: round(float(np.mean([r[k][m] for r in rounds])), 4) for m in learners} for k in rounds[0]}
        lost = sum(mean["clean"][m] - mean["noisy"][m] for m in learners)
        back = sum(mean["cleaned"][m] - mean["noisy"][m] for m in learners)
        out[name] = {
            **mean,
            "lost_that_came_back": round(back / lost, 3),
            "damage_estimate_points": round(worth.points, 2) if worth else None,
        }
    return out


def accuracies(train: Dataset, held: Dataset) -> dict[str, float]:
    """Four plain learners, by scikit-learn's defaults (neighbours: 3)."""
    name = str(train.columns.target)
    both = Table.concat([train.table, held.table])
    features = frame(train.with_table(both), drop=(name,))
    n = len(train.table)
    y = both[name].texts().astype(str)
    filled = np.nan_to_num(features.X, nan=-1)
    learners = {
        "boosting": (
            HistGradientBoostingClassifier(random_state=0, categorical_features=features.categorical),
            features.X,
        ),
        "forest": (RandomForestClassifier(random_state=0), filled),
        "tree": (DecisionTreeClassifier(random_state=0), filled),
        "neighbours": (KNeighborsClassifier(3), features.linear()),
    }
    return {k: float(m.fit(X[:n], y[:n]).score(X[n:], y[n:])) for k, (m, X) in learners.items()}


def speed() -> dict[str, Any]:
    """Seconds and peak memory, each in a process of its own."""
    out: dict[str, Any] = {}
    for what in ("census", "million", "near"):
        command = [sys.executable, __file__, "--", what]
        out[what] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return out


def timed(what: str) -> dict[str, Any]:
    if what == "census":
        data = api.read(str(DATA / "adult_train.csv"), "income")
    else:
        data = made(1_000_000 if what == "million" else 100_000)
        g = np.random.default_rng(1)
        n = len(data.table)
        extra = {f"extra{j}": Column.of(np.round(g.gamma(2, 10, n), 1)) for j in range(15 - len(data.table.names))}
        columns = {**data.columns.columns, **{c: ColumnSchema("number", decimals=1) for c in extra}}
        data = Dataset({data.name: data.table.assign(extra)}, Schema({data.name: TableSchema(columns)}))
    rows = None
    if what == "near":
        data, rows = catalog.load("checks", "near_duplicates").plant(data, 0.02, Rng(1))
    each: dict[str, float] = {}
    start, worked = time.perf_counter(), time.process_time()
    found = run_checks(data, Rng(0).child("check"), ["near_duplicates"] if what == "near" else None, seconds=each)
    out: dict[str, Any] = {
        "rows": len(data.table),
        "columns": len(data.table.names),
        "seconds": round(time.perf_counter() - start, 1),
        "processor_seconds": round(time.process_time() - worked, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "high": [f.message for f in found if f.severity == "high"],
        "each": {k: round(v, 1) for k, v in each.items() if v >= 0.5},
    }
    if rows is not None:
        seen = {r for f in found for r in f.rows}
        out["recall"] = round(len(seen & set(rows.tolist())) / len(rows), 3)
    return out


PARTS = {
    "inject": inject, "dirty": dirty, "labels": labels, "ranking": ranking, "people": people,
    "recover": recover, "speed": speed,
}  # fmt: skip

if __name__ == "__main__":
    if "--" in sys.argv:
        print(json.dumps(timed(sys.argv[-1])))
    else:
        main()
