"""Mechanistic models: calibrate, explain, generate, discover.

A physical model explains the data by a mechanism with few parameters. Where it does explain them it may be asked for
what the data have not shown yet; where it does not, it says so.

Examples
--------
>>> from seedstock import physics
>>> physics.load_model("sir").columns
('infected',)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedstock.physics.calibration import calibrate
    from seedstock.physics.discovery import discover, discover_data
    from seedstock.physics.explanation import explain, explain_data
    from seedstock.physics.generation import generate
    from seedstock.physics.library import load_model, model_names
    from seedstock.physics.model import Likelihood, PhysicalModel, Summaries
    from seedstock.physics.noise import Noise
    from seedstock.physics.posterior import Posterior
    from seedstock.physics.prior import Prior
    from seedstock.physics.series import Series, series_of
    from seedstock.physics.simulator import Simulator

_HOME = {
    "Likelihood": "model",
    "Noise": "noise",
    "PhysicalModel": "model",
    "Posterior": "posterior",
    "Prior": "prior",
    "Series": "series",
    "Simulator": "simulator",
    "Summaries": "model",
    "calibrate": "calibration",
    "discover": "discovery",
    "discover_data": "discovery",
    "explain": "explanation",
    "explain_data": "explanation",
    "generate": "generation",
    "load_model": "library",
    "model_names": "library",
    "series_of": "series",
}

__all__ = [
    "Likelihood",
    "Noise",
    "PhysicalModel",
    "Posterior",
    "Prior",
    "Series",
    "Simulator",
    "Summaries",
    "calibrate",
    "discover",
    "discover_data",
    "explain",
    "explain_data",
    "generate",
    "load_model",
    "model_names",
    "series_of",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'seedstock.physics' has no attribute {name!r}")
    value = getattr(import_module(f"seedstock.physics.{_HOME[name]}"), name)
    globals()[name] = value
    return value
