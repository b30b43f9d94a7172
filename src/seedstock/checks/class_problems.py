"""Class and subgroup problems: rare, missing or mixed classes, and subgroups without one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seedstock.checks._cells import clip, counted, present_levels
from seedstock.checks._fit import cross_fit
from seedstock.checks._frame import Target, class_target
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.table import Column, Dataset

NAME = "class_problems"
_FEW = 10
_MOST_GROUPS = 50


@dataclass(frozen=True)
class ClassProblems:
    """Finds classes that cannot be learned from these rows."""

    false_alarms: ClassVar[float] = 0.01
    exact: ClassVar[bool] = True

    def __call__(self, data: Dataset, rng: Rng) -> list[Finding]:
        """Return findings on the target as a whole; rows are those of a rare class."""
        name = data.columns.target
        if name is None or len(data.table) < 20:
            return []
        out: list[Finding] = []
        missing = data.table[name].missing
        if missing.any():
            rows = tuple(np.flatnonzero(missing).tolist())
            message = f"{counted(len(rows), 'row')} ({missing.mean():.1%}) have no {name!r}."
            severity = "medium" if missing.mean() > 0.01 else "low"
            out.append(
                Finding(NAME, data.name, name, rows, severity, 1.0, message, "Label them, or leave them out.")  # type: ignore[arg-type]
            )
        target = class_target(data)
        if target is None:
            return out
        counts = np.bincount(target.codes[target.codes >= 0], minlength=len(target.classes))
        if (counts > 0).sum() < 2:
            message = f"{name!r} has one class only: nothing can be learned from it."
            return [*out, Finding(NAME, data.name, name, (), "medium", 1.0, message, "Bring rows of another class.")]
        few = np.flatnonzero((counts > 0) & (counts < _FEW))
        if len(few):
            rows = tuple(np.flatnonzero(np.isin(target.codes, few)).tolist())
            shown = ", ".join(f"{clip(str(target.classes[k]), 25)} ({counts[k]})" for k in few[:4])
            message = f"{counted(len(few), 'class')} of {name!r} have fewer than {_FEW} rows: {shown}."
            fix = "Bring more rows of them, merge them, or leave them out."
            out.append(Finding(NAME, data.name, name, rows, "medium", 0.95, message, fix))
        return out + _mixed(data, name, target, rng) + _empty_groups(data, name, target, counts)


def _mixed(data: Dataset, name: str, target: Target, rng: Rng) -> list[Finding]:
    """Find classes whose rows models that never saw them hardly ever tell from another class."""
    fit = cross_fit(data, rng)
    if fit is None:
        return []
    out: list[Finding] = []
    guess = fit.P.argmax(1)
    for j, label in enumerate(fit.target.classes):
        own = fit.y == j
        if own.sum() < 50 or (guess[own] == j).mean() > 0.1:
            continue
        # Is the class any likelier among its own rows than elsewhere? A rank test of its probability.
        order = np.argsort(np.argsort(fit.P[:, j]))
        auc = (order[own].mean() - (own.sum() - 1) / 2) / max((~own).sum(), 1)
        if auc > 0.65:
            continue
        message = (
            f"These columns cannot tell {clip(str(label), 30)} of {name!r} from the other classes (AUC {auc:.2f})."
        )
        out.append(Finding(NAME, data.name, name, (), "low", 0.8, message, "Bring columns that tell it, or merge it."))
    return out


def _empty_groups(data: Dataset, name: str, target: Target, counts: NDArray[np.int64]) -> list[Finding]:
    """Find subgroups without any row of a class of which chance would give them many."""
    out: list[Finding] = []
    n = int(counts.sum())
    for c, column in data.table.columns.items():
        if c == name or not column.is_text or data.columns[c].kind != "category":
            continue
        levels, _, codes = present_levels(column)
        if not 2 <= len(levels) <= _MOST_GROUPS:
            continue
        both = (codes >= 0) & (target.codes >= 0)
        k = len(target.classes)
        table = np.bincount(codes[both] * k + target.codes[both], minlength=len(levels) * k).reshape(len(levels), k)
        expected = table.sum(1, keepdims=True) * counts / max(n, 1)
        for i, j in np.argwhere((table == 0) & (expected >= 15)).tolist():
            message = (
                f"No row with {c!r} {clip(levels[i], 25)} is {clip(str(target.classes[j]), 25)}, and chance would "
                f"give {expected[i, j]:,.0f}."
            )
            out.append(
                Finding(
                    NAME, data.name, c, (), "low", 0.8, message, "Ask whether this subgroup was sampled by its class.",
                    details={"p_value": float(np.exp(-expected[i, j])), "tests": len(levels) * k, "family": c},
                )
            )  # fmt: skip
    return out


def plant(data: Dataset, share: float, rng: Rng) -> tuple[Dataset, NDArray[np.int64] | None]:
    """Give three rows a class of their own."""
    name = data.columns.target
    if name is None or not data.table[name].is_text or len(data.table) < 20:
        return data, None
    texts = data.table[name].texts()
    rows = np.sort(rng.generator().choice(len(texts), 3, replace=False))
    texts[rows] = "a class of its own"
    return data.with_table(data.table.assign({name: Column.of_texts(texts)})), rows


CHECK = ClassProblems
SOURCE = "Counts; the probability integral of ranks (Hanley and McNeil 1982); Poisson bound for empty cells."
