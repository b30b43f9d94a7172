"""What the rare protocol says: arms with intervals, and whether synthesis beats class weights and duplication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from seedstock.proof.rare import CLASSIFIERS, DUPLICATION, NOTHING, WEIGHTS, RareResult

BASELINES = (NOTHING, WEIGHTS, DUPLICATION, "smote")
MEASURE = "average_precision"


def summarise_rare(results: Sequence[RareResult], facts: Mapping[str, Any], value: str) -> dict[str, Any]:
    """Return the outcome as JSON values.

    ``arms`` has means over seeds with 95 % intervals; ``beats`` says for each generator, classifier and number of
    examples the paired difference in average precision to the better of class weights and duplication, with its 95 %
    interval, and ``wins`` where the interval lies above 0.
    """
    names = list(dict.fromkeys(r.arm for r in results))
    cells = [(learner, k) for learner in CLASSIFIERS for k in facts["examples"]]
    arms = [
        {
            "name": name,
            "learner": learner,
            "n_rare": k,
            **{s: _mean(_values(results, name, learner, k, s)) for s in results[0].scores},
            "interval": list(_interval(_values(results, name, learner, k, MEASURE))),
        }
        for learner, k in cells
        for name in names
    ]
    beats = []
    for name in (n for n in names if n not in BASELINES):
        for learner, k in cells:
            made = _values(results, name, learner, k, MEASURE)
            rivals = [_values(results, rival, learner, k, MEASURE) for rival in (WEIGHTS, DUPLICATION)]
            better = max(rivals, key=lambda x: float(x.mean()))
            low, high = _interval(made - better)
            gain = round(float((made - better).mean()), 5)
            verdict = "wins" if low > 0 else "loses" if high < 0 else "draw"
            row = {"name": name, "learner": learner, "n_rare": k, "gain": gain, "interval": [low, high]}
            beats.append({**row, "verdict": verdict})
    return {"rare": value, "measure": MEASURE, "arms": arms, "beats": beats, "sentence": _sentence(beats), **facts}


def _values(results: Sequence[RareResult], arm: str, learner: str, k: int, score: str) -> NDArray[np.float64]:
    found = {r.seed: r.scores[score] for r in results if (r.arm, r.learner, r.examples) == (arm, learner, k)}
    return np.array([np.nan if found[s] is None else found[s] for s in sorted(found)], float)


def _mean(x: NDArray[np.float64]) -> float | None:
    known = x[~np.isnan(x)]
    return round(float(known.mean()), 5) if len(known) else None


def _interval(x: NDArray[np.float64]) -> tuple[float, float]:
    half = float(student.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return round(float(x.mean()) - half, 5), round(float(x.mean()) + half, 5)


def _sentence(beats: Sequence[Mapping[str, Any]]) -> str:
    parts = []
    for name in dict.fromkeys(b["name"] for b in beats):
        own = [b["verdict"] for b in beats if b["name"] == name]
        counts = ", ".join(f"{own.count(v)} {w}" for v, w in (("wins", "won"), ("draw", "drawn"), ("loses", "lost")))
        parts.append(f"{name} against the better of class weights and duplication: {counts}")
    return "; ".join(parts) + "."
