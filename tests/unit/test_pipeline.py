"""The line on tables in memory: order, isolation, blocks, conditions; no files."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from seedstock import catalog, drawing, pipeline, stages
from seedstock.clock import Clock, Silent
from seedstock.conditions import Conditions, Rare
from seedstock.core.errors import InputError, ResourceError
from seedstock.core.results import Evidence, Score
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.independent import Independent


def data(n: int = 500, seed: int = 0) -> Dataset:
    g = np.random.default_rng(seed)
    x = g.normal(size=n)
    columns = {
        "x": (ColumnSchema("number", dtype="float64"), Column.of(x)),
        "y": (ColumnSchema("category", ("target",)), Column.of_texts(np.where(x > 1, "rare", "common").tolist())),
    }
    schema = Schema({"data": TableSchema({k: s for k, (s, _) in columns.items()})})
    return Dataset({"data": Table({k: c for k, (_, c) in columns.items()})}, schema)


def grow(source: Dataset, **more: object) -> tuple[pipeline.Run, object]:
    return pipeline.grow(source, Independent(), "independent", **more)  # type: ignore[arg-type]


def test_a_run_says_all() -> None:
    run, fitted = grow(data(), seed=3)
    assert len(run.synthetic.table) == 500
    assert len(run.train.table) + len(run.holdout.table) == 500
    assert len(run.holdout.table) == 100
    assert {"check", "clean", "split", "fit", "sample", "judge", "total"} <= set(run.seconds)
    assert set(run.groups) == {s.name for s in run.scores}
    assert {"shape_error", "copy_rate", "utility_boosting_auc"} <= set(run.groups)
    assert run.model["class"] == "IndependentFitted"
    # The rows of the run are those that the model alone draws under the same seed.
    assert fitted.sample(500, Rng(3).child("sample")).table.equals(run.synthetic.table)  # type: ignore[attr-defined]


def test_equal_seeds_give_equal_runs() -> None:
    one, two = (grow(data(), seed=3)[0] for _ in range(2))
    assert one.synthetic.table.equals(two.synthetic.table)
    assert [s.to_json() for s in one.scores] == [s.to_json() for s in two.scores]


def test_the_holdout_is_never_fitted() -> None:
    """A generator that remembers its rows must not know any row of the holdout."""
    run, fitted = grow(data(), seed=1)
    seen = fitted.plan.atoms["x"].values  # type: ignore[attr-defined]
    assert not np.isin(run.holdout.table["x"].values, seen).any()
    assert np.isin(run.train.table["x"].values, seen).all()


@pytest.mark.parametrize("error", [ValueError("two\nlines"), MemoryError(), np.linalg.LinAlgError("singular")])
def test_a_metric_that_fails_costs_one_score(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    class Fails:
        group: ClassVar[str] = "fidelity"

        def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
            raise error

    load = catalog.load
    monkeypatch.setattr(
        catalog, "load", lambda folder, name: SimpleNamespace(METRIC=Fails) if name == "fails" else load(folder, name)
    )
    d = data()
    judged = stages.judge(Evidence(d, d, d), 0, Clock(Silent()), ["fails", "shapes"])
    failed, shape = judged.scores
    assert np.isnan(failed.value)
    assert failed.details["why"]
    assert shape.value == 0
    assert judged.groups["fails"] == "fidelity"


def test_ctrl_c_in_a_metric_is_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stops:
        group: ClassVar[str] = "fidelity"

        def __call__(self, evidence: Evidence, rng: Rng) -> list[Score]:
            raise KeyboardInterrupt

    monkeypatch.setattr(catalog, "load", lambda folder, name: SimpleNamespace(METRIC=Stops))
    with pytest.raises(KeyboardInterrupt):
        stages.judge(Evidence(data(), data(), data()), 0, Clock(Silent()), ["stops"])


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (drawing.CHUNK_ROWS + 10, [*[BLOCK_ROWS] * (drawing.CHUNK_ROWS // BLOCK_ROWS), 10]),
        (3 * drawing.CHUNK_ROWS + 10, [*[drawing.CHUNK_ROWS] * 3, 10]),
    ],
)
def test_rows_go_to_the_sink_in_chunks_and_only_some_are_kept(n: int, sizes: list[int]) -> None:
    fitted = Independent().fit(data(), Rng(1))
    seen: list[int] = []
    kept = drawing.draw(fitted, n, Rng(2), sink=lambda d: seen.append(len(d.table)), keep=100)
    assert seen == sizes
    assert kept.table.equals(fitted.sample(100, Rng(2)).table) or len(kept.table) == 100
    whole = drawing.draw(fitted, n, Rng(2))
    assert whole.table.equals(fitted.sample(n, Rng(2)).table)
    assert drawing.CHUNK_ROWS % BLOCK_ROWS == 0


def test_more_rows_than_memory_are_refused_at_once() -> None:
    fitted = Independent().fit(data(), Rng(1))
    with pytest.raises(ResourceError, match="name an output"):
        drawing.draw(fitted, 10**13, Rng(2))
    assert (drawing.free_memory() or 1) > 0


def test_keep_over_several_chunks() -> None:
    fitted = Independent().fit(data(), Rng(1))
    n = 2 * drawing.CHUNK_ROWS
    kept = drawing.draw(fitted, n, Rng(2), keep=drawing.CHUNK_ROWS + 7)
    assert len(kept.table) == drawing.CHUNK_ROWS + 7
    assert len(drawing.draw(fitted, 0, Rng(2)).table) == 0


def test_rare_rows_are_drawn_and_likeness_is_measured_without_them() -> None:
    source = data(1_000)
    run, _ = grow(
        source, rows=1_000, conditions=lambda train, _: Conditions.make(train, None, [Rare("y=rare", 0.5)], Rng(0))
    )
    assert (run.synthetic.table["y"].texts() == "rare").mean() == 0.5
    shape = next(s for s in run.scores if s.name == "shape_error")
    assert shape.value < 8, "half rare against a sixth would be far above"
    assert any("without them" in note for note in run.notes)


def test_the_outlet_hears_the_model_before_the_rows() -> None:
    heard: list[str] = []

    class Outlet:
        def model(self, fitted: object, ready: object, record: object) -> None:
            heard.append("model")

        @contextmanager
        def rows(self, fitted: object) -> Iterator[object]:
            heard.append("open")
            yield lambda d: heard.append(f"{len(d.table)}")
            heard.append("close")

        def record(self, record: dict[str, object]) -> None:
            assert record["synthetic"]
            heard.append("record")

    run, _ = grow(data(), rows=60, outlet=Outlet(), keep=20)
    assert heard == ["model", "open", "60", "record", "close"]
    assert (run.rows, len(run.synthetic.table)) == (60, 20)
    assert "60 rows were drawn" in run.notes[0]


def test_probe_tells_seconds_and_megabytes() -> None:
    seconds, megabytes = stages.probe(Independent(), data(4_000), Rng(0))
    assert 0 < seconds < 60
    assert megabytes > 0


def test_wrong_numbers_are_named() -> None:
    for rows in (-1, 2.0, True):
        with pytest.raises(InputError):
            grow(data(), rows=rows)
    with pytest.raises(InputError, match="holdout"):
        grow(data(), holdout=0.9)


def test_a_long_training_is_heard_of() -> None:
    from seedstock.core.watching import Moment, tell

    class Slow:
        def fit(self, data: Any, rng: Any) -> Any:
            for k in (1, 2):
                tell(Moment(k, k / 2, 1.0, 10.0, 0.5, 0.5))
            return catalog.load("generators", "independent").TINY.fit(data, rng)

    heard: list[float] = []

    class Ear(Silent):
        def share(self, done: float) -> None:
            heard.append(done)

    stages.fit(Slow(), data(20), 0, Clock(Ear()))
    assert heard == [0.5, 1.0]
