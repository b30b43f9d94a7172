"""Numbers and dates written in two ways: what is planted is found, mended to the true value, and undone exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seedstock import api
from seedstock.checks._run import run_checks
from seedstock.core.rng import Rng
from seedstock.sources.notation import notation
from seedstock.sources.numbers import Numbers, parse_numbers

N = 600
Write = Callable[[float], str]


def english(v: float) -> str:
    return f"{v:,.2f}"


def european(v: float) -> str:
    return english(v).translate(str.maketrans(".,", ",."))


def point(v: float) -> str:
    return f"{v:.2f}"


def comma(v: float) -> str:
    return point(v).replace(".", ",")


def whole(v: float) -> str:
    return f"{v:.0f}"


def grouped(sign: str) -> Write:
    return lambda v: f"{v:,.0f}".replace(",", sign)


PAIRS = {
    "groups among points": (point, english),
    "points among groups": (english, point),
    "European among English": (english, european),
    "English among European": (european, english),
    "European among points": (point, european),
    "points among commas": (comma, point),
    "commas among whole numbers": (whole, grouped(",")),
    "whole numbers among commas": (grouped(","), whole),
    "dots among whole numbers": (whole, grouped(".")),
    "dots among commas": (grouped(","), grouped(".")),
    "apostrophes among whole numbers": (whole, grouped("'")),
    "spaces among whole numbers": (whole, grouped("\u202f")),
}


def written(share: float, usual: Write, odd: Write) -> tuple[list[str], np.ndarray, np.ndarray]:
    g = np.random.default_rng(3)
    values = np.round(g.lognormal(8, 1, N), 0 if "." not in usual(1.5) and "," not in usual(1.5) else 2)
    taken = g.random(N) < share
    cells = [odd(v) if t else usual(v) for v, t in zip(values, taken, strict=True)]
    return cells, values, np.array([c != usual(v) for c, v in zip(cells, values, strict=True)])


def save(path: Path, cells: list[str]) -> Path:
    g = np.random.default_rng(4)
    x = g.normal(size=len(cells)).round(3)
    path.write_text("x;amount\n" + "".join(f"{a};{c}\n" for a, c in zip(x, cells, strict=True)), "utf-8")
    return path


@pytest.mark.parametrize("share", [0.04, 0.2])
@pytest.mark.parametrize("name", PAIRS)
def test_numbers_in_two_notations(name: str, share: float, tmp_path: Path) -> None:
    usual, odd = PAIRS[name]
    cells, values, wrong = written(share, usual, odd)
    data = api.read(save(tmp_path / "a.csv", cells))
    (finding,) = run_checks(data, Rng(0), ["types_and_formats"])
    assert set(finding.rows) == set(np.flatnonzero(wrong).tolist())
    mended = api.clean_dataset(data)
    column = mended.after.table["amount"]
    assert not column.is_text
    assert np.array_equal(column.values, values)
    before = api.undo_dataset(mended.after, mended.edits)
    assert before.table["amount"].texts().tolist() == cells


@pytest.mark.parametrize("name", ["groups among points", "English among European", "points among commas"])
def test_numbers_in_two_notations_in_a_frame(name: str) -> None:
    usual, odd = PAIRS[name]
    cells, values, wrong = written(0.05, usual, odd)
    frame = pd.DataFrame({"x": np.random.default_rng(4).normal(size=N).round(3), "amount": cells})
    (finding,) = run_checks(api.read(frame), Rng(0), ["types_and_formats"])
    assert set(finding.rows) == set(np.flatnonzero(wrong).tolist())
    cleaned, edits = api.clean(frame)
    assert np.array_equal(cleaned["amount"].to_numpy(), values)
    assert api.undo(cleaned, edits)["amount"].tolist() == cells


@pytest.mark.parametrize(
    "write", [english, european, point, comma, whole, grouped(","), grouped("."), lambda v: f"{v:.3f}"]
)
def test_numbers_in_one_notation(write: Write, tmp_path: Path) -> None:
    cells, _, _ = written(0, write, write)
    data = api.read(save(tmp_path / "a.csv", cells))
    assert data.columns["amount"].kind == "number"
    assert run_checks(data, Rng(0), ["types_and_formats"]) == []


def test_what_can_be_read_in_two_ways_is_for_review(tmp_path: Path) -> None:
    """Three decimals in both notations: 1,234 is 1234 to one and 1.234 to the other."""
    g = np.random.default_rng(5)
    values = np.round(g.lognormal(2, 1, N), 3)
    cells = [f"{v:,.3f}" if k % 10 else f"{v:,.3f}".translate(str.maketrans(".,", ",.")) for k, v in enumerate(values)]
    cells[7::50] = ["1,234.500"] * len(cells[7::50])
    cells[10::50] = ["1.234,500"] * len(cells[10::50])
    findings = run_checks(api.read(save(tmp_path / "a.csv", cells)), Rng(0), ["types_and_formats"])
    doubtful = [e for f in findings for e in f.edits if e.before in cells[:1]]
    assert doubtful
    assert not any(e.safe for e in doubtful)


@pytest.mark.parametrize(
    ("usual", "odd"),
    [("%Y-%m-%d", "%d/%m/%Y"), ("%d/%m/%Y", "%Y-%m-%d"), ("%d.%m.%Y", "%m/%d/%Y"), ("%Y-%m-%d", "%d %b %Y")],
)
def test_dates_in_two_forms(usual: str, odd: str, tmp_path: Path) -> None:
    g = np.random.default_rng(6)
    days = [d.item() for d in np.datetime64("2021-01-01") + g.integers(0, 900, N)]
    taken = (g.random(N) < 0.05) & np.array([d.day > 12 for d in days])
    cells = [d.strftime(odd if t else usual) for d, t in zip(days, taken, strict=True)]
    data = api.read(save(tmp_path / "a.csv", cells))
    (finding,) = run_checks(data, Rng(0), ["types_and_formats"])
    assert set(finding.rows) == set(np.flatnonzero(taken).tolist())
    mended = api.clean_dataset(data)
    assert mended.after.table["amount"].values.astype("M8[D]").tolist() == days
    assert api.undo_dataset(mended.after, mended.edits).table["amount"].texts().tolist() == cells


def test_numbers_that_are_only_about_right(tmp_path: Path) -> None:
    cells, values, _ = written(0, point, point)
    for k, hedge in ((5, "~"), (50, "<"), (95, "≈ ")):
        cells[k] = hedge + cells[k]
    (finding,) = run_checks(api.read(save(tmp_path / "a.csv", cells)), Rng(0), ["types_and_formats"])
    assert finding.rows == (5, 50, 95)
    assert {e.row: float(e.after or "nan") for e in finding.edits} == {5: values[5], 95: values[95]}
    assert not any(e.safe for e in finding.edits)


def test_nothing_is_set_apart_from_a_nought() -> None:
    """Decimals of three digits: 0,500 is a half, and where both signs occur 1,234 is in doubt."""
    half = parse_numbers(["0,500", "1,234", "2,250"])
    assert isinstance(half, Numbers)
    assert half.values.tolist() == [0.5, 1.234, 2.25]
    mixed = notation(["0,500", "1,234", "2,250", "3.5"], np.ones(4, np.int64))
    assert mixed.plain[0] == "0.500"
    assert mixed.sure.tolist() == [True, False, False, True]
