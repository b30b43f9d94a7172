"""The model library: names by listing files, models by importing one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from seedstock.core.errors import InputError
from seedstock.physics.model import PhysicalModel


def model_names() -> list[str]:
    """Return the names of all models, sorted; nothing is imported.

    >>> "lotka_volterra" in model_names()
    True
    """
    files = (Path(__file__).parent / "models").glob("*.py")
    return sorted(p.stem for p in files if not p.stem.startswith("_"))


def load_model(name: str) -> PhysicalModel:
    """Return a model of the library; an `InputError` lists the names there are.

    >>> load_model("decay").columns
    ('amount',)
    """
    if name not in model_names():
        raise InputError(f"there is no physical model {name!r}; there are {', '.join(model_names())}")
    model: PhysicalModel = import_module(f"seedstock.physics.models.{name}").MODEL
    return model


def summary_of(name: str) -> str:
    """Return what a model is, in one line: the first of its file.

    >>> summary_of("lotka_volterra")
    'Predator and prey.'
    """
    load_model(name)
    text = import_module(f"seedstock.physics.models.{name}").__doc__ or ""
    return text.strip().split("\n")[0]
