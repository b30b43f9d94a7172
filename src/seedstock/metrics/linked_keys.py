"""Keys of linked tables: every reference points to a row, and parents have as many children as real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from seedstock.core.links import FAMILIES, ORPHAN, parent_rows
from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.core.schema import Link
from seedstock.core.table import Dataset
from seedstock.metrics._linked import both_sides, children, halves, whole
from seedstock.metrics.shapes import ks_distance


@dataclass(frozen=True)
class LinkedKeys:
    """``referential_integrity`` and ``children_per_parent``.

    Integrity is the share of references that are not empty and point to a row whose key no other row has: 1 for every
    sound database. Children per parent is one minus the Kolmogorov-Smirnov distance between the numbers of children in
    real and synthetic tables, parents without any included; the mean over links whose parents are at least `FAMILIES`
    and no codes. Its floor compares two random halves of the real parents. Each link stands in the details.
    """

    group: ClassVar[str] = "fidelity"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        real, synthetic = both_sides(evidence), evidence.synthetic
        known, _ = whole(evidence)
        sound, floor = _sound(synthetic), _sound(real)
        links: dict[str, Any] = {}
        values, floors = [], []
        for link in real.schema.links:
            a, b = children(real, link), children(synthetic, link)
            first, second = halves(len(a), rng.child(link.child, link.column))
            x = a.astype(float)
            value, base = 1 - ks_distance(x, b.astype(float)), 1 - ks_distance(x[first], x[second])
            counted = len(a) >= FAMILIES and link.parent not in known.code_lists
            links[name_of(link)] = {
                "complement": None if np.isnan(value) else value,
                "floor": None if np.isnan(base) else base,
                "mean": [float(x.mean()) if len(x) else None for x in (a, b)],
                "without": [float((x == 0).mean()) if len(x) else None for x in (a, b)],
                "counted": counted,
            }
            if counted and not np.isnan(value):
                values.append(value)
                floors.append(base)
        details: dict[str, Any] = {"links": links}
        n = synthetic.size
        out = [Score("referential_integrity", sound, floor, "high", 1.0, n=n, details={"links": _by_link(synthetic)})]
        if values:
            mean, base = float(np.mean(values)), float(np.nanmean(floors))
            good = min(0.95, max(0.0, base - 0.02))
            out.append(Score("children_per_parent", mean, base, "high", good, n=n, details=details))
        return out


def name_of(link: Link) -> str:
    """Return a link as text.

    >>> name_of(Link("orders", "customer", "customers", "id"))
    'orders.customer -> customers.id'
    """
    return f"{link.child}.{link.column} -> {link.parent}.{link.key}"


def _by_link(data: Dataset) -> dict[str, dict[str, int]]:
    out = {}
    for link in data.schema.links:
        parents = parent_rows(data, link)
        key = data.tables[link.parent][link.key]
        here = key.values[~key.missing]
        out[name_of(link)] = {
            "references": int((parents != -1).sum()),
            "orphans": int((parents == ORPHAN).sum()),
            "repeated_keys": len(here) - len(np.unique(here)),
        }
    return out


def _sound(data: Dataset) -> float:
    found = _by_link(data).values()
    total = sum(f["references"] for f in found)
    return 1 - sum(min(f["references"], f["orphans"] + f["repeated_keys"]) for f in found) / max(total, 1)


METRIC = LinkedKeys
TINY = LinkedKeys()
SOURCE = "SDMetrics, ReferentialIntegrity and CardinalityShapeSimilarity (one minus the Kolmogorov-Smirnov statistic)."
DOMAIN = "linked"
