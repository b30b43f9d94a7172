"""`facts`: one run as JSON values, for machines (run.json)."""

from __future__ import annotations

import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from seedstock.core.results import Finding
from seedstock.network.types import types_of
from seedstock.report.build import product_version, source_name
from seedstock.report.datacard import data_card
from seedstock.report.text import plain

if TYPE_CHECKING:
    from seedstock.pipeline import Run

MAX_ROW_NUMBERS = 10_000
"""Row numbers listed with one finding; ``n_rows`` counts all."""
LIBRARIES = ("numpy", "scipy", "scikit-learn", "duckdb")


def facts(run: Run) -> dict[str, Any]:
    """Return all that a run has to say as strict JSON values: no NaN, no infinity, string keys.

    Returns
    -------
    dict
        ``format``, ``version``, ``verdict``, ``scores`` and ``floors`` (name -> value or None; utility one level
        deeper), ``measures`` (each score in full, with its group), ``findings``, ``damage`` (what each kind costs),
        ``edits`` (counts), ``notes``, ``schema``, ``field`` (what columns of network data hold), ``source``,
        ``rows``, ``generator``, ``settings``, ``model``, ``seed``, ``seconds``, ``versions``, ``record``, ``card`` (the
        record in words).
        Cells are not in it, except those that a check or a measure puts in its details.
    """
    verdict = run.verdict
    value: dict[str, Any] = {
        "format": "seedstock-run",
        "version": 1,
        "verdict": {
            "train_on": verdict.train_on,
            "share": verdict.share,
            "sentence": verdict.sentence,
            "watch": list(verdict.watch),
        },
        "scores": _nested({s.name: s.value for s in run.scores}),
        "floors": _nested({s.name: s.floor for s in run.scores}),
        "measures": {s.name: {**s.to_json(), "group": run.groups.get(s.name)} for s in run.scores},
        "findings": [_finding(f) for f in run.findings],
        "damage": [d.to_json() for d in run.damage],
        "edits": _edits(run),
        "notes": list(dict.fromkeys([*run.source.notes, *run.train.notes, *run.notes])),
        "source": {"name": source_name(run), **run.source.origin},
        "rows": {
            "source": run.source.size,
            "train": run.train.size,
            "holdout": run.holdout.size,
            "synthetic": run.synthetic.size,
        },
        "schema": run.train.schema.to_json(),
        "field": types_of(run.train),
        "generator": run.generator,
        "settings": run.settings,
        "model": run.model,
        "seed": run.seed,
        "seconds": run.seconds,
        "versions": _versions(),
        "record": run.record,
        "card": data_card(run.record),
    }
    out: dict[str, Any] = plain(value)
    return out


def _nested(values: dict[str, float]) -> dict[str, Any]:
    out: dict[str, Any] = {k: v for k, v in values.items() if not k.startswith("utility_")}
    out["utility"] = {k.removeprefix("utility_"): v for k, v in values.items() if k.startswith("utility_")}
    return out


def _finding(finding: Finding) -> dict[str, Any]:
    out = finding.to_json()
    return {**out, "rows": out["rows"][:MAX_ROW_NUMBERS], "n_rows": len(finding.rows)}


def _edits(run: Run) -> dict[str, Any]:
    removed = {(e.table, e.row) for e in run.edits if e.column is None}
    by_check = Counter(e.check for e in run.edits)
    return {
        "count": len(run.edits),
        "rows_removed": len(removed),
        "cells_changed": sum(e.column is not None for e in run.edits),
        "by_check": dict(sorted(by_check.items())),
    }


def _versions() -> dict[str, str]:
    out = {"seedstock": product_version(), "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    return out
