"""JSON as a tree of names and values that can be opened, cut where it gets long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedstock.report.text import plain, shown

MAX_DEPTH = 8
MAX_ITEMS = 60
MAX_NODES = 1_500


def tree(name: str, value: Any) -> dict[str, Any]:
    """Return nested nodes ``{"name", "value"}`` or ``{"name", "nodes", "size"}`` of safe texts.

    >>> tree("record", {"seed": 1})
    {'name': 'record', 'size': '1 entry', 'nodes': [{'name': 'seed', 'value': '1'}]}
    """
    return _node(name, plain(value), 0, [MAX_NODES])


def _node(name: str, value: Any, depth: int, left: list[int]) -> dict[str, Any]:
    left[0] -= 1
    label = shown(name, 60)
    if isinstance(value, Mapping):
        items = [(str(k), v) for k, v in value.items()]
    elif isinstance(value, list):
        if len(value) <= 12 and all(not isinstance(v, list | Mapping) for v in value):
            return {"name": label, "value": shown(", ".join(_words(v) for v in value) or "none", 200)}
        items = [(str(k), v) for k, v in enumerate(value)]
    else:
        return {"name": label, "value": shown(_words(value), 200)}
    nodes: list[dict[str, Any]] = []
    if depth < MAX_DEPTH:
        for key, item in items[:MAX_ITEMS]:
            if left[0] <= 0:
                break
            nodes.append(_node(key, item, depth + 1, left))
    if len(nodes) < len(items):
        nodes.append({"name": "…", "value": f"{len(items) - len(nodes):,} more in run.json"})
    size = f"{len(items):,} {'entry' if len(items) == 1 else 'entries'}"
    return {"name": label, "size": size, "nodes": nodes}


def _words(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return str(value)
