"""Rules that users declare or veto, as mappings from a schema file.

In TOML a rule is one entry of ``[[rules]]``, and ``veto`` is a list of names or kinds of rules that must not be found::

    veto = ["pairs", "order: age, hours"]

    [[rules]]
    kind = "linear"            # total = a + b: `weights` are all 1, `constant` is 0 where they are not given
    parents = ["a", "b"]
    child = "total"

    [[rules]]
    kind = "depends"           # city is a function of zip
    parents = ["zip"]
    child = "city"

    [[rules]]
    kind = "order"             # also one_hot, pairs, missing_together: with `columns`
    columns = ["start", "end"]

    [[rules]]
    kind = "implies"           # if smoker is no then packs is 0; `then` may be "missing"
    cause = "smoker"
    when = ["no"]
    effect = "packs"
    then = 0

    [[rules]]
    kind = "bounds"            # `low`, `high` or both
    column = "age"
    low = 0

    [[rules]]
    kind = "at_least"          # bytes >= 20 * packets; with `cause` and `when` only where the cause has such a value
    child = "bytes"
    parents = ["packets"]
    weights = [20]

    [[rules]]
    kind = "admits"            # if protocol is udp then flags is one of `among`, or between `low` and `high`
    cause = "protocol"
    when = ["udp"]
    effect = "flags"
    among = ["......"]

    [[rules]]
    kind = "clock"             # 1250 and 15 minutes are 1305
    start = "planned"
    minutes = "delay"
    end = "left"

    [[rules]]
    kind = "power"             # bmi = 10000 * weight / height^2; product and ratio know their powers
    parents = ["weight", "height"]
    powers = [1, -2]
    child = "bmi"
    factor = 10000

    [[rules]]
    kind = "intervals"         # which interval of the parent, a number or time, decides the child
    parent = "age"
    child = "age_group"

    kind = "part"              # weekday, quarter, month, hour, day, minute, second, week, year, "year and month", ...
    parent = "seen"
    part = "hour"
    child = "hour"

    kind = "compound"          # paid = pieces * price * (1 - discount); a factor's `power` is 1 or -1
    child = "paid"
    factors = [{columns = ["pieces"]}, {columns = ["price"]}, {columns = ["discount"], weights = [-1], constant = 1}]

    kind = "extreme"           # `how`: largest, smallest, distance, or (of one) size
    parents = ["up", "down"]
    how = "largest"
    child = "peak"

    kind = "moment"            # date, "time of day", second, minute, hour, week, month or year, as a time again
    parent = "seen"
    part = "date"
    child = "day"

    kind = "logarithm"         # also `base` log10 or log2, `weight`, `shift` (log(1 + x)) and `constant`
    parent = "income"
    child = "log_income"
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seedstock.core.errors import InputError
from seedstock.encoding.rules import (
    admits,
    at_least,
    bounds,
    clock,
    compound,
    depends,
    extreme,
    implies,
    intervals,
    linear,
    logarithm,
    moment,
    one_hot,
    order,
    pairs,
    part,
    product,
    together,
)
from seedstock.encoding.rules.implied import closes_circle
from seedstock.encoding.rules.rule import Rule
from seedstock.encoding.rules.view import View

_MAKERS: dict[str, tuple[Callable[[View, Mapping[str, Any]], Rule], set[str], set[str]]] = {
    "depends": (depends.declare, {"parents", "child"}, set()),
    "linear": (linear.declare, {"parents", "child"}, {"weights", "constant"}),
    "product": (product.declare, {"parents", "child"}, {"factor"}),
    "ratio": (product.declare, {"parents", "child"}, {"factor"}),
    "power": (product.declare, {"parents", "powers", "child"}, {"factor"}),
    "logarithm": (logarithm.declare, {"parent", "child"}, {"base", "weight", "shift", "constant"}),
    "intervals": (intervals.declare, {"parent", "child"}, set()),
    "part": (part.declare, {"parent", "part", "child"}, set()),
    "compound": (compound.declare, {"factors", "child"}, {"factor"}),
    "extreme": (extreme.declare, {"parents", "how", "child"}, set()),
    "moment": (moment.declare, {"parent", "part", "child"}, set()),
    "clock": (clock.declare, {"start", "minutes", "end"}, set()),
    "order": (order.declare, {"columns"}, set()),
    "one_hot": (one_hot.declare, {"columns"}, set()),
    "implies": (implies.declare, {"cause", "when", "effect", "then"}, set()),
    "pairs": (pairs.declare, {"columns"}, set()),
    "bounds": (bounds.declare, {"column"}, {"low", "high"}),
    "at_least": (at_least.declare, {"child"}, {"parents", "weights", "constant", "cause", "when"}),
    "admits": (admits.declare, {"cause", "when", "effect"}, {"low", "high", "among"}),
    "missing_together": (together.declare, {"columns"}, set()),
}
KINDS = tuple(_MAKERS)
_NAMES = ("parent", "child", "cause", "effect", "column", "start", "minutes", "end")
"""Keys of a rule that name one column."""


def rules_of(value: Mapping[str, Any]) -> tuple[tuple[Mapping[str, Any], ...], tuple[str, ...]]:
    """Return the rules and the vetoes of a schema file's mapping; checks their form, not the columns.

    Examples
    --------
    >>> rules_of({"veto": "pairs", "rules": [{"kind": "order", "columns": ["start", "end"]}]})
    (({'kind': 'order', 'columns': ['start', 'end']},), ('pairs',))
    """
    veto = value.get("veto", [])
    veto = [veto] if isinstance(veto, str) else veto
    if not isinstance(veto, (list, tuple)) or not all(isinstance(v, str) for v in veto):
        raise InputError("the schema's 'veto' must be a list of names or kinds of rules, such as [\"pairs\"]")
    rules = value.get("rules", [])
    if not isinstance(rules, (list, tuple)) or not all(isinstance(r, Mapping) for r in rules):
        raise InputError("the schema's 'rules' must be a list of tables; write [[rules]] with kind = ...")
    for rule in rules:
        _check_form(rule)
    return tuple(rules), tuple(veto)


def _check_form(spec: Mapping[str, Any]) -> None:
    kind = spec.get("kind")
    if kind not in _MAKERS:
        raise InputError(f"a rule's kind must be one of {', '.join(_MAKERS)}, not {kind!r}")
    _, needed, more = _MAKERS[kind]
    keys = set(spec) - {"kind"}
    if lacking := needed - keys:
        raise InputError(f"a rule of kind {kind!r} lacks {', '.join(sorted(lacking))}")
    if unknown := keys - needed - more:
        raise InputError(f"a rule of kind {kind!r} takes {', '.join(sorted(needed | more))}, not {min(unknown)!r}")
    for key in ("constant", "factor", "low", "high", "weight", "shift"):
        if key in spec and (isinstance(spec[key], bool) or not isinstance(spec[key], (int, float))):
            raise InputError(f"a rule's {key} must be a number, not {spec[key]!r}")
    among = spec.get("among", [])
    if not isinstance(among, (list, tuple)):
        raise InputError(f"a rule's 'among' must be a list of values, not {among!r}")
    for value in [*(w if isinstance(w := spec.get("when", []), list) else [w]), spec.get("then", 0), *among]:
        if not isinstance(value, (str, int, float)):
            raise InputError(f"a rule's values must be texts, numbers, true or false, not {value!r}")
    for key in ("weights", "powers"):
        given = spec.get(key, [])
        if not isinstance(given, (list, tuple)) or any(
            isinstance(w, bool) or not isinstance(w, (int, float)) for w in given
        ):
            raise InputError(f"a rule's {key} must be a list of numbers, not {given!r}")
    factors = spec.get("factors", [])
    if not isinstance(factors, (list, tuple)) or not all(isinstance(f, Mapping) and "columns" in f for f in factors):
        raise InputError(f"a rule's factors must be a list of tables with columns, not {factors!r}")
    for factor in factors:
        if unknown := set(factor) - {"columns", "weights", "constant", "power"}:
            raise InputError(f"a rule's factor takes columns, weights, constant and power, not {min(unknown)!r}")
        for value in (*factor.get("weights", []), factor.get("constant", 0), factor.get("power", 1)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise InputError(f"a factor's amounts must be numbers, not {value!r}")
    for key in _NAMES:
        if key in spec and not isinstance(spec[key], str):
            raise InputError(f"a rule's {key} must be a column's name, not {spec[key]!r}")


def declared_rules(view: View, specs: Sequence[Mapping[str, Any]]) -> list[Rule]:
    """Make declared rules for a table, and refuse those that the data or one another contradict."""
    out: list[Rule] = []
    for spec in specs:
        _check_form(spec)
        made = set(view.schema.of_kind("id", "text", "image"))
        for key in ("parents", "columns", *_NAMES):
            named = spec.get(key, [])
            for name in [named] if isinstance(named, str) else named:
                _ = view.table[name]
                if name in made:
                    raise InputError(f"a rule names {name!r}, which is made anew and not learned; rules need others")
        rule = _MAKERS[spec["kind"]][0](view, spec)
        if len(set(rule.columns)) < len(rule.columns):
            raise InputError(f"the declared rule {rule.text!r} names a column twice")
        if rule.violations > 0.5 * max(rule.support, 1):
            raise InputError(
                f"the declared rule {rule.text!r} fails in {rule.violations:,} of the {rule.support:,} real rows that "
                f"it is about; mend the data or drop the rule"
            )
        if rule.computes:
            if any(r.computes and r.columns[-1] == rule.columns[-1] for r in out):
                raise InputError(f"two declared rules compute {rule.columns[-1]!r}; keep one of them")
            if closes_circle(rule, out):
                raise InputError(f"the declared rule {rule.text!r} closes a circle with the others; drop one of them")
        out.append(rule)
    return out


def known_rule(view: View, spec: Mapping[str, Any]) -> Rule | None:
    """Make a rule of the field for a table, as if it had been found; None where the columns are not such."""
    try:
        _check_form(spec)
        rule = _MAKERS[spec["kind"]][0](view, spec)
    except InputError:
        return None
    return replace(rule, declared=False)


def is_vetoed(rule: Rule, vetoed: Collection[str]) -> bool:
    """Tell whether a rule, its kind or its name, is on a list of vetoes; spaces do not matter."""
    names = {"".join(v.split()) for v in vetoed}
    return bool({rule.kind, "".join(rule.name.split()), "".join(rule.text.split())} & names)
