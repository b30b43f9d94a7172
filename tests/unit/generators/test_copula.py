"""The copula's parts: settings, state, blocks, conditions, and awkward widths."""

from __future__ import annotations

import numpy as np
import pytest

from seedstock.core.errors import InputError
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms
from seedstock.generators._copula_blocks import NominalBlock, OrderedBlock
from seedstock.generators._copula_correlation import standard
from seedstock.generators.copula import Copula, CopulaFitted


def dataset(**columns: Column) -> Dataset:
    schema = {
        k: ColumnSchema("category") if c.is_text else ColumnSchema("number", dtype=str(c.values.dtype))
        for k, c in columns.items()
    }
    return Dataset({"data": Table(columns)}, Schema({"data": TableSchema(schema)}))


def mixed(n: int = 600) -> Dataset:
    g = np.random.default_rng(0)
    x = g.normal(size=n)
    kind = np.digitize(x + g.normal(size=n), [-1, 0, 1])
    other = (kind * 2 + g.integers(0, 2, n)) % 5
    return dataset(
        x=Column.of(x, g.random(n) < 0.2),
        kind=Column.of_texts([f"k{i}" for i in kind]),
        other=Column.of_texts([None if i == 4 else f"o{i}" for i in other]),
        flag=Column.of(x > 0.5),
    )


@pytest.fixture(scope="module")
def model() -> CopulaFitted:
    return Copula().fit(mixed(), Rng(1))


@pytest.mark.parametrize(
    "wrong",
    [{"max_axes": 0}, {"shrinkage_share": 1.5}, {"shrinkage_share": -0.1}, {"refine_rounds": -1}, {"sweeps": -1}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Copula(**wrong)  # type: ignore[arg-type]


def test_correlation_is_proper_and_axes_of_one_column_are_independent(model: CopulaFitted) -> None:
    r = model.correlation
    assert np.linalg.eigvalsh(r)[0] > 1e-5
    np.testing.assert_allclose(np.diag(r), 1)
    start = 0
    for block in model.blocks.values():
        own = r[start : start + block.width, start : start + block.width]
        np.testing.assert_allclose(own, np.eye(block.width), atol=1e-9)
        start += block.width
    assert start == len(r)
    assert model.blocks["x"].width == 2
    assert model.blocks["other"].width > 1


def test_margins_are_the_real_ones(model: CopulaFitted) -> None:
    drawn = model.draw(60_000, Rng(4), {})
    for name, atoms in model.plan.atoms.items():
        share = np.bincount(drawn[name], minlength=atoms.k) / 60_000
        real = atoms.counts / atoms.counts.sum()
        assert np.abs(share - real).max() < 0.01, name


def test_every_code_lies_within_its_own_limits(model: CopulaFitted) -> None:
    g = np.random.default_rng(2)
    for name, block in model.blocks.items():
        z = g.normal(size=(2_000, block.width))
        codes = block.decode(z, g)
        for axis in range(block.width):
            low, high = block.limits(codes, z, axis)
            assert (low <= z[:, axis]).all(), (name, axis)
            assert (z[:, axis] <= high).all(), (name, axis)
            # Just beyond a limit lies another cell.
            over = z.copy()
            over[:, axis] = high + 1e-6
            here = np.isfinite(high)
            if isinstance(block, OrderedBlock) and block.gap and axis == 0:
                here &= z[:, 1] > np.quantile(z[:, 1], 0.5)
            assert (block.decode(over, g)[here] != codes[here]).all(), (name, axis)


def test_scores_are_cell_means(model: CopulaFitted) -> None:
    g = np.random.default_rng(3)
    for name, block in model.blocks.items():
        if name == "x":
            continue
        z = g.normal(size=(200_000, block.width))
        codes = block.decode(z, g)
        size = np.bincount(codes)
        for axis in range(block.width):
            mean = np.bincount(codes, z[:, axis]) / size
            np.testing.assert_allclose(block.scores()[size > 2_000, axis], mean[size > 2_000], atol=0.05)


def test_rare_categories_share_a_cell_in_their_proportion() -> None:
    counts = np.array([500, 300, 60, 20])
    block = NominalBlock(
        np.array([[1.0, 0.0], [-1.0, 0.0]]), np.zeros(2), np.array([[0.8, 0.0], [-0.8, 0.0]]),
        np.array([0, 1, 1, 0]), counts,
    )  # fmt: skip
    g = np.random.default_rng(4)
    drawn = block.decode(g.normal(size=(100_000, 2)), g)
    share = np.bincount(drawn, minlength=4) / 100_000
    expected = [0.5 * 500 / 520, 0.5 * 300 / 360, 0.5 * 60 / 360, 0.5 * 20 / 520]
    np.testing.assert_allclose(share, expected, atol=0.006)


def test_given_cells_of_any_pattern_are_kept(model: CopulaFitted) -> None:
    g = np.random.default_rng(5)
    n = 400
    given = {}
    for name, atoms in model.plan.atoms.items():
        codes = g.integers(0, atoms.k, n)
        given[name] = np.where(g.random(n) < 0.5, codes, -1)
    drawn = model.draw(n, Rng(6), given)
    for name, codes in given.items():
        here = codes >= 0
        np.testing.assert_array_equal(drawn[name][here], codes[here])
        assert drawn[name].min() >= 0
        assert drawn[name].max() < model.plan.atoms[name].k


def test_conditions_that_hardly_occur_together_give_finite_draws() -> None:
    x = np.linspace(-3, 3, 2_000)
    fitted = Copula().fit(dataset(a=Column.of(x), b=Column.of(x**3), c=Column.of(-x)), Rng(1))
    given = {"a": np.full(50, 1_999), "b": np.zeros(50, np.int64)}
    drawn = fitted.draw(50, Rng(2), given)
    assert drawn["c"].min() >= 0
    assert drawn["c"].max() < 2_000


def test_state_comes_back_equal(model: CopulaFitted) -> None:
    again = CopulaFitted.from_state(model.state())
    assert again.sample(500, Rng(7)).table.equals(model.sample(500, Rng(7)).table)
    given = Table({"kind": Column.of_texts(["k1", "k2"] * 40)})
    assert again.sample(80, Rng(7), given=given).table.equals(model.sample(80, Rng(7), given=given).table)


@pytest.mark.parametrize("harm", ["nan", "shape", "asymmetric", "indefinite", "order", "cell", "kind", "lost"])
def test_damaged_states_are_refused(model: CopulaFitted, harm: str) -> None:
    own = model.own_state()
    arrays = {k: v.copy() for k, v in own.arrays.items()}
    meta = {**own.meta, "blocks": {k: dict(v) for k, v in own.meta["blocks"].items()}}
    r = arrays["correlation"]
    names = list(meta["blocks"])
    if harm == "nan":
        r[0, 1] = r[1, 0] = np.nan
    elif harm == "shape":
        arrays["correlation"] = r[1:, 1:]
    elif harm == "asymmetric":
        r[0, 1] += 0.5
    elif harm == "indefinite":
        r[:] = 1 - 2 * np.eye(len(r))
    elif harm == "order":
        arrays["0.order"][:] = 0
    elif harm == "cell":
        arrays[f"{names.index('other')}.cell"][0] = 10_000
    elif harm == "kind":
        meta["blocks"]["x"]["kind"] = "foreign"
    else:
        del meta["blocks"]["flag"]
    plan = model.plan.state()
    whole = {f"plan.{k}": v for k, v in plan.arrays.items()} | {f"own.{k}": v for k, v in arrays.items()}
    with pytest.raises(InputError, match="damaged"):
        CopulaFitted.from_state(State(whole, {"plan": plan.meta, "own": meta}))


def test_wide_tables_with_fewer_rows_than_columns() -> None:
    g = np.random.default_rng(8)
    columns = {f"x{i}": Column.of(g.normal(size=40)) for i in range(250)}
    columns |= {f"c{i}": Column.of_texts([f"v{j}" for j in g.integers(0, 5, 40)]) for i in range(200)}
    fitted = Copula().fit(dataset(**columns), Rng(1))
    assert np.linalg.eigvalsh(fitted.correlation)[0] > 0
    assert len(fitted.draw(100, Rng(2), {})) == 450


def test_ten_thousand_categories_take_few_axes() -> None:
    g = np.random.default_rng(9)
    codes = np.r_[np.arange(10_000), g.integers(0, 10_000, 10_000)]
    column = Column.of_texts([f"c{i}" for i in codes])
    fitted = Copula().fit(dataset(c=column, y=Column.of(codes % 7 + g.normal(size=20_000))), Rng(1))
    assert fitted.blocks["c"].width <= 6
    assert len(np.unique(fitted.draw(40_000, Rng(2), {})["c"])) > 5_000


def test_constants_and_gaps_need_no_axes() -> None:
    data = dataset(
        c=Column.of(np.full(20, 4)), none=Column.of(np.full(20, np.nan)), x=Column.of(np.arange(20.0)),
        half=Column.of(np.full(20, 1.5), np.arange(20) % 2 == 0),
    )  # fmt: skip
    fitted = Copula().fit(data, Rng(1))
    assert list(fitted.blocks) == ["x", "half"]
    assert len(fitted.correlation) == 2


def test_improper_correlations_are_mended() -> None:
    r = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1.0]])
    mended = standard(r, np.arange(4))
    assert np.linalg.eigvalsh(mended)[0] > 1e-5
    np.testing.assert_allclose(np.diag(mended), 1)
    assert mended[0, 1] > 0.3
    assert mended[0, 2] < -0.3


def test_one_axis_is_an_interval() -> None:
    atoms, _ = Atoms.fit(Column.of(np.array([1, 1, 2, 3])), ColumnSchema("number", dtype="int64"))
    block = OrderedBlock.fit(atoms)
    z = np.array([[-3.0], [-0.1], [0.1], [3.0]])
    assert block.decode(z, np.random.default_rng(0)).tolist() == [0, 0, 1, 2]
