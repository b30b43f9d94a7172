from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from seedstock.core.rng import Rng
from seedstock.core.schema import Schema, TableSchema
from seedstock.core.table import Table
from seedstock.provenance.content import content_of
from seedstock.provenance.croissant import croissant, file_facts
from seedstock.provenance.keys import project_key, remember
from seedstock.provenance.record import make, to_metadata
from seedstock.provenance.register import Register
from seedstock.provenance.trace import trace
from seedstock.provenance.watermark import mark


@pytest.fixture
def key(tmp_path):
    value = {"format": "seedstock-key", "version": 1, "key": "5e" * 32, "layouts": []}
    (tmp_path / "key.json").write_text(json.dumps(value))
    return project_key(tmp_path / "key.json")


@pytest.fixture
def grown(people_model, draw_people, key):
    """Marked rows with their record, as a file of them would be read."""
    marked = mark(people_model, key.secret)
    data = marked.sample(1_500, Rng(1))
    source = replace(draw_people(100), origin={"path": "people.csv", "declared": "real"})
    r = make(source, data.schema, "people", {}, 1, watermark=marked.facts(), data=content_of(data), key=key.secret)
    return replace(data, origin={"path": "grown.parquet", "metadata": to_metadata(r)})


def stripped(data):
    return replace(data, origin={"path": "unknown.csv"})


def joined(*parts):
    return parts[0].with_table(Table.concat([p.table for p in parts]))


def test_a_file_with_its_record(grown, key):
    found = trace(grown, key)
    assert found["generation"] == 1
    assert found["synthetic_share"] == 1.0
    assert found["p_value"] < 1e-10
    assert found["record"]["generator"]["name"] == "people"
    assert found["notes"] == []
    json.dumps(found, allow_nan=False)
    without = trace(grown)
    assert (without["generation"], without["p_value"]) == (1, None)


def test_a_lost_record(grown, key):
    found = trace(stripped(grown), key)
    assert found["generation"] == 1
    assert found["record"] is None
    assert found["synthetic_share"] > 0.8
    assert "the record is gone" in found["notes"][0]
    blind = trace(stripped(grown))
    assert (blind["generation"], blind["synthetic_share"]) == (None, None)


def test_real_rows(draw_people, key):
    found = trace(draw_people(1_000), key)
    assert found["generation"] is None
    assert found["synthetic_share"] == 0.0
    assert found["p_value"] > 1e-3


def test_a_foreign_key_is_said(grown, tmp_path):
    other = project_key(tmp_path / "other.json")
    notes = trace(grown, other)["notes"]
    assert any("names the key" in n and other.name in n for n in notes)


def test_an_edited_file_is_said(grown, key, rewrite):
    changed = rewrite(grown, 0.02, columns=["city"])
    found = trace(changed, key)
    assert any("changed city" in n for n in found["notes"])
    r = json.loads(grown.origin["metadata"]["seedstock"])
    lying = replace(grown, origin={"metadata": to_metadata({**r, "generation": 0})})
    found = trace(lying, key)
    assert any("record was edited" in n for n in found["notes"])
    assert found["generation"] == 1  # the mark says so


def test_marked_rows_that_were_replaced(grown, draw_people, key):
    other = replace(draw_people(1_500, seed=8), origin=grown.origin)
    notes = trace(other, key)["notes"]
    assert any("the mark is not there" in n for n in notes)


def test_description_beside_a_csv(tmp_path, grown, key):
    file = tmp_path / "grown.csv"
    file.write_text("x\n")
    r = json.loads(grown.origin["metadata"]["seedstock"])
    (tmp_path / "grown.csv.croissant.json").write_text(json.dumps(croissant(r, file_facts(file))))
    found = trace(stripped(grown), key, path=file)
    assert found["generation"] == 1
    assert found["marks"][0]["mark"] == "croissant"
    assert found["notes"] == []
    file.write_text("x\nedited\n")
    assert any("SHA-256" in n for n in trace(stripped(grown), key, path=file)["notes"])


def test_the_keys_layouts_help(grown, key):
    names = [c for c in grown.table.names if c != "city"]
    schema = Schema({"data": TableSchema({c: grown.columns[c] for c in names})})
    cut = replace(stripped(grown), tables={"data": grown.table.select(names)}, schema=schema)
    knowing = remember(key, [c for c in grown.table.names if c != "key"])
    assert trace(cut, knowing)["p_value"] < 1e-6


def test_overlaps_and_their_direction(tmp_path, draw_people):
    book = Register(tmp_path / "r.sqlite")
    book.add(draw_people(2_000, 1), "one")
    book.add(draw_people(1_000, 2, first=10_000), "two", role="test")
    part = draw_people(2_000, 1).take(slice(0, 500))
    found = trace(part, register=book)["overlaps"]
    assert [(o["name"], o["exact_rows"], o["direction"]) for o in found] == [("one", 500, "this file is part of one")]
    assert found[0]["verdict"] == "related"
    assert found[0]["match"] == 100.0
    both = joined(draw_people(2_000, 1), draw_people(1_000, 2, first=10_000))
    found = trace(both, register=book)
    assert [o["direction"] for o in found["overlaps"]] == ["one is part of this file", "two is part of this file"]
    assert any("rows of the test set 'two' are in this file (1000 rows exactly" in n for n in found["notes"])
    book.add(draw_people(500, 7, first=50_000), "three", role="train")
    mine = trace(draw_people(500, 7, first=50_000), register=book, role="test")
    assert any("this test set shares rows with the training data 'three' (500" in n for n in mine["notes"])
    assert not trace(draw_people(1_000, 2, first=10_000), register=book, role="test")["notes"]
    same = trace(draw_people(2_000, 1), register=book)["overlaps"][0]
    assert same["direction"] == "the same rows as one"
    # The register's key is drawn, and under some keys two strangers share all but one group of their cells.
    strangers = trace(draw_people(2_000, 3, first=90_000), register=book)["overlaps"]
    assert all(o["verdict"] == "unrelated" and o["exact_rows"] == 0 and o["near_rows"] <= 5 for o in strangers)


def test_ten_rows_among_many(tmp_path, draw_people):
    book = Register(tmp_path / "r.sqlite")
    book.add(draw_people(300_000, 1), "large")
    planted = joined(draw_people(990, 2, first=10**6), draw_people(300_000, 1).take(np.arange(7, 300_000, 30_000)))
    (found,) = trace(planted, register=book)["overlaps"]
    assert found["exact_rows"] == 10
    assert found["verdict"] in ("unrelated", None)


def test_near_rows(tmp_path, draw_people, rewrite):
    book = Register(tmp_path / "r.sqlite")
    data = draw_people(1_000, 1)
    book.add(data, "one")
    nearly = joined(rewrite(data.take(slice(0, 200)), 1.0, columns=["weight"]), draw_people(300, 5, first=10**6))
    (found,) = trace(nearly, register=book)["overlaps"]
    assert found["exact_rows"] <= 5
    assert 190 <= found["near_rows"] + found["exact_rows"] <= 200


def test_verdicts(tmp_path, draw_people, rewrite):
    book = Register(tmp_path / "r.sqlite")
    data = draw_people(2_000, 1)
    book.add(data, "one")
    verdicts = {}
    for name, changed in {
        "edited": rewrite(data, 0.02),
        "mixed": joined(data.take(slice(0, 1_300)), draw_people(700, 3, first=10**6)),
        "other": joined(data.take(slice(0, 400)), draw_people(1_600, 3, first=10**6)),
    }.items():
        verdicts[name] = trace(changed, register=book)["overlaps"][0]["verdict"]
    assert verdicts == {"edited": "related", "mixed": "unclear", "other": "unrelated"}


def test_lost_columns_still_match(tmp_path, draw_people):
    book = Register(tmp_path / "r.sqlite")
    data = draw_people(2_000, 1)
    book.add(data, "one")
    names = [c for c in data.table.names if c != "job"]
    schema = Schema({"data": TableSchema({c: data.columns[c] for c in names})})
    cut = replace(data, tables={"data": data.table.select(names)}, schema=schema)
    (found,) = trace(cut, register=book)["overlaps"]
    assert (found["exact_rows"], found["near_rows"], found["verdict"]) == (0, 2_000, "related")


def test_generation_from_the_register(tmp_path, grown, key):
    book = Register(tmp_path / "r.sqlite")
    book.add(grown, "grown")
    found = trace(stripped(grown), register=book)
    assert found["generation"] == 1
    assert found["synthetic_share"] == 1.0


def test_rows_that_repeat_say_little(tmp_path, draw_people):
    book = Register(tmp_path / "r.sqlite")
    few = draw_people(40).take(np.arange(400) % 40)
    book.add(few, "few")
    assert any("repeat often" in n for n in trace(few, register=book)["notes"])
