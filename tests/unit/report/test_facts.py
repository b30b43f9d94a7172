from __future__ import annotations

import json

import numpy as np
import pytest

from seedstock.core.results import Finding, Score
from seedstock.core.schema import Schema
from seedstock.report.facts import MAX_ROW_NUMBERS, facts
from seedstock.report.text import DASH, number, plain, script_json, shown


def test_facts_are_strict_json_and_whole(make_run, secret):
    run = make_run(
        settings={"a": float("inf"), 3: np.float32(0.5), "b": (np.int64(1), None)},
        model={"when": np.datetime64("2020-01-01")},
    )
    text = json.dumps(facts(run), allow_nan=False)
    value = json.loads(text)
    assert value["scores"]["shape_error"] == 1.25
    assert value["floors"]["shape_error"] == 0.5
    assert value["scores"]["utility"] == {"boosting_auc": 0.875}
    assert value["scores"]["membership_auc"] is None
    assert value["measures"]["nearest_share"]["group"] == "privacy"
    assert value["measures"]["nearest_share"]["ok"] is True
    assert value["settings"] == {"a": None, "3": 0.5, "b": [1, None]}
    assert value["edits"] == {
        "count": 1,
        "rows_removed": 1,
        "cells_changed": 0,
        "by_check": {"exact_duplicates": 1},
    }
    assert value["rows"] == {"source": 400, "train": 400, "holdout": 100, "synthetic": 300}
    assert value["verdict"]["share"] == "with care"
    assert Schema.from_json(value["schema"]) == run.train.schema
    assert value["versions"]["numpy"] == np.__version__
    assert secret not in text


def test_scores_have_the_same_keys_as_floors(make_run):
    value = facts(make_run())
    assert value["scores"].keys() == value["floors"].keys()
    assert value["scores"]["utility"].keys() == value["floors"]["utility"].keys()


def test_many_row_numbers_are_counted_not_listed(make_run):
    finding = Finding("c", "people", None, tuple(range(MAX_ROW_NUMBERS + 5)), "low", 1.0, "m", "f")
    (out,) = facts(make_run(findings=(finding,)))["findings"]
    assert out["n_rows"] == MAX_ROW_NUMBERS + 5
    assert len(out["rows"]) == MAX_ROW_NUMBERS


def test_details_with_nan_become_null(make_run):
    score = Score("odd", 1.0, float("nan"), "low", 2.0, (0.0, float("inf")), details={"x": [float("nan")]})
    out = facts(make_run(scores=(score,), groups={"odd": "fidelity"}))["measures"]["odd"]
    assert out["floor"] is None
    assert out["interval"] == [0.0, None]
    assert out["details"] == {"x": [None]}


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "&lt;", "\u2028", "\u2029", "\ud800"])
def test_script_json_cannot_leave_its_element(text):
    out = script_json({text: [text]})
    out.encode("utf-8")
    assert not set("<>&\u2028\u2029") & set(out)
    assert json.loads(out) == plain({text: [text]})


@pytest.mark.parametrize("text", ["a\nb\tc", "\x1b]0;title\x07", "\u202eabc", "\x9b31m", "\u2066x\u2069"])
def test_shown_is_one_visible_line(text):
    out = shown(text)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066\u2069\u2028" for c in out)


def test_shown_keeps_scripts_of_all_directions_and_cuts_long_texts():
    assert shown("שלום") == "שלום"
    assert len(shown("y" * 10_000_000)) == 80
    assert shown("y" * 80) == "y" * 80


def test_numbers_are_for_reading():
    assert number(float("nan")) == DASH
    assert number(1234567.0) == "1,234,567"
    assert number(-0.05) == "-0.05"
    assert number(100.0) == "100"
