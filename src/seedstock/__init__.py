"""Seedstock grows training data from a small, real, imperfect data set, with proof of how good it is.

Examples
--------
>>> import seedstock
>>> "grow" in dir(seedstock)
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedstock.api import check, clean, fit, grow, impute, judge, read, register, sample, trace, undo
    from seedstock.api.proving import prove
    from seedstock.core.errors import SeedstockError
    from seedstock.outcomes import Grown, Model

_HOME = {
    "check": "api",
    "clean": "api",
    "fit": "api",
    "grow": "api",
    "impute": "api",
    "judge": "api",
    "prove": "api.proving",
    "read": "api",
    "register": "api",
    "sample": "api",
    "trace": "api",
    "undo": "api",
    "Grown": "outcomes",
    "Model": "outcomes",
    "SeedstockError": "core.errors",
}

__all__ = [
    "Grown",
    "Model",
    "SeedstockError",
    "check",
    "clean",
    "fit",
    "grow",
    "impute",
    "judge",
    "prove",
    "read",
    "register",
    "sample",
    "trace",
    "undo",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'seedstock' has no attribute {name!r}")
    value = getattr(import_module(f"seedstock.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
