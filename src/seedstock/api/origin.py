"""Where data come from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from seedstock.api.reading import Source, read
from seedstock.provenance.keys import home, read_key


def trace(
    source: Source,
    key: str | os.PathLike[str] | None = None,
    register: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Say where data come from: their record, the mark in their values, and what of them is registered.

    Parameters
    ----------
    key : path or None
        A key file; by default the project's own, where there is one.
    register : path or None
        A register; by default the user's own, where there is one.

    Returns
    -------
    dict
        JSON values; see `seedstock.provenance.trace.trace`.
    """
    from seedstock.provenance.trace import trace as trace_data

    data = read(source)
    path = Path(source) if isinstance(source, str | os.PathLike) else None
    file = Path(key) if key is not None else home() / "key.json"
    book = Path(register) if register is not None else home() / "register.sqlite"
    return trace_data(
        data,
        read_key(file) if key is not None or file.exists() else None,
        book if register is not None or book.exists() else None,
        path,
    )


def register(source: Source, name: str | None = None, register: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Remember a data set by sketches of its rows (no values), so that `trace` finds its rows elsewhere.

    Parameters
    ----------
    name : str or None
        What to call it; by default the file's name.
    register : path or None
        The register; by default the user's own, which is made on first use.
    """
    from seedstock.provenance.register import register as add

    data = read(source)
    return add(data, name or str(data.origin.get("path") or data.name), register)
