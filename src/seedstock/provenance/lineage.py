"""Bringing together what a data set says about its origin: its record, the description beside it, its mark."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedstock.core.table import Dataset
from seedstock.provenance.content import content_of
from seedstock.provenance.croissant import file_facts, from_croissant, hash_in, read_sidecar
from seedstock.provenance.detect import detect
from seedstock.provenance.keys import ProjectKey
from seedstock.provenance.record import generation_of, lineage_of, verify

SURE = 1e-6
"""A mark alone makes a file synthetic at this p-value: real data must not be refused by chance."""


def with_lineage(
    data: Dataset, path: str | os.PathLike[str] | None = None, key: ProjectKey | None = None, real: bool = False
) -> Dataset:
    """Return a data set whose origin holds all that is known of its lineage.

    Parameters
    ----------
    path : path
        The file it was read from; a ``FILE.croissant.json`` beside it is read.
    key : ProjectKey
        Looks for the mark too, where no record says synthetic: a record can be stripped, the mark stays.
    real : bool
        The user's word that the data are real; kept as their word, and ignored where a record says otherwise.

    Returns
    -------
    Dataset
        In its origin ``record`` (if there is one), ``broken`` (what does not fit, in words), ``mark`` (as
        `Detection.to_json`, if it is sure) and ``declared``.
    """
    origin = dict(data.origin)
    broken: list[str] = []
    own = lineage_of(origin)
    if own is None and path is not None and Path(path).exists():
        description = read_sidecar(path)
        own = None if description is None else from_croissant(description)
        expected = None if description is None else hash_in(description, Path(path).name)
        if own is not None and expected is not None and expected != file_facts(path)["sha256"]:
            broken.append("this file was changed after its Croissant description was written: its SHA-256 differs")
        elif own is not None and expected is not None:
            own = {**own}
            broken += [v["message"] for v in verify(own)]
    elif own is not None:
        broken += [v["message"] for v in verify(own, content_of(data))]
    if own is not None:
        origin["record"] = own
    # Whatever a record claims, the mark is in the rows.
    if (
        key is not None
        and len(data.tables) == 1
        and (own is None or not own.get("synthetic", True) or own["generation"] < 1)
    ):
        found = detect(data, key.secret, key.layouts, SURE)
        if found.found:
            origin["mark"] = found.to_json()
    if broken:
        origin["broken"] = broken
    if real:
        origin["declared"] = "real"
    return replace(data, origin=origin)


def mixture(origins: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the shares of the rows by generation, of files that are mixed.

    Returns
    -------
    dict
        ``"0"``, ``"1"``, ... and ``"unauthenticated"`` -> share; they sum to 1.

    Examples
    --------
    >>> mixture([{"rows": 30, "declared": "real"}, {"rows": 10}])
    {'0': 0.75, 'unauthenticated': 0.25}
    """
    rows: dict[str, float] = {}
    for origin in origins:
        n = float(origin.get("weight", origin.get("rows", 1)))
        for name, share in parts(origin).items():
            rows[name] = rows.get(name, 0.0) + n * share
    total = sum(rows.values()) or 1.0
    return {name: count / total for name, count in sorted(rows.items()) if count > 0}


def parts(origin: Mapping[str, Any]) -> dict[str, float]:
    """Return the shares of one data set's rows by generation, with what its record, its mark or its parts say."""
    several = sources_of(origin)
    if len(several) > 1:
        return mixture(several)
    generation = generation_of(origin)
    mark = origin.get("mark")
    if not generation and isinstance(mark, Mapping) and mark.get("generation"):
        share = 1.0 if mark.get("share") is None else float(mark["share"])
        rest = "0" if generation == 0 else "unauthenticated"
        return {str(mark["generation"]): share, rest: 1.0 - share}
    return {"unauthenticated" if generation is None else str(generation): 1.0}


def sources_of(origin: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the origins of the files that a data set was put together from: itself, where it is of one.

    >>> [o["name"] for o in sources_of({"parts": [{"name": "a.csv"}, {"name": "b.csv"}]})]
    ['a.csv', 'b.csv']
    """
    listed = origin.get("parts")
    return [s for o in listed for s in sources_of(o)] if isinstance(listed, list) and listed else [origin]
