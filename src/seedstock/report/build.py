"""`page`: one run as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.table import Column
from seedstock.network.types import types_in
from seedstock.report import charts, space
from seedstock.report.cards import cards_by_group, learner_name
from seedstock.report.changes import TONES, changes, found_in
from seedstock.report.course import courses
from seedstock.report.datacard import data_card
from seedstock.report.mechanism import mechanism
from seedstock.report.pictures import sparkline
from seedstock.report.situations import rare_situations
from seedstock.report.text import duration, label, number, plain, script_json, shown
from seedstock.report.tree import tree
from seedstock.report.unseen import unseen

if TYPE_CHECKING:
    from seedstock.pipeline import Run

MAX_BYTES = 5_000_000
MAX_CHARTS = 400
"""Columns with a picture; beyond, those whose shape differs most."""
MAX_LISTED = 1_000
"""Columns in the table of columns; beyond, the same."""

MAX_WATCH = 4

_HERE = Path(__file__).parent
_ANSWERS = {"yes": "good", "with care": "care", "no": "bad"}
_MEASURES = {"auc": "AUC", "macro_f1": "macro F1", "rmse": "RMSE"}


def page(run: Run) -> str:
    """Return the report of a run: one HTML document of at most `MAX_BYTES`, without any outside reference.

    It holds counts of bins and summaries, never rows; names and values of the data are shown as text, whatever
    they contain. The same run gives the same page.

    Parameters
    ----------
    run : Run

    Returns
    -------
    str
        Scripts are inlined and allowed by their hash; the page's own policy forbids everything else.
    """
    if run.train.domain == "linked":
        from seedstock.report.linked import linked_page

        css = (_HERE / "assets" / "style.css").read_text("utf-8")
        return linked_page(run, source_name(run), product_version(), _hash(css), css)
    if run.train.domain == "image":
        from seedstock.report.images import images_page

        css = (_HERE / "assets" / "style.css").read_text("utf-8")
        return images_page(run, source_name(run), product_version(), _hash(css), css)
    limit = MAX_CHARTS
    html = _render(run, limit)
    while len(html.encode()) > MAX_BYTES and limit > 6:
        limit //= 4
        html = _render(run, limit)
    return html


def _render(run: Run, limit: int) -> str:
    schema = run.train.columns
    errors = _shape_errors(run)
    marginals = {}
    for name, column in schema.columns.items():
        chart = charts.marginal(name, column, run.train.table[name], run.synthetic.table[name])
        if chart is not None:
            known = errors.get(name)
            chart["error"] = round(100 * chart["gap"] if known is None else known, 3)
            marginals[name] = chart
    worst = sorted(marginals, key=lambda name: -marginals[name]["error"])
    drawn = set(worst[:limit])
    rng = Rng(run.seed).child("report")
    evidence = Evidence(run.train, run.holdout, run.synthetic)
    pairs, pairs_note = _pairs(run)
    learning = _learning(run)
    shown_courses = courses(run)
    laid = space.density_map(evidence, rng.child("map"))
    near = space.nearest_distances(evidence, rng.child("nearest"))
    keep = ("name", "option", "tip", "width", "whole", "unit", "note", "error", "text", "rows")
    data = {
        "columns": [{k: marginals[n][k] for k in keep if k in marginals[n]} for n in marginals if n in drawn],
        "pairs": pairs,
        "map": charts.density(laid[0]) if laid else {},
        "learning": {k: {x: v for x, v in c.items() if x in keep} for k, c in learning.items()},
        "courses": {f"{k}{i}": c[k] for i, c in enumerate(shown_courses) for k in ("course", "memory")},
        "near": {"distances": charts.distances(near["edges"], near["holdout"], near["synthetic"])} if near else {},
    }
    css, script, library = _asset("style.css"), _asset("page.js"), _asset("echarts.min.js")
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; style-src {_hash(css)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    html: str = _template().render(
        policy=policy,
        css=Markup(css),
        script=Markup(script),
        library=Markup(library),
        data=Markup(script_json(data)),
        head=_head(run),
        verdict=_verdict(run),
        groups=[g for g in cards_by_group(run.scores, run.groups) if g["cards"] or "physics" not in run.model],
        n_columns=len(schema.columns),
        n_drawn=len(data["columns"]),
        n_drawable=len(marginals),
        pairs=list(pairs),
        pairs_note=pairs_note,
        learning=learning,
        courses=[c["name"] for c in shown_courses],
        learning_why=_why_no_learning(run),
        map_share=f"{100 * laid[1]:.0f}" if laid else None,
        near=near is not None,
        near_rows=f"{int(near['holdout'].sum()):,}" if near else "",
        columns=_columns(run, marginals, worst),
        n_listed=MAX_LISTED,
        changes=changes(run),
        unseen=unseen(run),
        situations=rare_situations(run),
        card=data_card(run.record),
        mechanism=mechanism(run.model["physics"]) if run.model.get("physics") else None,
        tree=[
            tree("generator", {"name": run.generator, "settings": run.settings}),
            tree("model", {k: v for k, v in run.model.items() if k != "physics"}),
            tree("seconds", {k: round(float(v), 2) for k, v in run.seconds.items()}),
            tree("source", run.source.origin),
            tree("record", run.record),
        ],
        version=product_version(),
    )
    return html


def product_version() -> str:
    """Return the installed version of Seedstock."""
    try:
        return version("seedstock")
    except PackageNotFoundError:
        return "unknown"


def source_name(run: Run) -> str:
    """Return the file name, or the table's name, that the data came under."""
    path = run.source.origin.get("path") or run.source.origin.get("name") or next(iter(run.source.tables))
    return str(path).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _head(run: Run) -> dict[str, Any]:
    facts = [
        ("Real rows", f"{len(run.train.table):,} to learn from, {len(run.holdout.table):,} held out"),
        ("Synthetic rows", f"{len(run.synthetic.table):,}"),
        ("Columns", f"{len(run.train.columns.columns):,}"),
    ]
    if run.generator:
        facts.append(("Generator", shown(run.generator)))
    facts.append(("Seed", str(run.seed)))
    if run.train.columns.target:
        facts.insert(3, ("Target", label(run.train.columns.target, 40)))
    created = next((run.record[k] for k in ("created", "date", "time") if isinstance(run.record.get(k), str)), None)
    if created:
        facts.append(("Made", shown(created, 40)))
    if run.seconds:
        total = run.seconds.get("total") or sum(run.seconds.values())
        facts.append(("Took", duration(float(total))))
    return {"name": shown(source_name(run), 80), "facts": facts}


def _verdict(run: Run) -> dict[str, Any]:
    verdict = run.verdict
    answers = [
        {"question": "Good enough to train on?", "answer": verdict.train_on},
        {"question": "Private enough to share?", "answer": verdict.share},
    ]
    for answer in answers:
        answer["tone"] = _ANSWERS.get(answer["answer"], "unknown")
    watch = [shown(w, 400) for w in verdict.watch[:MAX_WATCH]]
    return {
        "answers": answers,
        "sentence": shown(verdict.sentence, 600),
        "watch": watch,
        "more": len(verdict.watch) - len(watch),
        "long": sum(map(len, watch)) > 240,
    }


def _details(run: Run, name: str) -> Mapping[str, Any]:
    return next((s.details for s in run.scores if s.name == name), {})


def _shape_errors(run: Run) -> dict[str, float]:
    """Return each column's shape error in percent, where the score has it."""
    columns = _details(run, "shape_error").get("columns", {})
    return {name: float(c["error"]) for name, c in columns.items() if c.get("error") is not None}


def _pairs(run: Run) -> tuple[dict[str, charts.Chart], str]:
    matrices = plain(_details(run, "trend_error").get("matrices", {}))
    names = matrices.get("columns", [])
    if len(names) < 2 or "real" not in matrices or "synthetic" not in matrices:
        return {}, ""
    drawn, note = charts.pairs(names, matrices)
    measured = sum(c.kind not in ("text", "id", "image") for c in run.train.columns.columns.values())
    if not note and measured > len(names):
        note = f"The first {len(names)} of {measured} columns are shown; every pair is in the score."
    return drawn, note


def _learning(run: Run) -> dict[str, charts.Chart]:
    """Return one chart a measure (they have different scales) of what learners reach on real holdout rows."""
    bars: dict[str, list[tuple[str, float, float]]] = {}
    for score in run.scores:
        if score.name.startswith("utility_") and score.value == score.value:
            measure = score.name.removeprefix("utility_").partition("_")[2]
            bars.setdefault(measure, []).append((learner_name(score), score.floor, score.value))
    out = {}
    for measure, rows in bars.items():
        out[measure] = charts.learning(rows)
        out[measure]["title"] = shown(_MEASURES.get(measure, measure))
        out[measure]["hint"] = "lower is better" if measure == "rmse" else "higher is better, 1 is perfect"
    return out


def _why_no_learning(run: Run) -> str:
    whys = [s.details.get("why") for s in run.scores if s.name.startswith("utility_") and s.details.get("why")]
    if whys:
        return shown(whys[0], 300)
    if run.train.columns.target is None:
        return "No target column was named, so there is nothing to learn. Name one (--target) to see this."
    return "Learning was not measured in this run."


def _columns(run: Run, marginals: Mapping[str, charts.Chart], worst: Sequence[str]) -> list[dict[str, Any]]:
    names = run.train.table.names
    if len(names) > MAX_LISTED:
        first = set(worst[:MAX_LISTED])
        names = [n for n in names if n in first]
    found = found_in(run.findings)
    types = types_in(run.train.table, run.train.columns.columns)
    out = []
    for name in names:
        schema, real, drawn = run.train.columns[name], run.train.table[name], run.synthetic.table[name]
        chart = marginals.get(name)
        out.append(
            {
                "name": label(name),
                "kind": f"{schema.kind} · {types[name]}" if name in types else schema.kind,
                "roles": ", ".join(schema.roles).replace("_", " "),
                "dtype": shown(schema.dtype, 30),
                "distinct": _distinct(real),
                "missing": [number(100 * float(c.missing.mean()) if len(c) else None) for c in (real, drawn)],
                "error": chart["error"] if chart else None,
                "error_text": number(chart["error"] if chart else None),
                "found": [{"kind": shown(k, 60), "tone": TONES.get(s, "none")} for k, s in found.get(name, ())],
                "spark": sparkline(*chart["spark"]) if chart else "",
            }
        )
    return out


def _distinct(column: Column) -> int:
    values = column.values[~column.missing]
    if column.levels is not None:
        return int((np.bincount(values, minlength=1) > 0).sum())
    return len(np.unique(values)) if values.ndim == 1 else len(values)


@cache
def _asset(name: str) -> str:
    return (_HERE / "assets" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html")
