"""Stuck readings: a run of rows with one and the same value in a column whose values hardly repeat."""

from __future__ import annotations

import numpy as np

from seedstock.checks._cells import cell_text, counted, numbers
from seedstock.core.results import Finding
from seedstock.core.table import Dataset

NAME = "drift"
_SHORTEST = 8
_MOST_COLUMNS = 60
_P = 1e-8


def stuck(data: Dataset) -> list[Finding]:
    """Return one finding for each column's longest run, where its other rows make such a run all but impossible."""
    out: list[Finding] = []
    names = [c for c in data.columns.of_kind("number") if c != data.columns.target][:_MOST_COLUMNS]
    for name in names:
        x = numbers(data.table[name])
        if x is None or len(x) < 60:
            continue
        same = np.concatenate([[False], (x[1:] == x[:-1]) & np.isfinite(x[1:])])
        starts = np.flatnonzero(~same)
        lengths = np.diff(np.append(starts, len(x)))
        k = int(lengths.argmax())
        start, length = int(starts[k]), int(lengths[k])
        rest = np.delete(x, slice(start, start + length))
        if length < _SHORTEST or len(rest) < 40 or x[start] == 0:
            continue
        # Rows in order repeat their neighbours: how often do the others?
        repeats = max(float((rest[1:] == rest[:-1]).mean()), float((rest == x[start]).mean()), 1.0 / len(x))
        p = len(x) * repeats ** (length - 1)
        if repeats > 0.2 or p > _P:
            continue
        rows = range(start, start + length)
        out.append(
            Finding(
                NAME, data.name, name, tuple(rows), "medium", 0.85,
                f"{counted(length, 'row')} in a row, {start:,} to {start + length - 1:,}, have the same {name!r}, "
                f"{cell_text(data.table[name], start)}, where neighbours seldom agree: a sensor may have been stuck.",
                "Empty these cells, or find out what they stand for.", details={"p_value": p},
            )
        )  # fmt: skip
    return out
