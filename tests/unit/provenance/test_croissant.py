from __future__ import annotations

import json

import pytest

from seedstock.core.errors import InputError
from seedstock.provenance.content import content_of
from seedstock.provenance.croissant import (
    croissant,
    describe,
    file_facts,
    from_croissant,
    hash_in,
    read_sidecar,
    sidecar,
)
from seedstock.provenance.record import make, verify

mlcroissant = pytest.importorskip("mlcroissant")
FILE = {"name": "synthetic.parquet", "sha256": "0" * 64, "bytes": 123}


@pytest.fixture
def of_people(draw_people):
    data = draw_people(30)
    first = make(data, data.schema, "forest", {"trees": 3}, 1, data=content_of(data))
    source = draw_people(30)
    object.__setattr__(source, "origin", {**source.origin, "record": first})
    return make(source, data.schema, "forest", {"trees": 3}, 1, data=content_of(data))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_is_valid_croissant_without_a_warning(of_people):
    value = croissant(of_people, [FILE, {**FILE, "name": "synthetic.csv"}], created="2026-01-02")
    metadata = mlcroissant.Dataset(jsonld=json.loads(json.dumps(value))).metadata
    assert not metadata.ctx.issues.errors
    assert not metadata.ctx.issues.warnings
    assert {f.name for r in metadata.record_sets for f in r.fields} == set(of_people["schema"]["tables"]["data"])
    assert metadata.data_limitations
    assert metadata.data_collection.startswith("No row was collected")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_mlcroissant_reads_the_rows_through_it(tmp_path, of_people):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({c: ["1", "2"] for c in ("city", "job", "class")})
    frame.to_csv(tmp_path / "s.csv", index=False)
    schema = {c: of_people["schema"]["tables"]["data"][c] for c in frame}
    value = croissant({**of_people, "schema": {"tables": {"data": schema}}}, file_facts(tmp_path / "s.csv"))
    (tmp_path / "croissant.json").write_text(json.dumps(value))
    rows = list(mlcroissant.Dataset(str(tmp_path / "croissant.json")).records("table0"))
    assert [r["table0/column0"] for r in rows] == [b"1", b"2"]


def test_derivation_follows_the_lineage(of_people):
    value = croissant(of_people, FILE)
    (parent,) = value["prov:wasDerivedFrom"]
    assert parent["seedstock:generation"] == 1
    assert parent["prov:wasDerivedFrom"][0]["seedstock:generation"] == "unauthenticated"
    assert value["seedstock:generation"] == 2
    assert value["prov:wasGeneratedBy"]["prov:used"] == [{"@id": "source/0"}]


def test_record_comes_back(of_people):
    back = from_croissant(json.loads(json.dumps(croissant(of_people, FILE))))
    assert back == of_people
    assert not verify(back)
    assert from_croissant({"@type": "sc:Dataset"}) is None
    with pytest.raises(InputError, match="JSON object"):
        from_croissant([])


def test_sidecar_beside_the_file(tmp_path, of_people):
    file = tmp_path / "rows.csv"
    file.write_text("a\n1\n")
    assert read_sidecar(file) is None
    value = croissant(of_people, file_facts(file))
    (tmp_path / "croissant.json").write_text(json.dumps(value))
    assert read_sidecar(file) == value
    assert hash_in(value, "rows.csv") == file_facts(file)["sha256"]
    assert hash_in(value, "other.csv") is None
    # A folder's description speaks of the files that it names only.
    assert read_sidecar(tmp_path / "other.csv") is None
    assert sidecar(tmp_path / "other.csv").name == "croissant.json"
    (tmp_path / "rows.csv.croissant.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        read_sidecar(file)
    (tmp_path / "rows.csv.croissant.json").write_text("[]")
    with pytest.raises(InputError, match="not a JSON object"):
        read_sidecar(file)


def test_date_can_be_fixed(monkeypatch, of_people):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert croissant(of_people, FILE)["datePublished"] == "1970-01-02"


def test_description_says_what_matters(of_people):
    text = describe(of_people)
    assert "30 synthetic rows of generation 2" in text
    assert "not authenticated" in text
    assert "no mark" in text
