"""Label errors: rows whose label models that never saw them contradict, ranked, with a calibrated cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import clip, counted
from seedstock.checks._confident import LabelErrors, rank_label_errors
from seedstock.checks._fit import CrossFit, cross_fit, predict_numbers
from seedstock.checks._frame import frame, sample
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

__all__ = ["CHECK", "SOURCE", "LabelErrors", "plant", "rank_label_errors"]

NAME = "label_errors"
_EVIDENCE = 3.0
"""Standard errors from which the noise is beyond doubt."""
_MANY = 8
_REGRESSION_ROWS = 20_000


@dataclass(frozen=True)
class WrongLabels:
    """Finds wrong labels: confident learning on cross-fitted probabilities of three unlike learners.

    For a target of numbers, rows whose value is far from what other rows predict.
    """

    false_alarms: ClassVar[float] = 0.05
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return at most one finding; ``details["ranked"]`` orders its rows, most surely wrong first."""
        fit = cross_fit(data, rng)
        if fit is None:
            return _numbers(data, rng)
        found = rank_label_errors(fit.y, fit.P)
        flagged = found.flagged
        # A handful of doubtful rows is no finding: some rows of every class are unlike the others.
        p = found.probability[flagged]
        many = len(flagged) >= max(_MANY, 0.002 * len(fit.y))
        sure = len(flagged) > 0 and bool(many or p.mean() >= 0.5 or (p > 0.8).sum() >= 3)
        return [_finding(data, fit, found, flagged)] if sure else []


def _finding(data: Dataset, fit: CrossFit, found: LabelErrors, flagged: NDArray[np.int64]) -> Finding:
    rows = fit.rows[flagged]
    share = found.expected / len(fit.y)
    name, classes = fit.target.name, fit.target.classes
    texts = [_text(c) for c in classes]
    P = fit.P[flagged].copy()
    P[np.arange(len(flagged)), fit.y[flagged]] = -1.0
    ends = P.argmax(1)  # the likeliest other class
    edits = tuple(
        Edit(
            data.name, int(r), name, texts[a], texts[b], NAME, float(p), False,
            "models that never saw this row give it another label",
        )
        for r, a, b, p in zip(rows, fit.y[flagged], ends, found.probability[flagged], strict=True)
    )  # fmt: skip
    pairs = fit.y[flagged] * len(classes) + ends
    most = np.bincount(pairs).argmax()
    commonest = f"{clip(texts[most // len(classes)])} for {clip(texts[most % len(classes)])}"
    sampled = "" if len(fit.rows) == (fit.target.codes >= 0).sum() else f" Looked at {len(fit.rows):,} sampled rows."
    confidence = float(found.probability[flagged].mean())
    return Finding(
        NAME,
        data.name,
        name,
        tuple(np.sort(rows).tolist()),
        "high" if share >= 0.02 and found.evidence > _EVIDENCE else "medium",
        min(confidence, 0.99),
        f"{counted(len(rows), 'label')} of {name!r} are probably wrong (about {found.expected:,.0f} in all, "
        f"{share:.1%}); most often {commonest}.{sampled}",
        "Look at the surest first; correct them or leave them out.",
        edits,
        {
            "ranked": rows.tolist(),
            "probability": [round(float(p), 4) for p in found.probability[flagged]],
            "expected": found.expected,
            "learners": list(fit.weights),
        },
    )


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _numbers(data: Dataset, rng: Rng) -> list[Finding]:
    """Find numbers of a target that lie far from what other rows predict: beyond 8 robust standard deviations."""
    name = data.columns.target
    if name is None or data.columns[name].kind != "number" or data.table[name].is_text:
        return []
    column = data.table[name]
    y = column.values.astype(np.float64)
    known = np.flatnonzero(~column.missing & np.isfinite(y))
    if len(known) < 100 or len(np.unique(y[known])) <= 20:
        return []
    rows = known[sample(len(known), _REGRESSION_ROWS, rng.child("rows").generator())]
    features = frame(data, rows, drop=(name,))
    if not features.X.shape[1]:
        return []
    order = np.sort(y[rows])
    rank = np.searchsorted(order, y[rows]) / len(rows)
    off = np.abs(rank - predict_numbers(features, rank, rng.child("numbers")))
    scale = float(np.median(off)) / 0.6745
    if scale <= 0:
        return []
    bad = off > max(8 * scale, 0.5)
    if not bad.any() or bad.mean() > 0.2:
        return []
    return [
        Finding(
            NAME,
            data.name,
            name,
            tuple(rows[bad].tolist()),
            "medium",
            0.7,
            f"{counted(int(bad.sum()), 'value')} of {name!r} lie far from what the other columns say.",
            "Look at these rows; correct them or leave them out.",
            details={"ranked": rows[np.flatnonzero(bad)[np.argsort(-off[bad], kind="stable")]].tolist()},
        )
    ]


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Give a share of the rows another class: one that the row's features do not speak for."""
    name = data.columns.target
    if name is None or not data.table[name].is_text:
        return data, None
    column = data.table[name]
    fit = cross_fit(data, rng)
    if fit is None:
        return data, None
    g = rng.generator()
    # Where the classes overlap, a wrong label cannot be told from a right one by anybody: leave these rows out.
    sure = np.flatnonzero(fit.P[np.arange(len(fit.y)), fit.y] > 0.9)
    k = max(1, round(share * len(data.table)))
    if len(sure) < k:
        return data, None
    taken = np.sort(g.choice(sure, k, replace=False))
    other = (fit.y[taken] + g.integers(1, len(fit.target.classes), k)) % len(fit.target.classes)
    texts = column.texts()
    texts[fit.rows[taken]] = fit.target.classes[other]
    return data.with_table(data.table.assign({name: Column.of_texts(texts)})), np.sort(fit.rows[taken])


CHECK = WrongLabels
SOURCE = "Confident learning (Northcutt, Jiang and Chuang 2021) with an estimated noise channel; see rank_label_errors."
