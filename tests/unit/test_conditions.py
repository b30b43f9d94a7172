import numpy as np
import pytest

from seedstock.conditions import Conditions, Rare
from seedstock.core.errors import InputError
from seedstock.core.rng import BLOCK_ROWS, Rng
from seedstock.core.schema import ColumnSchema, Schema, TableSchema
from seedstock.core.table import Column, Dataset, Table


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


def test_a_rare_value_gets_its_share_to_the_row() -> None:
    n = 2 * BLOCK_ROWS + 1_001
    table = make(None, Rare("t", "c", 0.37), Rare("t", "b", 0.2), Rare("i", "4", 0.5))(n, 0)
    texts = table["t"].texts()
    assert (texts == "c").sum() == pytest.approx(0.37 * n, abs=1)
    assert (texts == "b").sum() == pytest.approx(0.2 * n, abs=1)
    assert (table["i"].values == 4).sum() == pytest.approx(0.5 * n, abs=1)
    assert not table["t"].missing.any()
    # In random places, independently of each other.
    assert abs(np.corrcoef(texts == "c", table["i"].values == 4)[0, 1]) < 0.02
    assert abs((texts == "c")[: n // 2].mean() - 0.37) < 0.02


def test_the_other_rows_keep_their_proportions() -> None:
    texts = make(None, Rare("t", "c", 0.5))(40_000, 0)["t"].texts()
    real = data().table["t"].texts()
    rest = (texts[texts != "c"] == "a").mean()
    assert rest == pytest.approx((real == "a").sum() / (real != "c").sum(), abs=0.015)


def test_rows_do_not_depend_on_the_division() -> None:
    conditions = make(None, Rare("t", "c", 0.5))
    whole = conditions(BLOCK_ROWS + 500, 0)
    assert whole.take(slice(BLOCK_ROWS, None)).equals(conditions(500, BLOCK_ROWS))


@pytest.mark.parametrize("text", ["income", "income=5", "=a:0.5", "a=b:", "a=b:x", "a=b:0", "a=b:1.5", "a=b:nan"])
def test_wrong_rare_values_are_named(text: str) -> None:
    with pytest.raises(InputError):
        Rare.parse(text)


def test_rare_texts() -> None:
    assert Rare.parse("a=b=c:d:40%") == Rare("a", "b=c:d", 0.4)


@pytest.mark.parametrize(
    ("given", "rare", "said"),
    [
        (None, [Rare("t", "z", 0.5)], "never seen"),
        (None, [Rare("t", "a", 0.7), Rare("t", "b", 0.7)], "add up"),
        ({"t": "a"}, [Rare("t", "b", 0.5)], "fixed"),
        (None, [Rare("b", "yes", 0.2), Rare("b", "no", 0.2)], "must add up to 1"),
    ],
)
def test_impossible_shares_are_named(given: dict[str, object] | None, rare: list[Rare], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make(given, *rare)
