"""`run_checks`: all checks over a data set, each for itself, with one budget of false alarms."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, Protocol

import numpy as np

from seedstock import checks
from seedstock.core.contracts import Check
from seedstock.core.errors import InputError
from seedstock.core.results import Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import Schema
from seedstock.core.table import Dataset
from seedstock.network.types import types_in

FALSE_DISCOVERY_RATE = 0.05
_SPELLING = ("inconsistent_categories", "shifted_columns", "types_and_formats")
_WRITTEN = frozenset(("address", "mac", "url", "port", "tcp flags", "connection state", "connection history"))
_ORDER = {"high": 0, "medium": 1, "low": 2}


class Progress(Protocol):
    """Hears how far the checks are."""

    def share(self, done: float) -> None:
        """Hear which share is done, 0 to 1."""


def run_checks(
    data: Dataset,
    rng: Rng,
    names: Sequence[str] | None = None,
    against: Dataset | None = None,
    progress: Progress | None = None,
    seconds: dict[str, float] | None = None,
) -> list[Finding]:
    """Look for all kinds of contamination.

    Findings that stand on a test (``details["p_value"]``) are held to one false discovery rate of 5 % over all
    checks, tables and columns together. A check that fails becomes a finding of low severity that says why.

    Parameters
    ----------
    data : Dataset
        One table or several; each is checked by itself.
    names : sequence of str or None
        The checks to run; all of the catalog by default.
    against : Dataset or None
        A second data set that must share nothing with the first.
    seconds : dict or None
        Takes the wall seconds of each check.

    Returns
    -------
    list of Finding
        Gravest first.

    Raises
    ------
    InputError
        Where a name is no check, or `against` shares no column with the data.
    """
    classes = {name: _load(name) for name in (known() if names is None else names)}
    if against is not None and not any(c in against.table for t in data.tables.values() for c in t):
        raise InputError("the second data set shares no column name with the first; bring one of the same kind")
    found: list[Finding] = []
    parts = _tables(data)
    types = {p.name: types_in(p.table, p.columns.columns) for p in parts}
    for k, (name, make) in enumerate(classes.items()):
        start = time.perf_counter()
        for part in parts:
            if not _applies(make, part):
                continue
            takes_other = against is not None and any(f.name == "against" for f in fields(make))
            check: Check = make(against=against) if takes_other else make()
            found += [f for f in _one(check, name, part, rng.child(name)) if not _means(f, types[part.name])]
        if seconds is not None:
            seconds[name] = time.perf_counter() - start
        if progress is not None:
            progress.share((k + 1) / len(classes))
    return sorted(control(found), key=lambda f: (_ORDER[f.severity], -f.confidence))


def known() -> list[str]:
    """Return the names of all checks, third parties' included: what `seedstock.catalog`, a layer above, lists."""
    own = [m.name for m in iter_modules(checks.__path__) if not m.name.startswith("_")]
    return sorted({*own, *entry_points(group="seedstock.checks").names})


def _load(name: str) -> type[Any]:
    if name not in known():
        raise InputError(f"there is no check {name!r}; there are {', '.join(known())}")
    if (Path(checks.__file__ or "").parent / f"{name}.py").is_file():
        module = import_module(f"seedstock.checks.{name}")
    else:
        (entry,) = entry_points(group="seedstock.checks", name=name)
        module = entry.load()
    made: type[Any] = module.CHECK
    return made


def _applies(check: type[Any], data: Dataset) -> bool:
    domain = getattr(sys.modules[check.__module__], "DOMAIN", "table")
    return bool(domain == data.domain or (domain == "table" and data.domain in ("sequence", "regular")))


def _tables(data: Dataset) -> list[Dataset]:
    if len(data.tables) == 1:
        return [data]
    return [
        replace(data, tables={name: table}, schema=Schema({name: data.schema.tables[name]}))
        for name, table in data.tables.items()
    ]


def _means(finding: Finding, types: Mapping[str, str]) -> bool:
    """Tell whether what looks odd is how the field writes: ShADadfF and ShADadFf are two histories."""
    return finding.check in _SPELLING and types.get(finding.column or "") in _WRITTEN


def _one(check: Check, name: str, data: Dataset, rng: Rng) -> list[Finding]:
    try:
        with np.errstate(all="ignore"):
            return check(data, rng)
    except MemoryError:
        why = "the memory did not suffice"
    except Exception as error:  # one check's defect must not cost the others
        why = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    message = f"This check could not run: {why}."
    return [Finding(name, data.name, None, (), "low", 0.0, message, "Report this as a defect.", (), {"failed": True})]


def control(found: Sequence[Finding], rate: float = FALSE_DISCOVERY_RATE) -> list[Finding]:
    """Drop the findings whose test does not survive the procedure of Benjamini and Hochberg (1995).

    A finding's ``details["tests"]`` is the number of hypotheses that its check tried in its table.

    >>> weak = Finding("c", "t", None, (), "low", 0.9, "m", "f", (), {"p_value": 0.04, "tests": 100})
    >>> control([weak])
    []
    """
    tested = [f for f in found if "p_value" in f.details]
    groups: dict[tuple[str, str, Any], int] = {}
    for f in tested:
        key = (f.check, f.table, f.details.get("family"))
        groups[key] = max(groups.get(key, 0), int(f.details.get("tests", 1)))
    m = max(sum(groups.values()), len(tested), 1)
    values = np.sort([float(f.details["p_value"]) for f in tested])
    good = np.flatnonzero(values <= rate * np.arange(1, len(values) + 1) / m)
    limit = values[good[-1]] if len(good) else -1.0
    return [f for f in found if "p_value" not in f.details or float(f.details["p_value"]) <= limit]
