"""The whole line never lets a real person through, unless asked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seedstock
from seedstock import cli


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    r = np.random.default_rng(0)
    last = [f"{a}{b}" for a in ("Gorq", "Malq", "Verq", "Salq", "Torq") for b in ("dan", "vik", "lin", "mor")]
    names = [f"{first} {name}" for first in ("Ann", "John", "Wei", "Maria") for name in last]
    who = r.integers(0, len(names), 400)
    age = r.integers(18, 80, 400)
    return pd.DataFrame(
        {
            "customer": [names[k] for k in who],
            "mail": [f"{names[k].replace(' ', '.').lower()}@realbank.com" for k in who],
            "ticket": [f"asked by real{i}@realbank.com" for i in range(400)],
            "age": age,
            "bought": np.where(age > 50, "yes", "no"),
        }
    )


def _bytes(folder: Path) -> bytes:
    return b"".join(p.read_bytes().lower() for p in sorted(folder.rglob("*")) if p.is_file())


def test_no_real_person_leaves_the_line(people: pd.DataFrame, tmp_path: Path) -> None:
    grown = seedstock.grow(people, target="bought", output=tmp_path / "out", given={"customer": people["customer"][0]})
    made = grown.table
    for column in ("customer", "mail", "ticket"):
        assert not set(made[column]) & set(people[column]), column
    assert made["customer"].nunique() == 1, "the condition followed its value"
    written = _bytes(tmp_path / "out")
    for real in {*people["customer"].str.split().str[1], "realbank"}:
        assert real.lower().encode() not in written, real


def test_what_is_kept_is_asked_for_and_recorded(people: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    people.head(200).to_csv(file, index=False)
    assert cli.run(["fit", str(file), "-o", str(tmp_path / "m"), "--keep-personal", "-q"]) == 0
    drawn = seedstock.sample(tmp_path / "m", 50)
    assert set(drawn["customer"]) <= set(people["customer"])
    model = seedstock.Model.load(tmp_path / "m")
    assert model.about["record"]["parents"][0]["personal"]["kept"] is True


def test_real_rows_are_judged_on_equal_terms(people: pd.DataFrame, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    people.to_csv(file, index=False)
    seedstock.grow(file, target="bought", output=tmp_path / "out")
    real = pd.read_csv(file)
    judged = seedstock.judge(real.head(200), real.tail(200), tmp_path / "out" / "synthetic.parquet", target="bought")
    shape = judged.scores["shape_error"].details["columns"]["customer"]["error"]
    assert shape < 50, "percent; 100 where names on the two sides have nothing in common"


def test_a_model_tells_why_a_real_persons_value_is_no_condition(people: pd.DataFrame) -> None:
    model, real = seedstock.fit(people), people["customer"][0]
    for given in ({"customer": real}, [f"customer!={real}"], pd.DataFrame({"customer": [real]})):
        with pytest.raises(seedstock.SeedstockError, match="made-up values stand for the real ones"):
            seedstock.sample(model, 1, given=given)
    drawn = seedstock.sample(model, 5)["customer"][0]
    assert set(seedstock.sample(model, 3, given={"customer": drawn})["customer"]) == {drawn}
