"""Pictures of mechanistic models as plain SVG, for pages without a script."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from seedstock.report.text import number, shown

WIDTH, HEIGHT = 560, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 30
CELL = 128


def bands(band: Mapping[str, Any], time: str) -> Markup:
    """Draw what was observed (dots) over the central 50 and 90 % of what the model expects.

    >>> rows = [[0, 0], [1, 1], [2, 2], [3, 3], [4, 4]]
    >>> picture = bands({"t": [0, 1], "observed": [1.0, None], "quantiles": rows}, "t")
    >>> picture.count("<circle"), picture.count("<path")
    (1, 3)
    """
    t, rows = band["t"], band["quantiles"]
    seen = [v for v in band["observed"] if v is not None]
    low, high = min([*rows[0], *seen]), max([*rows[-1], *seen])
    if seen and high - low > 4 * (max(seen) - min(seen) or 1.0):
        # A few wild draws must not press the data flat.
        low, high = (
            max(low, min(seen) - 2 * (max(seen) - min(seen))),
            min(high, max(seen) + 2 * (max(seen) - min(seen))),
        )
    x, y = _Scale(min(t), max(t), LEFT, WIDTH - RIGHT), _Scale(low, high, HEIGHT - BOTTOM, TOP)

    def line(values: Sequence[float]) -> str:
        return "L".join(f"{x(a)} {y(b)}" for a, b in zip(t, values, strict=True))

    def area(lower: Sequence[float], upper: Sequence[float]) -> str:
        back = "L".join(f"{x(a)} {y(b)}" for a, b in zip(reversed(t), reversed(upper), strict=True))
        return f"M{line(lower)}L{back}Z"

    parts = [_axes(x, y, time)]
    parts.append(f'<path d="{area(rows[0], rows[4])}" fill="#3d6fd9" fill-opacity=".16"/>')
    parts.append(f'<path d="{area(rows[1], rows[3])}" fill="#3d6fd9" fill-opacity=".28"/>')
    parts.append(f'<path d="M{line(rows[2])}" fill="none" stroke="#3d6fd9" stroke-width="2"/>')
    radius = 3.2 if len(t) < 100 else 1.6
    parts += [
        f'<circle cx="{x(a)}" cy="{y(b)}" r="{radius}" fill="#d9652b"/>'
        for a, b in zip(t, band["observed"], strict=True)
        if b is not None
    ]
    return _svg(WIDTH, HEIGHT, "Observed values over the predictive bands", parts)


def pairs(value: Mapping[str, Any]) -> Markup:
    """Draw the posterior: histograms of the parameters on the diagonal, draws of each pair below it."""
    names, draws = value["names"], value["draws"]
    p = len(names)
    if not p or not draws:
        return Markup("")
    columns = [[row[k] for row in draws] for k in range(p)]
    ends = [(min(c), max(c)) for c in columns]
    size = 30 + p * CELL
    parts: list[str] = []
    for i in range(p):
        for j in range(i + 1):
            left, top = 30 + j * CELL, i * CELL + 8
            x = _Scale(*ends[j], left + 4, left + CELL - 8)
            parts.append(
                f'<rect x="{left}" y="{top}" width="{CELL - 4}" height="{CELL - 34}" fill="none" stroke="#8a94a6" '
                'stroke-opacity=".4"/>'
            )
            if i == j:
                parts.append(_histogram(columns[i], x, top + CELL - 34, CELL - 44))
                text = f"{shown(names[i], 20)}"
                parts.append(_text(left + 3, top + CELL - 14, text, "start"))
                between = f"{number(ends[i][0])} to {number(ends[i][1])}"
                parts.append(_text(left + CELL - 6, top + CELL - 3, between, "end", 9))
                continue
            y = _Scale(*ends[i], top + CELL - 38, top + 4)
            parts += [
                f'<circle cx="{x(a)}" cy="{y(b)}" r="1.4" fill="#3d6fd9" fill-opacity=".45"/>'
                for a, b in zip(columns[j], columns[i], strict=True)
            ]
    return _svg(size, p * CELL + 14, "Draws of each pair of parameters", parts)


def ranks(values: Sequence[int], draws: int, bins: int = 10) -> Markup:
    """Draw a histogram of calibration ranks; flat within the grey band is right.

    >>> ranks([0, 5, 9, 3], 10).count("<rect") >= 10
    True
    """
    width, height = 200, 90
    counts = [0] * bins
    for r in values:
        counts[min(bins - 1, r * bins // (draws + 1))] += 1
    mean = len(values) / bins
    spread = 2.58 * math.sqrt(mean * (1 - 1 / bins))
    top = max([*counts, mean + spread]) or 1
    y = _Scale(0, top, height - 4, 4)
    parts = [
        f'<rect x="0" y="{y(mean + spread)}" width="{width}" '
        f'height="{round(y(max(0, mean - spread)) - y(mean + spread), 1)}" fill="#8a94a6" fill-opacity=".25"/>'
    ]
    step = width / bins
    for k, n in enumerate(counts):
        parts.append(
            f'<rect x="{k * step + 1:.1f}" y="{y(n)}" width="{step - 2:.1f}" height="{round(height - 4 - y(n), 1)}" '
            'fill="#3d6fd9" fill-opacity=".7"/>'
        )
    return _svg(width, height, "Calibration ranks", parts)


class _Scale:
    """Data to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = (low, high) if high > low else (low - 0.5, low + 0.5)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, n: int = 5) -> list[float]:
        """Return round numbers within the scale."""
        raw = (self.high - self.low) / n
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _axes(x: _Scale, y: _Scale, time: str) -> str:
    parts = []
    for v in y.ticks(4):
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(v)}" y2="{y(v)}" stroke="#8a94a6" stroke-opacity=".25"/>'
        )
        parts.append(_text(LEFT - 6, y(v) + 4, _tick(v), "end"))
    parts += [_text(x(v), HEIGHT - BOTTOM + 14, _tick(v), "middle") for v in x.ticks(7)]
    parts.append(_text((LEFT + WIDTH) / 2, HEIGHT - 3, shown(time, 60), "middle"))
    return "".join(parts)


def _tick(value: float) -> str:
    """Return a tick's label; years have no thousands' separators.

    >>> _tick(1910.0), _tick(0.25)
    ('1910', '0.25')
    """
    return f"{value:.6g}"


def _histogram(values: Sequence[float], x: _Scale, bottom: float, height: float, bins: int = 20) -> str:
    counts = [0] * bins
    for v in values:
        counts[min(bins - 1, int((v - x.low) / (x.high - x.low) * bins))] += 1
    step = (x.end - x.start) / bins
    top = max(counts)
    return "".join(
        f'<rect x="{x.start + k * step:.1f}" y="{bottom - height * n / top:.1f}" width="{step:.1f}" '
        f'height="{height * n / top:.1f}" fill="#3d6fd9" fill-opacity=".55"/>'
        for k, n in enumerate(counts)
    )


def _text(x: float, y: float, text: str, anchor: str, size: int = 11) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor">{escape(text)}</text>'


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> Markup:
    return Markup(
        f'<svg class="plot" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )
