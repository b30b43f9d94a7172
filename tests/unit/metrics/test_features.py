"""The encoder that learning and neighbour measures share, and the row sampling before it."""

import numpy as np
import pytest

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Kind, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.metrics._columns import thin
from seedstock.metrics._features import MAX_LEVELS, encode


def data(**columns: tuple[Kind, Column]) -> Dataset:
    schema = TableSchema({name: ColumnSchema(kind) for name, (kind, _) in columns.items()})
    return Dataset({"t": Table({name: c for name, (_, c) in columns.items()})}, Schema({"t": schema}))


def mixed(x, c) -> Dataset:
    return data(x=("number", Column.of(np.array(x, float))), c=("category", Column.of_texts(c)))


def test_identifiers_and_free_text_are_left_out_and_named():
    one = data(
        x=("number", Column.of(np.arange(3.0))),
        i=("id", Column.of_texts(["1", "2", "3"])),
        t=("text", Column.of_texts(["a b", "b c", "c d"])),
    )
    features = encode(Evidence(one, one, one))
    assert features.names == ("x",)
    assert set(features.left_out) == {"i", "t"}


def test_codes_follow_frequency_and_missing_stays_missing():
    a = mixed([1.0, np.nan, 3.0], ["q", "p", None])
    b = mixed([1.0, 2.0, 3.0], ["p", "p", "z"])
    train, holdout, synthetic = encode(Evidence(a, b, b)).parts
    assert train[:, 1].tolist()[1] == 0.0  # p, the most frequent
    assert np.isnan(train[2, 1])
    assert np.isnan(train[1, 0])
    assert (holdout == synthetic).all()


def test_rare_categories_beyond_the_cap_share_a_bucket_that_is_reported():
    k = MAX_LEVELS + 50
    one = data(c=("category", Column.of_texts([f"v{j}" for j in range(k)])))
    features = encode(Evidence(one, one, one))
    assert features.merged == {"c": 51}
    assert features.parts[0].max() == MAX_LEVELS - 1


def test_embedded_distances_are_rank_differences_and_mismatches():
    real = mixed([0.0, 10.0, 1000.0, 1e6], ["a", "a", "b", "b"])
    points = encode(Evidence(real, real, real)).embedded()[0]

    def distance(i, j):
        return float(((points[i] - points[j]) ** 2).sum())

    # Ranks are 1/8, 3/8, 5/8, 7/8, whatever the scale; a different category adds 1.
    assert distance(0, 1) == pytest.approx(1 / 16)
    assert distance(1, 2) == pytest.approx(1 / 16 + 1)
    assert distance(0, 3) == pytest.approx(9 / 16 + 1)


def test_missing_is_far_from_present_and_equal_to_missing():
    real = data(x=("number", Column.of(np.array([1.0, 2.0, np.nan, np.nan]))))
    points = encode(Evidence(real, real, real)).embedded()[0]
    assert ((points[0] - points[2]) ** 2).sum() >= 1
    assert ((points[3] - points[2]) ** 2).sum() == 0


def test_standardised_columns_have_mean_zero_and_deviation_one_on_real_rows():
    g = np.random.default_rng(0)
    real = data(x=("number", Column.of(g.normal(5, 3, 500))))
    train, holdout, synthetic = encode(
        Evidence(real, real, data(x=("number", Column.of(np.full(3, 1e9)))))
    ).standardised()
    assert np.concatenate([train, holdout]).mean() == pytest.approx(0, abs=1e-12)
    assert np.concatenate([train, holdout]).std() == pytest.approx(1)
    assert synthetic.max() == 10.0  # cut off


def test_thinning_draws_without_replacement_and_keeps_the_order():
    one = data(x=("number", Column.of(np.arange(100.0))))
    x = thin(one, 30, Rng(1)).table["x"].values
    assert len(set(x.tolist())) == 30
    assert (np.diff(x) > 0).all()
    assert (x == thin(one, 30, Rng(1)).table["x"].values).all()
    assert thin(one, 100, Rng(1)) is one
