"""How often rules hold: in real rows, in drawn ones, and in those that the model draws without holding to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.links import lead_rows, parent_rows
from seedstock.core.rng import Rng
from seedstock.core.schema import Link
from seedstock.core.table import Dataset, Table
from seedstock.encoding.rules.find import is_kept, of_the_field
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.view import View

FREE_ROWS = 20_000
"""Rows that are drawn without rules."""


def passing(fitted: Any, real: Sequence[Dataset], synthetic: Dataset, rng: Rng) -> dict[str, Any]:
    """Return `pass_rates` under ``rules``; under ``rules_why`` what went wrong, where they could not be measured."""
    try:
        rated = pass_rates(fitted, real, synthetic, rng)
    except Exception as error:  # as with a measure, the rest of a run stands
        return {"rules_why": f"{type(error).__name__}: {str(error)[:200]}"}
    return {"rules": rated} if rated else {}


def pass_rates(fitted: Any, real: Sequence[Dataset], synthetic: Dataset, rng: Rng) -> list[dict[str, Any]]:
    """Return a model's rules with the shares of rows that keep them, and the known rules that real rows break.

    Parameters
    ----------
    fitted : Fitted
        Of one table, or of linked ones.
    real : sequence of Dataset
        Training rows, and those held out.
    synthetic : Dataset
        Drawn rows.

    Returns
    -------
    list of dict
        `Rule.facts`, ``enforced``, and ``passes``: the shares under ``real``, ``synthetic`` and ``unenforced``, of the
        rows that keep the rule or that it is not about.
    """
    out: list[dict[str, Any]] = []
    free = _free(fitted, lead_rows(synthetic), rng)
    for name, plan in _plans(fitted).items():
        tables = {
            "real": Table.concat([d.tables[name] for d in real]),
            "synthetic": synthetic.tables[name],
            **({} if free is None else {"unenforced": free.tables[name]}),
        }
        schema = real[0].schema.tables[name]
        tried = of_the_field(View(tables["real"], schema)) if "*" not in schema.veto else []
        known = {rule.name for rule in plan.rules}
        broken = [rule for rule in tried if rule.name not in known and not is_kept(rule)]
        for rule in [*plan.rules, *broken]:
            facts = rule.facts() | {"enforced": rule.name in known, "passes": _rates(rule, tables)}
            out.append(facts if len(real[0].tables) == 1 else {"table": name, **facts})
    sets = {"real": real, "synthetic": (synthetic,), **({} if free is None else {"unenforced": (free,)})}
    return out + [_after(link, sets, fitted) for link in real[0].schema.links if all(_times(link, real[0]))]


def _times(link: Link, data: Dataset) -> tuple[str | None, str | None]:
    """Return the columns that say when a child and its parent happened, where there are such."""
    ends = (link.child, link.parent) if link.child != link.parent else ()
    found = []
    for name in ends:
        columns = data.schema.tables[name]
        stamps = [c for c in columns.of_kind("number") if c.lower() in ("ts", "timestamp")]
        known = columns.of_kind("datetime") or stamps
        found.append(known[0] if known else None)
    if not found or None in found:
        return None, None
    kinds = {data.schema.tables[t][c].kind for t, c in zip(ends, found, strict=True) if c is not None}
    return (found[0], found[1]) if len(kinds) == 1 else (None, None)


def _after(link: Link, sets: Mapping[str, Sequence[Dataset]], fitted: Any) -> dict[str, Any]:
    """Return how many children are not before their parent: a log's entry not before its connection."""
    child, parent = _times(link, sets["real"][0])
    assert child is not None
    assert parent is not None
    shares, bad, n = {}, 0, 0
    for what, parts in sets.items():
        late = [_not_before(d, link, child, parent) for d in parts]
        held = np.concatenate(late)
        shares[what] = float(held.mean()) if len(held) else None
        if what == "real":
            bad, n = int((~held).sum()), len(held)
    gaps = getattr(getattr(fitted, "models", {}).get(link.child), "gaps", {})
    text = f"{link.child}.{child} >= {link.parent}.{parent}"
    return {
        "table": link.child, "kind": "after", "name": f"after: {text}", "columns": [child, parent], "text": text,
        "support": n, "violations": bad, "declared": False, "enforced": child in gaps and not bad, "passes": shares,
    }  # fmt: skip


def _not_before(data: Dataset, link: Link, child: str, parent: str) -> NDArray[np.bool_]:
    rows = parent_rows(data, link)
    a, b = data.tables[link.child][child], data.tables[link.parent][parent]
    here = (rows >= 0) & ~a.missing
    here[here] = ~b.missing[rows[here]]
    x, y = (c.values.astype("i8") if c.values.dtype.kind == "M" else c.values for c in (a, b))
    out: NDArray[np.bool_] = x[here] >= y[rows[here]]
    return out


def _rates(rule: Rule, tables: Mapping[str, Table]) -> dict[str, float | None]:
    """Return the share of rows that keep a rule or that it is not about; None where its columns are not drawn."""
    out: dict[str, float | None] = {}
    for what, table in tables.items():
        part = table.select([c for c in rule.columns if c in table])
        if len(part.names) < len(set(rule.columns)) or not len(part):
            out[what] = None
            continue
        out[what] = float(rule.holds(part).mean())
    return out


def _plans(fitted: Any) -> dict[str, Any]:
    plan = getattr(fitted, "plan", None)
    if plan is not None:
        return {next(iter(fitted.schema.tables)): plan}
    models = getattr(fitted, "models", None)
    return {k: m.plan for k, m in models.items() if hasattr(m, "plan")} if isinstance(models, Mapping) else {}


def _free(fitted: Any, n: int, rng: Rng) -> Dataset | None:
    """Draw rows from a model that is told of no rules."""
    plans = _plans(fitted)
    if not any(plan.rules for plan in plans.values()):
        return None
    if hasattr(fitted, "plan"):
        loose = replace(fitted, plan=replace(fitted.plan, rules=()))
    else:
        models = {k: replace(m, plan=replace(m.plan, rules=())) if k in plans else m for k, m in fitted.models.items()}
        loose = replace(fitted, models=models)
    drawn: Dataset = loose.sample(min(n, FREE_ROWS), rng)
    return drawn
