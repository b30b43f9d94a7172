"""Which generator learns images: by how many there are, the time there is, and whether PyTorch is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib.util import find_spec
from typing import Any

from seedstock import catalog
from seedstock.core.errors import InputError
from seedstock.core.table import Dataset

FEW, MANY = 30, 3_000
LONG = 20.0
"""Minutes from which a diffusion model is worth its time, where there are many images."""


def chosen(
    generator: str | None, settings: Mapping[str, Any] | None, data: Dataset, max_minutes: float | None
) -> tuple[str, dict[str, Any] | None]:
    """Return the generator that learns the data, and its settings with the time it may take.

    Examples
    --------
    >>> from seedstock.sources.read import read
    >>> chosen(None, None, read({"x": [1, 2]}), None)
    ('forest', None)
    """
    own = None if settings is None else dict(settings)
    if max_minutes is not None and not max_minutes > 0:
        raise InputError(f"max_minutes must be above 0, not {max_minutes}")
    if data.domain != "image":
        if max_minutes is not None:
            raise InputError("a time budget is for neural generators of images; leave max_minutes out")
        return generator or catalog.default_generator(data.domain), own
    name = generator or _for_images(len(data.table), max_minutes)
    if max_minutes is not None and "max_minutes" in {
        f.name for f in fields(catalog.load("generators", name).GENERATOR)
    }:
        own = {**(own or {}), "max_minutes": max_minutes}
    return name, own


def _for_images(n: int, max_minutes: float | None) -> str:
    if n < FEW or find_spec("torch") is None:
        return "image_gaussian"
    return "image_diffusion" if n >= MANY and (max_minutes or 0) >= LONG else "image_flow"
