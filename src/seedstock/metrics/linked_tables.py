"""Linked tables, each by itself, in pairs of parent and child, and parents with their children's summaries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.metrics._columns import trios
from seedstock.metrics._linked import (
    both_sides,
    halves,
    trios_of,
    weighted_mean,
    whole,
    with_children,
    with_parent,
)
from seedstock.metrics.detection import Detection
from seedstock.metrics.linked_keys import name_of
from seedstock.metrics.shapes import Shapes
from seedstock.metrics.trends import _Prepared, pair_error

MAX_ROWS = 20_000
MIN_ROWS = 40


@dataclass(frozen=True)
class LinkedTables:
    """Scores of each table, and of parents and children together.

    ``shape_error`` and the others of a table are means over tables, weighted by rows, with each table's own in the
    details. ``parent_child_trend_error``: as ``trend_error``, over pairs of a child's and its parent's column.
    ``parents_detection_auc``: boosted trees tell synthetic parents from real ones by their columns and summaries of
    their children. Of tables that a split leaves whole, two halves of the real rows give the floor.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        out = _mean_scores(evidence, rng.child("tables"))
        out += _pairs(evidence, rng.child("pairs"))
        return out + _parents(evidence, rng.child("parents"))


def _mean_scores(evidence: Evidence, rng: Rng) -> list[Score]:
    by_score: dict[str, dict[str, Score]] = {}
    weights = {}
    for name, part in trios_of(evidence, rng):
        weights[name] = len(part.synthetic.table)
        measured = Shapes()(part, rng.child(name, "shapes"))
        if len(part.train.table.names) > 1:
            from seedstock.metrics.trends import Trends

            measured += Trends()(part, rng.child(name, "trends"))
        for s in measured:
            by_score.setdefault(s.name, {})[name] = s
    out = []
    for score, tables in by_score.items():
        value = weighted_mean({t: s.value for t, s in tables.items()}, weights)
        floor = weighted_mean({t: s.floor for t, s in tables.items()}, weights)
        slack = 2.0 if score == "shape_error" else 3.0
        details = {
            "tables": {t: {"value": _json(s.value), "floor": _json(s.floor)} for t, s in tables.items()},
        }
        out.append(Score(score, value, floor, "low", slack + floor, n=sum(weights.values()), details=details))
    return out


def _pairs(evidence: Evidence, rng: Rng) -> list[Score]:
    known, shared = whole(evidence)
    links: dict[str, dict[str, Any]] = {}
    values, floors, weights = {}, {}, {}
    for link in evidence.train.schema.links:
        if link.parent in known.code_lists:
            continue
        parts = [with_parent(d, link) for d in (evidence.train, evidence.holdout, evidence.synthetic)]
        if any(p is None or len(p.table) < 2 for p in parts):
            continue
        a, b, c = (p for p in parts if p is not None)
        if link.child in shared:
            first, second = halves(len(a.table), rng.child(link.child, link.column))
            a, b = a.take(first), a.take(second)
        columns, _ = trios(Evidence(a, b, c))
        made = [_Prepared.of(t) for t in columns]
        children = [p for p in made if p.name.startswith("child.")]
        parents = [p for p in made if p.name.startswith("parent.")]
        errors = [(pair_error(x, y, 2), pair_error(x, y, 1)) for x in children for y in parents]
        errors = [e for e in errors if e[0] == e[0] and e[1] == e[1]]
        if errors:
            name = name_of(link)
            values[name], floors[name] = (float(np.mean([e[k] for e in errors])) for k in (0, 1))
            weights[name] = len(errors)
            links[name] = {"error": values[name], "floor": floors[name], "pairs": len(errors)}
    if not values:
        return []
    value, floor = weighted_mean(values, weights), weighted_mean(floors, weights)
    n = evidence.synthetic.size
    return [Score("parent_child_trend_error", value, floor, "low", 3.0 + floor, n=n, details={"links": links})]


def _parents(evidence: Evidence, rng: Rng) -> list[Score]:
    """Tell parents with their children's summaries apart; the real parents are halved where they were not divided."""
    tables: dict[str, dict[str, Any]] = {}
    values, floors, weights = {}, {}, {}
    for name, a, b, c in _parent_views(evidence, rng):
        if min(len(x.table) for x in (a, b, c)) < MIN_ROWS:
            continue
        found = {s.name: s for s in Detection()(Evidence(a, b, c), rng.child(name))}
        score = found.get("detection_auc")
        if score is None or score.value != score.value:
            continue
        values[name], floors[name], weights[name] = score.value, score.floor, len(c.table)
        tables[name] = {"auc": score.value, "floor": _json(score.floor), "interval": score.interval}
    if not values:
        return []
    value, floor = weighted_mean(values, weights), weighted_mean(floors, weights)
    n = sum(weights.values())
    return [Score("parents_detection_auc", value, floor, "half", 0.65, n=n, details={"tables": tables})]


def _parent_views(evidence: Evidence, rng: Rng) -> Iterator[tuple[str, Dataset, Dataset, Dataset]]:
    known, shared = whole(evidence)
    real = both_sides(evidence)
    for name in known.order:
        if not any(link.parent == name for link in known.main.values()):
            continue
        drawn = with_children(evidence.synthetic, known, name)
        if name in shared or len(evidence.holdout.tables[name]) < MIN_ROWS:
            a, b = halves(len(real.tables[name]), rng.child("halves", name))
            view = with_children(real, known, name)
            first, second = view.take(a), view.take(b)
        else:
            first, second = (with_children(d, known, name) for d in (evidence.train, evidence.holdout))
        yield name, *(_some(d, rng.child("some", name, i)) for i, d in enumerate((first, second, drawn)))


def _some(data: Dataset, rng: Rng) -> Dataset:
    if len(data.table) <= MAX_ROWS:
        return data
    return data.take(np.sort(rng.generator().permutation(len(data.table))[:MAX_ROWS]))


def _json(x: float) -> float | None:
    return None if x != x else x


METRIC = LinkedTables
TINY = LinkedTables()
SOURCE = (
    "Shapes and trends as for one table; parent-child pairs as SDMetrics, Intertable Trends; detection on parents with "
    "aggregated children: Hudovernik, Jurkovič and Štrumbelj 2024, Benchmarking the fidelity and utility of synthetic "
    "relational data."
)
DOMAIN = "linked"
