from __future__ import annotations

import json

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Score
from seedstock.provenance.content import content_of
from seedstock.provenance.record import (
    from_metadata,
    generation_of,
    key_id,
    lineage_of,
    make,
    record,
    sealed,
    tied,
    to_metadata,
    verify,
)

REAL = {"name": "census.csv", "declared": "real", "sha256": "ab" * 32, "rows": 10}
KEY = b"k" * 32


def plain(*sources, **more):
    return record(sources or [REAL], {"tables": {}}, "forest", {"trees": 3}, 7, **more)


def test_generations_count_up():
    first = plain()
    second = plain({"name": "a", "record": first})
    mixed = plain(REAL, {"name": "b", "record": second})
    assert [r["generation"] for r in (first, second, mixed)] == [1, 2, 3]
    assert all(r["authenticated"] for r in (first, second, mixed))
    assert generation_of({"record": mixed}) == 3
    assert second["parents"][0]["record"]["parents"][0]["name"] == "census.csv"


def test_unknown_origin_is_never_real():
    assert generation_of({"path": "x.csv"}) is None
    r = plain({"name": "x.csv"})
    assert r["parents"][0]["generation"] is None
    assert r["generation"] == 1
    assert not r["authenticated"]
    assert not plain(REAL, {"name": "x.csv"})["authenticated"]
    assert not plain({"name": "a", "record": r})["authenticated"]


def test_the_users_word_does_not_beat_a_record():
    assert generation_of({"declared": "real", "record": plain()}) == 1


def test_make_takes_what_the_line_has(draw_people):
    data = draw_people(20)
    scores = [Score("shape_error", 1.5, float("nan"), "low", 5.0)]
    edits = [Edit("data", 1, None, None, None, "duplicates", 1.0, True, "twice")]
    r = make(data, data.schema, "forest", {"x": np.float64(1.0)}, 3, scores, edits)
    assert r["scores"]["shape_error"] == {"value": 1.5, "floor": None, "better": "low"}
    assert r["edits"] == {"count": 1, "rows_removed": 1, "by_check": {"duplicates": 1}}
    assert r["parents"][0]["name"] == "people.csv"
    assert r["generator"] == {"name": "forest", "settings": {"x": 1.0}, "seed": 3}
    assert r["watermark"] == {"on": False, "why": "not asked for"}
    assert set(r["versions"]) >= {"python", "numpy", "seedstock"}
    json.dumps(r, allow_nan=False)
    assert make([data, data], data.schema, "forest", {}, 3)["parents"][1]["rows"] == 20


def test_same_input_same_record():
    assert plain() == plain()


def test_metadata_round_trip():
    r = plain()
    assert from_metadata(to_metadata(r)) == r
    assert from_metadata({b"seedstock": to_metadata(r)["seedstock"].encode()}) == r
    assert from_metadata({"pandas": "{}"}) is None
    assert lineage_of({"metadata": to_metadata(r)}) == r
    assert lineage_of(to_metadata(r)) == r
    assert not verify(r)


def test_an_edited_record_is_said():
    r = plain()
    for change in ({"generation": 0}, {"parents": []}, {"watermark": {"on": True}}, {"overrides": [{}]}):
        found = verify({**r, **change})
        assert [f["what"] for f in found] == ["record"]
        assert "edited" in found[0]["message"]
    # Edited to look real, it is unauthenticated rather than real.
    assert generation_of({"record": {**r, "generation": 0}}) is None
    assert generation_of({"record": {**r, "synthetic": False}}) is None
    assert generation_of({"record": {**r, "seed": 1}}) == 1
    child = plain({"name": "a", "record": {**r, "scores": {"x": 1}}})
    assert "edited" in child["parents"][0]["broken"][0]
    assert not child["authenticated"]


def test_a_signature_catches_a_resealed_edit():
    r = plain(key=KEY)
    assert not verify(r, key=KEY)
    forged = {**sealed({**r, "generation": 0}), "signature": r["signature"]}
    assert not verify(forged)
    assert [f["what"] for f in verify(forged, key=KEY)] == ["signature"]
    assert not verify(r, key=b"x" * 32)  # another key can tell nothing
    assert KEY.hex() not in json.dumps(r)
    assert r["signature"]["key"] == key_id(KEY) != key_id(b"x" * 32)


def test_edited_data_are_said(draw_people, rewrite):
    data = draw_people(200)
    r = tied(plain(), content_of(data))
    assert not verify(r, content_of(data))
    changed = rewrite(data, 0.05, columns=["city"])
    assert [f["what"] for f in verify(r, content_of(changed))] == ["data"]
    assert "changed city" in verify(r, content_of(changed))[0]["message"]
    assert "200 rows, and there are 150" in verify(r, content_of(data.take(slice(0, 150))))[0]["message"]
    assert verify(plain(), content_of(data))[0]["what"] == "untied"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "damaged"),
        ("[]", "no Seedstock record"),
        ('{"format": "other"}', "no Seedstock record"),
        ('{"format": "seedstock-record", "version": 99}', "update Seedstock"),
        ('{"format": "seedstock-record", "version": true}', "version"),
        ('{"format": "seedstock-record", "version": 1, "generation": -1}', "generation"),
        ('{"format": "seedstock-record", "version": 1, "generation": "1"}', "generation"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_damaged_records_are_named(text, said):
    with pytest.raises(InputError, match=said):
        from_metadata({"seedstock": text})


def test_odd_values_become_json():
    odd = {"a": np.int64(3), "b": np.array([1, 2]), "c": {1, 2}, "d": float("inf"), "e": b"x", "f": "\ud800", 5: None}
    r = record([REAL], {}, "g", odd, 0)
    assert r["generator"]["settings"]["a"] == 3
    assert r["generator"]["settings"]["d"] is None
    assert not verify(json.loads(json.dumps(r)))
