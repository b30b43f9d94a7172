import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedstock.core.errors import InputError
from seedstock.core.schema import ColumnSchema
from seedstock.core.table import Column
from seedstock.encoding.atoms import Atoms
from seedstock.encoding.ties import Tie, find_ties


def atoms_of(cells: dict[str, Column]) -> dict[str, Atoms]:
    def kind(column: Column) -> ColumnSchema:
        whole = column.values.dtype.kind == "i"
        return ColumnSchema("number", dtype="int64" if whole else "float64", decimals=0 if whole else 2)

    return {name: Atoms.fit(column, kind(column))[0] for name, column in cells.items()}


def found(cells: dict[str, Column], **more: object) -> dict[str, tuple[str, ...]]:
    ties = find_ties(list(cells), cells, atoms_of(cells), **more)  # type: ignore[arg-type]
    return {tie.column: tie.partners for tie in ties}


def bills(n: int = 2_000, seed: int = 0) -> dict[str, Column]:
    """Of the payments 30 % are the bill, 10 % the limit, others a part of the bill; 5 % of the bills are nought."""
    g = np.random.default_rng(seed)
    limit, bill, u = g.integers(1_000, 10**6, n), g.integers(1, 10**6, n), g.random(n)
    bill = np.where(g.random(n) < 0.05, 0, bill)
    paid = np.where(u < 0.3, bill, np.where(u < 0.4, limit, bill * g.random(n) // 2)).astype(np.int64)
    return {"limit": Column.of(limit), "bill": Column.of(bill), "paid": Column.of(paid, g.random(n) < 0.1)}


def test_planted_ties_are_found_the_more_frequent_first() -> None:
    assert found(bills()) == {"paid": ("bill", "limit")}
    assert found(bills(), leave=["paid"]) == {}


def test_values_that_meet_by_chance_are_no_ties() -> None:
    g = np.random.default_rng(1)
    x = np.round(g.normal(size=3_000), 2)
    near = Column.of(np.round(x + g.normal(size=3_000) / 100, 2))
    few = g.integers(20, size=3_000)
    assert np.mean(near.values == x) > 0.2
    assert found({"x": Column.of(x), "near": near}) == {}
    assert found({"few": Column.of(few), "same": Column.of(np.where(g.random(3_000) < 0.5, few, 3))}) == {}
    noughts = np.where(g.random(3_000) < 0.5, 0, g.integers(1, 10**6, 3_000))
    others = np.where(g.random(3_000) < 0.5, 0, g.integers(1, 10**6, 3_000))
    assert found({"a": Column.of(noughts), "b": Column.of(others)}) == {}


def test_small_counts_are_no_copies_of_codes_or_of_common_values() -> None:
    """Both are smallest in the same rows, and so are equal far more often than chance has it; and say nothing by it."""
    g = np.random.default_rng(7)
    season, size = g.integers(1, 5, size=4_000), g.integers(1, 40, size=4_000)
    riders = np.where(g.random(4_000) < 0.1, season, 10 * season + g.poisson(40, 4_000))
    assert np.mean(riders == season) > 0.05
    assert found({"season": Column.of(season), "riders": Column.of(riders)}) == {}
    size = np.where(g.random(4_000) < 0.3, 7, size)
    twin = np.where((size == 7) & (g.random(4_000) < 0.085), 7, g.integers(1, 10**4, size=4_000))
    assert found({"size": Column.of(size), "twin": Column.of(twin)}) == {}


def test_a_column_that_is_always_a_copy_is_left_to_rules() -> None:
    g = np.random.default_rng(2)
    x = g.integers(10**6, size=500)
    assert found({"x": Column.of(x), "y": Column.of(x)}) == {}


def test_columns_on_different_grids_are_not_tied() -> None:
    g = np.random.default_rng(3)
    coarse = 10 * g.integers(10**5, size=1_000)
    fine = np.where(g.random(1_000) < 0.5, coarse, g.integers(10**6, size=1_000))
    assert found({"coarse": Column.of(coarse), "fine": Column.of(fine)}) == {}
    assert found({"fine": Column.of(fine.astype(float)), "whole": Column.of(fine)}) == {}


def test_whole_numbers_that_are_floats_for_missing_cells_are_tied_to_integers() -> None:
    g = np.random.default_rng(4)
    whole = g.integers(10**6, size=1_000)
    gappy = np.where(g.random(1_000) < 0.4, whole.astype(float), np.nan)
    cells = {"gappy": Column.of(gappy), "whole": Column.of(whole)}
    kind = ColumnSchema("number", dtype="float64", decimals=0)
    atoms = atoms_of({"whole": cells["whole"]}) | {"gappy": Atoms.fit(cells["gappy"], kind)[0]}
    (tie,) = find_ties(list(cells), cells, atoms)
    assert (tie.column, tie.partners) == ("whole", ("gappy",))
    kinds = tie.kinds(cells, atoms["whole"])
    blank = Column.of(np.full(1_000, -1))
    made = tie.copied({**cells, "whole": blank}, kinds)["whole"]
    assert made.values.dtype == np.int64
    assert (made.values == np.where(np.isnan(gappy), -1, whole)).all()


def test_kinds_and_copies_say_the_same() -> None:
    cells = bills()
    atoms = atoms_of(cells)
    (tie,) = find_ties(list(cells), cells, atoms)
    kinds = tie.kinds(cells, atoms["paid"])
    assert np.mean(kinds == 1) == pytest.approx(0.3 * 0.9 * 0.95, abs=0.03)
    assert np.mean(kinds == 2) == pytest.approx(0.1 * 0.9, abs=0.02)
    assert not kinds[cells["paid"].missing | (cells["paid"].values == 0)].any()
    blank = Column(np.full_like(cells["paid"].values, -1), cells["paid"].missing)
    made = tie.copied({**cells, "paid": blank}, kinds)["paid"]
    assert (made.values[kinds > 0] == cells["paid"].values[kinds > 0]).all()
    assert (made.values[kinds == 0] == -1).all()
    held = np.ones(len(kinds), bool)
    back = tie.copied({**cells, "paid": blank}, kinds, {"paid": held, "limit": held})
    assert (back["paid"].values == -1).all()
    assert (back["bill"].values[kinds == 1] == -1).all()
    assert (back["bill"].values[kinds != 1] == cells["bill"].values[kinds != 1]).all()
    assert (back["limit"].values == cells["limit"].values).all()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1, max_size=200), st.integers(0, 99))
def test_any_numbers_are_looked_at(values: list[float | None], seed: int) -> None:
    x = np.array([np.nan if v is None else v for v in values])
    y = np.where(np.random.default_rng(seed).random(len(x)) < 0.5, x, np.roll(x, 1))
    cells = {"x": Column.of(x), "y": Column.of(y)}
    for partners in found(cells).values():
        assert partners == ("x",)


def test_damaged_ties_are_refused() -> None:
    cells = bills()
    atoms = atoms_of(cells)
    (tie,) = find_ties(list(cells), cells, atoms)
    known = atoms | {tie.kind: tie.kind_atoms(tie.kinds(cells, atoms["paid"]))}
    assert Tie.from_json(tie.to_json(), known) == tie
    for change in ({"column": "bill2"}, {"partners": ["bill"]}, {"kind": "paid"}, {"partners": ["bill", tie.kind]}):
        with pytest.raises(InputError, match="damaged"):
            Tie.from_json(tie.to_json() | change, known)
    with pytest.raises(InputError, match="damaged"):
        Tie.from_json(tie.to_json(), known, [tie.kind])
