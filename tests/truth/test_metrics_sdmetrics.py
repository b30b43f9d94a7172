"""Shapes and trends against SDMetrics, an independent public implementation, and against closed forms."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from seedstock.core.results import Evidence
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.metrics.shapes import METRIC as SHAPES
from seedstock.metrics.shapes import ks_distance, tv_distance
from seedstock.metrics.trends import METRIC as TRENDS
from seedstock.metrics.trends import cramers_v

KINDS = {"a": "number", "b": "number", "when": "datetime", "c": "category", "d": "category", "e": "boolean"}
SDTYPES = {"number": "numerical", "datetime": "datetime", "category": "categorical", "boolean": "boolean"}


def frame(n: int, seed: int, missing: float) -> pd.DataFrame:
    g = np.random.default_rng(seed)
    z = g.standard_normal((n, 3)) @ g.standard_normal((3, 3))
    out = pd.DataFrame(
        {
            "a": z[:, 0] * 10,
            "b": np.exp(z[:, 1]).round(1),
            "when": pd.Timestamp("2020-01-01") + pd.to_timedelta((z[:, 2] * 1e5).round(), unit="s"),
            "c": np.array(["x", "y", "z", f"only-{seed}"], object)[np.clip((z[:, 0] + 2).astype(int), 0, 3)],
            "d": np.array([f"v{k}" for k in range(30)], object)[np.minimum(g.geometric(0.2, n), 30) - 1],
            "e": pd.array(z[:, 1] > 0.3, dtype="boolean").astype(object),
        }
    )
    for name in out:
        out.loc[g.random(n) < missing, name] = None
    return out


def dataset(df: pd.DataFrame) -> Dataset:
    columns = {}
    for name in df:
        missing = df[name].isna().to_numpy()
        if KINDS[name] == "number":
            columns[name] = Column.of(df[name].to_numpy(float))
        elif KINDS[name] == "datetime":
            columns[name] = Column.of(df[name].to_numpy("datetime64[us]"))
        elif KINDS[name] == "boolean":
            columns[name] = Column.of(df[name].where(~missing, False).to_numpy(bool), missing)
        else:
            columns[name] = Column.of_texts([None if m else str(v) for v, m in zip(df[name], missing, strict=True)])
    schema = TableSchema({name: ColumnSchema(KINDS[name]) for name in df})
    return Dataset({"t": Table(columns)}, Schema({"t": schema}))


def reference(real: pd.DataFrame, synthetic: pd.DataFrame) -> tuple[float, float, pd.DataFrame]:
    from sdmetrics.reports.single_table._properties import ColumnPairTrends, ColumnShapes

    metadata = {"columns": {name: {"sdtype": SDTYPES[KINDS[name]]} for name in real}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shapes, trends = ColumnShapes(), ColumnPairTrends()
        return (
            100 * (1 - shapes.get_score(real, synthetic, metadata)),
            100 * (1 - trends.get_score(real, synthetic, metadata)),
            trends.details,
        )


@pytest.mark.parametrize(("n", "m", "missing"), [(400, 700, 0.0), (500, 300, 0.15), (60, 50, 0.4)])
def test_shape_and_trend_errors_are_those_of_the_published_report(n: int, m: int, missing: float) -> None:
    real, held, made = frame(n, 1, missing), frame(90, 3, missing), frame(m, 2, missing)
    evidence = Evidence(dataset(real), dataset(held), dataset(made))
    (shape,), (trend,) = SHAPES()(evidence, Rng(0)), TRENDS()(evidence, Rng(0))
    for score, k in ((shape, 0), (trend, 1)):
        # In percent. SDMetrics adds 1e-6 rows to categories that only the synthetic table has.
        assert score.value == pytest.approx(reference(real, made)[k], abs=1e-5)
        assert score.floor == pytest.approx(reference(real, held)[k], abs=1e-5)
    pairs = reference(real, made)[2].set_index(["Column 1", "Column 2"])["Score"]
    for pair in trend.details["worst_pairs"]:
        assert pair["error"] == pytest.approx(100 * (1 - pairs[pair["a"], pair["b"]]), abs=1e-6)


def test_constant_and_empty_columns_are_left_out_as_in_the_report() -> None:
    real, made = frame(200, 1, 0.1), frame(200, 2, 0.1)
    real["a"], made["b"] = 3.0, np.nan
    evidence = Evidence(dataset(real), dataset(real), dataset(made))
    shapes, trends, _ = reference(real, made)
    assert SHAPES()(evidence, Rng(0))[0].value == pytest.approx(shapes, abs=1e-6)
    assert TRENDS()(evidence, Rng(0))[0].value == pytest.approx(trends, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_ks_distance_is_scipys(seed: int) -> None:
    g = np.random.default_rng(seed)
    a, b = g.integers(0, 20, 300).astype(float), g.integers(3, 25, 170).astype(float)
    assert ks_distance(a, b) == pytest.approx(ks_2samp(a, b).statistic, abs=1e-12)


def test_distances_of_known_distributions() -> None:
    n = 100_000
    u = (np.arange(n) + 0.5) / n
    # Uniform on 0..1 against uniform on 0..2: the distribution functions differ by 1/2 at most, at 1.
    assert ks_distance(u, 2 * u) == pytest.approx(0.5, abs=1e-4)
    # x against x^2, both uniform: sup of sqrt(t) - t is 1/4, at t = 1/4.
    assert ks_distance(u, u**2) == pytest.approx(0.25, abs=1e-4)
    # Shares 0.5, 0.3, 0.2 against 0.2, 0.3, 0.5.
    assert tv_distance(np.repeat([0, 1, 2], [5, 3, 2]), np.repeat([0, 1, 2], [2, 3, 5])) == pytest.approx(0.3)
    assert np.isnan(tv_distance(np.array([-1, -1]), np.array([0])))


def test_infinities_and_huge_numbers_keep_their_order() -> None:
    assert ks_distance(np.array([-np.inf, 0.0, np.inf]), np.array([-np.inf, 0.0, 1e308])) == pytest.approx(1 / 3)


def test_cramers_v_of_independent_and_of_equal_columns() -> None:
    a, b = np.divmod(np.arange(10_000), 100)
    assert cramers_v(a % 5, b % 4) == 0.0
    assert cramers_v(a % 5, a % 5) == pytest.approx(1.0)
    assert np.isnan(cramers_v(a * 0, b))


def test_one_outlier_moves_the_published_bins_but_not_the_common_ones() -> None:
    real, made = frame(2_000, 1, 0.0), frame(2_000, 1, 0.0)
    made.loc[0, "a"] = 1e6
    (score,) = TRENDS()(Evidence(dataset(real), dataset(real), dataset(made)), Rng(0))
    assert score.value > 5
    assert score.details["common_bins"] < score.value / 2
