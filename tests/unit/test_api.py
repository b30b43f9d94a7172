"""The verbs: users get back what they hand in."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import seedstock
from seedstock import SeedstockError
from seedstock.conditions import Rare


def frame(n: int = 240) -> pd.DataFrame:
    g = np.random.default_rng(0)
    x = g.normal(size=n)
    return pd.DataFrame({
        "x": x.round(2),
        "n": g.integers(0, 5, n),
        "c": np.where(x > 1, "rare", "common"),
        "when": pd.to_datetime("2024-01-01") + pd.to_timedelta(g.integers(0, 90, n), unit="D"),
    })  # fmt: skip


FLAVOURS: list[Any] = [(frame, pd.DataFrame), (lambda: pl.from_pandas(frame()), pl.DataFrame),
                       (lambda: pa.Table.from_pandas(frame(), preserve_index=False), pa.Table)]  # fmt: skip


@pytest.mark.parametrize(("make", "kind"), FLAVOURS)
def test_what_goes_in_comes_back(make: Any, kind: type) -> None:
    source = make()
    grown = seedstock.grow(source, target="c", generator="independent", seed=2)
    assert isinstance(grown.table, kind)
    if isinstance(source, pl.DataFrame):
        assert grown.table.schema == source.schema
    elif isinstance(source, pd.DataFrame):
        assert grown.table.dtypes.to_dict() == source.dtypes.to_dict()
    else:
        assert grown.table.schema.equals(source.schema)
    assert len(grown.table) == len(source)
    model = seedstock.fit(source, generator="independent")
    assert isinstance(model.sample(5), kind)
    cleaned, _ = seedstock.clean(source)
    assert isinstance(cleaned, kind)


def test_a_path_gives_pandas_and_the_others_on_request(tmp_path: Path) -> None:
    frame().to_csv(tmp_path / "t.csv", index=False)
    grown = seedstock.grow(tmp_path / "t.csv", generator="independent")
    assert isinstance(grown.table, pd.DataFrame)
    assert isinstance(grown.to_polars(), pl.DataFrame)
    assert isinstance(grown.to_arrow(), pa.Table)
    assert list(grown.to_pandas()) == ["x", "n", "c", "when"]


def test_grown_shows_itself(tmp_path: Path) -> None:
    grown = seedstock.grow(frame(), target="c", generator="independent")
    assert grown.verdict.sentence in repr(grown)
    assert "<table" in grown._repr_html_()
    assert grown.report.startswith("<!")
    assert grown.scores["shape_error"].better == "low"
    folder = grown.save(tmp_path / "out")
    assert sorted(p.name for p in folder.iterdir() if p.name != "croissant.json") == [
        "model", "report.html", "run.json", "synthetic.parquet"
    ]  # fmt: skip
    assert json.loads((folder / "run.json").read_text())["format"] == "seedstock-run"
    assert pd.read_parquet(folder / "synthetic.parquet").shape == (240, 4)


def test_output_folder_and_frame_agree(tmp_path: Path) -> None:
    grown = seedstock.grow(frame(), generator="independent", output=tmp_path / "out", rows=77)
    pd.testing.assert_frame_equal(
        grown.table, pd.read_parquet(tmp_path / "out" / "synthetic.parquet"), check_dtype=False
    )


def test_a_saved_model_draws_the_same_rows(tmp_path: Path) -> None:
    model = seedstock.fit(frame(), target="c", generator="independent", seed=4)
    model.save(tmp_path / "m")
    again = seedstock.Model.load(tmp_path / "m")
    pd.testing.assert_frame_equal(model.sample(50, seed=1), again.sample(50, seed=1))
    pd.testing.assert_frame_equal(model.sample(50, seed=1), seedstock.sample(tmp_path / "m", 50, seed=1))
    assert (model.sample(30, given={"c": "rare"})["c"] == "rare").all()
    assert again.about["target"] == "c"


def test_rare_values_as_a_mapping_and_as_values() -> None:
    for rare in ({("c", "rare"): 0.5}, [Rare("c=rare", 0.5)]):
        grown = seedstock.grow(frame(), generator="independent", rows=100, rare=rare)
        assert (grown.table["c"] == "rare").sum() == 50


@pytest.mark.parametrize(("generator", "near"), [("copula", False), ("forest", True)])
def test_few_rare_examples_are_kept_near_unless_the_generator_shrinks_classes(generator: str, near: bool) -> None:
    g = np.random.default_rng(0)
    rare = np.arange(800) < 12
    table = pd.DataFrame({"x": g.normal(5 * rare, 1).round(2), "y": g.normal(size=800).round(2)})
    table["kind"] = np.where(rare, "attack", "normal")
    grown = seedstock.grow(table, target="kind", generator=generator, rows=200, rare={("kind", "attack"): 0.5})
    assert (grown.table["kind"] == "attack").sum() == 100
    (share,) = grown.run.record["drawn"]["shares"]
    assert ("near_the_examples" in share) is near


def test_sample_into_a_file(tmp_path: Path) -> None:
    model = seedstock.fit(frame(), generator="independent")
    path = seedstock.sample(model, 33, output=tmp_path / "s.csv")
    assert path == tmp_path / "s.csv"
    assert len(pd.read_csv(path)) == 33


def test_judge_copies() -> None:
    real = frame(400)
    judged = seedstock.judge(real.iloc[:200], real.iloc[200:], real.iloc[:200])
    assert judged.scores["copy_rate"].value == 100
    with pytest.raises(SeedstockError, match="no rows"):
        seedstock.judge(real, real.iloc[:0], real)


def test_check_finds_duplicates_and_leaks() -> None:
    real = frame(200)
    doubled = pd.concat([real, real.iloc[:10]], ignore_index=True)
    assert any("duplicate" in f.check for f in seedstock.check(doubled))
    cleaned, edits = seedstock.clean(doubled)
    assert len(cleaned) == 200
    assert len(edits) == 10


def test_wrong_arguments() -> None:
    for wrong in ({"target": "nowhere"}, {"rows": 0}, {"rows": 1.5}, {"policy": "x"}, {"seed": -1}, {"generator": "x"}):
        with pytest.raises(SeedstockError):
            seedstock.grow(frame(), **{"generator": "independent", **wrong})
    for source in (5, None, "nowhere.csv", pd.DataFrame()):
        with pytest.raises(SeedstockError):
            seedstock.read(source)


def test_public_names() -> None:
    assert set(seedstock.__all__) <= set(dir(seedstock))
    for name in seedstock.__all__:
        assert getattr(seedstock, name).__doc__
    with pytest.raises(AttributeError):
        seedstock.nowhere  # noqa: B018
