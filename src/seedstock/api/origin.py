"""Where data come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seedstock.api.gathering import joined, read_all
from seedstock.api.reading import Source, read
from seedstock.core.table import Dataset
from seedstock.provenance.keys import home, read_key
from seedstock.provenance.register import Role


def trace(
    source: Source | Sequence[Source],
    key: str | os.PathLike[str] | None = None,
    register: str | os.PathLike[str] | None = None,
    role: Role = "data",
) -> dict[str, Any]:
    """Say where data come from: their record, the mark in their values, and what of them is registered.

    Parameters
    ----------
    source
        A path or a frame, or a list of them that are looked at as one mixture.
    key : path or None
        A key file; by default the project's own, where there is one.
    register : path or None
        A register; by default the user's own, where there is one.
    role : {"data", "train", "test"}
        What these rows are to be used for: training rows must not be in a registered test set, nor the other way.

    Returns
    -------
    dict
        JSON values; see `seedstock.provenance.trace.trace`.
    """
    from seedstock.provenance.trace import trace as trace_data

    path = Path(source) if isinstance(source, str | os.PathLike) else None
    data = joined(read_all(source, read)) if isinstance(source, list | tuple) else read(source)
    signs = synthetic_signs(data) if data.domain in ("table", "sequence", "regular") else []
    file = Path(key) if key is not None else home() / "key.json"
    book = register if register is not None else home() / "register.sqlite"
    return trace_data(
        data,
        read_key(file) if key is not None or file.exists() else None,
        book if register is not None or Path(book).exists() else None,
        path,
        signs,
        role,
    )


def synthetic_signs(data: Dataset) -> list[dict[str, Any]]:
    """Return statistical signs of naive generators: those of the check of this name, and independence of all columns.

    Each has a modest ``confidence``, 0 to 1: honest data can look so, and good generators do not.
    """
    from seedstock.catalog import load
    from seedstock.core.rng import Rng
    from seedstock.provenance.signs import independence_sign

    check = load("checks", "synthetic_signs")
    out = [
        {"sign": "digits", "message": f.message, "confidence": f.confidence, "rows": len(f.rows), "column": f.column}
        for f in check.CHECK()(data, Rng(0))
    ]
    return out + independence_sign(data)


def register(
    source: Source,
    name: str | None = None,
    register: str | os.PathLike[str] | None = None,
    role: Role = "data",
) -> dict[str, Any]:
    """Remember a data set by sketches of its rows (no values), so that `trace` finds its rows elsewhere.

    Parameters
    ----------
    name : str or None
        What to call it; by default the file's name.
    register : path or None
        The register; by default the user's own, which is made on first use.
    role : {"data", "train", "test"}
        What it is used for; rows of a test set are looked for in training data.
    """
    from seedstock.provenance.register import register as add

    data = read(source)
    return add(data, name or str(data.origin.get("path") or data.name), register, role)
