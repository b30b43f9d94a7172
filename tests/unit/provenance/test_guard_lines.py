"""The guard through the command line: what was grown is refused in every format, with its record and without."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

from seedstock import cli
from seedstock.core.rng import Rng
from seedstock.demo import CENSUS
from seedstock.provenance.croissant import SUFFIX, croissant, file_facts
from seedstock.provenance.lineage import lineage_of
from seedstock.sources.read import read
from seedstock.sources.write import write

Run = Callable[..., tuple[int, str, str]]
N = 1_500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real rows, a model of them, and its draws in several formats."""
    with pytest.MonkeyPatch.context() as patch:
        where = tmp_path_factory.mktemp("lines")
        patch.setenv("SEEDSTOCK_HOME", str(where / "home"))
        lines = gzip.decompress(CENSUS.read_bytes()).decode().splitlines(keepends=True)
        (where / "real.csv").write_text("".join(lines[: N + 1]))
        fit = ["fit", where / "real.csv", "-o", where / "model", "-g", "copula", "--real", "--quiet"]
        assert cli.run([str(a) for a in fit]) == 0
        for name in ("s.parquet", "s.arrow", "s.csv", "s.jsonl"):
            asked = ["sample", where / "model", "-n", 500, "-o", where / name, "--quiet"]
            assert cli.run([str(a) for a in asked]) == 0
        record = lineage_of(read(where / "s.parquet").origin)
        workbook(where / "s.xlsx", (where / "s.csv").read_text().splitlines())
        description = croissant(record, file_facts(where / "s.xlsx"))
        (where / f"s.xlsx{SUFFIX}").write_text(json.dumps(description))
    return where


def workbook(path: Path, lines: list[str]) -> None:
    rows = []
    for line in lines:
        cells = "".join(
            f"<c><v>{v}</v></c>" if v.lstrip("-").isdigit() else f'<c t="inlineStr"><is><t>{escape(v)}</t></is></c>'
            for v in line.split(",")
        )
        rows.append(f"<row>{cells}</row>")
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="data" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{"".join(rows)}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as out:
        for name, text in files.items():
            out.writestr(name, text)


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("SEEDSTOCK_HOME", str(folder / "home"))

    def call(*args: object) -> tuple[int, str, str]:
        capfd.readouterr()
        return cli.run([str(a) for a in args]), *capfd.readouterr()

    return call


FIT = ("-g", "independent", "--quiet")


@pytest.mark.parametrize("name", ["s.parquet", "s.arrow", "s.csv", "s.jsonl", "s.xlsx"])
@pytest.mark.parametrize("command", ["fit", "grow"])
def test_generation_two_is_refused_by_its_record(run: Run, folder: Path, tmp_path: Path, name: str, command: str):
    code, _, err = run(command, folder / name, "-o", tmp_path / "out", *FIT)
    assert code == 2
    assert err.count("\n") == 1
    assert f"{name}' is synthetic (100% of all), and no row is known to be real" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["s.csv", "s.jsonl", "s.parquet", "s.arrow", "s.xlsx"])
def test_generation_two_is_refused_by_its_mark(run: Run, folder: Path, tmp_path: Path, name: str):
    bare = tmp_path / f"bare{Path(name).suffix}"
    if name == "s.xlsx":
        bare.write_bytes((folder / name).read_bytes())  # without the description beside it
    else:
        data = read(folder / name)
        write(data, bare)
    assert lineage_of(read(bare).origin) is None
    code, _, err = run("fit", bare, "-o", tmp_path / "model", *FIT)
    assert (code, "is synthetic (" in err) == (2, True), err
    code, out, _ = run("trace", bare, "--json")
    found = json.loads(out)
    assert found["generation"] == 1
    assert found["synthetic_share"] > 0.8
    # An override is kept for good: in the model's record, with its reason and the generation.
    assert run("fit", bare, "-o", tmp_path / "model", *FIT, "--override", "a study")[0] == 0
    assert run("sample", tmp_path / "model", "-n", 300, "-o", tmp_path / "second.parquet", "--quiet")[0] == 0
    record = lineage_of(read(tmp_path / "second.parquet").origin)
    assert record["generation"] == 2
    assert record["overrides"][0]["reason"] == "a study"


def test_real_rows_pass_and_a_mixture_by_its_shares(run: Run, folder: Path, tmp_path: Path):
    real, made = folder / "real.csv", folder / "s.parquet"
    out = tmp_path / "model"
    assert run("fit", real, "-o", out, *FIT, "--real")[0] == 0
    code, _, err = run("fit", real, "--also", made, "-o", out, *FIT)
    assert (code, "no row is known to be real" in err) == (2, True)
    code, printed, _ = run("fit", real, "--also", made, "--real", "-o", out, *FIT, "--json")
    assert code == 0
    record = json.loads(printed)["record"]
    assert record["generation"] == 2
    assert record["shares"] == {"0": 0.75, "1": 0.25}
    assert [p["name"] for p in record["parents"]] == ["real.csv", "s.parquet"]
    half = tmp_path / "half.csv"
    half.write_text("".join(real.read_text().splitlines(keepends=True)[:501]))
    code, _, err = run("fit", half, "--also", made, "--real", "-o", out, *FIT)
    assert (code, "real rows have 50% of the weight where 60% is the least" in err) == (2, True)
    code, printed, _ = run("trace", real, "--also", made, "--json")
    assert json.loads(printed)["shares"] == {"1": 0.25, "unauthenticated": 0.75}


def test_grow_judges_by_real_rows_only_and_says_what_is_mixed_in(run: Run, folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    asked = ("grow", folder / "s.parquet", "--also", folder / "real.csv", "--real", "-o", out, *FIT, "--json")
    code, printed, err = run(*asked)
    assert code in (0, 1), err
    facts = json.loads(printed)
    # 500 synthetic rows beside 1,500 real ones, of which a fifth is held out.
    assert facts["rows"]["train"] + facts["rows"]["holdout"] <= N
    assert any(n.startswith("29% of the rows to learn from are synthetic") for n in facts["notes"])
    assert facts["record"]["generation"] == 2
    assert "25 % synthetic (generation 1)" in (out / "report.html").read_text("utf-8")


def test_lost_tails_are_refused(run: Run, folder: Path, tmp_path: Path):
    data = read(folder / "s.parquet")
    age = data.table["age"].values
    narrow = data.take(np.flatnonzero((age > 30) & (age < 40)))
    wide = narrow.take(Rng(1).generator().integers(0, len(narrow.table), 500))
    write(wide, tmp_path / "narrow.parquet", {"seedstock": (data.origin["metadata"])["seedstock"]})
    asked = ("fit", folder / "real.csv", "--also", tmp_path / "narrow.parquet", "--real", "-o", tmp_path / "m", *FIT)
    code, _, err = run(*asked)
    assert (code, "'narrow.parquet' has lost tails of the real rows beside it (age: its variance" in err) == (2, True)
    assert run(*asked, "--override", "ages 30 to 40 are wanted")[0] == 0


def test_an_edited_file_is_told_from_its_description(run: Run, folder: Path, tmp_path: Path):
    file = tmp_path / "s.csv"
    file.write_text((folder / "s.csv").read_text().replace("Private", "private", 1))
    (tmp_path / f"s.csv{SUFFIX}").write_text((folder / f"s.csv{SUFFIX}").read_text())
    code, out, _ = run("trace", file, "--json")
    assert code == 0
    assert any("was changed after its Croissant description" in n for n in json.loads(out)["notes"])
    assert run("fit", file, "-o", tmp_path / "model", *FIT)[0] == 2
