"""Tables -> ECharts options: counts of bins, never rows.

Each chart is a mapping of JSON values: ``option`` (for ECharts), ``tip`` (how page.js words a tooltip), ``text`` (the
same in a sentence, for those who can't see it). Series 0 is real, series 1 synthetic; page.js colours them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.report.text import label, number, shown

Chart = dict[str, Any]
Floats = NDArray[np.float64]

TOP_VALUES = 11
"""Categories that get a bar of their own; the rest share one."""
MIN_ROWS = 5
"""Training rows that a category needs before the page names it: a value of a single person is not a category."""
MAX_BINS = 36
MAX_PAIR_COLUMNS = 60
LABEL_CHARS = 28


def marginal(name: str, schema: ColumnSchema, train: Column, synthetic: Column) -> Chart | None:
    """Draw one column, real over synthetic; None for kinds that would show rows (text, id, image).

    Returns
    -------
    Chart or None
        Beside the option: ``gap``, the largest difference of the two cumulated (bars: half the summed) shares,
        0 to 1, and ``spark``, the shares of real and synthetic rows per bin.
    """
    if schema.kind in ("text", "id", "image") or train.values.ndim > 1:
        return None
    if schema.kind in ("category", "boolean") or train.is_text or train.values.dtype.kind == "b":
        chart = _bars(*_category_shares(schema, train, synthetic))
    else:
        real, drawn = _ordered(train), _ordered(synthetic)
        if not len(real):
            return None
        distinct = np.unique(real)
        if len(distinct) <= 2 * TOP_VALUES and schema.kind == "number":
            chart = _bars(*_value_shares(distinct, real, drawn), ordered=True)
        else:
            chart = _histogram(schema, real, drawn)
    missing = [round(100 * float(c.missing.mean()), 2) if len(c) else 0.0 for c in (train, synthetic)]
    if any(missing):
        note = f"missing: {number(missing[0])} % real, {number(missing[1])} % synthetic"
        chart["note"] = "; ".join(filter(None, [chart.get("note"), note]))
    chart["name"] = label(name)
    chart["text"] = f"Column {label(name)}: shares of real and synthetic rows differ by {number(100 * chart['gap'])} %."
    return chart


def pairs(names: Sequence[str], matrices: Mapping[str, Any]) -> tuple[dict[str, Chart], str]:
    """Draw the dependence of every pair of columns: real, synthetic and their difference.

    Parameters
    ----------
    names : k column names
    matrices : ``real``, ``synthetic`` and ``difference``, each k lists of k numbers (None where unknown)

    Returns
    -------
    charts, note
        Above `MAX_PAIR_COLUMNS` columns only those that differ most are drawn, and the note says so.
    """
    values = {key: np.array(matrices[key], float) for key in ("real", "synthetic", "difference") if key in matrices}
    keep, note = np.arange(len(names)), ""
    if len(names) > MAX_PAIR_COLUMNS:
        off = np.abs(np.nan_to_num(values.get("difference", values["real"])))
        np.fill_diagonal(off, 0)
        keep = np.sort(np.argsort(-off.max(axis=0), kind="stable")[:MAX_PAIR_COLUMNS])
        which = f"The {MAX_PAIR_COLUMNS} of {len(names)} columns"
        note = f"{which} whose pairs differ most are shown; every pair is in the score."
    labels = [label(names[int(k)], LABEL_CHARS) for k in keep]
    apart = ~np.eye(len(keep), dtype=bool)
    parts = {key: matrix[np.ix_(keep, keep)] for key, matrix in values.items()}
    both = np.concatenate([p[apart & np.isfinite(p)] for key, p in parts.items() if key != "difference"])
    reach = min(1.0, max(0.3, np.ceil(10 * float(np.abs(both).max(initial=0))) / 10))
    signed = bool((both < -1e-9).any())
    out = {}
    for key, part in parts.items():
        low, high, scale = (-reach if signed else 0.0), reach, ("diverging" if signed else "sequential")
        if key == "difference":
            part = np.abs(part)
            low, high, scale = (
                0.0,
                max(0.1, np.ceil(20 * float(part[apart & np.isfinite(part)].max(initial=0))) / 20),
                "difference",
            )
        cells = [
            [j, len(keep) - 1 - i, round(float(part[i, j]), 3)]
            for i, j in np.argwhere(apart & np.isfinite(part)).tolist()
        ]
        out[key] = _heat(cells, labels, labels[::-1], low, high, scale, "pair")
        out[key]["text"] = f"Heat map of {len(keep)} x {len(keep)} pairs of columns: {key}."
    return out, note


def density(grids: Mapping[str, NDArray[np.float64]]) -> dict[str, Chart]:
    """Draw two-dimensional histograms, each of shape (k, k), on one colour scale; values are shares of rows."""
    top = max(float(np.quantile(g[g > 0], 0.98)) if (g > 0).any() else 0.0 for g in grids.values()) or 1.0
    out = {}
    for key, grid in grids.items():
        rows, columns = np.nonzero(grid)
        cells = [[int(i), int(j), round(100 * float(grid[i, j]), 4)] for i, j in zip(rows, columns, strict=True)]
        ticks = [""] * grid.shape[0]
        out[key] = _heat(cells, ticks, ticks, 0.0, 100 * top, "sequential", "density")
        out[key]["text"] = f"Where the {key} rows lie: density in {grid.shape[0]} x {grid.shape[1]} cells."
    return out


def learning(bars: Sequence[tuple[str, float, float]]) -> Chart:
    """Draw what learners reach on real holdout rows: (label, trained on real, trained on synthetic)."""
    labels = [name for name, _, _ in bars]
    chart = _bars(labels, [real for _, real, _ in bars], [drawn for _, _, drawn in bars], ordered=True, unit="")
    chart["option"]["xAxis"], chart["option"]["yAxis"] = (
        {"type": "value", "min": 0},
        {"type": "category", "data": labels, "inverse": True},
    )
    for series, name in zip(chart["option"]["series"], ("trained on real", "trained on synthetic"), strict=True):
        series |= {"name": name, "label": {"show": True, "position": "right"}}
    chart["text"] = "; ".join(f"{a}: {number(b)} trained on real, {number(c)} trained on synthetic" for a, b, c in bars)
    return {**chart, "tip": "plain", "rows": len(bars)}


def distances(edges: Floats, holdout: Floats, synthetic: Floats) -> Chart:
    """Draw the distances to the nearest training row: counts per bin for holdout rows and for synthetic rows."""
    shares = [100 * c / max(1, c.sum()) for c in (holdout, synthetic)]
    chart = _steps(edges, shares[0], shares[1])
    chart["option"]["series"][0]["name"] = "holdout rows"
    chart["option"]["series"][1]["name"] = "synthetic rows"
    chart["text"] = "Distances from holdout rows and from synthetic rows to the nearest training row."
    return chart


def _ordered(column: Column) -> Floats:
    """Return present, finite cells as floats: times in milliseconds since 1970, durations in seconds."""
    values = column.values[~column.missing]
    if values.dtype.kind == "M":
        return np.asarray(values.astype("datetime64[us]").astype(np.int64) / 1000.0)
    if values.dtype.kind == "m":
        return np.asarray(values.astype("timedelta64[us]").astype(np.int64) / 1e6)
    out: Floats = values.astype(float)
    return out[np.isfinite(out)]


def _texts_and_counts(schema: ColumnSchema, column: Column) -> tuple[list[str], NDArray[np.int64]]:
    here = ~column.missing
    if column.levels is not None:
        counts = np.bincount(column.values[here], minlength=len(column.levels))
        return [str(level) for level in column.levels], counts
    values, counts = np.unique(column.values[here], return_counts=True)
    if values.dtype.kind == "b":
        words = (schema.format or "").split("/")
        return [words[int(v)] if len(words) == 2 else str(bool(v)).lower() for v in values], counts
    return [str(v) for v in values.tolist()], counts


def _category_shares(
    schema: ColumnSchema, train: Column, synthetic: Column
) -> tuple[list[str], list[float], list[float]]:
    texts, counts = _texts_and_counts(schema, train)
    drawn_texts, drawn_counts = _texts_and_counts(schema, synthetic)
    order = np.argsort(-counts, kind="stable")
    named = [int(k) for k in order[:TOP_VALUES] if counts[k] >= MIN_ROWS]
    wanted = {texts[k]: 0 for k in named}
    for text, count in zip(drawn_texts, drawn_counts.tolist(), strict=True):
        if text in wanted:
            wanted[text] += count
    return _with_other(
        [shown(texts[k], LABEL_CHARS) or "(empty)" for k in named],
        counts[named].tolist(),
        list(wanted.values()),
        int(counts.sum()),
        int(drawn_counts.sum()),
        int((counts > 0).sum()) - len(named),
    )


def _value_shares(distinct: Floats, real: Floats, drawn: Floats) -> tuple[list[str], list[float], list[float]]:
    counts, drawn_counts = (np.array([(part == v).sum() for v in distinct]) for part in (real, drawn))
    named = np.flatnonzero(counts >= MIN_ROWS)
    labels = [f"{v:.10g}" for v in distinct[named].tolist()]
    rest = len(distinct) - len(named)
    return _with_other(labels, counts[named].tolist(), drawn_counts[named].tolist(), len(real), len(drawn), rest)


def _with_other(
    labels: list[str], real: list[int], drawn: list[int], n_real: int, n_drawn: int, n_rest: int
) -> tuple[list[str], list[float], list[float]]:
    """Turn counts into percent; what has no bar of its own goes to the last one."""
    rest, drawn_rest = n_real - sum(real), n_drawn - sum(drawn)
    if rest or drawn_rest:
        labels = [*labels, f"other ({n_rest})" if n_rest else "other (new)"]
        real, drawn = [*real, rest], [*drawn, drawn_rest]
    return labels, [100 * c / max(1, n_real) for c in real], [100 * c / max(1, n_drawn) for c in drawn]


def _histogram(schema: ColumnSchema, real: Floats, drawn: Floats) -> Chart:
    # Beyond 1e300 the range itself would overflow; the picture does not change there.
    real, drawn = np.clip(real, -1e300, 1e300), np.clip(drawn, -1e300, 1e300)
    low, high = np.quantile(real, [0.005, 0.995], method="nearest")
    least, most = float(real.min()), float(real.max())
    # A long tail would squeeze all other bars into one: it goes to the last bin, which says so.
    if most - least <= 1.6 * (high - low) or high == low:
        low, high = least, most
    whole = schema.decimals == 0 and schema.kind == "number"
    edges = _edges(float(low), float(high), whole)
    inside = [np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] for part in (real, drawn)]
    shares = [100 * c / max(1, c.sum()) for c in inside]
    chart = _steps(edges, shares[0], shares[1], "time" if schema.kind == "datetime" else "value") | {"whole": whole}
    tails = [word for word, cut in (("first", least < edges[0]), ("last", most > edges[-1])) if cut]
    if tails:
        chart["note"] = f"the {' and the '.join(tails)} bar also hold{'s' if len(tails) == 1 else ''} what lies beyond"
    if schema.kind == "duration":
        chart["note"] = "; ".join(filter(None, ["in seconds", chart.get("note")]))
    return chart


def _edges(low: float, high: float, whole: bool) -> Floats:
    """Return equal bins between round numbers, at most `MAX_BINS` of them and about as many."""
    span = max(high - low or abs(low) or 1.0, 1e-290)
    step = span / MAX_BINS
    power = 10.0 ** np.floor(np.log10(step))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= step * (1 - 1e-9))
    if whole:
        step = max(1.0, np.ceil(step))
    start = np.floor(low / step)
    count = int(max(1, np.floor(high / step) - start + 1))
    edges: Floats = (start + np.arange(count + 1)) * step
    # Beyond 2**53 steps from zero neighbouring edges would be equal.
    return edges if (np.diff(edges) > 0).all() else np.linspace(low, low + span, MAX_BINS + 1)


def _steps(edges: Floats, real: Floats, drawn: Floats, axis: str = "value") -> Chart:
    """Draw two histograms as steps; a point stands at the middle of its bin, and one at each end."""
    xs = [edges[0], *((edges[1:] + edges[:-1]) / 2), edges[-1]]
    # As many digits as tell the bins apart, far from zero too.
    digits = 6 + int(np.ceil(np.log10(max(np.abs(edges).max() / (edges[-1] - edges[0]), 1))))
    xs = [round(float(x)) if axis == "time" else _rounded(float(x), min(digits, 17)) for x in xs]
    series: list[dict[str, Any]] = []
    for name, shares in (("real", real), ("synthetic", drawn)):
        ys = [_rounded(y) for y in (shares[0], *shares, shares[-1])]
        data = [[x, y] for x, y in zip(xs, ys, strict=True)]
        series.append({"name": name, "type": "line", "step": "middle", "showSymbol": False, "data": data})
    series[0]["areaStyle"] = {}
    option = {
        "xAxis": {"type": axis, "min": series[0]["data"][0][0], "max": series[0]["data"][-1][0]},
        "yAxis": {"type": "value", "min": 0},
        "series": series,
    }
    gap = float(np.abs(np.cumsum(real - drawn)).max()) / 100
    width = float(edges[1] - edges[0])
    return {"option": option, "tip": "bins", "width": width, "gap": gap, "spark": [_spark(real), _spark(drawn)]}


def _bars(
    labels: list[str],
    real: Sequence[float | None],
    drawn: Sequence[float | None],
    ordered: bool = False,
    unit: str = "%",
) -> Chart:
    series = [
        {"name": name, "type": "bar", "data": [_rounded(v) for v in shares]}
        for name, shares in (("real", real), ("synthetic", drawn))
    ]
    category = {"type": "category", "data": labels, "inverse": not ordered}
    value = {"type": "value", "min": 0}
    # Names read best beside lying bars; numbers stand in their order below standing ones.
    option = {"xAxis": category if ordered else value, "yAxis": value if ordered else category, "series": series}
    a, b = (np.array([v or 0.0 for v in shares], float) for shares in (real, drawn))
    return {
        "option": option,
        "tip": "bars",
        "unit": unit,
        "gap": float(np.abs(a - b).sum()) / 200,
        "spark": [_spark(a), _spark(b)],
        "rows": len(labels),
    }


def _heat(cells: list[Any], across: list[str], down: list[str], low: float, high: float, scale: str, tip: str) -> Chart:
    option = {
        "xAxis": {"type": "category", "data": across},
        "yAxis": {"type": "category", "data": down},
        "visualMap": {"min": _rounded(low, 3), "max": _rounded(high, 3)},
        "series": [{"type": "heatmap", "data": cells}],
    }
    return {"option": option, "tip": tip, "scale": scale}


def _spark(shares: Floats) -> list[float]:
    return [round(float(s), 2) for s in shares[:40]]


def _rounded(value: float | None, digits: int = 4) -> float | None:
    """Round to significant digits, which keeps the page small."""
    if value is None or not np.isfinite(value):
        return None
    return float(f"{float(value):.{digits}g}")
