"""The verdict's rules, on scores made by hand."""

import math

import pytest

from seedstock.core.results import Score
from seedstock.metrics._verdict import Verdict, verdict
from seedstock.metrics._words import explain, in_words

GOOD = {
    "shape_error": Score("shape_error", 0.6, 0.9, "low", 2.9, n=1000),
    "trend_error": Score("trend_error", 1.2, 2.4, "low", 5.4, n=1000),
    "c2st": Score("c2st", 0.93, 1.0, "high", 0.79, n=1000),
    "detection_auc": Score("detection_auc", 0.53, 0.5, "half", 0.6, n=1000),
    "utility_boosting_auc": Score("utility_boosting_auc", 0.92, 0.93, "high", 0.9, (0.91, 0.93), 1000),
    "copy_rate": Score("copy_rate", 0.1, 0.1, "low", 0.3, (0.0, 0.2), 1000),
    "nearest_share": Score("nearest_share", 0.51, 0.5, "half", 0.53, (0.49, 0.53), 1000),
    "membership_auc": Score("membership_auc", 0.51, 0.505, "low", 0.52, (0.49, 0.53), 1000),
    "membership_tpr": Score("membership_tpr", 0.012, 0.012, "low", 0.02, (0.0, 0.02), 1000),
}


def judged(*changes: Score, without: tuple[str, ...] = ()) -> Verdict:
    scores = {**GOOD, **{s.name: s for s in changes}}
    return verdict([s for n, s in scores.items() if n not in without])


def test_good_scores_are_a_clean_verdict():
    v = judged()
    assert (v.train_on, v.share, v.watch) == ("yes", "yes", ())
    assert "real rows give 0.93" in v.sentence


@pytest.mark.parametrize(("auc", "answer"), [(0.89, "with care"), (0.82, "with care"), (0.7, "no"), (0.5, "no")])
def test_training_depends_on_the_part_of_the_gain_that_is_lost(auc, answer):
    v = judged(Score("utility_boosting_auc", auc, 0.93, "high", 0.9, (auc - 0.01, auc + 0.01), 1000))
    assert v.train_on == answer
    assert v.watch[0].startswith("Train on synthetic")


def test_where_real_rows_teach_nothing_synthetic_ones_cannot_fail():
    assert judged(Score("utility_boosting_auc", 0.45, 0.51, "high", 0.49, (0.4, 0.5), 1000)).train_on == "with care"


def test_broken_shapes_are_no_basis_whatever_the_utility():
    assert judged(Score("shape_error", 30.0, 1.0, "low", 3.0, n=1000)).train_on == "no"
    assert judged(Score("shape_error", 5.0, 1.0, "low", 3.0, n=1000)).train_on == "with care"


def test_without_a_target_fidelity_decides():
    assert judged(without=("utility_boosting_auc",)).train_on == "yes"
    poor = Score("c2st", 0.3, 1.0, "high", 0.79, n=1000)
    v = judged(poor, without=("utility_boosting_auc",))
    assert v.train_on == "with care"
    assert "indistinguishable by boosting fell short" in v.sentence


def test_sharing_is_refused_beyond_chance_only():
    assert judged(Score("membership_auc", 0.7, 0.505, "low", 0.52, (0.67, 0.73), 1000)).share == "no"
    assert judged(Score("membership_auc", 0.54, 0.505, "low", 0.52, (0.53, 0.55), 1000)).share == "with care"
    assert judged(Score("membership_auc", 0.7, 0.505, "low", 0.62, (0.5, 0.9), 40)).share == "with care"
    assert judged(Score("copy_rate", 9.0, 0.1, "low", 0.3, (8.0, 10.0), 1000)).share == "no"
    # Farther from train than from the holdout is no leak.
    assert judged(Score("nearest_share", 0.4, 0.5, "half", 0.53, (0.38, 0.42), 1000)).share == "yes"


def test_what_cannot_be_told_is_said():
    few = judged(Score("membership_auc", math.nan, math.nan, "low", math.nan, details={"why": "too few"}))
    assert few.share == "with care"
    assert "too few rows to tell" in few.sentence
    assert any("could not be measured: too few" in w for w in few.watch)
    odd = judged(
        Score("detection_auc", 0.8, 0.95, "half", 0.6, n=1000),
        Score("membership_auc", 0.9, 0.505, "low", 0.52, (0.88, 0.92), 1000),
    )
    assert odd.share == "with care"
    assert "not alike" in odd.sentence


def test_privacy_comes_first_in_what_to_watch():
    v = judged(
        Score("copy_rate", 9.0, 0.1, "low", 0.3, (8.0, 10.0), 1000), Score("shape_error", 30.0, 1.0, "low", 3.0, n=1000)
    )
    assert [w.split(":")[0] for w in v.watch] == ["Exact copies", "Column shapes"]
    assert "9 %" in v.watch[0]


def test_unknown_scores_are_still_explained():
    title, meaning, advice = explain(Score("my_new_score", 1.0, 1.0, "low", 2.0))
    assert title == "My new score"
    assert meaning
    assert advice
    assert in_words(Score("x", math.nan, math.nan, "low", 1.0, details={"why": "no rows"})) == "not measured: no rows"
