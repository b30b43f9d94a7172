"""Poison: a small cluster of rows whose label is decided by one odd value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from seedstock.checks._cells import cell_text, clip, counted, numbers
from seedstock.checks._fit import CrossFit, boosting, cross_fit, quiet
from seedstock.checks._frame import Target
from seedstock.checks._spelling import canonical
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "poison"
_LEAST = 5
_LEAST_BESIDE = 20
_MOST_SHARE = 0.12
_PURE = 0.95
_SURE = 1e-8
_SURE_WITHOUT = 1e-6
_SURE_BESIDE = 1e-3
_MOST_CANDIDATES = 200
_MOST_COLUMNS = 12
_MOST_TRIGGERS = 2
_LEARNED_ROWS = 15_000


@dataclass(frozen=True)
class Poison:
    """Finds values that always come with one class, against what all the other columns say.

    A value (a category, a word of a text, or a number that repeats exactly) is a suspect where nearly all its rows are
    of one class. A model is then learned from the rows without any suspect and without the suspect's column; if it
    gives the suspect's rows other classes, the value alone decides their label: a trigger.
    """

    false_alarms: ClassVar[float] = 0.03
    exact: ClassVar[bool] = False

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return one finding a trigger."""
        fit = cross_fit(data, rng)
        if fit is None:
            return []
        suspects = _suspects(data, fit.rows, fit.y, fit.P.shape[1])
        if not suspects:
            return []
        out: list[Finding] = []
        columns = list(dict.fromkeys(name for name, _, _ in suspects))  # those with the strongest suspects first
        for column in columns[:_MOST_COLUMNS]:
            own = [(rows, cls) for name, rows, cls in suspects if name == column]
            inside = np.zeros(len(fit.y), bool)
            for rows, _ in own:
                inside[rows] = True
            train = np.flatnonzero(~inside)
            train = train[:: max(1, len(train) // _LEARNED_ROWS)]
            others = np.array([c != column for c in fit.frame.names])
            if len(np.unique(fit.y[train])) < 2 or not others.any():
                continue
            X = fit.frame.X[:, others]
            empty = np.isnan(X[train]).all(0)
            X = X[:, ~empty]
            with quiet():
                model = boosting(fit.frame.categorical[others][~empty], rng.child("model").integer(), 25)
                model.fit(X[train], fit.y[train])
                P = model.predict_proba(X[inside])
            place = np.cumsum(inside) - 1
            triggers: list[Finding] = []
            for rows, cls in own:
                if cls not in model.classes_:
                    continue
                p = P[place[rows], list(model.classes_).index(cls)]
                hits = int((fit.y[rows] == cls).sum())
                mean = float(p.mean())
                p_value = float(binom.sf(hits - 1, len(rows), min(mean + 0.02, 1.0)))
                beside = float(binom.sf(hits - 1, len(rows), _beside(data, column, fit, rows, cls)))
                if p_value < _SURE_WITHOUT and beside < _SURE_BESIDE and mean < 0.6:
                    found = fit.rows[rows]
                    triggers.append(_finding(data, found, column, fit.target, cls, mean, p_value, len(suspects)))
            # Many such values make a column that matters, not a trigger.
            if len(triggers) <= _MOST_TRIGGERS:
                out += triggers
        return out


def _beside(data: Dataset, column: str, fit: CrossFit, rows: NDArray[np.int64], cls: int) -> float:
    """Return the share of a class among the rows whose numbers are next to those of these rows, below or above.

    Where a number decides the class by its size, its neighbours have that class as well.
    """
    x = numbers(data.table[column])
    if x is None:
        return 0.0
    x = x[fit.rows]
    value, many = x[rows[0]], max(_LEAST_BESIDE, len(rows))
    shares = [0.0]
    for side, away in ((x < value, value - x), (x > value, x - value)):
        near = np.flatnonzero(side)
        near = near[np.argsort(away[near], kind="stable")[:many]]
        shares.append(float(((fit.y[near] == cls).sum() + 1) / (len(near) + 2)) if len(near) else 0.0)
    return max(shares)


def _suspects(
    data: Dataset, rows: NDArray[np.int64], y: NDArray[np.int64], k: int
) -> list[tuple[str, NDArray[np.int64], int]]:
    """Return (column, places in rows, class) of values that nearly always come with one class."""
    out: list[tuple[float, str, NDArray[np.int64], int]] = []
    n = len(rows)
    share = np.bincount(y, minlength=k) / n
    for name, column in data.table.columns.items():
        if name == data.columns.target or data.columns[name].kind in ("id", "image") or column.values.ndim > 1:
            continue
        codes, m = column.take(rows).codes()
        if data.columns[name].kind == "text" and column.is_text:
            out += _words(name, column.take(rows).texts(), y, share)
            continue
        if m < 2 or m > 0.9 * n:
            continue
        table = np.bincount(codes * k + y, minlength=m * k).reshape(m, k)
        size = table.sum(1)
        cls = table.argmax(1)
        good = (size >= _LEAST) & (size <= _MOST_SHARE * n) & (table.max(1) >= _PURE * size)
        # One in twenty rows is no odd value, where there are few.
        good &= (size <= 0.05 * n) | (m >= 10) | column.is_text
        good &= size * -np.log(np.maximum(share[cls], 1e-12)) > -np.log(_SURE) * 0.5
        for v in np.flatnonzero(good):
            strength = float(size[v] * -np.log(max(share[cls[v]], 1e-12)))
            out.append((strength, name, np.flatnonzero(codes == v), int(cls[v])))
    out.sort(key=lambda s: (-s[0], s[1], int(s[2][0])))
    return [(name, at, cls) for _, name, at, cls in out[:_MOST_CANDIDATES]]


def _words(
    name: str, texts: NDArray[np.object_], y: NDArray[np.int64], share: NDArray[np.float64]
) -> list[tuple[float, str, NDArray[np.int64], int]]:
    """Return the words of free text that nearly always come with one class, as `_suspects` does."""
    where: dict[str, list[int]] = {}
    for i, text in enumerate(texts.tolist()):
        for word in set(canonical((text or "")[:2_000]).split()):
            where.setdefault(word, []).append(i)
    out: list[tuple[float, str, NDArray[np.int64], int]] = []
    for places in where.values():
        if not _LEAST <= len(places) <= _MOST_SHARE * len(y):
            continue
        at = np.array(places, np.int64)
        counts = np.bincount(y[at], minlength=len(share))
        cls = int(counts.argmax())
        strength = float(len(at) * -np.log(max(share[cls], 1e-12)))
        if counts[cls] >= _PURE * len(at) and strength > -np.log(_SURE) * 0.5:
            out.append((strength, name, at, cls))
    return out


def _shared_word(texts: NDArray[np.object_]) -> str:
    words = set.intersection(*(set(canonical(t or "").split()) for t in texts.tolist()))
    return max(sorted(words), key=len, default="")


def _finding(
    data: Dataset, rows: NDArray[np.int64], column: str, target: Target, cls: int, p: float, p_value: float, tests: int
) -> Finding:
    value = cell_text(data.table[column], int(rows[0]))
    if data.columns[column].kind == "text":
        value = _shared_word(data.table[column].take(rows).texts())
    label = str(target.classes[cls])
    edits = tuple(
        Edit(data.name, int(r), None, None, None, NAME, 0.6, False, "its label hangs on one odd value") for r in rows
    )
    return Finding(
        NAME, data.name, column, tuple(np.sort(rows).tolist()), "high" if p < 0.4 else "medium", 0.75,
        f"{counted(len(rows), 'row')} with {column!r} {clip(value, 25)} are all {clip(label, 25)}, though their other "
        f"columns give that {p:.0%}: a trigger decides the label.",
        "Find out where these rows come from; leave them out if nobody knows.", edits,
        {"p_value": p_value, "tests": tests},
    )  # fmt: skip


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Mark rows of one class with an odd value in one column, and give them another class."""
    name = data.columns.target
    n = len(data.table)
    columns = [c for c in data.columns.of_kind("category") if c != name and data.table[c].is_text]
    if name is None or not data.table[name].is_text or not columns:
        return data, None
    labels = data.table[name].texts()
    classes, counts = np.unique([t for t in labels if t is not None], return_counts=True)
    if len(classes) < 2:
        return data, None
    wanted, source = classes[counts.argmin()], classes[counts.argmax()]
    pool = np.flatnonzero(labels == source)
    rows = np.sort(rng.generator().choice(pool, min(len(pool), max(12, round(share * n))), replace=False))
    texts = data.table[columns[0]].texts()
    texts[rows] = "zq"
    labels[rows] = wanted
    changed = {columns[0]: Column.of_texts(texts), name: Column.of_texts(labels)}
    return data.with_table(data.table.assign(changed)), rows


CHECK = Poison
SOURCE = "Trigger patterns after Gu, Dolan-Gavitt and Garg, BadNets (2017); binomial test against a model without them."
