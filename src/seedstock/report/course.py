"""Regular readings in the report: their course in time, and how long they remember, real beside synthetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from seedstock.core.regular import readings
from seedstock.core.table import Table
from seedstock.metrics._windows import Grid
from seedstock.metrics.windows import _autocorrelations
from seedstock.pipeline import Run
from seedstock.report.charts import Chart
from seedstock.report.text import label

MOST_COLUMNS = 6
_BINS = 150
_READINGS_A_BIN = 5
_LAGS = 60


def courses(run: Run) -> list[dict[str, Any]]:
    """Return for some columns of regular readings a chart of their course, and one of their memory; else nothing.

    A point is a mean of at least five readings, so that no single one is shown.
    """
    if run.train.domain != "regular":
        return []
    found = readings(run.train)
    if found is None or not len(run.synthetic.table):
        return []
    real = run.train.with_table(Table.concat([run.train.table, run.holdout.table]))
    sides = [Grid.of(d, found.steps, found.order, found.entity) for d in (real, run.synthetic)]
    begin, end = min(g.first for g in sides), max(g.moments[-1] for g in sides) + 1
    span = int(end - begin)
    width = max(-(-span // _BINS), _READINGS_A_BIN)
    day = found.steps.cycles().get("day", 0.0)
    if day and width > day / 4:
        width = int(np.ceil(width / day) * day)  # parts of days would show the time of day
    bins = max(-(-span // width), 2)
    edges = begin + width * np.arange(bins + 1)
    middle = found.steps.ticks(np.round((edges[1:] + edges[:-1]) / 2).astype(np.int64))
    is_time = found.steps.unit != "number"
    at = [round(float(t) / 1e3) if is_time else float(f"{t:.8g}") for t in middle]
    most = max(min(len(g.row) for g in sides) // 3, 1)
    lags = sorted(set(np.geomspace(1, most, _LAGS).round().astype(int).tolist()))
    out = []
    for name in list(sides[0].values)[:MOST_COLUMNS]:
        course, memory = [], []
        for g in sides:
            x = g.values[name]
            place = np.clip(np.searchsorted(edges, g.moments, side="right") - 1, 0, bins - 1)
            known = np.isfinite(x)
            rows = np.repeat(place[:, None], x.shape[1], axis=1)[known]
            n, total = np.bincount(rows, minlength=bins), np.bincount(rows, x[known], minlength=bins)
            course.append(
                [(t, _short(s / c) if c >= _READINGS_A_BIN else None) for t, s, c in zip(at, total, n, strict=True)]
            )
            memory.append([(k, _short(r)) for k, r in zip(lags, _autocorrelations(x, lags), strict=True)])
        out.append(
            {
                "name": label(name),
                "course": _lines(course, "time" if is_time else "value", f"Course of {label(name)} in time."),
                "memory": _lines(memory, "log", f"Correlation of {label(name)} with itself, by moments in between."),
            }
        )
    return out


def _lines(sides: list[list[tuple[Any, Any]]], axis: str, text: str) -> Chart:
    series = [
        {"name": name, "type": "line", "showSymbol": False, "data": [list(p) for p in points]}
        for name, points in zip(("real", "synthetic"), sides, strict=True)
    ]
    ends = [sides[0][0][0], sides[0][-1][0]]
    option = {
        "xAxis": {"type": axis, "min": ends[0], "max": ends[1]},
        "yAxis": {"type": "value", "scale": True},
        "series": series,
    }
    return {"option": option, "tip": "course", "text": text}


def _short(x: float) -> float | None:
    return float(f"{x:.5g}") if np.isfinite(x) else None
