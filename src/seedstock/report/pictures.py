"""Small pictures made of plain SVG: they need no script, so the notebook and the page share them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from seedstock.core.results import Score
from seedstock.report.text import number

WIDTH, HEIGHT = 240, 26
INSET = 7.0


def bullet(score: Score) -> Markup:
    """Draw a score on its scale: the good zone, the floor (a tick), the interval (a line) and the value (a dot).

    Colours come from the page's classes; without a style sheet the presentation attributes hold.

    >>> picture = bullet(Score("shape_error", 0.5, 0.3, "low", 2.0))
    >>> picture.count("<circle"), "<script" in picture
    (1, False)
    """
    known = [v for v in (score.value, score.floor, score.good, *(score.interval or ())) if math.isfinite(v)]
    if not math.isfinite(score.value) or not known:
        return Markup("")
    low, high = _domain(score, known)

    def at(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return round(INSET + share * (WIDTH - 2 * INSET), 2)

    zones = {"low": (low, score.good), "high": (score.good, high), "half": (1 - score.good, score.good)}
    a, b = (at(v) for v in zones[score.better]) if math.isfinite(score.good) else (INSET, INSET)
    middle = HEIGHT / 2
    parts = [
        f'<line class="track" x1="{INSET}" x2="{WIDTH - INSET}" y1="{middle}" y2="{middle}" stroke="#8a94a6" '
        'stroke-opacity=".35" stroke-width="6" stroke-linecap="round"/>',
        f'<line class="zone" x1="{a}" x2="{b}" y1="{middle}" y2="{middle}" stroke="#2e9e6b" stroke-opacity=".45" '
        'stroke-width="6" stroke-linecap="round"/>',
    ]
    if score.interval and all(math.isfinite(v) for v in score.interval):
        parts.append(
            f'<line class="interval" x1="{at(score.interval[0])}" x2="{at(score.interval[1])}" y1="{middle}" '
            f'y2="{middle}" stroke="#47506180" stroke-width="2"/>'
        )
    if math.isfinite(score.floor):
        x = at(score.floor)
        parts.append(
            f'<line class="floor" x1="{x}" x2="{x}" y1="4" y2="{HEIGHT - 4}" stroke="#475061" stroke-width="2"/>'
        )
    fill = "#1d7f54" if score.ok else "#c2571a"
    parts.append(
        f'<circle class="dot {"ok" if score.ok else "off"}" cx="{at(score.value)}" cy="{middle}" r="6" fill="{fill}"/>'
    )
    label = f"value {number(score.value)}, real against real {number(score.floor)}, good from {number(score.good)}"
    return Markup(
        f'<svg class="bullet" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def sparkline(real: Sequence[float], synthetic: Sequence[float]) -> Markup:
    """Draw two small histograms over each other: an area for the real data, a line for the synthetic, if there is any.

    >>> sparkline([1.0, 3.0], [2.0, 2.0]).count("<path")
    2
    """
    top = max([*real, *synthetic], default=0.0)
    if not top or not real:
        return Markup("")
    step = 96 / len(real)

    def path(shares: Sequence[float]) -> str:
        heights = [round(22 - 20 * s / top, 1) for s in shares]
        return "".join(f"L{k * step:.1f} {y}L{(k + 1) * step:.1f} {y}" for k, y in enumerate(heights))

    return Markup(
        '<svg class="spark" viewBox="0 0 96 23" width="96" height="23" aria-hidden="true">'
        f'<path class="real" d="M0 22{path(real)}L96 22Z"/>'
        + (f'<path class="drawn" d="M0 22{path(synthetic)}L96 22" fill="none"/>' if synthetic else "")
        + "</svg>"
    )


def _domain(score: Score, known: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the scale: from perfect to somewhat beyond the worst of the numbers to show."""
    if score.better == "half":
        reach = 1.3 * max([abs(v - 0.5) for v in known], default=0.1) or 0.1
        return 0.5 - reach, 0.5 + reach
    if score.better == "low":
        return min(0.0, *known), 1.25 * max(known) or 1.0
    best, worst = max(known), min(known)
    perfect = 1.0 if best <= 1 else 100.0 if worst > 2 and best <= 100 else best + 0.1 * (best - worst)
    reach = 1.4 * (perfect - worst) or 0.1 * perfect
    return perfect - reach, perfect
