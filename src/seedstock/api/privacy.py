"""Differential privacy in the words of the line: which generator and settings, and what it excludes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedstock import catalog
from seedstock.core.errors import InputError

PRIVATE = "private"
LEVELS: Mapping[str, Mapping[str, float]] = {
    "low": {"shrinkage_share": 0.1, "guard_share": 0.0},
    "standard": {},
    "high": {"shrinkage_share": 10.0, "min_leaf_rows": 100, "boost_rows": 0},
}
"""Points on the forest's frontier between likeness and memory, as its settings; see benchmarks/frontier."""


def asked(
    generator: str | None, settings: Mapping[str, Any] | None, epsilon: float | None, delta: float | None
) -> tuple[str | None, dict[str, Any] | None]:
    """Return the generator and its settings with a privacy budget among them.

    >>> asked(None, None, 1.0, None)
    ('private', {'epsilon': 1.0})
    """
    own = None if settings is None else dict(settings)
    if epsilon is None:
        if delta is not None:
            raise InputError("delta is part of a privacy budget; say epsilon as well")
        return generator, own
    if generator is not None and not proves(generator):
        raise InputError(
            f"the generator {generator!r} cannot prove privacy; leave it out, or take {PRIVATE!r} with epsilon"
        )
    budget = {"epsilon": epsilon} | ({} if delta is None else {"delta": delta})
    return generator or PRIVATE, {**(own or {}), **budget}


def at_level(privacy: str | None, generator: str, settings: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the settings of the forest at a point between likeness and memory.

    >>> at_level("low", "forest", {"trees": 5}), at_level(None, "copula", None)
    ({'trees': 5, 'shrinkage_share': 0.1, 'guard_share': 0.0}, None)
    """
    own = None if settings is None else dict(settings)
    if privacy is None:
        return own
    if privacy not in LEVELS:
        raise InputError(f"privacy is one of {', '.join(LEVELS)}, not {privacy!r}; for a proof ask for epsilon")
    if generator != "forest":
        raise InputError(f"privacy levels are the forest's, and {generator!r} has none; leave privacy out")
    if clash := sorted({name for level in LEVELS.values() for name in level} & {*(own or {})}):
        raise InputError(f"privacy and the setting {clash[0]} say the same thing; leave one of them out")
    return {**(own or {}), **LEVELS[privacy]}


def proves(generator: str | None) -> bool:
    """Tell whether a generator gives differential privacy."""
    return generator is not None and hasattr(catalog.load("generators", generator).GENERATOR, "guarantee")


def policy_of(policy: str | None, generator: str, conditions: Mapping[str, Any]) -> str:
    """Return what is mended: with a proof nothing, because what the checks mend depends on all rows together."""
    if not proves(generator):
        return policy or "safe"
    if policy not in (None, "report"):
        raise InputError(
            f"what the policy {policy!r} mends depends on all rows together, which no privacy budget covers; "
            f"leave it out, or mend the rows beforehand with `seedstock clean` and count that as public"
        )
    for name, value in conditions.items():
        if value:
            raise InputError(
                f"{name} counts real rows, which no privacy budget covers; leave it out here, and ask the saved model "
                f"for what you want with `seedstock sample MODEL_DIR --given`"
            )
    return "report"
