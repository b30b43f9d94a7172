"""The suite's picture: for each table, the real rows' curve and what few rows with synthetic ones reach."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np

W, H, PAD = 250, 170, 34
COLOURS = {"real": "#4a5568", "chosen": "#0b7a75", "smote": "#c77d0a", "duplication": "#b0b7c3"}
PEER = ("#8e6bbf", "#c2528b", "#5b8bd0")
LEARNERS = ("linear", "tree", "boosting", "net")


def curves(whole: dict[str, Any]) -> str:
    """Return an SVG: one row a table, one column a learner."""
    names = list(whole["tables"])
    arms = dict.fromkeys(row[0] for t in whole["tables"].values() for row in t["scores"])
    peers = [a for a in arms if a.startswith(("sdv", "tabular"))]
    colours = COLOURS | dict(zip(peers, PEER, strict=False))
    width, height = PAD + W * len(LEARNERS), 60 + H * len(names)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="11" fill="#222"><rect width="100%" height="100%" fill="white"/>'
    ]
    x = PAD
    for arm, colour in colours.items():
        if arm in arms:
            out.append(f'<circle cx="{x}" cy="16" r="4" fill="{colour}"/><text x="{x + 8}" y="20">{escape(arm)}</text>')
            x += 30 + 7 * len(arm)
    for c, learner in enumerate(LEARNERS):
        out.append(f'<text x="{PAD + c * W + W / 2}" y="44" text-anchor="middle" font-weight="bold">{learner}</text>')
        for r, name in enumerate(names):
            out.append(_panel(whole["tables"][name], learner, name if c == 0 else "", PAD + c * W, 54 + r * H, colours))
    return "\n".join(out) + "\n</svg>\n"


def _panel(found: dict[str, Any], learner: str, title: str, x0: float, y0: float, colours: dict[str, str]) -> str:
    by: dict[str, dict[int, list[float]]] = {}
    for arm, name, n, _, v in found["scores"]:
        if name == learner and arm in colours:
            by.setdefault(arm, {}).setdefault(n, []).append(v)
    means = {arm: {n: float(np.mean(v)) for n, v in sorted(ns.items())} for arm, ns in by.items()}
    real = means["real"]
    low = min(min(real.values()), *(v for a in means for v in means[a].values() if v > min(real.values()) - 0.1))
    high = max(v for ns in means.values() for v in ns.values())
    a, b = np.log(min(real)), np.log(max(real))

    def at(n: int, v: float) -> tuple[float, float]:
        t = (max(v, low) - low) / ((high - low) or 1)
        return x0 + 30 + (np.log(n) - a) / (b - a) * (W - 50), y0 + H - 30 - t * (H - 50)

    line = " ".join(f"{px:.1f},{py:.1f}" for px, py in (at(n, v) for n, v in real.items()))
    parts = [f'<polyline points="{line}" fill="none" stroke="{colours["real"]}" stroke-width="1.5"/>']
    for arm, ns in means.items():
        if arm == "real":
            continue
        for n, v in ns.items():
            px, py = at(n, v)
            parts.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="{4.5 if arm == "chosen" else 3}" '
                         f'fill="{colours[arm]}" fill-opacity="0.85"/>')  # fmt: skip
    for n in (min(real), max(real)):
        px, _ = at(n, low)
        parts.append(f'<text x="{px:.1f}" y="{y0 + H - 14}" text-anchor="middle" fill="#666">{n:,}</text>')
    for v in (low, high):
        _, py = at(min(real), v)
        parts.append(f'<text x="{x0 + 26}" y="{py + 4:.1f}" text-anchor="end" fill="#666">{v:.2f}</text>')
    if title:
        parts.append(
            f'<text transform="translate({x0 - 20},{y0 + H / 2}) rotate(-90)" text-anchor="middle" '
            f'font-weight="bold">{escape(title)}</text>'
        )
    return "\n".join(parts)
