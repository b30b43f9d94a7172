"""Scores as cards: the number, its scale, its floor, what it means and what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from seedstock.core.results import Score
from seedstock.metrics._words import explain
from seedstock.report.pictures import bullet
from seedstock.report.text import number, shown

GROUPS = {
    "fidelity": ("Fidelity", "Does the synthetic table behave like the real one?"),
    "utility": ("Utility", "Do models trained on it work on real rows?"),
    "coverage": ("Coverage", "Is what is rare kept, and nothing made up?"),
    "privacy": ("Privacy", "Does it give away rows it learned from?"),
    "foresight": ("Foresight", "Do drawn series look like the real course, and foresee what came after it?"),
}
PERCENT = frozenset(
    [
        *("shape_error", "trend_error", "missing_error", "invented"),
        *("range_used", "rare_categories_kept", "rare_pairs_kept", "copy_rate", "within_support", "tails_kept"),
        *("forecast_error", "band_coverage", "image_copy_rate", "image_face_rate"),
        *("autocorrelation_error", "profile_error", "course_error", "cross_correlation_error", "predictive_error"),
        *("sequence_length_error", "gap_error", "transition_error", "rhythm_error", "burst_error"),
    ]
)
"""Scores that are percentages."""


FIRST = ("shape_error", "trend_error", "c2st", "rare_categories_kept", "rare_pairs_kept", "nearest_share", "copy_rate")
"""Scores that are read first in their group; the others keep their order."""


def cards_by_group(scores: Sequence[Score], groups: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the groups in the order of reading, each with its cards; what falls short stands first."""
    out = []
    known = [*GROUPS, *sorted({groups.get(s.name, "other") for s in scores} - set(GROUPS))]
    for group in known:
        cards = [card(s) for s in sorted(scores, key=_place) if groups.get(s.name, "other") == group]
        if group == "foresight" and not cards:
            continue  # of rows that are no course in time
        # Stable: within a rank the order of reading stays.
        cards.sort(key=lambda c: ("off", "ok", "none").index(c["state"]))
        title, lead = GROUPS.get(group, (shown(group.capitalize()), ""))
        measured = [c for c in cards if c["state"] != "none"]
        good = sum(c["state"] == "ok" for c in measured)
        tally = f"{good} of {len(measured)} in the good range" if measured else "not measured"
        out.append({"id": shown(group), "title": title, "lead": lead, "cards": cards, "tally": tally})
    return out


def card(score: Score) -> dict[str, Any]:
    """Return what one card shows."""
    title, meaning, advice = explain(score)
    if score.name.startswith("utility_"):
        # The group's heading says the rest.
        title = title.rpartition(": ")[2]
    unit = " %" if score.name in PERCENT else ""
    out: dict[str, Any] = {
        "title": shown(title[:1].upper() + title[1:]),
        "meaning": shown(meaning, 600),
        "advice": shown(advice, 600),
        "state": {True: "ok", False: "off", None: "none"}[score.ok],
        "pill": {True: "good", False: "watch", None: "not measured"}[score.ok],
        "value": number(score.value) + (unit if math.isfinite(score.value) else ""),
        "floor": number(score.floor) + unit if math.isfinite(score.floor) else None,
        "good": good_range(score, unit),
        "interval": None,
        "n": f"{score.n:,}" if score.n else None,
        "picture": bullet(score),
        "why": shown(score.details.get("why", ""), 300) if score.ok is None else "",
    }
    if score.interval and all(math.isfinite(v) for v in score.interval):
        out["interval"] = f"{number(score.interval[0])} to {number(score.interval[1])}{unit}"
    return out


def learner_name(score: Score) -> str:
    """Return who learned, for a utility score.

    >>> learner_name(Score("utility_boosting_auc", 0.9, 0.9, "high", 0.9))
    'Boosted trees'
    """
    name = explain(score)[0].rpartition(": ")[2].partition(",")[0]
    return shown(name[:1].upper() + name[1:], 40)


def _place(score: Score) -> int:
    return FIRST.index(score.name) if score.name in FIRST else len(FIRST)


def good_range(score: Score, unit: str = "") -> str | None:
    """Return the good range in words.

    >>> good_range(Score("nearest_share", 0.52, 0.5, "half", 0.55))
    '0.45 to 0.55'
    """
    if not math.isfinite(score.good):
        return None
    if score.better == "half":
        return f"{number(1 - score.good)} to {number(score.good)}{unit}"
    return f"{'≤' if score.better == 'low' else '≥'} {number(score.good)}{unit}"
