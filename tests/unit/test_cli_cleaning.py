"""`seedstock clean`: what is undone comes back byte by byte, and what is decided is done."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from seedstock import cli

HEAD = "id,city,size,amount\n"


def run(capfd: pytest.CaptureFixture[str], *args: object) -> tuple[int, str, str]:
    code = cli.run([str(a) for a in args])
    return code, *capfd.readouterr()


@pytest.fixture
def dirty(tmp_path: Path) -> Path:
    cities = ["Bonn", "Mainz", "Köln"]
    lines = [f"{i},{cities[i % 3]},{10 + i % 7}.0 oz,{(i * 37) % 91}.25" for i in range(300)]
    lines[5] = "5,bonn ,11.0 oz,3.25"
    lines[7] = "7,Mainzz,10.0 ounce,-999"
    lines[20] = "20,N/A,12.0 oz,4.25"
    lines += [lines[40], lines[41]]
    path = tmp_path / "dirty.csv"
    path.write_text(HEAD + "\n".join(lines) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("policy", ["report", "safe", "thorough"])
@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_undo_gives_the_file_back(
    capfd: pytest.CaptureFixture[str], dirty: Path, tmp_path: Path, policy: str, ending: str
) -> None:
    clean, log, back = tmp_path / f"clean.{ending}", tmp_path / "edits.json", tmp_path / "back.csv"
    code, out, err = run(capfd, "clean", dirty, "-o", clean, "--edits", log, "--policy", policy, "--json")
    assert code == 0, err
    done = json.loads(out)
    assert done["edits"] == len(json.loads(log.read_text("utf-8"))["edits"])
    assert (done["edits"] > 0) == (policy != "report")
    code, out, err = run(capfd, "clean", clean, "--undo", log, "-o", back, "--json")
    assert code == 0, err
    assert json.loads(out)["rows"] == 302
    assert back.read_bytes() == dirty.read_bytes()


def test_a_log_of_other_data_is_refused(capfd: pytest.CaptureFixture[str], dirty: Path, tmp_path: Path) -> None:
    clean, log, other = tmp_path / "clean.csv", tmp_path / "edits.json", tmp_path / "other.csv"
    run(capfd, "clean", dirty, "-o", clean, "--edits", log)
    other.write_text(clean.read_text("utf-8").replace("Bonn", "Ulm", 1), "utf-8")
    for file in (dirty, other, log):
        code, out, err = run(capfd, "clean", file, "--undo", log, "-o", tmp_path / "back.csv")
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert "Traceback" not in err
    assert not (tmp_path / "back.csv").exists()
    for file in (dirty, tmp_path / "nowhere.json"):
        assert run(capfd, "clean", clean, "--undo", file, "-o", tmp_path / "back.csv")[0] == 2
    code, _, err = run(capfd, "clean", clean, "--undo", log, "-o", tmp_path / "back.csv", "--policy", "safe")
    assert code == 2
    assert "--policy" in err


def test_what_is_in_doubt_is_reviewed_and_read_back(
    capfd: pytest.CaptureFixture[str], dirty: Path, tmp_path: Path
) -> None:
    asked = (dirty, "-o", tmp_path / "clean.csv", "--policy", "report")
    review, page = tmp_path / "review.csv", tmp_path / "review.html"
    first = json.loads(run(capfd, "clean", *asked, "--review", review, "--json")[1])
    assert json.loads(run(capfd, "clean", *asked, "--review", page, "--json")[1]) == first
    rows = list(csv.reader(review.read_text("utf-8").splitlines()))
    assert first["in_doubt"] == len(rows) - 1 == page.read_text("utf-8").count('type="checkbox"') > 0
    rows[1][0] = "yes"
    with review.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    again = json.loads(run(capfd, "clean", *asked, "--review", review, "--json")[1])
    assert again["accepted"] == 1
    assert again["edits"] == first["edits"] + 1
    decided = json.loads(run(capfd, "clean", *asked, "--decisions", review, "--json")[1])
    assert decided == again
    rows[1][0] = "perhaps"
    review.write_text("\n".join(",".join(r) for r in rows), "utf-8")
    code, _, err = run(capfd, "clean", *asked, "--review", review)
    assert code == 2
    assert "perhaps" in err
    assert run(capfd, "clean", *asked, "--review", review, "--decisions", review)[0] == 2
