"""What the suite says: the share of the gap closed by each arm, over all tables, and where an arm loses."""

from __future__ import annotations

from typing import Any

import numpy as np

from seedstock.core.rng import Rng
from seedstock.proof.curve import gap_closed

LEARNERS = ("linear", "tree", "boosting", "net")
BARS = {"linear": 0.5, "tree": 0.5, "boosting": 0.15}
"""Share of the gap to ten times as many rows; either of the two simple learners."""
CHOSEN, REAL = "chosen", "real"
MIN_GAP = 0.005
"""A gap below this between few and many rows leaves nothing to close; its share is not averaged."""


def runs(found: dict[str, Any], learner: str, arm: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores of few real rows, of the arm and of many real rows, for all pairs of (n, seed) that have all."""
    scores = {(a, n, s): v for a, name, n, s, v in found["scores"] if name == learner}
    out = []
    for a, n, s in scores:
        many = (REAL, min(10 * n, found["pool"]), s)
        if a == arm and (REAL, n, s) in scores and many in scores and n in found["few"]:
            out.append((scores[REAL, n, s], scores[arm, n, s], scores[many]))
    return tuple(np.array(out).reshape(-1, 3).T)  # type: ignore[return-value]


def arms(whole: dict[str, Any]) -> list[str]:
    """Return the names of all arms but the real rows alone, ours last."""
    names = dict.fromkeys(row[0] for t in whole["tables"].values() for row in t["scores"])
    return [a for a in names if a not in (REAL, CHOSEN)] + [CHOSEN]


def summary(whole: dict[str, Any]) -> dict[str, Any]:
    """Return for each learner and arm the gap closed with its 90 % interval, and each table's gain."""
    out: dict[str, Any] = {}
    for learner in LEARNERS:
        for arm in arms(whole):
            parts = {name: runs(t, learner, arm) for name, t in whole["tables"].items()}
            parts = {name: p for name, p in parts.items() if len(p[0])}
            share, ends = gap_closed(*(np.concatenate([p[k] for p in parts.values()]) for k in range(3)), Rng(0))
            gains = {name: p[1] - p[0] for name, p in parts.items()}
            each = {name: _share(p) for name, p in parts.items()}
            known = [v for v in each.values() if v is not None]
            out.setdefault(learner, {})[arm] = {
                "gap_closed": round(share, 4),
                "interval": [round(e, 4) for e in ends],
                "mean_of_tables": round(float(np.mean(known)), 4) if known else None,
                "tables": {
                    name: {"gain": round(float(g.mean()), 5), "se": round(_se(g), 5), "gap_closed": each[name]}
                    for name, g in gains.items()
                },
                "losses_beyond_one_se": [name for name, g in gains.items() if g.mean() < -_se(g)],
            }
    return out


def _se(x: np.ndarray) -> float:
    return float(x.std(ddof=1) / np.sqrt(len(x))) if len(x) > 1 else float("inf")


def _share(p: tuple[np.ndarray, ...]) -> float | None:
    gap = float((p[2] - p[0]).mean())
    return round(float(np.clip((p[1] - p[0]).mean() / gap, -2, 2)), 4) if gap > MIN_GAP else None


def markdown(whole: dict[str, Any]) -> str:
    """Return the table: arms by learners, then each table's share under the chosen setting."""
    s = whole["summary"]
    lines = ["| arm | " + " | ".join(LEARNERS) + " | tables worse by more than one standard error |", "|---" * 6 + "|"]
    for arm in arms(whole):
        cells = [f"{s[k][arm]['gap_closed']:.0%} ({s[k][arm]['interval'][0]:.0%} .. {s[k][arm]['interval'][1]:.0%})"
                 for k in LEARNERS]  # fmt: skip
        worse = sum(len(s[k][arm]["losses_beyond_one_se"]) for k in LEARNERS)
        lines.append(f"| {arm} | " + " | ".join(cells) + f" | {worse} of {len(LEARNERS) * len(whole['tables'])} |")
    lines += ["", "| table | " + " | ".join(LEARNERS) + " |", "|---" * 5 + "|"]
    for name in whole["tables"]:
        cells = []
        for k in LEARNERS:
            t = s[k][CHOSEN]["tables"][name]
            share = "no gap" if t["gap_closed"] is None else f"{t['gap_closed']:.0%}"
            cells.append(f"{share} ({t['gain']:+.3f} ± {t['se']:.3f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
