"""The copula against what is known: planted correlations, bivariate normal theory, rejection, held-out likelihood."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms
from seedstock.generators._copula_blocks import OrderedBlock
from seedstock.generators._copula_cells import balance, normal_pool
from seedstock.generators._copula_condition import truncated
from seedstock.generators._copula_correlation import hermite, invert
from seedstock.generators.copula import Copula
from seedstock.generators.independent import Independent

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def dataset(**columns: np.ndarray | Column) -> Dataset:
    made = {k: v if isinstance(v, Column) else Column.of(v) for k, v in columns.items()}
    schema = {
        k: ColumnSchema("category") if c.is_text else ColumnSchema("number", dtype=str(c.values.dtype))
        for k, c in made.items()
    }
    return Dataset({"data": Table(made)}, Schema({"data": TableSchema(schema)}))


def words(codes: np.ndarray) -> Column:
    return Column.of_texts([f"w{c}" for c in codes])


def normals(n: int, r: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(r)), r, n)


def shares(a: Column, b: Column) -> dict[tuple[object, object], float]:
    pairs, counts = np.unique([f"{x}|{y}" for x, y in zip(a.texts(), b.texts(), strict=True)], return_counts=True)
    return dict(zip(pairs, counts / counts.sum(), strict=True))


def contingency_error(real: Table, made: Table, a: str, b: str) -> float:
    p, q = shares(real[a], real[b]), shares(made[a], made[b])
    return 0.5 * sum(abs(p.get(k, 0) - q.get(k, 0)) for k in p | q)


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.3, 0.8, 0.95])
def test_ties_do_not_weaken_a_known_correlation(rho: float) -> None:
    z = normals(20_000, np.array([[1, rho, rho], [rho, 1, rho**2], [rho, rho**2, 1]]), 1)
    steps = np.digitize(z[:, 2], [-1.2, 0.1, 0.6])
    model = Copula(shrinkage_share=0).fit(dataset(x=np.exp(z[:, 0]), rare=z[:, 1] > 1.3, steps=steps), Rng(1))
    r = model.correlation
    assert r[0, 1] == pytest.approx(rho, abs=0.035)
    assert r[0, 2] == pytest.approx(rho, abs=0.02)
    assert r[1, 2] == pytest.approx(rho**2, abs=0.035)


def test_moments_of_two_binary_columns_invert_to_the_tetrachoric_correlation() -> None:
    """Sheppard 1899: both cut at 0, P(both above) = 1/4 + arcsin(r) / (2 pi)."""
    block = OrderedBlock(np.arange(2), np.array([0, 0.5, 1]), 0.0)
    score = block.scores()[1, 0]
    for r in (-0.7, 0.2, 0.5, 0.85):
        both = 0.25 + np.arcsin(r) / (2 * np.pi)
        moment = score**2 * (4 * both - 1)
        c = hermite(block, 40)[None]
        assert invert(np.array([[moment]]), c, c)[0, 0] == pytest.approx(r, abs=0.01)


def test_correlation_with_missing_cells_is_that_of_the_present_ones() -> None:
    z = normals(20_000, np.array([[1, 0.7], [0.7, 1]]), 2)
    gone = np.random.default_rng(3).random(20_000) < 0.4
    model = Copula(shrinkage_share=0).fit(dataset(a=z[:, 0], b=Column.of(z[:, 1], gone)), Rng(1))
    assert model.correlation[0, 1] == pytest.approx(0.7, abs=0.02)
    assert model.correlation[0, 2] == pytest.approx(0.0, abs=0.03)


def test_missingness_that_depends_on_another_column_is_kept() -> None:
    z = normals(20_000, np.eye(2), 4)
    gone = z[:, 0] + 0.5 * np.random.default_rng(5).normal(size=20_000) > 0.8
    drawn = Copula().fit(dataset(a=z[:, 0], b=Column.of(z[:, 1], gone)), Rng(1)).sample(20_000, Rng(2)).table
    lost = drawn["b"].missing
    assert lost.mean() == pytest.approx(gone.mean(), abs=0.015)
    for cut in (-0.5, 0.5, 1.2):
        assert lost[drawn["a"].values > cut].mean() == pytest.approx(gone[z[:, 0] > cut].mean(), abs=0.04)


def test_conditional_mean_and_variance_of_the_bivariate_normal() -> None:
    rho = 0.8
    z = normals(30_000, np.array([[1, rho], [rho, 1]]), 6)
    model = Copula().fit(dataset(x=z[:, 0], y=z[:, 1]), Rng(1))
    for value in (-1.5, 0.0, 1.0):
        given = Table({"x": Column.of(np.full(8_000, value))})
        y = model.sample(8_000, Rng(3), given=given).table["y"].values
        assert y.mean() == pytest.approx(rho * value, abs=0.05)
        assert y.std() == pytest.approx(np.sqrt(1 - rho**2), abs=0.04)


def test_conditional_mean_given_a_tied_cell() -> None:
    """E[y | x > t] = rho phi(t) / (1 - Phi(t)): the whole tail behind the tie, not one point of it."""
    rho, t = 0.7, 0.5
    z = normals(30_000, np.array([[1, rho], [rho, 1]]), 7)
    model = Copula().fit(dataset(x=z[:, 0] > t, y=z[:, 1]), Rng(1))
    y = model.sample(15_000, Rng(3), given=Table({"x": Column.of(np.ones(15_000, bool))})).table["y"].values
    assert y.mean() == pytest.approx(rho * stats.norm.pdf(t) / stats.norm.sf(t), abs=0.035)
    tail = z[:, 1][z[:, 0] > t]
    assert stats.ks_2samp(y, tail).statistic < 0.03


def test_conditions_on_several_columns_agree_with_rejection() -> None:
    z = normals(8_000, np.array([[1, 0.6, 0.5], [0.6, 1, 0.4], [0.5, 0.4, 1]]), 8)
    kind = np.argmax(z @ np.array([[1, 0.2, -1], [0, 1, -1], [0, 0, 0.5]]) + np.array([0.2, 0.1, 0]), axis=1)
    data = dataset(a=np.digitize(z[:, 0], [-0.5, 0.8]), kind=words(kind), y=z[:, 2], flag=z[:, 1] > 0.2)
    model = Copula().fit(data, Rng(1))
    free = model.sample(200_000, Rng(2)).table
    kept = (free["a"].values == 2) & (free["kind"].texts() == "w1")
    assert kept.sum() > 2_000
    n = 10_000
    given = Table({"a": Column.of(np.full(n, 2)), "kind": Column.of_texts(["w1"] * n)})
    drawn = model.sample(n, Rng(3), given=given).table
    assert stats.ks_2samp(drawn["y"].values, free["y"].values[kept]).statistic < 0.04
    assert drawn["flag"].values.mean() == pytest.approx(free["flag"].values[kept].mean(), abs=0.03)


def test_truncated_normals_follow_their_law_in_the_far_tail() -> None:
    u = np.random.default_rng(9).random(20_000)
    for low, high in ((-np.inf, -7.0), (6.0, np.inf), (60.0, np.inf), (-0.3, 2.0), (8.0, 8.1)):
        x = truncated(np.full_like(u, low), np.full_like(u, high), u)
        assert x.min() >= low
        assert x.max() <= high
        assert x.mean() == pytest.approx(stats.truncnorm.mean(low, high), abs=0.015)


def test_cells_hold_the_masses_asked() -> None:
    g = np.random.default_rng(10)
    for d, m in ((2, 12), (3, 5), (6, 30)):
        mass = g.dirichlet(np.ones(m)) + 0.003
        mass /= mass.sum()
        points, pool = g.normal(size=(m, d)), normal_pool(d, Rng(1))
        offsets = balance(points, mass, pool)
        fresh = g.normal(size=(200_000, d))
        held = np.bincount(np.argmax(fresh @ points.T + offsets, axis=1), minlength=m) / len(fresh)
        assert np.abs(held - mass).sum() / 2 < 0.01


def test_planted_table_of_two_categories_is_recovered() -> None:
    """Two directions of dependence at once: no order of the categories could show both."""
    g = np.random.default_rng(11)
    joint = np.full((4, 4), 0.02)
    joint[[0, 1, 2, 3], [2, 0, 3, 1]] = [0.25, 0.2, 0.15, 0.16]
    joint /= joint.sum()
    cells = g.choice(16, 20_000, p=joint.ravel())
    data = dataset(a=words(cells // 4), b=words(cells % 4))
    errors = [
        contingency_error(data.table, model.fit(data, Rng(1)).sample(20_000, Rng(2)).table, "a", "b")
        for model in (Independent(), Copula(max_axes=1), Copula())
    ]
    assert errors[0] > 0.4
    assert errors[1] > 0.12
    assert errors[2] < 0.15 * errors[0]


def test_a_category_that_follows_a_number_is_laid_in_its_order() -> None:
    g = np.random.default_rng(12)
    x = g.normal(size=10_000)
    name = np.array([3, 0, 4, 1, 2])[np.digitize(x, [-1, -0.3, 0.4, 1.1])]
    model = Copula().fit(dataset(x=x, name=words(name)), Rng(1))
    drawn = model.sample(10_000, Rng(2)).table
    again = np.array([3, 0, 4, 1, 2])[np.digitize(drawn["x"].values, [-1, -0.3, 0.4, 1.1])]
    assert (words(again).texts() == drawn["name"].texts()).mean() > 0.93


def test_many_categories_keep_the_dependence_of_the_frequent_ones() -> None:
    g = np.random.default_rng(13)
    c = np.minimum(g.zipf(1.6, 20_000), 5_000)
    y = np.where(g.random(20_000) < 0.8, np.minimum(c, 3), g.integers(1, 4, 20_000))
    data = dataset(c=words(c), y=words(y))
    top = {f"w{i}" for i in range(1, 4)}

    def head(t: Table) -> Table:
        return t.assign({"c": Column.of_texts([v if v in top else "rest" for v in t["c"].texts()])})

    made, floor = (m.fit(data, Rng(1)).sample(20_000, Rng(2)).table for m in (Copula(), Independent()))
    assert contingency_error(head(data.table), head(made), "c", "y") < 0.07
    assert contingency_error(head(data.table), head(floor), "c", "y") > 0.3


def test_shrinkage_beats_none_on_held_out_rows() -> None:
    p, n = 30, 45
    r = 0.6 ** np.abs(np.subtract.outer(np.arange(p), np.arange(p)))
    gains = []
    for seed in range(4):
        z = normals(n + 2_000, r, 20 + seed)
        data = dataset(**{f"x{i}": z[:n, i] for i in range(p)})
        found = [Copula(shrinkage_share=s).fit(data, Rng(1)).correlation for s in (0.0, 1.0)]
        plain, shrunken = (stats.multivariate_normal(np.zeros(p), c).logpdf(z[n:]).mean() for c in found)
        gains.append(shrunken - plain)
    assert min(gains) > 1.0


def test_shrinkage_is_full_without_dependence_and_small_with_many_rows() -> None:
    g = np.random.default_rng(14)
    noise = dataset(**{f"x{i}": g.normal(size=60) for i in range(40)})
    assert Copula().fit(noise, Rng(1)).shrinkage > 0.8
    z = normals(20_000, np.array([[1, 0.5], [0.5, 1]]), 15)
    assert Copula().fit(dataset(x=z[:, 0], y=z[:, 1]), Rng(1)).shrinkage < 0.001


def test_interval_scores_are_the_means_of_the_cells() -> None:
    atoms, _ = Atoms.fit(Column.of(np.repeat([1, 2, 5], [20, 50, 30])), ColumnSchema("number", dtype="int64"))
    cuts = [-np.inf, *stats.norm.ppf([0.2, 0.7]), np.inf]
    expected = [stats.truncnorm.mean(a, b) for a, b in pairwise(cuts)]
    np.testing.assert_allclose(OrderedBlock.fit(atoms).scores()[:, 0], expected, atol=1e-9)


@pytest.mark.shared
def test_census_pairs_are_far_nearer_than_independent_columns() -> None:
    if not (SHARED / "adult_train.csv").exists():
        pytest.skip("the census table is not beside the repository (../shared/data/adult_train.csv)")
    from seedstock.sources.read import read

    data = read(SHARED / "adult_train.csv").take(slice(0, 8_000))
    made, floor = (m.fit(data, Rng(1)).sample(8_000, Rng(2)).table for m in (Copula(), Independent()))
    for a, b in (("marital_status", "relationship"), ("workclass", "occupation"), ("education", "occupation")):
        error, base = (contingency_error(data.table, t, a, b) for t in (made, floor))
        assert error < 0.6 * base, (a, b)
