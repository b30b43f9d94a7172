"""Rows of a mechanism have the benefit of the doubt, and no others."""

from __future__ import annotations

import numpy as np

from seedstock.proof.trial import REAL, TRUSTED, Setting, Trial, settings_of


def _trial(gain: float, trusted: frozenset[str]) -> Trial:
    g = np.random.default_rng(0)
    real = 1 + 0.1 * g.standard_normal(15)
    arm = real - gain + 0.2 * g.standard_normal(15)
    best = {("tree", name): Setting(name, 1.0, ()) for name in (REAL, "m")}
    return Trial(best, {("tree", REAL): real, ("tree", "m"): arm}, trusted)


def test_a_mechanism_is_believed_until_it_is_worse() -> None:
    believed = frozenset({"m"})
    assert _trial(0.0, believed).chosen("tree").arm == "m"
    assert _trial(0.0, frozenset()).chosen("tree").arm == REAL
    assert _trial(-0.5, believed).chosen("tree").arm == REAL
    assert _trial(0.5, frozenset()).chosen("tree").arm == "m"


def test_its_rows_weigh_more() -> None:
    weights = {s.arm: s.weight for s in settings_of("tree", ["m", "copula"], frozenset({"m"}))}
    assert weights["m"] == TRUSTED
    assert weights["copula"] == 1.0
