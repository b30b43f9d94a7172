"""The report of linked tables: one HTML page without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedstock.report.cards import card
from seedstock.report.datacard import data_card
from seedstock.report.text import number, shown

if TYPE_CHECKING:
    from seedstock.pipeline import Run

_HERE = Path(__file__).parent
MAX_LINES = 60


def linked_page(run: Run, name: str, version: str, style_hash: str, css: str) -> str:
    """Return the report of a run over linked tables; it holds summaries, never rows.

    Parameters
    ----------
    name, version : str
        Of the source, and of Seedstock.
    style_hash, css : str
        The page's style and its hash, which is all that the page's own policy allows.
    """
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    details = {s.name: s.details for s in run.scores}
    facts = [
        ("Tables", f"{len(run.train.tables):,}"),
        ("Real rows", f"{run.train.size:,} to learn from, {run.holdout.size:,} to judge by (shared tables in both)"),
        ("Synthetic rows", f"{run.synthetic.size:,}"),
        ("Generator", shown(run.generator)),
        ("Seed", str(run.seed)),
    ]
    html: str = environment.get_template("linked.html").render(
        policy=f"default-src 'none'; style-src {style_hash}; base-uri 'none'; form-action 'none'",
        css=Markup(css),
        head={"name": shown(name, 200), "facts": facts},
        verdict={"sentence": shown(run.verdict.sentence, 600), "watch": [shown(w, 400) for w in run.verdict.watch[:6]]},
        cards=[card(s) for s in run.scores],
        links=_links(run, details),
        tables=_tables(run, details),
        findings=[
            shown(f"{f.table}{'.' + f.column if f.column else ''}: {f.message} {f.fix}", 400)
            for f in run.findings[:MAX_LINES]
        ],
        notes=[shown(n, 400) for n in dict.fromkeys([*run.source.notes, *run.notes, *run.synthetic.notes])][:MAX_LINES],
        card=data_card(run.record),
        version=version,
    )
    return html


def _links(run: Run, details: Mapping[str, Any]) -> list[dict[str, Any]]:
    numbers = details.get("children_per_parent", {}).get("links", {})
    orphans = details.get("referential_integrity", {}).get("links", {})
    trends = details.get("parent_child_trend_error", {}).get("links", {})
    out = []
    for link in run.train.schema.links:
        name = f"{link.child}.{link.column} -> {link.parent}.{link.key}"
        n, t = numbers.get(name, {}), trends.get(name, {})
        mean, without = n.get("mean", (None, None)), n.get("without", (None, None))
        trend = f"{_cell(t.get('error'))} (real {_cell(t.get('floor'))})" if t else "-"
        cells = [str(orphans.get(name, {}).get("orphans", "-")), _cell(n.get("complement")), _cell(n.get("floor"))]
        cells += [*map(_cell, (*mean, *without)), trend]
        out.append({"name": shown(name, 160), "cells": cells})
    return out


def _tables(run: Run, details: Mapping[str, Any]) -> list[dict[str, Any]]:
    def of(score: str, table: str, key: str) -> Any:
        return details.get(score, {}).get("tables", {}).get(table, {}).get(key)

    counts = run.source.origin.get("tables", {})
    out = []
    for name, table in run.synthetic.tables.items():
        cells = [of(s, name, k) for s in ("shape_error", "trend_error") for k in ("value", "floor")]
        cells.append(of("parents_detection_auc", name, "auc"))
        columns = ", ".join(table.names[:8]) + (" ..." if len(table.names) > 8 else "")
        real = counts.get(name, len(run.source.tables[name]))
        out.append({"name": shown(name, 80), "real": f"{real:,}", "drawn": f"{len(table):,}",
                    "columns": shown(columns, 160), "cells": [_cell(c) for c in cells]})  # fmt: skip
    return out


def _cell(value: Any) -> str:
    return "-" if value is None else number(float(value))
