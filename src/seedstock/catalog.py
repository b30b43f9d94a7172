"""Name -> module, by listing files. Nothing is imported to be listed."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Literal

from seedstock.core.errors import InputError

Folder = Literal["generators", "checks", "metrics"]


def names(folder: Folder) -> list[str]:
    """Return the names of all generators, checks or metrics, sorted; third parties' (entry points) included.

    >>> "independent" in names("generators")
    True
    """
    own = {p.stem for p in (Path(__file__).parent / folder).glob("*.py") if not p.stem.startswith("_")}
    return sorted(own | {e.name for e in entry_points(group=f"seedstock.{folder}")})


def load(folder: Folder, name: str) -> ModuleType:
    """Import one of them by name; an `InputError` lists the names there are."""
    if name not in names(folder):
        raise InputError(f"there is no {folder[:-1]} {name!r}; there are {', '.join(names(folder))}")
    if (Path(__file__).parent / folder / f"{name}.py").is_file():
        return import_module(f"seedstock.{folder}.{name}")
    (entry,) = entry_points(group=f"seedstock.{folder}", name=name)
    return entry.load()  # type: ignore[no-any-return]
