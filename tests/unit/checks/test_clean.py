"""Cleaning: every edit can be undone exactly, and a log that does not fit is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedstock.checks._clean import apply, clean, undo
from seedstock.checks._log import fingerprint, from_text, read_log, to_text, undo_log
from seedstock.checks._review import doubtful, from_csv, to_csv, to_html
from seedstock.checks._run import run_checks
from seedstock.core.errors import InputError
from seedstock.core.results import Edit, Finding
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table


def dataset(n: int = 300, seed: int = 0) -> Dataset:
    g = np.random.default_rng(seed)
    ounces, how = g.integers(8, 33, n), g.random(n) < 0.5
    town, gap = g.choice(["Bonn", "Mainz", " bonn ", "N/A"], n), g.random(n) < 0.1
    cells = {
        "id": ("id", Column.of_texts([f"a{i:04d}" for i in range(n)])),
        "size": (
            "category",
            Column.of_texts([f"{v}.0 {'oz' if k else 'ounce'}" for v, k in zip(ounces, how, strict=True)]),
        ),
        "x": ("number", Column.of(np.round(g.normal(size=n), 3), g.random(n) < 0.1)),
        "k": ("number", Column.of(g.integers(-5, 2**60, n))),
        "when": ("datetime", Column.of(np.datetime64("2020-01-01", "us") + g.integers(0, 10**14, n).astype("m8[us]"))),
        "took": ("duration", Column.of(g.integers(0, 10**9, n).astype("m8[us]"))),
        "flag": ("boolean", Column.of(g.random(n) < 0.5)),
        "city": ("category", Column.of_texts([None if m else str(t) for t, m in zip(town, gap, strict=True)])),
    }
    schema = TableSchema({c: ColumnSchema(k, dtype="string") for c, (k, _) in cells.items()})  # type: ignore[arg-type]
    data = Dataset({"t": Table({c: v for c, (_, v) in cells.items()})}, Schema({"t": schema}))
    index = np.arange(n)
    index[n // 2 : n // 2 + 6] = np.arange(6)
    return data.take(index)


def edit(row: int, column: str | None, after: str | None, confidence: float = 0.9, safe: bool = True) -> Edit:
    return Edit("t", row, column, None, after, "test", confidence, safe, "because")


@pytest.mark.parametrize("policy", ["report", "safe", "thorough"])
def test_undo_gives_the_very_cells_back(policy: str) -> None:
    data = dataset()
    findings = run_checks(
        data, Rng(0), ["duplicates", "types_and_formats", "disguised_missing", "inconsistent_categories"]
    )
    cleaned, edits = clean(data, findings, policy)
    assert bool(edits) == (policy != "report")
    if edits:
        assert len(cleaned.table) < len(data.table)
        assert cleaned.columns["size"].kind == "number"
        assert set(cleaned.table["city"].texts()[~cleaned.table["city"].missing]) == {"Bonn", "Mainz"}
    assert undo(cleaned, edits).table.equals(data.table)


cells = st.one_of(
    st.tuples(st.just("x"), st.one_of(st.none(), st.floats(allow_nan=False).map(repr))),
    st.tuples(st.just("k"), st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1).map(str))),
    st.tuples(st.just("city"), st.one_of(st.none(), st.text(max_size=5))),
    st.tuples(st.just("size"), st.one_of(st.none(), st.sampled_from(["1", "2.5", "x", "7 oz"]))),
    st.tuples(st.just("flag"), st.sampled_from([None, "true", "false"])),
    st.tuples(st.just("when"), st.sampled_from([None, "2021-05-06T07:08:09.000001"])),
    st.tuples(st.none(), st.none()),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 39), cells), max_size=60))
def test_any_edits_can_be_undone(wanted: list[tuple[int, tuple[str | None, str | None]]]) -> None:
    data = dataset(40)
    out, done = apply(data, [edit(r, c, after) for r, (c, after) in wanted])
    assert undo(out, done).table.equals(data.table)
    assert undo_log(out, from_text(to_text(done, data, out))).table.equals(data.table)


def test_all_rows_removed_come_back() -> None:
    data = dataset(12)
    out, done = apply(data, [edit(r, None, None) for r in range(12)])
    assert len(out.table) == 0
    back = undo(out, done)
    assert fingerprint(back) == fingerprint(data)


def test_policies_choose_by_safety_and_confidence() -> None:
    data = dataset(40)
    edits = (
        edit(0, "x", "1", 0.99, True),
        edit(1, "x", "1", 0.6, True),
        edit(2, "x", "1", 0.99, False),
        edit(3, "x", "1", 0.4),
    )
    findings = [Finding("test", "t", "x", (0, 1, 2, 3), "high", 0.9, "m", "f", edits)]
    assert [e.row for e in clean(data, findings, "safe")[1]] == [0]
    assert [e.row for e in clean(data, findings, "thorough")[1]] == [0, 1, 2]
    with pytest.raises(InputError, match="policy"):
        clean(data, findings, "bold")


def test_the_surer_edit_of_a_cell_counts_and_a_removed_row_needs_no_other() -> None:
    data = dataset(40)
    out, done = apply(
        data, [edit(0, "k", "7", 0.6), edit(0, "k", "8", 0.9), edit(1, "k", "9", 0.9), edit(1, None, None, 0.7)]
    )
    assert out.table["k"].values[0] == 8
    assert len(done) == 2


def test_a_log_undoes_its_own_data_only(tmp_path: Path) -> None:
    data = dataset(60)
    out, done = apply(data, [edit(3, "city", "Köln"), edit(5, None, None)])
    log = tmp_path / "edits.json"
    text = to_text(done, data, out)

    def taken_back(changed: str, after: Dataset = out) -> Dataset:
        log.write_text(changed, "utf-8")
        return undo_log(after, read_log(log))

    assert taken_back(text).table.equals(data.table)
    assert len(json.loads(text)["edits"]) == 2
    with pytest.raises(InputError, match="other data"):
        taken_back(text, data)
    with pytest.raises(InputError, match="says 3"):
        taken_back(text.replace('"count": 2', '"count": 3'))
    with pytest.raises(InputError, match="does not hold"):
        taken_back(text.replace("Köln", "Bonn"))
    with pytest.raises(InputError, match="damaged"):
        taken_back(text.replace('"before": "', '"before": "0', 1))
    with pytest.raises(InputError, match="edit 1"):
        taken_back(text.replace('"row": 3', '"row": "3"'))
    for bad in ("", "{}", "[1]", '{"seedstock_edits": 9}', "[" * 100_000):
        with pytest.raises(InputError, match="no edit log"):
            taken_back(bad)
    log.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="no text"):
        read_log(log)


def test_undo_refuses_edits_of_other_tables_and_rows() -> None:
    data = dataset(20)
    with pytest.raises(InputError, match="beyond"):
        undo(data, [edit(99, "x", "1")])
    with pytest.raises(InputError, match="other"):
        undo(data, [Edit("other", 0, "x", None, "1", "test", 1.0, True, "")])
    with pytest.raises(InputError, match="what the row held"):
        undo(data, [edit(0, None, None)])


def test_an_edit_that_its_column_cannot_hold_is_refused() -> None:
    data = dataset(20)
    for column, text in (("x", "many"), ("k", "9e99"), ("flag", "maybe"), ("when", "no date"), ("x", "nan")):
        with pytest.raises(InputError, match="takes a"):
            apply(data, [edit(0, column, text)])


def test_review_goes_out_and_comes_back() -> None:
    data = dataset(40)
    proposed = [edit(0, "city", "=1+1", 0.6), edit(1, "city", 'Ulm, "new"\nline', 0.7), edit(2, None, None, 0.5)]
    left = doubtful([Finding("test", "t", "city", (0, 1, 2), "low", 0.6, "m", "f", tuple(proposed))], [])
    assert [e.row for e in left] == [1, 0, 2]
    text = to_csv(left)
    assert from_csv(text, left) == []
    ticked = text.replace("\r\n,t,0", "\r\nyes,t,0").replace("\r\n,t,2", "\r\nx,t,2")
    accepted = from_csv(ticked, left)
    assert [(e.row, e.after) for e in accepted] == [(0, "=1+1"), (2, None)]
    out, done = apply(data, accepted)
    assert undo(out, done).table.equals(data.table)
    page = to_html(left)
    assert page.count("checkbox") == 3
    assert "<script>" in page
    with pytest.raises(InputError, match="yes"):
        from_csv(text.replace("\r\n,t,0", "\r\nperhaps,t,0"), left)
    with pytest.raises(InputError, match="none of the proposed"):
        from_csv(text.replace("\r\n,t,0", "\r\nyes,t,7"), left)
    with pytest.raises(InputError, match="begins with"):
        from_csv("a,b\n1,2\n", left)
