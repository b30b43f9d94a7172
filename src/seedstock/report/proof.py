"""`page`: a proof as one HTML page: the answer in words, learning curves, and every number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from seedstock.report.text import shown

WIDTH, HEIGHT = 520, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 16, 14, 40
_HERE = Path(__file__).parent
_PLAIN = ("duplication", "smote")
_MOST_CLASSES = 12
_TONES = {"helps": "good", "neutral": "care", "hurts": "bad"}
_WORDS = {"linear": "Linear model", "tree": "Small tree", "boosting": "Gradient boosting", "net": "Small neural net"}


def page(facts: Mapping[str, Any], name: str) -> str:
    """Return a proof's JSON values as one HTML document without any outside reference or script.

    Parameters
    ----------
    facts : mapping
        What `seedstock.proof.summary.Proof.to_json` gives.
    name : str
        What the data are called.
    """
    learners = list(facts["gap_closed"])
    html: str = _template().render(
        css=Markup((_HERE / "assets" / "style.css").read_text("utf-8")),
        name=shown(name, 80),
        facts=facts,
        tone=_TONES[facts["advice"]],
        target=shown(facts["target"], 60),
        charts=[
            {
                "title": _WORDS[learner],
                "svg": Markup(curve(facts, learner)),
                "closed": facts["gap_closed"][learner],
                "interval": facts["gap_closed_interval"][learner],
                "equal": [e for e in facts["real_equivalents"] if e["learner"] == learner],
            }
            for learner in learners
        ],
        arms=[a for a in facts["arms"] if a["n_real"] in {e["n_real"] for e in facts["real_equivalents"]}],
        classes=_classes(facts),
        words=_WORDS,
    )
    return html


def _classes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each class's scores at the most few rows, alone and as chosen, the rarest of many classes."""
    few = max(e["n_real"] for e in facts["real_equivalents"])
    at = {(a["learner"], a["name"]): a["details"].get("classes", {}) for a in facts["arms"] if a["n_real"] == few}
    return [
        {
            "learner": learner,
            "name": shown(name, 40),
            "few": few,
            "scores": [at[learner, arm][name][key] for key in ("auc", "recall") for arm in ("real", "chosen")],
        }
        for learner in facts["gap_closed"]
        for name in list(at[learner, "real"])[-_MOST_CLASSES:]
    ]


def curve(facts: Mapping[str, Any], learner: str) -> str:
    """Return the learning curve of one learner as SVG: real rows alone, and what is set beside few of them."""
    arms = [a for a in facts["arms"] if a["learner"] == learner]
    real = [a for a in arms if a["name"] == "real"]
    few = sorted({e["n_real"] for e in facts["real_equivalents"]})
    x = _axis(np.log([a["n_real"] for a in real]), _LEFT + 10, WIDTH - _RIGHT)
    values = [a["score"] for a in arms if a["score"] == a["score"]]
    low, high = min(values), max(values)
    margin = 0.08 * (high - low or 1.0)
    y = _axis(np.array([low - margin, high + margin]), HEIGHT - _BOTTOM, _TOP)
    out = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="curve"><title>{facts["measure"]} of {learner}</title>'
    ]
    for tick in _ticks(low, high):
        at = y(tick)
        out.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        out.append(f'<text class="tick" x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tick:.3g}</text>')
    last = -1e9
    for a in real:
        at = x(np.log(a["n_real"]))
        if at - last > 38:
            out.append(
                f'<text class="tick" x="{at:.1f}" y="{HEIGHT - 18}" text-anchor="middle">{_short(a["n_real"])}</text>'
            )
            last = at
    out.append(f'<text class="tick" x="{WIDTH - _RIGHT}" y="{HEIGHT - 4}" text-anchor="end">real rows</text>')
    upper = [
        f"{x(np.log(a['n_real'])):.1f},{y(_within(a['interval'][1], low - margin, high + margin)):.1f}" for a in real
    ]
    lower = [
        f"{x(np.log(a['n_real'])):.1f},{y(_within(a['interval'][0], low - margin, high + margin)):.1f}" for a in real
    ]
    out.append(f'<polygon class="band" points="{" ".join(upper + lower[::-1])}"/>')
    line = " ".join(f"{x(np.log(a['n_real'])):.1f},{y(a['score']):.1f}" for a in real)
    out.append(f'<polyline class="real" points="{line}"/>')
    for e in facts["real_equivalents"]:
        score = next((a["score"] for a in arms if (a["name"], a["n_real"]) == ("chosen", e["n_real"])), None)
        if e["learner"] == learner and score is not None and e["rows"] != e["n_real"]:
            ends = " ".join(f'x{k}="{x(np.log(n)):.1f}"' for k, n in ((1, e["n_real"]), (2, e["rows"])))
            out.append(f'<line class="worth" {ends} y1="{y(score):.1f}" y2="{y(score):.1f}"/>')
    for a in arms:
        if a["n_real"] not in few or a["name"] == "real":
            continue
        kind = "chosen" if a["name"] == "chosen" else "plain" if a["name"] in _PLAIN else "other"
        at, up = x(np.log(a["n_real"])), y(a["score"])
        label = f"{a['name']}, {a['n_real']:,} real rows: {a['score']:.3f}"
        mark = f'<circle class="{kind}" cx="{at:.1f}" cy="{up:.1f}" r="{6 if kind == "chosen" else 3.2}">'
        out.append(f"{mark}<title>{_escaped(label)}</title></circle>")
    return "".join(out) + "</svg>"


def _axis(values: Any, start: float, end: float) -> Any:
    low, high = float(np.min(values)), float(np.max(values))
    span = high - low or 1.0
    return lambda v: start + (float(v) - low) / span * (end - start)


def _ticks(low: float, high: float) -> list[float]:
    step = 10 ** np.floor(np.log10(max(high - low, 1e-6)))
    step = next(s for s in (step / 5, step / 2, step, 2 * step) if (high - low) / s <= 6)
    return [float(v) for v in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _short(n: int) -> str:
    return f"{n / 1000:g}k" if n >= 1_000 else str(n)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("proof.html")
