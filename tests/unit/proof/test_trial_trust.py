"""Rows of a mechanism have the benefit of the doubt, and no others."""

from __future__ import annotations

import numpy as np

from seedstock.proof.trial import REAL, TRUSTED, Setting, Trial, settings_of


def _trial(gain: float, trusted: frozenset[str], ranks: float = 0.0, others: float | None = None) -> Trial:
    g = np.random.default_rng(0)
    real = 1 + 0.1 * g.standard_normal(15)
    arm = real - gain + 0.2 * g.standard_normal(15)
    losses = {REAL: real, "m": arm} | ({} if others is None else {"other": arm - others})
    keys = {(learner, name): name for learner in ("tree", "linear") for name in losses}
    return Trial(
        {key: Setting(name, 1.0, ()) for key, name in keys.items()},
        {key: losses[name] for key, name in keys.items()},
        {key: 0.7 + (name == "m") * (ranks + 0.01 * g.standard_normal(15)) for key, name in keys.items()},
        np.arange(15) % 2,
        np.full(15, 2.0),
        trusted,
    )


def test_a_mechanism_is_believed_until_it_is_worse() -> None:
    believed = frozenset({"m"})
    assert _trial(0.0, believed).chosen("tree").arm == "m"
    assert _trial(0.0, frozenset()).chosen("tree").arm == REAL
    assert _trial(-0.5, believed).chosen("tree").arm == REAL
    assert _trial(0.5, frozenset()).chosen("tree").arm == "m"


def test_others_must_be_better_than_the_mechanism() -> None:
    believed = frozenset({"m"})
    assert _trial(0.2, believed, others=0.3).chosen("tree").arm == "other"
    assert _trial(0.2, believed, others=-0.01).chosen("tree").arm == "m"
    assert _trial(0.2, frozenset(), others=-0.01).chosen("tree").arm == "m"


def test_a_lower_loss_is_not_enough_where_ranking_is_worse() -> None:
    assert _trial(0.5, frozenset(), ranks=-0.05).chosen("linear").arm == REAL
    assert _trial(0.5, frozenset(), ranks=0.05).chosen("linear").arm == "m"


def test_a_smooth_learner_must_gain_beyond_doubt() -> None:
    trial = _trial(0.06, frozenset())
    gain, error = trial.gains("linear")["m"]
    assert 1 < gain / error < 2.5
    assert trial.chosen("tree").arm == "m"
    assert trial.chosen("linear").arm == REAL


def test_its_rows_weigh_more() -> None:
    weights = {s.arm: s.weight for s in settings_of("tree", ["m", "copula"], frozenset({"m"}))}
    assert weights["m"] == TRUSTED
    assert weights["copula"] == 1.0
