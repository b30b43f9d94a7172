"""What was never seen: where groups of synthetic rows lie, and which tails did not come through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seedstock.report.text import label, number, shown

if TYPE_CHECKING:
    from seedstock.pipeline import Run

MAX_GROUPS = 50
MAX_LOST = 40
_TONES = {"within": "ok", "between": "off", "outside": "bad"}


def unseen(run: Run) -> dict[str, Any]:
    """Return the lines of the part on support, and of the tail gate; safe texts.

    Returns
    -------
    dict
        ``groups`` (one line each; the real held-out rows first), ``more_groups``, ``tails`` (None where they were
        not measured), else ``ok`` and ``lost``.
    """
    by_name = {s.name: s.details for s in run.scores}
    support, tails = by_name.get("within_support", {}), by_name.get("tails_kept", {})
    listed = [g for g in support.get("groups", ()) if isinstance(g, Mapping)]
    held = [g for g in support.get("floor_groups", ()) if isinstance(g, Mapping)]
    lines = [_line(g, "held-out real rows", False) for g in held[:1]]
    lines += [_line(g, "all synthetic rows" if k == 0 else None, True) for k, g in enumerate(listed[:MAX_GROUPS])]
    lost = [shown(x, 200) for x in tails.get("lost", ())]
    return {
        "groups": lines,
        "by": shown(run.train.columns.target, 60) if run.train.columns.target and len(listed) > 1 else None,
        "more_groups": max(0, len(listed) - MAX_GROUPS),
        "tails": {"ok": bool(tails.get("ok")), "lost": lost[:MAX_LOST], "more": max(0, len(lost) - MAX_LOST),
                  "columns": len(tails.get("columns", ()))} if "ok" in tails else None,
    }  # fmt: skip


def _line(group: Mapping[str, Any], name: str | None, examples: bool) -> dict[str, Any]:
    place = str(group.get("place"))
    pairs = [f"{int(a):,} → {int(b):,}" for a, b in group.get("examples", ())] if examples else []
    return {
        "name": name or label(group.get("name"), 60),
        "whole": name is not None,
        "rows": f"{int(group.get('rows', 0)):,}",
        "shares": [number(100 * float(group.get(p) or 0.0)) for p in _TONES],
        "density": number(group.get("density_ratio"), 2),
        "place": shown(place, 10),
        "tone": _TONES.get(place, "none"),
        "why": shown(", ".join(map(str, group.get("why", ()))), 160),
        "examples": ", ".join(pairs),
    }
