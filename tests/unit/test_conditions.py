import numpy as np
import pytest

from seedstock.conditions import Conditions, Rare
from seedstock.conditions.rare import equal_shares
from seedstock.core.errors import InputError
from seedstock.core.given import Given
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table
from seedstock.generators.independent import Independent


def data() -> Dataset:
    n = 1_000
    g = np.random.default_rng(0)
    columns = {
        "t": (ColumnSchema("category"), Column.of_texts(g.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]).tolist())),
        "i": (ColumnSchema("number", dtype="int64"), Column.of(g.integers(0, 5, n))),
        "x": (ColumnSchema("number", dtype="float64", format=","), Column.of(g.normal(size=n))),
        "b": (ColumnSchema("boolean", dtype="string", format="no/yes"), Column.of(g.random(n) < 0.5)),
        "d": (
            ColumnSchema("datetime", format="%d.%m.%Y", dtype="string"),
            Column.of(np.full(n, np.datetime64("2024-02-01", "us"))),
        ),
        "k": (ColumnSchema("id"), Column.of_texts([f"k{i}" for i in range(n)])),
    }
    schema = Schema({"data": TableSchema({k: s for k, (s, _) in columns.items()})})
    return Dataset({"data": Table({k: c for k, (_, c) in columns.items()})}, schema)


def make(given: dict[str, object] | None = None, *rare: Rare) -> Conditions:
    made = Conditions.make(data(), given, rare, Rng(3))
    assert made is not None
    return made


def test_nothing_asked_is_no_condition() -> None:
    assert Conditions.make(data(), None, (), Rng(0)) is None


def test_fixed_values_are_read_as_their_columns() -> None:
    table = make({"t": "a", "i": "3", "x": "1,5", "b": "yes", "d": "24.12.2023"})(4, 0)
    assert table["t"].texts().tolist() == ["a"] * 4
    assert table["i"].values.tolist() == [3] * 4
    assert table["x"].values.tolist() == [1.5] * 4
    assert table["b"].values.tolist() == [True] * 4
    assert table["d"].values.tolist() == np.array(["2023-12-24"] * 4, "M8[us]").tolist()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"i": "three"}, "'three' is no value of column 'i'"),
        ({"i": "1.5"}, "no value of column 'i'"),
        ({"b": "perhaps"}, "no value of column 'b'"),
        ({"d": "soon"}, "no value of column 'd'"),
        ({"k": "k1"}, "never learned"),
        ({"nowhere": "1"}, "no column 'nowhere'"),
    ],
)
def test_wrong_values_are_named(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make(given)


def meets(given: Given, name: str, value: object) -> np.ndarray:
    """Return the rows that must have a value."""
    rows = np.zeros(len(given), bool)
    for i, case in enumerate(given.cases):
        allowed = case.get(name)
        if allowed is not None and allowed.single and allowed.values is not None:
            cell = allowed.values.texts()[0] if allowed.values.is_text else allowed.values.values[0]
            rows |= (given.case == i) & (cell == value)
    return rows


def drawn(given: Table | Given, seed: int = 1) -> Table:
    return Independent().fit(data(), Rng(0)).sample(len(given), Rng(seed), given=given).table


def test_a_rare_value_gets_its_share_to_the_row() -> None:
    n = 2 * BLOCK_ROWS + 1_001
    given = make(None, Rare("t=c", 0.37), Rare("t=b", 0.2), Rare("i=4", 0.5))(n, 0)
    assert isinstance(given, Given)
    c, b, four = meets(given, "t", "c"), meets(given, "t", "b"), meets(given, "i", 4)
    assert c.sum() == pytest.approx(0.37 * n, abs=1)
    assert b.sum() == pytest.approx(0.2 * n, abs=1)
    assert four.sum() == pytest.approx(0.5 * n, abs=1)
    # In random places, independently of each other.
    assert abs(np.corrcoef(c, four)[0, 1]) < 0.02
    assert abs(c[: n // 2].mean() - 0.37) < 0.02
    table = drawn(given)
    assert ((table["t"].texts() == "c") == c).all()
    assert ((table["i"].values == 4) == four).all()


def test_the_other_rows_keep_their_proportions() -> None:
    texts = drawn(make(None, Rare("t=c", 0.5))(40_000, 0))["t"].texts()
    real = data().table["t"].texts()
    rest = (texts[texts != "c"] == "a").mean()
    assert rest == pytest.approx((real == "a").sum() / (real != "c").sum(), abs=0.015)


def test_a_combination_gets_its_share_and_the_rest_is_parted() -> None:
    n = 20_000
    table = drawn(make(None, Rare("t=c&b=yes", 0.25))(n, 0))
    c, yes = table["t"].texts() == "c", table["b"].values
    assert (c & yes).sum() == n // 4
    # The rest is what it was: among the rows of the other kinds, as many c as before.
    real_c, real_yes = data().table["t"].texts() == "c", data().table["b"].values
    rest = ~(real_c & real_yes)
    assert (c & ~yes).mean() / 0.75 == pytest.approx((real_c & ~real_yes).sum() / rest.sum(), abs=0.01)
    assert (~c & yes).mean() / 0.75 == pytest.approx((~real_c & real_yes).sum() / rest.sum(), abs=0.01)


def test_rows_do_not_depend_on_the_division() -> None:
    conditions = make({"i": (1, 3)}, Rare("t=c", 0.5))
    whole = conditions(BLOCK_ROWS + 500, 0)
    part = conditions(500, BLOCK_ROWS)
    assert isinstance(whole, Given)
    assert isinstance(part, Given)
    tail = whole.take(slice(BLOCK_ROWS, None))
    assert (meets(tail, "t", "c") == meets(part, "t", "c")).all()
    assert {tuple(sorted(case)) for case in part.cases} == {("i", "t")}


@pytest.mark.parametrize("text", ["income", "income=5", "a=b:", "a=b:x", "a=b:0", "a=b:1.5", "a=b:nan"])
def test_wrong_rare_values_are_named(text: str) -> None:
    with pytest.raises(InputError):
        Rare.parse(text)


def test_rare_texts() -> None:
    assert Rare.parse("a=b=c:d:40%") == Rare("a=b=c:d", 0.4)


def test_equal_shares_read_as_conditions_do() -> None:
    assert [r.text for r in equal_shares(data(), "t")] == ["t = a", "t = b", "t = c"]


@pytest.mark.parametrize(
    ("given", "rare", "said"),
    [
        (None, [Rare("t=z", 0.5)], "never seen"),
        (None, [Rare("t=a", 0.7), Rare("t=b", 0.7)], "add up"),
        ({"t": "a"}, [Rare("t=b", 0.5)], "fixed"),
        (None, [Rare("t=b", 0.5), Rare("t=c&i=1", 0.1)], "another share"),
        (None, [Rare("i=1..2", 0.2), Rare("i=2..3", 0.2)], "overlap"),
        (None, [Rare("=a", 0.2)], "COLUMN=VALUE"),
        (None, [Rare("i=1&x>=2,1", 0.2)], "fewer than 5"),
        (None, [Rare("b=yes", 0.2), Rare("b=no", 0.2)], "must add up to 1"),
    ],
)
def test_impossible_shares_are_named(given: dict[str, object] | None, rare: list[Rare], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make(given, *rare)
