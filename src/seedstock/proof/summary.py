"""What a proof says: arms with intervals, the share of the gap closed, the real equivalent, and one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from seedstock.core.rng import Rng
from seedstock.proof.curve import gap_closed, real_equivalent
from seedstock.proof.proof import CHOSEN, TIMES, Measured
from seedstock.proof.trial import REAL

Advice = Literal["helps", "neutral", "hurts"]
_SURE = 0.05
"""Chance, at most, of calling a gain or a loss that is none."""


@dataclass(frozen=True, eq=False)
class Proof:
    """The outcome of `prove`.

    Attributes
    ----------
    measured : Measured
    arms : tuple of dict
        ``name``, ``learner``, ``n_real``, ``score`` (mean over seeds), ``interval`` (95 %, of the mean), and
        ``details`` (calibration and per-class scores, means over seeds).
    gap_closed, gap_interval : dict
        Learner -> share of the gap between few and ten times as many real rows that the chosen setting closes.
    equivalents : tuple of dict
        ``learner``, ``n_real``, ``rows``, ``interval``: real rows alone that are as good.
    advice : {"helps", "neutral", "hurts"}
    sentence, why : str
    """

    measured: Measured
    arms: tuple[dict[str, Any], ...]
    gap_closed: dict[str, float | None]
    gap_interval: dict[str, tuple[float, float] | None]
    equivalents: tuple[dict[str, Any], ...]
    advice: Advice
    sentence: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return the proof as JSON values."""
        m = self.measured
        headline = {e["learner"]: e["rows"] for e in self.equivalents if e["n_real"] == m.few[-1]}
        return {
            "target": m.target.name,
            "measure": m.measure,
            "arms": [dict(a) for a in self.arms],
            "gap_closed": self.gap_closed,
            "gap_closed_interval": {k: None if v is None else list(v) for k, v in self.gap_interval.items()},
            "real_equivalent": headline,
            "real_equivalents": [dict(e) for e in self.equivalents],
            "advice": self.advice,
            "why": self.why,
            "sentence": self.sentence,
            "chosen": [{"learner": a, "n_real": n, "seed": s, "arm": arm} for (a, n, s), arm in m.chosen.items()],
            "rows": {"pool": m.n_pool, "test": m.n_test},
            "seeds": m.seeds,
            "seconds": round(m.seconds, 1),
            "notes": list(m.notes),
        }


def summarise(m: Measured, rng: Rng) -> Proof:
    """Return what was measured as arms, shares, equivalents and words."""
    learners = list(dict.fromkeys(r.learner for r in m.results))
    names = list(dict.fromkeys(r.arm for r in m.results))
    arms = tuple(
        _arm(m, name, learner, n)
        for learner in learners
        for n in m.sizes
        for name in names
        if len(m.scores(name, learner, n))
    )
    closed: dict[str, float | None] = {}
    interval: dict[str, tuple[float, float] | None] = {}
    for learner in learners:
        share, ends = _gap(m, learner, CHOSEN, rng.child("gap", learner))
        closed[learner] = None if np.isnan(share) else round(share, 4)
        interval[learner] = None if np.isnan(share) else (round(ends[0], 4), round(ends[1], 4))
    equivalents = tuple(
        _equivalent(m, learner, n, rng.child("equal", learner, n)) for learner in learners for n in m.few
    )
    advice, gains = _advice(m, learners, names)
    return Proof(
        m, arms, closed, interval, equivalents, advice, _sentence(m, equivalents, closed, advice), _why(m, gains)
    )


def _arm(m: Measured, name: str, learner: str, n: int) -> dict[str, Any]:
    x = m.scores(name, learner, n)
    same = [r.details for r in m.results if (r.arm, r.learner, r.n) == (name, learner, n)]
    low, high = _interval(x)
    return {
        "name": name,
        "learner": learner,
        "n_real": n,
        "score": round(float(np.nanmean(x)), 5),
        "interval": [round(low, 5), round(high, 5)],
        "details": _mean(same),
    }


def _interval(x: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % interval of a mean of few values (Student)."""
    if len(x) < 2:
        return float(x.mean()), float(x.mean())
    half = float(student.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return float(x.mean()) - half, float(x.mean()) + half


def _mean(same: list[Any]) -> Any:
    first = same[0]
    if isinstance(first, dict):
        return {k: _mean([s[k] for s in same]) for k in first}
    known = [s for s in same if s is not None]
    return round(float(np.mean(known)), 5) if known else None


def _many(m: Measured, n: int) -> int:
    return min(TIMES * n, m.n_pool)


def _gap(m: Measured, learner: str, arm: str, rng: Rng) -> tuple[float, tuple[float, float]]:
    sides = [
        (m.scores(REAL, learner, n), m.scores(arm, learner, n), m.scores(REAL, learner, _many(m, n))) for n in m.few
    ]
    real, made, many = (np.concatenate(s) for s in zip(*sides, strict=True))
    return gap_closed(real, made, many, rng)


def _equivalent(m: Measured, learner: str, n: int, rng: Rng) -> dict[str, Any]:
    curve = {size: m.scores(REAL, learner, size) for size in m.sizes}
    gain = m.scores(CHOSEN, learner, n) - curve[n]
    g = rng.generator()
    k = len(gain)
    rows = []
    for _ in range(200):
        pick = g.integers(k, size=k)
        rows.append(real_equivalent({s: x[pick] for s, x in curve.items()}, n, float(gain[pick].mean())))
    low, high = np.quantile(rows, [0.05, 0.95])
    value = real_equivalent(curve, n, float(gain.mean()))
    return {
        "learner": learner,
        "n_real": n,
        "rows": round(value),
        "interval": [round(float(low)), round(float(high))],
        "at_most_measured": value >= max(m.sizes) * 0.999,
    }


def _advice(m: Measured, learners: list[str], names: list[str]) -> tuple[Advice, dict[str, float]]:
    """Say whether synthesis helps: the paired gains of all runs, and for each arm its mean gain."""
    gains: dict[str, list[float]] = {}
    by_seed: dict[str, NDArray[np.float64]] = {}
    for name in names:
        if name == REAL:
            continue
        per_run = [
            m.scores(name, a, n) - m.scores(REAL, a, n) for a in learners for n in m.few if len(m.scores(name, a, n))
        ]
        gains[name] = [float(g.mean()) for g in per_run]
        # Learners and sizes share their rows within a seed: seeds are the independent repeats.
        by_seed[name] = np.mean(per_run, axis=0)
    means = {name: float(np.mean(g)) for name, g in gains.items()}
    low, high = _interval(by_seed[CHOSEN])
    if low > 0:
        return "helps", means
    others = [_interval(g)[1] for name, g in by_seed.items() if name not in (CHOSEN, *m.compared)]
    if high < 0 or (means[CHOSEN] <= 0 and others and max(others) < 0):
        return "hurts", means
    return "neutral", means


def _sentence(
    m: Measured, equivalents: tuple[dict[str, Any], ...], closed: dict[str, float | None], advice: Advice
) -> str:
    worth = {e["learner"]: e for e in equivalents if e["n_real"] == m.few[-1]}
    gaps = {a: float((m.scores(REAL, a, _many(m, m.few[-1])) - m.scores(REAL, a, m.few[-1])).mean()) for a in worth}
    learner = max(gaps, key=gaps.__getitem__)  # where more real rows help most, the answer says most
    if "boosting" in worth and (closed["boosting"] or 0) > 0:
        learner = "boosting"
    e = worth[learner]
    n = e["n_real"]
    if advice == "hurts":
        return f"{n:,} real rows with synthetic ones train worse than the {n:,} real rows alone: do not add any."
    beyond = " or more" if e["at_most_measured"] else ""
    told = "" if advice == "helps" else f", no difference that {m.seeds} subsets can tell"
    return (
        f"{n:,} real rows + synthetic train {learner} like {e['rows']:,}{beyond} real rows "
        f"(90 % interval {e['interval'][0]:,} to {e['interval'][1]:,}){told}."
    )


def _why(m: Measured, gains: dict[str, float]) -> str:
    shown = sorted(((name, g) for name, g in gains.items() if name != CHOSEN), key=lambda x: -x[1])
    zero = np.mean([arm == REAL for arm in m.chosen.values()])
    parts = ", ".join(f"{name} {g:+.3f}" for name, g in shown)
    text = (
        f"Mean gain in {m.measure} over few real rows alone: {parts}; chosen by cross-validation {gains[CHOSEN]:+.3f}"
    )
    if zero > 0:
        text += f" (no synthetic rows in {zero:.0%} of the runs)"
    return text + "."
