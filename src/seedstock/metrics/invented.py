"""Invented values: categories and combinations that no real training row has."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np

from seedstock.core.results import Evidence, Score
from seedstock.core.rng import Rng
from seedstock.metrics._columns import Trio, sizes, thin_all, trios


@dataclass(frozen=True)
class Invented:
    """``invented``: percent of synthetic rows with a category, or a pair of categories, that is not in train.

    The floor is the same share of the holdout's rows: new combinations also occur in real data. Missing counts as
    a category. At most `max_rows` rows a side and `max_pairs` pairs of columns. The details count the values and
    pairs, with examples, and how many of these rows are not even explained by the holdout.
    """

    max_rows: int = 100_000
    max_pairs: int = 300

    group: ClassVar[str] = "coverage"

    def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
        thinned = thin_all(evidence, self.max_rows, rng.child("thin"))
        columns = [t for t in trios(thinned)[0] if not t.numeric]
        n = sizes(thinned)
        if not columns:
            return []
        if not all(n.values()):
            nan = float("nan")
            return [Score("invented", nan, nan, "low", nan, details={"why": "there are no rows on one side"})]
        new = [np.zeros(n["holdout"], bool), np.zeros(n["synthetic"], bool)]
        nowhere = np.zeros(n["synthetic"], bool)
        found: list[dict[str, Any]] = []
        pairs = list(combinations(columns, 2))
        for cells in [(t,) for t in columns] + pairs[: self.max_pairs]:
            real, held, made, labels = _codes(cells)
            known = _is_known(real, made)
            new[0] |= ~_is_known(real, held)
            new[1] |= ~known
            if not known.all():
                nowhere |= ~(known | _is_known(held, made))
                codes, counts = np.unique(made[~known], return_counts=True)
                top = np.argsort(-counts, kind="stable")[:3]
                found.append(
                    {
                        "columns": [t.name for t in cells],
                        "rows": int((~known).sum()),
                        "distinct": len(codes),
                        "examples": [{"value": labels(int(codes[i])), "rows": int(counts[i])} for i in top],
                    }
                )
        value, floor = 100 * float(new[1].mean()), 100 * float(new[0].mean())
        details = {
            "found": sorted(found, key=lambda f: (len(f["columns"]), -f["rows"]))[:20],
            "new_values": sum(f["distinct"] for f in found if len(f["columns"]) == 1),
            "new_pairs": sum(f["distinct"] for f in found if len(f["columns"]) == 2),
            "in_no_real_row": 100 * float(nowhere.mean()),
            "pairs_looked_at": min(len(pairs), self.max_pairs),
            "rows": n,
        }
        noise = 100 * 1.96 * float(np.sqrt(max(floor / 100 * (1 - floor / 100), 1 / n["holdout"]) / n["holdout"]))
        return [Score("invented", value, floor, "low", 1.5 * floor + noise + 1.0, n=n["synthetic"], details=details)]


def _codes(cells: tuple[Trio, ...]) -> tuple[Any, Any, Any, Any]:
    first = cells[0]
    names = [*first.labels, "(missing)"]
    if len(cells) == 1:
        real, held, made = (np.where(x < 0, len(first.labels), x) for x in first.parts)
        return real, held, made, lambda c: names[c][:80]
    second = cells[1]
    others = [*second.labels, "(missing)"]
    k = len(others)
    real, held, made = (
        np.where(x < 0, len(first.labels), x) * k + np.where(y < 0, k - 1, y)
        for x, y in zip(first.parts, second.parts, strict=True)
    )
    return real, held, made, lambda c: f"{names[c // k][:80]} & {others[c % k][:80]}"


def _is_known(known: Any, asked: Any) -> Any:
    top = int(max(known.max(), asked.max())) + 1
    if top > 20_000_000:
        return np.isin(asked, known)
    table = np.zeros(top, bool)
    table[known] = True
    return table[asked]


METRIC = Invented
TINY = Invented()
SOURCE = "SDMetrics CategoryAdherence, extended to pairs and set against the holdout's share"
