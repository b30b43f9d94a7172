from __future__ import annotations

import json

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.provenance.support import PLACES, support

SCHEMA = Schema(
    {
        "data": TableSchema(
            {
                "x": ColumnSchema("number", dtype="float64"),
                "y": ColumnSchema("number", dtype="float64"),
                "c": ColumnSchema("category", ("target",)),
            }
        )
    }
)


def data(x, y, c) -> Dataset:
    columns = {"x": Column.of(np.asarray(x, float)), "y": Column.of(np.asarray(y, float)), "c": Column.of_texts(c)}
    return Dataset({"data": Table(columns)}, SCHEMA)


@pytest.fixture(scope="module")
def two_clouds() -> Dataset:
    """Two clouds with a gap between them along the diagonal."""
    g = np.random.default_rng(0)
    centre = np.repeat([0.0, 10.0], 300)
    return data(centre + g.normal(0, 0.5, 600), centre + g.normal(0, 0.5, 600), ["a", "b"] * 300)


def test_planted_places(two_clouds):
    x = two_clouds.table["x"].values
    made = data([x[0], 0.0, 10.0, 10.0, 99.0, 0.0], [two_clouds.table["y"].values[0], 10.0, 0.0, 10.0, 0.0, 0.0],
                ["a", "a", "b", "a", "a", "new"])  # fmt: skip
    found = support(two_clouds, made, Rng(1))
    assert [PLACES[p] for p in found.place] == ["within", "between", "between", "within", "outside", "outside"]
    assert found.nearest[0] == 0
    # Where nothing real lies, the density is lower.
    assert found.density_ratio[1] < 0.1 * found.density_ratio[3]


def test_groups_say_where_and_why(two_clouds):
    g = np.random.default_rng(1)
    x = np.concatenate([g.normal(0, 0.4, 50), np.full(50, 10.0)])
    y = np.concatenate([g.normal(0, 0.4, 50), np.full(50, -50.0)])
    found = support(two_clouds, data(x, y, ["a"] * 50 + ["b"] * 50), Rng(1))
    groups = {k.name: k for k in found.groups}
    assert groups["all"].rows == 100
    assert groups["a"].place == "within"
    assert groups["a"].within > 0.9
    assert groups["b"].place == "outside"
    assert groups["b"].why == ("y (50 rows)",)
    assert groups["b"].examples[0][0] >= 50
    json.dumps([k.to_json() for k in found.groups])


def test_another_real_sample_lies_within(draw_people):
    found = support(draw_people(2_000, 1), draw_people(500, 2), Rng(1))
    assert found.groups[0].within > 0.7
    assert found.groups[0].density_ratio == pytest.approx(1, abs=0.4)


def test_many_rows_are_sampled_the_same_way(two_clouds):
    a, b = (support(two_clouds, two_clouds, Rng(1), None, 100, 50) for _ in range(2))
    assert len(a.rows) == 50
    assert (a.place == b.place).all()


def test_awkward_tables(two_clouds):
    with pytest.raises(InputError, match="both"):
        support(two_clouds, two_clouds.take(slice(0, 0)), Rng(1))
    one = two_clouds.take(slice(0, 1))
    assert support(one, one, Rng(1)).place.tolist() == [0]
    empty = data([np.nan] * 5, [np.nan] * 5, [None] * 5)
    assert support(empty, empty, Rng(1)).place.tolist() == [0] * 5
    assert support(empty, two_clouds, Rng(1)).groups[0].outside == 1.0
    assert support(two_clouds, two_clouds, Rng(1), by="c").groups[1].name == "a"
