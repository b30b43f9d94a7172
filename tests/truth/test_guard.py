"""The guard catches copies of learned rows, spares rows that many share, and makes a forest harder to attack."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.metrics import roc_auc_score

from seedstock.core.errors import InputError
from seedstock.core.given import Allowed, Given
from seedstock.core.results import State
from seedstock.core.rng import Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.encoding.atoms import Atoms, Codes
from seedstock.generators import _guard
from seedstock.generators._forest_fitted import ForestFitted
from seedstock.generators._guard import Guard, _positions
from seedstock.generators.forest import Forest

CODES = dict[str, Codes]
NAMES = [f"c{i}" for i in range(5)]


def column_of(values: np.ndarray) -> Column:
    return Column.of_texts(values) if values.dtype == object else Column.of(values)


def atoms_of(columns: dict[str, np.ndarray]) -> dict[str, Atoms]:
    """Atoms over all values that any row has, so that one code means one value everywhere."""
    out = {}
    for name, values in columns.items():
        kind = "category" if values.dtype == object else "number"
        out[name] = Atoms.fit(column_of(values), ColumnSchema(kind))[0]
    return out


def encoded(atoms: dict[str, Atoms], columns: dict[str, np.ndarray]) -> CODES:
    return {name: atoms[name].encode(column_of(values)) for name, values in columns.items()}


def people(n: int, seed: int) -> dict[str, np.ndarray]:
    g = np.random.default_rng(seed)
    x = g.normal(size=(n, 4)) @ g.normal(size=(4, 4))
    return {**{f"x{i}": x[:, i] for i in range(4)}, "kind": g.choice(np.array(list("abcde"), object), n)}


@pytest.fixture(scope="module")
def planted() -> tuple[dict[str, Atoms], CODES, CODES, np.ndarray]:
    """Learned rows; drawn ones, one in ten of which is a learned one with every number moved by .002 of its spread."""
    learned, drawn = people(3_000, 0), people(10_000, 1)
    g = np.random.default_rng(2)
    copied = np.arange(10_000) % 10 == 0
    of = g.integers(3_000, size=copied.sum())
    for name, values in learned.items():
        moved = values[of]
        drawn[name][copied] = moved if values.dtype == object else moved + 0.002 * values.std() * g.normal(size=len(of))
    atoms = atoms_of({name: np.concatenate([learned[name], drawn[name]]) for name in learned})
    return atoms, encoded(atoms, learned), encoded(atoms, drawn), copied


def fit(atoms: dict[str, Atoms], learned: CODES, drawn: CODES, share: float) -> Guard:
    n = len(next(iter(drawn.values())))

    def draw(m: int, rng: Rng) -> CODES:
        rows = rng.generator().choice(n, m, replace=False)
        return {name: codes[rows] for name, codes in drawn.items()}

    return Guard.fit(draw, learned, atoms, share, Rng(0))


def test_planted_copies_are_caught_and_little_else(planted: tuple[dict[str, Atoms], CODES, CODES, np.ndarray]) -> None:
    atoms, learned, drawn, copied = planted
    passed = fit(atoms, learned, drawn, 0.1).passed(drawn, np.random.default_rng(0))
    assert passed[copied].mean() < 0.15
    assert passed[~copied].mean() > 0.98


@pytest.mark.parametrize("share", [0.01, 0.05, 0.3])
def test_the_share_is_what_was_asked(planted: tuple[dict[str, Atoms], CODES, CODES, np.ndarray], share: float) -> None:
    atoms, learned, drawn, _ = planted
    guard = fit(atoms, learned, drawn, share)
    dropped = 1 - guard.passed(drawn, np.random.default_rng(0)).mean()
    assert dropped == pytest.approx(share, rel=0.2)
    assert guard.share == pytest.approx(dropped, rel=0.2)
    # Places are taken from all over a grid: a hash that left half of it empty would catch too many.
    assert all(half.any() for half in np.array_split(guard.bits, 2, axis=1))


def test_of_more_rows_than_are_guarded_fewer_drawn_ones_are_caught(
    planted: tuple[dict[str, Atoms], CODES, CODES, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    atoms, learned, drawn, _ = planted
    monkeypatch.setattr(_guard, "_ROWS", 1_000)
    guard = fit(atoms, learned, drawn, 0.09)
    assert guard.share == pytest.approx(0.03, rel=0.2)
    assert guard.bits.shape[1] * 8 < 64 * 1_000


def test_where_all_rows_are_copies_chance_tells_which_are_drawn_anew() -> None:
    learned = people(1_000, 0)
    atoms = atoms_of(learned)
    codes = encoded(atoms, learned)
    guard = fit(atoms, codes, codes, 0.2)
    assert 1 - guard.passed(codes, np.random.default_rng(0)).mean() == pytest.approx(0.2, abs=0.04)


def test_rows_that_many_share_are_not_caught() -> None:
    g = np.random.default_rng(0)
    few = {name: g.choice(np.array(list("abc"), object), 2_000) for name in ("p", "q", "r")} | {
        "size": g.integers(3, size=2_000).astype(float)
    }
    atoms = atoms_of(few)
    codes = encoded(atoms, few)
    guard = fit(atoms, codes, codes, 0.05)
    assert guard.passed(codes, np.random.default_rng(0)).all()
    assert guard.share == 0


def test_the_order_of_columns_and_rows_does_not_matter(
    planted: tuple[dict[str, Atoms], CODES, CODES, np.ndarray],
) -> None:
    atoms, learned, drawn, _ = planted
    one = fit(atoms, learned, drawn, 0.1)
    order = np.random.default_rng(3).permutation(len(learned["x0"]))
    other = fit(atoms, {name: learned[name][order] for name in reversed(learned)}, drawn, 0.1)
    assert (one.width, one.agreeing, one.share) == (other.width, other.agreeing, other.share)
    assert np.array_equal(one.bits, other.bits)
    both = [guard.passed(drawn, np.random.default_rng(0)) for guard in (one, other)]
    assert np.array_equal(*both)


def test_numbers_lie_by_rank_and_by_size() -> None:
    atoms = atoms_of({"x": np.array([0.0, 0.0, 0.0, 1.0, 1e300, np.nan])})["x"]
    place = _positions(atoms)
    assert len(place) == 3
    assert np.isfinite(place).all()
    assert (np.diff(place) > 0).all()
    even = _positions(atoms_of({"x": np.linspace(3, 7, 1001)})["x"])
    # Both halves of the mean grow alike where values spread evenly.
    assert np.ptp(even) == pytest.approx(1.0, abs=0.01)
    moments = Column.of(np.array(["2026-01-01", "2026-01-02", "2026-03-01"], "M8[us]"))
    assert (np.diff(_positions(Atoms.fit(moments, ColumnSchema("datetime"))[0])) > 0).all()
    assert np.isfinite(_positions(atoms_of({"x": np.full(9, 4.0)})["x"])).all()


def test_fewer_grids_agree_the_farther_a_row_is() -> None:
    """Two numbers share a randomly shifted cell with the probability 1 - distance / width."""
    x = np.linspace(0, 1, 8_001)
    atoms = atoms_of({"x": x})
    learned = encoded(atoms, {"x": x[::800]})
    guard = replace(fit(atoms, learned, learned, 0.5), width=0.04)._filled(learned)[0]
    for far in (0.01, 0.02, 0.03):
        agreeing = guard._agreeing(encoded(atoms, {"x": x[:-800:800] + far})) / 16
        assert agreeing.mean() == pytest.approx(1 - far / 0.04, abs=0.15)
        assert agreeing.std() < 0.2


@pytest.mark.parametrize("n", range(40, 360, 20))
def test_no_number_shares_a_cell_with_a_missing_one(n: int) -> None:
    x = np.append(np.random.default_rng(n).random(n), np.nan)
    atoms = atoms_of({"x": x})
    learned = encoded(atoms, {"x": x})
    numbers = replace(fit(atoms, learned, learned, 0.5), width=0.002)._numbers["x"]
    assert not (numbers[:-1] == numbers[-1]).any()


def test_rows_of_another_category_are_not_near_unless_cells_are_wide() -> None:
    learned = people(1_000, 0)
    atoms = atoms_of(learned)
    codes = encoded(atoms, learned)
    other = {**codes, "kind": (codes["kind"] + 1) % 5}
    narrow, wide = (replace(fit(atoms, codes, codes, 0.9), chance=1.0, width=w)._filled(codes)[0] for w in (0.01, 2.0))
    g = np.random.default_rng(0)
    assert not narrow.passed(codes, g).any()
    assert narrow.passed(other, g).all()
    # A standard deviation is little beside them: six of seven grids do not look at the category.
    assert (wide._agreeing(other) > 0).sum() >= 0.5 * (wide._agreeing(codes) > 0).sum() > 0


def test_missing_cells_are_near_to_missing_cells_only() -> None:
    g = np.random.default_rng(0)
    x = g.normal(size=500)
    full = {"x": x, "y": g.normal(size=500)}
    gone = {**full, "x": np.where(np.arange(500) < 250, np.nan, x)}
    atoms = atoms_of({name: np.concatenate([full[name], gone[name]]) for name in full})
    guard = replace(fit(atoms, encoded(atoms, full), encoded(atoms, full), 0.9), chance=1.0)
    passed = guard.passed(encoded(atoms, gone), np.random.default_rng(0))
    assert passed[:250].all()
    assert not passed[250:].any()


def test_a_guard_comes_back_and_a_damaged_one_does_not(
    planted: tuple[dict[str, Atoms], CODES, CODES, np.ndarray],
) -> None:
    atoms, learned, drawn, _ = planted
    guard = fit(atoms, learned, drawn, 0.1)
    state = guard.state()
    back = Guard.from_state(state, atoms)
    one, other = (x.passed(drawn, np.random.default_rng(0)) for x in (guard, back))
    assert np.array_equal(one, other)
    bits = state.arrays["bits"]
    for arrays in ({"bits": bits[:3]}, {"bits": bits[:, :-1]}, {"bits": bits.astype(np.int64)}, {"bits": bits[:, :0]}):
        with pytest.raises(InputError, match="fit it again"):
            Guard.from_state(State(arrays, state.meta), atoms)
    for wrong in (
        {"width": 0.0}, {"width": float("nan")}, {"agreeing": 0}, {"agreeing": 99}, {"chance": 2.0}, {"share": 1.0},
        {"names": []}, {"names": ["nobody"]},
    ):  # fmt: skip
        with pytest.raises(InputError, match="fit it again"):
            Guard.from_state(State(state.arrays, {**state.meta, **wrong}), atoms)


def households(n: int, seed: int) -> np.ndarray:
    """Rows of people who are asked several times: what they earn and weigh hardly changes from year to year."""
    g = np.random.default_rng(seed)
    person = g.normal(size=(n // 4, 5))
    return person[g.integers(n // 4, size=n)] + 0.05 * g.normal(size=(n, 5))


@cache
def guarded(share: float) -> tuple[ForestFitted, np.ndarray, np.ndarray]:
    """A forest that remembers much, the rows that it learned, and others of the same households."""
    x = households(5_000, 0).round(4)
    table = Table({name: Column.of(x[::2, i]) for i, name in enumerate(NAMES)})
    kinds = {name: ColumnSchema("number", decimals=4) for name in NAMES}
    data = Dataset({"data": table}, Schema({"data": TableSchema(kinds)}))
    forest = Forest(trees=6, min_leaf_rows=5, shrinkage_share=0, filter_rounds=2, guard_share=share)
    return forest.fit(data, Rng(0)), x[::2], x[1::2]


def attacked(share: float, given: Given | None = None) -> float:
    """AUC of telling learned rows by the distance to the nearest drawn one."""
    fitted, learned, others = guarded(share)
    found = []
    for seed in range(3):
        drawn = fitted.sample(2_500, Rng(seed), given).table
        tree = cKDTree(np.column_stack([drawn[name].values for name in NAMES]))
        near = [-tree.query(rows)[0] for rows in (learned, others)]
        found.append(roc_auc_score(np.repeat([1, 0], 2_500), np.concatenate(near)))
    return float(np.mean(found))


def test_a_guarded_forest_gives_less_away() -> None:
    assert attacked(0.0) > 0.55
    assert attacked(0.15) < attacked(0.0) - 0.015


def test_rows_with_conditions_are_guarded_too() -> None:
    given = Given.everywhere({}, {"c0": Allowed(low=-1.5, high=1.5)}, 2_500)
    fitted, learned, _ = guarded(0.15)
    assert fitted.guard is not None

    def near(model: ForestFitted) -> float:
        drawn = model.sample(2_500, Rng(5), given).table
        tree = cKDTree(learned)
        return float((tree.query(np.column_stack([drawn[name].values for name in NAMES]))[0] < 0.1).mean())

    assert near(fitted) < 0.7 * near(replace(fitted, guard=None))


def test_a_loaded_forest_draws_the_same_guarded_rows() -> None:
    fitted, _, _ = guarded(0.15)
    back = ForestFitted.from_state(fitted.state())
    one, other, free = (
        model.sample(500, Rng(1)).table["c1"].values for model in (fitted, back, replace(fitted, guard=None))
    )
    assert np.array_equal(one, other)
    assert not np.array_equal(one, free)
