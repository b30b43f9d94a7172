from __future__ import annotations

import json
from dataclasses import replace

import pytest

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.provenance.content import content_of
from seedstock.provenance.croissant import croissant, file_facts
from seedstock.provenance.guard import guard
from seedstock.provenance.keys import project_key
from seedstock.provenance.lineage import mixture, with_lineage
from seedstock.provenance.record import make, record, to_metadata
from seedstock.provenance.watermark import mark

REAL = {"path": "real.csv", "rows": 600, "declared": "real"}
MADE = {"path": "made.parquet", "rows": 400, "record": record([REAL], {}, "forest", {}, 1)}
UNKNOWN = {"path": "found.csv", "rows": 100}


def test_real_data_pass():
    result = guard([REAL])
    assert (result.allowed, result.generation, result.authenticated) == (True, 1, True)
    assert result.warnings == ()
    assert result.enforce() is result


def test_unknown_data_pass_with_a_word():
    result = guard([UNKNOWN])
    assert result.allowed
    assert not result.authenticated
    assert "unauthenticated" in result.warnings[0]
    assert result.generation == 1


def test_synthetic_data_alone_are_refused():
    for origins in ([MADE], [MADE, MADE], [MADE, UNKNOWN]):
        result = guard(origins)
        assert not result.allowed
        with pytest.raises(InputError, match=r"error grow with every generation.*real rows.*override"):
            result.enforce()
        assert result.generation == 2


@pytest.mark.parametrize(("rows", "allowed"), [(399, True), (400, True), (401, False), (4_000, False)])
def test_real_rows_keep_three_fifths(rows, allowed):
    result = guard([REAL, {**MADE, "rows": rows}])
    assert result.allowed == allowed
    assert result.generation == 2
    assert "synthetic" in result.warnings[0]


def test_weights_count_where_they_are_given():
    assert guard([{**REAL, "weight": 0.7}, {**MADE, "rows": 10**6, "weight": 0.3}]).allowed
    assert not guard([{**REAL, "weight": 0.3}, {**MADE, "weight": 0.7}]).allowed


def test_little_synthetic_data_need_no_warning():
    result = guard([{**REAL, "rows": 1_000}, {**MADE, "rows": 90}])
    assert result.allowed
    assert result.warnings == ()
    assert guard([{**REAL, "rows": 1_000}, {**MADE, "rows": 120}]).warnings


def test_an_override_is_kept_for_good():
    result = guard([MADE], override="we study collapse")
    assert result.allowed
    assert result.overrides[0]["reason"] == "we study collapse"
    r = record([MADE], {}, "forest", {}, 1, overrides=result.overrides)
    assert r["overrides"][0]["rule"].startswith("'made.parquet' is synthetic")
    child = record([{"name": "x", "record": r}], {}, "forest", {}, 1)
    assert child["parents"][0]["record"]["overrides"] == r["overrides"]
    with pytest.raises(InputError, match="reason"):
        guard([MADE], override=" ")
    with pytest.raises(InputError, match="nothing"):
        guard([])


def test_mixtures_sum_to_one():
    shares = mixture([REAL, MADE, UNKNOWN, {"rows": 900, "mark": {"generation": 2, "share": 0.5}}])
    assert shares == {"0": 0.3, "1": 0.2, "2": 0.225, "unauthenticated": 0.275}


def test_every_format_that_carries_a_record_is_refused(tmp_path, draw_people, people_model):
    data = people_model.sample(200, Rng(1))
    r = make(replace(draw_people(5), origin=REAL), data.schema, "people", {}, 1, data=content_of(data))
    file = tmp_path / "made.csv"
    file.write_text("x\n")
    (tmp_path / "made.csv.croissant.json").write_text(json.dumps(croissant(r, file_facts(file))))
    bare = replace(data, origin={"path": "made.csv", "rows": 200})
    cases = {
        "parquet or arrow metadata": with_lineage(replace(data, origin={"metadata": to_metadata(r), "rows": 200})),
        "croissant beside a csv": with_lineage(bare, file),
    }
    for what, case in cases.items():
        assert not guard([case.origin]).allowed, what
        assert not guard([{**case.origin, "declared": "real"}]).allowed, what
    assert guard([with_lineage(bare, tmp_path / "other.csv").origin]).allowed


def test_by_the_mark_where_the_record_was_stripped(tmp_path, draw_people, people_model):
    key = project_key(tmp_path / "key.json")
    marked = replace(mark(people_model, key.secret).sample(1_000, Rng(1)), origin={"path": "a.csv", "rows": 1_000})
    known = with_lineage(marked, key=key, real=True)
    result = guard([known.origin])
    assert not result.allowed
    assert result.generation == 2
    real = with_lineage(replace(draw_people(1_000), origin={"rows": 1_000}), key=key, real=True)
    assert guard([real.origin]).allowed
    assert guard([real.origin]).generation == 1


def test_broken_records_are_in_the_warnings(draw_people, rewrite):
    data = draw_people(100)
    r = make(replace(data, origin=REAL), data.schema, "people", {}, 1, data=content_of(data))
    changed = with_lineage(replace(rewrite(data, 0.5), origin={"metadata": to_metadata(r), "rows": 100}))
    assert any("edited" in w for w in guard([changed.origin]).warnings)
