"""Frames <-> `Dataset`: the one file that knows pandas, Polars and Arrow, and imports only what it is handed."""

from __future__ import annotations

from typing import Any


def from_object(source: Any) -> Any:
    raise NotImplementedError
