"""Which setting is best for few real rows: found by cross-validation among them, no extra rows at all allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedstock.core.rng import Rng
from seedstock.core.table import Dataset, Table
from seedstock.proof.arms import TAUGHT, Extra, extras
from seedstock.proof.folds import folds
from seedstock.proof.learners import GRIDS, Learner
from seedstock.proof.scores import mean_rise, placements
from seedstock.proof.task import Design, Target

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
REAL = "real"
WEIGHTS = (1.0, 5.0)
"""Weight of all extra rows together, in units of all real ones together."""
TRUSTED = 5.0
"""The same for rows of a mechanism: the noise of few real rows weighs little beside them."""
DOUBT: Mapping[str, float] = {"linear": 2.5, "tree": 1.0, "boosting": 1.0, "net": 2.5}
"""Standard errors by which extra rows must lower the held-out loss.

One for learners that few rows leave unsteady (the rule of Breiman et al. 1984, section 3.4.3). Smooth ones have little
to gain from a teacher, so that what looks like a gain is luck more often: 5 %, shared by about eight tried settings.
"""
SMOOTH = ("linear", "net")
"""Learners whose score must rise too: better calibrated probabilities lower the loss even of one that ranks worse."""
REFUTED = 2.0
"""Standard errors by which rows of a mechanism must be worse than none before they are doubted: 5 %, two-sided."""
MANY = 500
"""Real rows from which on one split replaces the folds."""
FOLDS = 4
RICH = 2
"""Settings of a learner, from the end of its grid, that are tried with extra rows."""


@dataclass(frozen=True)
class Setting:
    """One way to learn: a learner's settings, what is set beside the real rows, and with what weight."""

    arm: str
    weight: float
    settings: tuple[tuple[str, Any], ...]

    def fit(self, name: str, train: Dataset, target: Target, extra: Extra | None, seed: int) -> Any:
        """Return a function from rows to predictions, learned from the real rows and the extra ones."""
        rows, Y, w = train, target.values(train), np.ones(len(train.table))
        if extra is not None:
            rows = train.with_table(Table.concat([train.table, extra.rows.table]))
            share = self.weight * len(w) / len(extra.labels)
            Y, w = np.concatenate([Y, extra.labels]), np.concatenate([w, np.full(len(extra.labels), share)])
        learner = Learner(name, dict(self.settings), target.is_number, seed)
        design = Design.of(rows, target.name)
        features = design.scaled if learner.scaled else design.ordinal
        fitted = learner.fit(features(rows), Y, w)
        return lambda new: fitted.predict(features(new))


@dataclass(frozen=True, eq=False)
class Trial:
    """What cross-validation says of every arm.

    Attributes
    ----------
    best : dict of (learner, arm) to Setting
    losses : dict of (learner, arm) to ndarray, shape (t,)
        Held-out loss of each tried row: minus the log probability of its class, or the squared error in units of the
        target's variance.
    ranks : dict of (learner, arm) to ndarray, shape (t,)
        How each tried row is placed among those of other classes (of numbers: minus the loss).
    classes : ndarray, shape (t,)
        Their classes; -1 of numbers.
    blind : ndarray, shape (t,)
        Their loss where the classes' shares, or the mean, are foretold and no column is looked at.
    trusted : frozenset of str
        Arms of generators that know a mechanism.
    """

    best: dict[tuple[str, str], Setting]
    losses: dict[tuple[str, str], Vector]
    ranks: dict[tuple[str, str], Vector]
    classes: NDArray[np.int64]
    blind: Vector
    trusted: frozenset[str] = frozenset()

    def gains(self, learner: str, over: str = REAL) -> dict[str, tuple[float, float]]:
        """Return by how much each other arm lowers the loss on held-out rows, and the standard error of that."""
        base = self.losses[learner, over]
        gains = {arm: base - loss for (name, arm), loss in self.losses.items() if name == learner and arm != over}
        return {arm: (float(g.mean()), float(g.std() / np.sqrt(len(g)))) for arm, g in gains.items()}

    def rise(self, learner: str, arm: str, over: str = REAL) -> tuple[float, float]:
        """Return by how much the held-out score is higher than another arm's, and the standard error of that."""
        d = self.ranks[learner, arm] - self.ranks[learner, over]
        if (self.classes < 0).all():
            return float(d.mean()), float(d.std() / np.sqrt(len(d)))
        return mean_rise(d, self.classes)

    def sight(self, learner: str, arm: str) -> tuple[float, float]:
        """Return by how much an arm's loss is below that of foretelling blindly, and the standard error of that."""
        d = self.blind - self.losses[learner, arm]
        return float(d.mean()), float(d.std() / np.sqrt(len(d)))

    def chosen(self, learner: str) -> Setting:
        """Return the setting with the least held-out loss; extra rows only where their gain exceeds its doubt.

        Of a smooth learner the score must rise too, by its standard error. Rows of a mechanism have the
        benefit of the doubt: where they are not worse than none by two standard errors, they take the place of the real
        rows alone, and the others must be better than they.
        """
        gains = self.gains(learner)
        believed = {a: gains[a][0] for a in gains if a in self.trusted and gains[a][0] > -REFUTED * gains[a][1]}
        base = max(believed, key=believed.__getitem__, default=REAL)
        over = {a: gain for a, gain in self.gains(learner, base).items() if a not in (REAL, *self.trusted)}
        better = {a: gain for a, (gain, error) in over.items() if self._sure(learner, a, base, gain, error)}
        return self.best[learner, max(better, key=better.__getitem__, default=base)]

    def _sure(self, learner: str, arm: str, base: str, gain: float, error: float) -> bool:
        risen, doubt = self.rise(learner, arm, base) if learner in SMOOTH else (0.0, 0.0)
        return gain > DOUBT[learner] * error and risen >= doubt


def try_settings(
    train: Dataset,
    target: Target,
    generators: Mapping[str, Any],
    learners: Sequence[str],
    m: int,
    rng: Rng,
    unlabelled: Dataset | None = None,
) -> Trial:
    """Try the settings of all learners and arms on held-out parts of the real rows.

    In each fold generators and teacher know the fold's training rows only. Duplication and SMOTE are not tried: they
    are baselines, and take the settings that are best for the real rows alone.
    """
    trusted = frozenset(name for name, generator in generators.items() if getattr(generator, "mechanism", False))
    Y = target.values(train)
    losses: dict[tuple[str, str], dict[Setting, list[Vector]]] = {}
    ranks: dict[tuple[str, Setting], list[Vector]] = {}
    classes: list[NDArray[np.int64]] = []
    blind: list[Vector] = []
    for j, (known, tested) in enumerate(_splits(Y, target, rng)):
        part, held = train.take(known), train.take(tested)
        extra = extras(part, target, generators, m, rng.child("fold", j), unlabelled) if generators else {}
        variance = float(Y[known].var()) if target.is_number else 1.0
        shares = np.repeat(Y[known].mean(0, keepdims=True), len(tested), 0)
        blind.append(row_losses(shares, Y[tested], target, variance))
        classes.append(np.full(len(tested), -1) if target.is_number else Y[tested].argmax(1))
        for learner in learners:
            for setting in settings_of(learner, list(extra), trusted):
                predict = setting.fit(learner, part, target, extra.get(setting.arm), rng.child(learner, j).integer())
                said = predict(held)
                loss = row_losses(said, Y[tested], target, variance)
                losses.setdefault((learner, setting.arm), {}).setdefault(setting, []).append(loss)
                rank = -loss if target.is_number else placements(said, Y[tested])
                ranks.setdefault((learner, setting), []).append(rank)
    best, least = {}, {}
    for key, tried in losses.items():
        joined = {setting: np.concatenate(parts) for setting, parts in tried.items()}
        best[key] = min(joined, key=lambda setting: float(joined[setting].mean()))
        least[key] = joined[best[key]]
    placed = {key: np.concatenate(ranks[key[0], setting]) for key, setting in best.items()}
    return Trial(best, least, placed, np.concatenate(classes), np.concatenate(blind), trusted)


def settings_of(learner: str, arms: Sequence[str], trusted: frozenset[str] = frozenset()) -> list[Setting]:
    """Return the settings to try: all of the learner's for real rows, those for many rows for the arms."""
    grid = [tuple(s.items()) for s in GRIDS[learner]]
    taught = [arm for arm in arms if arm.endswith(TAUGHT)]
    extra = [Setting(arm, weight, s) for arm in taught for weight in WEIGHTS for s in grid[-RICH:]]
    extra += [Setting(arm, TRUSTED, s) for arm in arms if arm in trusted for s in grid[-RICH:]]
    extra += [Setting(arm, WEIGHTS[0], grid[-1]) for arm in arms if arm not in taught and arm not in trusted]
    return [Setting(REAL, 0.0, s) for s in grid] + extra


def _splits(Y: Matrix, target: Target, rng: Rng) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    parts = list(folds(Y, target, FOLDS, rng.child("folds")))
    return parts[:1] if len(Y) > MANY else parts


def row_losses(predicted: Matrix, Y: Matrix, target: Target, variance: float = 1.0) -> Vector:
    """Return each row's loss, shape (n,): minus log probability, or squared error over the variance."""
    if target.is_number:
        return np.asarray(((predicted[:, 0] - Y[:, 0]) ** 2) / (variance or 1.0))
    p = (predicted + 0.01 / Y.shape[1]) / 1.01
    return -np.log((p * Y).sum(1))
