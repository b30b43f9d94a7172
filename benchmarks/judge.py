"""The judge of the comparisons: one file, independent of the product's own metrics, the same for every generator.

    python judge.py TRAIN.parquet HOLDOUT.parquet SYNTHETIC.parquet ABOUT.json

prints one JSON object. ABOUT.json names the columns: {"target": ..., "categories": [...]}. All other columns are
numbers. A missing category is a category of its own, and "?" means missing too.

What it measures (train: the rows that the generator saw; holdout: real rows that it did not see)

shape_error, trend_error
    100 x (1 - mean score) of SDMetrics' Column Shapes (Kolmogorov-Smirnov, total variation) and Column Pair Trends
    (correlation similarity, contingency similarity; a number beside a category in ten equal bins), train against
    synthetic, in percent. Lower is better.
c2st, c2st_auc
    Default XGBClassifier, 3 folds, train against synthetic rows; c2st = 1 - (2 max(AUC, 1/2) - 1). 1 is best, and a
    copier reaches it too: read it beside the three measures of memory below.
holdout_auc
    Default LGBMClassifier, 3 folds, holdout against as many synthetic rows. 0.5 is best; copying does not help.
tstr_auc, trtr_auc
    Default LGBMClassifier trained on the synthetic (or the real training) rows, tested on the holdout. Of three
    classes or more: one model a class against the rest (LightGBM's own multi-class fit diverges where one class is
    tiny), and the mean AUC of the classes that have 50 real rows on both sides. A class that is never drawn counts
    as 0.5.
nearest_share
    Share of synthetic rows that lie nearer to a training row than to a holdout row, equally many of both (ties half).
    0.5 is best.
membership_auc, membership_low, membership_high
    AUC of telling training from holdout rows by the distance to the nearest synthetic row; 95 % bootstrap interval.
copies, copies_holdout
    Share of synthetic rows that equal a training row in all columns, and the same of the holdout rows, in percent.

Distances are Euclidean over standardised numbers (by the training rows) and one-hot categories divided by sqrt(2).
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import NearestNeighbors

Matrix = NDArray[np.float32]
MISSING = "?"
MAX_NEIGHBOUR_ROWS = 8_000
"""Rows that look for their neighbours; the rows among which they look are never fewer than given."""
N_BOOTSTRAP = 200
MIN_CLASS_ROWS = 50


@dataclass(frozen=True)
class Trio:
    """Training, holdout and synthetic rows with the same columns in the same order, categories as texts."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    synthetic: pd.DataFrame
    categories: tuple[str, ...]
    target: str

    @classmethod
    def of(cls, train: Any, holdout: Any, synthetic: Any, categories: Any, target: str) -> Trio:
        names = list(train.columns)
        absent = [n for n in names if n not in synthetic.columns]
        if absent:
            raise ValueError(f"every column of train must be in synthetic, however these are not: {absent}")
        frames = [_plain(frame[names], categories) for frame in (train, holdout, synthetic)]
        return cls(*frames, tuple(n for n in names if n in set(categories)), target)

    @property
    def numbers(self) -> list[str]:
        return [n for n in self.train if n not in self.categories]

    @property
    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        return self.train, self.holdout, self.synthetic


def judge(trio: Trio, seed: int = 0) -> dict[str, float]:
    """Measure all that the head of this file lists."""
    rng = np.random.default_rng(seed)
    out = {"shape_error": shape_error(trio), "trend_error": trend_error(trio)}
    out |= detection(trio, rng)
    out |= usefulness(trio)
    out |= nearness(trio, rng)
    return out | copies(trio)


# ---------------------------------------------------------------------------------------------------- fidelity


def shape_error(trio: Trio) -> float:
    """Return 100 x (1 - mean column score) over the columns."""
    errors = []
    for name in trio.train:
        real, synthetic = trio.train[name].dropna(), trio.synthetic[name].dropna()
        if name in trio.categories:
            errors.append(_total_variation(real, synthetic))
        else:
            errors.append(float(ks_2samp(real, synthetic).statistic) if len(synthetic) else 1.0)
    return 100 * float(np.mean(errors))


def trend_error(trio: Trio) -> float:
    """Return 100 x (1 - mean pair score) over the pairs whose score is defined."""
    binned = {n: _binned(trio, n) for n in trio.train}
    errors = []
    for one, other in combinations(trio.train, 2):
        if one in trio.categories or other in trio.categories:
            real, synthetic = (binned[one][k] * 1_000_003 + binned[other][k] for k in (0, 1))
            errors.append(_total_variation(pd.Series(real), pd.Series(synthetic)))
            continue
        r, s = (_pearson(frame[one], frame[other]) for frame in (trio.train, trio.synthetic))
        # A column that only the synthetic rows hold constant has lost its trend: no correlation.
        if not np.isnan(r):
            errors.append(abs(r - (0.0 if np.isnan(s) else s)) / 2)
    return 100 * float(np.mean(errors))


def detection(trio: Trio, rng: np.random.Generator) -> dict[str, float]:
    """Tell train from synthetic by XGBoost, and holdout from synthetic by LightGBM."""
    from lightgbm import LGBMClassifier
    from xgboost import XGBClassifier

    hot = one_hot(trio)
    auc = out_of_fold_auc(hot[0], hot[2], lambda: XGBClassifier(n_jobs=_threads()))
    _, holdout, synthetic = coded(trio)
    n = min(len(holdout), len(synthetic))
    held, drawn = (m[rng.choice(len(m), n, replace=False)] for m in (holdout, synthetic))
    against = out_of_fold_auc(held, drawn, lambda: LGBMClassifier(n_jobs=_threads(), verbose=-1))
    return {"c2st": 1 - (2 * max(0.5, auc) - 1), "c2st_auc": auc, "holdout_auc": against}


def out_of_fold_auc(real: Matrix, synthetic: Matrix, make: Callable[[], Any], folds: int = 3) -> float:
    """Return the AUC of telling the second rows from the first, every row judged by a model that did not see it."""
    x, y = np.vstack([real, synthetic]), np.repeat([0, 1], [len(real), len(synthetic)])
    guess = np.zeros(len(y))
    for seen, unseen in StratifiedKFold(folds, shuffle=True, random_state=0).split(x, y):
        guess[unseen] = make().fit(x[seen], y[seen]).predict_proba(x[unseen])[:, 1]
    return float(roc_auc_score(y, guess))


# -------------------------------------------------------------------------------------------------- usefulness


def usefulness(trio: Trio) -> dict[str, float]:
    """Train on synthetic, test on real; beside it train on real, test on real."""
    train, holdout, synthetic = coded(trio)
    at = list(trio.train).index(trio.target)
    known, count = np.unique(train[:, at], return_counts=True)
    classes = [c for c, n in zip(known, count, strict=True) if min(n, np.sum(holdout[:, at] == c)) >= MIN_CLASS_ROWS]
    if len(known) == 2:
        classes = [known[-1]]
    return {"tstr_auc": _trained(synthetic, holdout, at, classes), "trtr_auc": _trained(train, holdout, at, classes)}


def _trained(rows: Matrix, holdout: Matrix, at: int, classes: list[Any]) -> float:
    from lightgbm import LGBMClassifier

    x, unseen = np.delete(rows, at, 1), np.delete(holdout, at, 1)
    aucs = []
    for c in classes:
        y = rows[:, at] == c
        if y.all() or not y.any():
            aucs.append(0.5)
            continue
        model = LGBMClassifier(n_jobs=_threads(), verbose=-1).fit(x, y)
        aucs.append(roc_auc_score(holdout[:, at] == c, model.predict_proba(unseen)[:, 1]))
    return float(np.mean(aucs))


# ------------------------------------------------------------------------------------------------------ memory


def nearness(trio: Trio, rng: np.random.Generator) -> dict[str, float]:
    """Measure whether synthetic rows lie nearer to training rows than to holdout rows, and give members away."""
    train, holdout, synthetic = scaled(trio)
    n = min(len(train), len(holdout))
    train, holdout = (m[rng.choice(len(m), n, replace=False)] for m in (train, holdout))
    drawn = synthetic[rng.permutation(len(synthetic))[:MAX_NEIGHBOUR_ROWS]]
    to_train, to_holdout = nearest(drawn, train), nearest(drawn, holdout)
    share = np.mean(to_train < to_holdout) + np.mean(to_train == to_holdout) / 2
    members, others = (-nearest(m[:MAX_NEIGHBOUR_ROWS], synthetic) for m in (train, holdout))
    auc, low, high = interval(members, others, rng)
    return {"nearest_share": float(share), "membership_auc": auc, "membership_low": low, "membership_high": high}


def interval(members: Any, others: Any, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the AUC of telling members from others by score, and the ends of its 95 % bootstrap interval."""

    def auc(a: Any, b: Any) -> float:
        return float(roc_auc_score(np.repeat([1, 0], [len(a), len(b)]), np.concatenate([a, b])))

    draws = [auc(rng.choice(members, len(members)), rng.choice(others, len(others))) for _ in range(N_BOOTSTRAP)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return auc(members, others), float(low), float(high)


def nearest(rows: Matrix, among: Matrix) -> NDArray[np.float64]:
    """Return each row's distance to the nearest of the others, shape (n_rows,)."""
    finder = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(among)
    return np.asarray(finder.kneighbors(rows)[0][:, 0], float)


def copies(trio: Trio) -> dict[str, float]:
    """Count exact copies of training rows, in percent."""
    known, held, drawn = (pd.util.hash_pandas_object(frame, index=False) for frame in trio.frames)
    return {"copies": 100 * float(drawn.isin(known).mean()), "copies_holdout": 100 * float(held.isin(known).mean())}


# ---------------------------------------------------------------------------------------------------- matrices


def one_hot(trio: Trio) -> list[Matrix]:
    """Return numbers, then one column a category value; one matrix a table."""
    pooled = pd.concat(trio.frames, ignore_index=True)
    hot = pd.get_dummies(pooled[list(trio.categories)], dtype=np.float32)
    return _cut(trio, np.column_stack([pooled[trio.numbers].to_numpy(np.float32), hot.to_numpy(np.float32)]))


def coded(trio: Trio) -> list[Matrix]:
    """Return numbers as they are and categories as integers in the order of their texts; one matrix a table."""
    pooled = pd.concat(trio.frames, ignore_index=True)
    for name in trio.categories:
        pooled[name] = pd.factorize(pooled[name], sort=True)[0]
    return _cut(trio, pooled.to_numpy(np.float32))


def scaled(trio: Trio) -> list[Matrix]:
    """Return the matrices in which distances are measured; a missing number lies at the mean."""
    mean, sd = trio.train[trio.numbers].mean().to_numpy(), trio.train[trio.numbers].std().to_numpy()
    n = len(trio.numbers)
    out = []
    for m in one_hot(trio):
        numbers = np.nan_to_num((m[:, :n] - mean) / np.where(sd > 0, sd, 1))
        out.append(np.column_stack([numbers, m[:, n:] / np.sqrt(2)]).astype(np.float32))
    return out


def _cut(trio: Trio, pooled: Matrix) -> list[Matrix]:
    return np.split(pooled, np.cumsum([len(f) for f in trio.frames])[:-1])


def _plain(frame: pd.DataFrame, categories: Any) -> pd.DataFrame:
    """Return categories as texts and numbers as floats."""
    out = {}
    for name in frame:
        column = frame[name]
        if name in set(categories):
            texts = column.astype(object)
            out[name] = texts.where(texts.notna(), MISSING).astype(str)
        else:
            out[name] = pd.to_numeric(column).astype(float)
    return pd.DataFrame(out).reset_index(drop=True)


def _binned(trio: Trio, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return category codes, or numbers in ten equal bins of the training rows' range (outside: the outer bins)."""
    pair = trio.train[name], trio.synthetic[name]
    if name in trio.categories:
        codes = pd.factorize(pd.concat(pair))[0]
    else:
        inner = np.histogram_bin_edges(pair[0].dropna(), bins=10)[1:-1]
        pooled = pd.concat(pair).to_numpy(float)
        codes = np.where(np.isnan(pooled), -1, np.digitize(pooled, inner))
    return codes[: len(pair[0])], codes[len(pair[0]) :]


def _total_variation(real: pd.Series, synthetic: pd.Series) -> float:
    one, other = (s.value_counts(normalize=True) for s in (real, synthetic))
    return float(one.sub(other, fill_value=0).abs().sum() / 2)


def _pearson(x: pd.Series, y: pd.Series) -> float:
    known = x.notna() & y.notna()
    x, y = x[known], y[known]
    if len(x) < 2 or x.nunique() < 2 or y.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs=3, type=Path, metavar=("TRAIN", "HOLDOUT", "SYNTHETIC"))
    parser.add_argument("about", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    about = json.loads(asked.about.read_text())
    frames = [pd.read_parquet(path) for path in asked.tables]
    trio = Trio.of(*frames, about["categories"], about["target"])
    print(json.dumps(judge(trio, asked.seed)))


if __name__ == "__main__":
    main()
