"""Wrong labels: how well they are ranked and cut, beside the peer on the same probabilities."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from seedstock import api
from seedstock.checks._fit import cross_fit
from seedstock.checks._frame import frame
from seedstock.checks.label_errors import rank_label_errors
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

DATA = Path(os.environ.get("SEEDSTOCK_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
PEER = """
import sys, json, numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
z = np.load(sys.argv[1])
score = 1 - get_label_quality_scores(z["y"], z["P"])
flagged = find_label_issues(z["y"], z["P"])
json.dump({"score": score.tolist(), "flagged": flagged.tolist()}, sys.stdout)
"""


def sources() -> dict[str, Dataset]:
    return {"digits": digits(), "census": api.read(str(DATA / "adult_train.csv"), "income")}


def digits() -> Dataset:
    X, y = load_digits(return_X_y=True)
    cells = {f"p{j:02d}": Column.of(X[:, j]) for j in range(X.shape[1])}
    columns = {c: ColumnSchema("number", dtype="float64") for c in cells}
    cells["digit"] = Column.of_texts([str(v) for v in y])
    columns["digit"] = ColumnSchema("category", roles=("target",))
    return Dataset({"digits": Table(cells)}, Schema({"digits": TableSchema(columns)}))


def noisy(data: Dataset, share: float, kind: str, seed: int) -> tuple[Dataset, np.ndarray]:
    """Give a share of the rows a wrong class: any other, or (by class) the next one, twice as often in even ones."""
    g = Rng(seed).child("noise", kind).generator()
    if kind == "like people":
        return mistaken(data, share, g)
    name = str(data.columns.target)
    column = data.table[name]
    codes, k = column.values.copy(), len(column.levels if column.levels is not None else ())
    chance = (
        np.full(len(codes), share) if kind == "symmetric" else np.where(codes % 2 == 0, share * 4 / 3, share * 2 / 3)
    )
    bad = g.random(len(codes)) < chance
    other = (codes + g.integers(1, k, len(codes))) % k if kind == "symmetric" else (codes + 1) % k
    codes[bad] = other[bad]
    return data.with_table(data.table.assign({name: Column(codes, column.missing, column.levels)})), bad


def mistaken(data: Dataset, share: float, g: np.random.Generator) -> tuple[Dataset, np.ndarray]:
    """Give rows the class that they are most easily taken for: nearest neighbours of another class, the nearer the
    likelier. A stand-in for people's mistakes, which no data set here has with the right labels beside them."""
    name = str(data.columns.target)
    column = data.table[name]
    features = frame(data, drop=(name,)).linear()
    model = KNeighborsClassifier(16).fit(features, column.values)
    distance, near = model.kneighbors(features)
    other = column.values[near] != column.values[:, None]
    first = np.where(other.any(1), other.argmax(1), 15)
    gap = distance[np.arange(len(near)), first] / np.maximum(distance[:, 1:].mean(1), 1e-9)
    weight = np.where(other.any(1), np.exp(-gap), 0.02)
    chance = np.minimum(weight * share * len(weight) / weight.sum(), 0.9)
    bad = g.random(len(near)) < chance
    codes, k = column.values.copy(), len(column.levels if column.levels is not None else ())
    taken = np.where(other.any(1), codes[near[np.arange(len(near)), first]], (codes + 1) % k)
    codes[bad] = taken[bad]
    return data.with_table(data.table.assign({name: Column(codes, column.missing, column.levels)})), bad


def labels() -> dict[str, Any]:
    """Ranking and cut of wrong labels, beside the peer on the same probabilities."""
    out: dict[str, Any] = {}
    census = sources()["census"]
    some = np.sort(np.random.default_rng(0).permutation(len(census.table))[:4_000])
    for name, data in {**sources(), "census sample": census.take(some)}.items():
        for kind in ("symmetric", "by class", "like people"):
            for share in (0.05, 0.1, 0.2) if kind != "like people" else (0.09,):
                contaminated, bad = noisy(data, share, kind, 0)
                start = time.perf_counter()
                fit = cross_fit(contaminated, Rng(0))
                assert fit is not None
                fitted = time.perf_counter() - start
                found = rank_label_errors(fit.y, fit.P)
                place = np.empty(len(fit.y))
                place[found.ranked] = -np.arange(len(fit.y))
                bad = bad[fit.rows]
                entry = {"ours": scores(bad, place, found.flagged), "fit_seconds": round(fitted, 1),
                         "expected": round(found.expected), "true": int(bad.sum())}  # fmt: skip
                if peer := os.environ.get("CLEANLAB_PYTHON"):
                    entry["cleanlab"] = beside(peer, fit.y, fit.P, bad)
                out[f"{name} {kind} {share:.0%}"] = entry
    return out


def ranking() -> dict[str, Any]:
    """`rank_label_errors` on anybody's probabilities: a support vector machine's, with mistakes like people's."""
    data = digits()
    features = frame(data, drop=("digit",)).X
    out: dict[str, Any] = {}
    for seed in range(3):
        contaminated, bad = mistaken(data, 0.09, Rng(seed).child("people").generator())
        y = contaminated.table["digit"].values.astype(np.int64)
        model = SVC(gamma=0.001, C=10, probability=True, random_state=0)
        P = cross_val_predict(model, features, y, cv=5, method="predict_proba")
        found = rank_label_errors(y, P)
        place = np.empty(len(y))
        place[found.ranked] = -np.arange(len(y))
        out[f"seed {seed}"] = {"true": int(bad.sum()), "ours": scores(bad, place, found.flagged)}
        if peer := os.environ.get("CLEANLAB_PYTHON"):
            out[f"seed {seed}"]["cleanlab"] = beside(peer, y, P, bad)
    y = data.table["digit"].values.astype(np.int64)
    P = cross_val_predict(
        SVC(gamma=0.001, C=10, probability=True, random_state=0), features, y, cv=5, method="predict_proba"
    )
    out["right labels"] = {"flagged": len(rank_label_errors(y, P).flagged), "of": len(y)}
    return out


def scores(bad: np.ndarray, score: np.ndarray, flagged: np.ndarray) -> dict[str, float]:
    hit = bad[flagged].sum()
    precision, recall = hit / max(len(flagged), 1), hit / max(bad.sum(), 1)
    return {
        "auroc": round(float(roc_auc_score(bad, score)), 4),
        "average_precision": round(float(average_precision_score(bad, score)), 4),
        "precision": round(float(precision), 3),
        "recall": round(float(recall), 3),
        "f1": round(float(2 * precision * recall / max(precision + recall, 1e-9)), 3),
    }


def beside(python: str, y: np.ndarray, P: np.ndarray, bad: np.ndarray) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "p.npz"
        np.savez(file, y=y, P=P / P.sum(1, keepdims=True))
        done = subprocess.run(
            [python, "-W", "ignore", "-c", PEER, str(file)], capture_output=True, text=True, check=True
        )
    answer = json.loads(done.stdout)
    return scores(bad, np.array(answer["score"]), np.flatnonzero(answer["flagged"]))
