"""`profile_page`: what each column of a data set is and what was found in it, as one HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedstock.core.results import Finding
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column, Dataset
from seedstock.report import charts
from seedstock.report.build import MAX_BYTES, MAX_CHARTS, MAX_LISTED, _asset, _distinct, _hash, product_version
from seedstock.report.changes import TONES, damage_line, found_in
from seedstock.report.pictures import sparkline
from seedstock.report.text import label, number, script_json, shown

MAX_LINES = 300
_RANK = {"high": 0, "medium": 1, "low": 2}


def profile_page(
    data: Dataset, findings: Sequence[Finding], damage: Sequence[Mapping[str, Any]] = (), seconds: float | None = None
) -> str:
    """Return one HTML document without any outside reference.

    Parameters
    ----------
    data : Dataset
        Of one table.
    findings : sequence of Finding
    damage : sequence of mapping
        What each kind of contamination costs a model, costliest first: see `seedstock.checks._damage.Damage`.
    seconds : float or None
        How long the checks took.

    Returns
    -------
    str
        It shows counts of bins, summaries and what the checks say; it may quote single cells that they found.
    """
    limit = MAX_CHARTS
    html = _render(data, findings, damage, seconds, limit)
    while len(html.encode()) > MAX_BYTES and limit > 6:
        limit //= 4
        html = _render(data, findings, damage, seconds, limit)
    return html


def _render(
    data: Dataset, findings: Sequence[Finding], damage: Sequence[Mapping[str, Any]], seconds: float | None, limit: int
) -> str:
    found = found_in(findings)
    tiles, columns = [], []
    for place, (name, schema) in enumerate(data.columns.columns.items()):
        column = data.table[name]
        kinds = found.get(name, [])
        chart = _picture(name, schema, column)
        if chart is not None:
            worst = min((_RANK.get(s, 3) for _, s in kinds), default=4)
            words = f"{schema.kind}{f' · {len(kinds)} found' if kinds else ''}"
            note = "; ".join(filter(None, [chart.get("note"), ", ".join(k for k, _ in kinds)]))
            kept = {
                k: chart[k] for k in ("name", "option", "tip", "width", "whole", "unit", "text", "rows") if k in chart
            }
            tiles.append({**kept, "note": note, "head": words, "error": 1000 - 200 * worst + len(kinds) - place / 1e4})
        columns.append(_line(name, schema, column, kinds, chart))
    tiles.sort(key=lambda t: -t["error"])
    ranked = sorted(findings, key=lambda f: (_RANK.get(f.severity, 3), -f.confidence))
    failed = [f for f in ranked if f.details.get("failed")]
    css, script, library = _asset("style.css"), _asset("page.js"), _asset("echarts.min.js")
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; style-src {_hash(css)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    listed = [f for f in ranked if not f.details.get("failed")]
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    html: str = made.get_template("profile.html").render(
        policy=policy,
        css=Markup(css),
        script=Markup(script),
        library=Markup(library),
        data=Markup(script_json({"columns": tiles[:limit]})),
        name=shown(_source(data), 80),
        sentence=_sentence(listed, damage),
        facts=_facts(data, listed, seconds),
        findings=[_finding(f) for f in listed[:MAX_LINES]],
        more=max(0, len(listed) - MAX_LINES),
        failed=[{"check": shown(f.check.replace("_", " "), 60), "why": shown(f.message, 300)} for f in failed],
        damage=[damage_line(d) for d in damage],
        columns=sorted(columns, key=lambda c: -c["n_found"])[:MAX_LISTED] if len(columns) > MAX_LISTED else columns,
        n_columns=len(columns),
        n_drawn=min(len(tiles), limit),
        n_drawable=len(tiles),
        notes=[shown(n, 400) for n in data.notes[:MAX_LINES]],
        version=product_version(),
    )
    return html


def _picture(name: str, schema: ColumnSchema, column: Column) -> charts.Chart | None:
    """Draw one column alone: `charts.marginal` without its second series."""
    if not len(column) or column.missing.all():
        return None
    chart = charts.marginal(name, schema, column, column)
    if chart is not None:
        option = chart["option"]
        chart["option"] = {**option, "series": [{**option["series"][0], "name": "rows"}]}
        chart["text"] = f"Distribution of {label(name)}: {100 * float(column.missing.mean()):.3g} % are missing."
        gone = float(column.missing.mean())
        note = [part for part in chart.get("note", "").split("; ") if part and not part.startswith("missing:")]
        chart["note"] = "; ".join([*note, *([f"missing: {number(100 * gone)} %"] if gone else [])])
    return chart


def _line(
    name: str, schema: ColumnSchema, column: Column, kinds: list[tuple[str, str]], chart: charts.Chart | None
) -> dict[str, Any]:
    spark = chart["spark"][0] if chart else []
    return {
        "name": label(name),
        "kind": schema.kind,
        "roles": ", ".join(schema.roles).replace("_", " "),
        "dtype": shown(schema.dtype, 30),
        "distinct": _distinct(column),
        "missing": number(100 * float(column.missing.mean()) if len(column) else None),
        "summary": shown(_summary(schema, column), 90),
        "found": [{"kind": shown(k, 60), "tone": TONES.get(s, "none")} for k, s in kinds],
        "n_found": len(kinds),
        "spark": sparkline(spark, []) if chart else "",
    }


def _summary(schema: ColumnSchema, column: Column) -> str:
    """Return a column in a few words: its range and middle, or its most frequent values."""
    here = ~column.missing
    if not here.any() or column.values.ndim > 1:
        return ""
    if column.levels is not None:
        counts = np.bincount(column.values[here], minlength=len(column.levels))
        if schema.kind in ("id", "text") and counts.max() < 2:
            return f"such as {shown(column.levels[int(counts.argmax())], 30)}"
        top = [int(k) for k in np.argsort(-counts, kind="stable")[:2] if counts[k]]
        return ", ".join(f"{shown(column.levels[k], 24)} {100 * counts[k] / here.sum():.3g} %" for k in top)
    values = column.values[here]
    if values.dtype.kind == "b":
        return f"true {100 * float(values.mean()):.3g} %"
    if values.dtype.kind in "mM":
        low, middle, high = (str(v).replace("T", " ").split(".")[0] for v in np.sort(values)[[0, len(values) // 2, -1]])
        return f"{low} to {high}, median {middle}"
    values = values.astype(float)
    low, middle, high = np.sort(values)[[0, len(values) // 2, -1]].tolist()
    return f"{number(low, 5)} to {number(high, 5)}, median {number(middle, 5)}"


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "severity": shown(f.severity, 20),
        "tone": TONES.get(f.severity, "none"),
        "check": shown(f.check.replace("_", " "), 60),
        "column": label(f.column, 60) if f.column is not None else "",
        "rows": f"{len(f.rows):,}" if f.rows else "all",
        "message": shown(f.message, 400),
        "fix": shown(f.fix, 300),
        "confidence": f"{100 * f.confidence:.0f} %",
    }


def _sentence(findings: Sequence[Finding], damage: Sequence[Mapping[str, Any]]) -> str:
    worth = [d for d in damage if d["interval"][0] > 0]
    if worth:
        first = str(worth[0]["advice"])
        return f"{first[:1].upper()}{first[1:]} of accuracy for models that learn from these rows."
    grave = Counter(f.check.replace("_", " ") for f in findings if f.severity == "high")
    if grave:
        return f"Look first at {', '.join(grave)}."
    return "Nothing grave was found." if findings else "The checks found no contamination."


def _facts(data: Dataset, findings: Sequence[Finding], seconds: float | None) -> list[tuple[str, str]]:
    counts = Counter(f.severity for f in findings)
    found = ", ".join(f"{counts[s]} {s}" for s in _RANK if counts[s]) or "nothing"
    facts = [("Rows", f"{len(data.table):,}"), ("Columns", f"{len(data.columns.columns):,}"), ("Found", found)]
    if data.columns.target:
        facts.insert(2, ("Target", label(data.columns.target, 40)))
    if seconds is not None:
        facts.append(("Took", f"{seconds:.1f} s"))
    return facts


def _source(data: Dataset) -> str:
    path = data.origin.get("path") or data.origin.get("name") or data.name
    return str(path).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
