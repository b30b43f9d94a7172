"""Seedstock grows training data from a small, real, imperfect data set, with proof of how good it is.

Examples
--------
>>> import seedstock
>>> "grow" in dir(seedstock)
True
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Threads that wait for each other must sleep, not spin: where another program has a core, fits took five times as long.
# OpenMP reads this when scikit-learn or PyTorch load it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from seedstock.api import (
        apply_categories,
        categories,
        check,
        clean,
        fit,
        grow,
        impute,
        judge,
        label,
        profile,
        read,
        register,
        sample,
        score,
        trace,
        undo,
    )
    from seedstock.api.labelling import Labelled
    from seedstock.api.proving import prove
    from seedstock.checks._confident import LabelErrors, rank_label_errors
    from seedstock.core.errors import SeedstockError
    from seedstock.outcomes import Grown, Model

_HOME = {
    "apply_categories": "api",
    "categories": "api",
    "check": "api",
    "clean": "api",
    "fit": "api",
    "grow": "api",
    "impute": "api",
    "judge": "api",
    "prove": "api.proving",
    "label": "api",
    "profile": "api",
    "read": "api",
    "register": "api",
    "sample": "api",
    "score": "api",
    "trace": "api",
    "undo": "api",
    "Grown": "outcomes",
    "LabelErrors": "checks._confident",
    "Labelled": "api.labelling",
    "Model": "outcomes",
    "SeedstockError": "core.errors",
    "rank_label_errors": "checks._confident",
}

__all__ = [
    "Grown",
    "LabelErrors",
    "Labelled",
    "Model",
    "SeedstockError",
    "apply_categories",
    "categories",
    "check",
    "clean",
    "fit",
    "grow",
    "impute",
    "judge",
    "label",
    "profile",
    "prove",
    "rank_label_errors",
    "read",
    "register",
    "sample",
    "score",
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
