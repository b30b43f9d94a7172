"""Name -> module, by listing files. Nothing is imported to be listed."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Literal

from seedstock.core.errors import InputError
from seedstock.core.table import Domain

Folder = Literal["generators", "checks", "metrics"]
_DOMAIN = re.compile(r'^DOMAIN = "(\w+)"', re.MULTILINE)
_DEFAULTS: dict[Domain, str] = {
    "table": "forest",
    "sequence": "sequence",
    "regular": "time_series",
    "linked": "linked",
    "image": "image_flow",
}


def names(folder: Folder, domain: Domain | Literal["series"] | None = None) -> list[str]:
    """Return the names of all generators, checks or metrics, sorted; third parties' (entry points) included.

    With a domain, only those for such data: a module says it by ``DOMAIN = "image"``, and without that constant it is
    for tables. The domain ``series`` is a course in time by a mechanistic model, whatever the data.

    >>> "independent" in names("generators", "table")
    True
    """
    own = {p.stem: p for p in (Path(__file__).parent / folder).glob("*.py") if not p.stem.startswith("_")}
    foreign = {e.name: e for e in entry_points(group=f"seedstock.{folder}")}
    if domain is None:
        return sorted({*own, *foreign})
    mine = {n for n, path in own.items() if _domain_of_file(path) == domain}
    return sorted(mine | {n for n, e in foreign.items() if n not in own and _domain_of_entry(e) == domain})


def domain_of(folder: Folder, name: str) -> str:
    """Return for which data one of them is.

    >>> domain_of("generators", "forest"), domain_of("generators", "physical")
    ('table', 'series')
    """
    path = Path(__file__).parent / folder / f"{name}.py"
    if path.is_file() and not name.startswith("_"):
        return _domain_of_file(path)
    return str(getattr(load(folder, name), "DOMAIN", "table"))


def default_generator(domain: Domain) -> str:
    """Return the name of the generator that is taken for such data where none is named.

    >>> default_generator("table")
    'forest'
    """
    name = _DEFAULTS[domain]
    if name in names("generators"):
        return name
    if domain == "sequence":
        return _DEFAULTS["table"]
    raise InputError(f"there is no generator for {domain} data here; name one with --generator")


def load(folder: Folder, name: str) -> ModuleType:
    """Import one of them by name; an `InputError` lists the names there are."""
    if name not in names(folder):
        raise InputError(f"there is no {folder[:-1]} {name!r}; there are {', '.join(names(folder))}")
    if (Path(__file__).parent / folder / f"{name}.py").is_file():
        return import_module(f"seedstock.{folder}.{name}")
    (entry,) = entry_points(group=f"seedstock.{folder}", name=name)
    return entry.load()  # type: ignore[no-any-return]


@cache
def _domain_of_file(path: Path) -> str:
    found = _DOMAIN.search(path.read_text("utf-8"))
    return found[1] if found else "table"


@cache
def _domain_of_entry(entry: EntryPoint) -> str:
    return str(getattr(entry.load(), "DOMAIN", "table"))
