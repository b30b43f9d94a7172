"""Labels that an image's own look contradicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._confident import rank_label_errors
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset
from seedstock.encoding.image_features import features

NAME = "image_labels"
_LEAST, _FOLDS = 8, 4
_MOST = 10_000


@dataclass(frozen=True)
class ImageLabels:
    """Finds images whose label is probably wrong, by confident learning on out-of-fold probabilities.

    Features are those of fixed random filters, the learner a regularised logistic regression; labels with fewer than
    eight images are left out, and so are columns that say whom an image shows.
    """

    false_alarms: ClassVar[float] = 0.02
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding for each label column with wrong labels, the surest first in its details."""
        images = data.table[data.columns.of_kind("image")[0]]
        out: list[Finding] = []
        for name, schema in data.columns.columns.items():
            if schema.kind not in ("category", "boolean") or {"group", "entity"} & set(schema.roles):
                continue
            codes, _ = data.table[name].codes()
            counts = np.bincount(codes, minlength=codes.max(initial=-1) + 1)
            rows = np.flatnonzero(~data.table[name].missing & ~images.missing & (counts[codes] >= _LEAST))[:_MOST]
            labels = np.unique(codes[rows], return_inverse=True)[1].reshape(-1)
            if len(rows) < 40 or labels.max(initial=0) < 1:
                continue
            p = _out_of_fold(features(images.values[rows]), labels, rng.child(name).integer() % 2**31)
            found = rank_label_errors(labels, p)
            wrong = found.ranked[: found.n_cut]
            if not len(wrong):
                continue
            at = np.sort(rows[wrong])
            share = len(at) / len(rows)
            out.append(
                Finding(
                    NAME, data.name, name, tuple(at.tolist()), "high" if share >= 0.02 else "medium", 0.8,
                    f"{len(at):,} of {len(rows):,} labels in {name!r} ({share:.2%}) contradict what the images show.",
                    "Look at these images and mend their labels; the surest come first in the details.",
                    details={"surest": rows[wrong][:100].tolist()},
                )
            )  # fmt: skip
        return out


def _out_of_fold(X: NDArray[np.float64], y: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    out = np.zeros((len(y), int(y.max()) + 1))
    for learn, test in StratifiedKFold(_FOLDS, shuffle=True, random_state=seed).split(X, y):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.02, max_iter=300, tol=1e-3))
        out[test] = model.fit(X[learn], y[learn]).predict_proba(X[test])
    return out


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Give a share of the images another label."""
    name = next((c for c, s in data.columns.columns.items() if s.kind == "category"), None)
    if name is None:
        return data, None
    g = rng.generator()
    texts = np.asarray(data.table[name].texts(), object)
    levels = sorted({str(t) for t in texts if t is not None})
    rows = np.sort(g.choice(len(texts), max(1, round(share * len(texts))), replace=False))
    for r in rows:
        others = [t for t in levels if t != texts[r]]
        if not others:
            return data, None
        texts[r] = others[int(g.integers(len(others)))]
    return data.with_table(data.table.assign({name: Column.of_texts(texts.tolist())})), rows


CHECK = ImageLabels
SOURCE = "Northcutt, Jiang and Chuang 2021, Confident learning; see seedstock.checks._confident."
DOMAIN = "image"
