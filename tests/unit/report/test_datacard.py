from __future__ import annotations

import numpy as np

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.metrics.support import InSupport
from seedstock.metrics.tails import TailsKept
from seedstock.provenance.record import record
from seedstock.report.build import page
from seedstock.report.datacard import data_card
from seedstock.report.facts import facts


def a_record(**changes):
    sources = [
        {"name": "clinic.csv", "rows": 75, "sha256": "ab" * 32, "declared": "real"},
        {"name": "found.csv", "rows": 25},
    ]
    return record(sources, {}, "forest", {"trees": 9}, 7, edits={"count": 3, "rows_removed": 1}, **changes)


def texts(card) -> dict[str, str]:
    return {name: text for _, lines in card["parts"] for name, text in lines}


def test_the_card_says_what_the_record_says():
    card = texts(data_card(a_record(overrides=[{"rule": "no real row.", "reason": "a study of collapse"}])))
    assert card["What was learned from"].startswith("75 % real (generation 0), 25 % unauthenticated")
    assert "75 rows; real (generation 0); by the user's word; SHA-256 abababab" in card["clinic.csv"]
    assert card["Cleaned before"].startswith("3 edits, 1 of them")
    assert card["Settings"] == "trees 9"
    assert card["Mark in the values"] == "none: not asked for"
    assert "a study of collapse" in card["Rule overridden (least real share 60%)"]
    assert "No row is a person's record" in card["Persons"]


def test_a_foreign_record_has_no_card(make_run):
    assert data_card({}) is None
    run = make_run(record={"format": "another"})
    assert facts(run)["card"] is None
    assert "h-card" not in page(run)


def test_the_page_and_run_json_show_card_support_and_tails(make_run):
    base = make_run()
    outlying = base.synthetic.with_table(
        base.synthetic.table.assign({"age": base.synthetic.table["age"].take(np.full(300, 5))})
    )
    evidence = Evidence(base.train, base.holdout, outlying)
    scores = [*InSupport()(evidence, Rng(1)), *TailsKept()(evidence, Rng(1))]
    run = make_run(scores=(*base.scores, *scores), synthetic=outlying, record=a_record())
    html, value = page(run), facts(run)
    assert "clinic.csv" in html
    assert "held-out real rows" in html
    assert "age: its variance is 0.00 of the real one" in html
    assert value["card"]["parts"][0][0] == "Sources"
    assert value["measures"]["tails_kept"]["details"]["ok"] is False
    assert {g["name"] for g in value["measures"]["within_support"]["details"]["groups"]} == {"all", "yes", "no"}


def test_support_and_tails_are_known_for_planted_rows(make_run):
    base = make_run()
    fresh = InSupport()(Evidence(base.train, base.holdout, base.synthetic), Rng(1))[0]
    new = base.synthetic.table["city"]
    far = base.synthetic.with_table(
        base.synthetic.table.assign({"city": type(new)(new.values, new.missing, np.array(["X", "Y", "Z"], object))})
    )
    found = InSupport()(Evidence(base.train, base.holdout, far), Rng(1))[0]
    assert fresh.ok
    assert found.value == 0.0
    assert found.details["groups"][0]["outside"] == 1.0
    assert found.details["groups"][0]["why"][0] == "city (300 rows)"
