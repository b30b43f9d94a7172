"""A quick trial: will synthetic rows beside the real ones help a model, and which, before anybody trains one?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from seedstock.core.rng import Rng
from seedstock.core.table import Dataset
from seedstock.proof.arms import TAUGHT, UNLABELLED, taught
from seedstock.proof.proof import LEAST, nested_order
from seedstock.proof.task import Target
from seedstock.proof.trial import Trial, try_settings
from seedstock.proof.unlabelled import blank

Advice = Literal["helps", "neutral", "hurts"]
ROWS, DRAWN = 600, 500
LEARNERS = ("linear", "boosting")
_SURE = 2.0
"""Standard errors from which a gain or a loss is said."""


@dataclass(frozen=True, eq=False)
class Gate:
    """What a quick trial says.

    Attributes
    ----------
    advice : {"helps", "neutral", "hurts"}
        Whether rows of the generator, set beside the real ones, lower the held-out loss of either learner and raise its
        score, both by two standard errors, and beyond what is foretold without looking at any column.
    rows : int
        Real rows of the trial.
    gains : mapping
        Learner -> arm -> (gain in held-out loss, its standard error).
    sentence : str
    """

    advice: Advice
    rows: int
    gains: Mapping[str, Mapping[str, tuple[float, float]]]
    sentence: str


def quick_trial(train: Dataset, generator: Any, name: str, rng: Rng) -> Gate | None:
    """Try a generator's rows beside at most 600 real ones; None where there is nothing to predict or too little.

    By cross-validation among these rows alone: in each fold the generator learns the fold's training rows only, and its
    rows are tried with their own labels and with a teacher's. Real rows without a known target are tried with a
    teacher's labels too.
    """
    target = Target.of(train)
    known = target.known(train)
    data = train.take(known)
    if len(data.table) < LEAST:
        return None
    some = data.take(np.sort(nested_order(data, target, rng.child("order"))[:ROWS]))
    if not target.is_number and (target.values(some).sum(0) > 1).sum() < 2:
        return None
    with threadpool_limits(1):
        others = blank(train.take(~known), target)
        trial = try_settings(some, target, {name: generator}, LEARNERS, DRAWN, rng.child("trial"), others)
    gains = {learner: trial.gains(learner) for learner in LEARNERS}
    z = {(learner, arm): _sure_of(trial, learner, arm) for learner, own in gains.items() for arm in own}
    best, plain = max(z.values(), default=0.0), [v for (_, arm), v in z.items() if not arm.endswith(TAUGHT)]
    advice: Advice = "helps" if best > _SURE else "hurts" if plain and max(plain) < -_SURE else "neutral"
    return Gate(advice, len(some.table), gains, _sentence(advice, z, len(some.table), len(data.table)))


def _sure_of(trial: Trial, learner: str, arm: str) -> float:
    """Return the standard errors by which loss and score are both better, or both worse; 0 where they disagree.

    On pure noise a teacher calms an unsteady learner: its loss falls, and it knows no more than before. So what is
    better must also be better than foretelling blindly.
    """
    z = [g / e if e > 0 else 0.0 for g, e in (trial.gains(learner)[arm], trial.rise(learner, arm))]
    gain, error = trial.sight(learner, arm)
    if min(z) > 0:
        return min(*z, gain / error) if gain > 0 < error else 0.0
    return max(z) if max(z) < 0 else 0.0


def _sentence(advice: Advice, z: Mapping[tuple[str, str], float], rows: int, whole: int) -> str:
    of = f"{rows:,} real rows" if rows == whole else f"{rows:,} of the {whole:,} real rows"
    learner, arm = max(z, key=z.__getitem__)
    if advice == "helps":
        rows_of = "synthetic rows with their own labels"
        if arm.endswith(TAUGHT):
            rows_of = "synthetic rows labelled by a teacher"
        if arm == taught(UNLABELLED):
            rows_of = "real rows without a target, labelled by a teacher,"
        sure = f"(by {z[learner, arm]:.1f} standard errors)"
        text = f"Beside {of}, {rows_of} make a {learner} model better {sure}"
    elif advice == "hurts":
        text = f"Beside {of}, synthetic rows with their own labels make models worse: do not mix them"
    else:
        text = f"Beside {of}, synthetic rows make no difference that a quick trial can tell"
    return f"{text}; `seedstock prove` measures it."
