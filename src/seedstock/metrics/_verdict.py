"""The verdict over all scores: good enough to train on? private enough to share? what to watch?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from seedstock.core.results import Score
from seedstock.metrics._words import explain, shown

Answer = Literal["yes", "with care", "no"]
_WORST: dict[Answer, int] = {"yes": 0, "with care": 1, "no": 2}
PRIVACY = ("copy_rate", "nearest_share", "membership_auc", "membership_tpr")
FIDELITY = ("shape_error", "trend_error", "c2st", "detection_auc", "logistic_auc", "coverage", "precision")
WIDE = 0.1
"""Half an interval as wide as this says nothing about a privacy score between 0.5 and 0.6."""


@dataclass(frozen=True)
class Verdict:
    """What the scores say together.

    Attributes
    ----------
    train_on, share : {"yes", "with care", "no"}
        Whether the rows are good enough to train on, and private enough to share.
    sentence : str
        Both in one or two sentences, with what cannot be told.
    watch : tuple of str
        What fell short and what to do about it, the worst first.
    """

    train_on: Answer
    share: Answer
    sentence: str
    watch: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return {**asdict(self), "watch": list(self.watch)}


def verdict(scores: list[Score]) -> Verdict:
    """Judge by rules that are relative to the floors.

    Training: by the utility scores where there is a target, by shapes, trends and detection otherwise; either way
    a shape or trend error far above its floor is no basis to train on. Sharing: "no" where a privacy score is out of
    its bound beyond chance and by much, "with care" where it is out of bound, could not be measured, or its interval
    is too wide to tell.

    >>> verdict([]).train_on
    'with care'
    """
    by_name = {s.name: s for s in scores}
    if "forecast_error" in by_name:
        return _of_series(by_name)
    if "image_kernel_distance" in by_name:
        return _of_images(by_name, scores)
    training, trained_by = _train_on(by_name)
    sharing, unknown = _share(by_name)
    watch = [_watch(s) for s in sorted(scores, key=_shortfall, reverse=True) if s.ok is False]
    watch += [
        f"{explain(s)[0]} could not be measured: {s.details.get('why', 'unknown')}." for s in scores if s.ok is None
    ]
    sentence = f"{_TRAIN[training]}{trained_by}; {_SHARE[sharing]}{unknown}."
    return Verdict(training, sharing, sentence, tuple(watch))


def _of_images(by_name: dict[str, Score], scores: list[Score]) -> Verdict:
    """Judge images: by their distance as a set, and by whether training images came out again."""
    likeness = [s for n in ("image_kernel_distance", "image_coverage") if (s := by_name.get(n)) and s.ok is not None]
    training: Answer = "yes" if likeness and all(s.ok for s in likeness) else "with care"
    why = ", for lack of any measure (cannot tell)" if not likeness else ""
    short = [s for s in likeness if not s.ok]
    if short:
        why = f" ({explain(short[0])[0].lower()} fell short)"
    copies, near = by_name.get("image_copy_rate"), by_name.get("image_nearest_ratio")
    sharing: Answer = "yes"
    told = ""
    if copies is None or copies.ok is None or near is None or near.ok is None:
        sharing, told = "with care", ", because copies could not be told from likenesses"
    elif not copies.ok:
        sharing = "no" if copies.value > 5 * copies.good else "with care"
        told = f" ({copies.value:.3g} % of the drawn images are copies)"
    elif not near.ok:
        sharing, told = "with care", ", because drawn images lie closer to training images than new real ones do"
    said = "do not share it: training images came out again" if sharing == "no" else _SHARE[sharing]
    said = said.replace("training rows were", "training images were")
    watch = [_watch(s) for s in sorted(scores, key=_shortfall, reverse=True) if s.ok is False]
    watch += [
        f"{explain(s)[0]} could not be measured: {s.details.get('why', 'unknown')}." for s in scores if s.ok is None
    ]
    return Verdict(training, sharing, f"{_TRAIN[training]}{why}; {said}{told}.", tuple(watch))


def _of_series(by_name: dict[str, Score]) -> Verdict:
    """Judge series of a mechanistic model: by what they foresee, and whether they look like the real course."""
    error, covered, checks = (by_name.get(n) for n in ("forecast_error", "band_coverage", "course_checks"))
    known = [s for s in (error, covered, checks) if s is not None and s.ok is not None]
    parts: list[Answer] = ["yes" if s.ok else "with care" for s in known]
    why = ""
    if len(known) < 3:
        parts.append("with care")
        why = ", because not all could be measured"
    if error is not None and error.ok is False:
        why = ", because a statistical forecast foresees more"
        if covered is not None and covered.ok is False:
            parts.append("no")
            why = ", because what came after is neither foreseen nor inside the bands"
    elif checks is not None and checks.ok is False:
        why = ", because the real course is unlike the drawn ones"
    elif covered is not None and covered.ok is False:
        why = ", because the bands miss too much of what came after"
    training: Answer = max(parts, key=_WORST.__getitem__)
    watch = [_watch(s) for s in known if s.ok is False]
    sharing = "share it with care: the parameters of one real series stand in every drawn one"
    return Verdict(training, "with care", f"{_TRAIN[training]}{why}; {sharing}.", tuple(watch))


def with_mechanism(before: Verdict, mechanism: Mapping[str, Any]) -> Verdict:
    """Return a verdict that also hears what `seedstock.physics.explain` says of the model that drew the series."""
    if mechanism["verdict"] == "explains":
        return before
    training: Answer = max("with care", before.train_on, key=_WORST.__getitem__)
    sentence = f"The model {mechanism['name']} does not explain the data. {before.sentence}"
    if training != before.train_on:
        sentence = sentence.replace(_TRAIN[before.train_on], _TRAIN[training], 1)
    return Verdict(training, before.share, sentence, (f"The mechanism: {mechanism['why']}.", *before.watch))


_TRAIN: dict[Answer, str] = {
    "yes": "Good enough to train on",
    "with care": "Train on it with care",
    "no": "Not good enough to train on",
}
_SHARE: dict[Answer, str] = {
    "yes": "no sign that training rows were remembered",
    "with care": "share it with care",
    "no": "do not share it: training rows were remembered",
}


def _train_on(by_name: dict[str, Score]) -> tuple[Answer, str]:
    utility = [s for n, s in by_name.items() if n.startswith("utility_") and not np.isnan(s.value)]
    fidelity = [by_name[n] for n in FIDELITY if n in by_name and not np.isnan(by_name[n].value)]
    if not utility and not fidelity:
        return "with care", ", for lack of any measure (cannot tell)"
    parts: list[Answer] = [_broken(s) for s in fidelity if s.name in ("shape_error", "trend_error")]
    if utility:
        parts += [_useful(s) for s in utility]
        worst = max(utility, key=_loss)
        why = f" ({explain(worst)[0].split(': ')[1]} {worst.value:.3g}, real rows give {worst.floor:.3g})"
        unsure = [s for s in utility if s.name.endswith("auc") and _half(s) > WIDE]
        if unsure:
            parts.append("with care")
            why += ", though the holdout is too small to tell for sure"
    else:
        short = [s for s in fidelity if s.ok is False]
        parts.append("yes" if not short else "with care")
        why = "" if not short else f" ({explain(short[0])[0].lower()} fell short)"
        if min((s.n for s in fidelity), default=0) < 100:
            parts.append("with care")
            why += ", though there are too few rows to tell for sure"
    if not _alike(by_name):
        parts.append("with care")
        why += ", though train and holdout are not alike"
    return max(parts, key=_WORST.__getitem__), why


def _useful(s: Score) -> Answer:
    """Judge one utility score by the part of the real rows' gain over chance that is lost."""
    if s.ok:
        return "yes"
    return "no" if _loss(s) > 0.3 else "with care"


def _loss(s: Score) -> float:
    if s.better == "low":
        return float(s.value / s.floor - 1) if s.floor > 0 else float(s.value > 0)
    chance = 0.5 if s.name.endswith("auc") else 0.0
    gain = s.floor - chance
    # Where real rows teach nothing there is nothing to lose.
    return float((s.floor - s.value) / gain) if gain > 0.05 else 0.0


def _broken(s: Score) -> Answer:
    if s.ok:
        return "yes"
    return "no" if s.value > s.good + (15.0 if s.name == "shape_error" else 20.0) else "with care"


def _share(by_name: dict[str, Score]) -> tuple[Answer, str]:
    measured = {n: by_name[n] for n in PRIVACY if n in by_name and not np.isnan(by_name[n].value)}
    if not _alike(by_name):
        # Against a holdout of another population, only exact copies still mean what they say.
        copies = measured.get("copy_rate")
        answer = max("with care", _remembered(copies), key=_WORST.__getitem__) if copies else "with care"
        return answer, ", because train and holdout are not alike and privacy cannot be told from them"
    answer = max((_remembered(s) for s in measured.values()), key=_WORST.__getitem__, default="yes")
    wide = any(_half(measured[n]) > WIDE for n in ("nearest_share", "membership_auc") if n in measured)
    if answer != "no" and (wide or len(measured) < len(PRIVACY)):
        return "with care", ", because there are too few rows to tell"
    return answer, ""


def _remembered(s: Score) -> Answer:
    """Judge one privacy score: "no" where it is out of its bound beyond chance and by much."""
    if s.value <= s.good:
        return "yes"
    much = {"copy_rate": 2 * s.good + 1, "nearest_share": 0.56, "membership_auc": 0.6, "membership_tpr": 0.1}[s.name]
    low = s.interval[0] if s.interval else s.value
    return "no" if low > s.good and s.value > much else "with care"


def _alike(by_name: dict[str, Score]) -> bool:
    """Tell whether train and holdout look like samples of one population, by the floors that compare them."""
    near, told = by_name.get("nearest_share"), by_name.get("detection_auc")
    low, high = near.details.get("floor_interval", (0.5, 0.5)) if near is not None else (0.5, 0.5)
    if not low - 0.05 <= 0.5 <= high + 0.05:
        return False
    return told is None or np.isnan(told.floor) or told.floor <= told.good + 0.05


def _half(s: Score) -> float:
    return 0.0 if s.interval is None else (s.interval[1] - s.interval[0]) / 2


def _shortfall(s: Score) -> float:
    if np.isnan(s.value) or not np.isfinite(s.good):
        return 0.0
    distance = abs(s.value - 0.5) - abs(s.good - 0.5) if s.better == "half" else abs(s.value - s.good)
    # Privacy first: what is shared cannot be called back.
    return distance / max(abs(s.good), 0.05) + (100.0 if s.name in PRIVACY else 0.0)


def _watch(s: Score) -> str:
    title, _, advice = explain(s)
    return f"{title}: {shown(s.name, s.value)} (should be {_bound(s)}, real data: {shown(s.name, s.floor)}). {advice}"


def _bound(s: Score) -> str:
    if s.better == "half":
        return f"within {s.good - 0.5:.2g} of 0.5"
    return f"{'at most' if s.better == 'low' else 'at least'} {shown(s.name, s.good)}"
