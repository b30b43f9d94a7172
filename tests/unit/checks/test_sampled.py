"""Files of more rows than are held: a random sample is checked, repeats are counted in all rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from seedstock import api, cli
from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.sources.large import read_large
from seedstock.sources.write import write

N, COPIED = 20_000, 60


@pytest.fixture(scope="module")
def cells() -> dict[str, Column]:
    g = np.random.default_rng(0)
    index = np.arange(N)
    index[15_000 : 15_000 + COPIED] = np.arange(100, 100 + COPIED)
    return {
        "x": Column.of(g.normal(size=N).round(9)[index]),
        "y": Column.of(np.where(np.arange(N) % 10 == 3, -999.0, g.normal(5, 1, N).round(2))[index]),
        "town": Column.of_texts(g.choice(["a, b", 'c "d"', "e\nf"], N)[index].tolist()),
    }


@pytest.fixture(scope="module", params=["csv", "parquet"])
def file(request: pytest.FixtureRequest, cells: dict[str, Column], tmp_path_factory: pytest.TempPathFactory) -> Path:
    columns = {c: ColumnSchema("category" if c == "town" else "number") for c in cells}
    data = Dataset({"t": Table(cells)}, Schema({"t": TableSchema(columns)}))
    path = tmp_path_factory.mktemp("large") / f"t.{request.param}"
    write(data, path)
    return path


def test_reads_a_sample_and_knows_its_rows(file: Path, cells: dict[str, Column]) -> None:
    large = read_large(file, 2_000, seed=1)
    assert large is not None
    assert (large.of, large.n_repeats, large.pairs) == (N, COPIED, COPIED)
    assert large.repeats.tolist() == list(range(15_000, 15_000 + COPIED))
    assert 1_800 < len(large.rows) < 2_200
    column = large.raw.columns["x"].column
    x = np.array([float(t) for t in column.texts()]) if column.is_text else column.values
    assert np.array_equal(x, cells["x"].values[large.rows])
    assert large.raw.columns["town"].column.texts().tolist() == cells["town"].texts()[large.rows].tolist()


def test_findings_name_the_files_rows(file: Path) -> None:
    checked = api.profile(file, damage_seconds=0, max_rows=2_000)
    assert checked.sampled_of == N
    found = {f.check: f for f in checked.findings}
    assert found["duplicates"].rows == tuple(range(15_000, 15_000 + COPIED))
    rows = np.array(found["disguised_missing"].rows)
    known = np.arange(N)
    known[15_000 : 15_000 + COPIED] = np.arange(100, 100 + COPIED)
    assert len(rows) > 100
    assert set(known[rows] % 10) == {3}
    assert {e.row for e in found["disguised_missing"].edits} == set(rows.tolist())
    assert "drawn at random" in checked.report


def test_a_coarse_file_repeats_itself_by_nature(tmp_path: Path) -> None:
    g = np.random.default_rng(1)
    lines = [f"{a},{b}" for a, b in zip(g.integers(0, 9, N), g.choice(["u", "v"], N), strict=True)]
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(lines) + "\n")
    checked = api.profile(tmp_path / "t.csv", damage_seconds=0, max_rows=2_000)
    assert checked.sampled_of == N
    assert "duplicates" not in {f.check for f in checked.findings}


def test_small_files_are_read_whole(file: Path) -> None:
    assert read_large(file, 50_000) is None
    assert api.profile(file, damage_seconds=0).sampled_of is None
    with pytest.raises(InputError, match="1,000 or more, not 5"):
        read_large(file, 5)


def test_the_command_says_what_was_looked_at(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", str(file), "--max-rows", "2000", "--json"]) in (0, 1)
    out = json.loads(capfd.readouterr().out)
    assert out["rows"] == N
    assert 1_800 < out["rows_checked"] < 2_200
