"""One source in another unit or off its calibration, defaults, short and long forms, amounts that look like names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from seedstock import api
from seedstock.checks._run import run_checks
from seedstock.core.results import Finding
from seedstock.core.rng import Rng


def ward(n: int = 900) -> pd.DataFrame:
    g = np.random.default_rng(8)
    sex = g.choice(["F", "M"], n)
    return pd.DataFrame({
        "site": g.choice(["North", "South", "West"], n, p=[0.4, 0.4, 0.2]),
        "sex": sex,
        "weight": np.round(g.normal(70, 12, n) + 8 * (sex == "M"), 1),
        "temp": np.round(36.6 + g.gamma(2, 0.3, n), 1),
        "glucose": np.round(np.exp(g.normal(1.7, 0.2, n)), 3),
        "fee": np.round(g.gamma(3, 90, n), 2),
    })  # fmt: skip


def found(frame: pd.DataFrame, check: str) -> list[Finding]:
    return run_checks(api.read(frame), Rng(0), [check])


def test_a_clean_ward_has_none_of_it() -> None:
    names = ["unit_mixups", "drift", "disguised_missing", "types_and_formats", "inconsistent_categories"]
    assert run_checks(api.read(ward()), Rng(0), names) == []


@pytest.mark.parametrize("column", ["weight", "temp"])
def test_one_site_in_another_unit(column: str) -> None:
    frame = ward()
    west = frame["site"] == "West"
    other = frame[column] * 2.20462 if column == "weight" else frame[column] * 1.8 + 32
    before = frame.loc[west, column].to_numpy()
    frame.loc[west, column] = other[west].round(1)
    (finding,) = found(frame, "unit_mixups")
    assert set(finding.rows) == set(np.flatnonzero(west))
    assert np.abs(np.array([float(e.after or "nan") for e in finding.edits]) - before).max() < 0.1


def test_some_temperatures_in_fahrenheit_beside_fever() -> None:
    frame = ward()
    rows = np.arange(0, 900, 45)
    frame.loc[rows, "temp"] = (frame["temp"][rows] * 1.8 + 32).round(1)
    (finding,) = found(frame, "unit_mixups")
    assert finding.rows == tuple(rows.tolist())


def test_one_site_off_its_calibration() -> None:
    frame = ward()
    west = frame["site"] == "West"
    frame.loc[west, "glucose"] += 2.0
    (finding,) = found(frame, "drift")
    assert finding.details["level"] == "West"
    assert set(finding.rows) == set(np.flatnonzero(west))


def test_a_default_within_the_values() -> None:
    frame = ward()
    frame.loc[::40, "fee"] = 150.0
    (finding,) = found(frame, "disguised_missing")
    assert set(range(0, 900, 40)) <= set(finding.rows)


def test_words_that_reading_takes_for_missing_are_told() -> None:
    frame = ward()
    frame.loc[[3, 50, 77], "site"] = "?"
    (finding,) = found(frame, "disguised_missing")
    assert finding.rows == (3, 50, 77)
    assert finding.severity == "low"


def test_short_and_long_forms() -> None:
    frame = ward()
    frame.loc[[1, 2, 30, 44], "sex"] = frame["sex"][[1, 2, 30, 44]].map({"F": "Female", "M": "male"})
    (finding,) = found(frame, "inconsistent_categories")
    assert finding.rows == (1, 2, 30, 44)
    assert {e.after for e in finding.edits} <= {"F", "M"}


def test_decimal_commas_among_amounts_that_are_all_distinct() -> None:
    frame = ward()
    texts = frame["fee"].map("{:.2f}".format)
    texts[::50] = texts[::50].str.replace(".", ",")
    frame["fee"] = texts
    (finding,) = found(frame, "types_and_formats")
    assert finding.rows == tuple(range(0, 900, 50))


def test_amounts_that_end_in_zeros_are_plain() -> None:
    frame = ward()
    texts = frame["weight"].map(str)
    texts[::50] = texts[::50] + " kg"
    frame["weight"] = texts
    (finding,) = found(frame, "types_and_formats")
    assert finding.rows == tuple(range(0, 900, 50))
