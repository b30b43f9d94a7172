"""Rules as JSON values, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seedstock.core.errors import InputError
from seedstock.core.schema import TableSchema
from seedstock.encoding.rules.admits import Admits
from seedstock.encoding.rules.at_least import AtLeast
from seedstock.encoding.rules.bounds import Bounds
from seedstock.encoding.rules.clock import Clock
from seedstock.encoding.rules.compound import Compound
from seedstock.encoding.rules.depends import Depends
from seedstock.encoding.rules.extreme import Extreme
from seedstock.encoding.rules.implies import Implies
from seedstock.encoding.rules.intervals import Intervals
from seedstock.encoding.rules.linear import Linear
from seedstock.encoding.rules.logarithm import Logarithm
from seedstock.encoding.rules.moment import Moment
from seedstock.encoding.rules.one_hot import OneHot
from seedstock.encoding.rules.order import Order
from seedstock.encoding.rules.pairs import Pairs
from seedstock.encoding.rules.part import Part
from seedstock.encoding.rules.product import Product
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.together import Together

_KINDS: dict[str, type[Rule]] = {
    cls.kind: cls
    for cls in (
        *(Admits, AtLeast, Bounds, Clock, Compound, Depends, Extreme, Implies, Intervals),
        *(Linear, Logarithm, Moment, OneHot, Order, Pairs, Part, Product, Together),
    )
}


def rules_to_json(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Return JSON values of rules."""
    return [rule.to_json() for rule in rules]


def rules_from_json(value: Any, schema: TableSchema) -> tuple[Rule, ...]:
    """Read what `rules_to_json` wrote, for a table; an `InputError` says what does not fit."""
    if not isinstance(value, list):
        raise InputError("this model's rules are damaged; fit it again")
    out = []
    for entry in value:
        try:
            kind = _KINDS[entry["kind"]]
            counts = {key: int(entry[key]) for key in ("support", "violations", "rows")}
            rule = kind.from_settings(entry, {**counts, "declared": bool(entry["declared"])})
            if min(counts.values()) < 0:
                raise InputError("counts are 0 or more")
        except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
            raise InputError(f"this model's rules are damaged ({error!s}); fit it again") from None
        if unknown := [name for name in rule.columns if name not in schema.columns]:
            raise InputError(f"this model has a rule about {unknown[0]!r}, which is none of its columns; fit it again")
        out.append(rule)
    return tuple(out)
